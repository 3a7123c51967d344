// The function that ships, stopped while it waits to send a throttled put again; a second process is given its
// batch, and the delete of the item; then the first one goes on.

import { DeleteItemCommand, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/aws/system-clock.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import type { Cleanup } from '../../src/local/run/cleanup.ts';
import { type LocalWorld, startLocalWorld } from '../../src/local/run/local-world.ts';
import { seededRandom } from '../../src/local/seeded-random.ts';

const KEY = { pk: { S: 'order-1' } };
const PATIENCE = { timeout: 90_000, interval: 5 };
const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** @returns whether the twin shows the deleted item once the first invocation has come to its end. */
async function overlap(tombstones: ReplicationConfig['tombstones']) {
  const world = await startLocalWorld(
    {
      replication: replication(tombstones),
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      runId: `overlap-${tombstones}`,
      clock: systemClock,
      random: seededRandom(1),
      onProblem: () => undefined,
    },
    cleanups,
  );
  const { source, mapping, lambda, faults } = world;
  const table = { TableName: world.replication.source.table };
  // The first batch adopts, and starts the process.
  await source.client.send(new PutItemCommand({ ...table, Item: { pk: { S: 'first' } } }));
  await world.settled();

  const takeBack = faults.inject({ kind: 'throttle', share: 1 });
  await source.client.send(new PutItemCommand({ ...table, Item: KEY }));
  await vi.waitUntil(() => faults.counts.injected.throttle > 0, PATIENCE);
  const goOn = lambda.abandon();
  takeBack();
  await vi.waitUntil(() => mapping.counts.done === 2, PATIENCE);
  await source.client.send(new DeleteItemCommand({ ...table, Key: KEY }));
  await vi.waitUntil(() => mapping.counts.done === 3, PATIENCE);
  const whenDeleted = await isShown(world);
  goOn?.();
  await lambda.idle();
  return { world, whenDeleted, whenLate: await isShown(world) };
}

async function isShown({ destination, replication: { destination: twin } }: LocalWorld) {
  const { Item } = await destination.client.send(
    new GetItemCommand({ TableName: twin.table, Key: KEY, ConsistentRead: true }),
  );
  return Item !== undefined;
}

it('shows a deleted item for a while, until its delete is looked at, with checked tombstones', async () => {
  const { world, whenDeleted, whenLate } = await overlap('checked');

  await world.lookedAgain();

  expect({ whenDeleted, whenLate, afterwards: await isShown(world) }).toEqual({
    whenDeleted: false,
    whenLate: true,
    afterwards: false,
  });
  expect(world.tally.sum('Revenants')).toBe(1);
});

it('never shows it with strict ones', async () => {
  const { whenDeleted, whenLate } = await overlap('strict');

  expect({ whenDeleted, whenLate }).toEqual({ whenDeleted: false, whenLate: false });
});

function replication(tombstones: ReplicationConfig['tombstones']): ReplicationConfig {
  const table = { create: true, partitionKey: { name: 'pk', type: 'S' } };
  const { replications } = parseConfig({
    replications: [
      {
        name: 'overlap',
        tombstones,
        source: { region: 'us-east-1', table: 'source', ...table },
        destination: { region: 'eu-west-1', table: 'destination', ...table },
      },
    ],
  });
  return replications[0] as ReplicationConfig;
}
