// Ten tables in three layers, by the definition of the state machine and the handler of its function, on two engines: if
// one table cannot be switched, its layer ends there, its neighbours are switched, and a second execution does the rest.

import { rmSync } from 'node:fs';
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { Template } from 'aws-cdk-lib/assertions';
import type { Context } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runKey, runRow } from '../../src/backfill/checkpoint.ts';
import { writeRules } from '../../src/composition/write-rules.ts';
import { parseConfig } from '../../src/config/config.ts';
import { otherDirection } from '../../src/config/directions.ts';
import { historyGroup } from '../../src/config/names.ts';
import { functionVariables } from '../../src/config/function-variable.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { type SwitchEvent, switchHandler } from '../../src/handlers/switch.ts';
import { startEmbeddedDynamoDb } from '../../src/local/engine/embedded-dynamodb.ts';
import { type LocalFailures, openLocalFailures } from '../../src/local/run/local-failures.ts';
import { controlKey, parseControlRow, putControlRow } from '../../src/model/control-item.ts';
import { firstRow, newestEpoch } from '../../src/model/control-row.ts';
import type { Clock } from '../../src/ports.ts';
import { type TestEngine, testEngine } from '../fixtures/engine.ts';
import { type KeyCloud, openKeyCloud } from '../fixtures/key-cloud.ts';
import { type LambdaCloud, lambdaState, openLambdaCloud } from '../fixtures/lambda-cloud.ts';
import { type LogsCloud, openLogsCloud } from '../fixtures/logs-cloud.ts';
import {
  type Definition,
  definitionIn,
  execute,
  type Execution,
} from '../fixtures/state-machine.ts';
import { appOf, CREATED, stackOf, temporary, type TemplateJson } from '../lib/stack-templates.ts';

const A = 'us-east-1';
const B = 'eu-west-1';
const NAMES = Array.from({ length: 10 }, (_, index) => `table${index + 1}`);
const LAYERS = [NAMES.slice(0, 3), NAMES.slice(3, 7), NAMES.slice(7)];
/** Of the second layer. */
const HINDERED = 'table5';
const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };
const ITEMS = ['a', 'b', 'c'];

/** Layers may come in any order. */
const PAYLOAD = {
  StatePayload: LAYERS.map((names, index) => ({
    layer: index + 1,
    resources: names.map((name) => ({
      resourceType: 'PlannedFailoverDynamoDB',
      resourceName: name,
      parameters: { Replication: name },
    })),
  })).toReversed(),
};

let engines: Array<{ stop(): Promise<void>; readonly endpoint: string }>;
let a: TestEngine;
let b: TestEngine;
let failures: LocalFailures;
let lambda: LambdaCloud;
/** Gives the roles of switches, and no others. */
let keys: KeyCloud;
let logs: LogsCloud;
const replications = new Map<string, ReplicationConfig>();

beforeAll(async () => {
  engines = await Promise.all([startEmbeddedDynamoDb(), startEmbeddedDynamoDb()]);
  [a, b] = engines.map(({ endpoint }) => testEngine(endpoint)) as [TestEngine, TestEngine];
  for (const name of NAMES) replications.set(name, await createReplication(name));
  failures = await openLocalFailures(replicationOf('table1'), CREDENTIALS);
  lambda = await openLambdaCloud(lambdaState({ functions: deployedFunctions() }));
  keys = await openKeyCloud();
  keys.state.valid.add('test');
  logs = await openLogsCloud(...NAMES.map((name) => historyGroup(`${name}-back`)));
  for (const [name, value] of Object.entries(logs.environment)) vi.stubEnv(name, value);
  for (const name of NAMES.flatMap((one) => [one, `${one}-back`]))
    keys.state.roles.add(`arn:aws:iam::000000000000:role/ferry-${name}-switch`);
  vi.stubEnv('AWS_ENDPOINT_URL_STS', keys.variables['AWS_ENDPOINT_URL_STS']);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  vi.stubEnv('AWS_REGION', B);
  vi.stubEnv('AWS_ENDPOINT_URL_S3', failures.objectEndpoint);
  vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', b.endpoint);
  vi.stubEnv('FERRY_SWITCH', JSON.stringify({ [A]: NAMES.map((name) => `${name}-back`) }));
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
}, 120_000);

afterAll(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(temporary, { recursive: true });
  await Promise.all([lambda.close(), failures.close(), keys.close(), logs.close()]);
  for (const { client } of [a, b]) client.destroy();
  await Promise.all(engines.map((engine) => engine.stop()));
});

function replicationOf(name: string): ReplicationConfig {
  const found = replications.get(name);
  if (found === undefined) throw new Error(`there is no replication ${name}`);
  return found;
}

/** Three items at the source, which nothing has replicated. */
async function createReplication(name: string): Promise<ReplicationConfig> {
  const keys = [{ name: 'pk', type: 'S' }] as const;
  const streamArn = await a.createTable(name, keys, 'NEW_AND_OLD_IMAGES');
  const streamOfTwin = await b.createTable(name, keys, 'NEW_AND_OLD_IMAGES');
  const entry = {
    name,
    source: { region: A, table: name, streamArn, endpoint: a.endpoint },
    destination: { region: B, table: name, endpoint: b.endpoint },
    switching: { fence: 'application', streamArn: streamOfTwin },
  };
  const [replication] = parseConfig({ replications: [entry] }).replications;
  if (replication === undefined) throw new Error('one is parsed to one');
  for (const [engine, direction] of [
    [b, replication],
    [a, otherDirection(replication)],
  ] as const) {
    await engine.createTable(direction.stateTable, [{ name: 'id', type: 'S' }]);
    const [destinationId, ledgerId] = await Promise.all([
      engine.twinReader.tableId(name),
      engine.twinReader.tableId(direction.stateTable),
    ]);
    const row = firstRow({
      region: A,
      streamArn,
      reserved: '_ferry',
      tag: 'test',
      nowMs: 0,
      destinationId,
      ledgerId,
    });
    await engine.twinWriter.write(putControlRow(row, writeRules(direction)));
  }
  for (const pk of ITEMS)
    await a.client.send(new PutItemCommand({ TableName: name, Item: { pk: { S: pk } } }));
  return replication;
}

function deployedFunctions() {
  const places = {
    deadLetterQueueUrl: failures.queueUrl,
    onFailureBucket: failures.bucketName,
    lookAgainQueueUrl: failures.lookAgainQueueUrl,
  };
  const entries = [...replications.values()].flatMap((one) =>
    [one, otherDirection(one)].map((replication) => {
      const { streamArn = '' } = replication.source;
      const variables = functionVariables({ ...places, replication, streamArn });
      return [`ferry-${replication.name}-replicate`, variables] as const;
    }),
  );
  return new Map(entries);
}

/** From the template of the target's Region. */
function definition(): Definition {
  const app = appOf({ ...CREATED, switching: {} });
  const template = Template.fromStack(stackOf(app, `ferry-switch-${B}`)).toJSON() as TemplateJson;
  return definitionIn(template, 'ferry-switch');
}

/** Each table has its own time, which passes only while its switch waits. */
const clocks = new Map<string, Clock>();
function clockOf(event: SwitchEvent): Clock {
  const id = event.kind === 'step' ? event.state.task.replication : event.kind;
  let aheadMs = 0;
  const clock = clocks.get(id) ?? {
    now: () => Date.now() + aheadMs,
    async sleep(ms: number) {
      aheadMs += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
  clocks.set(id, clock);
  return clock;
}

/** @param steps that an invocation has time for. */
function execution(id: string, steps = 3): Execution {
  return {
    id,
    entered: [],
    async call(payload) {
      let left = steps;
      const invocation = {
        invokedFunctionArn: `arn:aws:lambda:${B}:000000000000:function:ferry-switch`,
        getRemainingTimeInMillis: () => ((left -= 1) < 0 ? 0 : 900_000),
      };
      const event = payload as SwitchEvent;
      return switchHandler(clockOf(event))(event, invocation as Context);
    },
  };
}

async function active(name: string): Promise<Array<string | undefined>> {
  const replication = replicationOf(name);
  const sides = [
    [a, otherDirection(replication)],
    [b, replication],
  ] as const;
  return Promise.all(
    sides.map(async ([engine, direction]) => {
      const item = await engine.get(direction.stateTable, controlKey(writeRules(direction)));
      const found = parseControlRow(item);
      return found.kind === 'row' ? newestEpoch(found.row).region : undefined;
    }),
  );
}

async function activeOf(names: readonly string[]) {
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await active(name)] as const)),
  );
}

const all = (names: readonly string[], region: string | undefined) =>
  Object.fromEntries(names.map((name) => [name, [region, region]]));

describe('ten tables in three layers', () => {
  const machine = definition();

  it('refuse a wrong payload before anything is touched, with all that is wrong', async () => {
    const [first] = PAYLOAD.StatePayload;
    const wrong = { ...first?.resources[0], resourceType: 'PlannedFailoverAurora' };
    const unknown = { ...first?.resources[1], parameters: { Replication: 'carts' } };
    const payload = {
      StatePayload: [...PAYLOAD.StatePayload, { layer: 4, resources: [wrong, unknown] }],
    };
    const run = execution('wrong');

    const refusal = await execute(machine, payload, run).catch(String);

    expect(refusal).toContain('PlannedFailoverAurora');
    expect(refusal).toContain('carts');
    expect(run.entered).toEqual(['CheckLayers']);
    expect(await activeOf(NAMES)).toEqual(all(NAMES, A));
  });

  it('stop after the layer in which one cannot be switched, whose neighbours are', async () => {
    await hinder();
    const run = execution('first');

    const failure = await execute(machine, PAYLOAD, run).catch(String);

    expect(failure).toContain('1 of 4 in layer 2 have failed');
    expect(failure).toContain(`${HINDERED}: unproven`);
    const switched = [...(LAYERS[0] ?? []), ...(LAYERS[1] ?? []).filter((one) => one !== HINDERED)];
    expect(await activeOf(NAMES)).toEqual({
      ...all(NAMES, A),
      ...all(switched, B),
    });
    expect(run.entered.filter((name) => name === 'CheckLayer')).toHaveLength(2);
    // A switch takes more than one invocation.
    expect(run.entered.filter((name) => name === 'Switch').length).toBeGreaterThan(14);
  }, 120_000);

  it('are switched by a second execution, once nothing stands in the way', async () => {
    const rules = writeRules(replicationOf(HINDERED));
    await b.client.send(
      new DeleteItemCommand({ TableName: rules.stateTable, Key: { ...runKey(rules) } }),
    );

    await execute(machine, PAYLOAD, execution('second'));

    expect(await activeOf(NAMES)).toEqual(all(NAMES, B));
    for (const name of NAMES)
      for (const pk of ITEMS) expect(await b.get(name, { pk: { S: pk } })).toBeDefined();
  }, 120_000);

  it('leave a line in the history of each table, for each execution that worked on it', () => {
    const linesOf = (name: string) => logs.lines(historyGroup(`${name}-back`));
    const by = `arn:aws:lambda:${B}:000000000000:function:ferry-switch`;

    expect(linesOf(HINDERED)).toMatchObject([
      { outcome: 'left', result: 'unproven', by, options: { execution: 'first' } },
      { outcome: 'done', result: 'switched', by, options: { execution: 'second' } },
    ]);
    const lines = NAMES.flatMap(linesOf);
    expect(lines.filter(({ result }) => result === 'switched')).toHaveLength(NAMES.length);
    expect(new Set(lines.map(({ command }) => command))).toEqual(new Set(['failover']));
    for (const { counts } of lines)
      expect(counts).toMatchObject({ records: expect.any(Number) as number });
  });
});

/** As a backfill that has begun. */
async function hinder(): Promise<void> {
  const replication = replicationOf(HINDERED);
  const { streamArn = '' } = replication.source;
  const startedAt = new Date().toISOString();
  const run = { run: 'r1', streamArn, destination: HINDERED, startedAt, totalSegments: 1 };
  const row = runRow(run, writeRules(replication), { nowMs: Date.now(), overwrite: 'always' });
  await b.twinWriter.write(row);
}
