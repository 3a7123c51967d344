// How far one shard has been read. Kept in memory. Opening a shard again may step back; a record that was
// received once is not received twice.

import type { ConsumerOptions } from './context.ts';
import {
  compareSequenceNumbers,
  createdAtSecondsOf,
  type EventRecord,
  sequenceNumberOf,
} from './event-record.ts';
import { type Reached, wasOutlived } from './start-positions.ts';

export interface Progress {
  /** Not received before. */
  readonly records: readonly EventRecord[];
  /** Whether the page held no records at all, and the service knows of none behind it. */
  readonly isEmpty: boolean;
  /** Before the request was sent. */
  readonly askedAtMs: number;
  /** Whether the shard is closed, and read to its end. */
  readonly isEnd: boolean;
}

type PositionOptions = Pick<ConsumerOptions, 'reader' | 'clock' | 'retentionMs'>;

export class ShardPosition {
  readonly #shardId: string;
  readonly #options: PositionOptions;
  #iterator: string | undefined;
  /** Where to open the shard again; its beginning, if undefined. */
  #after: string | undefined;
  /** Everything that had come by `atMs` has been received. */
  #reached: Reached;
  #lastReceived: string | undefined;
  /** Set by opening: records up to this one have been received before. */
  #repeatsUntil: string | undefined;

  constructor(options: PositionOptions, shardId: string, first: Reached) {
    this.#options = options;
    this.#shardId = shardId;
    this.#after = this.#lastReceived = first.after;
    this.#reached = first;
  }

  async next(limit: number): Promise<Progress> {
    const { reader, clock } = this.#options;
    if (this.#iterator === undefined) {
      this.#repeatsUntil = this.#lastReceived;
      // Without a time, what came later is taken to be gone.
      const isLate = wasOutlived(this.#reached, clock.now());
      const settledAtMs = isLate ? undefined : this.#reached.atMs;
      this.#iterator = await reader.open(this.#shardId, this.#after, settledAtMs);
    }
    const askedAtMs = clock.now();
    const { records, nextIterator, behindMs } = await reader.read(this.#iterator, limit);
    this.#iterator = nextIterator;
    const fresh = this.#withoutRepeats(records);
    const last = fresh.at(-1);
    if (last !== undefined) {
      this.#lastReceived = this.#after = sequenceNumberOf(last);
      this.#reach((createdAtSecondsOf(last) ?? askedAtMs / 1000) * 1000);
    }
    if (behindMs === 0) this.#reach(askedAtMs);
    return {
      records: fresh,
      isEmpty: records.length === 0 && (behindMs ?? 0) === 0,
      askedAtMs,
      isEnd: nextIterator === undefined,
    };
  }

  /** The iterator has expired. */
  expired(): void {
    this.#iterator = undefined;
  }

  /**
   * The stream has lost records behind this position.
   * @returns the position.
   */
  trimmed(): string | undefined {
    const lost = this.#after;
    // What is there now has come later, or is of a stream that was made anew and counts from below.
    this.#iterator = this.#after = this.#lastReceived = undefined;
    return lost;
  }

  #reach(atMs: number): void {
    this.#reached = { atMs, keptMs: this.#options.retentionMs };
  }

  #withoutRepeats(records: readonly EventRecord[]): readonly EventRecord[] {
    const until = this.#repeatsUntil;
    if (until === undefined) return records;
    const fresh = records.filter(
      (record) => compareSequenceNumbers(sequenceNumberOf(record), until) > 0,
    );
    if (fresh.length > 0) this.#repeatsUntil = undefined;
    return fresh;
  }
}
