// `ferry teardown` as an operator runs it, against real engines and queues, and stand-ins for Lambda and S3.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ListTablesCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateQueueCommand,
  GetQueueUrlCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { versionOf } from '../../src/model/guard.ts';
import { decisionKey } from '../../src/model/stranded-class.ts';
import { strandedObject } from '../../src/model/stranded.ts';
import { policyWith } from '../../src/switching/fence-policy.ts';
import { type BucketCloud, openBucketCloud } from '../fixtures/bucket-cloud.ts';
import { type FencedTable, openFencedTable } from '../fixtures/fenced-table.ts';
import { openLogsCloud } from '../fixtures/logs-cloud.ts';
import { openTwoRegions, putAll, type TwoRegions } from '../fixtures/two-regions.ts';

interface Replication {
  readonly source: object;
  readonly destination: object;
}

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

/** Where there is CloudWatch Logs. */
let environment: Readonly<Record<string, string>> = {};

async function teardown(config: string, ...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const exitCode = await main(['teardown', '--config', config, ...args], {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    status: () => undefined,
    isTerminal: false,
    environment: { AWS_ENDPOINT_URL_S3: cloud.endpoint, ...environment },
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

  it('keeps the history, with its own line, until it is named', async () => {
    const group = '/ferry/orders/history';
    const logs = await openLogsCloud(group);
    ({ environment } = logs);

    const first = await teardown(created, '--apply');
    const lines = logs.lines(group);
    const second = await teardown(created, '--apply', '--delete', `us-east-1/${group}`);
    environment = {};
    await logs.close();

    expect(first.exitCode).toBe(3);
    expect(first.out).toContain(
      `log group ${group} (us-east-1): has the history; kept; \`--delete us-east-1/${group}\` deletes it`,
    );
    expect(first.out).toContain(`import: \`npx cdk import ferry-orders-source\`, LogGroupName`);
    expect(lines).toMatchObject([{ command: 'teardown', counts: { left: 1 }, outcome: 'left' }]);
    expect(second.exitCode).toBe(0);
    expect(second.err).toContain(`Deleted the log group ${group} (us-east-1).`);
    expect(second.err).toContain('This run is not in the history of orders');
    expect([...logs.state.groups.keys()]).toEqual([]);
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

  it('has nothing to do with the Kinesis stream that the changes come through', async () => {
    const { replications } = JSON.parse(readFileSync(created, 'utf8')) as {
      replications: [Replication];
    };
    const { source } = JSON.parse(readFileSync(regions.config, 'utf8')).replications[0] as {
      source: { streamArn?: string };
    };
    const { streamArn: _, ...table } = source;
    const kinesis = {
      kinesisStreamArn: 'arn:aws:kinesis:us-east-1:111122223333:stream/order-changes',
      kinesisRetentionHours: 168,
      // Nothing answers there.
      endpoints: { kinesis: 'http://127.0.0.1:9' },
    };
    const path = join(regions.directory, 'kinesis.json');
    const replication = { ...replications[0], source: { ...table, ...kinesis } };
    writeFileSync(path, JSON.stringify({ replications: [replication] }));
    await regions.adopt();

    const looked = await teardown(path);
    const { exitCode, out } = await teardown(
      path,
      '--apply',
      '--delete',
      'eu-west-1/ferry-orders-state',
    );

    expect(looked.exitCode).toBe(3);
    expect(exitCode).toBe(0);
    expect(looked.out + out).not.toContain('order-changes');
    expect(out).toContain('Ferry did not create the table us-east-1/Orders');
    expect(await names()).toEqual({ source: ['Orders'], destination: [], buckets: [] });
  });

  describe('of a replication with another direction', () => {
    const BACK = 'ferry-orders-back-source-replicatoronfailurebucke-1a2b3c4d5e6f';
    const WAY_BACK = ['ferry-orders-back-dead-letters', 'ferry-orders-back-look-again'];
    const endpoints: FencedTable[] = [];

    beforeEach(async () => {
      cloud.buckets.set(BACK, []);
      await regions.source.createTable('ferry-orders-back-state', [{ name: 'id', type: 'S' }]);
      for (const QueueName of WAY_BACK) await sqs.send(new CreateQueueCommand({ QueueName }));
    });
    afterEach(async () => {
      for (const one of endpoints.splice(0)) await one.close();
    });

    function switched(
      change: (one: Replication) => object = (one) => one,
      other: object = { switching: { fence: 'application' } },
    ): string {
      const { replications } = JSON.parse(readFileSync(created, 'utf8')) as {
        replications: [Replication];
      };
      const [one] = replications;
      const replication = { ...change(one), ...other };
      const path = join(regions.directory, 'switched.json');
      writeFileSync(path, JSON.stringify({ replications: [replication] }));
      return path;
    }

    it.each(['orders', 'orders-back'])(
      'deletes both where both tables are written, by the name of %s',
      async (name) => {
        const both = { direction: 'both', twoWay: { mode: 'stamped' } };
        const config = switched((one) => one, both);

        const { exitCode, out, err } = await teardown(config, '--apply', '--replication', name);

        expect(err.split('\n')).toHaveLength(10);
        expect({ exitCode, out: out.split('\n')[0] }).toEqual({
          exitCode: 0,
          out: 'No resource is left.',
        });
        expect(await names()).toEqual({ source: [], destination: [], buckets: [] });
      },
    );

    it('deletes what is empty of both directions, and each table once', async () => {
      const config = switched();

      const looked = await teardown(config);
      const { exitCode, out, err } = await teardown(config, '--apply');

      expect(looked.exitCode).toBe(3);
      const listed = looked.out.split('\n').map((line) => line.trim());
      expect(listed).toEqual(
        expect.arrayContaining([
          'dead-letter queue ferry-orders-back-dead-letters (eu-west-1): empty; would be deleted',
          `on-failure bucket ${BACK} (eu-west-1): empty; would be deleted`,
          'state table ferry-orders-back-state (us-east-1): empty; would be deleted',
          'import: `npx cdk import ferry-orders-back-source`, BucketName ' + BACK,
        ]),
      );
      expect(err.split('\n')).toEqual([
        'Deleted the dead-letter queue ferry-orders-dead-letters (us-east-1).',
        'Deleted the look-again queue ferry-orders-look-again (us-east-1).',
        `Deleted the on-failure bucket ${BUCKET} (us-east-1).`,
        'Deleted the state table ferry-orders-state (eu-west-1).',
        'Deleted the twin Orders (eu-west-1).',
        'Deleted the source table Orders (us-east-1).',
        'Deleted the dead-letter queue ferry-orders-back-dead-letters (eu-west-1).',
        'Deleted the look-again queue ferry-orders-back-look-again (eu-west-1).',
        `Deleted the on-failure bucket ${BACK} (eu-west-1).`,
        'Deleted the state table ferry-orders-back-state (us-east-1).',
      ]);
      expect(exitCode).toBe(0);
      expect(out).toContain('The stacks ferry-switch-us-east-1 and ferry-switch-eu-west-1 switch');
      expect(await names()).toEqual({ source: [], destination: [], buckets: [] });
    });

    it('takes the names of both buckets, and not of three', async () => {
      cloud.isDenied = true;

      const { out } = await teardown(switched(), '--bucket', `${BUCKET},${BACK}`);
      const third = await teardown(switched(), '--bucket', 'a,b,c');

      expect(out).toContain(`on-failure bucket ${BUCKET} (us-east-1): empty; would be deleted`);
      expect(out).toContain(`on-failure bucket ${BACK} (eu-west-1): empty; would be deleted`);
      expect(third).toMatchObject({
        exitCode: 2,
        err: expect.stringContaining('--bucket names 3 buckets') as string,
      });
    });

    it('names the stacks of both directions, and refuses while one is deployed', async () => {
      regions.lambda.isDeployed = true;
      regions.lambda.settings = { ...regions.lambda.settings, onFailureBucket: BUCKET };

      const { exitCode, err } = await teardown(switched(), '--apply');

      expect(exitCode).toBe(1);
      expect(err).toContain(
        '`npx cdk destroy ferry-orders-source ferry-orders-destination ferry-orders-back-source ferry-orders-back-destination --exclusively`',
      );
      expect((await names()).buckets).toEqual([BUCKET, BACK]);
    });

    it('keeps a bucket with stranded writes to decide on, unless it is named', async () => {
      const stranded = { replication: 'orders', epoch: 1 };
      const entry = (pk: string) => {
        const item = { pk: { S: pk }, text: { S: 'lost' } };
        const key = { pk: { S: pk } };
        return { ...stranded, key, reason: 'compared' as const, savedAtMs: 1, lost: item };
      };
      const { key, body } = strandedObject([entry('a'), entry('b')]);
      const dropped = decisionKey(1, canonicalKey({ pk: { S: 'b' } }), 'dropped');
      cloud.texts.set(key, body);
      cloud.texts.set(dropped, '{}');
      cloud.buckets.set(BUCKET, [key, dropped]);
      const config = switched();

      const kept = await teardown(config, '--apply');
      const shown = kept.out.split('\n').map((line) => line.trim());
      cloud.texts.set(key, 'no JSON\n');
      const unread = await teardown(config);
      await teardown(config, '--apply', '--delete', `us-east-1/${BUCKET}`);

      expect(kept.exitCode).toBe(3);
      expect(shown).toContain(
        `on-failure bucket ${BUCKET} (us-east-1): has 2 objects or more, with 1 stranded write to decide on; kept; \`--delete us-east-1/${BUCKET}\` deletes it`,
      );
      expect(unread.out).toContain(
        'has 2 objects or more, with 1 stranded write to decide on; kept',
      );
      expect((await names()).buckets).toEqual([]);
    });

    it('counts every kept record where nothing was compared yet', async () => {
      const record = {
        replication: 'orders',
        epoch: 1,
        key: { pk: { S: 'a' } },
        version: versionOf({ epoch: 1, labelMs: 0 }, '900'),
        sequenceNumber: '900',
        createdAtSeconds: 1,
        eventName: 'REMOVE' as const,
      };
      const { key, body } = strandedObject([record]);
      cloud.texts.set(key, body);
      cloud.buckets.set(BUCKET, [key]);

      const { out } = await teardown(switched());

      expect(out).toContain('has 1 object or more, with 1 stranded write to decide on; kept');
    });

    it('says where a switch has left its statements in a resource policy', async () => {
      const arn = 'arn:aws:dynamodb:ddblocal:000000000000:table/Orders';
      const [a, b] = [
        await openFencedTable(regions.source.endpoint, arn),
        await openFencedTable(regions.destination.endpoint, arn),
      ];
      endpoints.push(a, b);
      const policy = policyWith(undefined, {
        tableArn: arn,
        tag: 's1',
        fence: ['arn:aws:iam::111122223333:role/ferry-orders-back-replicate'],
      });
      a.policies.overwrite(policy);
      b.policies.overwrite('no JSON');
      const path = switched((one) => ({
        ...one,
        source: { ...one.source, endpoint: a.endpoint },
        destination: { ...one.destination, endpoint: b.endpoint },
      }));
      const text = readFileSync(path, 'utf8').replace('"application"', '"policy"');
      writeFileSync(path, text);

      const left = await teardown(path, '--json');
      const { out } = await teardown(path);
      a.policies.overwrite(undefined);
      b.policies.overwrite('{"Version":"2012-10-17","Statement":[]}');
      const clean = await teardown(path, '--json');

      expect(JSON.parse(left.out)).toMatchObject({
        fences: [
          { table: 'us-east-1/Orders', statements: ['FerryFence'], problem: null },
          {
            table: 'eu-west-1/Orders',
            statements: [],
            problem: expect.stringContaining('cannot be read as JSON') as string,
          },
        ],
      });
      expect(out).toContain(
        'The resource policy of us-east-1/Orders still has statements of a switch: FerryFence. Applications cannot write to the table until you remove them.',
      );
      expect(out).toMatch(/The resource policy of eu-west-1\/Orders cannot be read \(/);
      expect(JSON.parse(clean.out)).toMatchObject({ fences: [] });
      expect(a.policies.changes + b.policies.changes).toBe(0);
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
