// One batch of a shard -> invocations of the function, until each record is taken or given up.

import { describeError } from '../errors.ts';
import type { Batch } from './batches.ts';
import { type ConsumerContext, POLL_INTERVAL_MS } from './context.ts';
import type { EventRecord } from './event-record.ts';
import {
  afterInvocation,
  type FailureCondition,
  type InvocationResult,
  separateExpired,
} from './retry-and-bisect.ts';
import { onFailureDocument } from './on-failure-document.ts';

export class ShardDelivery {
  readonly #shardId: string;
  readonly #consumer: ConsumerContext;
  readonly #onReleased: (records: readonly EventRecord[]) => void;

  /** @param onReleased called with the records that have been taken or given up. */
  constructor(
    shardId: string,
    consumer: ConsumerContext,
    onReleased: (records: readonly EventRecord[]) => void,
  ) {
    this.#shardId = shardId;
    this.#consumer = consumer;
    this.#onReleased = onReleased;
  }

  /** Delivers one batch, or what becomes of it, until nothing of it is left. */
  async deliver(batch: Batch): Promise<void> {
    const { clock, settings } = this.#consumer.options;
    const batches = [batch];
    let result: InvocationResult | undefined;
    let failures = 0;
    for (let next = batches.shift(); next !== undefined; next = batches.shift()) {
      await this.#untilEnabled();
      if (this.#consumer.stopping) return;
      const { expired, live } = separateExpired(next, clock.now(), settings);
      if (expired) await this.#giveUp(expired, 'RecordAgeExceeded', result);
      if (live) {
        result = await this.#invoke(live);
        const { done, retry, givenUp } = afterInvocation(live, result, settings);
        this.#consumer.counts.done += done.length;
        this.#onReleased(done);
        if (givenUp) await this.#giveUp(givenUp, 'RetryAttemptsExhausted', result);
        batches.unshift(...retry);
        // Progress resets the back-off.
        if (done.length > 0) failures = 0;
        if (retry.length > 0) await this.#consumer.backOff(++failures);
      }
      if (this.#consumer.stopping) return;
    }
  }

  /** While the consumer is disabled, a batch waits. */
  async #untilEnabled(): Promise<void> {
    const { pollIntervalMs = POLL_INTERVAL_MS } = this.#consumer.options;
    while (!this.#consumer.enabled && !this.#consumer.stopping) {
      await this.#consumer.nap(pollIntervalMs);
    }
  }

  async #invoke(batch: Batch): Promise<InvocationResult> {
    const { options } = this.#consumer;
    const { counts } = this.#consumer;
    const { records } = batch;
    const invocation = batch.invocations + 1;
    counts.invocations += 1;
    if (invocation > 1) {
      counts.retries += 1;
      counts.redelivered += records.length;
    }
    let result: InvocationResult;
    try {
      result = { kind: 'returned', response: await options.invoke({ Records: [...records] }) };
    } catch (error) {
      result = { kind: 'failed' };
      options.onProblem(
        `invoke the function with ${records.length} records, attempt ${invocation}: ${describeError(error)}`,
      );
    }
    options.onBatch?.({ records, result });
    return result;
  }

  /** A batch counts as given up once `onFailure` has stored it. */
  async #giveUp(
    batch: Batch,
    condition: FailureCondition,
    result: InvocationResult | undefined,
  ): Promise<void> {
    const { clock, streamArn, functionArn, onFailure, onProblem } = this.#consumer.options;
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
        if (this.#consumer.stopping) return;
        await this.#consumer.backOff(attempt);
      }
    }
    this.#consumer.counts.givenUp += batch.records.length;
    this.#onReleased(batch.records);
  }
}
