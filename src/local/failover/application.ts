// An application that writes to the table that is active. While none is, it refuses what its users ask for, and counts
// it: that is the fence of a local run.

import type { Clock } from '../../ports.ts';
import { reachedRate } from '../latency/reached-rate.ts';
import { TimedWriter } from '../latency/timed-writer.ts';
import type { WorkloadWrite } from '../run/workload.ts';
import { sendWrite, type WritePlace } from '../run/write-loop.ts';

export interface ApplicationOptions {
  readonly nextWrite: (nowMs: number) => WorkloadWrite;
  readonly writesPerSecond: number;
  readonly clock: Clock;
}

export interface Application {
  /** Writes that a table has taken. */
  readonly writes: number;
  readonly refused: number;
  /** Writes per second that were asked for. */
  readonly reachedRate: number;
  /**
   * Writes to `place` from now on; without one, it refuses.
   * @returns once no write to the place before is under way any more.
   */
  moveTo(place: WritePlace | undefined): Promise<void>;
  /** Ends when all writes have been answered. Rejects with the first error of a write. Safe to repeat. */
  stop(): Promise<void>;
}

/** Refuses everything, until it is moved to a table. */
export function startApplication(options: ApplicationOptions): Application {
  const { nextWrite, writesPerSecond, clock } = options;
  const underWay = new Set<Promise<void>>();
  const counts = { writes: 0, refused: 0 };
  let active: WritePlace | undefined;
  const write = async (place: WritePlace) => {
    await sendWrite(place, nextWrite(clock.now()));
    counts.writes += 1;
  };
  const send = async () => {
    if (active === undefined) {
      counts.refused += 1;
      return;
    }
    const sent = write(active).finally(() => underWay.delete(sent));
    underWay.add(sent);
    await sent;
  };
  const stopping = new AbortController();
  const { signal: stop } = stopping;
  const startMs = clock.now();
  const runOn = async () => {
    // A writer that is too far behind its time gives up; users come all the same.
    while (!stop.aborted)
      await new TimedWriter({ rate: writesPerSecond, planned: Infinity, clock, stop, send }).run();
  };
  const running = runOn();
  // Heard by stop().
  running.catch(() => undefined);
  return {
    get writes() {
      return counts.writes;
    },
    get refused() {
      return counts.refused;
    },
    get reachedRate() {
      const { writes, refused } = counts;
      const elapsedMs = clock.now() - startMs;
      return reachedRate({ asked: writesPerSecond, count: writes + refused, elapsedMs });
    },
    async moveTo(place) {
      active = place;
      await Promise.allSettled(underWay);
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
