// What docs/permissions.md lists for a command is what the command really asks AWS for: no more, and no less.

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  BOTH_COMMANDS,
  type CommandNeeds,
  COMMANDS,
  SWITCH_COMMANDS,
} from '../src/permissions/operator-needs.ts';
import { main } from '../src/cli/main.ts';
import { parseConfig } from '../src/config/config.ts';
import { functionVariables } from '../src/config/function-variable.ts';
import type { ProjectionConfig, ReplicationConfig } from '../src/config/schema.ts';
import { changeShards, putLease, putPosition, putSource } from '../src/model/run-rows.ts';
import { functionModule } from '../src/package-files.ts';
import type { ObjectStore } from '../src/ports.ts';
import { digestOfRules } from '../src/projection/digest.ts';
import { openBucketCloud } from './fixtures/bucket-cloud.ts';
import { type Handler, openBulkCloud } from './fixtures/bulk-cloud.ts';
import { deployLocally, TWIN } from './fixtures/deployed-replication.ts';
import { KINESIS_ARN, readThroughKinesis } from './fixtures/kinesis-source.ts';
import { type KeyCloud, openKeyCloud } from './fixtures/key-cloud.ts';
import { type LogsCloud, openLogsCloud } from './fixtures/logs-cloud.ts';
import { openMonitoringCloud } from './fixtures/monitoring-cloud.ts';
import {
  placeOf,
  type RecordedCall,
  type RecordingOptions,
  recordCalls,
} from './fixtures/recorded-calls.ts';
import { givenUp, lambdaRecord, SETTINGS } from './fixtures/records.ts';
import { noteBatch } from './fixtures/noted-batch.ts';
import { openTwoRegions, putAll, type TwoRegions } from './fixtures/two-regions.ts';

/** Runs a command, and hands on what it asked for. */
type Record = (
  args: readonly string[],
  environment?: object,
  options?: RecordingOptions,
) => Promise<void>;
/** Brings about what a command is for, and records it with or without `--apply`. */
type Scene = (record: Record, apply: readonly string[]) => Promise<void>;

const KEYS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
const TABLE_KEY = { partitionKey: { name: 'pk', type: 'S' } };
const item = (pk: string) => ({ pk: { S: pk }, text: { S: 'x' } });

const HISTORY = '/ferry/orders/history';
const HASH_KEY = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:hash-AbCdEf';
const versionId = '11111111-aaaa-4aaa-8aaa-111111111111';
const HASHES: ProjectionConfig = {
  keepItems: { attribute: 'hidden', exists: false },
  attributes: { hash: { attribute: 'text', secret: HASH_KEY, versionId } },
};
/** Of the replication of every scene. */
let projection: ProjectionConfig | undefined;
/** The source of every scene sends its changes to a Kinesis stream. */
let isKinesis = false;

/** Where the log group of the history is, as new for each command. */
let logs: LogsCloud;

beforeAll(async () => {
  Object.assign(process.env, KEYS);
  logs = await openLogsCloud();
});
afterAll(async () => {
  await logs.close();
  for (const name of Object.keys(KEYS)) delete process.env[name];
});

/** A function that has run. */
const USED = {
  figures: { Invocations: () => 1 },
  mapping: undefined,
  deadLetters: 0,
  isDeployed: true,
};

/** A file from the tables of both engines. */
const making = ({ source, destination, directory }: TwoRegions) => [
  '--source-endpoint',
  source.endpoint,
  '--destination-endpoint',
  destination.endpoint,
  '--config',
  join(directory, 'made.json'),
];

const SCENES: Readonly<{ [command: string]: Scene }> = {
  init: inRegions(async (regions, record) =>
    record(['init', 'us-east-1/Orders', 'eu-west-1/Orders', ...making(regions)]),
  ),
  'init --all': inRegions(async (regions, record) =>
    record(['init', '--all', 'us-east-1', 'eu-west-1', ...making(regions)]),
  ),
  status: inRegions(async (regions, record) => {
    const mapping = { state: 'Disabled', streamArn: eventSourceOf(regions) };
    const cloud = await openMonitoringCloud({
      figures: {},
      mapping,
      deadLetters: 0,
      isDeployed: true,
    });
    await record(['status', ...changed(regions, { heartbeat: { key: { pk: 'beat' } } })]);
    // The same replication, carried by a process.
    cloud.state.isDeployed = false;
    await carriedByProcess(regions);
    await record(['status', '--config', regions.config]);
    await cloud.close();
  }),
  history: inRegions((regions, record) => record(['history', '--config', regions.config])),
  cost: inRegions(async (regions, record) => {
    const cloud = await openMonitoringCloud(USED);
    await record(['cost', '--config', regions.config]);
    await cloud.close();
  }),
  'cost --actual': inRegions(async (regions, record) => {
    const cloud = await openMonitoringCloud(USED);
    await record(['cost', '--actual', '--config', regions.config]);
    await cloud.close();
  }),
  'config --deployed': inRegions((_, record) =>
    record(['config', '--deployed', 'us-east-1/orders']),
  ),
  'permissions --deployed': inRegions((_, record) =>
    record(['permissions', '--deployed', 'us-east-1/orders']),
  ),
  redrive: async (record, apply) => {
    const deployed = await deployLocally('orders', projection && { projection });
    const secrets = await openSecrets();
    await deployed.park(3);
    await deployed.stream([
      lambdaRecord({ id: 'poison', sequenceNumber: '900', eventName: 'REMOVE' }),
    ]);
    // The twin has what the letter deletes.
    const there = new PutItemCommand({ TableName: TWIN, Item: item('poison') });
    await deployed.engine.client.send(there);
    await deployed.bucket.put(
      'aws/lambda/a1b2/shardId-1/batch',
      // So many that the way back is looked up.
      givenUp(
        Array.from({ length: 1_001 }, (_, index) =>
          lambdaRecord({ id: 'b', sequenceNumber: String(901 + index) }),
        ),
      ),
    );
    await noteBatch(deployed, ['noted']);
    const places = [...deployed.config, ...deployed.places.slice(4)];
    const redrive = ['redrive', '--yes', ...places, ...apply];
    await record(redrive, deployed.environment);
    // Letters from before an adoption are read from the source.
    await deployed.park(3);
    await quietly(['adopt', '--again', '--apply', ...deployed.config], deployed.environment);
    await record(redrive, deployed.environment);
    await secrets.close();
    await deployed.close();
  },
  verify: inRegions(async (regions, record) => {
    await differ(regions);
    await record(['verify', ...reported(regions)]);
    await record(['verify', '--settle', '0', '--key', '{"pk":"a"}', '--config', regions.config]);
  }),
  repair: inRegions(async (regions, record, apply) => {
    await differ(regions);
    await quietly(['verify', ...reported(regions)]);
    // So many that the way back is looked up. One item, so that only a few are read.
    const more = mentionOf('more').repeat(1_001);
    appendFileSync(join(regions.directory, 'report.jsonl'), more);
    await record(['repair', ...reported(regions), '--yes', ...apply]);
  }),
  backfill: inRegions(async (regions, record, apply) => {
    await putAll(regions.source, 'Orders', [item('a')]);
    await regions.adopt();
    await copyFirst(regions);
    await record(['backfill', '--config', regions.config, ...apply]);
  }),
  'backfill --reproject': inRegions(async (regions, record, apply) => {
    await differ(regions);
    await putAll(regions.source, 'Orders', [{ ...item('c'), hidden: { BOOL: true } }]);
    await record(['backfill', '--reproject', '--config', regions.config, ...apply]);
  }),
  'projection test': inRegions((regions, record) =>
    record(['projection', 'test', '--config', regions.config]),
  ),
  'backfill --before-stream': inRegions(async (regions, record, apply) => {
    await putAll(regions.source, 'Orders', [item('a')]);
    map(regions, 'Disabled');
    const config = changed(regions, { eventSource: { enabled: false } });
    await record(['backfill', '--before-stream', ...config, ...apply]);
  }),
  'redrive --bulk': inBulk(async (config, record, apply, bulk) => {
    await bulk.bucket.put(
      'aws/lambda/a1b2/shardId-1/batch',
      givenUp([lambdaRecord({ id: 'b', sequenceNumber: '901' })]),
    );
    await record(['redrive', '--bulk', ...config, '--queue-url', bulk.queueUrl, ...apply]);
  }),
  'backfill --bulk': inBulk(async (config, record, apply) =>
    record(['backfill', '--bulk', ...config, ...apply]),
  ),
  'verify --bulk': inBulk(async (config, record) =>
    record(['verify', '--bulk', '--settle', '0', ...config]),
  ),
  pause: inRegions(async (regions, record, apply) => {
    map(regions, 'Enabled');
    await regions.adopt();
    await record(['pause', '--config', regions.config, ...apply]);
  }),
  resume: inRegions(async (regions, record, apply) => {
    map(regions, 'Enabled');
    await regions.adopt();
    await quietly(['pause', '--apply', '--config', regions.config]);
    await record(['resume', '--config', regions.config, ...apply]);
  }),
  adopt: inRegions(async (regions, record, apply) => {
    map(regions, 'Enabled');
    await putAll(regions.destination, 'Orders', [item('a')]);
    await record(['adopt', '--config', regions.config, ...apply]);
  }),
  teardown: inRegions(async (regions, record, apply) => {
    const cloud = await openBucketCloud();
    const bucket = 'ferry-orders-source-replicatoronfailurebucket-1a2b';
    cloud.buckets.set(bucket, ['aws/lambda/batch']);
    regions.lambda.isDeployed = false;
    const sqs = new URL(regions.lambda.settings.lookAgainQueueUrl ?? '').origin;
    process.env['AWS_ENDPOINT_URL_SQS'] = sqs;
    const all = ['--delete', `us-east-1/${bucket},us-east-1/${HISTORY}`];
    const more = apply.length > 0 ? [...apply, ...all] : [];
    await record(['teardown', ...created(regions), ...more], {
      AWS_ENDPOINT_URL_S3: cloud.endpoint,
      AWS_ENDPOINT_URL_SQS: sqs,
    });
    delete process.env['AWS_ENDPOINT_URL_SQS'];
    await cloud.close();
  }),
};

/** Their scenes read no file, or need the bundle of a function. */
const IN_OTHER_SCENES = /^init|--bulk$/;
/** Their scenes need a projection. */
const ALWAYS_PROJECTING = ['backfill --reproject', 'projection test'];

type Played = readonly [string, CommandNeeds, 'kinesis' | ProjectionConfig | undefined];

/** Each once, and once more with a projection where it opens one, and with a Kinesis stream where it looks at it. */
const PLAYED = COMMANDS.flatMap((needs): Played[] => {
  const { command, always, apply } = needs;
  if (ALWAYS_PROJECTING.includes(command)) return [[command, needs, HASHES]];
  const opens = [...always, ...apply].some((need) => need.endsWith(' hashSecret'));
  const projected = [`${command} with a projection`, needs, HASHES] as const;
  const looks =
    always.some((need) => need.endsWith(' streaming')) && !IN_OTHER_SCENES.test(command);
  const streamed = [`${command} with a Kinesis stream`, needs, 'kinesis'] as const;
  return [[command, needs, undefined], ...(opens ? [projected] : []), ...(looks ? [streamed] : [])];
});

describe('an operator needs for', () => {
  afterEach(() => {
    projection = undefined;
    isKinesis = false;
  });

  it.each(PLAYED)(
    '%s what the document says',
    async (_, needs, of) => {
      isKinesis = of === 'kinesis';
      projection = of === 'kinesis' ? undefined : of;

      const { dry, always, notListed, notPlayed } = await playedBy(needs);

      expect(dry).toEqual(always);
      expect({ notListed, notPlayed }).toEqual({ notListed: [], notPlayed: [] });
    },
    120_000,
  );

  it('every command that there is, apart from those for this machine only', async () => {
    const { out } = await quietly(['--help']);
    const known = [...out.matchAll(/^ {2}([a-z]+)(?: [a-z]+)? {2,}/gm)].map(
      (match) => match[1] ?? '',
    );
    const all = [...COMMANDS, ...SWITCH_COMMANDS, ...BOTH_COMMANDS];
    const listed = new Set(all.map(({ command }) => command.split(' ')[0]));

    expect(known.length).toBeGreaterThan(8);
    // test/permissions/run.test.ts has the process, and test/composition/rehearsal-on-aws.test.ts rehearsals.
    const others = ['latency', 'local', 'rehearse', 'run'];
    expect(known.filter((name) => !listed.has(name)).toSorted()).toEqual(others);
  });
});

/** They look at the table for its own stream only. */
const ONLY_THE_STREAM = ['status', 'pause'];

/** What a command asked for, and what of it, and of its needs, the other lacks. */
async function playedBy({ command, ...needs }: CommandNeeds) {
  const dry = await asked(command, []);
  const isUnread = isKinesis && ONLY_THE_STREAM.includes(command);
  const applied = needs.apply.length > 0 ? await asked(command, ['--apply']) : [];
  const always = ofReplication(needs.always).filter(
    (one) => !isUnread || one !== 'dynamodb:DescribeTable source',
  );
  const rest = ofReplication(needs.apply).filter((one) => !always.includes(one));
  const more = applied.filter((one) => !always.includes(one));
  const known = [...more, ...(NOT_PLAYED[command] ?? [])];
  return {
    dry,
    always,
    notListed: more.filter((one) => !rest.includes(one)),
    notPlayed: rest.filter((one) => !known.includes(one)),
  };
}

/** Without a projection, a Kinesis stream or "switching", nothing asks for what is only there with one. */
function ofReplication(needs: readonly string[]): string[] {
  const there = needs.filter(
    (need) =>
      !need.endsWith(' sourceState') &&
      (projection || !/ (hashSecret|projecting)$/.test(need)) &&
      (isKinesis || !/ (kinesis|streaming)$/.test(need)),
  );
  return [
    ...new Set(
      there.map((need) =>
        need.replace(/projecting$/, 'replicate').replace(/anythingThere$/, 'anything'),
      ),
    ),
  ].toSorted();
}

/** The projection has written the whole twin. Otherwise, a backfill does what it does with `--reproject`. */
async function copyFirst({ config }: TwoRegions): Promise<void> {
  if (projection === undefined) return;
  const { exitCode, out } = await quietly(['backfill', '--apply', '--config', config]);
  if (exitCode !== 0) throw new Error(out);
}

/** What no scene brings about. */
const NOT_PLAYED: Readonly<{ [command: string]: readonly string[] }> = {
  // An item that something else changes meanwhile is read again, alone.
  redrive: ['dynamodb:GetItem source', 'dynamodb:GetItem twin'],
  // Where there are bulk runs, it asks for one that redrives.
  'backfill --reproject': [
    'lambda:GetFunctionConfiguration bulkFunction',
    'states:ListExecutions stateMachine',
  ],
  // Its letters are redriven as without `--bulk`, and here it has none.
  'redrive --bulk': COMMANDS.flatMap(({ command, always, apply }) =>
    command === 'redrive' ? [...always, ...apply] : [],
  ),
  // The tables of the embedded engine are not protected, so that no protection has to be taken away.
  teardown: ['source', 'twin', 'state'].map((table) => `dynamodb:UpdateTable ${table}`),
};

/** What a command asked for in its scene: "dynamodb:GetItem state". */
async function asked(command: string, apply: readonly string[]): Promise<string[]> {
  const scene = SCENES[command];
  if (scene === undefined) throw new Error(`There is no scene for ${command}.`);
  const calls: RecordedCall[] = [];
  await scene(async (args, environment, options) => {
    logs.state.groups.set(HISTORY, new Map());
    const recorder = recordCalls(options);
    const { exitCode, out } = await quietly(args, environment);
    recorder.stop();
    if (![0, 3].includes(exitCode)) throw new Error(`${args.join(' ')}: ${out}`);
    calls.push(...recorder.calls);
  }, apply);
  const all = calls.map((call) => `${call.action} ${placeOf(call)}`);
  // `ferry init` asks it of every table, and others of one whose changes come through a Kinesis stream.
  const isInit = command.startsWith('init');
  return [
    ...new Set(all.map((one) => (isInit ? one.replace(/ streaming$/, ' source') : one))),
  ].toSorted();
}

async function quietly(args: readonly string[], environment: object = {}) {
  const out: string[] = [];
  let sleptMs = 0;
  const exitCode = await main(args, {
    out: (line) => out.push(line),
    err: (line) => out.push(line),
    status: () => undefined,
    isTerminal: false,
    environment: { ...KEYS, ...logs.environment, ...environment },
    interrupted: new AbortController().signal,
    clock: {
      now: () => Date.now() + sleptMs,
      async sleep(ms) {
        sleptMs += ms;
        await new Promise((resolve) => setImmediate(resolve));
      },
    },
  });
  return { exitCode, out: out.join('\n') };
}

/** With the key of the hashes. */
async function openSecrets(): Promise<KeyCloud> {
  const cloud = await openKeyCloud();
  cloud.state.valid.add(KEYS.AWS_ACCESS_KEY_ID);
  cloud.state.secrets.set(HASH_KEY, 'the key of all hashes');
  process.env[SECRETS] = cloud.variables[SECRETS];
  return cloud;
}

const SECRETS = 'AWS_ENDPOINT_URL_SECRETS_MANAGER';

/** As it is configured, and deployed. */
function project(regions: TwoRegions, of: ProjectionConfig): void {
  const [replication] = replicationsOf(regions);
  const replications = [{ ...replication, projection: of }];
  writeFileSync(regions.config, JSON.stringify({ replications }));
  const { deadLetterQueueUrl, onFailureBucket } = SETTINGS;
  regions.lambda.variables = functionVariables({
    deadLetterQueueUrl,
    onFailureBucket,
    lookAgainQueueUrl: regions.lambda.settings.lookAgainQueueUrl,
    replication: parseConfig({ replications }).replications[0] as ReplicationConfig,
    streamArn: regions.streamArn,
    projectionDigest: digestOfRules(of),
  });
}

type InRegions = (regions: TwoRegions, record: Record, apply: readonly string[]) => Promise<void>;

function inRegions(scene: InRegions): Scene {
  return async (record, apply) => {
    const regions = await openTwoRegions(undefined, projection && 'NEW_AND_OLD_IMAGES');
    const secrets = await openSecrets();
    if (projection !== undefined) project(regions, projection);
    const kinesis = isKinesis ? await readThroughKinesis(regions) : undefined;
    await scene(regions, record, apply);
    await Promise.all([secrets.close(), kinesis?.close()]);
    await regions.close();
  };
}

function inBulk(
  scene: (
    config: readonly string[],
    record: Record,
    apply: readonly string[],
    places: { readonly bucket: ObjectStore; readonly queueUrl: string },
  ) => Promise<void>,
): Scene {
  return inRegions(async (regions, record, apply) => {
    await putAll(regions.source, 'Orders', [item('a')]);
    await regions.adopt();
    await copyFirst(regions);
    const bundle = functionModule('bulk-segment');
    const { handler } = (await import(pathToFileURL(bundle).href)) as { handler: Handler };
    const { lookAgainQueueUrl = '' } = regions.lambda.settings;
    const [replication] = replicationsOf(regions);
    const cloud = await openBulkCloud(handler, {
      replication,
      pagesPerCall: 1,
      lookAgainQueueUrl,
    });
    const report = ['--report', join(regions.directory, 'report.jsonl')];
    // The function runs in this process, and signs its requests by itself.
    const recordCommand: Record = (args) =>
      record(args[0] === 'verify' ? [...args, ...report] : args, {}, { signed: false });
    const queueUrl = lookAgainQueueUrl.replace('look-again', 'dead-letters');
    const places = { bucket: cloud.bucket, queueUrl };
    await scene(changed(regions, { bulk: true }), recordCommand, apply, places);
    await cloud.close();
  });
}

function map(regions: TwoRegions, state: string): void {
  Object.assign(regions.lambda, {
    mappings: [{ id: 'a1b2', state, streamArn: eventSourceOf(regions) }],
  });
}

function eventSourceOf({ streamArn }: TwoRegions): string {
  return isKinesis ? KINESIS_ARN : streamArn;
}

/** Missing on the twin, different, and there alone. */
const mentionOf = (pk: string) => `{"kind":"missing","key":{"pk":{"S":"${pk}"}}}\n`;

async function differ(regions: TwoRegions): Promise<void> {
  await regions.adopt();
  await putAll(regions.source, 'Orders', [item('a'), item('b')]);
  const other = { ...item('b'), text: { S: 'y' } };
  await putAll(regions.destination, 'Orders', [other, item('c')]);
}

function reported({ directory, config }: TwoRegions): string[] {
  return ['--settle', '0', '--report', join(directory, 'report.jsonl'), '--config', config];
}

function replicationsOf({ config }: TwoRegions) {
  const { replications } = JSON.parse(readFileSync(config, 'utf8')) as {
    replications: [{ source: { streamArn?: string }; destination: object }];
  };
  return replications;
}

/** The option for a configuration with other settings. */
function changed(regions: TwoRegions, settings: object): string[] {
  const path = join(regions.directory, 'changed.json');
  const [replication] = replicationsOf(regions);
  writeFileSync(path, JSON.stringify({ replications: [{ ...replication, ...settings }] }));
  return ['--config', path];
}

/** What a process of `ferry run` has written when it has ended. */
async function carriedByProcess(regions: TwoRegions): Promise<void> {
  const { replication, stateTable } = SETTINGS;
  const place = { replication, stateTable, sourceArn: eventSourceOf(regions) };
  const lease = { holder: 'a process', fence: 1, beat: 1, released: true };
  const position = { after: '7', closed: false, atMs: Date.now() };
  const rows = [
    putLease(place, lease, undefined),
    putSource(place, 1),
    changeShards(place, 'ADD', ['shardId-1']),
    putPosition(place, 'shardId-1', position, 1),
  ];
  for (const row of rows) await regions.destination.twinWriter.write(row);
}

/** As if the app had created the tables. */
function created(regions: TwoRegions): string[] {
  const [{ source, destination }] = replicationsOf(regions);
  const { streamArn: _, ...rest } = source;
  return changed(regions, {
    source: { ...rest, ...TABLE_KEY, create: true },
    destination: { ...destination, ...TABLE_KEY, create: true },
  });
}
