// Counts an invocation's failed requests, and says when the destination is down: thousands of further requests do not
// help it, and Lambda pauses before the next try.

import { type FailureKind, NO_FAILURES, type WriteFailure } from '../model/write-failure.ts';

/** Failures in a row after which the destination counts as down. */
const FAILURES_IN_A_ROW_MAX = 10;

export interface DestinationHealth {
  /** Failed requests by kind. */
  readonly failures: Readonly<Record<FailureKind, number>>;
  /** Failed requests by the name of the error, those to other services too. */
  readonly errors: Readonly<Record<string, number>>;
  isDown(): boolean;
  /** When the latest request with an unknown outcome was given up; undefined if none was. */
  lastUnknownMs(): number | undefined;
  /** Takes how each request ended: undefined where it was answered. */
  note(failure: WriteFailure | undefined, nowMs: number): void;
  /** Takes when a request was given up that may land later, also one to another side. */
  noteUnknown(nowMs: number): void;
  /** Takes errors that say nothing about the destination. */
  noteError(name: string): void;
}

/** It takes a destination that is up to throttle or to reject. */
const ANSWERS: readonly FailureKind[] = ['throttled', 'rejected'];

export function destinationHealth(): DestinationHealth {
  const failures = { ...NO_FAILURES };
  // Without the names that every object has: an error may be called "constructor".
  const errors = Object.create(null) as Record<string, number>;
  let inARow = 0;
  let lastUnknownMs: number | undefined;
  const noteError = (name: string) => {
    errors[name] = (errors[name] ?? 0) + 1;
  };
  const noteUnknown = (nowMs: number) => {
    lastUnknownMs = nowMs;
  };
  return {
    noteError,
    noteUnknown,
    failures,
    errors,
    lastUnknownMs: () => lastUnknownMs,
    isDown: () => inARow >= FAILURES_IN_A_ROW_MAX,
    note(failure, nowMs) {
      inARow = failure === undefined || ANSWERS.includes(failure.kind) ? 0 : inARow + 1;
      if (failure === undefined) return;
      failures[failure.kind] += 1;
      noteError(failure.name);
      if (failure.kind === 'unknown') noteUnknown(nowMs);
    },
  };
}
