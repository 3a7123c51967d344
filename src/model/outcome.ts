// How one record ended.

import type { Latencies } from './latency.ts';
import type { RefusalCause } from './guard.ts';
import type { FailureKind, WriteFailure } from './write-failure.ts';

/** How one record ended. All but `unfinished` are final. */
export type Outcome =
  | ({ readonly kind: 'applied' } & Latencies)
  | { readonly kind: 'superseded'; readonly cause: SupersededCause }
  | { readonly kind: 'coalesced' }
  | { readonly kind: 'skipped' }
  /** Of another table, whose changes come through the same Kinesis stream. */
  | { readonly kind: 'foreign' }
  /** Written by Ferry: while the table was the twin, or for the other direction. */
  | {
      readonly kind: 'own';
      /** It came late, below a delete, and was taken away. */
      readonly isRevenant?: boolean | undefined;
      /** It has replaced or removed a write of this side that was concurrent. */
      readonly isConflict?: boolean | undefined;
    }
  /** Written by an application while the table was the twin. */
  | { readonly kind: 'stray' }
  /** Of an epoch that was lost: kept until an operator decides. */
  | { readonly kind: 'stranded' }
  | { readonly kind: 'dead-lettered'; readonly reason: string }
  /** To be delivered again, because of a failure, because time ran out, behind such a record, or held back. */
  | { readonly kind: 'unfinished'; readonly why: UnfinishedWhy };

/** `ended`: of an epoch that has been proved to be on the other side as a whole. */
export type SupersededCause = RefusalCause | 'ended';

/** `held`: until an operator acts. `switching`: until a switch is over, or given up. */
export type UnfinishedWhy = FailureKind | 'deadline' | 'halted' | 'behind' | 'held';

export const HELD: Outcome = { kind: 'unfinished', why: 'held' };
export const SWITCHING: Outcome = { kind: 'unfinished', why: 'switching' };

/**
 * Of a record that is held back.
 * @param failure where the control row could not be read: an outage is no reason to call an operator to it.
 */
export function heldBy(failure: WriteFailure | undefined): Outcome {
  if (failure === undefined || failure.kind === 'rejected') return HELD;
  return { kind: 'unfinished', why: failure.kind };
}

/** A record's place in the batch and how it ended. */
export interface RecordOutcome {
  /** Absent on a record so malformed that it has none. */
  readonly sequenceNumber?: string | undefined;
  readonly createdAtSeconds?: number | undefined;
  /** Its stamp is far ahead of it. */
  readonly isAhead?: boolean | undefined;
  readonly outcome: Outcome;
}
