// How one replication of this process is, and whether it is well: a standby that waits, or a holder that keeps up.

import { duration } from '../text/duration.ts';

export type CarryingState = 'starting' | 'standby' | 'holder' | 'failed';

/** What GET /healthz says of a replication. Fields are added, never renamed. */
export interface HealthView {
  readonly replication: string;
  readonly ok: boolean;
  readonly state: CarryingState;
  /** Age of the oldest change that is not settled; null where this process does not read. */
  readonly iteratorAgeMs: number | null;
  readonly trimmedPositions: number;
  /** Why it is not well. */
  readonly reasons: readonly string[];
}

/** A batch that was held back is delivered again within seconds. */
const HELD_MS = 60_000;
/** A process that starts has so long until it must be a standby or keep up. */
const STARTING_MS = 60_000;

/** One moment by both clocks of a process, as its caller has them. */
export interface Moment {
  /** Epoch milliseconds: records and positions have such times. */
  readonly nowMs: number;
  /** By a clock that cannot be set. */
  readonly monotonicMs: number;
}

export class ReplicationHealth {
  readonly #name: string;
  readonly #behindMs: number;
  readonly #startedAtMs: number;
  #state: CarryingState = 'starting';
  #failure = '';
  #isInformed: () => boolean = () => false;
  #trimmed = 0;
  #heldAtMs = -Infinity;
  /** Everything that had come to the stream by then is settled. */
  #settledAtMs: () => number | undefined = () => undefined;
  /** As it was seen last, and since when, by the monotonic clock. */
  #seen = { atMs: -Infinity, sinceMs: 0 };

  /** @param behindMs age from which the twin counts as behind. */
  constructor(name: string, { behindMs, monotonicMs }: { behindMs: number; monotonicMs: number }) {
    this.#name = name;
    this.#behindMs = behindMs;
    this.#startedAtMs = monotonicMs;
  }

  get state(): CarryingState {
    return this.#state;
  }

  get trimmedPositions(): number {
    return this.#trimmed;
  }

  /** @param isInformed whether it sees that another process carries on. */
  standsBy(isInformed: () => boolean): void {
    this.#state = 'standby';
    this.#isInformed = isInformed;
    this.#settledAtMs = () => undefined;
  }

  holds(settledAtMs: () => number | undefined): void {
    this.#state = 'holder';
    this.#settledAtMs = settledAtMs;
  }

  failed(why: string): void {
    this.#state = 'failed';
    this.#settledAtMs = () => undefined;
    this.#failure = why;
  }

  trimmed(): void {
    this.#trimmed += 1;
  }

  heldRecords(monotonicMs: number): void {
    this.#heldAtMs = monotonicMs;
  }

  /** Undefined where this process does not read, or has not begun to. */
  #iteratorAgeMs({ nowMs, monotonicMs }: Moment): number | undefined {
    const atMs = this.#settledAtMs();
    if (atMs === undefined) return undefined;
    if (atMs !== this.#seen.atMs) this.#seen = { atMs, sinceMs: monotonicMs };
    // A clock that was set back does not hide that nothing is settled.
    return Math.max(nowMs - atMs, monotonicMs - this.#seen.sinceMs);
  }

  view(now: Moment): HealthView {
    const ageMs = this.#iteratorAgeMs(now);
    const reasons = this.#reasons(now, ageMs);
    return {
      replication: this.#name,
      ok: reasons.length === 0 && (this.#state === 'standby' || ageMs !== undefined),
      state: this.#state,
      iteratorAgeMs: ageMs ?? null,
      trimmedPositions: this.#trimmed,
      reasons,
    };
  }

  #reasons({ monotonicMs }: Moment, ageMs: number | undefined): string[] {
    const sinceStartMs = monotonicMs - this.#startedAtMs;
    const isSlow = this.#state === 'starting' && sinceStartMs > STARTING_MS;
    return [
      ...(this.#state === 'failed' ? [this.#failure] : []),
      ...(this.#state === 'standby' && !this.#isInformed() ? [UNINFORMED] : []),
      ...(isSlow ? [`it has been starting for ${duration(sinceStartMs)}`] : []),
      ...(ageMs !== undefined && ageMs >= this.#behindMs
        ? [`the twin is behind by ${duration(ageMs)}`]
        : []),
      ...(monotonicMs - this.#heldAtMs < HELD_MS ? [HELD] : []),
      ...(this.#trimmed > 0 ? [TRIMMED] : []),
    ];
  }
}

const UNINFORMED =
  'the lease cannot be read or written in the state table, so this process cannot tell whether another one replicates';
const HELD =
  'records are held: the control row does not allow their stream to write, or nearly all are rejected';
const TRIMMED =
  'the stream has deleted records before they were read: run ferry verify and ferry repair, then start this process again';
