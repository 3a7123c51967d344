// A rehearsal on this machine: two embedded engines as two Regions, the functions that ship, faults between them, and
// alarms whose minutes are a second long.

import type { Side } from '../../config/identity.ts';
import type { ReplicationConfig } from '../../config/schema.ts';
import type { Clock } from '../../ports.ts';
import { stayed } from '../../redrive/report.ts';
import type { Failure } from '../../rehearsal/failures.ts';
import type {
  FailureName,
  RehearsalPlace,
  StatusNow,
  SwitchOutcome,
} from '../../rehearsal/ports.ts';
import { rehearse } from '../../rehearsal/rehearse.ts';
import type { RehearsalReport } from '../../rehearsal/report.ts';
import { type FigureTime, figureTime } from '../cloudwatch/figure-time.ts';
import { phraseOf } from '../failover/phrases.ts';
import { replicationAt, runSwitch, type SwitcherOptions } from '../failover/switcher.ts';
import type { Fault } from '../faults/faults.ts';
import type { Cleanup } from '../run/cleanup.ts';
import { compareTables } from '../run/compare-tables.ts';
import type { LocalWorldOptions } from '../run/local-place.ts';
import { localRedrive } from '../run/local-redrive.ts';
import { type BothDirections, startBothDirections, startLocalWorld } from '../run/local-world.ts';
import type { LocalWorld } from '../run/local-world.ts';
import { ActiveTable, POISON_MARKER } from './active-table.ts';
import { startBeats } from './beats.ts';
import { LocalAlarms, type RulesOf } from './local-alarms.ts';
import { rehearsed } from './local-scratch.ts';

export interface LocalRehearsalOptions extends Omit<LocalWorldOptions, 'time'> {
  readonly say: (line: string) => void;
  readonly stop: AbortSignal;
  /** As `ferry status` says it. */
  readonly statusOf: (replication: ReplicationConfig, clock: Clock) => Promise<StatusNow>;
  /** @default all that the place can have */
  readonly failures?: readonly Failure[] | undefined;
  /** The alarms of a direction. @default those of a deployment */
  readonly rulesOf?: RulesOf | undefined;
}

/** Length of a minute of the alarms. */
const MINUTE_MS = 1_000;
const WRITES_PER_SECOND = 20;
const WRITES = ['PutItem', 'UpdateItem', 'DeleteItem', 'TransactWriteItems'];

/** Leaves nothing behind, also when it fails. */
export async function localRehearsal(options: LocalRehearsalOptions): Promise<RehearsalReport> {
  const cleanups: Cleanup[] = [];
  try {
    const { place, lost } = await openPlace(options, cleanups);
    return await Promise.race([rehearse(place, options), ...lost]);
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

async function openPlace(options: LocalRehearsalOptions, cleanups: Cleanup[]) {
  const time = figureTime(options.clock, MINUTE_MS);
  const world = { ...options, time, replication: rehearsed(options.replication) };
  const isSwitched = world.replication.switching !== undefined;
  const both = isSwitched ? await startBothDirections(world, cleanups) : undefined;
  const outward = both?.outward ?? (await startLocalWorld(world, cleanups));
  const worlds = both === undefined ? [outward] : [outward, both.back];
  const place = new LocalRehearsal({ outward, both, worlds, time, options });
  cleanups.push(() => place.stopBeats());
  const lost = worlds.flatMap(({ source, destination, mapping }) => [
    source.lost,
    destination.lost,
    mapping.lost,
  ]);
  return { place, lost };
}

interface Parts {
  readonly outward: LocalWorld;
  readonly both: BothDirections | undefined;
  readonly worlds: readonly LocalWorld[];
  readonly time: FigureTime;
  readonly options: LocalRehearsalOptions;
}

class LocalRehearsal implements RehearsalPlace {
  readonly minuteMs = MINUTE_MS;
  readonly writesPerSecond = WRITES_PER_SECOND;
  readonly name: string;
  readonly regions: readonly [string, string];
  readonly alarms: readonly string[];
  readonly hasHeartbeat: boolean;
  readonly isSwitched: boolean;
  readonly #parts: Parts;
  readonly #table: ActiveTable;
  readonly #alarms: LocalAlarms;
  readonly #beats: ReadonlyArray<() => Promise<void>>;

  constructor(parts: Parts) {
    const { outward, worlds, both, time, options } = parts;
    const { replication, source, destination, schema } = outward;
    this.#parts = parts;
    this.name = replication.name;
    this.regions = [source.region, destination.region];
    this.hasHeartbeat = replication.heartbeat !== undefined;
    this.isSwitched = both !== undefined;
    this.#alarms = new LocalAlarms(worlds, time, options.rulesOf);
    this.alarms = this.#alarms.names;
    const tableOf = (side: Side) => ({
      client: outward[side].client,
      table: replication[side].table,
    });
    const tables = { source: tableOf('source'), destination: tableOf('destination') };
    this.#table = new ActiveTable(tables, schema, replication.timestampAttribute ?? '');
    const beats = { ...options, time, minuteMs: MINUTE_MS };
    this.#beats = this.hasHeartbeat ? worlds.map((world) => startBeats(world, beats)) : [];
  }

  write(...[item]: Parameters<RehearsalPlace['write']>): Promise<boolean> {
    return this.#table.write(item);
  }

  readTwin(key: string) {
    return this.#table.readTwin(key);
  }

  firing(): Promise<string[]> {
    return this.#alarms.firing();
  }

  /** As an operator beside the twin has it, who reaches the source through the faults. */
  status(): Promise<StatusNow> {
    const { outward, both, time, options } = this.#parts;
    const { endpoints } = outward;
    const seen =
      both === undefined
        ? { ...outward.replication, source: { ...outward.replication.source, endpoints } }
        : replicationAt('destination', both);
    // Nothing deploys a heartbeat function here.
    const { heartbeat: _, ...replication } = seen;
    return options.statusOf(replication, time);
  }

  async inject(failure: Exclude<FailureName, 'planned-switch'>): Promise<() => Promise<void>> {
    const { outward, worlds } = this.#parts;
    if (failure === 'function-disabled') {
      outward.mapping.setEnabled(false);
      return async () => outward.mapping.setEnabled(true);
    }
    const struck = failure === 'source-lost' ? worlds : [outward];
    const takeBacks = struck.map(({ faults }) => faults.inject(FAULTS[failure]));
    return async () => takeBacks.forEach((takeBack) => takeBack());
  }

  async redrive(): Promise<number> {
    const { outward, options } = this.#parts;
    return stayed(await localRedrive(outward, options.credentials).applyToAll());
  }

  switchOver(): Promise<SwitchOutcome> {
    return this.#switchTo('switch', this.#table.home === 'source' ? 'destination' : 'source');
  }

  async failOverWithoutSource(): Promise<SwitchOutcome> {
    // Its users do not reach it, either.
    await this.#table.admit('source', false);
    return this.#switchTo('lost', 'destination');
  }

  async rejoin(): Promise<void> {
    await runSwitch('rejoin', this.#table.home, this.#switcher());
  }

  async compare(): Promise<number> {
    await this.stopBeats();
    const { outward, worlds, options, both } = this.#parts;
    for (const world of worlds) await world.settled();
    // The first has written to its source.
    for (const world of worlds) await world.settled();
    const active = this.#table.home === 'source' ? outward : (both?.back ?? outward);
    const found = await compareTables(active, options.clock);
    const { missing, different, extraneous, inFlight, unreadable } = found;
    return missing + different + extraneous + inFlight + unreadable;
  }

  /** Safe to repeat. */
  async stopBeats(): Promise<void> {
    await Promise.all(this.#beats.map((stop) => stop()));
  }

  async #switchTo(kind: 'switch' | 'lost', side: Side): Promise<SwitchOutcome> {
    const proof = await runSwitch(kind, side, this.#switcher());
    if (proof === undefined) throw new Error('a switch without a proof');
    const { rpo, rtoSeconds = 0 } = proof;
    const to = this.regions[side === 'source' ? 0 : 1];
    return { to, rpoSeconds: rpo.seconds, isProven: rpo.proven, rtoSeconds };
  }

  #switcher(): SwitcherOptions {
    const { both, options } = this.#parts;
    if (both === undefined) throw new Error(`${this.name} cannot be switched`);
    const { credentials, clock, random, say } = options;
    const admit = (side: Side, mayWrite: boolean) => this.#table.admit(side, mayWrite);
    let last: string | undefined;
    const onStep: SwitcherOptions['onStep'] = ({ phase }, kind) => {
      const phrase = phraseOf(phase, kind);
      if (phrase !== undefined && phrase !== last) say(`  ${phrase}`);
      last = phrase ?? last;
    };
    return { both, credentials, clock, random, admit, onStep };
  }
}

const FAULTS: Readonly<
  Record<Exclude<FailureName, 'planned-switch' | 'function-disabled'>, Fault>
> = {
  'destination-denied': { kind: 'deny', operations: WRITES },
  'destination-throttled': { kind: 'throttle', share: 0.9, operations: WRITES },
  'poison-records': { kind: 'poison', marker: POISON_MARKER },
  'source-lost': { kind: 'outage' },
};
