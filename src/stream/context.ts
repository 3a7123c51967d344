// What a stream consumer is given, what it counts, and what its shards see of it.

import type { DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import type { Clock, StreamReader } from '../ports.ts';
import type { DeliverySettings, InvocationResult } from './retry-and-bisect.ts';
import type { OnFailureDocument } from './on-failure-document.ts';

export interface ConsumerOptions {
  readonly reader: StreamReader;
  readonly streamArn: string;
  /** Named in the on-failure documents. */
  readonly functionArn: string;
  /** Resolves with the function's response, rejects with its error. */
  readonly invoke: (event: DynamoDBStreamEvent) => Promise<unknown>;
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
}

interface DeliveredBatch {
  readonly records: readonly DynamoDBRecord[];
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
  /** Sleeps; only the end of the consumer wakes earlier. */
  sleep(ms: number): Promise<void>;
  /** Sleeps until `ms` have passed, or until any state has changed. */
  nap(ms: number): Promise<void>;
  /** To be called whenever the stream may have become quiet. */
  changed(): void;
  shardFinished(): void;
}

export const POLL_INTERVAL_MS = 250;
const RETRY_DELAY_MS = 100;
const RETRY_DELAY_MS_MAX = 5_000;

/** Doubles with each failure. */
export function retryDelayMs(failures: number): number {
  return Math.min(RETRY_DELAY_MS_MAX, RETRY_DELAY_MS * 2 ** (failures - 1));
}
