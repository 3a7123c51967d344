// `ferry backfill` as an operator runs it, against real engines: looked at, applied, killed, resumed.

import { GetItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { below, seededRandom } from '../../src/local/seeded-random.ts';
import {
  contents,
  openTwoRegions,
  putAll,
  runHere,
  type TwoRegions,
} from '../fixtures/two-regions.ts';

const SEED = Number(process.env['SEED'] ?? '20260131');

let regions: TwoRegions;
beforeAll(async () => {
  regions = await openTwoRegions();
});
afterAll(() => regions.close());

const order = (number: number, bytes = 100) => ({
  pk: { S: `order-${number}` },
  total: { N: String(number) },
  note: { S: 'x'.repeat(bytes) },
});

describe('ferry backfill', () => {
  beforeAll(() => putAll(regions.source, 'Orders', orders(200)));

  it('estimates, and changes nothing, unless it is told to', async () => {
    const { exitCode, out } = await regions.ferry('backfill');

    expect(exitCode).toBe(0);
    expect(out).toMatch(/items +about 200/);
    // Each copy is twice a put, and twice a check of the ledger row.
    expect(out).toMatch(/write capacity +about 800 WCU/);
    expect(out).toContain('Nothing was changed.');
    expect((await contents(regions.destination, 'Orders')).size).toBe(0);
    expect(await ledgerRows(regions)).toEqual([]);
  });

  it('stops when it is told to before it has begun', async () => {
    const args = ['backfill', '--apply', '--config', regions.config];

    const { exitCode, out, err } = await runHere(args, AbortSignal.abort());

    expect(exitCode).toBe(3);
    expect({ out, err }).toEqual({ out: '', err: 'ferry: stopped before any work started.' });
    expect(await ledgerRows(regions)).toEqual([]);
  });

  it('copies everything, and says so', async () => {
    const { exitCode, out } = await regions.ferry('backfill', '--apply', '--json');

    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      replication: 'orders',
      finished: true,
      resumed: false,
      items: 200,
      copied: 200,
      present: 0,
      deleted: 0,
      rejected: 0,
      writeUnits: 800,
    });
    const [source, twin] = await bothTables(regions);
    expect(withoutVersion(twin)).toEqual(source);
  });

  it('does not touch what is there, when it is run again', async () => {
    const before = await contents(regions.destination, 'Orders');

    const { exitCode, out } = await regions.ferry('backfill', '--apply', '--json');

    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ resumed: false, copied: 0, present: 200 });
    expect(await contents(regions.destination, 'Orders')).toEqual(before);
  });

  it('keeps to the write units that it is given', async () => {
    const { out } = await regions.ferry('backfill', '--write-units', '80');

    expect(out).toMatch(/at this rate +about 1 min/);
  });

  it('says clean lines when nobody watches', async () => {
    const { err } = await regions.ferryProcess(['backfill', '--apply']);

    // eslint-disable-next-line no-control-regex
    expect(err).not.toMatch(/\r|\u001b/);
  });
});

describe('ferry backfill, killed', () => {
  it('goes on behind the last page that it remembers, and ends equal', async () => {
    const random = seededRandom(SEED);
    const killed = await openTwoRegions();
    try {
      await putAll(killed.source, 'Orders', orders(1_200, 10_000));
      const args = ['backfill', '--apply', '--workers', '2', '--write-units', '3000'];
      let kills = 0;
      const endings: object[] = [];
      // A kill may come between the end of the run and that of its process.
      while (!(await isFinished(killed))) {
        const remembered = await checkpoints(killed);
        const from = killed.scans.length;
        const { exitCode, out } = await killed.ferryProcess([...args, '--json'], {
          scans: 4 + below(random, 3),
          afterMs: below(random, 1_000),
        });
        expectToGoOnFrom(remembered, killed.scans.slice(from));
        if (exitCode === null) kills += 1;
        else endings.push({ exitCode, ...(JSON.parse(out) as object) });
      }
      expect(kills).toBeGreaterThan(2);
      // None, where the last kill came after the end.
      for (const ending of endings)
        expect(ending).toMatchObject({ exitCode: 0, resumed: true, finished: true, items: 1_200 });
      const [source, twin] = await bothTables(killed);
      expect(withoutVersion(twin)).toEqual(source);
      expect(
        (await killed.ferry('verify', '--settle', '0', '--report', `${killed.directory}/r`))
          .exitCode,
      ).toBe(0);
    } finally {
      await killed.close();
    }
  });
});

interface Checkpoint {
  readonly done: boolean;
  readonly next: string | undefined;
}

/** The first read of each segment is where its checkpoint is; of one that is done there is none. */
function expectToGoOnFrom(remembered: Map<number, Checkpoint>, scans: TwoRegions['scans']): void {
  const begun = new Set<number>();
  for (const { segment, after } of scans) {
    if (begun.has(segment)) continue;
    begun.add(segment);
    const checkpoint = remembered.get(segment);
    expect(checkpoint?.done ?? false, `segment ${segment} was done`).toBe(false);
    expect(after).toBe(checkpoint?.next);
  }
}

async function isFinished({ destination }: TwoRegions): Promise<boolean> {
  const row = await destination.get('ferry-orders-state', { id: { S: 'orders#backfill' } });
  return row?.['finishedAt'] !== undefined;
}

async function checkpoints({ destination }: TwoRegions): Promise<Map<number, Checkpoint>> {
  const row = await destination.get('ferry-orders-state', { id: { S: 'orders#backfill' } });
  const run = row?.['run']?.S;
  const found = new Map<number, Checkpoint>();
  for (let segment = 0; segment < 8; segment += 1) {
    const { Item } = await destination.client.send(
      new GetItemCommand({
        TableName: 'ferry-orders-state',
        Key: { id: { S: `orders#backfill#${run}#${segment}` } },
      }),
    );
    if (Item === undefined) continue;
    const next = Item['next']?.M;
    found.set(segment, {
      done: Item['done']?.BOOL === true,
      next: next === undefined ? undefined : JSON.stringify(next),
    });
  }
  return found;
}

async function ledgerRows({ destination }: TwoRegions) {
  const { Items } = await destination.client.send(
    new ScanCommand({ TableName: 'ferry-orders-state' }),
  );
  return Items;
}

async function bothTables({ source, destination }: TwoRegions) {
  return [await contents(source, 'Orders'), await contents(destination, 'Orders')] as const;
}

function withoutVersion(items: Awaited<ReturnType<typeof contents>>) {
  return new Map(
    [...items].map(([key, { _ferry, ...item }]) => {
      expect(_ferry?.M?.['v']?.S).toMatch(/^0001\.\d{13}\.0{40}$/);
      return [key, item];
    }),
  );
}

function orders(count: number, bytes?: number) {
  return Array.from({ length: count }, (_, index) => order(index, bytes));
}
