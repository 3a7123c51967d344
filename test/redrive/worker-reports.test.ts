// What the workers of a bulk redrive have reported, as one report.

import { expect, it } from 'vitest';
import { reportPrefix } from '../../src/bulk/task.ts';
import { joinedReport, newReport } from '../../src/redrive/report.ts';
import { RedriveReports } from '../../src/redrive/worker-reports.ts';
import type { ObjectStore } from '../../src/ports.ts';

/** A bucket with the reports of a run, one an object. */
function bucketOf(run: string, reports: readonly object[]): ObjectStore {
  const bodies = new Map(
    reports.map((report, index) => [
      `${reportPrefix(run)}${index}.jsonl`,
      JSON.stringify({ summary: report }),
    ]),
  );
  return {
    put: async () => undefined,
    delete: async () => undefined,
    get: async (key) => bodies.get(key),
    async *list() {
      yield [...bodies.keys()].map((key) => ({ key, sizeBytes: 1, storedAtMs: 0 }));
    },
  };
}

it('sums the reasons of all records that were found, whether or not they match', async () => {
  const one = { ...newReport(), found: 3, foundReasons: { Odd: 1, RetryAttemptsExhausted: 2 } };
  const other = { ...newReport(), found: 1, foundReasons: { RetryAttemptsExhausted: 1 } };

  const sum = await new RedriveReports('run', bucketOf('run', [one, other])).sum();

  expect(sum).toMatchObject({ found: 4, foundReasons: { Odd: 1, RetryAttemptsExhausted: 3 } });
});

it('takes the report of a worker of an earlier release, which has fewer counts', async () => {
  const { foundReasons: _, remainingObjects: __, ...earlier } = newReport();

  const sum = await new RedriveReports('run', bucketOf('run', [{ ...earlier, found: 2 }])).sum();

  expect(sum).toEqual({ ...newReport(), found: 2 });
});

it('keeps objects that remain apart from letters', () => {
  const ofObjects = { ...newReport(), remaining: 2, remainingObjects: 2 };

  const sum = joinedReport(ofObjects, { ...newReport(), remaining: 5, remainingObjects: 1 });

  expect(sum).toMatchObject({ remaining: 7, remainingObjects: 3 });
});
