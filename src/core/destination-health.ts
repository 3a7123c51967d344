// Keeps count of an invocation's failed requests, and tells when to leave the destination alone: one
// that is down is not helped by thousands of further requests, and Lambda pauses before the next try.

import type { FailureKind } from './write-failure.ts';

/** Failures in a row after which the destination counts as down. */
const FAILURES_IN_A_ROW_MAX = 10;

export interface DestinationHealth {
  /** Failed requests by kind. */
  readonly failures: Readonly<Record<FailureKind, number>>;
  isDown(): boolean;
  /** To be told how each request ended: undefined where it was answered. */
  note(failure: FailureKind | undefined): void;
}

/** A throttled or rejected request is an answer, too: it takes a destination that is up. */
export function destinationHealth(): DestinationHealth {
  const failures = { throttled: 0, unreachable: 0, denied: 0, rejected: 0, unknown: 0 };
  let inARow = 0;
  return {
    failures,
    isDown: () => inARow >= FAILURES_IN_A_ROW_MAX,
    note(failure) {
      if (failure !== undefined) failures[failure] += 1;
      const answered = failure === undefined || failure === 'throttled' || failure === 'rejected';
      inARow = answered ? 0 : inARow + 1;
    },
  };
}
