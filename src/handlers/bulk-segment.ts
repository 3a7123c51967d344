// Lambda's entry for bulk runs: one segment of a backfill, a verify or a redrive, with the operations of the
// commands, for as long as the invocation has time. The state machine calls it again until the segment is done. Of a
// comparison on a schedule, the start and the end as well.

import type { Context } from 'aws-lambda';
import type { Sides } from '../aws/access.ts';
import { objectClient, s3Objects } from '../aws/s3-objects.ts';
import { functionSides } from '../composition/function-access.ts';
import { logLine } from '../composition/function-output.ts';
import { functionProjection } from '../composition/function-projection.ts';
import { openReconcile } from '../composition/reconcile.ts';
import { type CommandLease, openCommandLease } from '../composition/command-lease.ts';
import { openRedrive } from '../composition/redrive-context.ts';
import {
  compareContext,
  copyContext,
  openPairWriting,
  retriesUntil,
} from '../composition/pair-work.ts';
import { openTablePair, type TablePair } from '../composition/table-pair.ts';
import { readDeployment } from '../config/function-variable.ts';
import type { Deployment } from '../config/schema.ts';
import { compareTask } from '../bulk/compare.ts';
import {
  type BackfillTask,
  type BulkTask,
  doneKey,
  failureKey,
  parseBulkTask,
  partLinks,
  reportKey,
  type RedriveTask,
  type VerifyTask,
} from '../bulk/task.ts';
import {
  differenceLine,
  mentionLine,
  rejectedLine,
  summaryLine,
} from '../verify/difference-report.ts';
import { FerryError } from '../errors.ts';
import { continueSegment } from '../backfill/backfill.ts';
import { redriveSlice } from '../redrive/slice.ts';
import { partLine } from '../redrive/worker-reports.ts';
import { whatHappened } from '../failures/what-happened.ts';
import type { Item, ObjectStore } from '../ports.ts';
import { endRun, startRun } from '../reconcile/reconcile.ts';
import {
  type EndAnswer,
  isReconcileEvent,
  type Run,
  type Start,
  type StartAnswer,
} from '../reconcile/task.ts';
import type { Difference } from '../verify/confirm-differences.ts';

/** Time for the page under way, or for the looks at what is suspected. */
const LAST_PAGE_MS = 60_000;
const LAST_LOOKS_MS = 300_000;
/** Time for the objects in hand, and for those that have been read ahead. */
const LAST_LOADS_MS = 240_000;
/** A report is one object, and is made in memory. */
const LINES_MAX = 20_000;
const REPORT_BYTES_MAX = 64 * 1_024 * 1_024;
/** Fewer than on a machine: what waits in the end has to be looked up in the time that is left. */
const WAITING_MAX = 4_000;
const PAGE_ITEMS_MAX = 2_000;
const CONCURRENCY = 16;
/** Of a redrive, which reads at the same time. Lambda has 1,024 file descriptors. */
const WRITES_MAX = 512;

interface Opened {
  readonly deployment: Deployment;
  readonly sides: Sides;
  readonly lease: CommandLease | undefined;
  readonly invocation: Context;
  readonly remainingMs: () => number;
}

interface Call extends Opened {
  readonly call: BulkTask;
  readonly lines: string[];
}

interface PairCall extends Call {
  readonly pair: TablePair;
}

/** @returns the same task, further on. */
export async function handler(
  event: unknown,
  invocation: Context,
): Promise<BulkTask | StartAnswer | EndAnswer> {
  const deployment = deployed();
  const { replication } = deployment;
  const sides = await functionSides(replication, process.env);
  const remainingMs = () => invocation.getRemainingTimeInMillis();
  const lease = replication.switching && openCommandLease(replication, sides);
  const opened = { deployment, sides, lease, invocation, remainingMs };
  const work = isReconcileEvent(event)
    ? reconcileOn(event, opened)
    : segmentOn(parseBulkTask(event), opened);
  return untilSwitched<BulkTask | StartAnswer | EndAnswer>(lease, work);
}

async function segmentOn(call: BulkTask, opened: Opened): Promise<BulkTask> {
  const lines: string[] = [];
  try {
    const next = await workOn({ ...opened, call, lines });
    await storeReport(lines, next, opened);
    return { ...next, part: call.part + 1 };
  } catch (error) {
    if (call.task.operation === 'verify') await noteFailure(error, call, opened);
    throw error;
  }
}

async function reconcileOn(
  event: Start | Run,
  { remainingMs, invocation, ...opened }: Opened,
): Promise<StartAnswer | EndAnswer> {
  const { invokedFunctionArn: by } = invocation;
  const isTimeUp = () => remainingMs() < LAST_LOOKS_MS;
  const context = openReconcile({ ...opened, isTimeUp, by });
  try {
    return await patiently<StartAnswer | EndAnswer>(() =>
      event.reconcile === 'start' ? startRun(event, context) : endRun(event, context),
    );
  } finally {
    context.close();
  }
}

/** Without the endpoints that are for commands: a function need not reach them. */
function deployed(): Deployment {
  const { replication, ...places } = readDeployment(process.env);
  const { endpoints: _, ...source } = replication.source;
  const concurrency = Math.min(replication.function.concurrency, WRITES_MAX);
  const settings = { ...replication.function, concurrency };
  return { ...places, replication: { ...replication, source, function: settings } };
}

/** Refusals end the run; a table that does not answer is none: Step Functions tries again. */
async function patiently<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof FerryError) || error.code !== 'table.silent') throw error;
    throw new Error(error.message, { cause: error });
  }
}

/** The state machine knows refusals by their name. */
async function untilSwitched<T>(lease: CommandLease | undefined, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (lease?.lost.aborted !== true) throw error;
    const { message, code, hint = '' } = lease.lost.reason as FerryError;
    throw new FerryError(message, { code, hint, cause: error });
  } finally {
    lease?.close();
  }
}

async function workOn(work: Call): Promise<BulkTask> {
  const { sides, lease } = work;
  const { task } = work.call;
  if (task.operation === 'redrive') return redriveOn(task, work);
  const { replication } = work.deployment;
  const writes = task.operation === 'backfill';
  const projection = await functionProjection(work.deployment, sides.source);
  const pair = await patiently(() =>
    openTablePair({ replication, sides, concurrency: CONCURRENCY, writes, projection, lease }),
  );
  try {
    return task.operation === 'backfill'
      ? await copyOn(task, { ...work, pair })
      : await compareOn(task, { ...work, pair });
  } finally {
    pair.close();
  }
}

async function redriveOn(task: RedriveTask, work: Call): Promise<BulkTask> {
  const { call, deployment, sides, lease, invocation, lines, remainingMs } = work;
  const { context, ...opened } = await patiently(async () =>
    openRedrive({
      replication: deployment.replication,
      sides,
      projection: await functionProjection(deployment, sides.source),
      apply: true,
      onlyObjects: true,
      bucket: deployment.onFailureBucket,
      lookAgainQueueUrl: deployment.lookAgainQueueUrl,
      stop: lease?.lost ?? NEVER,
      lease,
    }),
  );
  try {
    const key = reportKey(call, invocation.awsRequestId);
    const { report, next } = await redriveSlice(call, task, {
      context,
      isTimeUp: () => remainingMs() < LAST_LOADS_MS,
      stop: lease?.lost,
      store: (part) => context.bucket.put(key, `${partLine(part)}\n`),
    });
    lines.push(summaryLine(report));
    return { ...call, cursor: next, done: next === undefined };
  } finally {
    opened.close();
  }
}

async function copyOn(task: BackfillTask, work: PairCall): Promise<BulkTask> {
  const { call, deployment, sides, lease, pair, lines, remainingMs } = work;
  const { replication, lookAgainQueueUrl: queueUrl } = deployment;
  const { streamArn } = task.run;
  const retries = retriesUntil(lease?.lost ?? NEVER);
  // It may have been adopted anew since the command that began the run.
  const setup = { replication, sides, pair, streamArn, retries, queueUrl, apply: true };
  const done = await continueSegment(task.run, call.segment, {
    ...copyContext(await openPairWriting(setup), task),
    pageItems: pageItems(task),
    isTimeUp: () => remainingMs() < LAST_PAGE_MS || isFull(lines),
    onRejected: (rejected) => lines.push(rejectedLine(rejected)),
  });
  return { ...call, done };
}

async function compareOn(task: VerifyTask, work: PairCall): Promise<BulkTask> {
  const { pair, lines, remainingMs } = work;
  const { values } = task;
  const context = {
    ...compareContext(pair, task, retriesUntil(NEVER)),
    waitingMax: WAITING_MAX,
    onDifference: (difference: Difference) => lines.push(differenceLine(difference, { values })),
    onInFlight: (key: Item) => lines.push(mentionLine('in-flight', key)),
    onUnreadable: (key: Item, { reason }: { readonly reason: string }) =>
      lines.push(mentionLine('unreadable', key, reason)),
  };
  const isTimeUp = () => remainingMs() < LAST_LOOKS_MS || isFull(lines);
  const { report, next } = await compareTask(task, work.call, { context, isTimeUp });
  const links = partLinks(work.call, next);
  lines.push(summaryLine({ ...report, projection: pair.rules.projection?.digest, ...links }));
  return next;
}

/** For the end of a run that compares on a schedule: the state machine does not say why a segment has failed. */
async function noteFailure(error: unknown, call: BulkTask, opened: Opened): Promise<void> {
  try {
    await withBucket(opened, (bucket) => bucket.put(failureKey(call), whatHappened(error)));
  } catch (unnoted) {
    logLine({ event: 'bulk.failure-not-noted', error: whatHappened(unnoted) });
  }
}

function storeReport(lines: readonly string[], task: BulkTask, opened: Opened): Promise<void> {
  return withBucket(opened, async (bucket) => {
    const key = reportKey(task, opened.invocation.awsRequestId);
    if (lines.length > 0) await bucket.put(key, lines.map((line) => `${line}\n`).join(''));
    if (task.done) await bucket.put(doneKey(task), '');
  });
}

async function withBucket(
  { deployment }: Opened,
  work: (bucket: ObjectStore) => Promise<void>,
): Promise<void> {
  const client = objectClient({ region: deployment.replication.source.region });
  try {
    await work(s3Objects(client, deployment.onFailureBucket));
  } finally {
    client.destroy();
  }
}

function isFull(lines: readonly string[]): boolean {
  if (lines.length >= LINES_MAX) return true;
  return lines.reduce((bytes, { length }) => bytes + length, 0) >= REPORT_BYTES_MAX;
}

/** About a minute's worth of writes, so that the last page of an invocation is done in time. */
function pageItems({ writeUnits = Infinity }: BackfillTask): number {
  return Math.max(1, Math.min(PAGE_ITEMS_MAX, Math.floor((writeUnits * 30) / 4)));
}

/** Only Lambda ends a segment. */
const NEVER = new AbortController().signal;
