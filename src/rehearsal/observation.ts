// What is seen of one failure: which alarms have fired since it began, and whether the status has shown it.

import type { Clock } from '../ports.ts';
import type { Failure } from './failures.ts';
import type { RehearsalPlace, StatusNow } from './ports.ts';
import type { FailureOutcome } from './report.ts';

interface ObservationOptions {
  readonly place: Pick<RehearsalPlace, 'firing' | 'status'>;
  readonly clock: Pick<Clock, 'now'>;
  /** What must fire and show. */
  readonly failure: Pick<Failure, 'fires' | 'shows' | 'otherwise'>;
}

export class Observation {
  startedAtMs = 0;
  readonly #options: ObservationOptions;
  /** When each fired first. */
  readonly #fired = new Map<string, number>();
  #firing: readonly string[] = [];
  /** Alarms that an earlier failure has left in ALARM. */
  #earlier: readonly string[] = [];
  #last: StatusNow | undefined;
  #seen: FailureOutcome['status'] = null;

  constructor(options: ObservationOptions) {
    this.#options = options;
  }

  get lastLevel(): string | undefined {
    return this.#last?.level;
  }

  get lastText(): string {
    return this.#last === undefined ? 'unknown' : `${this.#last.level}, ${this.#last.text}`;
  }

  /** From here on, what fires and shows counts. */
  begin(): void {
    this.startedAtMs = this.#options.clock.now();
    this.#earlier = this.#firing;
    this.#fired.clear();
    this.#seen = null;
  }

  async look(): Promise<void> {
    const { place, clock, failure } = this.#options;
    const [firing, status] = await Promise.all([place.firing(), place.status()]);
    const nowMs = clock.now();
    [this.#firing, this.#last] = [firing, status];
    // One that has ended, and fires again, counts.
    this.#earlier = this.#earlier.filter((name) => firing.includes(name));
    for (const name of firing)
      if (!this.#earlier.includes(name) && !this.#fired.has(name)) this.#fired.set(name, nowMs);
    if (status.runbook === failure.shows && status.level !== 'healthy')
      this.#seen ??= { text: status.text, seenAfterMs: nowMs - this.startedAtMs };
  }

  /** Whether one of the alarms that must fire does so now. */
  isFiring(): boolean {
    return this.#options.failure.fires.some((name) => this.#firing.includes(name));
  }

  /** Whether all that must fire, and exist, have fired. */
  hasFired(alarms: readonly string[]): boolean {
    const { fires } = this.#options.failure;
    return fires.every((name) => this.#fired.has(name) || !alarms.includes(name));
  }

  isSeen(): boolean {
    return this.#seen !== null;
  }

  outcome(): Pick<FailureOutcome, 'alarms' | 'otherAlarms' | 'status'> {
    const { fires } = this.#options.failure;
    const after = (name: string) => {
      const atMs = this.#fired.get(name);
      return atMs === undefined ? null : atMs - this.startedAtMs;
    };
    return {
      alarms: fires.map((name) => ({ name, firedAfterMs: after(name) })),
      otherAlarms: [...this.#fired.keys()].filter((name) => !fires.includes(name)),
      status: this.#seen,
    };
  }

  /**
   * @param alarms those that the replication has.
   * @param endedAtMs when the failure was over.
   */
  problems(alarms: readonly string[], endedAtMs: number): string[] {
    const { fires, shows, otherwise } = this.#options.failure;
    const silent = fires.filter((name) => !this.#fired.has(name));
    const late = fires.filter((name) => (this.#fired.get(name) ?? 0) > endedAtMs);
    return [
      ...late.map((name) => `The alarm ${name} fired only when the failure was over.`),
      ...silent.map((name) =>
        alarms.includes(name)
          ? `The alarm ${name} did not fire.`
          : [
              `The replication has no alarm ${name}.`,
              ...(otherwise === undefined ? [] : [otherwise]),
            ].join(' '),
      ),
      ...(this.isSeen()
        ? []
        : [
            `ferry status did not name the entry ${shows} of the runbook; it said: ${this.lastText}.`,
          ]),
    ];
  }
}
