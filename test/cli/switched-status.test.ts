// `ferry status` of a replication that can be switched: which Region is active, what a switch is doing, what is lost, and
// how both directions are.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Figure,
  type MonitoringCloud,
  openMonitoringCloud,
} from '../fixtures/monitoring-cloud.ts';
import {
  A,
  B,
  openSwitchedRegions,
  type SwitchedRegions,
  switchRecord,
} from '../fixtures/switched-regions.ts';
import { runHere } from '../fixtures/two-regions.ts';

const NOW_MS = Date.parse('2026-01-31T15:00:00Z');
const clock = { now: () => NOW_MS, sleep: async () => undefined };

let regions: SwitchedRegions;
let cloud: MonitoringCloud;
beforeAll(async () => {
  regions = await openSwitchedRegions(clock);
  cloud = await openMonitoringCloud(well());
});
afterAll(async () => {
  await cloud.close();
  await regions.close();
});
beforeEach(() => Object.assign(cloud.state, well()));

const always =
  (value: number): Figure =>
  () =>
    value;
const never: Figure = () => undefined;

/** Written in A: its function applies, and that of B acknowledges what Ferry wrote. */
function well() {
  return {
    figures: {
      'AppliedRecords of orders': always(100),
      'ReplicationLatency p99': always(850),
      'OwnRecords of orders-back': always(100),
      OldestUnappliedAge: always(0),
      IteratorAge: always(300),
    } as Record<string, Figure>,
    mapping: { state: 'Enabled', streamArn: regions.a.streamArn },
    otherMapping: { state: 'Enabled', streamArn: regions.b.streamArn },
    deadLetters: 0,
    isDeployed: true,
    settings: { onFailureBucket: regions.failures.bucketName },
  };
}

async function status(...args: string[]) {
  const { exitCode, out } = await regions.ferry('status', ...args);
  return { exitCode, out };
}

async function facts() {
  const { exitCode, out } = await status('--json');
  return { exitCode, ...(JSON.parse(out) as Record<string, unknown>) };
}

const lost = () => [
  regions.epoch(1, regions.a, { toMs: NOW_MS - 3_600_000, end: 'lost' as const }),
  regions.epoch(2, regions.b, { fromMs: NOW_MS - 3_600_000 }),
];

describe('ferry status', () => {
  it('says which Region is active since when, and how both directions are', async () => {
    await regions.write({ epochs: [regions.epoch(1, regions.a, { fromMs: NOW_MS - 60_000 })] });

    const { exitCode, out } = await status();

    expect(exitCode).toBe(0);
    expect(out.split('\n').slice(0, 4)).toEqual([
      'orders: us-east-1/Orders to eu-west-1/Orders',
      'healthy: p99 latency is 850 ms',
      'us-east-1 is active since 2026-01-31T14:59:00Z (epoch 1).',
      "Direction out: healthy: p99 latency is 850 ms. Direction back: healthy: the records of the last hour were Ferry's own.",
    ]);
    expect(out).toMatch(/stray writes, last hour +0/);
    expect(await facts()).toMatchObject({
      replication: 'orders',
      direction: 'out',
      level: 'healthy',
      switching: {
        active: A,
        since: '2026-01-31T14:59:00Z',
        epoch: 1,
        switch: null,
        lost: null,
        strayWrites: 0,
        strandedObjects: null,
        tables: [],
        other: { direction: 'back', level: 'healthy', deadLetters: 0 },
      },
    });
  });

  it('is about the way back once the other Region is active', async () => {
    const epochs = [
      regions.epoch(1, regions.a, { toMs: 9, end: 'drained' as const }),
      regions.epoch(2, regions.b, { fromMs: 9 }),
    ];
    await regions.write({ epochs });
    cloud.state.figures = { ...cloud.state.figures, 'AppliedRecords of orders': never };

    const { out } = await status();

    expect(out).toContain('orders: eu-west-1/Orders to us-east-1/Orders');
    expect(out).toContain('eu-west-1 is active since 1970-01-01T00:00:00Z (epoch 2).');
    expect(await facts()).toMatchObject({ direction: 'back', switching: { active: B, epoch: 2 } });
  });

  it('leads with a switch', async () => {
    const record = switchRecord({ step: 'audited', keys: 7_909, fencedAtMs: NOW_MS - 41_000 });
    await regions.write({ record });

    const { exitCode, out } = await status();

    expect(exitCode).toBe(3);
    expect(out.split('\n')[1]).toMatch(
      /^SWITCHING: audited, 7,909 keys, fenced for 41 s; alice, to eu-west-1\. See .*runbook\.md#planned-evacuation$/,
    );
    expect(await facts()).toMatchObject({
      level: 'switching',
      switching: {
        switch: {
          target: B,
          step: 'audited',
          by: 'alice',
          startedAt: '2026-01-31T14:02:00Z',
          fencedAt: '2026-01-31T14:59:19Z',
          keys: 7_909,
        },
      },
    });
  });

  it('leads with a Region that was lost, and with what the way back holds', async () => {
    await regions.write({ epochs: [regions.epoch(1, regions.a)] }, [regions.a]);
    await regions.write({ epochs: lost() }, [regions.b]);
    cloud.state.figures = { ...cloud.state.figures, OldestUnappliedAge: always(31 * 60_000) };
    await regions.failures.bucket.put('stranded/0001/records/one.jsonl', '{}');

    const { exitCode, out } = await status();

    expect(exitCode).toBe(3);
    expect(out.split('\n')[1]).toMatch(
      /^LOST us-east-1 since 2026-01-31T14:00:00Z; the way back holds 31 min, limit 20 h\. See .*runbook\.md#region-lost$/,
    );
    expect(out).toMatch(/stranded writes +1 object/);
    expect(await facts()).toMatchObject({
      level: 'lost',
      direction: 'back',
      switching: {
        active: B,
        lost: { region: A, since: '2026-01-31T14:00:00Z' },
        strandedObjects: 1,
      },
    });
  });

  it('shows nothing as lost once the Region has rejoined', async () => {
    await regions.write({ epochs: lost() });

    expect(await facts()).toMatchObject({ switching: { active: B, lost: null } });
  });

  it('says where the copies are apart', async () => {
    await regions.write({ epochs: [regions.epoch(1, regions.a)] }, [regions.a]);
    const epochs = [
      regions.epoch(1, regions.a, { toMs: 9, end: 'drained' as const }),
      regions.epoch(2, regions.b, { fromMs: 9 }),
    ];
    await regions.write({ epochs }, [regions.b]);

    expect(await facts()).toMatchObject({
      exitCode: 3,
      level: 'held',
      verdict: expect.stringContaining(
        'the control row in us-east-1 says that us-east-1 is active (epoch 1)',
      ) as string,
      runbook: expect.stringMatching(/#control-row-unreadable$/) as string,
    });
  });

  it('shows stray writes, which the function beside the twin counts', async () => {
    await regions.write();
    const figures = { ...cloud.state.figures, 'StrayWrites of orders-back': always(2) };
    cloud.state.figures = figures;

    const { out } = await status();

    expect(out).toMatch(/stray writes, last hour +120/);
    expect(await facts()).toMatchObject({ switching: { strayWrites: 120 } });
  });

  it('says what is wrong with the tables, which change beside Ferry', async () => {
    await regions.write();
    const { config, replication, a, b } = regions;
    const { switching, ...rest } = (
      JSON.parse(readFileSync(config, 'utf8')) as { replications: [{ switching: object }] }
    ).replications[0];
    const older = `${b.streamArn}-before`;
    const file = join(regions.directory, 'older.json');
    const changed = { ...rest, switching: { ...switching, streamArn: older } };
    writeFileSync(file, JSON.stringify({ replications: [changed] }));
    const expiry = { TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true } };
    for (const { engine } of [a, b])
      await engine.client.send(
        new UpdateTimeToLiveCommand({ TableName: replication.source.table, ...expiry }),
      );

    const { out } = await runHere(['status', '--config', file], undefined, clock);
    const json = await runHere(['status', '--config', file, '--json'], undefined, clock);

    const stream = `The configuration names the stream ${older}, but eu-west-1/Orders has the stream ${b.streamArn}.`;
    const ttl = 'Items expire by "expires" on both sides.';
    expect(out).toContain(`${stream} The stream was disabled and enabled again.`);
    expect(out).toContain(`${ttl} Enable time to live on the active table only`);
    expect(JSON.parse(json.out)).toMatchObject({
      switching: {
        tables: [expect.stringContaining(stream), expect.stringContaining(ttl)] as string[],
      },
    });
  });

  it('is as unwell as its other direction', async () => {
    await regions.write();
    cloud.state.otherMapping = { state: 'Disabled', streamArn: regions.b.streamArn };

    expect(await facts()).toMatchObject({
      exitCode: 3,
      level: 'stuck',
      verdict: expect.stringContaining(
        'the direction back: the event source mapping is disabled',
      ) as string,
      switching: { own: { level: 'healthy' }, other: { level: 'stuck' } },
    });
  });
});
