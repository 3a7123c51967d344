// A repair beside traffic and through faults: requests that are throttled, fail, are cut off or land late.
// It never makes an item of the twin older, and once all is quiet another one leaves both tables equal.
// A repair that writes blindly shows that this test can fail.

import { setTimeout as delay } from 'node:timers/promises';
import { inspect, isDeepStrictEqual } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, it } from 'vitest';
import { dynamoDbReader } from '../../src/adapters/dynamodb-reader.ts';
import { dynamoDbDestination, writeClient } from '../../src/adapters/dynamodb-table.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { destinationHealth } from '../../src/core/destination-health.ts';
import { floorOf } from '../../src/core/ordering-guard.ts';
import { type FaultProxy, startFaultProxy } from '../../src/local/fault-proxy.ts';
import { below } from '../../src/local/seeded-random.ts';
import { pacedReader } from '../../src/operations/paced-reader.ts';
import { paceOf } from '../../src/operations/pace.ts';
import { repair, type RepairReport } from '../../src/operations/repair.ts';
import type { DestinationTable, Item } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import { liveWorld, type LiveWorld } from '../fixtures/live-world.ts';

const FIRST_SEED = Number(process.env['SEED'] ?? '1');
const SEEDS = Number(process.env['SEEDS'] ?? '50');
const ITEMS = 10;
const FLOOR = floorOf(Date.parse('2026-01-31T12:00:00.000Z'));
const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };

const engine = useEngine();

it(`never makes an item older, and ends equal (${SEEDS} seeds)`, async () => {
  const seen = { put: 0, deleted: 0, faults: 0, late: 0 };
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
    const { problems, report, proxy } = await play(seed, keep);
    expect(problems, `seed ${seed}`).toEqual([]);
    seen.put += report.put;
    seen.deleted += report.deleted;
    const { throttle, error, reset, late } = proxy.counts.injected;
    seen.faults += throttle + error + reset;
    seen.late += late;
  }
  // Otherwise nothing of interest has happened.
  expect(seen.put).toBeGreaterThan(SEEDS / 2);
  expect(seen.deleted).toBeGreaterThan(SEEDS / 10);
  expect(seen.faults).toBeGreaterThan(SEEDS);
  expect(seen.late).toBeGreaterThan(SEEDS / 10);
}, 180_000);

it('notices a repair that writes blindly', async () => {
  let found: string[] = [];
  for (let seed = FIRST_SEED; found.length === 0 && seed < FIRST_SEED + 4 * SEEDS; seed += 1) {
    found = (await play(seed, blindly)).problems;
  }

  expect(found).not.toEqual([]);
}, 180_000);

const keep = (destination: DestinationTable) => destination;

async function play(seed: number, mutate: (destination: DestinationTable) => DestinationTable) {
  const world = await liveWorld(engine(), { seed, items: ITEMS });
  for (let writes = 0; writes < 2 * ITEMS; writes += 1) await world.write();
  while (await world.deliver());
  await plant(world);
  const proxy = await startFaultProxy({ upstream: engine().endpoint, random: world.random });
  try {
    faults(proxy);
    const [report] = await Promise.all([repairAll(world, proxy.endpoint, mutate), traffic(world)]);
    while (await world.deliver());
    await proxy.stop({ landLate: true });
    const problems = historyProblems(world);
    const calm = await repairAll(
      { ...world, write: async () => undefined },
      engine().endpoint,
      keep,
    );
    if (calm.left + calm.inFlight > 0) problems.push(`left in the calm: ${inspect(calm)}`);
    const { source, twin } = await world.tables();
    if (!isDeepStrictEqual(source, twin))
      problems.push(`the tables differ: ${inspect({ source, twin })}`);
    return { problems, report, proxy };
  } finally {
    await proxy.stop();
  }
}

/** Half of the twin's items are gone, hold something else, or should not be there. */
async function plant(world: LiveWorld): Promise<void> {
  const { twin } = await world.tables();
  for (let number = 0; number < ITEMS; number += 1) {
    const id = `item-${number}`;
    const item = twin.get(id);
    const chance = world.random.next();
    if (item !== undefined && chance < 0.4) await world.tamper(id, undefined);
    else if (chance < 0.6) await world.tamper(id, { pk: { S: id }, write: { N: '0' } });
  }
}

function faults(proxy: FaultProxy): void {
  proxy.inject({ kind: 'throttle', share: 0.1 });
  proxy.inject({ kind: 'error', share: 0.05 });
  proxy.inject({ kind: 'reset', share: 0.05 });
  proxy.inject({ kind: 'late', share: 0.05, ms: 40 });
  proxy.inject({ kind: 'slow', share: 0.2, ms: 5 });
}

async function traffic(world: LiveWorld): Promise<void> {
  for (let writes = 0; writes < 12; writes += 1) {
    await world.write();
    await delay(below(world.random, 12));
    await world.deliver();
  }
}

async function repairAll(
  world: LiveWorld,
  endpoint: string,
  mutate: (destination: DestinationTable) => DestinationTable,
): Promise<RepairReport> {
  const settings = { region: 'eu-west-1', endpoint, credentials: CREDENTIALS };
  const reads = new DynamoDBClient({ ...settings, maxAttempts: 1 });
  const writes = writeClient({ ...settings, concurrency: 16 });
  const { settings: target } = world;
  const patience = {
    clock: { now: Date.now, sleep: () => delay(1) },
    random: world.random,
    stop: new AbortController().signal,
  };
  const reader = (table: string) =>
    pacedReader(
      dynamoDbReader(reads, { table, keyAttributes: ['pk'] }),
      paceOf(Infinity, systemClock),
      patience,
    );
  const destination = ambushed(mutate(world.watch(dynamoDbDestination(writes), 'repair')), world);
  try {
    return await repair(
      keys(),
      {
        settings: target,
        source: world.source,
        twin: reader(target.destinationTable),
        stateTable: reader(target.stateTable),
        destination,
        health: destinationHealth(),
        ...patience,
        remainingMs: () => Infinity,
        settleMs: 10,
        floor: FLOOR,
        pace: paceOf(Infinity, systemClock),
      },
      { apply: true, onProgress: () => undefined, onLeft: () => undefined },
    );
  } finally {
    reads.destroy();
    writes.destroy();
  }
}

/** Just before a repair writes, the item changes at the source, and the stream is faster. */
function ambushed(destination: DestinationTable, world: LiveWorld): DestinationTable {
  return {
    async write(request) {
      const id = /"pk":\{"S":"([^"]+)"\}/.exec(JSON.stringify(request.input))?.[1];
      if (world.random.next() < 0.3) {
        await world.write(id);
        if (world.random.next() < 0.7) await world.deliver();
      }
      return destination.write(request);
    },
  };
}

async function* keys(): AsyncGenerator<Item> {
  for (let number = 0; number < ITEMS; number += 1) yield { pk: { S: `item-${number}` } };
}

/**
 * What an item may show: whoever changes it makes it newer than everything shown before, but for the
 * tampering, after which anything is. An item that is gone shows the first of the source's deletes that
 * can explain it.
 */
function historyProblems(world: LiveWorld): string[] {
  const problems: string[] = [];
  const newest = new Map<string, number>();
  for (const { id, by, write, sourceWrite, deletes } of world.shown) {
    const before = newest.get(id) ?? 0;
    const tampered = by === 'tamper';
    const now = write ?? deletes.find((number) => number >= before) ?? 0;
    if (!tampered && now < before) problems.push(`${id}: ${by} went from ${before} back to ${now}`);
    if (now > sourceWrite) problems.push(`${id}: ${now} shows before it was written`);
    newest.set(id, tampered ? 0 : now);
  }
  return problems;
}

/** Without the conditions that make it a compare-and-set. */
function blindly(destination: DestinationTable): DestinationTable {
  return {
    write(request) {
      const input = structuredClone(request.input) as unknown as Record<string, unknown>;
      const { TransactItems } = input as { TransactItems?: Array<{ Put?: PutParts }> };
      const put = TransactItems?.[0]?.Put;
      if (put !== undefined) {
        return destination.write({
          operation: 'PutItem',
          input: { TableName: put.TableName, Item: put.Item },
        });
      }
      if (request.operation !== 'DeleteItem') return destination.write(request);
      const { TableName, Key } = request.input;
      return destination.write({ operation: 'DeleteItem', input: { TableName, Key } });
    },
  };
}

interface PutParts {
  readonly TableName: string;
  readonly Item: Record<string, never>;
}
