// Keys that may differ -> differences that are real. A key is read until source and twin were the same at two reads, some
// time apart, and still differ: a record on its way is no difference.

import {
  type Discrepancy,
  contentDigest,
  differingAttributes,
  findDiscrepancy,
  itemDigest,
} from '../model/discrepancy.ts';
import type { TwinRules } from '../model/rules.ts';
import type { Suspect } from './segment-join.ts';
import type { Clock, Item, ItemReader } from '../ports.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import { sleep } from '../pacing/sleep.ts';
import { type WhyUnreadable, whyUnreadable } from '../resync/unreadable-item.ts';

export interface Difference {
  readonly key: Item;
  readonly kind: Discrepancy;
  /** In which both sides have the item, but not the same. */
  readonly attributes: readonly string[];
  readonly source: Item | undefined;
  readonly destination: Item | undefined;
}

export interface ConfirmContext {
  readonly source: ItemReader;
  readonly destination: ItemReader;
  readonly rules: TwinRules;
  readonly clock: Clock;
  /** Time between two looks: longer than a record takes to arrive. */
  readonly settleMs: number;
  readonly stop: AbortSignal;
  readonly onDifference: (difference: Difference) => Promise<void> | void;
  /** The item kept changing, at every look. */
  readonly onInFlight: (key: Item) => void;
  /** The item cannot be read whole with the SDK, on one of the sides, or the projection makes nothing of it. */
  readonly onUnreadable: (key: Item, why: WhyUnreadable) => void;
}

/** The first read drops what changed during the scan, the second proves; the others are for busy items. */
const LOOKS_MAX = 6;
const LOOKS_AT_ONCE = 16;

export async function confirmDifferences(
  suspects: readonly Suspect[],
  context: ConfirmContext,
): Promise<void> {
  let open: ReadonlyArray<Suspect & { states?: string }> = suspects;
  for (let look = 1; look <= LOOKS_MAX && open.length > 0; look += 1) {
    if (look > 1) await sleep(context.settleMs, context);
    const still: Array<Suspect & { states?: string }> = [];
    const tasks = open.map((suspect) => async () => {
      const found = await lookAt(suspect, context);
      if (found === undefined) return;
      if (found.difference !== undefined && found.states === suspect.states) {
        await context.onDifference(found.difference);
      } else still.push({ ...suspect, states: found.states });
    });
    await inParallel(tasks, LOOKS_AT_ONCE);
    open = still;
  }
  for (const { key } of open) context.onInFlight(key);
}

interface Observation {
  /** Absent while the source is changing. */
  readonly difference?: Difference;
  /** Equal if both items are the same as before. */
  readonly states: string;
}

/** @returns undefined where there is nothing to look at again. */
async function lookAt(
  { key, side }: Suspect,
  context: ConfirmContext,
): Promise<Observation | undefined> {
  const reads = await readStates(key, context);
  const ofSource = reads.before.why ?? reads.source.why;
  const why = ofSource ?? reads.twin.why;
  if (why !== undefined) {
    // An item that cannot be read exists: what the source has is a suspect of its own.
    const isOnlyTwin = ofSource === undefined && reads.source.item === undefined;
    if (side === 'source' || isOnlyTwin) context.onUnreadable(key, why);
    return undefined;
  }
  const [before, twin, source] = [reads.before.item, reads.twin.item, reads.source.item];
  const { rules } = context;
  const wanted = (item: Item | undefined) => item && contentDigest(item, rules);
  if (wanted(before) !== wanted(source)) return { states: '' };
  const kind = findDiscrepancy(source, twin, rules);
  if (kind === undefined || (side === 'destination' && kind !== 'extraneous')) return undefined;
  const attributes =
    source === undefined || twin === undefined ? [] : differingAttributes(source, twin, rules);
  return {
    difference: { key, kind, attributes, source, destination: twin },
    // Digests: thousands of large items may be suspects at a time.
    states: [source, twin].map((item) => (item ? itemDigest(item) : '')).join(),
  };
}

/** Source, destination, source again: only beside an unchanged source does a difference mean anything. */
async function readStates(key: Item, { source, destination }: ConfirmContext) {
  const before = await readable(key, source);
  const twin = await readable(key, destination);
  return { before, twin, source: await readable(key, source) };
}

interface Reading {
  readonly item?: Item | undefined;
  /** Where it cannot be read. */
  readonly why?: WhyUnreadable;
}

async function readable(key: Item, reader: ItemReader): Promise<Reading> {
  try {
    return { item: await reader.get(key) };
  } catch (error) {
    const why = whyUnreadable(error);
    if (why === undefined) throw error;
    return { why };
  }
}

export interface Confirmation {
  /** Resolves when there is room for more. */
  submit(suspects: readonly Suspect[]): Promise<void>;
  /** Resolves when every suspect has been dealt with. */
  finish(): Promise<void>;
}

/** Deals with suspects batch by batch, while others are still being gathered. */
export function startConfirmation(context: ConfirmContext, batchSize: number): Confirmation {
  let gathered: Suspect[] = [];
  let underWay = Promise.resolve();
  const begin = () => {
    const batch = gathered;
    gathered = [];
    underWay = underWay.then(() => confirmDifferences(batch, context));
    // The next `submit` or `finish` rethrows it.
    underWay.catch(() => undefined);
  };
  return {
    async submit(suspects) {
      gathered.push(...suspects);
      if (gathered.length < batchSize) return;
      const before = underWay;
      begin();
      await before;
    },
    async finish() {
      begin();
      await underWay;
    },
  };
}
