// Repairs the table of a Region that was lost from the active side, deletes included. What is overwritten was saved.

import { type Epoch } from '../model/control-row.ts';
import { floorOf, requireSeries } from '../model/guard.ts';
import { paceOf } from '../pacing/pace.ts';
import type { Item, TwinWriter } from '../ports.ts';
import { leasedWriter, switchLease } from '../replicate/lease.ts';
import { repair, type RepairedItem } from '../verify/repair.ts';
import type { SwitchPorts, SwitchSide } from './ports.ts';
import type { LeftItem } from './step.ts';

/** Longer than a record is under way, and than a request that was given up may still be applied. */
const SETTLE_MS = 20_000;

export interface Repaired {
  readonly put: number;
  readonly deleted: number;
  readonly left: readonly LeftItem[];
}

/** Keys whose items change all the time are left to the stream. */
export async function repairOn(
  keys: readonly Item[],
  epoch: Epoch,
  ports: SwitchPorts,
): Promise<Repaired> {
  if (keys.length === 0) return { put: 0, deleted: 0, left: [] };
  const { target, old, back, clock, random, stop } = ports;
  const left: LeftItem[] = [];
  const context = {
    rules: old.rules,
    source: target.table,
    twin: old.table,
    ledger: old.ledger,
    lookAgain: back.lookAgain,
    epoch: epoch.n,
    twinWriter: writerTo(old, epoch.n, ports),
    clock,
    random,
    stop,
    remainingMs: () => Infinity,
    settleMs: SETTLE_MS,
    floor: floorOf(requireSeries(target.streamArn, epoch.n)),
    pace: paceOf(Infinity, clock),
  };
  const onItem = (item: RepairedItem) => {
    if (item.kind === 'left') left.push({ key: item.key, why: item.why });
  };
  const options = { apply: true, onProgress: () => undefined, onItem };
  const { put, deleted } = await repair(each(keys), context, options);
  return { put, deleted, left };
}

async function* each(keys: readonly Item[]): AsyncGenerator<Item> {
  yield* keys;
}

/** Writes to one side only while the target is active, and in its epoch. */
export function writerTo(
  { writer }: SwitchSide,
  epoch: number,
  { target, old, clock, monotonicMs }: SwitchPorts,
): TwinWriter {
  const copies = { source: target, destination: old };
  const { region } = target;
  const lease = switchLease({ copies, region, clock, monotonicMs });
  return leasedWriter(writer, lease.permit(epoch));
}
