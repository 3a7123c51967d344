// What each function asks AWS for is what its role allows: no more, and no less. In another account or partition, the
// rights at the destination are those of the writer role, or of the user whose keys the secret holds.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Context, DynamoDBRecord, DynamoDBStreamEvent, SQSEvent } from 'aws-lambda';
import { DescribeTableCommand, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runRow } from '../../src/backfill/checkpoint.ts';
import { parseConfig } from '../../src/config/config.ts';
import { functionVariables, readDeployment } from '../../src/config/function-variable.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { type LocalFailures, openLocalFailures } from '../../src/local/run/local-failures.ts';

import type { Arns } from '../../src/permissions/arns.ts';
import { writerNeeds } from '../../src/permissions/destination-roles.ts';
import {
  functionNeeds,
  functionsOf,
  ownNeeds,
  type ReplicationFunction,
} from '../../src/permissions/function-needs.ts';
import type { Clock } from '../../src/ports.ts';
import { digestOfRules } from '../../src/projection/digest.ts';
import { putReconciliation } from '../../src/model/reconciliation-row.ts';
import { STORED_FORMAT } from '../../src/model/stored-format.ts';
import type { Run } from '../../src/reconcile/task.ts';
import { isAtDestination, type Needs } from '../../src/permissions/statement.ts';
import { kinesisRecord } from '../fixtures/kinesis-records.ts';
import {
  KINESIS_ARN,
  KINESIS_SOURCE,
  type KinesisStandIn,
  readThroughKinesis,
} from '../fixtures/kinesis-source.ts';
import { type KeyCloud, newKeys, openKeyCloud } from '../fixtures/key-cloud.ts';
import { type LogsCloud, openLogsCloud } from '../fixtures/logs-cloud.ts';
import { placeOf, type RecordedCall, recordCalls } from '../fixtures/recorded-calls.ts';
import { givenUp, lambdaRecord, SETTINGS } from '../fixtures/records.ts';
import { type Mode, putNearSide, recordsOf } from './two-way-batches.ts';
import { openTwoRegions, putAll, runHere, type TwoRegions } from '../fixtures/two-regions.ts';

/** The embedded engine's, and another one. */
const [ACCOUNT, OTHER] = ['000000000000', '222222222222'];
const SECRET = `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:china-AbCdEf`;
const REACHES = {
  'its own rights': { region: 'eu-west-1', account: ACCOUNT },
  'a role of another account': { region: 'eu-west-1', account: OTHER },
  'the keys of a secret': { region: 'cn-north-1', account: OTHER, credentials: { secret: SECRET } },
};

const HASH_KEY = `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:hash-AbCdEf`;
/** The function opens a projection, and nothing whole is stored. */
const PROJECTED = {
  deadLetters: 'projected',
  projection: {
    attributes: {
      hash: {
        attribute: 'text',
        secret: HASH_KEY,
        versionId: '11111111-aaaa-4aaa-8aaa-111111111111',
      },
    },
  },
};
const SWITCHED = {
  switching: {
    streamArn: `arn:aws:dynamodb:eu-west-1:${ACCOUNT}:table/Orders/stream/2026-01-31T12:00:00.000`,
  },
};
const bothWays = (mode: Mode, more: object = {}) => ({
  direction: 'both',
  bulk: false,
  twoWay: { mode, losers: 'keep', streamArn: SWITCHED.switching.streamArn, ...more },
});
const BOTH: Readonly<Record<Mode, object>> = {
  home: bothWays('home', {
    home: {
      rules: [{ attribute: 'pk', prefix: 'eu#', region: 'eu-west-1' }],
      otherwise: 'us-east-1',
    },
  }),
  stamped: bothWays('stamped'),
};
/** The source sends its changes to a Kinesis stream. */
const KINESIS = {};
const RECONCILED = { reconcile: { repair: true } };
/** The function does nothing else. */
const ONLY_REPAIRS = { ...RECONCILED, bulk: false };
const ONLY_COMPARES = { bulk: false, reconcile: {} };
/** The ledger beside the source distinguishes own writes from stray ones. */
const NOT_PLAYED_SWITCHED = ['dynamodb:BatchGetItem sourceState'];
const REPLICATIONS: ReadonlyArray<readonly [string, object, object]> = [
  ...Object.entries(REACHES).map(([name, destination]) => [name, destination, {}] as const),
  ['a projection, and letters without records', REACHES['its own rights'], PROJECTED],
  ['switching', REACHES['its own rights'], SWITCHED],
  ['both directions with homes', REACHES['its own rights'], BOTH.home],
  ['both directions with stamps', REACHES['its own rights'], BOTH.stamped],
  [
    'both directions with stamps, in two accounts',
    REACHES['a role of another account'],
    BOTH.stamped,
  ],
  ['a Kinesis stream', REACHES['its own rights'], KINESIS],
  ['comparisons on a schedule', REACHES['its own rights'], RECONCILED],
  ['comparisons without bulk runs', REACHES['its own rights'], ONLY_COMPARES],
  ['comparisons that repair, without bulk runs', REACHES['its own rights'], ONLY_REPAIRS],
];

/** With the name of the place instead of its ARN. */
const PLACES: Arns = {
  of: (place) => place,
  partitionAt: () => ({ name: 'aws', dnsSuffix: 'amazonaws.com' }),
  other: () => PLACES,
};

let regions: TwoRegions;
let failures: LocalFailures;
let keys: KeyCloud;
let history: LogsCloud;
let runs: Awaited<ReturnType<typeof openStoppedRuns>>;
/** In place of the stream of the table. */
let kinesis: KinesisStandIn | undefined;
/** As the control row lists it. */
let streamArn = '';
beforeEach(async () => {
  regions = await openTwoRegions();
  keys = await openKeyCloud();
  keys.state.roles.add(`arn:aws:iam::${OTHER}:role/ferry-orders-writer`);
  keys.state.secrets.set(SECRET, newKeys(keys.state, 'AKIACHINA'));
  keys.state.secrets.set(HASH_KEY, 'the key of all hashes');
  for (const [name, value] of Object.entries(keys.variables)) vi.stubEnv(name, value);
  ({ streamArn } = regions);
  failures = await openLocalFailures(replicationTo({ region: 'eu-west-1', account: ACCOUNT }), {
    accessKeyId: 'test',
    secretAccessKey: 'test',
  });
  vi.stubEnv('AWS_ENDPOINT_URL_S3', failures.objectEndpoint);
  history = await openLogsCloud('/ferry/orders/history');
  for (const [name, value] of Object.entries(history.environment)) vi.stubEnv(name, value);
  runs = await openStoppedRuns();
  vi.stubEnv('AWS_ENDPOINT_URL_SFN', runs.endpoint);
  // A new instance of each function.
  vi.resetModules();
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await failures.close();
  await keys.close();
  await history.close();
  runs.close();
  await kinesis?.close();
  await regions.close();
  kinesis = undefined;
});

function replicationTo(destination: object, more: object = {}): ReplicationConfig {
  const place = { region: 'us-east-1', account: ACCOUNT, table: 'Orders' };
  const source =
    kinesis === undefined
      ? { ...place, streamArn, endpoint: regions.source.endpoint }
      : {
          ...place,
          kinesisStreamArn: KINESIS_ARN,
          kinesisRetentionHours: 168,
          endpoint: kinesis.endpoint,
        };
  const [replication] = parseConfig({
    replications: [
      {
        name: 'orders',
        source,
        destination: { table: 'Orders', endpoint: regions.destination.endpoint, ...destination },
        heartbeat: { key: { pk: 'ferry-heartbeat' } },
        bulk: true,
        ...more,
      },
    ],
  }).replications;
  return replication as ReplicationConfig;
}

/** Gives this process the variable of the functions. */
function deploy(replication: ReplicationConfig): void {
  const variables = functionVariables({
    replication,
    streamArn,
    deadLetterQueueUrl: failures.queueUrl,
    onFailureBucket: failures.bucketName,
    lookAgainQueueUrl: failures.lookAgainQueueUrl,
    ...(replication.projection && { projectionDigest: digestOfRules(replication.projection) }),
  });
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
}

const INVOCATION = { getRemainingTimeInMillis: () => 60_000 } as Context;

async function replicate(...records: DynamoDBRecord[]): Promise<void> {
  const { handler } = await import('../../src/handlers/replicate.ts');
  const Records = kinesis === undefined ? records : records.map(throughKinesis);
  const { batchItemFailures } = await handler({ Records } as DynamoDBStreamEvent, INVOCATION);
  expect(batchItemFailures).toEqual([]);
}

let place = 0;
function throughKinesis(record: DynamoDBRecord) {
  place += 1;
  return kinesisRecord(record, { place, micros: Date.now() * 1_000 + place });
}

let position = 100;
function change(id: string, eventName: string, more: object = {}): DynamoDBRecord {
  position += 1;
  const createdAtSeconds = Math.floor(Date.now() / 1000);
  return lambdaRecord({
    id,
    eventName,
    sequenceNumber: String(position),
    streamArn,
    createdAtSeconds,
    ...more,
  });
}

async function replicateBothWays(mode: Mode): Promise<void> {
  await putNearSide(regions.source);
  const records = recordsOf(mode, () => {
    position += 1;
    return { sequenceNumber: String(position), streamArn };
  });
  await recorded(() => replicate(...records));
}

/** DynamoDB rejects a key of another type. */
const rejected = { keys: { pk: { N: '1' } } };

/** Each records what its function does. */
const SCENES: Readonly<Record<ReplicationFunction, () => Promise<void>>> = {
  replicate: async () => {
    const { twoWay } = readDeployment(process.env).replication;
    if (twoWay !== undefined) return replicateBothWays(twoWay.mode);
    return recorded(() =>
      replicate(
        change('young', 'INSERT'),
        change('late', 'INSERT', { createdAtSeconds: 1_769_860_800 }),
        change('unknown', 'MODIFY'),
        change('young', 'REMOVE'),
        change('rejected', 'MODIFY', rejected),
        change('large', 'MODIFY', {
          ...rejected,
          attributes: { text: { S: 'x'.repeat(1_100_000) } },
        }),
      ),
    );
  },
  'look-again': async () => {
    await replicate(change('back', 'INSERT'));
    const { client } = regions.destination;
    const there = { TableName: 'Orders', Key: { pk: { S: 'back' } } };
    const { Item } = await client.send(new GetItemCommand(there));
    await replicate(change('back', 'REMOVE'));
    await client.send(new PutItemCommand({ TableName: 'Orders', Item }));
    failures.hastenLookAgain();
    const messages = await failures.lookAgainQueue.receive(60);
    expect(messages).toHaveLength(1);
    const Records = messages.map(({ body }) => ({ messageId: 'a', body }));
    const { handler } = await import('../../src/handlers/look-again.ts');
    await recorded(() => handler({ Records } as SQSEvent, INVOCATION));
    expect((await client.send(new GetItemCommand(there))).Item).toBeUndefined();
  },
  'bulk-segment': async () => {
    const tasks = await bulkTasks();
    const { handler } = await import('../../src/handlers/bulk-segment.ts');
    const { bulk, reconcile } = readDeployment(process.env).replication;
    if (reconcile !== undefined) await stopEarlierRun();
    await recorded(async () => {
      for (const task of bulk ? tasks : []) await handler(task, BULK_INVOCATION);
      if (reconcile !== undefined) await compareOnSchedule();
    });
  },
  heartbeat: async () => {
    const { handler } = await import('../../src/handlers/heartbeat.ts');
    await recorded(async () => {
      await handler();
      await handler();
    });
  },
};

/** Time for everything. */
const BULK_INVOCATION = { getRemainingTimeInMillis: () => 900_000, awsRequestId: 'a' } as Context;

const RUNS = 'arn:aws:states:us-east-1:000000000000:execution:ferry-orders-reconcile:';

/** Of a run that left its mark, and a difference. */
async function stopEarlierRun(): Promise<void> {
  const running = { run: 'earlier', startedAtMs: 0, execution: `${RUNS}earlier` };
  const earlier = putReconciliation(
    { replication: 'orders', stateTable: 'ferry-orders-state' },
    { revision: 1, sinceMs: 0, running },
  );
  await regions.destination.twinWriter.write(earlier);
  await putAll(regions.destination, 'Orders', [{ pk: { S: 'extraneous' } }]);
}

/** A start, and what the state machine makes of its answer. */
async function compareOnSchedule(): Promise<void> {
  const { systemClock } = await import('../../src/aws/system-clock.ts');
  const clock = hurried();
  vi.spyOn(systemClock, 'now').mockImplementation(() => clock.now());
  vi.spyOn(systemClock, 'sleep').mockImplementation((ms) => clock.sleep(ms));
  const { handler } = await import('../../src/handlers/bulk-segment.ts');
  const start = { reconcile: 'start', execution: `${RUNS}now`, input: { now: true } };
  const run = (await handler(start, BULK_INVOCATION)) as Run;
  await handler({ segment: 0, task: run.task }, BULK_INVOCATION);
  expect(await handler(run, BULK_INVOCATION)).toEqual({ done: true, ended: 'well' });
}

/** Answers for the execution of an earlier run. */
async function openStoppedRuns() {
  const server = createServer((_, response) => {
    response.end(JSON.stringify({ status: 'ABORTED', stateMachineArn: 'x', startDate: 1 }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${port}`, close: () => server.close() };
}

/** Waits take no time. */
function hurried(): Clock {
  let skewMs = 0;
  return {
    now: () => Date.now() + skewMs,
    async sleep(ms) {
      skewMs += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

/** What the state machine hands to the function. */
async function bulkTasks(): Promise<object[]> {
  const { source, destination } = regions;
  const { Table } = await destination.client.send(
    new DescribeTableCommand({ TableName: 'Orders' }),
  );
  const { projectionDigest: projection } = readDeployment(process.env);
  const run = {
    run: 'b1',
    totalSegments: 1,
    streamArn,
    destination: Table?.TableId ?? '',
    startedAt: '2026-01-31T12:00:00.000Z',
    ...(projection !== undefined && { projection, reproject: true }),
  };
  await replicate(
    change('deleted', 'INSERT'),
    change('deleted', 'REMOVE'),
    change('stale', 'INSERT'),
  );
  const items = ['new', 'deleted', 'stale'].map((pk) => ({ pk: { S: pk }, text: { S: 'x' } }));
  await putAll(source, 'Orders', items);
  await putAll(destination, 'Orders', [{ pk: { S: 'alone' } }]);
  const written = { nowMs: Date.now(), overwrite: 'always' } as const;
  await destination.twinWriter.write(runRow(run, SETTINGS, written));
  const batch = (...records: object[]) =>
    failures.bucket.put(`aws/lambda/a1b2/shardId-1/${records.length}`, givenUp(records, streamArn));
  // From before an adoption: their items are read from the source.
  await batch(...['new', 'alone', 'stale', 'gone'].map((id) => change(id, 'MODIFY')));
  const adopt = ['adopt', '--again', '--apply', '--config', regions.config];
  const { signal } = new AbortController();
  expect(await runHere(adopt, signal, hurried())).toMatchObject({ exitCode: 0 });
  await batch(change('stale', 'REMOVE'));
  const tasks = [
    { operation: 'verify', run: 'v1', totalSegments: 1, settleMs: 0, values: false },
    { operation: 'redrive', run: 'r1', boundaries: ['aws/lambda/b'], filter: {} },
    { operation: 'backfill', run },
  ];
  return tasks.map((task) => ({ segment: 0, task: { format: STORED_FORMAT, ...task } }));
}

/** Of a replication in both directions. */
const BOTH_SCENES = { replicate: true, heartbeat: true };

let calls: readonly RecordedCall[] = [];

/** What is asked for meanwhile. */
async function recorded(action: () => Promise<unknown>): Promise<void> {
  const recorder = recordCalls();
  await action();
  recorder.stop();
  calls = recorder.calls;
}

/** Calls that a service makes with the role of the function, as its documentation lists them. */
const BY_SERVICES: Readonly<Record<ReplicationFunction, readonly string[]>> = {
  replicate: [
    'dynamodb:DescribeStream stream',
    'dynamodb:GetRecords stream',
    'dynamodb:GetShardIterator stream',
    'dynamodb:ListStreams anything',
    'kinesis:DescribeStream kinesis',
    'kinesis:DescribeStreamSummary kinesis',
    'kinesis:GetRecords kinesis',
    'kinesis:GetShardIterator kinesis',
    'kinesis:ListShards kinesis',
    'kinesis:ListStreams anything',
    // For what Lambda stores of a batch that it gives up.
    's3:ListBucket bucket',
  ],
  'look-again': [
    'sqs:ReceiveMessage lookAgain',
    'sqs:DeleteMessage lookAgain',
    'sqs:GetQueueAttributes lookAgain',
  ],
  'bulk-segment': [],
  heartbeat: [],
};
/** Of every function: Lambda writes what it prints. */
const LOGS = ['logs:CreateLogStream logs', 'logs:PutLogEvents logs'];

describe.each(REPLICATIONS)('with %s, the role of', (_, destination, settings) => {
  const scenes = Object.entries(SCENES) as Array<[ReplicationFunction, () => Promise<void>]>;
  const notPlayed = settings === SWITCHED ? NOT_PLAYED_SWITCHED : [];
  const isBoth = 'direction' in settings;
  const played = scenes.filter(([code]) =>
    // Segments also look at the stream of the twin, and this twin has none.
    settings === SWITCHED ? code !== 'bulk-segment' : !isBoth || code in BOTH_SCENES,
  );
  it.each(played)(
    '%s allows what the function asks for',
    { timeout: 60_000 },
    async (code, scene) => {
      const asked = new Set<string>();
      if (settings === SWITCHED) await adoptBefore();
      if (settings === KINESIS) await readKinesis();
      for (const tombstones of isBoth ? ['insert-check'] : ['checked', 'strict']) {
        if (code === 'look-again' && tombstones === 'strict') continue;
        const replication = replicationTo(destination, { ...settings, tombstones });
        vi.resetModules();
        deploy(replication);
        await scene();
        for (const call of calls) asked.add(`${call.action} ${placeOf(call)}`);
      }

      const replication = replicationTo(destination, settings);
      const role = functionNeeds(code, replication, PLACES);
      const others = isOther(destination) ? needsThere(ownNeeds(code, replication, PLACES)) : [];
      const expected = [...linesOf(role), ...others].filter(
        (line) => ![...BY_SERVICES[code], ...LOGS, ...notPlayed].includes(line),
      );
      expect([...asked].toSorted()).toEqual([...new Set(expected)].toSorted());
    },
  );
});

/** Without a row, the functions of a replication that can be switched hold everything. */
async function adoptBefore(): Promise<void> {
  await regions.source.createTable('ferry-orders-back-state', [{ name: 'id', type: 'S' }]);
  await regions.adopt();
}

async function readKinesis(): Promise<void> {
  kinesis = await readThroughKinesis(regions);
  streamArn = KINESIS_SOURCE;
  vi.stubEnv('AWS_ENDPOINT_URL_KINESIS', kinesis.endpoint);
}

function isOther(destination: object): boolean {
  return destination !== REACHES['its own rights'];
}

function needsThere(needs: Needs): string[] {
  const there = Object.values(needs).map((all) => all.filter(isAtDestination));
  return linesOf(Object.fromEntries(there.entries()));
}

/** "dynamodb:GetItem state": objects of a bucket are in the bucket. */
function linesOf(needs: Needs): string[] {
  return Object.values(needs)
    .flat()
    .flatMap(({ place, actions }) =>
      actions.map((action) => {
        const isInBucket = ['objects', 'reports', 'batches'].includes(place);
        return `${action} ${isInBucket ? 'bucket' : place}`;
      }),
    );
}

it('the writer role allows what the functions together do there', () => {
  const replication = replicationTo(REACHES['a role of another account'], { bulk: true });
  const functions = functionsOf(replication).flatMap((code) =>
    needsThere(ownNeeds(code, replication, PLACES)),
  );

  expect(functionsOf(replication)).toHaveLength(4);
  expect(new Set(linesOf(writerNeeds(replication, PLACES)))).toEqual(new Set(functions));
});
