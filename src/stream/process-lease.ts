// Which process carries a replication: what a holder and a standby do next, given what they have read, and when by their
// own monotonic clock. Clocks of two machines are never compared. Two holders at once do no harm, because all writes of
// `ferry run` are guarded; the lease only keeps two processes from doing the same work.

import { describeError } from '../errors.ts';
import type { Clock, LeaseRow, ProcessLease } from '../ports.ts';

const RENEW_MS = 3_000;
/** A holder that has not renewed for so long stops, well before a standby may take over. */
export const HOLD_MS = 10_000;
const LOOK_MS = 2_000;
/** A standby takes over a lease that has stayed the same for so long. */
export const TAKE_MS = 15_000;
/** A process that has had no answer for so long does not know whether another one carries on. */
const UNKNOWN_MS = 30_000;
/** Between tries of a request that has failed. */
const AGAIN_MS = 1_000;

export type LeaseState =
  | {
      readonly kind: 'standby';
      /** The row as it was read last; undefined where there was none. */
      readonly seen?: ProcessLease | undefined;
      /** When this process knew it first. */
      readonly seenAtMs?: number;
    }
  | {
      readonly kind: 'holder';
      readonly lease: ProcessLease;
      /** Before the request of the last renewal was sent. */
      readonly renewedAtMs: number;
    };

const STANDBY: LeaseState = { kind: 'standby' };

/** What a standby knows once it has read the row: a lease that has not moved is known for longer. */
export function afterLook(
  before: LeaseState,
  found: ProcessLease | undefined,
  answeredAtMs: number,
): LeaseState {
  const { seen, seenAtMs } = before.kind === 'standby' ? before : {};
  const isSame = seen !== undefined && found !== undefined && isOf(found, seen);
  const since = isSame && seenAtMs !== undefined ? seenAtMs : answeredAtMs;
  return { kind: 'standby', seen: found, seenAtMs: since };
}

/**
 * The lease to write, if the row may be taken: there is none, it was released, it is this process's, or it has not moved.
 * @param lookedAtMs before the last look was sent: the row had not moved until then.
 */
export function leaseToTake(
  state: LeaseState,
  { holder, lookedAtMs }: { readonly holder: string; readonly lookedAtMs: number },
): ProcessLease | undefined {
  if (state.kind !== 'standby') return undefined;
  const { seen, seenAtMs = lookedAtMs } = state;
  // Its own row is one that it could not renew, or whose answer was lost.
  const isFree =
    seen === undefined ||
    seen.released ||
    seen.holder === holder ||
    lookedAtMs - seenAtMs >= TAKE_MS;
  return isFree ? { holder, fence: (seen?.fence ?? 0) + 1, beat: 0, released: false } : undefined;
}

function renewed(lease: ProcessLease): ProcessLease {
  return { ...lease, beat: lease.beat + 1 };
}

/** Whether a holder may go on. */
export function isHeld(state: LeaseState, nowMs: number): boolean {
  return state.kind === 'holder' && nowMs - state.renewedAtMs < HOLD_MS;
}

function isOf(found: ProcessLease, { fence, beat, released }: ProcessLease): boolean {
  return found.fence === fence && found.beat === beat && found.released === released;
}

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
      if (isWritten || (await this.#isOwn(next))) {
        this.#state = { kind: 'holder', lease: next, renewedAtMs: sentAtMs };
        this.#answeredAtMs = monotonicMs();
        return sentAtMs + RENEW_MS - monotonicMs();
      }
      this.#lose('another process has taken the lease over');
    } catch (error) {
      this.#options.onProblem(`renew the lease: ${describeError(error)}`);
      if (!this.isHolder) this.#lose(`it could not be renewed for ${HOLD_MS / 1000} s`);
    }
    return AGAIN_MS;
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
      const wanted = leaseToTake(this.#state, { holder, lookedAtMs });
      if (wanted === undefined) {
        this.#answeredAtMs = monotonicMs();
        return lookedAtMs + LOOK_MS - monotonicMs();
      }
      const sentAtMs = monotonicMs();
      const seen = this.lease;
      const isTaken = await row.write(wanted, seen);
      this.#answeredAtMs = monotonicMs();
      if (!isTaken) return AGAIN_MS;
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
