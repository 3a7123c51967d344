// One batch of a shard -> invocations of the function, until each record of it is taken or given up.

import { describeError } from '../errors.ts';
import {
  afterInvocation,
  type Batch,
  type FailureCondition,
  type InvocationResult,
  onFailureDocument,
  separateExpired,
} from './delivery-rules.ts';
import type { EventSourceMappingCounts, EventSourceMappingOptions } from './consumer.ts';

/** The mapping that a shard belongs to. */
export interface ShardPollerHost {
  readonly options: EventSourceMappingOptions;
  readonly counts: { -readonly [Name in keyof EventSourceMappingCounts]: number };
  readonly stopping: boolean;
  readonly enabled: boolean;
  /** Sleeps; only the end of the mapping wakes earlier. */
  sleep(ms: number): Promise<void>;
  /** Sleeps for a while; whatever calls for attention wakes earlier. */
  nap(ms: number): Promise<void>;
  /** To be called whenever quiet may have come. */
  changed(): void;
  shardFinished(): void;
}

export const POLL_INTERVAL_MS = 250;
const RETRY_DELAY_MS = 100;
const RETRY_DELAY_MS_MAX = 5_000;

export class ShardDelivery {
  readonly #shardId: string;
  readonly #mapping: ShardPollerHost;
  readonly #onReleased: (records: number) => void;

  /** @param onReleased called with the number of records that have been taken or given up. */
  constructor(shardId: string, mapping: ShardPollerHost, onReleased: (records: number) => void) {
    this.#shardId = shardId;
    this.#mapping = mapping;
    this.#onReleased = onReleased;
  }

  /** Delivers one batch, or what becomes of it, until nothing of it is left. */
  async deliver(batch: Batch): Promise<void> {
    const { clock, settings } = this.#mapping.options;
    const batches = [batch];
    let result: InvocationResult | undefined;
    let failures = 0;
    for (let next = batches.shift(); next !== undefined; next = batches.shift()) {
      await this.#untilEnabled();
      if (this.#mapping.stopping) return;
      const { expired, live } = separateExpired(next, clock.now(), settings);
      if (expired) await this.#giveUp(expired, 'RecordAgeExceeded', result);
      if (live) {
        result = await this.#invoke(live);
        const { done, retry, givenUp } = afterInvocation(live, result, settings);
        this.#mapping.counts.done += done.length;
        this.#onReleased(done.length);
        if (givenUp) await this.#giveUp(givenUp, 'RetryAttemptsExhausted', result);
        batches.unshift(...retry);
        // Progress starts the back-off anew.
        if (done.length > 0) failures = 0;
        if (retry.length > 0) await this.#mapping.sleep(retryDelayMs(++failures));
      }
      if (this.#mapping.stopping) return;
    }
  }

  /** A mapping that is disabled leaves a batch where it is. */
  async #untilEnabled(): Promise<void> {
    const { pollIntervalMs = POLL_INTERVAL_MS } = this.#mapping.options;
    while (!this.#mapping.enabled && !this.#mapping.stopping) {
      await this.#mapping.nap(pollIntervalMs);
    }
  }

  async #invoke(batch: Batch): Promise<InvocationResult> {
    const { invoke, onBatch, onProblem } = this.#mapping.options;
    const { counts } = this.#mapping;
    const { records } = batch;
    const invocation = batch.invocations + 1;
    counts.invocations += 1;
    if (invocation > 1) {
      counts.retries += 1;
      counts.redelivered += records.length;
    }
    let result: InvocationResult;
    try {
      result = { kind: 'returned', response: await invoke({ Records: [...records] }) };
    } catch (error) {
      result = { kind: 'failed', errorName: error instanceof Error ? error.name : 'Error' };
      onProblem(
        `invoke the function with ${records.length} records, attempt ${invocation}: ${describeError(error)}`,
      );
    }
    onBatch?.({ shardId: this.#shardId, records, invocation, result });
    return result;
  }

  /** A batch counts as given up once the destination has it. */
  async #giveUp(
    batch: Batch,
    condition: FailureCondition,
    result: InvocationResult | undefined,
  ): Promise<void> {
    const { clock, streamArn, onFailure, onProblem } = this.#mapping.options;
    const { functionArn = 'arn:aws:lambda:local:000000000000:function:replicate' } =
      this.#mapping.options;
    const document = onFailureDocument({
      batch,
      condition,
      result,
      shardId: this.#shardId,
      streamArn,
      functionArn,
      nowMs: clock.now(),
    });
    for (let attempt = 1; ; attempt += 1) {
      try {
        await onFailure(document);
        break;
      } catch (error) {
        onProblem(
          `give up ${batch.records.length} records, attempt ${attempt}: ${describeError(error)}`,
        );
        if (this.#mapping.stopping) return;
        await this.#mapping.sleep(retryDelayMs(attempt));
      }
    }
    this.#mapping.counts.givenUp += batch.records.length;
    this.#onReleased(batch.records.length);
  }
}

/** Doubles from try to try. */
export function retryDelayMs(failures: number): number {
  return Math.min(RETRY_DELAY_MS_MAX, RETRY_DELAY_MS * 2 ** (failures - 1));
}
