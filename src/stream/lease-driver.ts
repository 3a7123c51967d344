// Drives the lease of a replication: looks, takes, renews and loses it, as process-lease.ts decides.

import { describeError } from '../errors.ts';
import type { Clock, LeaseRow, ProcessLease } from '../ports.ts';
import {
  afterLook,
  HOLD_MS,
  isHeld,
  isOf,
  type LeaseState,
  leaseToTake,
  renewed,
  STANDBY,
} from './process-lease.ts';

const RENEW_MS = 3_000;
const LOOK_MS = 2_000;
/** A process that has had no answer for so long does not know whether another one carries on. */
const UNKNOWN_MS = 30_000;
/** Between tries of a request that has failed. */
const AGAIN_MS = 1_000;

export interface LeaseOptions {
  readonly row: LeaseRow;
  /** Names this process, and no other. */
  readonly holder: string;
  readonly clock: Clock;
  /** A clock that cannot be set. */
  readonly monotonicMs: () => number;
  /** Called when this process becomes the holder. */
  readonly onHeld: (fence: number) => void;
  /** Called when it is the holder no longer, for whatever reason but its own release: it must stop its work. */
  readonly onLost: (why: string) => void;
  readonly onProblem: (problem: string) => void;
}

export interface LeaseDriver {
  readonly isHolder: boolean;
  /** Whether the row was read or written of late: a standby that cannot would never take over. */
  readonly isInformed: boolean;
  /** The row as it was seen or written last. */
  readonly lease: ProcessLease | undefined;
  /** It is no holder any more, and its fence is too low: as after a row that was deleted by hand. */
  fenced(why: string): void;
  /** Ends, and says so in the row if this process is the holder. Its work must be over. Safe to repeat. */
  release(): Promise<void>;
}

/** Looks, takes, renews and loses the lease of a replication, until it is released. */
export function driveLease(options: LeaseOptions): LeaseDriver {
  const driver = new Driver(options);
  driver.start();
  return driver;
}

class Driver implements LeaseDriver {
  readonly #options: LeaseOptions;
  #state: LeaseState = STANDBY;
  #answeredAtMs: number;
  /** The highest that is known. */
  #fence = 0;
  /** The last that was refused. */
  #refused: number | undefined;
  #stopping = false;
  #running: Promise<void> = Promise.resolve();
  #wake: () => void = () => undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#answeredAtMs = options.monotonicMs();
  }

  get isInformed(): boolean {
    return this.#options.monotonicMs() - this.#answeredAtMs < UNKNOWN_MS;
  }

  get isHolder(): boolean {
    return isHeld(this.#state, this.#options.monotonicMs());
  }

  get lease(): ProcessLease | undefined {
    return this.#state.kind === 'holder' ? this.#state.lease : this.#state.seen;
  }

  start(): void {
    this.#running = this.#run();
  }

  fenced(why: string): void {
    if (this.#state.kind !== 'holder') return;
    this.#refused = this.#state.lease.fence;
    this.#lose(why);
  }

  async release(): Promise<void> {
    if (this.#stopping) return this.#running;
    this.#stopping = true;
    this.#wake();
    await this.#running;
    if (this.#state.kind !== 'holder') return;
    const { lease } = this.#state;
    this.#state = STANDBY;
    try {
      await this.#options.row.write({ ...renewed(lease), released: true }, lease);
    } catch (error) {
      this.#options.onProblem(`release the lease: ${describeError(error)}`);
    }
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const waitMs = await (this.#state.kind === 'holder' ? this.#renew() : this.#look());
      await this.#sleep(waitMs);
    }
  }

  /** Also wakes in time to notice that the lease is over while a renewal has no answer. */
  async #renew(): Promise<number> {
    const { row, monotonicMs } = this.#options;
    if (this.#state.kind !== 'holder') return 0;
    const { lease } = this.#state;
    const next = renewed(lease);
    const sentAtMs = monotonicMs();
    try {
      const isWritten = await this.#inTime(row.write(next, lease));
      const isRenewed = isWritten || (await this.#isOwn(next));
      if (!this.#isStill(lease)) return 0;
      if (isRenewed) {
        this.#state = { kind: 'holder', lease: next, renewedAtMs: sentAtMs };
        this.#answeredAtMs = monotonicMs();
        return sentAtMs + RENEW_MS - monotonicMs();
      }
      this.#lose('another process has taken the lease over');
    } catch (error) {
      this.#options.onProblem(`renew the lease: ${describeError(error)}`);
      if (this.#isStill(lease) && !this.isHolder)
        this.#lose(`it could not be renewed for ${HOLD_MS / 1000} s`);
    }
    return AGAIN_MS;
  }

  /** Whether this is the lease that it holds: meanwhile, it may have been fenced. */
  #isStill(lease: ProcessLease): boolean {
    return this.#state.kind === 'holder' && this.#state.lease === lease;
  }

  /** A try whose answer was lost may have written. */
  async #isOwn(lease: ProcessLease): Promise<boolean> {
    const found = await this.#inTime(this.#options.row.read());
    return found?.holder === lease.holder && isOf(found, lease);
  }

  async #look(): Promise<number> {
    const { row, holder, monotonicMs, onHeld, onProblem } = this.#options;
    const lookedAtMs = monotonicMs();
    try {
      this.#state = afterLook(this.#state, await row.read(), monotonicMs());
      const found = this.lease?.fence ?? 0;
      // If no other has taken over, the fence of the positions is higher, and only their writer knew it.
      const known = found === this.#refused ? 2 * found : found;
      this.#fence = Math.max(this.#fence, known);
      const wanted = leaseToTake(this.#state, { holder, lookedAtMs, fence: this.#fence });
      if (wanted === undefined) {
        this.#answeredAtMs = monotonicMs();
        return lookedAtMs + LOOK_MS - monotonicMs();
      }
      const sentAtMs = monotonicMs();
      const seen = this.lease;
      const isTaken = await row.write(wanted, seen);
      this.#answeredAtMs = monotonicMs();
      if (!isTaken) return AGAIN_MS;
      this.#fence = wanted.fence;
      this.#state = { kind: 'holder', lease: wanted, renewedAtMs: sentAtMs };
      if (this.isHolder) onHeld(wanted.fence);
      else this.#state = STANDBY;
      return RENEW_MS;
    } catch (error) {
      onProblem(`read or take the lease: ${describeError(error)}`);
      return AGAIN_MS;
    }
  }

  #lose(why: string): void {
    this.#state = STANDBY;
    this.#options.onLost(why);
  }

  /** @throws where the lease is over before the answer comes. */
  async #inTime<T>(answer: Promise<T>): Promise<T> {
    const { clock, monotonicMs } = this.#options;
    if (this.#state.kind !== 'holder') return answer;
    const leftMs = this.#state.renewedAtMs + HOLD_MS - monotonicMs();
    answer.catch(() => undefined);
    const late = clock.sleep(Math.max(0, leftMs)).then(() => {
      throw new Error('no answer in time');
    });
    late.catch(() => undefined);
    return Promise.race([answer, late]);
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#stopping) return;
    const woken = new Promise<void>((resolve) => (this.#wake = resolve));
    await Promise.race([woken, this.#options.clock.sleep(Math.max(0, ms))]);
  }
}
