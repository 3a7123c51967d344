// A chain of three Regions on real engines, A -> B -> C: the twin of the first replication is the source of the
// second. Both functions, all three engines and both networks are struck while an application writes to A; then B is
// damaged, copied to and repaired beside the second hop.

import {
  BatchGetItemCommand,
  DeleteItemCommand,
  paginateScan,
  PutItemCommand,
  UpdateTableCommand,
} from '@aws-sdk/client-dynamodb';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../src/aws/system-clock.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import type { Fault } from '../../src/local/faults/faults.ts';
import type { Cleanup } from '../../src/local/run/cleanup.ts';
import { compareTables } from '../../src/local/run/compare-tables.ts';
import type { LocalWorldOptions } from '../../src/local/run/local-place.ts';
import { type LocalWorld, startLocalWorld } from '../../src/local/run/local-world.ts';
import { below, seededRandom } from '../../src/local/seeded-random.ts';
import type { Item } from '../../src/model/attribute-value.ts';
import { streamLabelMs } from '../../src/model/guard.ts';
import type { Random } from '../../src/ports.ts';
import { announcedTo, configAt, listing, startCommand } from './commands.ts';
import { CREDENTIALS, disturb, overlap, redriveAll, THROTTLE, until } from './disturbance.ts';
import { type RestartableEngine, restartableEngine } from './restartable-engine.ts';
import { steadyWriter } from './steady-writer.ts';
import { watchTwin } from './twin-watch.ts';

export interface ChainOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly keys: number;
  readonly onStory: (line: string) => void;
}

export interface ChainReport {
  readonly acknowledged: number;
  /** By hop: what the stream of its source brought. */
  readonly records: readonly number[];
  readonly deadLettered: readonly number[];
  readonly redriven: readonly number[];
  readonly left: readonly number[];
  readonly differences: Readonly<Record<'A-B' | 'B-C' | 'A-C', number>>;
  readonly items: number;
  /** What C showed that is older than what it had shown before. */
  readonly steppedBack: readonly string[];
  readonly versionsDown: readonly string[];
  readonly looks: number;
  /** Items of C with attributes that the application has not written, or with a version of another stream. */
  readonly unclean: readonly string[];
  readonly backfill: { readonly finished: boolean; readonly copied: number };
  readonly repaired: number;
}

type Victim = (typeof TURNS)[number];
/** After the loss of its twin, a function waits for late requests, and does nothing else meanwhile: both at once. */
const TURNS = [
  'first function',
  'overlap of the second',
  'second function',
  'overlap of the first',
  'A',
  'B',
  'C',
] as const;

const WRITERS = 2;
const PAUSE_MS = 400;
const RECORDS_OVERLAPPED = 100;
/** One put of ten. */
const REFUSED: Fault = { kind: 'poison', marker: '"b7' };
const DOWN_MS_MAX = 800;
/** Items without another write, so that only a copy and a repair can bring them back to B. */
const COPIED = { pk: { S: 'quiet-1' } };
const REPAIRED = { pk: { S: 'quiet-2' } };
const QUIET = [COPIED, REPAIRED];

interface Stage {
  readonly engines: Readonly<Record<'A' | 'B' | 'C', RestartableEngine>>;
  readonly first: LocalWorld;
  readonly second: LocalWorld;
  readonly directory: string;
  readonly random: Random;
  readonly options: ChainOptions;
}

/** Runs until all three tables are settled and compared; leaves nothing behind. */
export async function chain(options: ChainOptions): Promise<ChainReport> {
  const directory = mkdtempSync(join(tmpdir(), 'ferry-chain-'));
  const cleanups: Cleanup[] = [() => rmSync(directory, { recursive: true, force: true })];
  try {
    const engines = {
      A: await restartableEngine(directory, 'A'),
      B: await restartableEngine(directory, 'B'),
      C: await restartableEngine(directory, 'C'),
    };
    for (const engine of Object.values(engines)) cleanups.push(() => engine.stop());
    const random = seededRandom(options.seed);
    const [hop, next] = hops();
    const common = {
      credentials: CREDENTIALS,
      clock: systemClock,
      random,
      onProblem: () => undefined,
    };
    const first = await startLocalWorld(
      {
        ...common,
        ...between(engines.A, engines.B),
        replication: hop,
        runId: `first-${options.seed}`,
      },
      cleanups,
    );
    const { table } = first.replication.destination;
    await streamOn(first, table);
    const second = await startLocalWorld(
      {
        ...common,
        ...between(engines.B, engines.C),
        replication: next,
        sourceTable: table,
        runId: `second-${options.seed}`,
      },
      cleanups,
    );
    return await play({ engines, first, second, directory, random, options });
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

/** As one file describes them: the second hop skips expiries, and the deletes that Ferry makes in B are none. */
function hops(): [ReplicationConfig, ReplicationConfig] {
  const keys = { create: true, partitionKey: { name: 'pk', type: 'S' } };
  const { replications } = parseConfig({
    replications: [
      {
        name: 'first-hop',
        source: { region: 'us-east-1', table: 'Orders', ...keys },
        destination: { region: 'eu-west-1', table: 'Orders', ...keys },
      },
      {
        name: 'second-hop',
        ttlDeletes: 'skip',
        source: { region: 'eu-west-1', table: 'Orders' },
        destination: { region: 'ap-southeast-1', table: 'Orders', ...keys },
      },
    ],
  });
  return replications as [ReplicationConfig, ReplicationConfig];
}

function between(
  source: RestartableEngine,
  destination: RestartableEngine,
): Pick<LocalWorldOptions, 'sourceEndpoint' | 'destinationEndpoint'> {
  return { sourceEndpoint: source.endpoint, destinationEndpoint: destination.endpoint };
}

async function streamOn({ destination }: LocalWorld, TableName: string): Promise<void> {
  const StreamSpecification = { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' } as const;
  await destination.client.send(new UpdateTableCommand({ TableName, StreamSpecification }));
}

async function play(stage: Stage): Promise<ChainReport> {
  const { first, second, random, options } = stage;
  const { keys } = options;
  const TableName = first.replication.source.table;
  for (const key of QUIET) {
    const Item = { ...key, write: { N: '1' } };
    await first.source.client.send(new PutItemCommand({ TableName, Item }));
  }
  // Both functions have adopted their streams by then.
  await until('the quiet items in C', async () => (await quietOf(stage)).length === QUIET.length);
  const [writing, watching] = [new AbortController(), new AbortController()];
  const writer = steadyWriter({
    client: first.source.client,
    table: TableName,
    random,
    keys,
    writers: WRITERS,
    pauseMs: PAUSE_MS,
    stop: writing.signal,
  });
  const watch = watchTwin(second.destination.client, second.replication, {
    keys,
    stop: watching.signal,
  });
  // Only the first hop has items that its twin refuses. Killed engines break connections on both.
  const calms = [disturb(first.faults, [THROTTLE, REFUSED]), disturb(second.faults, [THROTTLE])];
  await strikeAll(stage);
  await until('a dead letter', async () => (await first.failures.queue.size()) > 0);
  for (const calm of calms) calm();
  watching.abort();
  await watch.finished;

  const mended = await damageAndMend(stage);
  writing.abort();
  await writer.finished;
  const ends = await untilQuiet(stage);
  const worlds = [first, second];
  return {
    acknowledged: writer.acknowledged,
    records: worlds.map(({ mapping }) => mapping.counts.received),
    deadLettered: worlds.map(({ tally }) => tally.sum('DeadLetteredRecords')),
    ...ends,
    ...(await compared(stage)),
    steppedBack: watch.steppedBack,
    versionsDown: watch.versionsDown,
    looks: watch.looks,
    ...mended,
  };
}

async function strikeAll(stage: Stage): Promise<void> {
  const { random, options } = stage;
  const pauseMs = (options.seconds * 1000) / TURNS.length;
  for (const victim of TURNS) {
    await delay(pauseMs * (0.5 + random.next()));
    await strike(victim, stage);
    options.onStory(`struck: ${victim}`);
  }
}

async function strike(victim: Victim, { engines, first, second, random }: Stage): Promise<void> {
  switch (victim) {
    case 'A':
    case 'B':
    case 'C':
      return engines[victim].killFor(below(random, DOWN_MS_MAX));
    case 'first function':
      return first.lambda.crash();
    case 'second function':
      return second.lambda.crash();
    case 'overlap of the first':
      return overlap(first, RECORDS_OVERLAPPED);
    case 'overlap of the second':
      return overlap(second, RECORDS_OVERLAPPED);
  }
}

/** Somebody writes to B by mistake, and it flows on to C; a backfill and a repair of the first hop put it right. */
async function damageAndMend(stage: Stage): Promise<Pick<ChainReport, 'backfill' | 'repaired'>> {
  const { first, directory, options } = stage;
  const { client } = first.destination;
  const { table } = first.replication.destination;
  const TableName = table;
  await client.send(new DeleteItemCommand({ TableName, Key: COPIED }));
  await client.send(new PutItemCommand({ TableName, Item: { ...REPAIRED, foreign: { S: 'x' } } }));
  await until('the damage in C', async () => {
    const items = await quietOf(stage);
    return items.length === 1 && items.every((item) => item['foreign'] !== undefined);
  });

  options.onStory('B is damaged, and so is C');
  const config = join(directory, 'first.json');
  writeFileSync(config, configAt(first.faults.endpoint, first));
  const listed = join(directory, 'listed.jsonl');
  writeFileSync(listed, listing(first.replication.name, QUIET));
  const run = async (...args: readonly string[]) => {
    const command = [...args, '--apply', '--json', ...announcedTo(first)];
    const { stdout, exitCode } = await startCommand(command, { world: first, config }).finished;
    options.onStory(`ran: ${args[0]}`);
    if (exitCode !== 0) throw new Error(`${args[0]} ended with ${exitCode}`);
    return JSON.parse(stdout) as { finished: boolean; copied: number; put: number };
  };
  const { finished, copied } = await run('backfill');
  const { put } = await run('repair', '--settle', '0', '--report', listed);
  return { backfill: { finished, copied }, repaired: put };
}

async function quietOf({ second }: Stage): Promise<Item[]> {
  const { client } = second.destination;
  const { table } = second.replication.destination;
  const RequestItems = { [table]: { Keys: QUIET } };
  const { Responses } = await client.send(new BatchGetItemCommand({ RequestItems }));
  return Responses?.[table] ?? [];
}

/** Hop by hop: what ends in B begins in C. */
async function untilQuiet({ first, second, options }: Stage) {
  const ends: Array<Awaited<ReturnType<typeof redriveAll>>> = [];
  for (const hop of [first, second]) {
    await hop.settled();
    ends.push(await redriveAll(hop));
    await hop.lookedAgain();
    options.onStory(`quiet: ${hop.replication.name}`);
  }
  return { redriven: ends.map(({ redriven }) => redriven), left: ends.map(({ left }) => left) };
}

async function compared({ first, second }: Stage) {
  const { schema, source } = first;
  const { destination } = second;
  const both = { ...first.replication, destination: second.replication.destination };
  const compare = async (world: Parameters<typeof compareTables>[0]) => {
    const { missing, different, extraneous, inFlight, items } = await compareTables(
      world,
      systemClock,
    );
    return { differences: missing + different + extraneous + inFlight, items };
  };
  const [ab, bc, ac] = await Promise.all([
    compare(first),
    compare(second),
    compare({ schema, source, destination, replication: both, projection: undefined }),
  ]);
  return {
    differences: { 'A-B': ab.differences, 'B-C': bc.differences, 'A-C': ac.differences },
    items: ac.items,
    unclean: await uncleanOf(second),
  };
}

/** What the application writes, and the second hop's own version: nothing else is to be in C. */
async function uncleanOf({ destination, replication, streamArn }: LocalWorld): Promise<string[]> {
  const { client } = destination;
  const label = String(streamLabelMs(streamArn));
  const unclean: string[] = [];
  for await (const { Items = [] } of paginateScan(
    { client },
    { TableName: replication.destination.table },
  )) {
    for (const { pk, write: _, tag: __, _ferry, ...others } of Items) {
      const { o, v } = _ferry?.M ?? {};
      const isOwn = o?.S === replication.source.region && v?.S?.split('.')[1] === label;
      if (!isOwn || Object.keys(others).length > 0)
        unclean.push(`${pk?.S}: ${JSON.stringify({ _ferry, others })}`);
    }
  }
  return unclean;
}
