// The start and the end of a run where something comes between: another execution, a switch, a pause, or a failed repair.

import { beforeEach, describe, expect, it } from 'vitest';
import { partLinks, reportKey } from '../../src/bulk/task.ts';
import type { GoodRun, Reconciliation } from '../../src/model/reconciliation-row.ts';
import type { BulkRunState, Item } from '../../src/ports.ts';
import { endRun, type ReconcileContext, startRun } from '../../src/reconcile/reconcile.ts';
import type { Run, Start } from '../../src/reconcile/task.ts';
import { differenceLine, mentionLine, summaryLine } from '../../src/verify/difference-report.ts';
import type { RepairReport } from '../../src/verify/repair.ts';

const MACHINE = 'arn:aws:states:us-east-1:111122223333:execution:ferry-orders-reconcile:';
const START: Start = { reconcile: 'start', execution: `${MACHINE}r1`, input: {} };
const NOTHING = { looked: 0, equal: 0, put: 0, deleted: 0, inFlight: 0, left: 0 };

let row: Reconciliation | undefined;
let isActive: boolean;
let isPaused: boolean;
let states: ReadonlyMap<string, BulkRunState>;
let objects: Map<string, string>;
let figures: object[];
let noted: Array<{ run: GoodRun; failure: unknown }>;
let repair: (keys: readonly Item[]) => Promise<RepairReport>;
let looksLeft: number;
beforeEach(() => {
  row = undefined;
  isActive = true;
  isPaused = false;
  states = new Map();
  objects = new Map();
  figures = [];
  noted = [];
  repair = async (keys) => ({ ...NOTHING, looked: keys.length, put: keys.length });
  looksLeft = Infinity;
});

const settings = {
  every: '7 days',
  sample: '100%',
  repair: true,
  repairItemsMax: 1_000,
  maxReadUnits: 500,
};

const context: ReconcileContext = {
  settings,
  clock: { now: () => 1_000, sleep: async () => undefined },
  random: { next: () => 0.5 },
  ledger: {
    read: async () => row,
    async write(written) {
      row = written;
    },
  },
  isActive: async () => isActive,
  runs: {
    async state(execution) {
      const state = states.get(execution);
      // As IAM answers for the state machine of another account.
      if (state === undefined) throw new Error('AccessDeniedException');
      return state;
    },
  },
  tables: async () => ({ sizeBytes: 1, isPaused }),
  bucket: {
    put: async () => undefined,
    delete: async () => undefined,
    get: async (key) => objects.get(key),
    async *list(prefix) {
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix));
      yield keys.map((key) => ({ key, sizeBytes: 1, storedAtMs: 0 }));
    },
  },
  repair: async (keys) => repair(keys),
  isTimeUp: () => (looksLeft -= 1) < 0,
  publish: (published) => void figures.push(published),
  note: async (run, failure) => void noted.push({ run, failure }),
};

const running = (execution: string) => ({ run: 'earlier', startedAtMs: 1, execution });

/** A run that has found so many differences, and items that cannot be read. */
async function compared(missing: number, unreadable = 0): Promise<Run> {
  const run = (await startRun(START, context)) as Run;
  const call = { segment: 0, task: run.task, part: 0, done: true };
  const different = { kind: 'missing', attributes: [], source: undefined } as const;
  const key = (index: number) => ({ pk: { S: `item-${index}` } });
  const counts = { items: 5_000, missing, unreadable, segmentsDone: 1 };
  const lines = [
    ...Array.from({ length: missing }, (_, index) =>
      differenceLine({ ...different, key: key(index), destination: undefined }, { values: false }),
    ),
    ...Array.from({ length: unreadable }, (_, index) => mentionLine('unreadable', key(-1 - index))),
    summaryLine({ ...counts, ...partLinks(call, call) }),
  ];
  objects.set(reportKey(call, 'a'), lines.join('\n'));
  return run;
}

describe('a start', () => {
  it('gives up a run of another state machine, which cannot be asked any more', async () => {
    const execution = 'arn:aws:states:eu-west-1:999999999999:execution:ferry-orders-reconcile:old';
    row = { revision: 1, sinceMs: 0, running: running(execution) };

    expect(await startRun(START, context)).toMatchObject({ due: true, run: 'r1' });
    expect(row).toMatchObject({ failed: { run: 'earlier' }, running: { run: 'r1' } });
  });

  it('ends the row of a stopped run in a direction that is not active, too', async () => {
    isActive = false;
    states = new Map([[`${MACHINE}earlier`, { kind: 'failed', why: 'switching.lost' }]]);
    row = { revision: 1, sinceMs: 0, running: running(`${MACHINE}earlier`) };

    expect(await startRun(START, context)).toEqual({ due: false });

    expect(row).toMatchObject({ sinceMs: 1_000, failed: { reason: 'switching.lost' } });
    expect(row.running).toBeUndefined();
    expect(figures).toEqual([{ ReconciliationAge: 0 }]);
  });

  it('publishes its age also where it cannot be asked what became of the last run', async () => {
    row = { revision: 1, sinceMs: 0, running: running(`${MACHINE}earlier`) };

    await expect(startRun(START, context)).rejects.toThrow('AccessDenied');
    expect(figures).toEqual([{ ReconciliationAge: 1_000 }]);
  });
});

describe('the end of a run', () => {
  it('proves and repairs nothing if the replication was paused meanwhile', async () => {
    const run = await compared(3);
    isPaused = true;

    expect(await endRun(run, context)).toMatchObject({ failed: expect.stringContaining('paused') });
    expect(row).toMatchObject({ failed: { run: 'r1' } });
    expect(noted).toEqual([]);
  });

  it('leaves items that cannot be read, and does not call them equal', async () => {
    await endRun(await compared(1, 2), context);

    expect(row?.good).toMatchObject({ differences: 1, repaired: 1, unreadable: 2, left: 2 });
    expect(figures.at(-1)).toMatchObject({ Differences: 2 });
  });

  it('notes what each call has repaired, because none may follow', async () => {
    const run = await compared(700);
    looksLeft = 1;

    const further = (await endRun(run, context)) as Run;
    expect(further).toMatchObject({ done: false, looked: 500 });
    looksLeft = 1;
    expect(await endRun(further, context)).toMatchObject({ ended: 'well' });

    expect(noted.map(({ run: { repaired, left } }) => ({ repaired, left }))).toEqual([
      { repaired: 500, left: 200 },
      { repaired: 200, left: 0 },
    ]);
    expect(row?.good).toMatchObject({ differences: 700, repaired: 700, left: 0 });
  });

  it('notes what it has repaired before the repair fails', async () => {
    const run = await compared(700);
    const failure = new Error('the lease is lost');
    repair = async (keys) => {
      if (keys.length < 500) throw failure;
      return { ...NOTHING, looked: keys.length, put: keys.length };
    };

    await expect(endRun(run, context)).rejects.toThrow(failure);

    expect(noted).toMatchObject([{ run: { run: 'r1', repaired: 500, left: 200 }, failure }]);
  });
});
