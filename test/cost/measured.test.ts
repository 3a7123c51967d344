// The estimate against what is measured: write units of changes on the embedded engine, processor time of the bench,
// and bytes of a log.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openScene, type Scene } from '../../bench/cost-scene.ts';
import { emfMetrics, writeMetrics } from '../../src/aws/emf-metrics.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { replicationLines } from '../../src/cost/estimate.ts';
import { LOG_BYTES, LOOK_AGAIN_LOG_BYTES, RECORD_CPU_MS } from '../../src/cost/setting.ts';
import { SECONDS_A_MONTH } from '../../src/cost/workload.ts';
import { summarizeBatch } from '../../src/model/batch-response.ts';
import { itemSizeBytes } from '../../src/model/capacity.ts';
import { NO_FAILURES } from '../../src/model/write-failure.ts';
import { EXISTING } from '../lib/stack-templates.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
}, 60_000);
afterAll(() => scene.close());

interface Changes {
  readonly bytes: number;
  readonly inserts: number;
  readonly updates: number;
  readonly deletes: number;
}

/** Applied one by one, as the function applies them. */
async function measured(changes: Changes, tombstones: 'checked' | 'strict', from: number) {
  const { bytes, inserts, updates, deletes } = changes;
  const items = Array.from({ length: inserts }, (_, index) => scene.recordsOf(from + index, bytes));
  const sized = items[0]?.('INSERT').dynamodb.NewImage ?? {};
  scene.count.reset();
  for (const record of items) await scene.bring(record('INSERT'), { tombstones });
  for (const record of items.slice(0, updates)) await scene.bring(record('MODIFY'), { tombstones });
  for (const record of items.slice(0, deletes)) await scene.bring(record('REMOVE'), { tombstones });
  return { units: scene.count.cost.write, itemBytes: itemSizeBytes(sized) };
}

/** Of as many changes in a month. */
function estimated(changes: Changes, itemBytes: number, tombstones: 'checked' | 'strict'): number {
  const { inserts, updates, deletes } = changes;
  const all = inserts + updates + deletes;
  const [replication] = parseConfig({ replications: [{ ...EXISTING, tombstones }] }).replications;
  const lines = replicationLines({
    replication: replication as ReplicationConfig,
    workload: {
      writesPerSecond: all / SECONDS_A_MONTH,
      itemBytes,
      deleteShare: deletes / all,
      updateShare: updates / all,
      items: 0,
    },
    roundTripMs: 70,
    byProcess: false,
  });
  return lines
    .filter(({ price }) => price === 'millionWriteUnits')
    .reduce((sum, { amount }) => sum + amount, 0);
}

describe('write units of a run on the embedded engine, within 5 %', () => {
  it.each([
    ['small items, many deletes', { bytes: 300, inserts: 40, updates: 30, deletes: 30 }, 'checked'],
    ['items of three units', { bytes: 2_700, inserts: 50, updates: 40, deletes: 10 }, 'checked'],
    [
      'items whose version takes a unit',
      { bytes: 1_060, inserts: 30, updates: 30, deletes: 15 },
      'strict',
    ],
  ] as const)('%s, %o, %s', { timeout: 60_000 }, async (_, changes, tombstones) => {
    const { units, itemBytes } = await measured(changes, tombstones, changes.bytes * 1_000);

    const ratio = estimated(changes, itemBytes, tombstones) / units;

    expect(units).toBeGreaterThan(100);
    expect(ratio).toBeGreaterThan(0.95);
    expect(ratio).toBeLessThan(1.05);
  });
});

it('the processor time of a record is that of the bench, within 5 %', () => {
  const { results } = JSON.parse(readFileSync('bench/results.json', 'utf8')) as {
    results: ReadonlyArray<{
      scenario: string;
      approach: string;
      rounds: ReadonlyArray<{ records: number; cpuUs: number }>;
    }>;
  };
  const found = results.find(
    ({ scenario, approach }) => scenario === 'round trip 70 ms' && approach === 'ferry',
  );
  const [round] = found?.rounds ?? [];

  const measuredMs = (round?.cpuUs ?? 0) / (round?.records ?? 1) / 1000;

  expect(RECORD_CPU_MS / measuredMs).toBeGreaterThan(0.95);
  expect(RECORD_CPU_MS / measuredMs).toBeLessThan(1.05);
});

it('what an invocation logs is its metrics, and two lines of Lambda', () => {
  let bytes = 0;
  const clock = { now: () => 1_769_860_800_000, sleep: async () => undefined };
  const settings = {
    replication: 'orders',
    sourceRegion: 'us-east-1',
    destinationRegion: 'eu-west-1',
  };
  const options = { settings, clock, writeLine: (line: string) => (bytes += line.length) };
  const metrics = emfMetrics(options);
  const summary = summarizeBatch([], { failures: NO_FAILURES, nowMs: 0 });

  metrics.publish({ ...summary, latenciesMs: Array.from({ length: 6 }, () => 512) });

  // platform.start and platform.report of a JSON log, with 26 bytes for each of three events.
  const ofLambda = 190 + 500 + 3 * 26;
  expect((bytes + ofLambda) / LOG_BYTES).toBeGreaterThan(0.9);
  expect((bytes + ofLambda) / LOG_BYTES).toBeLessThan(1.1);
  bytes = 0;
  writeMetrics({ Revenants: 0 }, options);
  expect((bytes + ofLambda) / LOOK_AGAIN_LOG_BYTES).toBeGreaterThan(0.9);
  expect((bytes + ofLambda) / LOOK_AGAIN_LOG_BYTES).toBeLessThan(1.1);
});
