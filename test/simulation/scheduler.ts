// Virtual time: events in the order of their times, each run to its end, promises included, before the
// next. Two runs with the same events are the same run.

/** Of Node's event loop, whose every turn costs more than an event. */
const STEPS_PER_TURN = 64;

interface Event {
  readonly atMs: number;
  /** Decides between events of the same time. */
  readonly order: number;
  readonly run: () => void;
}

export class Scheduler {
  /** Events that have run. */
  ran = 0;
  #nowMs: number;
  #order = 0;
  readonly #heap: Event[] = [];

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  /** Epoch milliseconds, with a fraction. */
  now(): number {
    return this.#nowMs;
  }

  at(atMs: number, run: () => void): void {
    const event = { atMs: Math.max(atMs, this.#nowMs), order: (this.#order += 1), run };
    this.#heap.push(event);
    this.#rise(this.#heap.length - 1);
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.#nowMs + delayMs, run);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /**
   * Runs until nothing is left to run, or `eventsMax` have run in all.
   * @returns whether nothing is left.
   */
  rest(eventsMax: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      let steps = STEPS_PER_TURN;
      let over = false;
      // Between two of these, Node runs all that has been promised meanwhile.
      const step = () => {
        try {
          over ||= this.ran >= eventsMax || !this.#runNext();
        } catch (error) {
          over = true;
          reject(error);
        }
        if (!over) {
          setImmediate(step);
          return;
        }
        steps -= 1;
        if (steps === 0) resolve(this.#heap.length === 0);
      };
      for (let count = 0; count < STEPS_PER_TURN; count += 1) setImmediate(step);
    });
  }

  #runNext(): boolean {
    const next = this.#heap[0];
    const last = this.#heap.pop();
    if (next === undefined || last === undefined) return false;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    this.#nowMs = next.atMs;
    this.ran += 1;
    next.run();
    return true;
  }

  #rise(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfBefore(index, parent)) return;
      index = parent;
    }
  }

  #sink(from: number): void {
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      const child = this.#isBefore(right, left) ? right : left;
      if (!this.#swapIfBefore(child, index)) return;
      index = child;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one === undefined || other === undefined) return false;
    return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
  }

  #swapIfBefore(a: number, b: number): boolean {
    if (!this.#isBefore(a, b)) return false;
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one !== undefined && other !== undefined) [this.#heap[a], this.#heap[b]] = [other, one];
    return true;
  }
}
