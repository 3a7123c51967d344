// Two tables on embedded engines that are written on both sides, and both directions between them, over ports that count
// what they cost. The application's own writes are not counted.

import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { fixedCredentials } from '../src/aws/access.ts';
import { dynamoDbStreamReader } from '../src/aws/dynamodb-streams.ts';
import { systemRandom } from '../src/aws/system-clock.ts';
import { openTwin } from '../src/composition/replicator.ts';
import { twoWayRules } from '../src/composition/two-way.ts';
import { parseConfig } from '../src/config/config.ts';
import { handlerSettings } from '../src/config/handler-settings.ts';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { type LocalRegion, openLocalRegion } from '../src/local/engine/local-region.ts';
import { bothWays } from '../src/replicate/both-ways.ts';
import { ConcurrencyLimit } from '../src/replicate/concurrency-limit.ts';
import { controlKeeper } from '../src/replicate/control-keeper.ts';
import { replicateBatch } from '../src/replicate/replicate-batch.ts';
import { rejectionMemory } from '../src/replicate/systemic-rejection.ts';
import { CREDENTIALS, UNMEASURED } from './approach.ts';
import { CostCount } from './cost-count.ts';
import { ORDER_KEYS, STATE_KEYS } from './two-regions.ts';

const REGIONS = ['us-east-1', 'eu-west-1'] as const;

type Mode = 'home' | 'stamped';

export type TwoWayScene = Awaited<ReturnType<typeof openTwoWayScene>>;

export async function openTwoWayScene(mode: Mode) {
  const [source, destination] = await Promise.all(
    REGIONS.map((region) => openLocalRegion({ region, credentials: CREDENTIALS })),
  );
  if (source === undefined || destination === undefined) throw new Error('no Regions');
  const sides = [await sideOf(source), await sideOf(destination)] as const;
  const [out, back] = parseConfig({ replications: [entryOf(mode, sides)] }).replications;
  if (out === undefined || back === undefined) throw new Error('no directions');
  await source.createTable(back.stateTable, STATE_KEYS);
  await destination.createTable(out.stateTable, STATE_KEYS);
  const ways = [
    wayOf(out, { near: sides[0], far: sides[1] }),
    wayOf(back, { near: sides[1], far: sides[0] }),
  ];
  for (const way of ways) await way.adopt();
  return {
    /** Of the side that the configuration calls the source. */
    source: sides[0],
    /** Carries what both streams have, until neither has more. @returns how many records there were. */
    async settle(): Promise<number> {
      let carried = 0;
      for (;;) {
        let found = 0;
        for (const way of ways) found += await way.carry();
        if (found === 0) return carried;
        carried += found;
      }
    },
    /** What it has cost since, on both sides. */
    cost: () => {
      const [one, other] = sides.map(({ count }) => count.cost);
      return {
        write: (one?.write ?? 0) + (other?.write ?? 0),
        read: (one?.read ?? 0) + (other?.read ?? 0),
      };
    },
    reset: () => {
      for (const { count } of sides) count.reset();
    },
    async close(): Promise<void> {
      for (const { twin, streams } of sides) {
        twin.close();
        streams.destroy();
      }
      await Promise.all([source.close(), destination.close()]);
    },
  };
}

type Side = Awaited<ReturnType<typeof sideOf>>;

/** A table with its stream, and ports that count. */
async function sideOf(local: LocalRegion) {
  const { region, endpoint, client } = local;
  const streamArn = await local.createTable('Orders', ORDER_KEYS, { stream: 'NEW_AND_OLD_IMAGES' });
  if (streamArn === undefined) throw new Error('the table has no stream');
  const access = { region, endpoint, credentials: fixedCredentials(CREDENTIALS) };
  const settings = { httpClient: 'signed', concurrency: 4 } as const;
  const twin = await openTwin(settings, access, process.env);
  const count = new CostCount(async (TableName, Key) => {
    const input = { TableName, Key, ConsistentRead: true };
    return (await twin.twinReader.read({ operation: 'GetItem', input })).items[0];
  });
  const streams = new DynamoDBStreamsClient({ region, endpoint, credentials: CREDENTIALS });
  return { region, endpoint, client, streamArn, twin, count, streams };
}

function entryOf(mode: Mode, [source, destination]: readonly [Side, Side]) {
  const rules = [{ attribute: 'pk', prefix: 'eu#', region: REGIONS[1] }];
  const home = { rules, otherwise: REGIONS[0] };
  const { region, endpoint, streamArn } = source;
  return {
    name: 'orders',
    direction: 'both',
    source: { region, table: 'Orders', endpoint, streamArn },
    destination: { region: destination.region, table: 'Orders', endpoint: destination.endpoint },
    twoWay: { mode, streamArn: destination.streamArn, ...(mode === 'home' && { home }) },
  };
}

function wayOf(replication: ReplicationConfig, { near, far }: { near: Side; far: Side }) {
  const places = { streamArn: near.streamArn, deadLetterQueueUrl: '', onFailureBucket: '' };
  const rules = { ...handlerSettings(replication, places), twoWay: twoWayRules(replication) };
  const ports = ({ twin, count }: Side) =>
    [count.destination(twin.twinWriter), count.reader(twin.twinReader)] as const;
  const [[twinWriter, twinReader], [nearWriter, nearReader]] = [ports(far), ports(near)];
  const bucket = { put: () => Promise.reject(new Error('nothing should be kept')) };
  const clock = { now: () => Date.now(), sleep: () => Promise.resolve() };
  const base = { ...UNMEASURED, rules, twinWriter, twinReader, clock, random: systemRandom };
  const context = {
    ...base,
    bothWays: bothWays({ ...base, nearSide: { nearReader, nearWriter, bucket } }),
    control: controlKeeper(base),
    limit: new ConcurrencyLimit(4),
    rejections: rejectionMemory(),
    remainingMs: () => Infinity,
  };
  const stream = dynamoDbStreamReader(near.streams, near.streamArn);
  let iterator: string | undefined;
  return {
    /** Writes the control row, which the first batch would do. */
    adopt: () => context.control.admit(new Set([near.streamArn]), () => Infinity),
    async carry(): Promise<number> {
      const [shard] = await stream.shards();
      iterator ??= await stream.open(shard?.shardId ?? '');
      const { records, nextIterator } = await stream.read(iterator, 1_000);
      iterator = nextIterator;
      if (records.length > 0) {
        const { retried } = await replicateBatch(records, context);
        if (retried > 0) throw new Error(`${retried} records are unfinished`);
      }
      return records.length;
    },
  };
}
