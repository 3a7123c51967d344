// The whole of Ferry on real engines, with everything killed at random: the function, both engines, the
// operators' commands; and a network between function and destination that throttles, breaks and delays.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { parseConfig, type ReplicationConfig } from '../../src/config.ts';
import { compareTables } from '../../src/local/compare-tables.ts';
import { localRedrive } from '../../src/local/local-redrive.ts';
import { type Cleanup, type LocalWorld, startLocalWorld } from '../../src/local/local-world.ts';
import { below, seededRandom } from '../../src/local/seeded-random.ts';
import type { Random } from '../../src/ports.ts';
import { type RestartableEngine, restartableEngine } from './restartable-engine.ts';
import { steadyWriter } from './steady-writer.ts';
import { watchTwin } from './twin-watch.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly kills: number;
  readonly keys: number;
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
  readonly passing: number;
  readonly looks: number;
  /** Records that were read and ended nowhere. */
  readonly unaccounted: number;
  readonly left: number;
}

const VICTIMS = ['function', 'source', 'destination', 'redrive', 'verify'] as const;
type Victim = (typeof VICTIMS)[number];

const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };
const WRITERS = 4;
const DOWN_MS_MAX = 800;

interface Stage {
  readonly world: LocalWorld;
  readonly engines: Readonly<Record<'source' | 'destination', RestartableEngine>>;
  readonly config: string;
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
        replication: replication(),
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
    const config = join(directory, 'ferry.json');
    writeFileSync(config, JSON.stringify({ replications: [world.replication] }));
    return await play({ world, engines, config, random, options });
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
    stop: writing.signal,
  });
  const { client } = world.destination;
  const table = world.replication.destination.table;
  const watch = watchTwin(client, table, { keys, stop: watching.signal });
  const takeBack = disturb(world);
  const kills = await killAll(stage);
  writing.abort();
  await writer.finished;
  takeBack();
  await world.mapping.settled();
  const redriven = await redriveAll(world);
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
    passing: watch.passing,
    looks: watch.looks,
    unaccounted: counts.received - counts.done - counts.givenUp,
  };
}

/** A network that is never quite well, and items that the destination refuses for a while. */
function disturb({ faults }: LocalWorld): () => void {
  const takeBacks = [
    faults.inject({ kind: 'throttle', share: 0.02 }),
    faults.inject({ kind: 'error', share: 0.00002 }),
    faults.inject({ kind: 'reset', share: 0.00002 }),
    faults.inject({ kind: 'late', share: 0.00002, ms: 200 }),
    faults.inject({ kind: 'poison', marker: '"b777"' }),
  ];
  return () => takeBacks.forEach((takeBack) => takeBack());
}

async function killAll(stage: Stage): Promise<Record<Victim, number>> {
  const { random, options } = stage;
  const kills = { function: 0, source: 0, destination: 0, redrive: 0, verify: 0 };
  const pauseMs = (options.seconds * 1000) / options.kills;
  for (let count = 0; count < options.kills; count += 1) {
    await delay(pauseMs * (0.5 + random.next()));
    // Everybody has their turn.
    const victim = VICTIMS[count % VICTIMS.length] ?? 'function';
    await kill(victim, stage);
    kills[victim] += 1;
    options.onStory(`killed: ${victim}; records so far ${stage.world.mapping.counts.received}`);
  }
  return kills;
}

async function kill(victim: Victim, { world, engines, config, random }: Stage): Promise<void> {
  switch (victim) {
    case 'function':
      world.lambda.crash();
      return;
    case 'source':
    case 'destination':
      return engines[victim].killFor(below(random, DOWN_MS_MAX));
    case 'redrive': {
      const { queueUrl, bucketName, objectEndpoint } = world.failures;
      const places = ['--queue-url', queueUrl, '--bucket', bucketName, '--hide-for', '2'];
      return killCommand(['redrive', '--apply', '--config', config, ...places], {
        AWS_ENDPOINT_URL_S3: objectEndpoint,
        aliveMs: 1_500 + below(random, 1_500),
      });
    }
    case 'verify':
      return killCommand(
        ['verify', '--config', config, '--report', join(config, '..', 'r.jsonl')],
        {
          aliveMs: 1_500 + below(random, 1_000),
        },
      );
  }
}

async function killCommand(
  args: readonly string[],
  { aliveMs, ...more }: { aliveMs: number; AWS_ENDPOINT_URL_S3?: string },
): Promise<void> {
  const { accessKeyId, secretAccessKey } = CREDENTIALS;
  const child = spawn(process.execPath, ['--import', 'tsx', 'bin/ferry.ts', ...args], {
    env: {
      ...process.env,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      ...more,
    },
    stdio: 'ignore',
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), aliveMs);
  await once(child, 'close');
  clearTimeout(timer);
}

/** As an operator would in the end: until nothing is left. Killed ones have hidden letters for a while. */
async function redriveAll(world: LocalWorld): Promise<{ redriven: number; left: number }> {
  const redrive = localRedrive(world, CREDENTIALS);
  for (let round = 1; round <= 20; round += 1) {
    await redrive.applyToAll();
    if ((await world.failures.queue.size()) === 0) break;
    await delay(1_000);
  }
  const { applied, superseded } = redrive.totals;
  return { redriven: applied + superseded, left: await world.failures.queue.size() };
}

function replication(): ReplicationConfig {
  const table = { create: true, partitionKey: { name: 'pk', type: 'S' } };
  const [only] = parseConfig({
    replications: [
      {
        name: 'chaos',
        source: { region: 'us-east-1', table: 'Orders', ...table },
        destination: { region: 'eu-west-1', table: 'Orders', ...table },
      },
    ],
  }).replications;
  if (only === undefined) throw new Error('no replication');
  return only;
}
