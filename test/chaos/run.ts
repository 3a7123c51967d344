// `ferry run` on real engines: a holder and a standby under load, killed at random and started again as a service manager
// does; frozen until the other has taken over, and let go on; both engines killed, and a network that throttles.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { systemClock } from '../../src/aws/system-clock.ts';
import { type FaultProxy, startFaultProxy } from '../../src/local/faults/fault-proxy.ts';
import type { Cleanup } from '../../src/local/run/cleanup.ts';
import { compareTables } from '../../src/local/run/compare-tables.ts';
import { openRunPlace, type RunPlace } from '../../src/local/run/ferry-run.ts';
import { below, seededRandom } from '../../src/local/seeded-random.ts';
import type { Random } from '../../src/ports.ts';
import { CREDENTIALS, disturb, everything, struckBy, type Struck, until } from './disturbance.ts';
import { type RestartableEngine, restartableEngine } from './restartable-engine.ts';
import { replicationNamed, type RunPair, startRunPair } from './run-pair.ts';
import { steadyWriter } from './steady-writer.ts';
import { watchTwin } from './twin-watch.ts';

export interface RunChaosOptions {
  readonly seed: number;
  readonly kills: number;
  /** How often the holder is frozen until the standby has taken over. */
  readonly freezes: number;
  readonly keys: number;
  readonly onStory: (line: string) => void;
}

export interface RunChaosReport {
  readonly acknowledged: number;
  readonly kills: { readonly holder: number; readonly standby: number };
  readonly freezes: number;
  readonly engineKills: number;
  /** From the death, or the last breath, of a holder until the other one has the lease. */
  readonly takeoversMs: readonly number[];
  /** Of both after SIGTERM, and of the process that catches up in the end. */
  readonly exitCodes: ReadonlyArray<number | null>;
  /** Last lines of processes that ended at work, and were not killed. */
  readonly died: readonly string[];
  /** Of those that could not start, while an engine was down or throttled. */
  readonly failedStarts: readonly string[];
  readonly redriven: number;
  readonly left: number;
  /** Files that a redrive of everything has not removed. */
  readonly lettersLeft: number;
  readonly differences: number;
  readonly items: number;
  readonly steppedBack: readonly string[];
  readonly versionsDown: readonly string[];
  readonly stillBack: readonly string[];
  /** Items that were back for a while after their delete: never with strict tombstones. */
  readonly passing: number;
  readonly looks: number;
  readonly struck: Readonly<Record<Struck, number>>;
}

const WRITERS = 2;
/** About 200 writes per second, which a killed process leaves a few thousand of. */
const PAUSE_MS = 250;
const DOWN_MS_MAX = 800;
/** Between two blows, at most. */
const PAUSE_MS_MAX = 4_000;
const HOLDER_SHARE = 0.75;

interface Stage {
  readonly place: RunPlace;
  readonly pair: RunPair;
  readonly faults: FaultProxy;
  readonly engines: readonly RestartableEngine[];
  readonly random: Random;
  readonly options: RunChaosOptions;
}

/** Runs until the tables are settled and compared; leaves nothing behind. */
export async function runChaos(options: RunChaosOptions): Promise<RunChaosReport> {
  const directory = mkdtempSync(join(tmpdir(), 'ferry-run-chaos-'));
  const cleanups: Cleanup[] = [() => rmSync(directory, { recursive: true, force: true })];
  try {
    const engines = [
      await restartableEngine(directory, 'source'),
      await restartableEngine(directory, 'destination'),
    ];
    for (const engine of engines) cleanups.push(() => engine.stop());
    const random = seededRandom(options.seed);
    const proxies: FaultProxy[] = [];
    const place = await openRunPlace(
      {
        replication: replicationNamed('run-chaos'),
        sourceEndpoint: engines[0]?.endpoint,
        destinationEndpoint: engines[1]?.endpoint,
        credentials: CREDENTIALS,
        runId: `run-chaos-${options.seed}`,
        clock: systemClock,
        random,
        onProblem: () => undefined,
      },
      cleanups,
      async (upstream) => {
        const proxy = await startFaultProxy({ upstream, random });
        cleanups.push(() => proxy.stop());
        proxies.push(proxy);
        return proxy.endpoint;
      },
    );
    const [faults] = proxies as [FaultProxy];
    const pair = startRunPair(place, CREDENTIALS);
    cleanups.push(() => pair.kill());
    return await play({ place, pair, faults, engines, random, options });
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

async function play(stage: Stage): Promise<RunChaosReport> {
  const { place, pair, faults, random, options } = stage;
  const { keys } = options;
  const [writing, watching] = [new AbortController(), new AbortController()];
  const { client } = place.source;
  const writer = steadyWriter({
    client,
    table: place.replication.source.table,
    random,
    keys,
    writers: WRITERS,
    pauseMs: PAUSE_MS,
    stop: writing.signal,
  });
  const watch = watchTwin(place.destination.client, place.replication, {
    keys,
    stop: watching.signal,
  });
  const calm = disturb(faults, everything(0.0005));
  const blows = await strikeAll(stage);
  await until('a dead letter', () => pair.letters() > 0);
  const struck = struckBy(faults);
  calm();
  writing.abort();
  await writer.finished;
  options.onStory('calm');
  await untilArrived(place);
  options.onStory('settled');
  // What shared a batch with the last item may not be settled yet.
  const exitCodes = [...(await pair.stop()), await pair.catchUp()];
  const ends = await pair.redrive();
  const report = await compareTables({ ...place, projection: undefined }, systemClock);
  watching.abort();
  await watch.finished;
  return {
    acknowledged: writer.acknowledged,
    ...blows,
    exitCodes,
    died: pair.died,
    failedStarts: pair.failedStarts,
    ...ends,
    lettersLeft: pair.letters(),
    differences: report.missing + report.different + report.extraneous + report.inFlight,
    items: report.items,
    steppedBack: watch.steppedBack,
    versionsDown: watch.versionsDown,
    stillBack: watch.stillBack,
    passing: watch.passing,
    looks: watch.looks,
    struck,
  };
}

type Blow = 'kill' | 'freeze' | 'engine';

/** Kills, with freezes and killed engines in between. */
function blowsOf({ kills, freezes }: RunChaosOptions): Blow[] {
  const between = (count: number) => Math.ceil(kills / (count + 1));
  return Array.from({ length: kills }, (_, kill): Blow[] => [
    'kill',
    ...(kill % 2 === 0 ? ['engine' as const] : []),
    ...((kill + 1) % between(freezes) === 0 ? ['freeze' as const] : []),
  ]).flat();
}

async function strikeAll(stage: Stage) {
  const { pair, engines, random, options } = stage;
  const kills = { holder: 0, standby: 0 };
  const counts = { freezes: 0, engineKills: 0 };
  const takeoversMs: number[] = [];
  const tookOver = (ms: number, how: string) => {
    takeoversMs.push(Math.round(ms));
    options.onStory(`${how}; the other took over after ${Math.round(ms)} ms`);
  };
  for (const blow of blowsOf(options)) {
    // A process may end in the pause: what was struck before may take it a while.
    do {
      await pair.ready();
      await delay(PAUSE_MS_MAX * random.next());
    } while (!pair.isReady());
    if (blow === 'engine') {
      counts.engineKills += 1;
      await engines[below(random, engines.length)]?.killFor(below(random, DOWN_MS_MAX));
    } else if (blow === 'freeze') {
      counts.freezes += 1;
      tookOver(await pair.freezeHolder(), 'froze the holder');
    } else if (kills.holder === 0 || random.next() < HOLDER_SHARE) {
      kills.holder += 1;
      tookOver(await pair.killHolder(), 'killed the holder');
    } else {
      kills.standby += 1;
      await pair.killStandby();
      options.onStory('killed the standby');
    }
  }
  return { kills, ...counts, takeoversMs };
}

/** Written last: in a stream of one shard, everything is before it. */
const LAST = { pk: { S: 'last' } };

async function untilArrived({
  source,
  destination,
  replication: { source: from, destination: to },
}: RunPlace) {
  await source.client.send(new PutItemCommand({ TableName: from.table, Item: LAST }));
  const request = { TableName: to.table, Key: LAST, ConsistentRead: true };
  await until('the last item', async () => {
    const { Item } = await destination.client.send(new GetItemCommand(request));
    return Item !== undefined;
  });
}

const TAKEOVER_MS_MAX = 30_000;

/** Takeover times are for the soak, on a machine that is not busy otherwise. */
export function isWell({ takeoversMs, ...report }: RunChaosReport): boolean {
  const {
    differences,
    left,
    lettersLeft,
    steppedBack,
    versionsDown,
    stillBack,
    passing,
    died,
    exitCodes,
  } = report;
  const shown = steppedBack.length + versionsDown.length + stillBack.length + passing;
  const ended = died.length + exitCodes.filter((code) => code !== 0).length;
  const late = takeoversMs.filter((ms) => ms > TAKEOVER_MS_MAX).length;
  return differences + left + lettersLeft + shown + ended + late === 0;
}
