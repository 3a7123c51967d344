import { UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, expect, it } from 'vitest';
import { describeTable } from '../../src/aws/table-facts.ts';
import { twinConstruct } from '../../src/cli/twin-construct.ts';
import { type Answer, startAnswering } from '../fixtures/answering.ts';
import type { Listening } from '../fixtures/listening.ts';
import { useEngine } from '../fixtures/engine.ts';

const engine = useEngine();
const region = 'eu-west-1';
let answering: Listening | undefined;
afterEach(async () => {
  await answering?.close();
  answering = undefined;
});
const behind = async (answer: Answer) => {
  answering = await startAnswering(answer, engine().endpoint);
  return { region, endpoint: answering.endpoint };
};

it('tells what a table is like', async () => {
  const { endpoint, client } = engine();
  const keys = [
    { name: 'pk', type: 'B' },
    { name: 'sk', type: 'N' },
  ] as const;
  const streamArn = await engine().createTable('Orders', keys, true);
  const TimeToLiveSpecification = { AttributeName: 'expiresAt', Enabled: true };
  await client.send(new UpdateTimeToLiveCommand({ TableName: 'Orders', TimeToLiveSpecification }));

  expect(await describeTable({ region, endpoint }, 'Orders')).toMatchObject({
    region,
    table: 'Orders',
    endpoint,
    status: 'ACTIVE',
    keys,
    stream: { arn: streamArn, viewType: 'NEW_IMAGE' },
    timeToLiveAttribute: 'expiresAt',
    indexes: [],
    billing: 'on-demand',
    items: 0,
  });
  expect(await describeTable({ region, endpoint }, 'Nowhere')).toBeUndefined();
});

it('makes do without expiry where the endpoint does not know of it', async () => {
  await engine().createTable('Lasting', [{ name: 'pk', type: 'S' }]);
  const settings = await behind((operation, pass, say) => {
    if (operation === 'DescribeTimeToLive') say(400, { __type: 'x#UnknownOperationException' });
    else pass();
  });

  expect(await describeTable(settings, 'Lasting')).toMatchObject({
    status: 'ACTIVE',
    timeToLiveAttribute: undefined,
  });
});

it('does not take a denied look at the expiry for none', async () => {
  await engine().createTable('Hidden', [{ name: 'pk', type: 'S' }]);
  const settings = await behind((operation, pass, say) => {
    if (operation === 'DescribeTimeToLive') say(400, { __type: 'x#AccessDeniedException' });
    else pass();
  });

  await expect(describeTable(settings, 'Hidden')).rejects.toThrow(
    expect.objectContaining({ name: 'AccessDeniedException' }),
  );
});

it('says so when nothing answers in time', async () => {
  const settings = await behind(() => undefined);

  await expect(describeTable(settings, 'Orders', 200)).rejects.toThrow(
    expect.objectContaining({
      code: 'table.silent',
      message: `No answer about eu-west-1/Orders within 0.2 s from ${settings.endpoint}.`,
    }),
  );
});

it('tells where the replicas of a global table are, and how consistent they are', async () => {
  const settings = await behind((operation, _, say) => {
    const replica = (RegionName: string) => ({ RegionName, ReplicaStatus: 'ACTIVE' });
    const Table = {
      TableStatus: 'ACTIVE',
      GlobalTableVersion: '2019.11.21',
      Replicas: [replica('us-east-1'), replica('us-east-2')],
      GlobalTableWitnesses: [{ RegionName: 'us-west-2', WitnessStatus: 'ACTIVE' }],
      MultiRegionConsistency: 'STRONG',
    };
    say(200, operation === 'DescribeTable' ? { Table } : { TimeToLiveDescription: {} });
  });

  expect(await describeTable(settings, 'Orders')).toMatchObject({
    replicaRegions: ['us-east-1', 'us-east-2'],
    isStronglyConsistent: true,
  });
});

it('knows the partition key of an index from its sort key, also where there are several', async () => {
  const key = (AttributeName: string, KeyType: string) => ({ AttributeName, KeyType });
  const names = ['pk', 'tenant', 'day', 'hour', 'minute'];
  const settings = await behind((operation, _, say) => {
    const Table = {
      TableStatus: 'ACTIVE',
      KeySchema: [key('pk', 'HASH')],
      AttributeDefinitions: names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      GlobalSecondaryIndexes: [
        {
          IndexName: 'times',
          KeySchema: [
            key('tenant', 'HASH'),
            key('day', 'HASH'),
            key('hour', 'RANGE'),
            key('minute', 'RANGE'),
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    };
    say(200, operation === 'DescribeTable' ? { Table } : { TimeToLiveDescription: {} });
  });

  const facts = await describeTable(settings, 'Orders');

  expect(facts?.indexes).toMatchObject([{ partitionKeys: 2 }]);
  const code = facts === undefined ? '' : twinConstruct(facts, facts, 'orders');
  expect(code).toMatch(/partitionKeys: \[.*"tenant".*"day".*\],\n +sortKeys: \[.*"hour".*"minute"/);
});
