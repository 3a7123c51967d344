// How far one shard has been read. Kept in memory. Opening a shard again may step back; a record that was
// received once is not received twice.

import type { Clock, StoredPosition, StreamReader } from '../ports.ts';
import {
  compareSequenceNumbers,
  createdAtSecondsOf,
  type EventRecord,
  sequenceNumberOf,
} from './event-record.ts';
import { wasOutlived } from './start-positions.ts';

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

export class ShardPosition {
  readonly #reader: StreamReader<EventRecord>;
  readonly #shardId: string;
  readonly #clock: Pick<Clock, 'now'>;
  #iterator: string | undefined;
  /** Where to open the shard again; its beginning, if undefined. */
  #after: string | undefined;
  /** Everything that had come by then has been received; undefined if what came later may be gone. Epoch milliseconds. */
  #readAtMs: number | undefined;
  #lastReceived: string | undefined;
  /** Set by opening: records up to this one have been received before. */
  #repeatsUntil: string | undefined;

  constructor(
    { reader, clock }: { readonly reader: StreamReader<EventRecord>; readonly clock: Clock },
    shardId: string,
    stored?: StoredPosition,
  ) {
    this.#reader = reader;
    this.#shardId = shardId;
    this.#clock = clock;
    this.#after = this.#lastReceived = stored?.after;
    const isKnown = stored !== undefined && !wasOutlived(stored, clock.now());
    this.#readAtMs = isKnown ? stored.atMs : undefined;
  }

  async next(limit: number): Promise<Progress> {
    if (this.#iterator === undefined) {
      this.#repeatsUntil = this.#lastReceived;
      this.#iterator = await this.#reader.open(this.#shardId, this.#after, this.#readAtMs);
    }
    const askedAtMs = this.#clock.now();
    const { records, nextIterator, behindMs } = await this.#reader.read(this.#iterator, limit);
    this.#iterator = nextIterator;
    const fresh = this.#withoutRepeats(records);
    const last = fresh.at(-1);
    if (last !== undefined) {
      this.#lastReceived = this.#after = sequenceNumberOf(last);
      this.#readAtMs = (createdAtSecondsOf(last) ?? askedAtMs / 1000) * 1000;
    }
    if (behindMs === 0) this.#readAtMs = askedAtMs;
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
