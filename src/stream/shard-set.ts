// The shards of a stream, as a consumer knows them: parents before their children, each from its position on.

import { describeError } from '../errors.ts';
import type { Shard } from '../ports.ts';
import type { ConsumerContext } from './context.ts';
import { ShardConsumer } from './shard.ts';
import { type Start, startOf } from './start-positions.ts';

export class ShardSet {
  readonly #consumer: ConsumerContext;
  readonly #shards = new Map<string, ShardConsumer>();
  /** Shards that are not listed any more, and have a row. */
  readonly #unlisted = new Set<string>();
  /** Before the last list was asked for. The first has been met with the positions. */
  #listedAtMs: number | undefined;

  constructor(consumer: ConsumerContext) {
    this.#consumer = consumer;
  }

  get settledAtMs(): number | undefined {
    const times = this.#all.flatMap(({ settledAtMs }) => settledAtMs ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  get isQuiet(): boolean {
    return this.#all.every((shard) => shard.isQuiet());
  }

  get isFinished(): boolean {
    return this.#all.every(({ finished }) => finished);
  }

  /** Whether a shard is over, and what follows it is not listed yet. */
  get hasChildless(): boolean {
    const parents = new Set(this.#all.flatMap(({ parentShardIds }) => parentShardIds));
    return this.#all.some(({ shardId, finished }) => finished && !parents.has(shardId));
  }

  get #all(): ShardConsumer[] {
    return [...this.#shards.values()];
  }

  /** Asks for new proof that all are quiet. */
  doubt(): void {
    for (const shard of this.#all) shard.doubt();
  }

  async stopped(): Promise<void> {
    await Promise.all(this.#all.map((shard) => shard.stopped()));
  }

  /** @param askedAtMs before the list was asked for. */
  async adopt(listed: readonly Shard[], askedAtMs: number): Promise<void> {
    // What the list before this one did not have came later than it.
    const start =
      this.#listedAtMs === undefined
        ? await this.#startAt(listed)
        : { stored: new Map(), sinceMs: this.#listedAtMs };
    this.#listedAtMs = askedAtMs;
    const ids = new Set(listed.map(({ shardId }) => shardId));
    for (const [id, shard] of this.#shards) {
      shard.isListed = ids.has(id);
      if (shard.isListed || !shard.finished) continue;
      this.#shards.delete(id);
      this.#unlisted.add(id);
    }
    for (const shard of listed) this.#add(shard, start);
    this.startReady();
  }

  /** A parent that is not listed any more has been trimmed away, so it cannot hold its child up. */
  startReady(): void {
    if (this.#consumer.stopping) return;
    for (const shard of this.#all) {
      const isHeld = shard.parentShardIds.some((id) => this.#shards.get(id)?.finished === false);
      if (!isHeld) shard.start();
    }
  }

  async removeUnlisted(): Promise<void> {
    const { positions, onProblem } = this.#consumer.options;
    for (const shardId of this.#unlisted) {
      try {
        await positions?.remove(shardId);
        this.#unlisted.delete(shardId);
      } catch (error) {
        onProblem(`remove the position of shard ${shardId}: ${describeError(error)}`);
      }
    }
  }

  #add(shard: Shard, { stored, sinceMs }: Pick<Start, 'stored' | 'sinceMs'>): void {
    const { shardId } = shard;
    if (this.#shards.has(shardId)) return;
    const known = { stored: stored.get(shardId), sinceMs };
    this.#shards.set(shardId, new ShardConsumer(shard, this.#consumer, known));
  }

  /** Says what has been lost. */
  async #startAt(listed: readonly Shard[]): Promise<Start> {
    const { positions } = this.#consumer.options;
    const start = startOf(listed, (await positions?.read()) ?? new Map());
    for (const position of start.lost) this.#consumer.trimmed(position);
    for (const shardId of start.unlisted) this.#unlisted.add(shardId);
    return start;
  }
}
