// A rehearsal: a load, one failure after the other, and of each whether its alarms fire, whether the status shows it, and
// how long it takes until the replication is healthy again.

import { describeError, FerryError } from '../errors.ts';
import type { Clock } from '../ports.ts';
import { type Failure, type NotRehearsed, planOf } from './failures.ts';
import { Load } from './load.ts';
import { Observation } from './observation.ts';
import type { RehearsalPlace, SwitchOutcome } from './ports.ts';
import type { FailureOutcome, RehearsalReport } from './report.ts';

export interface RehearsalOptions {
  readonly clock: Clock;
  /** A line for people. */
  readonly say: (line: string) => void;
  /** Ends it after the failure that is under way, which is taken back at once. */
  readonly stop: AbortSignal;
  /** @default those that the place can have */
  readonly failures?: readonly Failure[] | undefined;
}

/** Minutes until the replication must be healthy again. */
const HEALS_WITHIN = 30;
/** A machine's own delays do not shrink with the minutes of its alarms. */
const WAIT_MS_MIN = 90_000;
const POISON_ITEMS = 3;
/** From one look at alarms and status to the next: a quarter of a minute of the alarms, but no more often than this. */
const LOOK_MS_MIN = 500;

/** @throws what the place throws; a failure that is injected is taken back before. */
export async function rehearse(
  place: RehearsalPlace,
  options: RehearsalOptions,
): Promise<RehearsalReport> {
  const { clock, stop, failures = planOf(place).failures } = options;
  const startedAtMs = clock.now();
  const load = new Load(place, clock);
  try {
    const run = new Rehearsal(place, load, options);
    const outcomes = await run.all(failures);
    await load.stop();
    if (!stop.aborted) options.say('Compares both tables.');
    return {
      name: place.name,
      regions: place.regions,
      minuteMs: place.minuteMs,
      startedAtMs,
      failures: outcomes,
      notRehearsed: planOf(place).notRehearsed.concat(stoppedBefore(failures, outcomes)),
      writes: load.writes,
      refused: load.refused,
      differences: stop.aborted ? null : await unlessStopped(place.compare(), options),
      latency: load.samples,
      endedAtMs: clock.now(),
    };
  } finally {
    await load.stop();
  }
}

/** @returns null where Ctrl-C has ended it. */
async function unlessStopped<T>(
  action: Promise<T>,
  { stop, say }: Pick<RehearsalOptions, 'stop' | 'say'>,
): Promise<T | null> {
  try {
    return await action;
  } catch (error) {
    if (!stop.aborted) throw error;
    say(`Stopped: ${describeError(error)}`);
    return null;
  }
}

function stoppedBefore(
  failures: readonly Failure[],
  outcomes: readonly FailureOutcome[],
): NotRehearsed[] {
  const why = 'the rehearsal was stopped';
  return failures.slice(outcomes.length).map(({ name }) => ({ name, why }));
}

class Rehearsal {
  readonly #place: RehearsalPlace;
  readonly #load: Load;
  readonly #options: RehearsalOptions;

  constructor(place: RehearsalPlace, load: Load, options: RehearsalOptions) {
    [this.#place, this.#load, this.#options] = [place, load, options];
  }

  async all(failures: readonly Failure[]): Promise<FailureOutcome[]> {
    const { stop, say } = this.#options;
    say(`Waits until ${this.#place.name} is healthy under its load.`);
    const outcomes: FailureOutcome[] = [];
    await unlessStopped(this.#begin(), this.#options);
    for (const failure of failures) {
      if (stop.aborted) break;
      const outcome = await unlessStopped(this.#rehearse(failure), this.#options);
      if (outcome !== null) outcomes.push(outcome);
    }
    return outcomes;
  }

  /** @throws FerryError `rehearsal.unhealthy`: failures would show nothing. */
  async #begin(): Promise<void> {
    const observed = this.#observe({ fires: [], shows: '' });
    const healthyAtMs = await this.#healthy(observed, this.#options.clock.now());
    if (healthyAtMs !== null || this.#options.stop.aborted) return;
    throw new FerryError(
      `${this.#place.name} has not become healthy before the first failure: ${observed.lastText}.`,
      {
        code: 'rehearsal.unhealthy',
        hint: 'The settings of the replication may not fit a new pair of tables. `ferry status` of the real one may say the same.',
      },
    );
  }

  /** @returns null where it was stopped, and has shown nothing. */
  async #rehearse(failure: Failure): Promise<FailureOutcome | null> {
    const { clock, say, stop } = this.#options;
    const observed = this.#observe(failure);
    await this.#until(observed, () => !observed.isFiring(), HEALS_WITHIN);
    say(`${failure.name}: ${failure.does}`);
    observed.begin();
    const done = await this.#actOut(failure, observed);
    const healthyAtMs = await this.#healthy(observed, done.recoveredAtMs);
    if (stop.aborted) return null;
    const { startedAtMs } = observed;
    const { name, does, commands } = failure;
    const problems = this.#problems(observed, { ...done, healthyAtMs });
    for (const problem of problems) say(`${name}: ${problem}`);
    if (healthyAtMs !== null) {
      const ms = clock.now() - startedAtMs;
      say(`${name}: healthy again, ${Math.round(ms / 1000)} s after it began.`);
    }
    const seen = { ...observed.outcome(), behindMs: this.#load.peakMs(startedAtMs) };
    const typed = commands.map((command) => `${command} --replication ${this.#place.name}`);
    return { name, does, startedAtMs, ...done, healthyAtMs, ...seen, commands: typed, problems };
  }

  #problems(
    observed: Observation,
    {
      healthyAtMs,
      recoveredAtMs,
      left,
    }: Pick<FailureOutcome, 'healthyAtMs' | 'recoveredAtMs' | 'left'>,
  ): string[] {
    const isWell = observed.lastLevel === 'healthy';
    return [
      ...observed.problems(this.#place.alarms, recoveredAtMs),
      ...(healthyAtMs === null
        ? [`Not healthy again: ${isWell ? 'no write has arrived since' : observed.lastText}.`]
        : []),
      ...(left === null || left === 0 ? [] : [`The redrive has left ${left} dead letters.`]),
    ];
  }

  /** Until it is taken back, and whatever else the recovery takes. */
  async #actOut(
    failure: Failure,
    observed: Observation,
  ): Promise<Pick<FailureOutcome, 'recoveredAtMs' | 'switches' | 'left'>> {
    const { clock, say, stop } = this.#options;
    const place = this.#place;
    const switches: SwitchOutcome[] = [];
    if (failure.name === 'planned-switch') {
      for (let turn = 1; turn <= 2 && !stop.aborted; turn += 1)
        switches.push(await this.#switch(observed));
      return { recoveredAtMs: clock.now(), switches, left: null };
    }
    const isLoss = failure.name === 'source-lost';
    const takeBack = await place.inject(failure.name);
    try {
      if (failure.name === 'poison-records') await this.#load.poison(POISON_ITEMS);
      const isDone = () => observed.hasFired(place.alarms) && (isLoss || observed.isSeen());
      await this.#until(observed, isDone, failure.firesWithin);
      if (isLoss && !stop.aborted) {
        say(`${failure.name}: Switches to ${place.regions[1]} without ${place.regions[0]}.`);
        switches.push(await this.#during(place.failOverWithoutSource(), observed));
        this.#load.forget(observed.startedAtMs);
        await this.#until(observed, () => observed.isSeen(), failure.firesWithin);
      }
    } finally {
      await takeBack();
    }
    const recoveredAtMs = clock.now();
    say(`${failure.name}: ${failure.recovery}`);
    // What is stopped is thrown away, not recovered.
    if (stop.aborted) return { recoveredAtMs, switches, left: null };
    if (switches.length > 0) await this.#during(place.rejoin(), observed);
    const left = failure.name === 'poison-records' ? await place.redrive() : null;
    return { recoveredAtMs, switches, left };
  }

  async #switch(observed: Observation): Promise<SwitchOutcome> {
    const outcome = await this.#during(this.#place.switchOver(), observed);
    this.#options.say(`planned-switch: ${outcome.to} is active.`);
    return outcome;
  }

  /** Looks on while something is under way. */
  async #during<T>(action: Promise<T>, observed: Observation): Promise<T> {
    let isOver = false;
    const over = action.finally(() => (isOver = true));
    const looking = this.#until(observed, () => isOver, Infinity);
    // A look that is under way at the end need not be waited for.
    looking.catch(() => undefined);
    return Promise.race([over, looking.then(() => over)]);
  }

  /** @returns when it was; null where it was not in time. */
  async #healthy(observed: Observation, sinceMs: number): Promise<number | null> {
    const isWell = () => observed.lastLevel === 'healthy' && this.#load.hasArrived(sinceMs);
    const inTime = await this.#until(observed, isWell, HEALS_WITHIN);
    return inTime ? this.#options.clock.now() : null;
  }

  /** @returns whether it was so before the time was over. */
  async #until(observed: Observation, isDone: () => boolean, minutes: number): Promise<boolean> {
    const { clock, stop } = this.#options;
    const { minuteMs } = this.#place;
    const limitMs = Math.max(WAIT_MS_MIN, minutes * minuteMs);
    const startMs = clock.now();
    for (;;) {
      await observed.look();
      this.#load.check();
      if (isDone()) return true;
      if (clock.now() - startMs >= limitMs || (stop.aborted && minutes !== Infinity)) return false;
      await clock.sleep(Math.max(LOOK_MS_MIN, minuteMs / 4));
    }
  }

  #observe(failure: Pick<Failure, 'fires' | 'shows'>): Observation {
    return new Observation({ place: this.#place, clock: this.#options.clock, failure });
  }
}
