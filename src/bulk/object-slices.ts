// The objects of a bucket, in order -> slices of about the same number of bytes, for workers side by side. Takes
// the same memory however many objects there are.

import type { ObjectRange } from './task.ts';

interface Slice {
  readonly upTo: string;
  readonly bytes: number;
}

/** Every worker's task has all boundaries, and Step Functions takes 256 KB of input. */
const KEY_CHARS_MAX = 120_000;

export class ObjectSlices {
  readonly #most: number;
  /** Twice as many as are wanted, so that their sizes can be evened out. */
  #slices: Slice[] = [];
  #bytesEach = 0;
  objects = 0;
  bytes = 0;

  /** @param most slices at most. */
  constructor(most: number) {
    this.#most = most;
  }

  add({ key, sizeBytes }: { readonly key: string; readonly sizeBytes: number }): void {
    this.objects += 1;
    this.bytes += sizeBytes;
    const last = this.#slices.at(-1);
    if (last !== undefined && last.bytes + sizeBytes <= this.#bytesEach) {
      this.#slices.splice(-1, 1, { upTo: key, bytes: last.bytes + sizeBytes });
      return;
    }
    this.#slices.push({ upTo: key, bytes: sizeBytes });
    if (this.#slices.length > 2 * this.#most) this.#merge(this.#most);
  }

  /** The last key of each slice, in order. */
  boundaries(): string[] {
    const chars = () => this.#slices.reduce((sum, { upTo }) => sum + upTo.length, 0);
    const isTooMuch = () => this.#slices.length > this.#most || chars() > KEY_CHARS_MAX;
    while (this.#slices.length > 1 && isTooMuch()) this.#merge(this.#most);
    return this.#slices.map(({ upTo }) => upTo);
  }

  /** Neighbours together, until there are as few as that if sizes allow. */
  #merge(count: number): void {
    this.#bytesEach = Math.max(2 * this.#bytesEach, Math.ceil(this.bytes / count));
    const merged: Slice[] = [];
    for (const { upTo, bytes } of this.#slices) {
      const last = merged.at(-1);
      if (last !== undefined && last.bytes + bytes <= this.#bytesEach)
        merged.splice(-1, 1, { upTo, bytes: last.bytes + bytes });
      else merged.push({ upTo, bytes });
    }
    this.#slices = merged;
  }
}

/** The objects of a slice. */
export function rangeOf(boundaries: readonly string[], slice: number): ObjectRange {
  return { after: boundaries[slice - 1], upTo: boundaries[slice] };
}
