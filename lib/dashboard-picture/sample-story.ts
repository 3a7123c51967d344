// Three hours of a made-up replication, minute by minute and always the same: ordinary traffic, ten minutes
// in which the destination is out of reach, catching up, a few dead letters that are redriven half an hour
// later, and some conflicts.

export const MINUTES = 180;

const OUTAGE = { from: 55, to: 65 } as const;
const CONFLICTS = { from: 140, to: 155 } as const;
/** Minute -> how many. */
const DEAD_LETTERS: Readonly<Record<number, number>> = { 84: 2, 87: 1 };
const FIRST_DEAD_LETTER = 84;
const REDRIVEN = 117;
const SHARDS = 2;
const BATCH_SIZE = 1_000;
const CATCH_UP_PER_MINUTE = 2_800;
const MINUTE_MS = 60_000;

/** Figures of one minute. */
export interface Minute {
  readonly at: number;
  readonly isOut: boolean;
  readonly isCatchingUp: boolean;
  /** Records that ended. */
  readonly finished: number;
  readonly retried: number;
  /** Records that wait at its end, in all shards. */
  readonly waiting: number;
  readonly oldestMs: number;
  /** Of the records that ended, how long they had waited; ascending. */
  readonly waits: readonly Wait[];
  readonly superseded: Readonly<Record<'redelivery' | 'newer' | 'deleted', number>>;
  readonly coalesced: number;
  readonly deadLettered: number;
  readonly applied: number;
  readonly throttled: number;
  /** Dead letters in the queue; undefined before the first ever: an idle queue has no figures. */
  readonly deadLetters: number | undefined;
  readonly oldestDeadLetterSeconds: number | undefined;
}

interface Wait {
  readonly ms: number;
  readonly records: number;
}

export function sampleStory(): Minute[] {
  const queue: Arrival[] = [];
  return Array.from({ length: MINUTES }, (_, at) => {
    queue.push({ at, records: arriving(at) });
    const isOut = isWithin(at, OUTAGE);
    const isCatchingUp = !isOut && queue.length > 1;
    const waits = isOut ? [] : takeFrom(queue, CATCH_UP_PER_MINUTE, at);
    return toMinute({ at, isOut, isCatchingUp, waits, queue });
  });
}

interface Arrival {
  readonly at: number;
  records: number;
}

function arriving(at: number): number {
  const wave = 220 * Math.sin((2 * Math.PI * at) / 80);
  const burst = wobble('burst', at) > 0.9 ? 450 : 0;
  return Math.round(1_250 + wave + 110 * wobble('arriving', at) + burst);
}

/** The oldest first. */
function takeFrom(queue: Arrival[], recordsMax: number, now: number): Wait[] {
  const taken: Wait[] = [];
  for (let left = recordsMax; left > 0 && queue[0] !== undefined; ) {
    const [oldest] = queue;
    const records = Math.min(left, oldest.records);
    taken.push({ ms: (now - oldest.at) * MINUTE_MS, records });
    left -= records;
    oldest.records -= records;
    if (oldest.records === 0) queue.shift();
  }
  return taken.toReversed();
}

interface Progress extends Pick<Minute, 'at' | 'isOut' | 'isCatchingUp' | 'waits'> {
  readonly queue: readonly Arrival[];
}

function toMinute({ queue, ...progress }: Progress): Minute {
  const { at, isOut, isCatchingUp, waits } = progress;
  const finished = total(waits);
  const waiting = total(queue);
  const [oldest] = queue;
  const superseded = supersededAt(at);
  const refused = superseded.redelivery + superseded.newer + superseded.deleted;
  // Full batches hold more records of the same item.
  const coalesced = Math.round(finished * (isCatchingUp ? 0.11 : 0.03 + 0.01 * wobble('same', at)));
  const deadLettered = DEAD_LETTERS[at] ?? 0;
  return {
    ...progress,
    finished,
    waiting,
    oldestMs: oldest === undefined ? 0 : (at + 1 - oldest.at) * MINUTE_MS,
    retried: isOut ? SHARDS * Math.min(BATCH_SIZE, Math.round(waiting / SHARDS)) : 0,
    superseded,
    coalesced,
    deadLettered,
    applied: finished - refused - coalesced - deadLettered,
    throttled: isCatchingUp ? 25 + Math.round(20 * wobble('throttled', at)) : 0,
    ...deadLettersAt(at),
  };
}

function supersededAt(at: number): Minute['superseded'] {
  if (isWithin(at, OUTAGE)) return { redelivery: 0, newer: 0, deleted: 0 };
  // What had been written when the destination went away comes again when it is back.
  const again = at === OUTAGE.to ? 310 : at === OUTAGE.to + 1 ? 90 : 0;
  const hasConflicts = isWithin(at, CONFLICTS);
  return {
    redelivery: again + (wobble('again', at) > 0.85 ? 4 : 0),
    newer: hasConflicts ? Math.round(16 + 9 * wobble('conflicts', at)) : 0,
    deleted: hasConflicts ? Math.round(4 + 3 * wobble('deleted', at)) : 0,
  };
}

function deadLettersAt(at: number): Pick<Minute, 'deadLetters' | 'oldestDeadLetterSeconds'> {
  if (at < FIRST_DEAD_LETTER) return { deadLetters: undefined, oldestDeadLetterSeconds: undefined };
  if (at >= REDRIVEN) return { deadLetters: 0, oldestDeadLetterSeconds: 0 };
  const since = Object.entries(DEAD_LETTERS).filter(([minute]) => Number(minute) <= at);
  return {
    deadLetters: since.reduce((sum, [, records]) => sum + records, 0),
    oldestDeadLetterSeconds: (at + 1 - FIRST_DEAD_LETTER) * 60,
  };
}

function isWithin(at: number, { from, to }: { readonly from: number; readonly to: number }) {
  return at >= from && at < to;
}

function total(parts: ReadonlyArray<{ readonly records: number }>): number {
  return parts.reduce((sum, { records }) => sum + records, 0);
}

/** From -1 to 1, by what is asked and when: the same on every run and machine. */
export function wobble(what: string, at: number): number {
  let hash = Math.imul(at + 1, 0x9e3779b1);
  for (const letter of what) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 31 - 1;
}
