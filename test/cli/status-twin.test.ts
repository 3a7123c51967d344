// `ferry status` of the twin itself: the last comparison on a schedule, and what protects the twin from loss.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PutItemCommand, type PutItemCommandInput } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type GoodRun,
  putReconciliation,
  type Reconciliation,
} from '../../src/model/reconciliation-row.ts';
import { openProtectedEndpoint, type Protected } from '../fixtures/changed-endpoint.ts';
import type { Listening } from '../fixtures/listening.ts';
import { type MonitoringCloud, openMonitoringCloud } from '../fixtures/monitoring-cloud.ts';
import { openTwoRegions, runHere, type TwoRegions } from '../fixtures/two-regions.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const NOW_MS = Date.now();

let regions: TwoRegions;
let cloud: MonitoringCloud;
let twin: Listening;
const shield: Protected = {};
let config: string;
beforeAll(async () => {
  regions = await openTwoRegions();
  await regions.adopt();
  twin = await openProtectedEndpoint(regions.destination.endpoint, shield);
  const mapping = { state: 'Enabled', streamArn: regions.streamArn };
  cloud = await openMonitoringCloud({ figures: {}, mapping, deadLetters: 0, isDeployed: true });
  const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: [{ destination: object }];
  };
  const [replication] = replications;
  const compared = {
    ...replication,
    destination: { ...replication.destination, endpoint: twin.endpoint },
    reconcile: { every: '7 days', sample: '1%' },
  };
  config = join(regions.directory, 'compared.json');
  writeFileSync(config, JSON.stringify({ replications: [compared] }));
});
beforeEach(async () => {
  Object.assign(shield, { pointInTimeRecovery: true, deletionProtection: true });
  await ranSo({ sinceMs: NOW_MS - DAY_MS, good: RUN });
});
afterAll(async () => {
  await cloud.close();
  await twin.close();
  await regions.close();
});

const RUN: GoodRun = {
  run: 'a1b2',
  startedAtMs: NOW_MS - DAY_MS - 60_000,
  endedAtMs: NOW_MS - DAY_MS,
  items: 12_400,
  destinationItems: 12_400,
  leftOut: 0,
  ranges: 12_400,
  rangesTotal: 1_000_000,
  largestRange: 1,
  differences: 0,
  inFlight: 0,
  unreadable: 0,
  repaired: 0,
  left: 0,
};

async function ranSo(row: Omit<Reconciliation, 'revision'>) {
  const ledger = { replication: 'orders', stateTable: 'ferry-orders-state' };
  const { input } = putReconciliation(ledger, { ...row, revision: 1 });
  const { TableName, Item } = input as PutItemCommandInput;
  await regions.destination.client.send(new PutItemCommand({ TableName, Item }));
}

const status = (...args: string[]) => runHere(['status', '--config', config, ...args]);

async function facts() {
  const { exitCode, out } = await status('--json');
  const { level, verdict, runbook, reconciliation, protection } = JSON.parse(out) as Record<
    string,
    unknown
  >;
  return { exitCode, level, verdict, runbook, reconciliation, protection };
}

describe('the last reconciliation', () => {
  it('is a row with the sentence of its sample, and facts for scripts', async () => {
    const { exitCode, out } = await status();
    const { reconciliation } = await facts();

    expect(exitCode).toBe(0);
    expect(out).toMatch(
      /last reconciliation +24 h ago +0 of 12,400 sampled items differ: with 95 % confidence fewer than 0\.025 % do\n/,
    );
    expect(reconciliation).toMatchObject({
      since: new Date(NOW_MS - DAY_MS).toISOString().replace(/\.\d+/, ''),
      overdue: false,
      last: { run: 'a1b2', items: 12_400, left: 0, sample: { confidence: 0.95 } },
      failed: null,
      running: null,
    });
  });

  it('makes the twin different where it left differences', async () => {
    await ranSo({
      sinceMs: NOW_MS - DAY_MS,
      good: { ...RUN, ranges: 1_000_000, differences: 5, repaired: 2, left: 3, inFlight: 1 },
    });

    const { out } = await status();
    const found = await facts();

    expect(out).toMatch(
      /\ndifferent: the reconciliation of [\d:TZ-]+ left 3 differences\. See .*#tables-that-differ/,
    );
    expect(out).toMatch(
      /last reconciliation +24 h ago +5 of 12,400 items differ; 2 repaired, 3 left; 1 undecided\n/,
    );
    expect(found).toMatchObject({ exitCode: 3, level: 'different' });
    expect(found.reconciliation).toMatchObject({ last: { left: 3, sample: null } });
  });

  it('is shown of a fleet, too', async () => {
    await ranSo({ sinceMs: NOW_MS - DAY_MS, good: { ...RUN, differences: 1, left: 1 } });
    const { replications } = JSON.parse(readFileSync(config, 'utf8')) as {
      replications: [{ destination: object }];
    };
    const [compared] = replications;
    const fleet = join(regions.directory, 'fleet.json');
    const destination = { ...compared.destination, table: 'Other' };
    const other = { ...compared, name: 'other', destination, reconcile: undefined };
    const several = { replications: [compared, other] };
    writeFileSync(fleet, JSON.stringify(several));

    const { out } = await runHere(['status', '--config', fleet]);

    expect(out).toMatch(
      /\ndifferent +orders .* the reconciliation of [\d:TZ-]+ left 1 difference\n/,
    );
    expect(out).toContain('1 different');
  });

  it('leaves it unknown whether the tables are equal, where none has ended well for two periods', async () => {
    const failed = {
      run: 'c3',
      startedAtMs: NOW_MS - DAY_MS,
      endedAtMs: NOW_MS - DAY_MS,
      reason: 'the role may not read the twin',
    };
    await ranSo({ sinceMs: NOW_MS - 14 * DAY_MS, failed });

    const found = await facts();
    const { out } = await status();

    expect(found).toMatchObject({ exitCode: 3, level: 'unknown' });
    expect(found.verdict).toBe(
      'no reconciliation has ended well for 14 days. The last one failed: the role may not read the twin',
    );
    expect(found.reconciliation).toMatchObject({ overdue: true, last: null });
    expect(out).toMatch(/failed reconciliation +24 h ago +the role may not read the twin\n/);
  });

  it('is none before the first one, which is not overdue yet', async () => {
    await ranSo({
      sinceMs: NOW_MS - DAY_MS,
      running: { run: 'd4', startedAtMs: NOW_MS, execution: 'arn:of:it' },
    });

    const { exitCode, out } = await status();

    expect(exitCode).toBe(0);
    expect(out).toMatch(/last reconciliation +- +one is due every 7 days\n/);
    expect(out).toMatch(/reconciliation +in progress +since /);
  });
});

describe('the protection of the twin', () => {
  it.each([
    [true, true, 'on', 'on'],
    [false, true, 'off .*', 'on'],
    [true, false, 'on', 'off .*'],
  ])('is two rows: %s, %s', async (pointInTimeRecovery, deletionProtection, recovery, deletion) => {
    const found = { pointInTimeRecovery, deletionProtection };
    Object.assign(shield, found);

    const { exitCode, out } = await status();

    expect(exitCode).toBe(0);
    expect(out).toMatch(new RegExp(`point-in-time recovery +${recovery}\\n`));
    expect(out).toMatch(new RegExp(`deletion protection +${deletion}\\n`));
    expect((await facts()).protection).toEqual(found);
  });

  it('is not known without the permission, and the status is as it was', async () => {
    shield.pointInTimeRecovery = undefined;
    shield.deletionProtection = undefined;

    const { exitCode, out } = await status();

    expect(exitCode).toBe(0);
    expect(out).toMatch(
      /point-in-time recovery +not known +.*dynamodb:DescribeContinuousBackups.*\n +deletion protection +not known +.*dynamodb:DescribeTable/,
    );
    expect((await facts()).protection).toEqual({
      pointInTimeRecovery: null,
      deletionProtection: null,
    });
  });

  it('is nothing where the endpoint has no backups', async () => {
    const { exitCode, out } = await runHere(['status', '--config', regions.config, '--json']);

    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ protection: null, reconciliation: null });
  });
});
