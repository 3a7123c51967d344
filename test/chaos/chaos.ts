// The whole of Ferry on real engines, with everything killed at random: the function, both engines, the
// operators' commands; with invocations that are stopped while others take their batches, and go on later;
// and networks in front of the destination, the function's and the operators', that throttle, break and delay.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../src/aws/system-clock.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { compareTables } from '../../src/local/run/compare-tables.ts';
import { type FaultProxy, startFaultProxy } from '../../src/local/faults/fault-proxy.ts';
import type { Cleanup } from '../../src/local/run/cleanup.ts';
import { type LocalWorld, startLocalWorld } from '../../src/local/run/local-world.ts';
import { below, seededRandom } from '../../src/local/seeded-random.ts';
import type { Random } from '../../src/ports.ts';
import { announcedTo, configAt, listing, startCommand } from './commands.ts';
import {
  CREDENTIALS,
  disturb,
  everything,
  overlap,
  redriveAll,
  stopOne,
  type Struck,
  struckBy,
  until,
  untilAllStruck,
} from './disturbance.ts';
import { type RestartableEngine, restartableEngine } from './restartable-engine.ts';
import { keyOf, steadyWriter } from './steady-writer.ts';
import { watchTwin } from './twin-watch.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly kills: number;
  readonly keys: number;
  readonly tombstones: ReplicationConfig['tombstones'];
  /** Of the requests: those whose answers never reach the function. */
  readonly unknown: number;
  readonly onStory: (line: string) => void;
}

export interface ChaosReport {
  readonly acknowledged: number;
  readonly records: number;
  readonly kills: Readonly<Record<Victim, number>>;
  readonly deadLettered: number;
  readonly givenUp: number;
  readonly redriven: number;
  readonly differences: number;
  readonly items: number;
  readonly steppedBack: readonly string[];
  readonly copiedOver: readonly string[];
  /** Items that were back for a while: any number with checked tombstones, none with strict ones. */
  readonly passing: number;
  readonly stillBack: readonly string[];
  /** Those that looking again at their deletes has removed. */
  readonly revenants: number;
  readonly looks: number;
  /** Requests of the function by the fault that struck them. */
  readonly struck: Readonly<Record<Struck, number>>;
  /** What the last backfill says of itself, which was left to come to its end beside the stream. */
  readonly backfill: {
    readonly finished: boolean;
    readonly items: number;
    readonly copied: number;
  };
  /** Records that were read and ended nowhere. */
  readonly unaccounted: number;
  readonly left: number;
}

type Victim =
  | 'function'
  | 'overlap'
  | 'source'
  | 'destination'
  | 'redrive'
  | 'verify'
  | 'backfill'
  | 'repair';
/** In turn: commands take their time to start, and do not come as often as the others. */
const TURNS: readonly Victim[] = [
  'redrive',
  'function',
  'overlap',
  'backfill',
  'source',
  'destination',
  'repair',
  'function',
  'overlap',
  'verify',
  'source',
  'destination',
];
type KilledCommand = Exclude<Victim, 'function' | 'overlap' | 'source' | 'destination'>;

const NAME = 'chaos';
const WRITERS = 4;
const DOWN_MS_MAX = 800;

interface Stage {
  readonly world: LocalWorld;
  readonly engines: Readonly<Record<'source' | 'destination', RestartableEngine>>;
  /** Between the operators' commands and the destination. */
  readonly operators: FaultProxy;
  readonly config: string;
  /** Of a verify, as `ferry repair` takes it. */
  readonly listed: string;
  readonly random: Random;
  readonly options: ChaosOptions;
}

/** Runs until the tables are settled and compared; leaves nothing behind. */
export async function chaos(options: ChaosOptions): Promise<ChaosReport> {
  const directory = mkdtempSync(join(tmpdir(), 'ferry-chaos-'));
  const cleanups: Cleanup[] = [() => rmSync(directory, { recursive: true, force: true })];
  try {
    const engines = {
      source: await restartableEngine(directory, 'source'),
      destination: await restartableEngine(directory, 'destination'),
    };
    for (const engine of Object.values(engines)) cleanups.push(() => engine.stop());
    const random = seededRandom(options.seed);
    const world = await startLocalWorld(
      {
        replication: replication(options.tombstones),
        sourceEndpoint: engines.source.endpoint,
        destinationEndpoint: engines.destination.endpoint,
        credentials: CREDENTIALS,
        runId: `chaos-${options.seed}`,
        clock: systemClock,
        random,
        onProblem: () => undefined,
      },
      cleanups,
    );
    const operators = await startFaultProxy({ upstream: engines.destination.endpoint, random });
    cleanups.push(() => operators.stop());
    const config = join(directory, 'ferry.json');
    writeFileSync(config, configAt(operators.endpoint, world));
    const listed = join(directory, 'listed.jsonl');
    writeFileSync(
      listed,
      listing(
        NAME,
        Array.from({ length: options.keys }, (_, key) => keyOf(key)),
      ),
    );
    return await play({ world, engines, operators, config, listed, random, options });
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

async function play(stage: Stage): Promise<ChaosReport> {
  const { world, random, options } = stage;
  const { keys } = options;
  const [writing, watching] = [new AbortController(), new AbortController()];
  const writer = steadyWriter({
    client: world.source.client,
    table: world.replication.source.table,
    random,
    keys,
    writers: WRITERS,
    pauseMs: 0,
    stop: writing.signal,
  });
  const { client } = world.destination;
  const watch = watchTwin(client, world.replication, { keys, stop: watching.signal });
  const faults = everything(options.unknown);
  const calm = disturb(world.faults, faults);
  const calmOperators = disturb(stage.operators, faults);
  const kills = await killAll(stage);
  await untilAllStruck(world.faults);
  const struck = struckBy(world.faults);
  // The stream, which is behind, begins to catch up meanwhile.
  calm();
  options.onStory('calm');
  const backfill = await backfillToItsEnd(stage);
  options.onStory('copied');
  // It goes on when everybody else is done: nothing comes that could hide what it brings back.
  const goOn = await stopOne(world);
  writing.abort();
  await writer.finished;
  calmOperators();
  options.onStory('stopped one');
  await world.mapping.settled();
  goOn();
  await world.settled();
  options.onStory('settled');
  const redriven = await redriveAll(world);
  await world.lookedAgain();
  const report = await compareTables(world, systemClock);
  watching.abort();
  await watch.finished;
  const { counts } = world.mapping;
  return {
    acknowledged: writer.acknowledged,
    records: counts.received,
    kills,
    deadLettered: world.tally.sum('DeadLetteredRecords'),
    givenUp: counts.givenUp,
    ...redriven,
    differences: report.missing + report.different + report.extraneous + report.inFlight,
    items: report.items,
    steppedBack: watch.steppedBack,
    copiedOver: watch.copiedOver,
    passing: watch.passing,
    stillBack: watch.stillBack,
    revenants: world.tally.sum('Revenants'),
    looks: watch.looks,
    struck,
    backfill,
    unaccounted: counts.received - counts.done - counts.givenUp,
  };
}

async function killAll(stage: Stage): Promise<Record<Victim, number>> {
  const { random, options } = stage;
  const kills = {
    function: 0,
    overlap: 0,
    source: 0,
    destination: 0,
    redrive: 0,
    verify: 0,
    backfill: 0,
    repair: 0,
  };
  const pauseMs = (options.seconds * 1000) / options.kills;
  for (let count = 0; count < options.kills; count += 1) {
    await delay(pauseMs * (0.5 + random.next()));
    const victim = TURNS[count % TURNS.length] ?? 'function';
    await kill(victim, stage);
    kills[victim] += 1;
    options.onStory(`killed: ${victim}; records so far ${stage.world.mapping.counts.received}`);
  }
  return kills;
}

async function kill(victim: Victim, stage: Stage): Promise<void> {
  const { world, engines, random } = stage;
  switch (victim) {
    case 'function':
      world.lambda.crash();
      return;
    case 'overlap':
      return overlap(world);
    case 'source':
    case 'destination':
      return engines[victim].killFor(below(random, DOWN_MS_MAX));
    case 'redrive':
      // Otherwise there is nothing to do for it.
      await until('a letter', async () => (await world.failures.queue.size()) > 0);
      return killCommand(victim, stage);
    case 'verify':
    case 'backfill':
    case 'repair':
      return killCommand(victim, stage);
  }
}

/** With rates at which they are at work for seconds. */
function argumentsOf(command: KilledCommand, { world, config, listed }: Stage): string[] {
  const { queueUrl, bucketName } = world.failures;
  const places = ['--queue-url', queueUrl, '--bucket', bucketName, '--hide-for', '2'];
  const announced = announcedTo(world);
  const rates = ['--settle', '0', '--rate', '50'];
  switch (command) {
    case 'redrive':
      return ['redrive', '--apply', '--yes', ...places, ...announced, '--rate', '5'];
    case 'verify':
      return ['verify', '--report', join(config, '..', 'r.jsonl')];
    case 'backfill':
      return ['backfill', '--apply', ...announced, '--write-units', '400'];
    case 'repair':
      return ['repair', '--apply', '--yes', ...announced, ...rates, '--report', listed];
  }
}

/** The first two or so only describe the tables. */
const REQUESTS_BEFORE_KILL_MAX = { redrive: 3, verify: 6, backfill: 20, repair: 30 };
const TRIES_MAX = 6;

/** Kills it in the midst of its work: after some requests to the destination. */
async function killCommand(command: KilledCommand, stage: Stage): Promise<void> {
  let requests = 1 + below(stage.random, REQUESTS_BEFORE_KILL_MAX[command]);
  for (let attempt = 1; attempt <= TRIES_MAX; attempt += 1) {
    const { child, finished } = startCommand(argumentsOf(command, stage), stage);
    let isOver = false;
    const ending = finished.finally(() => (isOver = true));
    const before = requestsTo(stage.operators);
    try {
      await until(
        `requests of ${command}`,
        () => isOver || requestsTo(stage.operators) >= before + requests,
      );
    } finally {
      child.kill('SIGKILL');
    }
    if ((await ending).signal === 'SIGKILL') return;
    // It was done before: it counts only if it died of it.
    requests = Math.ceil(requests / 2);
  }
  throw new Error(`${command} came to its end ${TRIES_MAX} times before it could be killed`);
}

function requestsTo({ counts }: FaultProxy): number {
  return Object.values(counts.injected).reduce((sum, count) => sum + count, counts.passed);
}

/** Left alone, beside the stream. */
async function backfillToItsEnd(stage: Stage): Promise<ChaosReport['backfill']> {
  const args = ['backfill', '--apply', '--json', ...announcedTo(stage.world)];
  const { stdout, exitCode } = await startCommand(args, stage).finished;
  // 3 where the destination refuses an item, which happens here.
  if (exitCode !== 0 && exitCode !== 3) throw new Error(`the backfill ended with ${exitCode}`);
  const { finished, items, copied } = JSON.parse(stdout) as ChaosReport['backfill'];
  return { finished, items, copied };
}

function replication(tombstones: ReplicationConfig['tombstones']): ReplicationConfig {
  const table = { create: true, partitionKey: { name: 'pk', type: 'S' } };
  const [only] = parseConfig({
    replications: [
      {
        name: NAME,
        tombstones,
        source: { region: 'us-east-1', table: 'Orders', ...table },
        destination: { region: 'eu-west-1', table: 'Orders', ...table },
      },
    ],
  }).replications;
  if (only === undefined) throw new Error('no replication');
  return only;
}
