// Keys are printed as the table's key schema orders them, partition key first: the maps that DynamoDB sends,
// and that people type, have another order.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixedCredentials } from '../../src/aws/access.ts';
import { queueClient } from '../../src/aws/sqs-messages.ts';
import { main } from '../../src/cli/main.ts';
import { loadConfig } from '../../src/config/config-file.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { keyInOrder } from '../../src/model/attribute-value.ts';
import { type LocalFailures, openLocalFailures } from '../../src/local/run/local-failures.ts';
import { lambdaRecord } from '../fixtures/records.ts';
import { openTwoRegions, putAll, type TwoRegions } from '../fixtures/two-regions.ts';

const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };
/** By its letters, the sort key comes first; what is no key comes before, between and behind. */
const KEYS = [
  { name: 'zone', type: 'S' as const },
  { name: 'at', type: 'N' as const },
];
const item = (at: number) => ({
  aa: { S: 'x' },
  at: { N: String(at) },
  mm: { S: 'x' },
  zone: { S: 'north' },
  zz: { S: 'x' },
});
const printed = (at: number) => `{"zone":{"S":"north"},"at":{"N":"${at}"}}`;

let regions: TwoRegions;
let failures: LocalFailures;
beforeAll(async () => {
  regions = await openTwoRegions(KEYS);
  await regions.adopt();
  await putAll(regions.source, 'Orders', [item(1), item(2)]);
  await putAll(regions.destination, 'Orders', [{ ...item(1), mm: { S: 'y' } }]);
  const [replication] = loadConfig(regions.config).replications;
  failures = await openLocalFailures(replication as ReplicationConfig, CREDENTIALS);
}, 60_000);
afterAll(async () => {
  await failures.close();
  await regions.close();
});

const report = () => join(regions.directory, 'differences.jsonl');

it('by verify, and in its report', async () => {
  const { out } = await regions.ferry('verify', '--settle', '0', '--report', report());

  expect(out).toContain(`different ${printed(1)}: mm`);
  expect(out).toContain(`missing ${printed(2)}`);
  const lines = readFileSync(report(), 'utf8');
  expect(lines).toContain(`"key":${printed(1)}`);
  expect(lines).toContain(`"key":${printed(2)}`);
});

it('by verify of a key that is typed in another order', async () => {
  const { out } = await regions.ferry(
    'verify',
    '--settle',
    '0',
    '--key',
    '{"at":1,"zone":"north"}',
  );

  expect(out).toContain(`different ${printed(1)}`);
});

it('by repair, also of a report that has them in another order', async () => {
  const [header = ''] = readFileSync(report(), 'utf8').split('\n');
  const turned = join(regions.directory, 'turned.jsonl');
  const line = '{"kind":"missing","key":{"at":{"N":"2"},"zone":{"S":"north"}}}';
  writeFileSync(turned, [header, line, '{"summary":{}}', ''].join('\n'));
  const { out } = await regions.ferry('repair', '--settle', '0', '--report', turned, '--json');

  expect(out).toContain(printed(2));
});

it('by redrive, of records whose maps have no order', async () => {
  const keys = { at: { N: '7' }, zone: { S: 'north' } };
  const record = lambdaRecord({ keys, streamArn: regions.streamArn });
  const { queueUrl } = failures;
  const sqs = queueClient({
    region: 'us-east-1',
    queueUrl,
    credentials: fixedCredentials(CREDENTIALS),
  });
  const letter = { schemaVersion: 1, replication: 'orders', reason: { name: 'X' }, failedAt: 0 };
  const MessageBody = JSON.stringify({ ...letter, record });
  await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
  sqs.destroy();
  const redrive = async (...more: string[]) => {
    const out: string[] = [];
    const places = ['--queue-url', queueUrl, '--bucket', failures.bucketName, '--hide-for', '1'];
    await main(['redrive', '--config', regions.config, ...places, ...more], {
      out: (line) => out.push(line),
      err: (line) => out.push(line),
      status: () => undefined,
      isTerminal: false,
      environment: { AWS_ENDPOINT_URL_S3: failures.objectEndpoint },
      interrupted: new AbortController().signal,
    });
    return out.join('\n');
  };

  expect(await redrive()).toContain(printed(7));
  // What a dry run has looked at is hidden for a second.
  await expect.poll(() => redrive('--json'), { timeout: 60_000 }).toContain(printed(7));
});

it('without what is no key, and without what is not there', () => {
  expect(JSON.stringify(keyInOrder(item(3), ['zone', 'at']))).toBe(printed(3));
  expect(keyInOrder({ zone: { S: 'a' } }, ['zone', 'at', 'toString'])).toEqual({
    zone: { S: 'a' },
  });
});
