// A rehearsal's place on AWS: the tables, functions and alarms of a scratch replication that is deployed. What an
// operator does in it is done by Ferry's commands.

import { systemRandom } from '../aws/system-clock.ts';
import { limitWrites } from '../aws/write-limit.ts';
import { FerryError } from '../errors.ts';
import type { Clock } from '../ports.ts';
import type { LoadItem, RehearsalPlace, SwitchOutcome } from '../rehearsal/ports.ts';
import { type RedriveReport, stayed } from '../redrive/report.ts';
import type { SwitchProof } from '../switching/proof.ts';
import type { VerifyReport } from '../verify/verify.ts';
import { switchMappings } from '../switchover/switch-mappings.ts';
import { openEventSources } from './event-sources.ts';
import { openAlarms, type RehearsalAlarms } from './rehearsal-alarms.ts';
import {
  allowAgain,
  cutOff,
  denyTwin,
  type Directions,
  type ScratchDirection,
} from './rehearsal-denial.ts';
import { type LoadTable, loadTables } from './rehearsal-load.ts';

export interface CommandDone {
  readonly exitCode: number;
  /** Its line of JSON. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** What it printed for people. */
  readonly text: string;
}

export interface PlaceOptions {
  readonly directions: Directions;
  /** Runs a command of Ferry with the configuration file of the scratch replication. */
  readonly ferry: (...args: readonly string[]) => Promise<CommandDone>;
  /** Where a comparison may write what it finds. */
  readonly reportPath: string;
  readonly clock: Clock;
}

export interface OpenRehearsalPlace extends RehearsalPlace {
  /** Once, before anything is written: a replication that can be switched waits for it. */
  adopt(): Promise<void>;
  close(): void;
}

export async function openRehearsalPlace(options: PlaceOptions): Promise<OpenRehearsalPlace> {
  const alarms = openAlarms(options.directions);
  const names = await alarms.all();
  return new AwsPlace(options, alarms, names);
}

/** Metrics of AWS have a value a minute. */
const MINUTE_MS = 60_000;
/**
 * As long as a lost source may last: until its alarm, a switch, and until the status shows it. What a rehearsal that was
 * killed denies ends with it.
 */
const DENIAL_MS = 55 * MINUTE_MS;

/** One after the other, also where each takes a tenth of a second. */
export const WRITES_PER_SECOND = 8;

class AwsPlace implements OpenRehearsalPlace {
  readonly minuteMs = MINUTE_MS;
  readonly alarms: readonly string[];
  readonly writesPerSecond = WRITES_PER_SECOND;
  readonly #options: PlaceOptions;
  readonly #alarms: RehearsalAlarms;
  readonly #tables: readonly LoadTable[];
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #poison = new Map<string, LoadItem>();
  /** Of the source that is active, among both tables. */
  #active = 0;
  #isFenced = false;

  constructor(options: PlaceOptions, alarms: RehearsalAlarms, names: readonly string[]) {
    this.#options = options;
    this.#alarms = alarms;
    this.alarms = names;
    this.#tables = loadTables(options.directions[0]);
  }

  get name(): string {
    return this.#scratch.name;
  }

  get regions(): readonly [string, string] {
    const { source, destination } = this.#scratch;
    return [source.region, destination.region];
  }

  get hasHeartbeat(): boolean {
    return this.#scratch.heartbeat !== undefined;
  }

  get isSwitched(): boolean {
    return this.#scratch.switching !== undefined;
  }

  get #scratch() {
    return this.#options.directions[0].replication;
  }

  /** That of the active source. */
  get #direction(): ScratchDirection {
    return this.#options.directions[this.#active] ?? this.#options.directions[0];
  }

  async write(item: LoadItem): Promise<boolean> {
    // The fence lets the operator write, whose credentials this has.
    if (this.#isFenced) return false;
    if (item.isPoison === true) this.#poison.set(item.key, item);
    const written = this.#tables[this.#active]?.put(item) ?? Promise.resolve(false);
    const sent = written.finally(() => this.#underWay.delete(sent));
    this.#underWay.add(sent);
    return sent;
  }

  readTwin(key: string): Promise<LoadItem | undefined> {
    return this.#tables[1 - this.#active]!.get(key);
  }

  firing(): Promise<readonly string[]> {
    return this.#alarms.firing();
  }

  async status() {
    const { facts } = await this.#run('status');
    const { level, verdict, runbook } = facts as unknown as StatusFacts;
    return { level, text: verdict, runbook: runbook?.replace(/^.*#/, '') };
  }

  async inject(failure: Parameters<RehearsalPlace['inject']>[0]): Promise<() => Promise<void>> {
    const direction = this.#direction;
    const untilMs = this.#options.clock.now() + DENIAL_MS;
    switch (failure) {
      case 'destination-denied':
        await denyTwin(direction, untilMs);
        return () => allowAgain(direction);
      case 'destination-throttled':
        await this.#limit(direction, 1);
        return () => this.#limit(direction, undefined);
      case 'function-disabled':
        await this.#enable(direction, false);
        return () => this.#enable(direction, true);
      case 'poison-records':
        return () => this.#correctPoison();
      case 'source-lost':
        for (const each of this.#options.directions) await cutOff(each, untilMs);
        return async () => {
          for (const each of this.#options.directions) await allowAgain(each);
        };
    }
  }

  async redrive(): Promise<number> {
    const { facts } = await this.#run('redrive', '--apply');
    return stayed(facts as unknown as RedriveReport);
  }

  switchOver(): Promise<SwitchOutcome> {
    return this.#switch();
  }

  failOverWithoutSource(): Promise<SwitchOutcome> {
    return this.#switch('--source-lost', '--even-if-reachable');
  }

  async rejoin(): Promise<void> {
    await this.#run('rejoin', '--apply');
    // No user misses them.
    await this.#run('stranded', 'drop', '--apply');
  }

  async compare(): Promise<number> {
    const { facts } = await this.#run('verify', '--report', this.#options.reportPath);
    const { missing, different, extraneous, inFlight, unreadable } =
      facts as unknown as VerifyReport;
    return missing + different + extraneous + inFlight + unreadable;
  }

  async adopt(): Promise<void> {
    if (!this.isSwitched) return;
    const { exitCode, text } = await this.#run('adopt', '--apply');
    if (exitCode !== 0) throw failed('adopt', text);
  }

  close(): void {
    this.#alarms.close();
    for (const table of this.#tables) table.close();
  }

  /** The load waits: behind a fence, a write of the operator would be a stray one. */
  async #switch(...options: readonly string[]): Promise<SwitchOutcome> {
    this.#isFenced = true;
    try {
      await Promise.allSettled(this.#underWay);
      const command = this.#active === 0 ? 'failover' : 'failback';
      const { facts, text } = await this.#run(command, ...options, '--apply');
      const { proof } = facts as { readonly proof?: SwitchProof };
      if (proof === undefined) throw failed(command, text);
      this.#active = proof.to === this.regions[0] ? 0 : 1;
      const { seconds: rpoSeconds, proven: isProven } = proof.rpo;
      return { to: proof.to, rpoSeconds, isProven, rtoSeconds: proof.rtoSeconds ?? 0 };
    } finally {
      this.#isFenced = false;
    }
  }

  /** One that has refused to work exits with 3, too, but has no result. */
  async #run(...args: readonly string[]): Promise<CommandDone> {
    const done = await this.#options.ferry(...args);
    const hasResult = Object.keys(done.facts).length > 0;
    if (hasResult && (done.exitCode === 0 || done.exitCode === 3)) return done;
    throw failed(args[0] ?? '', done.text);
  }

  #limit({ replication, sides }: ScratchDirection, units: number | undefined): Promise<void> {
    const { table } = replication.destination;
    return limitWrites(sides.destination, { table, units }, this.#options.clock);
  }

  async #enable({ replication, sides }: ScratchDirection, enabled: boolean): Promise<void> {
    const sources = await openEventSources(replication, sides);
    if (sources === undefined) throw new Error(`${replication.name} is not deployed`);
    const { mappings } = sources;
    try {
      const retries = { random: systemRandom, remainingMs: () => Infinity };
      // Taking it back must not be stopped.
      const never = new AbortController().signal;
      const context = { ...retries, clock: this.#options.clock, mappings, stop: never };
      const all = await mappings.list();
      await switchMappings(all, enabled, { ...context, onStep: () => undefined });
    } finally {
      sources.close();
    }
  }

  /** As an application would. A redrive then finds that its letters are older than what the twin has. */
  async #correctPoison(): Promise<void> {
    const corrected = [...this.#poison.values()].map((item) => ({ ...item, isPoison: false }));
    this.#poison.clear();
    for (const item of corrected) await this.write(item);
    for (let look = 0; look < LOOKS_MAX; look += 1) {
      const found = await Promise.all(corrected.map(({ key }) => this.readTwin(key)));
      if (found.every((item, index) => item?.n === corrected[index]?.n)) return;
      await this.#options.clock.sleep(LOOK_MS);
    }
  }
}

/** In all, five minutes. */
const LOOK_MS = 1_000;
const LOOKS_MAX = 300;

interface StatusFacts {
  readonly level: string;
  readonly verdict: string;
  readonly runbook: string | null;
}

function failed(command: string, text: string): FerryError {
  return new FerryError(`\`ferry ${command}\` did not come to its end:\n${text}`, {
    code: 'rehearsal.command',
    hint: 'The rehearsal ends here, and removes what it has made.',
  });
}
