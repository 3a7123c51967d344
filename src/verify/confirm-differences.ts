// Keys under suspicion -> differences that are real. A suspect is looked at until source and twin were
// the same at two looks that are apart, and still differ: a record on its way is not called a difference.

import {
  type Discrepancy,
  differingAttributes,
  findDiscrepancy,
  itemDigest,
  sourceDigest,
} from '../model/discrepancy.ts';
import type { TwinRules } from '../model/rules.ts';
import type { Unmatched } from './segment-join.ts';
import { FerryError } from '../errors.ts';
import type { Clock, Item, ItemReader } from '../ports.ts';
import { inParallel } from '../pacing/in-parallel.ts';

/**
 * One that was met on the destination counts only if the source has no such item; if it has, the source's
 * item is a suspect of its own.
 */
export type Suspect = Unmatched;

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
  /** The item cannot be read whole with the SDK, on one of the sides. */
  readonly onUnreadable: (key: Item) => void;
}

/** The first finds what the scan's own duration made, the second proves; the others are for busy items. */
const LOOKS_MAX = 6;
const LOOKS_AT_ONCE = 16;

export async function confirmDifferences(
  suspects: readonly Suspect[],
  context: ConfirmContext,
): Promise<void> {
  let open: ReadonlyArray<Suspect & { seen?: string }> = suspects;
  for (let look = 1; look <= LOOKS_MAX && open.length > 0; look += 1) {
    if (look > 1) await settle(context);
    const still: Array<Suspect & { seen?: string }> = [];
    const tasks = open.map((suspect) => async () => {
      const found = await lookAt(suspect, context);
      if (found === undefined) return;
      if (found.difference !== undefined && found.seen === suspect.seen) {
        await context.onDifference(found.difference);
      } else still.push({ ...suspect, seen: found.seen });
    });
    await inParallel(tasks, LOOKS_AT_ONCE);
    open = still;
  }
  for (const { key } of open) context.onInFlight(key);
}

interface Sight {
  /** Absent while the source is changing. */
  readonly difference?: Difference;
  /** Equal for looks at the same states. */
  readonly seen: string;
}

/** @returns undefined where there is nothing to look at again. */
async function lookAt({ key, side }: Suspect, context: ConfirmContext): Promise<Sight | undefined> {
  const states = await readStates(key, context);
  if (typeof states === 'string') {
    // Which cannot be read, exists: what the source has is a suspect of its own.
    const isOther = side === 'destination' && states !== 'only the twin unreadable';
    if (!isOther) context.onUnreadable(key);
    return undefined;
  }
  const { before, twin, source } = states;
  const { rules } = context;
  const wanted = (item: Item | undefined) => item && sourceDigest(item, rules);
  if (wanted(before) !== wanted(source)) return { seen: '' };
  const kind = findDiscrepancy(source, twin, rules);
  if (kind === undefined || (side === 'destination' && kind !== 'extraneous')) return undefined;
  const attributes =
    source === undefined || twin === undefined ? [] : differingAttributes(source, twin, rules);
  return {
    difference: { key, kind, attributes, source, destination: twin },
    // Digests: of large items, thousands may be under suspicion at a time.
    seen: [source, twin].map((item) => (item ? itemDigest(item) : '')).join(),
  };
}

/** Source, destination, source again: only beside an unchanged source does a difference mean anything. */
async function readStates(key: Item, { source, destination }: ConfirmContext) {
  const before = await readable(key, source);
  const twin = await readable(key, destination);
  const after = await readable(key, source);
  if (before === UNREADABLE || after === UNREADABLE) return 'unreadable';
  if (twin === UNREADABLE) return after === undefined ? 'only the twin unreadable' : 'unreadable';
  return { before, twin, source: after };
}

const UNREADABLE = 'unreadable';

async function readable(key: Item, reader: ItemReader): Promise<Item | undefined | 'unreadable'> {
  try {
    return await reader.get(key);
  } catch (error) {
    if (error instanceof FerryError && error.code === 'item.unreadable') return UNREADABLE;
    throw error;
  }
}

/** In naps, so that a stop is noticed within a second. */
async function settle({ clock, settleMs, stop }: ConfirmContext): Promise<void> {
  const untilMs = clock.now() + settleMs;
  for (let leftMs = settleMs; leftMs > 0; leftMs = untilMs - clock.now()) {
    stop.throwIfAborted();
    await clock.sleep(Math.min(leftMs, 1_000));
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
    // Whoever waits for it next is told.
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
