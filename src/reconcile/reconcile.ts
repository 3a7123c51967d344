// A comparison on a schedule: its start, once a day, and its end. Both write the row of the ledger, publish how old the
// last good run is, and may be called again after any failure.

import { FerryError } from '../errors.ts';
import { whatHappened } from '../failures/what-happened.ts';
import type { ReconcileConfig } from '../config/schema.ts';
import type { ReconcileMetricName } from '../config/names.ts';
import type { GoodRun, Reconciliation, RunningRun } from '../model/reconciliation-row.ts';
import type { BulkRuns, Clock, Item, ObjectStore, Random } from '../ports.ts';
import type { RepairReport } from '../verify/repair.ts';
import { cut, visible } from '../text/visible.ts';
import { addUp, differingKeys, type Found } from './found.ts';
import { periodMs } from '../config/reconcile-period.ts';
import { isDue, mapInput } from './plan.ts';
import {
  type Counts,
  type EndAnswer,
  requireKnownRun,
  type Run,
  runInput,
  type Start,
  type StartAnswer,
} from './task.ts';

export interface ReconcileContext {
  readonly settings: ReconcileConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly ledger: {
    /** Undefined where there is none yet. @throws FerryError where a later release has written it. */
    read(): Promise<Reconciliation | undefined>;
    /** @throws where another process has written since. */
    write(row: Reconciliation): Promise<void>;
  };
  /** Whether applications write to the source: always, but in a direction of a replication that can be switched. */
  readonly isActive: () => Promise<boolean>;
  readonly runs: Pick<BulkRuns, 'state'>;
  /** @throws FerryError where nothing can be compared. */
  readonly tables: () => Promise<{ readonly sizeBytes: number; readonly isPaused: boolean }>;
  readonly bucket: ObjectStore;
  /** Reads the items once more, and with `apply` repairs them. */
  readonly repair: (keys: readonly Item[], apply: boolean) => Promise<RepairReport>;
  readonly isTimeUp: () => boolean;
  readonly publish: (figures: Partial<Record<ReconcileMetricName, number>>) => void;
  /** Notes what has been repaired for a run, and what has ended that. */
  readonly note: (run: GoodRun, failure?: unknown) => Promise<void>;
}

const NOT_DUE = { due: false } as const;

/** @throws what keeps the run from being started; the row has it. */
export async function startRun(start: Start, context: ReconcileContext): Promise<StartAnswer> {
  const nowMs = context.clock.now();
  const found = (await context.ledger.read()) ?? { revision: 0, sinceMs: nowMs };
  const isActive = await context.isActive();
  if (isActive) publishAge(found, context);
  else context.publish({ ReconciliationAge: 0 });
  const row = await settled(found, start, context);
  if (!isActive) {
    // The other direction compares.
    await context.ledger.write(next(row, { sinceMs: nowMs }));
    return NOT_DUE;
  }
  // A run may take longer than a day.
  if (isOther(row.running, start)) return NOT_DUE;
  const isWanted = start.input.now === true || isDue(row, periodMs(context.settings), nowMs);
  if (isWanted) return begin(row, start, context);
  await context.ledger.write(next(row, {}));
  return NOT_DUE;
}

/** With the end of a run of another execution that is not in progress any more. */
async function settled(
  row: Reconciliation,
  start: Start,
  { runs, clock }: ReconcileContext,
): Promise<Reconciliation> {
  const { running } = row;
  if (!isOther(running, start)) return row;
  // Another state machine is that of an earlier deployment: it may be out of reach.
  const isOfThis = machineOf(running.execution) === machineOf(start.execution);
  const state = isOfThis ? await runs.state(running.execution) : undefined;
  if (state?.kind === 'running') return row;
  const why = state?.kind === 'failed' ? state.why : 'it ended without a result';
  return failedRow(row, running, why, clock.now());
}

function isOther(running: Reconciliation['running'], start: Start): running is RunningRun {
  return running !== undefined && running.execution !== start.execution;
}

const machineOf = (execution: string) => execution.slice(0, execution.lastIndexOf(':'));

async function begin(
  row: Reconciliation,
  { execution }: Start,
  context: ReconcileContext,
): Promise<StartAnswer> {
  const { clock, ledger, settings, random } = context;
  const startedAtMs = clock.now();
  const run = execution.slice(machineOf(execution).length + 1);
  try {
    const { sizeBytes, isPaused } = await context.tables();
    if (isPaused) throw paused();
    const input = mapInput({ run, settings, sizeBytes }, random);
    // What a try of this start has noted.
    const failed = row.failed?.run === run ? undefined : row.failed;
    await ledger.write(next(row, { failed, running: { run, startedAtMs, execution } }));
    return runInput({ reconcile: 'end', due: true, run, startedAtMs, done: false, ...input });
  } catch (error) {
    const failed = failedRow(row, { run, startedAtMs }, whatHappened(error), clock.now());
    await ledger.write(next(failed, {}));
    throw error;
  }
}

function paused(): FerryError {
  return new FerryError('The replication is paused, so that the tables differ.', {
    code: 'reconcile.paused',
    hint: 'Run `ferry resume`. The tables are compared the next day.',
  });
}

/** Called again until it is done. */
export async function endRun(run: Run, context: ReconcileContext): Promise<EndAnswer> {
  requireKnownRun(run);
  const row = await context.ledger.read();
  // The answer of an earlier call was lost.
  if (row?.failed?.run === run.run) return { done: true, failed: row.failed.reason };
  if (row?.good?.run === run.run) return succeeded(row.good, context);
  if (row?.running?.run !== run.run)
    throw new FerryError(`Another run has been started since ${run.run}.`, {
      code: 'reconcile.superseded',
      hint: 'Its result counts. Nothing was changed.',
    });
  const found = await lookAt(run, context);
  if (found.kind === 'incomplete') {
    await context.ledger.write(next(failedRow(row, run, found.why, context.clock.now()), {}));
    publishAge(row, context);
    return { done: true, failed: found.why };
  }
  const further = await repairOn({ ...run, counts: found.counts }, found.counts, context);
  return further.done ? conclude(row, run, further.counts, context) : further;
}

async function lookAt(run: Run, { isActive, tables, bucket }: ReconcileContext): Promise<Found> {
  if (!(await isActive()))
    return { kind: 'incomplete', why: 'the direction was switched during the run' };
  // Nothing writes to the twin then, a repair neither.
  if ((await tables()).isPaused)
    return { kind: 'incomplete', why: 'the replication was paused during the run' };
  return run.counts === undefined ? addUp(run, bucket) : { kind: 'whole', counts: run.counts };
}

/** Looks of all of them fit into the time that is left. */
const REPAIRED_AT_ONCE = 500;

/**
 * Looks again at what is listed, if it is not too much, for as long as there is time: what was still on its way to the
 * twin is no difference. Repairs the others, if they are to be repaired.
 */
async function repairOn(run: Run, found: Counts, context: ReconcileContext) {
  const { repair: apply, repairItemsMax } = context.settings;
  const isFew = found.left > 0 && found.differences <= repairItemsMax;
  const keys = isFew ? await differingKeys(run, context.bucket) : [];
  let { looked = 0 } = run;
  let counts = found;
  const note = (failure?: unknown) => {
    const { run: name, startedAtMs } = run;
    // Each call notes its own, because none may follow.
    const repaired = counts.repaired - found.repaired;
    const ended = { run: name, startedAtMs, endedAtMs: context.clock.now() };
    return context.note({ ...counts, ...ended, repaired }, failure);
  };
  try {
    for (; looked < keys.length && !context.isTimeUp(); looked += REPAIRED_AT_ONCE) {
      const some = keys.slice(looked, looked + REPAIRED_AT_ONCE);
      counts = counted(counts, await context.repair(some, apply), apply);
    }
  } catch (error) {
    if (apply) await note(error);
    throw error;
  }
  if (counts.repaired > found.repaired) await note();
  return { ...run, counts, looked, done: looked >= keys.length };
}

function counted(counts: Counts, { put, deleted, equal }: RepairReport, apply: boolean): Counts {
  const repaired = apply ? put + deleted : 0;
  return {
    ...counts,
    differences: counts.differences - equal,
    repaired: counts.repaired + repaired,
    left: counts.left - repaired - equal,
  };
}

async function conclude(
  row: Reconciliation,
  run: Run,
  counts: Counts,
  context: ReconcileContext,
): Promise<EndAnswer> {
  const endedAtMs = context.clock.now();
  const good = { run: run.run, startedAtMs: run.startedAtMs, endedAtMs, ...counts };
  const ended = { good, sinceMs: endedAtMs, failed: undefined, running: undefined };
  await context.ledger.write(next(row, ended));
  return succeeded(good, context);
}

function succeeded(
  { items, destinationItems, repaired, left }: GoodRun,
  { publish }: ReconcileContext,
): EndAnswer {
  publish({
    ReconciliationAge: 0,
    Differences: left,
    ItemsCompared: Math.max(items, destinationItems),
    RepairedItems: repaired,
  });
  return { done: true, ended: 'well' };
}

/** Every day, so that missing data means that this function is not called; and differences are not forgotten. */
function publishAge({ sinceMs, good }: Reconciliation, { clock, publish }: ReconcileContext): void {
  const ReconciliationAge = Math.max(0, clock.now() - sinceMs);
  publish({ ReconciliationAge, ...(good && { Differences: good.left }) });
}

function next(row: Reconciliation, change: Partial<Reconciliation>): Reconciliation {
  return { ...row, ...change, revision: row.revision + 1 };
}

function failedRow(
  row: Reconciliation,
  { run, startedAtMs }: Pick<Run, 'run' | 'startedAtMs'>,
  reason: string,
  endedAtMs: number,
): Reconciliation {
  const failed = { run, startedAtMs, endedAtMs, reason: cut(visible(reason), REASON_CHARS_MAX) };
  return { ...row, failed, running: undefined };
}

const REASON_CHARS_MAX = 1_000;
