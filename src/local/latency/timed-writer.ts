// Calls for a write whenever one is due, whether or not those before have been answered, so that a slow
// answer delays no later write's time, only its call.

import { reachedRate } from './reached-rate.ts';
import type { Clock } from '../../ports.ts';

export interface TimedWriterOptions {
  /** Writes per second. */
  readonly rate: number;
  /** Number of writes. */
  readonly planned: number;
  /** No write begins after it, by the clock. @default never */
  readonly endMs?: number | undefined;
  readonly clock: Clock;
  readonly stop: AbortSignal;
  /** Sends one write. `dueMs` is its time by the clock, never later than the call. */
  readonly send: (dueMs: number) => Promise<void>;
}

/** Bounds what an engine slower than the rate has to hold. */
const IN_FLIGHT_MAX = 64;
/** A writer that is behind its time by more than that will not make it, and gives up. */
const LATE_MS_MAX = 60_000;
const SLEEP_MS_MAX = 100;
/** Between two looks for room. */
const TICK_MS = 5;

export class TimedWriter {
  /** Writes that have been answered. */
  answered = 0;
  /** The most that a write began after it was due. */
  lateMsMax = 0;
  #begun = 0;
  #elapsedMs = 0;
  readonly #options: TimedWriterOptions;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #failures: unknown[] = [];
  #stopped = false;

  constructor(options: TimedWriterOptions) {
    this.#options = options;
  }

  /** Writes per second that were begun. */
  get reachedRate(): number {
    const { rate } = this.#options;
    return reachedRate({ asked: rate, count: this.#begun, elapsedMs: this.#elapsedMs });
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Resolves when all writes have been answered. Rejects with the first error of a write. */
  async run(): Promise<void> {
    const { rate, planned, clock } = this.#options;
    const startMs = clock.now();
    for (let index = 0; index < planned; index += 1) {
      const dueMs = startMs + (index * 1000) / rate;
      await this.#waitFor(dueMs);
      const lateMs = clock.now() - dueMs;
      if (this.#ended() || lateMs > LATE_MS_MAX) break;
      this.lateMsMax = Math.max(this.lateMsMax, lateMs);
      this.#begun += 1;
      this.#elapsedMs = dueMs + lateMs - startMs;
      this.#begin(dueMs);
    }
    await Promise.all(this.#inFlight);
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  /** Until the time has come, and there is room for one more. */
  async #waitFor(dueMs: number): Promise<void> {
    const { clock } = this.#options;
    while (clock.now() < dueMs && !this.#ended()) {
      await clock.sleep(Math.min(dueMs - clock.now(), SLEEP_MS_MAX));
    }
    while (this.#inFlight.size >= IN_FLIGHT_MAX && !this.#ended()) await clock.sleep(TICK_MS);
  }

  #ended(): boolean {
    const { stop, clock, endMs = Infinity } = this.#options;
    const isOver = this.#stopped || stop.aborted || clock.now() > endMs;
    return isOver || this.#failures.length > 0;
  }

  #begin(dueMs: number): void {
    const sent = this.#send(dueMs).finally(() => this.#inFlight.delete(sent));
    this.#inFlight.add(sent);
  }

  async #send(dueMs: number): Promise<void> {
    try {
      await this.#options.send(dueMs);
      this.answered += 1;
    } catch (error) {
      this.#failures.push(error);
    }
  }
}
