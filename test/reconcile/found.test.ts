// What the reports of a run prove: nothing where one is lost, or where another try of the same part has replaced it.

import { describe, expect, it } from 'vitest';
import { type BulkTask, failureKey, partLinks, reportKey } from '../../src/bulk/task.ts';
import type { ObjectStore } from '../../src/ports.ts';
import { addUp } from '../../src/reconcile/found.ts';
import type { Run } from '../../src/reconcile/task.ts';
import { summaryLine } from '../../src/verify/difference-report.ts';

const task = {
  operation: 'verify',
  run: 'r1',
  totalSegments: 2,
  settleMs: 0,
  values: false,
} as const;
const RUN: Run = {
  reconcile: 'end',
  due: true,
  run: 'r1',
  startedAtMs: 1,
  segments: [0, 1],
  workers: 2,
  task,
  done: false,
};

const call = (segment: number, part: number, cursor?: string): BulkTask => {
  return { segment, task, part, cursor, done: false };
};
/** Found by a call that got as far as `cursor`, or to the end of its segment. */
const report = (from: BulkTask, items: number, cursor?: string): [string, string] => {
  const next = { ...from, cursor, done: cursor === undefined };
  const counts = { items, destinationItems: items, segmentsDone: Number(next.done) };
  return [reportKey(from, 'a'), summaryLine({ ...counts, ...partLinks(from, next) })];
};

/** Segment 0 in three parts, and segment 1 in one. */
const WHOLE = [
  report(call(0, 0), 10, 'ten'),
  report(call(0, 1, 'ten'), 5, 'fifteen'),
  report(call(0, 2, 'fifteen'), 1),
  report(call(1, 0), 20),
] as const;

function bucketOf(objects: ReadonlyArray<readonly [string, string]>): ObjectStore {
  const bodies = new Map(objects);
  return {
    put: async () => undefined,
    delete: async () => undefined,
    get: async (key) => bodies.get(key),
    async *list(prefix) {
      const keys = [...bodies.keys()].filter((key) => key.startsWith(prefix));
      yield keys.toSorted().map((key) => ({ key, sizeBytes: 1, storedAtMs: 0 }));
    },
  };
}

describe('the reports of a run', () => {
  it('add up', async () => {
    expect(await addUp(RUN, bucketOf(WHOLE))).toMatchObject({
      kind: 'whole',
      counts: { items: 36, ranges: 2, differences: 0 },
    });
  });

  it.each([0, 1, 2, 3])('prove nothing without number %i', async (lost) => {
    const found = await addUp(RUN, bucketOf(WHOLE.filter((_, index) => index !== lost)));

    expect(found.kind).toBe('incomplete');
  });

  it('prove nothing where a try that ended late has replaced one, and had not come as far', async () => {
    const late = report(call(0, 1, 'ten'), 4, 'fourteen');

    expect(await addUp(RUN, bucketOf([...WHOLE, late]))).toEqual({
      kind: 'incomplete',
      why: 'a report is lost, or another try has replaced it',
    });
  });

  it('prove nothing where there are more than the run has ranges', async () => {
    const earlier = report(call(2, 0), 7);

    expect(await addUp(RUN, bucketOf([...WHOLE, earlier]))).toMatchObject({
      kind: 'incomplete',
      why: '3 of 2 ranges were compared',
    });
  });

  it('add up where functions of an earlier release have written them', async () => {
    const old = WHOLE.map(([key, line]): [string, string] => {
      const { summary: given } = JSON.parse(line) as { summary: Record<string, unknown> };
      const { from: _, to: __, ...summary } = given;
      return [key, summaryLine(summary)];
    });

    expect(await addUp(RUN, bucketOf(old))).toMatchObject({ kind: 'whole', counts: { items: 36 } });
  });

  it('are read without the notes of failed calls, which are beside them', async () => {
    const note: [string, string] = [failureKey(call(1, 0)), 'out of memory'];
    expect(note[0]).not.toContain('/r1/');
    expect(await addUp(RUN, bucketOf([...WHOLE, note]))).toMatchObject({ kind: 'whole' });

    const partial = await addUp(RUN, bucketOf([...WHOLE.slice(0, 3), note]));

    expect(partial).toMatchObject({ why: 'out of memory (1 of 2 ranges were compared)' });
  });
});
