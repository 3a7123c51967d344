// A replication of a process that is opened again and again, as after each lost lease: no connection stays.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { openRunMetrics } from '../../src/composition/run-metrics.ts';
import { openRunPlaces } from '../../src/composition/run-places.ts';
import { openRunReplicator } from '../../src/composition/run-replicator.ts';
import { ReplicationHealth } from '../../src/run/health.ts';
import { PrometheusFigures } from '../../src/run/prometheus.ts';
import { contents, openTwoRegions, putAll, type TwoRegions } from '../fixtures/two-regions.ts';

let regions: TwoRegions;
let gate: Server;
let opened = 0;
let isOpen = 0;

/** An idle connection would close by itself after 15 s. */
const SOON = { timeout: 10_000 };

beforeAll(async () => {
  regions = await openTwoRegions();
  const { port, hostname } = new URL(regions.destination.endpoint);
  gate = createServer((client) => {
    opened += 1;
    isOpen += 1;
    const upstream = connect(Number(port), hostname);
    client.pipe(upstream).pipe(client);
    for (const [one, other] of [[client, upstream] as const, [upstream, client] as const]) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
    client.on('close', () => (isOpen -= 1));
  }).listen(0, '127.0.0.1');
  await once(gate, 'listening');
});
afterAll(async () => {
  gate.close();
  await regions.close();
});

function configured(settings: object): ReplicationConfig {
  const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: Array<{ source: object; destination: object }>;
  };
  const endpoint = `http://127.0.0.1:${(gate.address() as AddressInfo).port}`;
  const one = { ...replications[0], tombstones: 'strict', heartbeat: { key: { pk: 'beat' } } };
  const destination = { ...replications[0]?.destination, endpoint };
  const { replications: parsed } = parseConfig({
    replications: [{ ...one, destination, ...settings }],
  });
  return parsed[0] as ReplicationConfig;
}

function open(replication: ReplicationConfig) {
  const log = () => undefined;
  return openRunReplicator({
    replication,
    environment: process.env,
    health: new ReplicationHealth('orders', { behindMs: 60_000, monotonicMs: 0 }),
    log,
    stop: new AbortController().signal,
    openPlaces: ({ source }) =>
      openRunPlaces(replication, source, {
        letters: join(regions.directory, 'letters'),
        clock: { now: () => 0, sleep: async () => undefined },
      }),
    openMetrics: ({ source }) => {
      const figures = new PrometheusFigures({});
      return openRunMetrics(undefined, { replication, source, log, writeLine: log, figures });
    },
  });
}

it.each(['signed', 'sdk'])(
  'is closed with all that it has opened, by %s requests',
  async (httpClient) => {
    const key = `item-${httpClient}`;
    const replication = configured({ function: { httpClient } });
    const one = await open(replication);
    const { consumer, close: closeReader } = await one.start(1);
    await putAll(regions.source, 'Orders', [{ pk: { S: key }, text: { S: 'x' } }]);
    await expect
      .poll(async () =>
        JSON.stringify([...(await contents(regions.destination, 'Orders')).values()]),
      )
      .toContain(key);
    await one.beat?.();
    await consumer.stop();
    closeReader();
    expect(isOpen).toBeGreaterThan(0);

    one.close();

    await expect.poll(() => isOpen, SOON).toBe(0);
  },
);

it('is closed where it cannot be opened', async () => {
  const before = opened;

  await expect(open(configured({ stateTable: 'no-such-table' }))).rejects.toThrow(
    'resource not found',
  );

  expect(opened).toBeGreaterThan(before);
  await expect.poll(() => isOpen, SOON).toBe(0);
});
