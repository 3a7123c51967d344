// What a stream consumer is given, what it counts, and what its shards see of it.

import type { Clock, Positions, Random, StreamReader } from '../ports.ts';
import type { EventRecord, StreamEvent } from './event-record.ts';
import type { DeliverySettings, InvocationResult } from './retry-and-bisect.ts';
import type { OnFailureDocument } from './on-failure-document.ts';

export interface ConsumerOptions {
  readonly reader: StreamReader<EventRecord>;
  readonly streamArn: string;
  /** Named in the on-failure documents. */
  readonly functionArn: string;
  /**
   * Resolves with the function's response, rejects with its error. A function of one kind of records will do: those of
   * the reader.
   */
  invoke(event: StreamEvent): Promise<unknown>;
  readonly settings: DeliverySettings;
  readonly clock: Clock;
  /** Stores a batch that is given up. Called until it succeeds. */
  readonly onFailure: (document: OnFailureDocument) => void | Promise<void>;
  /** Receives a line for people about each failure that is retried. */
  readonly onProblem: (problem: string) => void;
  /** Called after each invocation. */
  readonly onBatch?: ((batch: DeliveredBatch) => void) | undefined;
  /** Pause after an empty read. @default 250, Lambda's base rate of four reads a second. */
  readonly pollIntervalMs?: number | undefined;
  /** From one read of a shard to the next, unless the page was full. @default none */
  readonly readIntervalMs?: number | undefined;
  /** From one list of the shards to the next; lists are at least a second apart with `readIntervalMs`. @default 10,000 */
  readonly discoveryIntervalMs?: number | undefined;
  /** Spreads retries and lists. @default they are not spread */
  readonly random?: Random | undefined;
  /** Where the consumer starts, and what it keeps. @default it starts at the oldest records, and keeps nothing */
  readonly positions?: Positions | undefined;
  /** How long the stream keeps records. @default 24 hours, as DynamoDB does */
  readonly retentionMs?: number | undefined;
  /** Called where records may have been lost, because they were not read in time. */
  readonly onTrimmed?: ((trimmed: TrimmedPosition) => void) | undefined;
}

/** A position whose next records the stream may no longer have. Reading goes on at the oldest record that it has. */
export interface TrimmedPosition {
  readonly shardId: string;
  /** The last record that was read; undefined at the shard's beginning. */
  readonly after: string | undefined;
}

interface DeliveredBatch {
  readonly records: readonly EventRecord[];
  readonly result: InvocationResult;
}

export interface ConsumerCounts {
  /** Records read from the stream, each counted once. */
  readonly received: number;
  /** Records that the function has taken. */
  readonly done: number;
  /** Records given up to `onFailure`. */
  readonly givenUp: number;
  readonly invocations: number;
  /** Invocations with records that the function had seen before. */
  readonly retries: number;
  /** Records in those invocations. */
  readonly redelivered: number;
  /** How often the stream had lost records before they were read. It does not say how many. */
  readonly trimmed: number;
}

/** The consumer, as its shards see it. */
export interface ConsumerContext {
  readonly options: ConsumerOptions;
  readonly counts: { -readonly [Name in keyof ConsumerCounts]: number };
  readonly stopping: boolean;
  readonly enabled: boolean;
  /**
   * Sleeps until `ms` after `sinceMs`. Only the end of the consumer wakes earlier, and a clock that was set back.
   * @param sinceMs @default now
   */
  sleep(ms: number, sinceMs?: number): Promise<void>;
  /** Sleeps until `ms` have passed, or until any state has changed. */
  nap(ms: number): Promise<void>;
  /** To be called whenever the stream may have become quiet. */
  changed(): void;
  shardFinished(): void;
  /** Counts and reports it. */
  trimmed(position: TrimmedPosition): void;
  /** Nothing can be done for the stream any more: `lost` of the consumer rejects with it. */
  lose(error: Error): void;
  /** Sleeps after a failure, longer after each in a row. */
  backOff(failures: number): Promise<void>;
}

export const POLL_INTERVAL_MS = 250;
const RETRY_DELAY_MS = 100;
const RETRY_DELAY_MS_MAX = 5_000;

/** Doubles with each failure. */
export function retryDelayMs(failures: number): number {
  return Math.min(RETRY_DELAY_MS_MAX, RETRY_DELAY_MS * 2 ** (failures - 1));
}

/** Whether `ms` have passed. A clock that was set back tells nothing: it must not hold anything up. */
export function hasPassed(ms: number, sinceMs: number, nowMs: number): boolean {
  return nowMs < sinceMs || nowMs >= sinceMs + ms;
}
