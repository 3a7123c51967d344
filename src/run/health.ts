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
/** Of a batch that was delivered: what is older counts for so long. */
const DELIVERED_MS = 10_000;
/** A process that starts has so long until it must be a standby or keep up. */
const STARTING_MS = 60_000;

export class ReplicationHealth {
  readonly #name: string;
  readonly #behindMs: number;
  readonly #startedAtMs: number;
  #state: CarryingState = 'starting';
  #failure = '';
  #isInformed: () => boolean = () => false;
  #trimmed = 0;
  #heldAtMs = -Infinity;
  #delivered = { atMs: -Infinity, createdAtMs: 0 };
  /** Everything that had come to the stream by then is settled. */
  #settledAtMs: () => number | undefined = () => undefined;

  /** @param behindMs age from which the twin counts as behind. */
  constructor(name: string, { behindMs, nowMs }: { behindMs: number; nowMs: number }) {
    this.#name = name;
    this.#behindMs = behindMs;
    this.#startedAtMs = nowMs;
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

  /** A shard without a position is settled until nothing is known: its records say how old it is. */
  delivers(createdAtMs: number, nowMs: number): void {
    const { atMs, createdAtMs: before } = this.#delivered;
    if (createdAtMs <= before || nowMs - atMs > DELIVERED_MS)
      this.#delivered = { atMs: nowMs, createdAtMs };
  }

  heldRecords(nowMs: number): void {
    this.#heldAtMs = nowMs;
  }

  /** Undefined where this process does not read, or has not begun to. */
  iteratorAgeMs(nowMs: number): number | undefined {
    const settledAtMs = this.#settledAtMs();
    if (settledAtMs === undefined) return undefined;
    const { atMs, createdAtMs } = this.#delivered;
    const oldestAtMs =
      nowMs - atMs > DELIVERED_MS ? settledAtMs : Math.min(settledAtMs, createdAtMs);
    return Math.max(0, nowMs - oldestAtMs);
  }

  view(nowMs: number): HealthView {
    const ageMs = this.iteratorAgeMs(nowMs);
    const reasons = this.#reasons(nowMs, ageMs);
    return {
      replication: this.#name,
      ok: reasons.length === 0 && (this.#state === 'standby' || ageMs !== undefined),
      state: this.#state,
      iteratorAgeMs: ageMs ?? null,
      trimmedPositions: this.#trimmed,
      reasons,
    };
  }

  #reasons(nowMs: number, ageMs: number | undefined): string[] {
    const isSlow = this.#state === 'starting' && nowMs - this.#startedAtMs > STARTING_MS;
    return [
      ...(this.#state === 'failed' ? [this.#failure] : []),
      ...(this.#state === 'standby' && !this.#isInformed() ? [UNINFORMED] : []),
      ...(isSlow ? [`it has been starting for ${duration(nowMs - this.#startedAtMs)}`] : []),
      ...(ageMs !== undefined && ageMs >= this.#behindMs
        ? [`the twin is behind by ${duration(ageMs)}`]
        : []),
      ...(nowMs - this.#heldAtMs < HELD_MS ? [HELD] : []),
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
