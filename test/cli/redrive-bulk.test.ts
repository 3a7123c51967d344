// `ferry redrive --bulk`: the state machine redrives the bucket, slice by slice, with the bundle that ships; the
// command follows it, and then redrives the letters.

import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { functionModule } from '../../src/package-files.ts';
import { type LocalFailures, openLocalFailures } from '../../src/local/run/local-failures.ts';
import { type BulkCloud, type Handler, openBulkCloud } from '../fixtures/bulk-cloud.ts';
import { lambdaRecord } from '../fixtures/records.ts';
import { contents, openTwoRegions, type TwoRegions } from '../fixtures/two-regions.ts';

const OBJECTS = 24;
const RECORDS = 50;

let regions: TwoRegions;
let cloud: BulkCloud;
let letters: LocalFailures;
beforeAll(async () => {
  regions = await openTwoRegions();
  const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: [object];
  };
  const bundle = functionModule('bulk-segment');
  const { handler } = (await import(pathToFileURL(bundle).href)) as { handler: Handler };
  const { lookAgainQueueUrl = '' } = regions.lambda.settings;
  // Time is up whenever it is asked for: a call takes one group of objects in hand.
  const setup = { replication: replications[0], pagesPerCall: 0, lookAgainQueueUrl };
  cloud = await openBulkCloud(handler, setup);
  await regions.adopt();
  const [replication] = parseConfig({ replications }).replications;
  if (replication === undefined) throw new Error('no replication');
  letters = await openLocalFailures(replication, { accessKeyId: 'a', secretAccessKey: 'b' });
});
afterAll(async () => {
  await letters.close();
  await cloud.close();
  await regions.close();
});
beforeEach(async () => {
  for await (const objects of cloud.bucket.list('')) {
    for (const { key } of objects) await cloud.bucket.delete(key);
  }
});

const keyOf = (object: number) =>
  `aws/lambda/m/shard-1/2026/01/31/${String(object).padStart(3, '0')}`;

/** @param records of the one object. */
async function giveUp(object: number, records: readonly object[]): Promise<void> {
  const document = {
    requestContext: { condition: 'RetryAttemptsExhausted' },
    timestamp: new Date().toISOString(),
    DDBStreamBatchInfo: {},
    payload: JSON.stringify({ Records: records }),
  };
  await cloud.bucket.put(keyOf(object), JSON.stringify(document));
}

let sequence = 0;
/** Many records of few items, over all objects. */
async function fill(name: string): Promise<void> {
  for (let object = 0; object < OBJECTS; object += 1) {
    const records = Array.from({ length: RECORDS }, (_, index) => {
      sequence += 1;
      return lambdaRecord({
        id: `${name}-${index}`,
        sequenceNumber: String(sequence),
        attributes: { value: { N: String(sequence) } },
        streamArn: regions.streamArn,
      });
    });
    await giveUp(object, records);
  }
}

async function left(): Promise<string[]> {
  const keys: string[] = [];
  for await (const objects of cloud.bucket.list('aws/lambda/'))
    keys.push(...objects.map(({ key }) => key));
  return keys;
}

const bulk = (...args: string[]) =>
  regions.ferry('redrive', '--bulk', '--workers', '2', '--queue-url', letters.queueUrl, ...args);

describe('ferry redrive --bulk', () => {
  it('only says what it would start, without --apply', async () => {
    await fill('dry');
    const { length } = cloud.executions;

    const { exitCode, out } = await bulk('--json');

    expect(exitCode).toBe(3);
    expect(JSON.parse(out)).toMatchObject({
      apply: false,
      objects: OBJECTS,
      workers: 2,
      estimate: { records: expect.closeTo(OBJECTS * RECORDS, -3) as number },
    });
    expect(cloud.executions).toHaveLength(length);
    expect(await left()).toHaveLength(OBJECTS);
  });

  it('redrives every object by slices, and leaves nothing', async () => {
    await fill('all');
    const before = cloud.calls.length;

    const { exitCode, out, err } = await bulk('--apply', '--yes', '--json');

    expect(err).toContain('It continues if this command ends.');
    expect(JSON.parse(out)).toMatchObject({ found: OBJECTS * RECORDS, failing: 0, left: 0 });
    const { applied, coalesced, superseded } = JSON.parse(out) as Record<string, number>;
    expect((applied ?? 0) + (coalesced ?? 0) + (superseded ?? 0)).toBe(OBJECTS * RECORDS);
    expect(exitCode).toBe(0);
    // Four for each worker, or a little fewer.
    const slices = new Set(cloud.calls.slice(before).map(({ segment }) => segment)).size;
    expect(slices).toBeGreaterThanOrEqual(4);
    expect(slices).toBeLessThanOrEqual(8);
    expect(await left()).toEqual([]);
    const twin = await contents(regions.destination, 'Orders', ({ pk }) => pk?.S ?? '');
    const last = sequence - RECORDS;
    for (let index = 0; index < RECORDS; index += 1)
      expect(twin.get(`all-${index}`)?.['value']?.N).toBe(String(last + index + 1));
  });

  it('exits with 3 where something is left, and names why', async () => {
    await fill('some');
    const other = regions.streamArn.replace('/Orders/', '/Others/');
    await giveUp(100, [lambdaRecord({ id: 'other', streamArn: other })]);
    await giveUp(101, [
      lambdaRecord({ id: 'odd', eventName: 'UPSERT', streamArn: regions.streamArn }),
    ]);

    const { exitCode, out } = await bulk('--apply', '--yes', '--json');

    expect(exitCode).toBe(3);
    expect(JSON.parse(out)).toMatchObject({
      foreign: 1,
      failing: 1,
      left: 1,
      failures: { UnknownEventName: 1 },
    });
    expect(await left()).toEqual([keyOf(100), keyOf(101)]);
  });

  it('has nothing to start where the bucket is empty', async () => {
    const { length } = cloud.executions;

    const { exitCode, out } = await bulk('--apply', '--yes', '--json');

    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ found: 0, left: 0 });
    expect(cloud.executions).toHaveLength(length);
  });

  it('follows a run that goes on, instead of starting another', async () => {
    await fill('twice');

    const both = await Promise.all([bulk('--apply', '--yes', '--json'), later()]);

    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect(both[1].err).toMatch(/^Following .*:redrive-/m);
    expect(await left()).toEqual([]);

    async function later() {
      const { length } = cloud.executions;
      await expect
        .poll(() => cloud.executions.length, { timeout: 60_000, interval: 5 })
        .toBeGreaterThan(length);
      return bulk('--apply', '--yes', '--json');
    }
  });

  it('refuses a rate at which a worker would never be done with a batch', async () => {
    const { exitCode, err } = await bulk('--rate', '6');

    expect(exitCode).toBe(2);
    expect(err).toContain('--rate must be at least 5 for each worker, got 3');
  });

  it.each([['--limit', '5'], ['--bucket', 'mine'], ['--without-source']])(
    'refuses %s',
    async (...args) => {
      const { exitCode, err } = await bulk(...args);

      expect(exitCode).toBe(2);
      expect(err).toContain(`--bulk cannot be used with ${args[0]}`);
    },
  );
});
