// Comparisons on a schedule, by the deployed definition of their state machine and the handler of its function, on two
// engines: what is planted is found, and metrics, alarm, report and row agree.

import { readFileSync, writeFileSync } from 'node:fs';
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { alarmRules } from '../../src/alarms/alarm-rules.ts';
import { systemClock } from '../../src/aws/system-clock.ts';
import { reportLines } from '../../src/bulk/reports.ts';
import { parseConfig } from '../../src/config/config.ts';
import { FUNCTION_VARIABLE } from '../../src/config/names.ts';
import { handler } from '../../src/handlers/bulk-segment.ts';
import {
  parseReconciliation,
  putReconciliation,
  type Reconciliation,
  reconciliationKey,
} from '../../src/model/reconciliation-row.ts';
import { itemRequest } from '../../src/model/read-request.ts';
import { type BulkCloud, openBulkCloud } from '../fixtures/bulk-cloud.ts';
import { type LogsCloud, openLogsCloud } from '../fixtures/logs-cloud.ts';
import { openMonitoringCloud } from '../fixtures/monitoring-cloud.ts';
import { openSizedEndpoint, type SizedEndpoint } from '../fixtures/table-size.ts';
import { contents, openTwoRegions, putAll, type TwoRegions } from '../fixtures/two-regions.ts';

const STATE = 'ferry-orders-state';
const LEDGER = { replication: 'orders', stateTable: STATE };
const ITEMS = 60;
const DAY_MS = 24 * 60 * 60 * 1000;
const item = (index: number) => ({ pk: { S: `item-${index}` }, text: { S: 'x'.repeat(40_000) } });

let regions: TwoRegions;
let cloud: BulkCloud;
let replication: object;
/** What is thrown for segments, before the function begins. */
let failure: Error | undefined;
/** What happens between the comparison and the end of the run. */
let beforeEnd: (() => Promise<unknown>) | undefined;
let aheadMs = 0;
let sized: SizedEndpoint;
let history: LogsCloud;
/** Of the source, as DynamoDB tells it. */
const sizeBytes = 40_000 * ITEMS;
/** Lines of metrics since the last look. */
let published: Array<Readonly<Record<string, unknown>>> = [];

beforeAll(async () => {
  regions = await openTwoRegions();
  const items = Array.from({ length: ITEMS }, (_, index) => item(index));
  await putAll(regions.source, 'Orders', items);
  await regions.adopt();
  await regions.ferry('backfill', '--apply');
  const file = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: [{ source: { endpoint: string } }];
  };
  const [{ source, ...rest }] = file.replications;
  sized = await openSizedEndpoint(source.endpoint, () => sizeBytes);
  replication = { ...rest, source: { ...source, endpoint: sized.endpoint }, reconcile: {} };
  writeFileSync(regions.config, JSON.stringify({ replications: [replication] }));
  const { lookAgainQueueUrl = '' } = regions.lambda.settings;
  const failing: typeof handler = async (event, invocation) => {
    if ((event as { readonly reconcile?: string }).reconcile === 'end') await beforeEnd?.();
    if (failure !== undefined && 'segment' in (event as object)) throw failure;
    return handler(event, invocation);
  };
  history = await openLogsCloud('/ferry/orders/history');
  Object.assign(process.env, history.environment);
  cloud = await openBulkCloud(failing, { replication, pagesPerCall: 2, lookAgainQueueUrl });
});
afterAll(async () => {
  await cloud.close();
  await sized.close();
  for (const name of Object.keys(history.environment)) delete process.env[name];
  await history.close();
  await regions.close();
});
beforeEach(() => {
  failure = beforeEnd = undefined;
  published = [];
  const now = Date.now.bind(Date);
  // Of the stand-ins, too.
  vi.spyOn(Date, 'now').mockImplementation(() => now() + aheadMs);
  vi.spyOn(systemClock, 'sleep').mockImplementation(async (ms) => void (aheadMs += ms));
  vi.spyOn(process.stdout, 'write').mockImplementation((line) => {
    const text = String(line);
    if (text.includes('"_aws"')) published.push(JSON.parse(text) as Record<string, unknown>);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** As a deployment would set it. */
function configure(reconcile: object): void {
  const variable = JSON.parse(process.env[FUNCTION_VARIABLE] ?? '') as { replication: object };
  const [parsed] = parseConfig({ replications: [{ ...replication, reconcile }] }).replications;
  const changed = { ...variable.replication, reconcile: parsed?.reconcile };
  process.env[FUNCTION_VARIABLE] = JSON.stringify({ ...variable, replication: changed });
}

async function row(): Promise<Reconciliation> {
  const request = itemRequest(STATE, reconciliationKey(LEDGER));
  const { items } = await regions.destination.twinReader.read(request);
  const found = parseReconciliation(items[0]);
  if (found === undefined || found === 'unreadable') throw new Error('there is no row');
  return found;
}

function metric(name: string): unknown {
  return published.findLast((line) => name in line)?.[name];
}

/** Whether a figure that has just been published fires the alarm. */
function fires(anchor: string): boolean {
  const [parsed] = parseConfig({ replications: [replication] }).replications;
  const rule = parsed && alarmRules(parsed).find((one) => one.anchor === anchor);
  if (rule === undefined) throw new Error(`there is no alarm ${anchor}`);
  return Number(metric(rule.metric.name)) >= rule.threshold;
}

async function statusNow(): Promise<unknown> {
  const mapping = { state: 'Enabled', streamArn: regions.streamArn };
  const monitoring = await openMonitoringCloud({
    figures: {},
    mapping,
    deadLetters: 0,
    isDeployed: true,
  });
  const { out, err } = await regions.ferry('status', '--json');
  await monitoring.close();
  if (out === '') throw new Error(err);
  return JSON.parse(out) as unknown;
}

async function plantThree(): Promise<void> {
  const { client } = regions.destination;
  const key = (index: number) => ({ pk: { S: `item-${index}` } });
  await client.send(new DeleteItemCommand({ TableName: 'Orders', Key: key(7) }));
  await client.send(
    new PutItemCommand({ TableName: 'Orders', Item: { ...item(8), text: { S: 'other' } } }),
  );
  await client.send(new PutItemCommand({ TableName: 'Orders', Item: { pk: { S: 'stranger' } } }));
}

async function isTwinEqual(): Promise<boolean> {
  const [source, twin] = await Promise.all([
    contents(regions.source, 'Orders'),
    contents(regions.destination, 'Orders'),
  ]);
  const keys = (items: ReadonlyMap<string, unknown>) => [...items.keys()].toSorted().join();
  const isSame = [...source].every(([key, { text }]) => twin.get(key)?.['text']?.S === text?.S);
  return isSame && keys(source) === keys(twin);
}

describe('a comparison on a schedule', () => {
  it('compares equal tables at its first start: one segment, one worker', async () => {
    const { status, entered } = await cloud.reconcile('equal');

    expect(status).toBe('SUCCEEDED');
    expect(entered.slice(0, 4)).toEqual(['StartRun', 'IsRunDue', 'Segments', 'WorkOnSegment']);
    expect(new Set(cloud.calls.map(({ segment }) => segment))).toEqual(new Set([0]));
    // It had time for two pages in each call.
    expect(cloud.calls.length).toBeGreaterThan(1);
    expect(await row()).toMatchObject({
      good: { run: 'equal', items: ITEMS, differences: 0, left: 0, ranges: 1, rangesTotal: 1 },
    });
    expect(metric('Differences')).toBe(0);
    expect(metric('ItemsCompared')).toBe(ITEMS);
    expect(metric('ReconciliationAge')).toBe(0);
    expect(fires('differences')).toBe(false);
  });

  it('starts every day, compares when a run is due, and publishes its age on each of them', async () => {
    for (const day of [1, 2, 3, 4, 5, 6]) {
      aheadMs += DAY_MS;
      const { entered } = await cloud.reconcile(`day-${day}`);
      expect(entered).toEqual(['StartRun', 'IsRunDue', 'NotDue']);
      expect(Number(metric('ReconciliationAge'))).toBeGreaterThanOrEqual(day * DAY_MS);
      expect(metric('Differences')).toBe(0);
    }
    await plantThree();
    aheadMs += DAY_MS - 60_000;

    const { status } = await cloud.reconcile('planted');

    expect(status).toBe('SUCCEEDED');
    expect(await row()).toMatchObject({
      good: { run: 'planted', differences: 3, repaired: 0, left: 3 },
    });
    expect(metric('Differences')).toBe(3);
    expect(fires('differences')).toBe(true);
    expect(await statusNow()).toMatchObject({
      verdict: expect.stringContaining('left 3 differences') as string,
      reconciliation: { last: { run: 'planted', items: ITEMS, differences: 3, left: 3 } },
    });
    const lines: string[] = [];
    for await (const { text } of reportLines('planted', cloud.bucket)) lines.push(text);
    expect(lines.filter((text) => text.includes('"key"')).toSorted()).toEqual([
      '{"kind":"different","key":{"pk":{"S":"item-8"}},"attributes":["text"]}',
      '{"kind":"extraneous","key":{"pk":{"S":"stranger"}}}',
      '{"kind":"missing","key":{"pk":{"S":"item-7"}}}',
    ]);
  });

  it('says every day that there are differences, until a run finds none', async () => {
    aheadMs += DAY_MS;
    await cloud.reconcile('after');

    expect(metric('Differences')).toBe(3);
    expect(fires('differences')).toBe(true);
  });

  it('repairs nothing where it finds more than it may repair', async () => {
    configure({ repair: true, repairItemsMax: 2 });

    await cloud.reconcile('too-many', { now: true });

    expect(await row()).toMatchObject({ good: { differences: 3, repaired: 0, left: 3 } });
    expect(fires('differences')).toBe(true);
    expect(await isTwinEqual()).toBe(false);
  });

  it('repairs what it has found, within the limit', async () => {
    configure({ repair: true, repairItemsMax: 3 });

    await cloud.reconcile('repaired', { now: true });

    expect(await row()).toMatchObject({ good: { differences: 3, repaired: 3, left: 0 } });
    expect(metric('RepairedItems')).toBe(3);
    expect(metric('Differences')).toBe(0);
    expect(fires('differences')).toBe(false);
    expect(await isTwinEqual()).toBe(true);
    expect(await statusNow()).toMatchObject({
      reconciliation: { last: { run: 'repaired', repaired: 3, left: 0 }, failed: null },
    });
    expect(history.lines('/ferry/orders/history')).toMatchObject([
      {
        command: 'reconcile',
        replication: 'orders',
        options: { run: 'repaired' },
        counts: { items: ITEMS, differences: 3, repaired: 3, left: 0 },
        outcome: 'done',
      },
    ]);
  });

  it('does not take a change that was late for a difference', async () => {
    configure({});
    const { client } = regions.destination;
    const late = (await contents(regions.destination, 'Orders')).get('item-9');
    await client.send(new DeleteItemCommand({ TableName: 'Orders', Key: { pk: { S: 'item-9' } } }));
    beforeEnd = () => client.send(new PutItemCommand({ TableName: 'Orders', Item: late }));

    await cloud.reconcile('late', { now: true });

    expect(late).toBeDefined();
    expect(await row()).toMatchObject({ good: { run: 'late', differences: 0, left: 0 } });
    expect(metric('Differences')).toBe(0);
    const lines: string[] = [];
    for await (const { text } of reportLines('late', cloud.bucket)) lines.push(text);
    expect(lines).toContain('{"kind":"missing","key":{"pk":{"S":"item-9"}}}');
  });

  it('compares sampled ranges, several by each call', async () => {
    configure({ sample: '20%' });
    const before = cloud.calls.length;

    await cloud.reconcile('sample', { now: true });

    const { good } = await row();
    expect(good?.rangesTotal).toBeGreaterThan(300);
    expect(good?.ranges).toBe(Math.ceil(Number(good?.rangesTotal) / 5));
    expect(good?.items).toBeLessThan(ITEMS);
    const calls = cloud.calls.slice(before);
    expect(calls.length).toBeLessThan(Number(good?.ranges));
    expect(calls.some(({ done }) => !done)).toBe(true);
  });

  it('does not start while an earlier run is in progress', async () => {
    configure({});
    const before = await row();
    const { failed, running } = await stillRunning('long');
    const { entered } = await cloud.reconcile('next', { now: true });

    expect(entered).toEqual(['StartRun', 'IsRunDue', 'NotDue']);
    expect({ failed, running }).toMatchObject({ failed: undefined, running: { run: 'long' } });
    expect(await row()).toMatchObject({ running: { run: 'long' }, good: before.good });
    expect(Number(metric('ReconciliationAge'))).toBeGreaterThan(0);
  });

  it('starts anew when that run has been stopped, and says so', async () => {
    cloud.stop('long');
    failure = new Error('out of memory');

    const { status, cause } = await cloud.reconcile('failing', { now: true });

    expect(status).toBe('FAILED');
    expect(cause).toContain('out of memory');
    const { failed, running, good } = await row();
    expect(failed).toMatchObject({ run: 'failing' });
    expect(failed?.reason).toContain('0 of 1 ranges were compared');
    expect(running).toBeUndefined();
    expect(good?.run).toBe('sample');
  });

  it('lets its age grow until a run ends well, and fires', async () => {
    failure = new Error('out of memory');
    aheadMs += 14 * DAY_MS;

    expect((await cloud.reconcile('failing-again')).status).toBe('FAILED');
    expect(fires('reconciliation-overdue')).toBe(true);

    failure = undefined;
    await cloud.reconcile('well');

    expect(fires('reconciliation-overdue')).toBe(false);
    const { failed, good } = await row();
    expect(failed).toBeUndefined();
    expect(good?.run).toBe('well');
  });

  it('names the refusal that ended it, of a start and of a segment', async () => {
    const good = process.env[FUNCTION_VARIABLE] ?? '';
    process.env[FUNCTION_VARIABLE] = withTwin(good, 'Nowhere');

    expect((await cloud.reconcile('no-twin', { now: true })).status).toBe('FAILED');

    expect((await row()).failed?.reason).toMatch(/Nowhere/);
    process.env[FUNCTION_VARIABLE] = good;
  });
});

function withTwin(variable: string, table: string): string {
  const parsed = JSON.parse(variable) as { replication: { destination: object } };
  const { replication: found } = parsed;
  const destination = { ...found.destination, table };
  return JSON.stringify({ ...parsed, replication: { ...found, destination } });
}

/** A run that was started by another execution, which goes on. */
async function stillRunning(name: string): Promise<Reconciliation> {
  cloud.keepRunning(name);
  const before = await row();
  const next = {
    ...before,
    revision: before.revision + 1,
    running: {
      run: name,
      startedAtMs: systemClock.now(),
      execution: `arn:aws:states:us-east-1:111122223333:execution:ferry-orders-reconcile:${name}`,
    },
  };
  await regions.destination.twinWriter.write(putReconciliation(LEDGER, next));
  return row();
}
