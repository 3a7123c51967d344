// How far one shard has been read. Kept in memory. Opening a shard again may step back; a record that was
// received once is not received twice.

import type { DynamoDBRecord } from 'aws-lambda';
import type { StreamReader } from '../ports.ts';
import { compareSequenceNumbers, sequenceNumberOf } from './batches.ts';

interface Progress {
  /** Not received before. */
  readonly records: readonly DynamoDBRecord[];
  /** Whether the page held no records at all. */
  readonly isEmpty: boolean;
  /** Whether the shard is closed, and read to its end. */
  readonly isEnd: boolean;
}

export class ShardPosition {
  readonly #reader: StreamReader;
  readonly #shardId: string;
  #iterator: string | undefined;
  /** Where to open the shard again; its beginning, if undefined. */
  #after: string | undefined;
  #lastReceived: string | undefined;
  /** Set by opening: records up to this one have been received before. */
  #repeatsUntil: string | undefined;

  constructor(reader: StreamReader, shardId: string) {
    this.#reader = reader;
    this.#shardId = shardId;
  }

  async next(limit: number): Promise<Progress> {
    if (this.#iterator === undefined) {
      this.#repeatsUntil = this.#lastReceived;
      this.#iterator = await this.#reader.open(this.#shardId, this.#after);
    }
    const { records, nextIterator } = await this.#reader.read(this.#iterator, limit);
    this.#iterator = nextIterator;
    const fresh = this.#withoutRepeats(records);
    const last = fresh.at(-1);
    if (last !== undefined) this.#lastReceived = this.#after = sequenceNumberOf(last);
    return { records: fresh, isEmpty: records.length === 0, isEnd: nextIterator === undefined };
  }

  /** The iterator has expired. */
  expired(): void {
    this.#iterator = undefined;
  }

  /**
   * The stream has lost records behind this position.
   * @returns the position, for people.
   */
  trimmed(): string {
    const lost = this.#after ?? 'its beginning';
    this.#iterator = this.#after = undefined;
    return lost;
  }

  #withoutRepeats(records: readonly DynamoDBRecord[]): readonly DynamoDBRecord[] {
    const until = this.#repeatsUntil;
    if (until === undefined) return records;
    const fresh = records.filter(
      (record) => compareSequenceNumbers(sequenceNumberOf(record), until) > 0,
    );
    if (fresh.length > 0) this.#repeatsUntil = undefined;
    return fresh;
  }
}
