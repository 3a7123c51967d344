// Records of a shard, received in order and settled in any -> the last one before which nothing is open. Pure.

/** Settled records are forgotten in pieces, because cutting an array at its front costs as much as what stays. */
const CUT = 1_024;

export class SettledPrefix {
  /** In the order of the shard; those before `#head` are settled. */
  readonly #received: string[] = [];
  readonly #settled = new Set<string>();
  #head = 0;
  #last: string | undefined;

  /** @param last what is settled already. */
  constructor(last?: string) {
    this.#last = last;
  }

  /** Sequence number of the last record of the prefix. */
  get last(): string | undefined {
    return this.#last;
  }

  /** Whether everything that was received is settled. */
  get isWhole(): boolean {
    return this.#head === this.#received.length;
  }

  receive(sequenceNumber: string): void {
    this.#received.push(sequenceNumber);
  }

  /** @returns whether the prefix has grown. */
  settle(sequenceNumbers: Iterable<string>): boolean {
    for (const sequenceNumber of sequenceNumbers) this.#settled.add(sequenceNumber);
    const before = this.#last;
    for (let next = this.#next(); next !== undefined && this.#settled.delete(next); ) {
      this.#last = next;
      this.#head += 1;
      next = this.#next();
    }
    if (this.#head >= CUT) {
      this.#received.splice(0, this.#head);
      this.#head = 0;
    }
    return this.#last !== before;
  }

  #next(): string | undefined {
    return this.#received[this.#head];
  }
}
