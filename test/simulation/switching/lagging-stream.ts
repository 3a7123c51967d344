// A table's stream whose records and shards can be seen a while after they are there: in order within a shard, but a
// child's records may be seen before the last ones of its parent.

import { DAY } from '../plan.ts';
import type { Scheduler } from '../scheduler.ts';
import {
  SourceStream,
  type SourceWrite,
  type StreamEntry,
  type StreamOptions,
  type StreamShard,
} from '../stream.ts';

export interface LagOptions {
  readonly scheduler: Scheduler;
  /** How long a record is invisible, drawn for each. */
  readonly recordMs: () => number;
  /** How long a new shard is not listed, drawn for each. */
  readonly shardMs: () => number;
  /** Records can be seen, or shards, that could not be before. */
  readonly onVisible: () => void;
}

interface Hidden {
  readonly entries: StreamEntry[];
  /** When the last record of the shard can be seen. */
  untilMs: number;
}

export class LaggingStream extends SourceStream {
  readonly #lag: LagOptions;
  readonly #hidden = new Map<StreamShard, Hidden>();
  readonly #listedAtMs = new Map<StreamShard, number>();
  readonly #overAtMs = new Map<StreamShard, number>();
  readonly #shardOf = new Map<string, StreamShard>();

  constructor(options: StreamOptions, lag: LagOptions) {
    super(options);
    this.#lag = lag;
    for (const shard of this.shards) this.#list(shard, 0);
  }

  override append(write: SourceWrite): StreamEntry | undefined {
    const entry = super.append(write);
    const shard = entry && this.#shardOf.get(entry.shardId);
    if (entry === undefined || shard === undefined) return entry;
    const nowMs = this.#lag.scheduler.now();
    const hidden = this.#hiddenOf(shard);
    const atMs = Math.max(hidden.untilMs, nowMs + this.#lag.recordMs());
    shard.entries.pop();
    hidden.entries.push(entry);
    hidden.untilMs = atMs;
    this.#lag.scheduler.at(atMs, () => this.#reveal(shard));
    return entry;
  }

  override split(): StreamShard[] {
    return this.#opened(super.split());
  }

  override rollOver(): StreamShard[] {
    return this.#opened(super.rollOver());
  }

  /** Those that DescribeStream knows: a closed one for a day. */
  listed(): StreamShard[] {
    const nowMs = this.#lag.scheduler.now();
    return this.shards.filter(
      (shard) =>
        (this.#listedAtMs.get(shard) ?? Infinity) <= nowMs &&
        nowMs - (this.#overAtMs.get(shard) ?? nowMs) <= DAY,
    );
  }

  shard(id: string): StreamShard | undefined {
    return this.#shardOf.get(id);
  }

  protected override end(shard: StreamShard): void {
    super.end(shard);
    this.#overAtMs.set(shard, this.#lag.scheduler.now());
    shard.closed = this.#hiddenOf(shard).entries.length === 0;
  }

  #opened(shards: StreamShard[]): StreamShard[] {
    for (const shard of shards) this.#list(shard, this.#lag.shardMs());
    return shards;
  }

  #list(shard: StreamShard, afterMs: number): void {
    const atMs = this.#lag.scheduler.now() + afterMs;
    this.#shardOf.set(shard.id, shard);
    this.#listedAtMs.set(shard, atMs);
    if (afterMs > 0) this.#lag.scheduler.at(atMs, this.#lag.onVisible);
  }

  #reveal(shard: StreamShard): void {
    const { entries } = this.#hiddenOf(shard);
    const entry = entries.shift();
    if (entry !== undefined) shard.entries.push(entry);
    shard.closed = shard.isOver && entries.length === 0;
    this.#lag.onVisible();
  }

  #hiddenOf(shard: StreamShard): Hidden {
    const known = this.#hidden.get(shard) ?? { entries: [], untilMs: 0 };
    this.#hidden.set(shard, known);
    return known;
  }
}
