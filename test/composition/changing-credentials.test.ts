// The replicate function while the credentials of its twin change: a role of another account, and a secret for another
// partition, against stand-ins that speak the SDK's protocols, and a real engine behind a check of keys.

import { setTimeout as delay } from 'node:timers/promises';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openReplicator } from '../../src/composition/replicator.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import type { BatchSummary } from '../../src/model/batch-response.ts';
import { type Replicator, replicateBatch } from '../../src/replicate/replicate-batch.ts';
import { useEngine } from '../fixtures/engine.ts';
import {
  type Gate,
  type KeyCloud,
  newKeys,
  openGate,
  openKeyCloud,
  SECRET_MARK,
} from '../fixtures/key-cloud.ts';
import { lambdaRecord, STREAM_ARN } from '../fixtures/records.ts';

const ROLE = 'arn:aws:iam::222222222222:role/ferry-orders-writer';
const SECRET = 'arn:aws:secretsmanager:us-east-1:111111111111:secret:china-AbCdEf';
const CARRIERS = ['signed', 'sdk'] as const;
type Carrier = (typeof CARRIERS)[number];

const engine = useEngine();
let cloud: KeyCloud;
let gate: Gate;
let printed: string[] = [];
let tables = 0;

beforeEach(async () => {
  cloud = await openKeyCloud();
  gate = await openGate(engine().endpoint, cloud.state);
  for (const [name, value] of Object.entries(cloud.variables)) vi.stubEnv(name, value);
  printed = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed.push(String(chunk));
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await gate.close();
  await cloud.close();
  // What a service repeats of a request must not come out again, whatever it was that happened.
  const leaks = [SECRET_MARK, 'AKIA', 'ASIA'].filter((mark) => printed.join('').includes(mark));
  if (leaks.length > 0) throw new Error(`the log has ${leaks.join(', ')}`);
});

const DESTINATIONS = {
  role: { region: 'eu-west-1', account: '222222222222' },
  secret: { region: 'cn-north-1', account: '333333333333', credentials: { secret: SECRET } },
};

/** A replicator in an environment of its own, as Lambda starts one, with a twin and a state table of its own. */
async function start(kind: keyof typeof DESTINATIONS, httpClient: Carrier) {
  const table = `Twin${(tables += 1)}`;
  const stateTable = `ferry-state-${tables}`;
  await engine().createTable(table, [{ name: 'pk', type: 'S' }]);
  await engine().createTable(stateTable, [{ name: 'id', type: 'S' }]);
  const source = { region: 'us-east-1', account: '111122223333', table: 'Orders' };
  const configured = {
    name: 'orders',
    source: { ...source, streamArn: STREAM_ARN },
    destination: { table, endpoint: gate.endpoint, ...DESTINATIONS[kind] },
    stateTable,
    tombstones: 'strict',
    function: { httpClient, concurrency: 16 },
  };
  const [replication] = parseConfig({ replications: [configured] }).replications;
  const places = {
    streamArn: STREAM_ARN,
    // Nothing listens there: a record that is put aside would fail its batch.
    deadLetterQueueUrl: 'http://127.0.0.1:9/queue',
    onFailureBucket: 'failures',
  };
  const deployment = { replication: replication as ReplicationConfig, ...places };
  return { table, replicator: await openReplicator(deployment, process.env) };
}

type Started = Awaited<ReturnType<typeof start>>;

let position = 0;

/** Changes of a few dozen items, deletes among them, and what the source holds after them. */
function changes(count: number) {
  const items = new Map<string, string>();
  const records = Array.from({ length: count }, () => {
    position += 1;
    const [id, isDelete] = [`order-${position % 37}`, position % 11 === 0];
    if (isDelete) items.delete(id);
    else items.set(id, String(position));
    return lambdaRecord({
      id,
      eventName: isDelete ? 'REMOVE' : 'MODIFY',
      sequenceNumber: String(position),
      attributes: { value: { S: String(position) } },
    });
  });
  return { records, items };
}

type Records = ReturnType<typeof changes>['records'];

function deliver(records: Records, replicator: Replicator): Promise<BatchSummary> {
  return replicateBatch(records, { ...replicator, remainingMs: () => 60_000 });
}

/** What Lambda would deliver again. */
function unfinished(records: Records, { batchItemFailures: [first] }: BatchSummary): Records {
  if (first === undefined) return [];
  return records.slice(
    records.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === first.itemIdentifier),
  );
}

/** As Lambda does, until nothing is left. */
async function deliverAll(records: Records, replicator: Replicator): Promise<BatchSummary[]> {
  const summaries: BatchSummary[] = [];
  for (let rest = records; rest.length > 0; ) {
    if (summaries.length === 30) throw new Error(`${rest.length} records do not go through`);
    const summary = await deliver(rest, replicator);
    summaries.push(summary);
    rest = unfinished(rest, summary);
    if (rest.length > 0) await delay(500);
  }
  return summaries;
}

async function twinOf(table: string): Promise<Map<string, string>> {
  const { Items = [] } = await engine().client.send(new ScanCommand({ TableName: table }));
  return new Map(
    Items.filter(({ value }) => value !== undefined).map(({ pk, value }) => [
      pk?.S ?? '',
      value?.S ?? '',
    ]),
  );
}

function denied(): number {
  const metrics = printed.map((line) => JSON.parse(line) as { DestinationDenied?: number });
  return metrics.reduce((sum, { DestinationDenied = 0 }) => sum + DestinationDenied, 0);
}

function deadLetters(summaries: readonly BatchSummary[]): number {
  return summaries.reduce((sum, { counts }) => sum + counts['dead-lettered'], 0);
}

/** Strikes once, when so many more requests have come to the twin. */
function after(count: number, strike: () => void): void {
  const from = [...gate.seen.values()].reduce((sum, seen) => sum + seen, 0);
  gate.onRequest = (before) => {
    if (before === from + count) strike();
  };
}

function callsTo(name: string): number {
  return cloud.state.calls.filter((call) => call.startsWith(name)).length;
}

async function expectTwin({ table }: Started, items: ReadonlyMap<string, string>) {
  expect(await twinOf(table)).toEqual(items);
}

describe.each(CARRIERS)('with %s requests', (carrier) => {
  it('a session of the role that ends in the middle of a batch costs nothing but another try', async () => {
    const { state } = cloud;
    state.roles.add(ROLE);
    const started = await start('role', carrier);
    const { records, items } = changes(300);
    after(60, () => state.valid.delete('ASIASESSION1'));

    const summary = await deliver(records, started.replicator);

    expect(summary.batchItemFailures).toEqual([]);
    expect(summary.failures.denied).toBe(0);
    expect(gate.refused.get('ASIASESSION1')).toBeGreaterThan(0);
    expect([...gate.refused.keys()]).toEqual(['ASIASESSION1']);
    expect(state.calls).toEqual([`sts:AssumeRole ${ROLE}`, `sts:AssumeRole ${ROLE}`]);
    await expectTwin(started, items);
  });

  it('a session near its end is renewed, and used on where that fails', async () => {
    const { state } = cloud;
    state.roles.add(ROLE);
    state.sessionMs = 4 * 60_000;
    const started = await start('role', carrier);
    const { records, items } = changes(200);
    const [first, second] = [records.slice(0, 100), records.slice(100)];
    expect((await deliver(first, started.replicator)).batchItemFailures).toEqual([]);
    state.failure = { status: 400, type: 'Throttling' };

    const summary = await deliver(second, started.replicator);

    expect(summary.batchItemFailures).toEqual([]);
    expect(gate.refused.size).toBe(0);
    await expectTwin(started, items);
  });

  it('a rotation that leaves both keys valid is not noticed, and the end of the first one is none', async () => {
    const { state } = cloud;
    state.secrets.set(SECRET, newKeys(state, 'AKIAFIRST'));
    const started = await start('secret', carrier);
    const { records, items } = changes(300);
    const [first, second] = [records.slice(0, 200), records.slice(200)];
    after(60, () => state.secrets.set(SECRET, newKeys(state, 'AKIASECOND')));

    const both = await deliver(first, started.replicator);
    expect(gate.refused.size).toBe(0);
    state.valid.delete('AKIAFIRST');
    const one = await deliver(second, started.replicator);

    expect([both, one].flatMap(({ batchItemFailures }) => batchItemFailures)).toEqual([]);
    expect(one.failures.denied).toBe(0);
    expect(callsTo('secretsmanager:')).toBe(2);
    await expectTwin(started, items);
  });

  it('a rotation that revokes the old key at once costs nothing but another try', async () => {
    const { state } = cloud;
    state.secrets.set(SECRET, newKeys(state, 'AKIAFIRST'));
    const started = await start('secret', carrier);
    const { records, items } = changes(300);
    after(60, () => {
      state.secrets.set(SECRET, newKeys(state, 'AKIASECOND'));
      state.valid.delete('AKIAFIRST');
    });

    const summary = await deliver(records, started.replicator);

    expect(summary.batchItemFailures).toEqual([]);
    expect(gate.refused.get('AKIAFIRST')).toBeGreaterThan(0);
    expect(gate.seen.get('AKIASECOND')).toBeGreaterThan(0);
    expect(callsTo('secretsmanager:')).toBe(2);
    await expectTwin(started, items);
  });

  it('keys that are revoked push the stream back until they are valid again', async () => {
    const { state } = cloud;
    state.secrets.set(SECRET, newKeys(state, 'AKIAFIRST'));
    const started = await start('secret', carrier);
    const { records, items } = changes(300);
    after(60, () => state.valid.delete('AKIAFIRST'));

    const pushedBack = await deliver(records, started.replicator);
    const rest = unfinished(records, pushedBack);

    expect(rest.length).toBeGreaterThan(0);
    expect(pushedBack.failures.denied).toBeGreaterThan(0);
    expect(denied()).toBe(pushedBack.failures.denied);
    state.valid.add('AKIAFIRST');
    const summaries = await deliverAll(rest, started.replicator);

    expect(deadLetters([pushedBack, ...summaries])).toBe(0);
    await expectTwin(started, items);
  });

  describe('pushes the stream back and never dead-letters', () => {
    const THROTTLED = { status: 400, type: 'ThrottlingException' };
    it.each([
      {
        name: 'while there is no secret',
        kind: 'secret',
        told: `secretsmanager:GetSecretValue on ${SECRET} of account 111111111111 in us-east-1 failed with ResourceNotFoundException`,
        mend: () => void cloud.state.secrets.set(SECRET, newKeys(cloud.state, 'AKIAFIRST')),
      },
      {
        name: 'while the secret has no keys',
        kind: 'secret',
        spoil: () => void cloud.state.secrets.set(SECRET, '{"user":"MARKOFTHESECRET"}'),
        told: `secretsmanager:GetSecretValue on ${SECRET} of account 111111111111 in us-east-1 found a secret that cannot be used: it has no accessKeyId, and it has no secretAccessKey`,
        mend: () => void cloud.state.secrets.set(SECRET, newKeys(cloud.state, 'AKIAFIRST')),
      },
      {
        name: 'while the secret is no text',
        kind: 'secret',
        spoil: () => void cloud.state.secrets.set(SECRET, undefined),
        told: 'it has no text',
        mend: () => void cloud.state.secrets.set(SECRET, newKeys(cloud.state, 'AKIAFIRST')),
      },
      {
        name: 'while Secrets Manager throttles',
        kind: 'secret',
        spoil: () => {
          cloud.state.secrets.set(SECRET, newKeys(cloud.state, 'AKIAFIRST'));
          cloud.state.failure = THROTTLED;
        },
        told: 'in us-east-1 failed with ThrottlingException',
        mend: () => void (cloud.state.failure = undefined),
      },
      {
        name: 'while the role cannot be assumed',
        kind: 'role',
        told: `sts:AssumeRole on ${ROLE} of account 222222222222 in us-east-1 failed with AccessDenied`,
        mend: () => void cloud.state.roles.add(ROLE),
      },
      {
        name: 'while STS is in trouble',
        kind: 'role',
        spoil: () => {
          cloud.state.roles.add(ROLE);
          cloud.state.failure = { status: 503, type: 'ServiceUnavailable' };
        },
        told: 'in us-east-1 failed with ServiceUnavailable',
        mend: () => void (cloud.state.failure = undefined),
      },
    ] as const)('$name', async ({ kind, told, mend, ...more }) => {
      if ('spoil' in more) more.spoil();
      const started = await start(kind, carrier);
      const { records, items } = changes(100);

      const pushedBack = await deliver(records, started.replicator);

      expect(pushedBack.batchItemFailures).toEqual([
        { itemIdentifier: records[0]?.dynamodb?.SequenceNumber },
      ]);
      expect(pushedBack.causes).toEqual({ 'unfinished.denied': records.length });
      expect(denied()).toBeGreaterThan(0);
      expect(printed.join('')).toContain(told);
      mend();
      const summaries = await deliverAll(records, started.replicator);

      expect(deadLetters([pushedBack, ...summaries])).toBe(0);
      await expectTwin(started, items);
    });
  });
});

it('a secret that cannot be reached pushes the stream back, too', async () => {
  cloud.state.secrets.set(SECRET, newKeys(cloud.state, 'AKIAFIRST'));
  vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', 'http://127.0.0.1:9');
  const started = await start('secret', 'signed');
  const { records, items } = changes(20);

  const pushedBack = await deliver(records, started.replicator);

  expect(pushedBack.causes).toEqual({ 'unfinished.denied': records.length });
  expect(printed.join('')).toContain('in us-east-1 failed with ECONNREFUSED');
  vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', cloud.variables['AWS_ENDPOINT_URL_STS']);
  await deliverAll(records, started.replicator);
  await expectTwin(started, items);
});
