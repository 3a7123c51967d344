// When nearly everything is rejected for one reason, the reason is not in the items: a wrong key schema, or a
// stream that cannot be read. Then nothing is put aside, or the whole stream would be.

import type { WriteOutcome } from './apply-lane.ts';
import type { BatchRecord } from './control-keeper.ts';

/** Items rejected for one reason, since batches are rejected mostly for it; the first ones are put aside. */
export const SYSTEMIC_ITEMS_MIN = 100;
/** Share of a batch's items that the reason must account for. */
export const SYSTEMIC_SHARE_MIN = 0.9;

/** What the destination has said of a batch's items. */
export interface Verdicts {
  /** Applied, or superseded by what is there. */
  readonly accepted: number;
  /** What names each rejected item, by reason. */
  readonly rejected: ReadonlyMap<string, ReadonlySet<string>>;
}

export function verdictsIn(
  records: readonly BatchRecord[],
  outcomes: readonly WriteOutcome[],
): Verdicts {
  let accepted = 0;
  const rejected = new Map<string, Set<string>>();
  for (const [position, outcome] of outcomes.entries()) {
    if (outcome.kind === 'applied' || outcome.kind === 'superseded') accepted += 1;
    if (outcome.kind !== 'rejected') continue;
    const { name: reason } = outcome.reason;
    const items = rejected.get(reason) ?? new Set();
    const { keyText, sequenceNumber } = records[position]?.record ?? {};
    rejected.set(reason, items.add(keyText ?? sequenceNumber ?? `at ${position}`));
  }
  return { accepted, rejected };
}

/** A run of batches that were mostly rejected for one reason. */
export interface RejectionStreak {
  readonly reason: string;
  /**
   * Names of the rejected items. One that has grown too large is rejected with each of its changes, and a
   * record that waits for its letter is delivered again and again: either is still one. No more than it takes.
   */
  readonly items: ReadonlySet<string>;
}

/** The streak after a batch; undefined where no reason accounts for nearly all of it. */
export function streakAfter(
  before: RejectionStreak | undefined,
  { accepted, rejected }: Verdicts,
): RejectionStreak | undefined {
  const total = [...rejected.values()].reduce((sum, names) => sum + names.size, accepted);
  // Nothing was said: the destination may be down.
  if (total === 0) return before;
  const [reason, names = new Set<string>()] =
    [...rejected].find(([, found]) => found.size / total >= SYSTEMIC_SHARE_MIN) ?? [];
  if (reason === undefined) return undefined;
  const items = new Set(before?.reason === reason ? before.items : []);
  for (const name of names) if (items.size < SYSTEMIC_ITEMS_MIN) items.add(name);
  return { reason, items };
}

export function isSystemic(streak: RejectionStreak | undefined): boolean {
  return streak !== undefined && streak.items.size >= SYSTEMIC_ITEMS_MIN;
}

/** What batches were rejected for, from invocation to invocation of one function. */
export interface RejectionMemory {
  /** @returns the streak with this batch. */
  note(verdicts: Verdicts): RejectionStreak | undefined;
}

export function rejectionMemory(): RejectionMemory {
  let streak: RejectionStreak | undefined;
  return { note: (verdicts) => (streak = streakAfter(streak, verdicts)) };
}
