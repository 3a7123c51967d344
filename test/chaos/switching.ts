// Switches there and back on real engines, under load: the operator's command is killed in the midst of them and run
// again, and so are the functions of both directions and both engines. The judge keeps records of its own: of every write
// that a table has taken, and of every record of the streams.

import { GetItemCommand, paginateScan, type WriteRequest } from '@aws-sdk/client-dynamodb';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { systemClock } from '../../src/aws/system-clock.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { startFaultProxy } from '../../src/local/faults/fault-proxy.ts';
import type { Cleanup } from '../../src/local/run/cleanup.ts';
import { compareTables } from '../../src/local/run/compare-tables.ts';
import {
  type BothDirections,
  type LocalWorld,
  startBothDirections,
} from '../../src/local/run/local-world.ts';
import { below, seededRandom } from '../../src/local/seeded-random.ts';
import type { Random } from '../../src/ports.ts';
import { proofIn, proofKey, type SwitchProof } from '../../src/switching/proof.ts';
import { startCommand } from './commands.ts';
import { CREDENTIALS, disturb, everything, overlap } from './disturbance.ts';
import { type RestartableEngine, restartableEngine } from './restartable-engine.ts';
import { type SteadyWriter, steadyWriter } from './steady-writer.ts';
import { type StreamCount, streamCount } from './stream-count.ts';

export interface SwitchingOptions {
  readonly seed: number;
  readonly switches: number;
  readonly keys: number;
  /** Of writing before each switch. */
  readonly seconds: number;
  /** Of the operator, in each switch at most. */
  readonly operatorKills: number;
  readonly onStory: (line: string) => void;
}

export interface SwitchingReport {
  readonly switches: readonly SwitchStory[];
  readonly acknowledged: number;
  readonly kills: Readonly<Record<Victim, number>>;
  /** Items that were not as the application had left them when the other table was opened, or at the end. */
  readonly lost: readonly string[];
  /** Figures of proofs that are not those of the judge. */
  readonly disagreements: readonly string[];
  /** Of both directions: records that were read and ended nowhere. */
  readonly unaccounted: number;
  readonly letters: number;
  readonly strays: number;
  readonly differences: number;
  readonly items: number;
}

interface SwitchStory {
  readonly to: string;
  /** Runs of the command that did not come to a good end, killed or not. */
  readonly runs: number;
  readonly seconds: number;
  readonly proof: SwitchProof | undefined;
}

type Victim = 'operator' | 'outward function' | 'way back' | 'A' | 'B' | 'overlap';

const NAME = 'switched';
const WRITERS = 2;
const PAUSE_MS = 100;
const DOWN_MS_MAX = 800;
const KILL_PAUSE_MS = { min: 2_000, max: 12_000 };
const RECORDS_OVERLAPPED = 100;
/** An operator who does not get through does something else. */
const RUNS_MAX = 12;

/** In turn; when, is chance. */
const UNDER_FIRE: readonly Victim[] = ['A', 'overlap', 'outward function', 'B', 'way back'];
const IN_A_SWITCH: readonly Victim[] = [
  'operator',
  'A',
  'outward function',
  'operator',
  'B',
  'way back',
];

interface Stage {
  readonly both: BothDirections;
  readonly engines: Readonly<Record<'A' | 'B', RestartableEngine>>;
  /** As the operators have it. */
  readonly config: string;
  readonly random: Random;
  readonly options: SwitchingOptions;
  /** By key: the number of the write that an item is of. */
  readonly expected: Map<string, number>;
  readonly counts: ReadonlyMap<LocalWorld, StreamCount>;
  readonly kills: Record<Victim, number>;
  readonly lost: string[];
  readonly disagreements: string[];
}

/** Runs until both directions are at rest and compared; leaves nothing behind. */
export async function switching(options: SwitchingOptions): Promise<SwitchingReport> {
  const directory = mkdtempSync(join(tmpdir(), 'ferry-switching-'));
  const cleanups: Cleanup[] = [() => rmSync(directory, { recursive: true, force: true })];
  try {
    const engines = {
      A: await restartableEngine(directory, 'A'),
      B: await restartableEngine(directory, 'B'),
    };
    for (const engine of Object.values(engines)) cleanups.push(() => engine.stop());
    const random = seededRandom(options.seed);
    const both = await startBothDirections(
      {
        replication: replication(),
        sourceEndpoint: engines.A.endpoint,
        destinationEndpoint: engines.B.endpoint,
        credentials: CREDENTIALS,
        runId: `switching-${options.seed}`,
        clock: systemClock,
        random,
        onProblem: () => undefined,
      },
      cleanups,
    );
    const config = join(directory, 'ferry.json');
    writeFileSync(config, await configOfOperators(both, engines, random, cleanups));
    const counts = new Map(
      [both.outward, both.back].map((world) => [world, streamCount(world.source, world.streamArn)]),
    );
    for (const count of counts.values()) cleanups.push(() => count.close());
    const kills = { operator: 0, 'outward function': 0, 'way back': 0, A: 0, B: 0, overlap: 0 };
    const records = { expected: new Map<string, number>(), lost: [], disagreements: [] };
    return await play({ both, engines, config, random, options, counts, kills, ...records });
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

/** They reach both engines through networks that are never quite well, and so do the functions. */
async function configOfOperators(
  { outward, back }: BothDirections,
  engines: Stage['engines'],
  random: Random,
  cleanups: Cleanup[],
): Promise<string> {
  const behind = async ({ endpoint }: RestartableEngine) => {
    const proxy = await startFaultProxy({ upstream: endpoint, random });
    cleanups.push(() => proxy.stop());
    disturb(proxy, NETWORK);
    return proxy.endpoint;
  };
  for (const world of [outward, back]) disturb(world.faults, NETWORK);
  const { source, destination, switching: settings, ...rest } = outward.replication;
  return JSON.stringify({
    replications: [
      {
        ...rest,
        source: { ...source, endpoint: await behind(engines.A), endpoints: outward.endpoints },
        destination: { ...destination, endpoint: await behind(engines.B) },
        switching: { ...settings, endpoints: back.endpoints },
      },
    ],
  });
}

/** A record that the destination always refuses would need an operator to accept it: that is another test. */
const NETWORK = everything(0.0005).filter(({ kind }) => kind !== 'poison');

async function play(stage: Stage): Promise<SwitchingReport> {
  const { both, options, lost } = stage;
  const { outward, back, whole } = both;
  const switches: SwitchStory[] = [];
  let acknowledged = 0;
  let last = 0;
  for (let number = 1; number <= options.switches; number += 1) {
    const active = number % 2 === 1 ? outward : back;
    const writer = await writeUnderFire(active, last, stage);
    ({ last } = writer);
    acknowledged += writer.acknowledged;
    options.onStory(`${active.source.region} has taken ${acknowledged} writes`);
    const story = await switchFrom(active, number + 1, stage);
    switches.push(story);
    options.onStory(`switched: ${JSON.stringify(story)}`);
  }
  await outward.settled();
  await back.settled();
  const final = options.switches % 2 === 1 ? back : outward;
  lost.push(...(await notAsLeft(final.source, final.replication.source.table, stage)));
  const report = await compareTables(final, systemClock);
  const { counts } = whole.mapping;
  return {
    switches,
    acknowledged,
    kills: stage.kills,
    lost,
    disagreements: stage.disagreements,
    unaccounted: counts.received - counts.done - counts.givenUp,
    letters: await whole.failures.letters(),
    strays: whole.tally.sum('StrayWrites'),
    differences: report.missing + report.different + report.extraneous + report.inFlight,
    items: report.items,
  };
}

/** An application at one table, whose function and engines are killed; it ends with its last write acknowledged. */
async function writeUnderFire(
  active: LocalWorld,
  after: number,
  stage: Stage,
): Promise<SteadyWriter> {
  const { random, options, expected, counts } = stage;
  await counts.get(active)?.skip();
  const stop = new AbortController();
  const writer = steadyWriter({
    client: active.source.client,
    table: active.replication.source.table,
    random,
    keys: options.keys,
    writers: WRITERS,
    pauseMs: PAUSE_MS,
    stop: stop.signal,
    after,
    onTaken: (group) => take(group, expected),
  });
  const pauseMs = (options.seconds * 1000) / 3;
  for (let strike = 1; strike <= 3; strike += 1) {
    await delay(pauseMs * (0.5 + random.next()));
    await kill(nextOf(UNDER_FIRE, stage), active, stage);
  }
  stop.abort();
  await writer.finished;
  return writer;
}

/** The writers have keys of their own, so that the order of their writes is known. */
function take(group: readonly WriteRequest[], expected: Map<string, number>): void {
  for (const { PutRequest, DeleteRequest } of group) {
    const deleted = DeleteRequest?.Key?.['pk']?.S;
    if (deleted !== undefined) expected.delete(deleted);
    const { pk, write } = PutRequest?.Item ?? {};
    if (pk?.S !== undefined) expected.set(pk.S, Number(write?.N));
  }
}

function nextOf(victims: readonly Victim[], { kills }: Stage): Victim {
  const sum = Object.values(kills).reduce((total, count) => total + count, 0);
  return victims[sum % victims.length] ?? 'A';
}

async function kill(victim: Victim, active: LocalWorld, stage: Stage): Promise<void> {
  const { both, engines, random, kills, options } = stage;
  kills[victim] += 1;
  options.onStory(`killed: ${victim}`);
  switch (victim) {
    case 'outward function':
      return both.outward.lambda.crash();
    case 'way back':
      return both.back.lambda.crash();
    case 'A':
    case 'B':
      return engines[victim].killFor(below(random, DOWN_MS_MAX));
    case 'overlap':
      return overlap(active, RECORDS_OVERLAPPED);
    case 'operator':
  }
}

/** The application has stopped. @param epoch that is to be opened. */
async function switchFrom(active: LocalWorld, epoch: number, stage: Stage): Promise<SwitchStory> {
  const { both } = stage;
  const stoppedAtMs = Date.now();
  const runs = await runUntilDone(active === both.outward ? 'failover' : 'failback', active, stage);
  const { destination, replication: names } = active;
  stage.lost.push(...(await notAsLeft(destination, names.destination.table, stage)));
  const proof = await proofOf(active, epoch);
  await judge({ proof, active, epoch, stoppedAtMs }, stage);
  const seconds = Math.round((Date.now() - stoppedAtMs) / 1000);
  return { to: destination.region, runs, seconds, proof };
}

/** Until the command ends well, while everything is killed; the operator is not killed without end. */
async function runUntilDone(command: string, active: LocalWorld, stage: Stage): Promise<number> {
  const { config, options, both, random } = stage;
  let operatorKills = 0;
  for (let runs = 1; runs <= RUNS_MAX; runs += 1) {
    const args = [command, '--apply', '--fenced-by-application', '--json'];
    const { child, finished } = startCommand(args, { world: both.outward, config });
    let isOver = false;
    const ending = finished.finally(() => (isOver = true));
    for (;;) {
      const { min, max } = KILL_PAUSE_MS;
      await Promise.race([ending, delay(min + random.next() * (max - min))]);
      if (isOver) break;
      const victim = nextOf(IN_A_SWITCH, stage);
      if (victim === 'operator' && operatorKills >= options.operatorKills) continue;
      await kill(victim, active, stage);
      if (victim !== 'operator') continue;
      operatorKills += 1;
      child.kill('SIGKILL');
      await ending;
    }
    const { exitCode, stdout, stderr } = await ending;
    const problem = exitCode === null || exitCode === 0 ? '' : `${stdout} ${stderr}`;
    options.onStory(`${command} ended with ${exitCode} ${problem.trim()}`);
    if (exitCode === 0) return runs;
  }
  throw new Error(`${command} has not come to a good end in ${RUNS_MAX} runs`);
}

/** Items of a table that are not as the application has left them, found by a scan. */
async function notAsLeft(
  { client }: LocalWorld['source'],
  TableName: string,
  { expected }: Stage,
): Promise<string[]> {
  const found = new Map<string, number>();
  const foreign: string[] = [];
  for await (const { Items = [] } of paginateScan(
    { client },
    { TableName, ConsistentRead: true },
  )) {
    for (const { pk, write } of Items) {
      if (write?.N === undefined) foreign.push(`${TableName}: ${pk?.S} is not of the application`);
      else found.set(pk?.S ?? '', Number(write.N));
    }
  }
  const keys = [...new Set([...found.keys(), ...expected.keys()])];
  const wrong = keys.filter((key) => found.get(key) !== expected.get(key));
  return [
    ...foreign,
    ...wrong.map((key) => `${TableName}: ${key} is ${found.get(key)}, not ${expected.get(key)}`),
  ];
}

/** From the ledger beside the table that was opened, whichever run of the command has written it. */
async function proofOf(
  { destination, replication: { stateTable } }: LocalWorld,
  epoch: number,
): Promise<SwitchProof | undefined> {
  const { Item } = await destination.client.send(
    new GetItemCommand({ TableName: stateTable, Key: proofKey(NAME, epoch), ConsistentRead: true }),
  );
  return proofIn(Item);
}

interface Judged {
  readonly proof: SwitchProof | undefined;
  readonly active: LocalWorld;
  readonly epoch: number;
  readonly stoppedAtMs: number;
}

/** Notes what the proof says otherwise than the judge has counted. */
async function judge({ proof, active, epoch, stoppedAtMs }: Judged, stage: Stage): Promise<void> {
  const own = await stage.counts.get(active)?.count();
  const { source, destination } = active;
  const counted = {
    from: source.region,
    to: destination.region,
    epochs: { ended: epoch - 1, opened: epoch },
    ...own,
    rpo: { seconds: 0, proven: true },
    lettersAccepted: [],
    lookedAgain: { keys: own?.keys, differences: 0 },
  };
  for (const [name, value] of Object.entries(counted)) {
    const said = proof?.[name as keyof SwitchProof];
    if (!isDeepStrictEqual(said, value))
      stage.disagreements.push(
        `epoch ${epoch}: ${name} is ${JSON.stringify(said)}, not ${JSON.stringify(value)}`,
      );
  }
  const { from = '', to = '' } = proof?.writesRefused ?? {};
  if (!(Date.parse(from) >= stoppedAtMs && Date.parse(to) <= Date.now()))
    stage.disagreements.push(`epoch ${epoch}: writes were refused from ${from} to ${to}`);
}

function replication(): ReplicationConfig {
  const table = { create: true, partitionKey: { name: 'pk', type: 'S' } };
  const [only] = parseConfig({
    replications: [
      {
        name: NAME,
        source: { region: 'us-east-1', table: 'Orders', ...table },
        destination: { region: 'eu-west-1', table: 'Orders', ...table },
        switching: { fence: 'application' },
      },
    ],
  }).replications;
  if (only === undefined) throw new Error('no replication');
  return only;
}

export function isWell(report: SwitchingReport): boolean {
  const { lost, disagreements, unaccounted, letters, strays, differences } = report;
  return lost.length + disagreements.length + unaccounted + letters + strays + differences === 0;
}
