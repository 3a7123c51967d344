// What is decided before a simulated world begins: settings, the application's writes, what breaks when, what
// operators do and when they are killed. Data alone, so that a failing plan can be made smaller.

import type { ProjectionConfig } from '../../src/config/schema.ts';
import type { KeyShape } from './keys.ts';
import type { Item } from './memory-dynamodb.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export interface PlannedWrite {
  /** Its place in the table's history. A smaller plan leaves numbers out, and keeps the others. */
  readonly number: number;
  readonly atMs: number;
  readonly key: string;
  /** `expire` is a delete by the source's TTL. */
  readonly kind: 'put' | 'delete' | 'expire';
  /** The twin will not take it, or not delete it, until its cause has been removed. */
  readonly poison: boolean;
  /** By another service than the source's TTL. */
  readonly byService?: boolean | undefined;
  /** The stream's record of it has no image, or tells of nothing that Ferry knows. */
  readonly malformed: boolean;
  /** In the same microsecond as the write before of its item, as a Kinesis stream tells it. */
  readonly isTied?: boolean | undefined;
  /** How long after it its record arrives in a Kinesis stream. @default by chance */
  readonly lateMs?: number | undefined;
  /** Whether conditions of projections keep the item. @default by chance */
  readonly keeps?: boolean | undefined;
  /** What the twin of the hop before has: nothing in the world of that hop itself. */
  readonly brought?: Item | undefined;
}

/** What the service says, or what gives the credentials before anything is sent. */
export const ACCESS_ERRORS = [
  'ExpiredTokenException',
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'CredentialsProviderError',
] as const;
export type AccessError = (typeof ACCESS_ERRORS)[number];

export type OutageKind = 'unreachable' | 'denied' | 'silent' | 'throttled';

export type Disturbance =
  | { readonly atMs: number; readonly kind: 'split' }
  /** Of a Kinesis stream. */
  | { readonly atMs: number; readonly kind: 'merge' }
  /** The poller of a shard begins again at an old checkpoint. */
  | { readonly atMs: number; readonly kind: 'restart'; readonly back: number }
  /** The same while an invocation of the old poller goes on. */
  | { readonly atMs: number; readonly kind: 'overlap'; readonly back: number }
  /** The mapping is made again at TRIM_HORIZON, or its factor changes; invocations go on. */
  | { readonly atMs: number; readonly kind: 'replay' }
  | { readonly atMs: number; readonly kind: 'parallelize'; readonly factor: number }
  /** Another mapping delivers the same stream for a while. */
  | { readonly atMs: number; readonly kind: 'second-mapping'; readonly forMs: number }
  /** The function gets other settings, as the runbook says: after a pause. */
  | { readonly atMs: number; readonly kind: 'deploy'; readonly change: Partial<Deployed> }
  /**
   * The replication is pointed at a replica of the source, whose stream has an older label or a later one;
   * then somebody adopts it.
   */
  | {
      readonly atMs: number;
      readonly kind: 're-point';
      readonly isOlder: boolean;
      readonly waitMs: number;
      readonly killAfterMs?: number | undefined;
    }
  /** From the table's stream to a Kinesis stream, or back; then somebody adopts it. */
  | {
      readonly atMs: number;
      readonly kind: 'move';
      readonly waitMs: number;
      readonly killAfterMs?: number | undefined;
    }
  /** How exactly records in the Kinesis stream tell their times from now on. */
  | { readonly atMs: number; readonly kind: 'precision'; readonly precision: Precision }
  /** A table is made anew, with the mapping off or while it delivers; then somebody adopts it. */
  | {
      readonly atMs: number;
      readonly kind: 'anew';
      readonly tables: readonly ('twin' | 'state')[];
      readonly isSudden: boolean;
      readonly killAfterMs?: number | undefined;
    }
  /** The function is given an event of another table's stream. */
  | { readonly atMs: number; readonly kind: 'foreign-event'; readonly key: string }
  /** The stream is switched off, and on again after a while. */
  | {
      readonly atMs: number;
      readonly kind: 're-create';
      readonly gapMs: number;
      readonly drained: boolean;
    }
  /** Somebody writes to the twin behind Ferry's back. */
  | {
      readonly atMs: number;
      readonly kind: 'tamper';
      readonly key: string;
      readonly how: 'delete' | 'replace';
    }
  | { readonly atMs: number; readonly kind: 'mapping-off'; readonly forMs: number }
  /** The credentials of all functions, or of all commands, have expired or are revoked; then there are others. */
  | {
      readonly atMs: number;
      readonly kind: 'access';
      readonly forMs: number;
      readonly who: 'functions' | 'commands';
      readonly error: AccessError;
      /** Of their requests: keys that are made valid or invalid are so in one place before another. */
      readonly share: number;
      /** Of commands: for the source's side, too. Functions have other credentials for the twin alone. */
      readonly isOfBoth: boolean;
    }
  | {
      readonly atMs: number;
      readonly kind: 'outage';
      readonly forMs: number;
      readonly share: number;
      readonly how: OutageKind;
    };

export interface PlannedCommand {
  readonly name: string;
  readonly atMs: number;
  readonly kind: 'redrive' | 'backfill' | 'repair' | 'verify' | 'adopt';
  readonly killAfterMs?: number | undefined;
  readonly settleMs: number;
  /** How long its requests take at most. */
  readonly slowMs: number;
  /** Of a redrive: records of this item, and so many records at most. */
  readonly onlyKey?: string | undefined;
  readonly limit?: number | undefined;
  /** Of a backfill: a state machine does it. */
  readonly isBulk?: boolean | undefined;
  /** Of a backfill: what the twin has is compared, too. */
  readonly reproject?: boolean | undefined;
}

export interface Rates {
  readonly throttle: number;
  /** Given up by the sender: applied before, later, much later or never. */
  readonly timeout: number;
  readonly reset: number;
  readonly conflict: number;
  /** Of invocations. */
  readonly crash: number;
  readonly lostAck: number;
  /** Of batches that go to the bucket. */
  readonly lostBatch: number;
  /** Of given-up requests: applied after more than ten seconds. */
  readonly veryLate: number;
  readonly queueDuplicate: number;
  /** Of invocations: their pollers are replaced, and they go on. */
  readonly overlap: number;
  /** Of eventually consistent reads: they do not see the latest second. */
  readonly stale: number;
}

/** What a deployment may change. */
export interface Deployed {
  readonly tombstones: 'checked' | 'strict';
  readonly ttlDeletes: 'replicate' | 'skip';
  /** By mistake, and taken back after a while. */
  readonly reservedAttribute?: string;
  /** @default the twin has each item as the source has it */
  readonly projection?: ProjectionConfig | undefined;
}

export type Precision = 'MICROSECOND' | 'MILLISECOND';

/** A Kinesis stream to which the source sends its changes. */
export interface KinesisSettings {
  /** Whether the function reads it in the beginning, or the stream of the table. */
  readonly isFirst: boolean;
  readonly shards: number;
  readonly retentionMs: number;
  /** How much later than usual records arrive at most, and how many of them. */
  readonly lateMs: number;
  readonly lateShare: number;
  /** How many records are sent more than once. */
  readonly duplicates: number;
  /** How many writes have a record of another table beside theirs. */
  readonly foreign: number;
  readonly precision: Precision;
}

export interface Settings extends Deployed {
  readonly batchSize: number;
  readonly parallelizationFactor: number;
  readonly retryAttempts: number;
  readonly bisect: boolean;
  readonly maxRecordAgeSeconds: number;
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly unversionedItems: 'replace' | 'keep';
  readonly keyShape: KeyShape;
  /** @default whole */
  readonly deadLetters?: 'whole' | 'projected' | undefined;
  /** Of the source's streams: whether records have old images. */
  readonly hasOldImages?: boolean | undefined;
  /** How long requests of invocations take at most. */
  readonly slowMs: number;
  /** Where only one table throttles. */
  readonly throttledTable?: string | undefined;
  readonly hasHeartbeat: boolean;
  readonly totalSegments: number;
  readonly pageItems: number;
  /** Of the stream's first record; later streams begin lower. */
  readonly firstSequenceNumber: string;
  readonly skewMs: number;
  readonly stepMs: number;
  /** @default the source has no Kinesis stream */
  readonly kinesis?: KinesisSettings | undefined;
}

export interface Plan {
  readonly seed: number;
  readonly startMs: number;
  readonly settings: Settings;
  readonly rates: Rates;
  /** Items that are older than the stream. */
  readonly preExisting: readonly string[];
  readonly writes: readonly PlannedWrite[];
  readonly disturbances: readonly Disturbance[];
  readonly commands: readonly PlannedCommand[];
  /** When the twin takes everything again. */
  readonly fixedAtMs: number;
  /** When faults end. */
  readonly calmAtMs: number;
  /** Of a chain: the replication that has the twin as its source. It has no writes of its own. */
  readonly next?: Plan | undefined;
  /** Of what the hop before brings: how much the twin will not take. */
  readonly broughtPoison?: number | undefined;
}
