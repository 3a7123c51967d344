// How one record ended.

import type { Latencies } from './latency.ts';
import type { RefusalCause } from './guard.ts';
import type { FailureKind } from './write-failure.ts';

/** How one record ended. All but `unfinished` are final. */
export type Outcome =
  | ({ readonly kind: 'applied' } & Latencies)
  | { readonly kind: 'superseded'; readonly cause: RefusalCause }
  | { readonly kind: 'coalesced' }
  | { readonly kind: 'skipped' }
  | { readonly kind: 'dead-lettered'; readonly reason: string }
  /** To be delivered again, because of a failure, because time ran out, behind such a record, or held back. */
  | { readonly kind: 'unfinished'; readonly why: UnfinishedWhy };

export type UnfinishedWhy = FailureKind | 'deadline' | 'halted' | 'behind' | 'held';

/** A record's place in the batch and how it ended. */
export interface RecordOutcome {
  /** Absent on a record so malformed that it has none. */
  readonly sequenceNumber?: string | undefined;
  readonly createdAtSeconds?: number | undefined;
  readonly outcome: Outcome;
}
