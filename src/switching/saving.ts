// Compares the table of a lost Region with the active one, a bounded piece at a time, and saves every item that differs
// before anything is changed: what has left the stream is only there.

import { canonicalKey, itemJson } from '../model/attribute-value.ts';
import { findDiscrepancy } from '../model/discrepancy.ts';
import { isMarker } from '../model/marker.ts';
import type { StrandedItem } from '../model/stranded.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import { retry } from '../pacing/retry.ts';
import type { Item } from '../ports.ts';
import type { Difference } from '../verify/confirm-differences.ts';
import type { SegmentCursor } from '../verify/segment-join.ts';
import { verifySegment } from '../verify/verify.ts';
import type { SwitchPorts } from './ports.ts';
import type { LeftItem } from './step.ts';
import { saveStranded, type StrandedPlace } from './stranded-objects.ts';

const SEGMENTS = 8;
const PIECE_MS = 10_000;
/** Between two looks at an item: nothing changes in the Region that was lost. */
const SETTLE_MS = 500;
/** Of an object, about: as much as a slow line takes within the time of a request. */
const BYTES_MAX = 1_024 * 1_024;

/** Of one pass over both tables. */
export interface SavingPass {
  readonly reason: StrandedItem['reason'];
  /** Those that are not at their end. */
  readonly open: Map<number, SegmentCursor | undefined>;
  items: number;
  saved: number;
  /** Keys that were found different since they were last taken. */
  keys: Item[];
  readonly unreadable: LeftItem[];
}

export function newPass(reason: StrandedItem['reason']): SavingPass {
  const segments = Array.from({ length: SEGMENTS }, (_, segment) => [segment, undefined] as const);
  return { reason, open: new Map(segments), items: 0, saved: 0, keys: [], unreadable: [] };
}

/**
 * @param requireOwn throws where another run has taken over: it may have repaired what was compared.
 * @returns whether both tables have been read to their ends. What differs has been saved by then.
 */
export async function saveOn(
  pass: SavingPass,
  place: StrandedPlace,
  ports: SwitchPorts,
  requireOwn: () => Promise<void>,
): Promise<boolean> {
  const { old, target, clock, stop } = ports;
  const until = clock.now() + PIECE_MS;
  const saver = saverOf(pass, place, { ...ports, requireOwn });
  const busy: Item[] = [];
  // As a repair from the active side sees it: that one is the source.
  const isSource = pass.reason === 'overwritten';
  const context = {
    source: isSource ? target.table : old.table,
    destination: isSource ? old.table : target.table,
    rules: old.rules,
    clock,
    stop,
    settleMs: SETTLE_MS,
    onDifference: ({ key, source, destination }: Difference) =>
      saver.add(key, isSource ? [destination, source] : [source, destination]),
    onInFlight: (key: Item) => void busy.push(key),
    onUnreadable: (key: Item, { reason: why }: { readonly reason: string }) =>
      void pass.unreadable.push({ key, why }),
  };
  const tasks = [...pass.open].map(([segment, from]) => async () => {
    const part = { segment, totalSegments: SEGMENTS, from };
    const { report, next } = await verifySegment(part, context, () => clock.now() >= until);
    pass.items += report.items + report.destinationItems;
    if (next === undefined) pass.open.delete(segment);
    else pass.open.set(segment, next);
  });
  await inParallel(tasks, SEGMENTS);
  for (const key of busy) await saveBusy(key, saver, ports);
  await saver.flush();
  return pass.open.size === 0;
}

/** The active side changes it all the time; the other one does not. */
async function saveBusy(key: Item, saver: Saver, ports: SwitchPorts): Promise<void> {
  const [lost, active] = await Promise.all(
    [ports.old, ports.target].map(({ table }) => retry(() => table.get(key), ports)),
  );
  if (findDiscrepancy(lost, active, ports.old.rules) !== undefined)
    await saver.add(key, [lost, active]);
}

interface Saver {
  /** Items of the Region that was lost, and of the active one. */
  add(key: Item, items: readonly [Item | undefined, Item | undefined]): Promise<void>;
  flush(): Promise<void>;
}

function saverOf(
  pass: SavingPass,
  { bucket, replication, epoch }: StrandedPlace,
  { clock, drained, requireOwn }: SwitchPorts & { readonly requireOwn: () => Promise<void> },
): Saver {
  let entries: StrandedItem[] = [];
  let bytes = 0;
  const flush = async () => {
    const full = entries;
    [entries, bytes] = [[], 0];
    if (full.length > 0) await requireOwn();
    await saveStranded(full, bucket);
    pass.saved += full.length;
  };
  return {
    async add(key, [lost, active]) {
      // Neither is a write of an application.
      if (isMarker(key) || canonicalKey(key) === drained.rules.heartbeatKeyText) return;
      pass.keys.push(key);
      const { reason } = pass;
      entries.push({ replication, epoch, key, reason, savedAtMs: clock.now(), lost, active });
      for (const item of [lost, active]) bytes += item === undefined ? 0 : itemJson(item).length;
      if (bytes >= BYTES_MAX) await flush();
    },
    flush,
  };
}
