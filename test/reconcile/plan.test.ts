// What a run compares: the whole table or ranges drawn by chance, in an input that Step Functions takes, at no more than
// the rate that is configured.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sampledRanges } from '../../src/bulk/sampled-ranges.ts';
import { parseBulkTask } from '../../src/bulk/task.ts';
import { parseConfig } from '../../src/config/config.ts';
import { periodMs } from '../../src/config/reconcile-period.ts';
import type { ReconcileConfig } from '../../src/config/schema.ts';
import type { GoodRun, Reconciliation } from '../../src/model/reconciliation-row.ts';
import { isDue, mapInput, rangesOf } from '../../src/reconcile/plan.ts';
import { runInput } from '../../src/reconcile/task.ts';
import { EXISTING } from '../lib/stack-templates.ts';

const GIB = 2 ** 30;
const HOUR_MS = 3_600_000;

function settings(more: object = {}): ReconcileConfig {
  const [replication] = parseConfig({
    replications: [{ ...EXISTING, reconcile: more }],
  }).replications;
  if (replication?.reconcile === undefined) throw new Error('there is no "reconcile"');
  return replication.reconcile;
}

const plan = (sizeBytes: number, more: object = {}, chance = 0.5) =>
  mapInput({ run: 'r1', settings: settings(more), sizeBytes }, { next: () => chance });

it.each(['0%', '0.000%'])(
  'a sample of %s is refused: it would never find a difference',
  (sample) => {
    expect(() => settings({ sample })).toThrow(/sample/);
  },
);

describe('the plan of a run', () => {
  it('has one segment and one worker for a small table, at the whole rate', () => {
    expect(plan(GIB, { maxReadUnits: 100_000 })).toMatchObject({
      segments: [0],
      workers: 1,
      task: { totalSegments: 1, readUnits: 100_000 },
    });
  });

  it.each([
    [500, 2],
    [250, 1],
    [50, 1],
    [100_000, 40],
  ])('divides %i read units among %i workers', (maxReadUnits, expected) => {
    const { workers, task } = plan(100 * GIB, { maxReadUnits });

    expect(workers).toBe(expected);
    expect(Number(task.readUnits) * workers).toBeCloseTo(maxReadUnits);
    // A page has to fit into one invocation.
    expect(task.readUnits).toBeGreaterThanOrEqual(50);
  });

  it('compares everything where a sample would cost as much, or the table is small', () => {
    expect(plan(100, { sample: '1%' }).task.sample).toBeUndefined();
    expect(plan(GIB, { sample: '99.9%' }).task.sample).toBeUndefined();
  });

  it('draws other ranges in each run', () => {
    const [one, other] = [
      plan(10 * GIB, { sample: '1%' }, 0.1),
      plan(10 * GIB, { sample: '1%' }, 0.2),
    ];

    expect(one.task.sample?.count).toBe(other.task.sample?.count);
    expect(one.task.sample?.seed).not.toBe(other.task.sample?.seed);
  });

  it.each(['100%', '50%', '1%', '0.001%'])(
    'fits into the 256 KB of Step Functions with %s of 100 TB, and is read by the function',
    (sample) => {
      const planned = plan(100_000 * GIB, { sample, maxReadUnits: 100_000 });
      const run = { reconcile: 'end', due: true, run: 'r1', startedAtMs: 1, done: false } as const;

      const json = JSON.stringify(runInput({ ...run, ...planned }));

      expect(json.length).toBeLessThan(100_000);
      const { task, segments } = JSON.parse(json) as { task: object; segments: number[] };
      expect(parseBulkTask({ segment: segments.at(-1), task })).toMatchObject({
        task: planned.task,
      });
    },
  );
});

it('has several ranges for each segment of the run', () => {
  const { task, segments } = plan(1_000 * GIB, { sample: '1%', maxReadUnits: 100_000 });

  expect(segments.length).toBeLessThanOrEqual(160);
  expect(rangesOf(task)).toBeGreaterThan(50 * segments.length);
});

it.each([50, 500, 100_000])(
  'has ranges that an invocation compares in time, of 10 TB at %i read units',
  (maxReadUnits) => {
    const sizeBytes = 10_000 * GIB;
    const { task } = plan(sizeBytes, { sample: '50%', maxReadUnits });

    const units = sizeBytes / task.totalSegments / 4_096;
    // Four at once, in less than the five minutes that are left to the last ones.
    expect((4 * units) / Number(task.readUnits)).toBeLessThan(240);
  },
);

describe('the ranges of a sample', () => {
  const sizes = fc.record({
    totalSegments: fc.integer({ min: 1, max: 3_000 }),
    share: fc.double({ min: 0.001, max: 1, noNaN: true }),
    parts: fc.integer({ min: 1, max: 40 }),
    seed: fc.nat().map((number) => number.toString(16)),
  });

  it('come once each, divided among the segments of the run, and again the same', () => {
    fc.assert(
      fc.property(sizes, ({ totalSegments, share, parts, seed }) => {
        const count = Math.ceil(totalSegments * share);
        const of = (segment: number) =>
          sampledRanges({ seed, count, parts }, { segment, totalSegments });
        const all = Array.from({ length: parts }, (_, segment) => of(segment)).flat();

        expect(new Set(all).size).toBe(count);
        expect(all).toHaveLength(count);
        expect(all.every((range) => range >= 0 && range < totalSegments)).toBe(true);
        expect(of(0)).toEqual(of(0));
      }),
      { numRuns: 60 },
    );
  });

  it('are each as likely as any other', () => {
    const totalSegments = 50;
    const counts = Array.from({ length: totalSegments }, () => 0);
    const runs = 4_000;
    for (let seed = 0; seed < runs; seed += 1) {
      const sample = { seed: seed.toString(16), count: 5, parts: 1 };
      for (const range of sampledRanges(sample, { segment: 0, totalSegments }))
        counts[range] = (counts[range] ?? 0) + 1;
    }
    const expected = (runs * 5) / totalSegments;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);

    // 49 degrees of freedom: above this, once in a thousand times. The seeds are always the same.
    expect(chiSquare).toBeLessThan(85);
  });
});

describe('a run is due', () => {
  const week = periodMs({ every: '7 days' });
  const after = (ms: number): [Reconciliation, number, number] => {
    const good = { startedAtMs: 1_000 } as GoodRun;
    return [{ revision: 1, sinceMs: 0, good }, week, 1_000 + ms];
  };

  it('at the first look', () => {
    expect(isDue({ revision: 0, sinceMs: 0 }, week, 0)).toBe(true);
  });

  it('a period after the start of the last good one, also where the rule is some minutes early', () => {
    expect(isDue(...after(week))).toBe(true);
    expect(isDue(...after(week - HOUR_MS / 2))).toBe(true);
    expect(isDue(...after(week - 23 * HOUR_MS))).toBe(false);
  });

  it('the next day where it has failed', () => {
    const failed = { run: 'r2', startedAtMs: week, endedAtMs: week, reason: 'why' };
    const [row, period, nowMs] = after(week + 24 * HOUR_MS);
    expect(isDue({ ...row, failed }, period, nowMs)).toBe(true);
  });
});
