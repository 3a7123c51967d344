// Lanes in their order -> what was read of their newest records, a chunk of lanes at a time, a little ahead of
// their turn. Of a chunk that is done, nothing is kept.

import type { RecordContext } from './context.ts';
import type { ReadBefore } from './item.ts';
import type { PlacedLetter } from './place.ts';
import { type ReadLanes, readLanes } from './read-lanes.ts';

export interface ReadingAhead {
  readonly context: RecordContext;
  readonly stop: AbortSignal;
  /** Lanes of a chunk. */
  readonly readTogether: number;
}

/** Reads wait behind the writes of several hundred lanes: writes must not wait for them in turn. */
const CHUNKS_AHEAD = 4;

export class ReadsAhead {
  readonly #letters: ReadonlyArray<PlacedLetter | undefined>;
  readonly #reading: ReadingAhead;
  readonly #reads = new Map<number, Promise<ReadLanes>>();
  /** Lanes of each chunk that have had their turn. */
  readonly #done = new Map<number, number>();

  /** @param newest of each lane. */
  constructor(newest: ReadonlyArray<PlacedLetter | undefined>, reading: ReadingAhead) {
    this.#letters = newest;
    this.#reading = reading;
  }

  /** Begins to read the next chunks, too. Rejects as a read does. */
  async of(index: number): Promise<ReadBefore> {
    const number = this.#numberOf(index);
    const reads = this.#begin(number);
    for (let next = number + 1; next <= number + CHUNKS_AHEAD; next += 1)
      if (next * this.#reading.readTogether < this.#letters.length) void this.#begin(next);
    return (await reads).get(this.#letters[index]?.keyText ?? '') ?? {};
  }

  /** To be called when a lane has had its turn. */
  done(index: number): void {
    const number = this.#numberOf(index);
    const done = (this.#done.get(number) ?? 0) + 1;
    this.#done.set(number, done);
    if (done === this.#chunk(number).length) this.#reads.delete(number);
  }

  #numberOf(index: number): number {
    return Math.floor(index / this.#reading.readTogether);
  }

  #chunk(number: number): ReadonlyArray<PlacedLetter | undefined> {
    const { readTogether } = this.#reading;
    return this.#letters.slice(number * readTogether, (number + 1) * readTogether);
  }

  #begin(number: number): Promise<ReadLanes> {
    const known = this.#reads.get(number);
    if (known !== undefined) return known;
    const { context, stop } = this.#reading;
    const items = this.#chunk(number).filter((item) => item !== undefined);
    const reads = readLanes(items, context, stop);
    // `of` rethrows it, unless the run ends before.
    reads.catch(() => undefined);
    this.#reads.set(number, reads);
    return reads;
  }
}
