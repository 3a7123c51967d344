// `ferry teardown` as an operator runs it, against real engines and queues, and stand-ins for Lambda and S3.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { GetQueueUrlCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { type BucketCloud, openBucketCloud } from '../fixtures/bucket-cloud.ts';
import { openTwoRegions, putAll, type TwoRegions } from '../fixtures/two-regions.ts';

const BUCKET = 'ferry-orders-source-replicatoronfailurebucke-1a2b3c4d5e6f';
const DEAD_LETTERS = 'ferry-orders-dead-letters';
const KEYS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
const KEY = { partitionKey: { name: 'pk', type: 'S' } };

let regions: TwoRegions;
let cloud: BucketCloud;
let sqs: SQSClient;
let created: string;
beforeEach(async () => {
  regions = await openTwoRegions();
  cloud = await openBucketCloud();
  cloud.buckets.set(BUCKET, []);
  const endpoint = new URL(regions.lambda.settings.lookAgainQueueUrl ?? '').origin;
  Object.assign(process.env, KEYS, { AWS_ENDPOINT_URL_SQS: endpoint });
  sqs = new SQSClient({ region: 'us-east-1', endpoint });
  regions.lambda.isDeployed = false;
  created = withCreatedTables();
});
afterEach(async () => {
  for (const name of [...Object.keys(KEYS), 'AWS_ENDPOINT_URL_SQS']) delete process.env[name];
  sqs.destroy();
  await cloud.close();
  await regions.close();
});

/** The same tables, as if the app had created them. */
function withCreatedTables(): string {
  const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: [{ source: { streamArn?: string }; destination: object }];
  };
  const [one] = replications;
  const { streamArn: _, ...source } = one.source;
  const path = join(regions.directory, 'created.json');
  const replication = {
    ...one,
    source: { ...source, ...KEY, create: true },
    destination: { ...one.destination, ...KEY, create: true },
  };
  writeFileSync(path, JSON.stringify({ replications: [replication] }));
  return path;
}

async function teardown(config: string, ...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const exitCode = await main(['teardown', '--config', config, ...args], {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    status: () => undefined,
    isTerminal: false,
    environment: { AWS_ENDPOINT_URL_S3: cloud.endpoint },
    interrupted: new AbortController().signal,
  });
  return { exitCode, out: out.join('\n'), err: err.join('\n') };
}

async function names() {
  const tables = await Promise.all(
    [regions.source, regions.destination].map(async ({ client }) => {
      const { TableNames = [] } = await client.send(new ListTablesCommand({}));
      return TableNames.toSorted();
    }),
  );
  return { source: tables[0], destination: tables[1], buckets: [...cloud.buckets.keys()] };
}

async function send(QueueName: string): Promise<void> {
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'a letter' }));
}

const ALL = {
  source: ['Orders'],
  destination: ['Orders', 'ferry-orders-state'],
  buckets: [BUCKET],
};

describe('ferry teardown', () => {
  it('lists what stays, how to import it, and what it would delete, and changes nothing', async () => {
    await regions.adopt();
    await send(DEAD_LETTERS);
    cloud.buckets.set(BUCKET, ['aws/lambda/batch']);

    const { exitCode, out } = await teardown(created);

    expect(exitCode).toBe(3);
    const lines = out.split('\n').map((line) => line.trim());
    expect(lines).toEqual(
      expect.arrayContaining([
        `dead-letter queue ${DEAD_LETTERS} (us-east-1): has about 1 message; kept; \`--delete us-east-1/${DEAD_LETTERS}\` deletes it`,
        'look-again queue ferry-orders-look-again (us-east-1): empty; would be deleted',
        `on-failure bucket ${BUCKET} (us-east-1): has 1 object or more; kept; \`--delete us-east-1/${BUCKET}\` deletes it`,
        `import: \`npx cdk import ferry-orders-source\`, BucketName ${BUCKET}`,
        expect.stringMatching(/^state table ferry-orders-state \(eu-west-1\): has items/),
        'import: `npx cdk import ferry-orders-destination`, TableName ferry-orders-state',
        'source table Orders (us-east-1): empty; would be deleted',
      ]),
    );
    expect(out).toMatch(/`npx cdk import ferry-orders-source`, QueueUrl http:\S+dead-letters/);
    expect(out).toContain('Nothing was changed.');
    expect(await names()).toEqual(ALL);
  });

  it('deletes what is empty, keeps what has data, and exits with 3', async () => {
    await regions.adopt();
    await putAll(regions.source, 'Orders', [{ pk: { S: 'a' } }]);
    await send(DEAD_LETTERS);

    const { exitCode, out, err } = await teardown(created, '--apply');

    expect(exitCode).toBe(3);
    expect(err.split('\n')).toEqual([
      'Deleted the look-again queue ferry-orders-look-again (us-east-1).',
      `Deleted the on-failure bucket ${BUCKET} (us-east-1).`,
      'Deleted the twin Orders (eu-west-1).',
    ]);
    expect(out).toMatch(/These resources are left:\n {2}dead-letter queue/);
    expect(await names()).toEqual({
      source: ['Orders'],
      destination: ['ferry-orders-state'],
      buckets: [],
    });
  });

  it('deletes data only by name, then nothing is left, and it can be run again', async () => {
    await regions.adopt();
    await putAll(regions.source, 'Orders', [{ pk: { S: 'a' } }]);
    await send(DEAD_LETTERS);
    cloud.buckets.set(BUCKET, ['aws/lambda/batch', 'dead-letters/1']);
    const named = [
      `us-east-1/${DEAD_LETTERS}`,
      `us-east-1/${BUCKET}`,
      'eu-west-1/ferry-orders-state',
      'us-east-1/Orders',
    ].join(',');

    const first = await teardown(created, '--apply', '--delete', named);
    const second = await teardown(created, '--apply', '--bucket', BUCKET);

    expect(first).toMatchObject({ exitCode: 0, out: expect.stringContaining('No resource is') });
    expect(await names()).toEqual({ source: [], destination: [], buckets: [] });
    expect(second).toMatchObject({ exitCode: 0, err: '' });
  });

  it('takes the name of a table for the one of its Region, and for no other', async () => {
    await putAll(regions.source, 'Orders', [{ pk: { S: 'a' } }]);
    await putAll(regions.destination, 'Orders', [{ pk: { S: 'a' } }]);

    await teardown(created, '--apply', '--delete', 'eu-west-1/Orders');

    expect(await names()).toMatchObject({ source: ['Orders'], destination: [] });
  });

  it('keeps two accounts of one Region apart', async () => {
    const { replications } = JSON.parse(readFileSync(created, 'utf8')) as {
      replications: [{ source: object; destination: object }];
    };
    const [one] = replications;
    const region = 'us-east-1';
    const replication = {
      ...one,
      source: { ...one.source, region, account: '111111111111' },
      destination: { ...one.destination, region, account: '222222222222' },
    };
    writeFileSync(created, JSON.stringify({ replications: [replication] }));
    await regions.adopt();
    await putAll(regions.source, 'Orders', [{ pk: { S: 'a' } }, { pk: { S: 'b' } }]);
    await putAll(regions.destination, 'Orders', [{ pk: { S: 'a' } }]);

    const both = await teardown(created, '--apply', '--delete', 'us-east-1/Orders');
    const twin = ['--delete', '222222222222/us-east-1/Orders'];
    const { out, err } = await teardown(created, '--apply', ...twin);

    expect(both.exitCode).toBe(2);
    expect(both.err).toContain('111111111111/us-east-1/Orders');
    expect(err).toContain('Deleted the twin Orders (222222222222/us-east-1).');
    expect(out).toContain('`--delete 111111111111/us-east-1/Orders` deletes it');
    expect(await names()).toMatchObject({
      source: ['Orders'],
      destination: ['ferry-orders-state'],
    });
  });

  it('never touches tables that the app has not created', async () => {
    const { exitCode, out, err } = await teardown(regions.config, '--apply');

    expect(exitCode).toBe(0);
    expect(err).not.toContain('Orders (');
    expect(out).toContain('Ferry did not create the table us-east-1/Orders');
    expect(await names()).toEqual({ source: ['Orders'], destination: ['Orders'], buckets: [] });
    expect(await teardown(regions.config, '--delete', 'us-east-1/Orders')).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining(
        'resources that this replication does not have: us-east-1/Orders',
      ) as string,
    });
  });

  it('refuses to delete anything while the function is deployed, and lists what will stay', async () => {
    regions.lambda.isDeployed = true;
    regions.lambda.settings = { ...regions.lambda.settings, onFailureBucket: BUCKET };

    const looked = await teardown(created);
    const refused = await teardown(created, '--apply');

    expect(looked).toMatchObject({ exitCode: 3 });
    expect(looked.out).toContain('orders is deployed. These resources stay when `npx cdk destroy');
    expect(looked.out).toContain('It refuses to run while the replication is deployed.');
    expect(refused.exitCode).toBe(1);
    expect(refused.err).toContain('is still deployed.');
    expect(refused.err).toContain(
      '`npx cdk destroy ferry-orders-source ferry-orders-destination --exclusively`',
    );
    expect(await names()).toEqual(ALL);
  });

  it('leaves a bucket alone that may be of another replication', async () => {
    const other = 'ferry-orders2-source-replicatoronfailurebucke-1a2b3c4d5e6f';
    cloud.buckets.set(other, []);

    await teardown(created, '--apply');

    expect((await names()).buckets).toEqual([other]);
  });

  it('says so where it may not list buckets, and takes the name of one', async () => {
    cloud.isDenied = true;

    const unknown = await teardown(created, '--json');
    const { out } = await teardown(created, '--bucket', BUCKET);

    expect(JSON.parse(unknown.out)).toMatchObject({
      bucketProblem: expect.stringContaining('AccessDenied') as string,
    });
    expect(out).toContain(`on-failure bucket ${BUCKET} (us-east-1): empty; would be deleted`);
  });
});
