// One source with two destinations: each has an event source mapping, a function and a ledger of its own, and one of
// the destinations is gone for a while.

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/aws/system-clock.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import type { Cleanup } from '../../src/local/run/cleanup.ts';
import { compareTables } from '../../src/local/run/compare-tables.ts';
import { type LocalWorld, startLocalWorld } from '../../src/local/run/local-world.ts';
import { seededRandom } from '../../src/local/seeded-random.ts';
import { CREDENTIALS, redriveAll } from './disturbance.ts';
import { steadyWriter } from './steady-writer.ts';

const PATIENCE = { timeout: 90_000, interval: 5 };
const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

it('brings everything to both twins, and the one that is reached does not wait for the other', async () => {
  const [near, far] = await bothWorlds();
  const { client } = near.source;
  const { table } = near.replication.source;
  await client.send(new PutItemCommand({ TableName: table, Item: { pk: { S: 'first' } } }));
  await Promise.all([near.settled(), far.settled()]);
  const { done } = far.mapping.counts;

  const takeBack = far.faults.inject({ kind: 'outage' });
  const stop = new AbortController();
  const writer = steadyWriter({
    client,
    table,
    random: seededRandom(2),
    keys: 100,
    writers: 2,
    pauseMs: 50,
    stop: stop.signal,
  });
  await vi.waitUntil(() => near.mapping.counts.done > 300, PATIENCE);
  stop.abort();
  await writer.finished;
  await near.settled();

  // The other one has written nothing of it, and has put nothing aside.
  expect(far.mapping.counts.done).toBe(done);
  expect(await differences(near)).toBe(0);
  expect(await differences(far)).toBeGreaterThan(0);

  takeBack();
  await far.settled();
  expect([await differences(near), await differences(far)]).toEqual([0, 0]);
  expect(await Promise.all([near, far].map(redriveAll))).toEqual([
    { redriven: 0, left: 0 },
    { redriven: 0, left: 0 },
  ]);
});

async function differences(world: LocalWorld): Promise<number> {
  const { missing, different, extraneous, inFlight } = await compareTables(world, systemClock);
  return missing + different + extraneous + inFlight;
}

async function bothWorlds(): Promise<[LocalWorld, LocalWorld]> {
  const [one, other] = replications();
  const common = {
    credentials: CREDENTIALS,
    clock: systemClock,
    random: seededRandom(1),
    onProblem: () => undefined,
  };
  const near = await startLocalWorld({ ...common, replication: one, runId: 'near' }, cleanups);
  const { source } = near;
  const shared = { sourceEndpoint: source.endpoint, sourceTable: near.replication.source.table };
  return [
    near,
    await startLocalWorld({ ...common, ...shared, replication: other, runId: 'far' }, cleanups),
  ];
}

function replications(): [ReplicationConfig, ReplicationConfig] {
  const keys = { create: true, partitionKey: { name: 'pk', type: 'S' } };
  const source = { region: 'us-east-1', table: 'Orders' };
  const config = parseConfig({
    replications: [
      {
        name: 'near',
        source: { ...source, ...keys },
        destination: { region: 'us-west-2', table: 'Orders', ...keys },
      },
      { name: 'far', source, destination: { region: 'eu-west-1', table: 'Orders', ...keys } },
    ],
  });
  return config.replications as [ReplicationConfig, ReplicationConfig];
}
