// What batches were rejected for, from invocation to invocation of one function.

import { type RejectionStreak, streakAfter, type Verdicts } from './systemic-rejection.ts';

export interface RejectionMemory {
  /** @returns the streak with this batch. */
  note(verdicts: Verdicts): RejectionStreak | undefined;
}

export function rejectionMemory(): RejectionMemory {
  let streak: RejectionStreak | undefined;
  return {
    note(verdicts) {
      streak = streakAfter(streak, verdicts);
      return streak;
    },
  };
}
