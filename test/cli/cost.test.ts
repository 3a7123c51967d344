// `ferry cost`: what is refused, what it reads of the source, and what it compares after a deployment.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MonitoringCloud, openMonitoringCloud } from '../fixtures/monitoring-cloud.ts';
import { openTwoRegions, putAll, runHere, type TwoRegions } from '../fixtures/two-regions.ts';

let regions: TwoRegions;
let cloud: MonitoringCloud;
beforeAll(async () => {
  regions = await openTwoRegions();
  await putAll(regions.source, 'Orders', [{ pk: { S: 'a' }, text: { S: 'x'.repeat(95) } }]);
  cloud = await openMonitoringCloud({
    figures: {},
    mapping: undefined,
    deadLetters: 0,
    isDeployed: true,
  });
}, 60_000);
afterAll(async () => {
  await cloud.close();
  await regions.close();
});

const ferry = (...args: string[]) => runHere(['cost', ...args]);
const config = () => ['--config', regions.config];
const GIVEN = ['--writes-per-second', '100', '--item-bytes', '800'];

/** The sample with other settings, in a file of its own. */
function fileWith(name: string, replications: readonly object[], more: object = {}): string {
  const path = join(regions.directory, name);
  writeFileSync(path, JSON.stringify({ ...more, replications }));
  return path;
}

const TABLES = {
  source: {
    region: 'us-east-1',
    table: 'Orders',
    streamArn:
      'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000',
  },
  destination: { region: 'eu-west-1', table: 'Orders' },
};

interface Printed {
  readonly total: number;
  readonly workload: Readonly<Record<string, number | null>>;
  readonly parts: ReadonlyArray<{ readonly part: string; readonly dollars: number }>;
  readonly globalTable: { readonly total: number };
  readonly prices: { readonly dates: Readonly<Record<string, string>> };
  readonly actual?: ReadonlyArray<Readonly<Record<string, number | string>>>;
}

async function json(...args: string[]): Promise<Printed> {
  const { exitCode, out, err } = await ferry(...args, '--json');
  expect({ exitCode, err }).toMatchObject({ exitCode: 0 });
  return JSON.parse(out) as Printed;
}

describe('without AWS', () => {
  it('shows parts, sum, global table, what dominates, assumptions and the date of the prices', async () => {
    const path = fileWith('given.json', [{ name: 'orders', ...TABLES }]);

    const { exitCode, out } = await ferry('--config', path, ...GIVEN);

    expect(exitCode).toBe(0);
    expect(out).toContain('100 writes/s of 800 bytes, 0 % deletes, 0 % updates, 0 items\n');
    expect(out).toMatch(/ {2}writes to the twin +\$185\.27 {2}262,800,000 write units of items\n/);
    expect(out).toMatch(/Dominates: writes to the twin, \d\d(\.\d)? %\./);
    expect(out).toMatch(
      /With "eventSource": \{ "maxBatchingWindowSeconds": 1 \}, the sum is \$2\d\d\.\d\d: /,
    );
    expect(out).toMatch(/The same workload as a global table\n {2}replicated writes +\$185\.27 /);
    expect(out).toContain('Free tiers, discounts and taxes are not counted.');
    expect(out).toContain(
      'Prices: us-east-1 of 2026-09-06, eu-west-1 of 2026-10-04, from https://',
    );
  });

  it('adds several replications up', async () => {
    const two = [
      { name: 'orders', ...TABLES },
      {
        name: 'users',
        source: {
          ...TABLES.source,
          table: 'Users',
          streamArn: TABLES.source.streamArn.replace('Orders', 'Users'),
        },
        destination: { ...TABLES.destination, table: 'Users' },
      },
    ];
    const path = fileWith('two.json', two, { fleet: {} });

    const { out } = await ferry('--config', path, ...GIVEN, '--json');

    const [orders, users, all] = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Printed & { fleet?: { total: number } });
    // With the dashboard and the alarm of the fleet.
    const sum = (orders?.total ?? 0) + (users?.total ?? 0) + 3.5;
    expect(all?.fleet?.total).toBeCloseTo(sum, 1);
  });

  it('says what it has no price of, and leaves it out', async () => {
    const source = { ...TABLES.source, region: 'ap-northeast-1' };
    const streamArn = source.streamArn.replace('us-east-1', 'ap-northeast-1');
    const path = fileWith('tokyo.json', [
      { name: 'orders', ...TABLES, source: { ...source, streamArn } },
    ]);

    const { out } = await ferry('--config', path, ...GIVEN);

    expect(out).toContain(
      'Not in the sum, because Ferry has no price of it in ap-northeast-1: GB stored (logs).',
    );
  });

  it('refuses a Region without prices, unless a file has them', async () => {
    const destination = { ...TABLES.destination, region: 'sa-east-1' };
    const path = fileWith('brazil.json', [{ name: 'orders', ...TABLES, destination }]);
    const prices = join(regions.directory, 'prices.json');
    const own = { 'sa-east-1': { date: '2026-11-01', prices: { millionWriteUnits: 1 } } };
    writeFileSync(prices, JSON.stringify({ regions: own }));

    const refused = await ferry('--config', path, ...GIVEN);
    const found = await json('--config', path, ...GIVEN, '--prices', prices);
    const { parts } = found;

    expect(refused).toMatchObject({ exitCode: 2, out: '' });
    expect(refused.err).toContain(
      'Ferry has no prices of sa-east-1. It knows us-east-1, us-west-2, eu-west-1, eu-central-1, ap-northeast-1.',
    );
    expect(parts).toContainEqual(
      expect.objectContaining({ part: 'writes to the twin', dollars: 262.8 }),
    );
    expect(found.prices.dates).toEqual({ 'us-east-1': '2026-09-06', 'sa-east-1': '2026-11-01' });
  });

  it.each([
    [['--writes-per-second', 'many'], '--writes-per-second must be a number, got "many".'],
    [['--delete-share', '5'], '--delete-share must be from 0% to 100%, got "5".'],
    [['--update-share', '101%'], '--update-share must be from 0% to 100%, got "101%".'],
    [
      ['--delete-share', '60%', '--update-share', '60%'],
      '--delete-share and --update-share add up to more than 100%.',
    ],
    [['--run', '--actual'], '--actual and --run contradict each other.'],
  ])('refuses %j', async (args, problem) => {
    const { exitCode, out, err } = await ferry(...config(), ...args);

    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toContain(problem);
  });
});

describe('from CloudWatch', () => {
  it('reads the writes of 14 days, and the size of the items of the table', async () => {
    // By the hour: 360 puts, 180 updates and 60 deletes.
    cloud.state.figures = {
      'ConsumedWriteCapacityUnits of Orders': () => 600,
      'SuccessfulRequestLatency of Orders PutItem': () => 360,
      'SuccessfulRequestLatency of Orders UpdateItem': () => 180,
      'SuccessfulRequestLatency of Orders DeleteItem': () => 60,
    };

    const { workload } = await json(...config(), '--items', '1000', '--item-bytes', '100');

    expect(workload).toEqual({
      writesPerSecond: expect.closeTo(600 / 3_600, 5) as number,
      itemBytes: 100,
      deleteShare: expect.closeTo(0.1, 9) as number,
      updateShare: expect.closeTo(0.3, 9) as number,
      items: 1_000,
      observedSeconds: 14 * 24 * 3_600,
      shards: null,
      roundTripMs: 70,
    });
  });

  it('compares with what the function and the tables have used since they first ran', async () => {
    // The function has run for the last day.
    const lastDay = (value: number) => (minutesAgo: number) =>
      minutesAgo <= 24 * 60 ? value : undefined;
    cloud.state.figures = {
      'SuccessfulRequestLatency of Orders PutItem': () => 3_600,
      'ConsumedWriteCapacityUnits of Orders': () => 3_600,
      'ConsumedWriteCapacityUnits of ferry-orders-state': () => 36,
      Invocations: lastDay(1_800),
      Duration: lastDay(180_000),
      IncomingBytes: lastDay(2 ** 20),
    };

    const { actual, workload } = await json(...config(), '--actual', '--item-bytes', '100');

    expect(workload['observedSeconds']).toBeGreaterThan(23 * 3_600);
    expect(workload['observedSeconds']).toBeLessThanOrEqual(25 * 3_600);
    const byMeasure = new Map(actual?.map((one) => [one['measure'], one]));
    const ratio = (measure: string) => {
      const { actual: used, estimated } = byMeasure.get(measure) ?? {};
      return Number(used) / Number(estimated);
    };
    expect([...byMeasure.keys()]).toEqual([
      'twin write units',
      'state write units',
      'function requests',
      'function GB-seconds',
      'log GB',
      'twin GB',
    ]);
    // Each write of the source is one unit of the twin.
    expect(ratio('twin write units')).toBeCloseTo(1, 6);
    // One second of two has a record in one of four shards, within the pace of 4 a second.
    expect(ratio('function requests')).toBeGreaterThan(0.4);
    expect(ratio('function requests')).toBeLessThan(0.6);
  });

  it('says so where nothing is deployed', async () => {
    cloud.state.figures = {};

    const { exitCode, err } = await ferry(...config(), '--actual');

    expect(exitCode).toBe(1);
    expect(err).toContain(
      'CloudWatch has no invocation of ferry-orders-replicate in us-east-1 in the last 14 days.',
    );
  });
});
