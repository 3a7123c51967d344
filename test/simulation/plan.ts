// What is decided before a simulated world begins: settings, the application's writes, what breaks when, what
// operators do and when they are killed. Data alone, so that a failing plan can be made smaller.

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
  /** The twin will not take it until its cause has been removed. */
  readonly poison: boolean;
  /** The stream's record of it has no image, or tells of nothing that Ferry knows. */
  readonly malformed: boolean;
}

export type OutageKind = 'unreachable' | 'denied' | 'silent' | 'throttled';

export type Disturbance =
  | { readonly atMs: number; readonly kind: 'split' }
  /** The poller of a shard begins again at an old checkpoint. */
  | { readonly atMs: number; readonly kind: 'restart'; readonly back: number }
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
  readonly kind: 'redrive' | 'backfill' | 'repair' | 'verify';
  readonly killAfterMs?: number | undefined;
  readonly settleMs: number;
  /** How long its requests take at most. */
  readonly slowMs: number;
  /** Of a redrive: records of this item, and so many records at most. */
  readonly onlyKey?: string | undefined;
  readonly limit?: number | undefined;
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
}

export interface Settings {
  readonly batchSize: number;
  readonly parallelizationFactor: number;
  readonly retryAttempts: number;
  readonly bisect: boolean;
  readonly maxRecordAgeSeconds: number;
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly ttlDeletes: 'replicate' | 'skip';
  readonly totalSegments: number;
  readonly pageItems: number;
  /** Of the stream's first record; later streams begin lower. */
  readonly firstSequenceNumber: string;
  readonly skewMs: number;
  readonly stepMs: number;
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
}
