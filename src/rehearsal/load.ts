// The load of a rehearsal, and how long each of its writes takes to the twin: one item is written again and again, and
// the twin is asked for it. What the twin has of it says which writes have arrived.

import { paceOf } from '../pacing/pace.ts';
import type { Clock } from '../ports.ts';
import type { LoadItem, RehearsalPlace } from './ports.ts';

export interface LatencySample {
  /** Epoch milliseconds. */
  readonly writtenAtMs: number;
  readonly latencyMs: number;
}

/** Different keys of the load. */
const KEYS = 50;
const PROBE = 'ferry-rehearsal-probe';
/** Every so many writes, one is of the probe. */
const PROBE_EVERY = 4;
/** From one look at the twin to the next: a sixtieth of a minute of the alarms, but no more often than this. */
const LOOK_MS_MIN = 200;

export class Load {
  samples: readonly LatencySample[] = [];
  writes = 0;
  /** While a switch fenced the application. */
  refused = 0;
  readonly #place: RehearsalPlace;
  readonly #clock: Clock;
  #stopping = false;
  #waiting: LoadItem[] = [];
  #count = 0;
  #failed: { readonly error: unknown } | undefined;
  readonly #running: Promise<unknown>;

  /** Begins at once. */
  constructor(place: RehearsalPlace, clock: Clock) {
    [this.#place, this.#clock] = [place, clock];
    this.#running = Promise.all([this.#write(), this.#look()]);
    // Heard by check() and stop().
    this.#running.catch((error: unknown) => (this.#failed = { error }));
  }

  /** @throws the first error of a write or of a look. */
  check(): void {
    if (this.#failed !== undefined) throw this.#failed.error;
  }

  /** Ends when the last write has been answered. Safe to repeat. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  /** Writes `count` items that the twin will reject. */
  async poison(count: number): Promise<void> {
    for (let one = 0; one < count; one += 1)
      await this.#place.write({ ...this.#item(`poison-${one}`), isPoison: true });
  }

  /** Whether a write from then on has arrived, and with it all that were written before. */
  hasArrived(fromMs: number): boolean {
    return (this.samples.at(-1)?.writtenAtMs ?? -Infinity) >= fromMs;
  }

  /** The highest age of a write that the twin did not have, from then on. */
  peakMs(fromMs: number): number {
    const waiting = this.#waiting.map(({ writtenAtMs }) => this.#clock.now() - writtenAtMs);
    const arrived = this.samples
      .filter(({ writtenAtMs, latencyMs }) => writtenAtMs + latencyMs >= fromMs)
      .map(({ latencyMs }) => latencyMs);
    return arrived.concat(waiting).reduce((most, ms) => Math.max(most, ms), 0);
  }

  /** What a Region that is lost has not sent by then does not arrive by itself, and is not waited for. */
  forget(lostAtMs: number): void {
    this.#waiting = [];
    this.samples = this.samples.filter(
      ({ writtenAtMs, latencyMs }) => writtenAtMs + latencyMs < lostAtMs,
    );
  }

  #item(key: string): LoadItem {
    this.#count += 1;
    return { key, n: this.#count, writtenAtMs: this.#clock.now() };
  }

  async #write(): Promise<void> {
    const pace = paceOf(this.#place.writesPerSecond, this.#clock);
    while (!this.#stopping) {
      await pace.take(1);
      const turn = this.#count + 1;
      const isProbe = turn % PROBE_EVERY === 0;
      const item = this.#item(isProbe ? PROBE : `load-${turn % KEYS}`);
      // Noted first: it may arrive before its answer does.
      if (isProbe) this.#waiting.push(item);
      if (await this.#place.write(item)) {
        this.writes += 1;
        continue;
      }
      this.refused += 1;
      this.#waiting = this.#waiting.filter((one) => one !== item);
    }
  }

  async #look(): Promise<void> {
    const everyMs = Math.max(LOOK_MS_MIN, this.#place.minuteMs / 60);
    while (!this.#stopping) {
      await this.#clock.sleep(everyMs);
      if (this.#waiting.length === 0) continue;
      const { n = 0 } = (await this.#place.readTwin(PROBE)) ?? {};
      const nowMs = this.#clock.now();
      const arrived = this.#waiting.filter((item) => item.n <= n);
      this.samples = this.samples.concat(
        arrived.map(({ writtenAtMs }) => ({ writtenAtMs, latencyMs: nowMs - writtenAtMs })),
      );
      this.#waiting = this.#waiting.filter((item) => item.n > n);
    }
  }
}
