// One replication in this process: a standby until it has the lease, then the holder, until the lease is lost or the
// process is to end. What fails is opened again, and stops no other replication.

import type { Clock, LeaseRow, Log } from '../ports.ts';
import type { StreamConsumer } from '../stream/consumer.ts';
import { hasPassed } from '../stream/context.ts';
import { driveLease, type LeaseDriver } from '../stream/lease-driver.ts';
import { isFenced } from '../stream/process-lease.ts';
import type { ReplicationHealth } from './health.ts';
import { failureName } from './quiet.ts';
import { isStreamOver } from './source.ts';

/** A stream that is read. */
interface OpenStream {
  readonly consumer: StreamConsumer;
  /** To call once it is over for good: what comes next is read from then on. */
  readonly leave: () => Promise<void>;
  readonly close: () => void;
}

/** What is opened for a replication, and closed before it is opened again. */
export interface OpenReplication {
  readonly leaseRow: LeaseRow;
  /** Starts to read, and keeps positions under the fence. */
  start(fence: number): Promise<OpenStream>;
  /** Writes a heartbeat, if one is due. */
  readonly beat?: (() => Promise<void>) | undefined;
  readonly close: () => void;
}

export interface CarryOptions {
  readonly open: () => Promise<OpenReplication>;
  /** Names this process, and no other. */
  readonly holder: string;
  readonly health: ReplicationHealth;
  readonly clock: Clock;
  readonly monotonicMs: () => number;
  readonly log: Log;
  readonly stop: AbortSignal;
  readonly heartbeatPeriodMs: number;
  /** Whether it ends by itself when everything that was in the stream is settled. */
  readonly untilCaughtUp: boolean;
  /** Learns of the first try to open it. */
  readonly onFirst: (error: unknown) => void;
  /** Resolves once it is known whether the process goes on after these: otherwise, `stop` is aborted. */
  readonly begun: Promise<void>;
}

const AGAIN_MS = 5_000;
const AGAIN_MS_MAX = 60_000;
const SLICE_MS = 250;

/** Resolves once `stop` is aborted and everything has ended. Never rejects. */
export async function carry(options: CarryOptions): Promise<void> {
  const { health, log, stop, onFirst } = options;
  for (let failures = 0; !stop.aborted; ) {
    try {
      const opened = await options.open();
      failures = 0;
      onFirst(undefined);
      if ((await waitAndHold(opened, options)) === 'caught up') break;
    } catch (error) {
      onFirst(error);
      await options.begun;
      if (stop.aborted) break;
      failures += 1;
      const why = failureName(error);
      health.failed(why);
      log({ event: 'replication.failed', why, attempt: failures });
      await pause(Math.min(AGAIN_MS_MAX, AGAIN_MS * failures), options);
    }
  }
  // It may have been stopped before anything.
  onFirst(undefined);
}

/** From `onHeld` to `onLost`. */
class Holding {
  readonly #over = new AbortController();
  readonly fence: number;

  constructor(fence: number) {
    this.fence = fence;
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  end(): void {
    this.#over.abort();
  }
}

async function waitAndHold(
  opened: OpenReplication,
  options: CarryOptions,
): Promise<'caught up' | undefined> {
  const { holder, health, clock, monotonicMs, log, stop } = options;
  const now: { holding?: Holding | undefined } = {};
  let changed = new AbortController();
  const lease: LeaseDriver = driveLease({
    row: opened.leaseRow,
    holder,
    clock,
    monotonicMs,
    onHeld(fence) {
      now.holding = new Holding(fence);
      changed.abort();
    },
    onLost(why) {
      log({ event: 'lease.lost', why });
      now.holding?.end();
      now.holding = undefined;
    },
    onProblem: (problem) => log({ event: 'lease.problem', problem }),
  });
  health.standsBy(() => lease.isInformed);
  log({ event: 'replication.standby' });
  try {
    while (!stop.aborted) {
      const held = now.holding;
      if (held === undefined) {
        changed = new AbortController();
        await aborted(AbortSignal.any([changed.signal, stop]));
        continue;
      }
      const end = await hold(opened, held, options).catch((error: unknown) => {
        if (!isFenced(error)) throw error;
        lease.fenced(error.message);
      });
      if (end === 'caught up') return end;
      health.standsBy(() => lease.isInformed);
    }
    return undefined;
  } finally {
    await lease.release();
    opened.close();
  }
}

/** @returns once the lease is lost, or the process is to end. */
async function hold(
  opened: OpenReplication,
  { fence, signal }: Holding,
  options: CarryOptions,
): Promise<'caught up' | undefined> {
  const { health, log, stop, untilCaughtUp } = options;
  log({ event: 'lease.held', fence });
  const { consumer, leave, close } = await opened.start(fence);
  health.holds(() => consumer.settledAtMs);
  const ended = new AbortController();
  const over = AbortSignal.any([signal, stop, ended.signal]);
  const beating = opened.beat && beatUntil(over, opened.beat, options);
  try {
    const ends: Array<Promise<'caught up' | undefined>> = [aborted(over), consumer.lost];
    if (untilCaughtUp) ends.push(consumer.settled().then(() => 'caught up' as const));
    return await Promise.race(ends);
  } catch (error) {
    if (isStreamOver(error)) await leave();
    throw error;
  } finally {
    ended.abort();
    await consumer.stop();
    await beating;
    close();
    const { received, done, givenUp } = consumer.counts;
    log({ event: 'replication.stopped', received, done, givenUp });
  }
}

async function beatUntil(
  over: AbortSignal,
  beat: () => Promise<void>,
  options: CarryOptions,
): Promise<void> {
  const { log, heartbeatPeriodMs } = options;
  while (!over.aborted) {
    await beat().catch((error: unknown) => {
      log({ event: 'heartbeat.failed', why: failureName(error) });
    });
    await pause(heartbeatPeriodMs, { ...options, stop: over });
  }
}

/** In slices: listeners of a signal that lives for months would add up. A clock that is set back ends it. */
async function pause(ms: number, { clock, stop }: Pick<CarryOptions, 'clock' | 'stop'>) {
  const fromMs = clock.now();
  while (!stop.aborted && !hasPassed(ms, fromMs, clock.now()))
    await clock.sleep(Math.min(SLICE_MS, fromMs + ms - clock.now()));
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
    return undefined;
  });
}
