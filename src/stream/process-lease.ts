// Which process carries a replication: what a holder and a standby do next, given what they have read, and when by their
// own monotonic clock. Clocks of two machines are never compared. Two holders at once do no harm, because all writes of
// `ferry run` are guarded; the lease only keeps two processes from doing the same work. Pure.

import { FerryError } from '../errors.ts';
import type { ProcessLease } from '../ports.ts';

/** A holder that has not renewed for so long stops, well before a standby may take over. */
export const HOLD_MS = 10_000;
/** A standby takes over a lease that has stayed the same for so long. */
export const TAKE_MS = 15_000;

export type LeaseState =
  | {
      readonly kind: 'standby';
      /** The row as it was read last; undefined where there was none. */
      readonly seen?: ProcessLease | undefined;
      /** When this process knew it first. */
      readonly seenAtMs?: number;
    }
  | {
      readonly kind: 'holder';
      readonly lease: ProcessLease;
      /** Before the request of the last renewal was sent. */
      readonly renewedAtMs: number;
    };

export const STANDBY: LeaseState = { kind: 'standby' };

/** What a standby knows once it has read the row: a lease that has not moved is known for longer. */
export function afterLook(
  before: LeaseState,
  found: ProcessLease | undefined,
  answeredAtMs: number,
): LeaseState {
  const { seen, seenAtMs } = before.kind === 'standby' ? before : {};
  const isSame = seen !== undefined && found !== undefined && isOf(found, seen);
  const since = isSame && seenAtMs !== undefined ? seenAtMs : answeredAtMs;
  return { kind: 'standby', seen: found, seenAtMs: since };
}

interface Taking {
  readonly holder: string;
  /** Before the last look was sent: the row had not moved until then. */
  readonly lookedAtMs: number;
  /** The highest that is known, also of a row that is gone. */
  readonly fence?: number;
}

/** The lease to write, if the row may be taken: there is none, it was released, it is this process's, or it has not moved. */
export function leaseToTake(
  state: LeaseState,
  { holder, lookedAtMs, fence = 0 }: Taking,
): ProcessLease | undefined {
  if (state.kind !== 'standby') return undefined;
  const { seen, seenAtMs = lookedAtMs } = state;
  // Its own row is one that it could not renew, or whose answer was lost.
  const isFree =
    seen === undefined ||
    seen.released ||
    seen.holder === holder ||
    lookedAtMs - seenAtMs >= TAKE_MS;
  if (!isFree) return undefined;
  return { holder, fence: Math.max(seen?.fence ?? 0, fence) + 1, beat: 0, released: false };
}

export function renewed(lease: ProcessLease): ProcessLease {
  return { ...lease, beat: lease.beat + 1 };
}

/** Whether a holder may go on. */
export function isHeld(state: LeaseState, nowMs: number): boolean {
  return state.kind === 'holder' && nowMs - state.renewedAtMs < HOLD_MS;
}

export function isOf(found: ProcessLease, { fence, beat, released }: ProcessLease): boolean {
  return found.fence === fence && found.beat === beat && found.released === released;
}

/** Whether it says that a later holder of the lease has written. */
export function isFenced(error: unknown): error is FerryError {
  return error instanceof FerryError && error.code === 'positions.fenced';
}
