// Writes markers to the table that is drained until each open shard has shown one, and deletes them at the end.

import { canonicalKey } from '../model/attribute-value.ts';
import { canHaveMarkers, markerKeys } from '../model/marker.ts';
import type { WriteRequest } from '../model/write-request.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import { retry } from '../pacing/retry.ts';
import type { Item } from '../ports.ts';
import type { SwitchPorts } from './ports.ts';
import type { MarkerRound, SwitchWork } from './run.ts';
import { leavesOf } from './shards.ts';

/** A record shows in the stream within a fraction of it. */
const AGAIN_MS = 1_000;
const PER_LEAF = 2;
const AT_ONCE = 16;

export function hasMarkers({ markers, old }: Pick<SwitchPorts, 'markers' | 'old'>): boolean {
  return markers && canHaveMarkers(old.keys);
}

/** A leaf that this round did not know needs another round: its parent's markers say nothing of it. */
function roundFor(work: SwitchWork, nowMs: number): MarkerRound {
  const { markers, audit, id, rounds } = work;
  const leaves = new Set(leavesOf(audit.shards.values()).map(({ shardId }) => shardId));
  if (markers !== undefined && [...leaves].every((leaf) => markers.leaves.has(leaf)))
    return markers;
  work.rounds = rounds + 1;
  return { nonce: `${id}x${work.rounds}`, leaves, written: 0, writtenAtMs: nowMs - AGAIN_MS };
}

/** Some more, if a leaf has not shown one for a while. */
export async function writeMarkers(work: SwitchWork, ports: SwitchPorts): Promise<void> {
  const nowMs = ports.clock.now();
  const round = (work.markers = roundFor(work, nowMs));
  const leaves = leavesOf(work.audit.shards.values());
  const isSeen = leaves.every(({ nonce }) => nonce === round.nonce);
  if (leaves.length === 0 || isSeen || nowMs - round.writtenAtMs < AGAIN_MS) return;
  const { written } = round;
  const next = written + leaves.length * PER_LEAF;
  const keys = markerKeys(round.nonce, [written, next], ports.old.keys);
  for (const key of keys) work.audit.markers.set(canonicalKey(key), key);
  round.written = next;
  round.writtenAtMs = nowMs;
  await sendAll(
    keys.map((Item) => ({ operation: 'PutItem', input: { TableName: tableOf(ports), Item } })),
    ports,
  );
}

/** Those of earlier runs, too. Deleting what is not there is harmless. */
export async function deleteMarkers({ audit }: SwitchWork, ports: SwitchPorts): Promise<void> {
  const request = (Key: Item): WriteRequest => ({
    operation: 'DeleteItem',
    input: { TableName: tableOf(ports), Key },
  });
  await sendAll([...audit.markers.values()].map(request), ports);
  audit.markers.clear();
}

function tableOf({ old }: SwitchPorts): string {
  return old.rules.destinationTable;
}

function sendAll(requests: readonly WriteRequest[], ports: SwitchPorts): Promise<void> {
  const { writer } = ports.old;
  const tasks = requests.map((request) => async () => {
    await retry(() => writer.write(request), ports);
  });
  return inParallel(tasks, AT_ONCE);
}
