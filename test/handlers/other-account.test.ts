// The functions beside the replicate function, for a twin of another account or partition: each reaches the source by
// its own role, and the twin by the role or the keys that it has for it.

import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import type { Context } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { functionVariables } from '../../src/config/function-variable.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { LEDGER_ATTRIBUTES } from '../../src/config/names.ts';
import { startS3Server } from '../../src/local/s3/server.ts';
import { canonicalKey, type Item } from '../../src/model/attribute-value.ts';
import { announcementBodies } from '../../src/model/announcement.ts';
import { putControlRow } from '../../src/model/control-item.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import { useEngine } from '../fixtures/engine.ts';
import {
  type Gate,
  type KeyCloud,
  newKeys,
  openGate,
  openKeyCloud,
  OWN_KEY,
  SECRET_MARK,
} from '../fixtures/key-cloud.ts';
import { streamRecord } from '../fixtures/records.ts';
import { controlRow } from '../fixtures/replication.ts';

const ROLE = 'arn:aws:iam::222222222222:role/ferry-orders-writer';
const SECRET = 'arn:aws:secretsmanager:us-east-1:111111111111:secret:china-AbCdEf';
const REPORTS = 'reports';

const engine = useEngine();
let cloud: KeyCloud;
let gates: { readonly source: Gate; readonly twin: Gate };
let printed: string[] = [];
let tables = 0;

beforeEach(async () => {
  cloud = await openKeyCloud();
  cloud.state.roles.add(ROLE);
  cloud.state.secrets.set(SECRET, newKeys(cloud.state, 'AKIACHINA'));
  const [source, twin] = await Promise.all([
    openGate(engine().endpoint, cloud.state),
    openGate(engine().endpoint, cloud.state),
  ]);
  gates = { source, twin };
  printed = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed.push(String(chunk));
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  vi.resetModules();
  await Promise.all([gates.source.close(), gates.twin.close(), cloud.close()]);
  const leaks = [SECRET_MARK, 'AKIA', 'ASIA'].filter((mark) => printed.join('').includes(mark));
  if (leaks.length > 0) throw new Error(`the log has ${leaks.join(', ')}`);
});

const DESTINATIONS = {
  role: { region: 'eu-west-1', account: '222222222222' },
  secret: { region: 'cn-north-1', account: '333333333333', credentials: { secret: SECRET } },
};
const CASES = [
  { kind: 'role', accessKey: 'ASIASESSION1' },
  { kind: 'secret', accessKey: 'AKIACHINA' },
] as const;

/** Sets the environment of a deployed function, with tables of its own. */
async function deploy(kind: keyof typeof DESTINATIONS): Promise<ReplicationConfig> {
  tables += 1;
  const key = [{ name: 'pk', type: 'S' }] as const;
  const [source, twin, state] = [`Source${tables}`, `Twin${tables}`, `ferry-state-${tables}`];
  const streamArn = await engine().createTable(source, key, true);
  await engine().createTable(twin, key);
  await engine().createTable(state, [{ name: 'id', type: 'S' }]);
  const [replication] = parseConfig({
    replications: [
      {
        name: 'orders',
        source: {
          region: 'us-east-1',
          account: '111111111111',
          table: source,
          streamArn,
          endpoint: gates.source.endpoint,
        },
        destination: { table: twin, endpoint: gates.twin.endpoint, ...DESTINATIONS[kind] },
        stateTable: state,
        heartbeat: { key: { pk: 'ferry-heartbeat' } },
      },
    ],
  }).replications as [ReplicationConfig];
  const variables = functionVariables({
    replication,
    streamArn,
    deadLetterQueueUrl: 'http://127.0.0.1:9/queue',
    onFailureBucket: REPORTS,
    lookAgainQueueUrl: 'http://127.0.0.1:9/look-again',
  });
  for (const [name, value] of Object.entries({ ...cloud.variables, ...variables }))
    vi.stubEnv(name, value);
  return replication;
}

const INVOCATION = { getRemainingTimeInMillis: () => 900_000, awsRequestId: 'test' } as Context;

function expectKeys(source: readonly string[], twin: readonly string[]): void {
  expect([...gates.source.seen.keys()]).toEqual(source);
  expect([...gates.twin.seen.keys()]).toEqual(twin);
  expect([...gates.source.refused, ...gates.twin.refused]).toEqual([]);
}

describe.each(CASES)('by a $kind', ({ kind, accessKey }) => {
  it('the heartbeat is written with the function’s own role, and looked for with the other', async () => {
    const { source } = await deploy(kind);
    const { handler } = await import('../../src/handlers/heartbeat.ts');

    await handler();

    expectKeys([OWN_KEY], [accessKey]);
    expect(await engine().get(source.table, { pk: { S: 'ferry-heartbeat' } })).toBeDefined();
  });

  it('a deleted item that has come back is removed', async () => {
    const { destination, stateTable } = await deploy(kind);
    const rules = { stateTable, replication: 'orders' };
    const put = (table: string, item: Item) =>
      engine().twinWriter.write({ operation: 'PutItem', input: { TableName: table, Item: item } });
    const { version: older } = streamRecord({ sequenceNumber: '1' });
    const { version } = streamRecord({ sequenceNumber: '2', eventName: 'REMOVE' });
    const key = { pk: { S: 'order-1' } };
    await engine().twinWriter.write(putControlRow(controlRow(), rules));
    await put(destination.table, { ...key, _ferry: { M: { v: { S: older } } } });
    const deleted = { [LEDGER_ATTRIBUTES.deleted]: { S: version } };
    await put(stateTable, { ...ledgerRowKey(rules, canonicalKey(key)), ...deleted });
    const deletes = [{ key, version }];
    const [body = ''] = announcementBodies({ replication: 'orders', epoch: 1, deletes });
    const { handler } = await import('../../src/handlers/look-again.ts');

    const answer = await handler({ Records: [{ messageId: '1', body }] } as never, INVOCATION);

    expect(answer).toEqual({ batchItemFailures: [] });
    expectKeys([], [accessKey]);
    expect(await engine().get(destination.table, key)).toBeUndefined();
  });

  it('a segment of a bulk run reads each side with its own', async () => {
    await deploy(kind);
    const s3 = await startS3Server();
    vi.stubEnv('AWS_ENDPOINT_URL_S3', s3.endpoint);
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const place = { region: 'us-east-1', endpoint: s3.endpoint, forcePathStyle: true };
    const objects = new S3Client({ ...place, credentials });
    await objects.send(new CreateBucketCommand({ Bucket: REPORTS }));
    const { handler } = await import('../../src/handlers/bulk-segment.ts');
    const task = { operation: 'verify', run: 'run', totalSegments: 1, settleMs: 0, values: false };

    const result = await handler({ segment: 0, task }, INVOCATION);

    expect(result).toMatchObject({ done: true });
    expectKeys([OWN_KEY], [accessKey]);
    const { KeyCount } = await objects.send(new ListObjectsV2Command({ Bucket: REPORTS }));
    expect(KeyCount).toBe(2);
    objects.destroy();
    await s3.stop();
  });
});

it('a heartbeat whose twin refuses its keys says nothing of them', async () => {
  await deploy('secret');
  cloud.state.valid.delete('AKIACHINA');
  const { handler } = await import('../../src/handlers/heartbeat.ts');

  const error: unknown = await handler().catch((failure: unknown) => failure);

  const { name, message, stack } = error as Error;
  expect(name).toBe('UnrecognizedClientException');
  for (const text of [message, stack, JSON.stringify(error)]) expect(text).not.toMatch(/AKIA|MARK/);
});

it('a heartbeat whose secret cannot be read says by which call', async () => {
  await deploy('secret');
  cloud.state.secrets.clear();
  const { handler } = await import('../../src/handlers/heartbeat.ts');

  await expect(handler()).rejects.toThrow(
    `secretsmanager:GetSecretValue on ${SECRET} of account 111111111111 in us-east-1 failed with ResourceNotFoundException`,
  );
});
