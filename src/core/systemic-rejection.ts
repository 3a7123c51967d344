// When nearly everything is rejected for one reason, the reason is not in the items: a wrong key schema, or a
// stream that cannot be read. Then nothing is put aside, or the whole stream would be.

/** Items rejected for one reason, since batches are rejected mostly for it; the first ones are put aside. */
export const SYSTEMIC_ITEMS_MIN = 100;
/** Share of a batch's items that the reason must account for. */
export const SYSTEMIC_SHARE_MIN = 0.9;

/** What the destination has said of a batch's items. */
export interface Verdicts {
  /** Applied, or superseded by what is there. */
  readonly accepted: number;
  /** By reason. */
  readonly rejected: ReadonlyMap<string, number>;
}

/** A run of batches that were mostly rejected for one reason. */
export interface RejectionStreak {
  readonly reason: string;
  readonly items: number;
}

/** The streak after a batch; undefined where no reason accounts for nearly all of it. */
export function streakAfter(
  before: RejectionStreak | undefined,
  { accepted, rejected }: Verdicts,
): RejectionStreak | undefined {
  const total = [...rejected.values()].reduce((sum, count) => sum + count, accepted);
  // Nothing was said: the destination may be down.
  if (total === 0) return before;
  const [reason, items] = [...rejected].find(([, count]) => count / total >= SYSTEMIC_SHARE_MIN) ?? [];
  if (reason === undefined || items === undefined) return undefined;
  return { reason, items: items + (before?.reason === reason ? before.items : 0) };
}

export function isSystemic(streak: RejectionStreak | undefined): boolean {
  return streak !== undefined && streak.items >= SYSTEMIC_ITEMS_MIN;
}
