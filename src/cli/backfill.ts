// `ferry backfill`: copy what a table already holds, beside the stream, without ever bringing back what has
// been deleted meanwhile.

import { randomBytes } from 'node:crypto';
import { systemClock } from '../aws/system-clock.ts';
import { copyContext } from '../composition/pair-work.ts';
import type { TablePair } from '../composition/table-pair.ts';
import type { BackfillRun } from '../backfill/checkpoint.ts';
import { dollars } from '../model/capacity.ts';
import { estimateCopy } from '../backfill/estimate.ts';
import { isReprojecting, projectionOf } from '../backfill/projection.ts';
import type { TableFacts } from '../model/table-facts.ts';
import { backfill, type BackfillProgress, backfillProgress } from '../backfill/backfill.ts';
import { openBackfill, planBackfill } from '../backfill/run.ts';
import type { BackfillContext, RejectedCopy } from '../backfill/context.ts';
import {
  type BeforeStreamContext,
  checkBeforeStream,
  planStream,
} from '../backfill/before-stream.ts';
import { wrongOption } from './arguments.ts';
import { beginStream, timeWarning, withBeforeStream } from './backfill-before-stream.ts';
import { lookAtTwin, untilOnlyDeployed } from './backfill-reproject.ts';
import {
  type DoneBefore,
  ENABLE_LEFT,
  type Expectation,
  printBackfill,
  printEstimate,
} from './backfill-result.ts';
import { copyInBulk } from './backfill-bulk.ts';
import { requireBulkRates } from './bulk.ts';
import { type Call, exitCode, untilInterrupted } from './call.ts';
import type { Command, ParsedOptions } from './command.ts';
import { EXIT, grouped, type Io } from './output.ts';
import { progressReporter } from './progress.ts';
import { severalOptions } from './replication.ts';
import { costs } from './rows.ts';
import { checkBulk, type WritingCall, writingToPair } from './run-needs.ts';
import { segmentCount } from '../verify/segment-count.ts';
import { onReplications } from './several.ts';
import {
  bulkOption,
  lookAgainOption,
  unitsOption,
  workersOf,
  workersOption,
} from './work-options.ts';

export const backfillCommand: Command = {
  name: 'backfill',
  options: {
    ...severalOptions,
    apply: { help: 'copy the items; an unfinished backfill continues where it stopped' },
    'dry-run': { help: 'only estimate items, capacity and cost; the same as without --apply' },
    restart: { help: 'discard the progress of an unfinished backfill and start again' },
    reproject: {
      help: 'also rewrite what another projection wrote to the twin, and remove what the projection leaves out',
    },
    'before-stream': {
      help: 'copy to a new twin before its event source mapping is enabled; this uses half the WCU or less',
    },
    bulk: bulkOption,
    workers: workersOption('table segments to copy at the same time'),
    'read-units': unitsOption('maximum read capacity to use on the source, in RCU'),
    'write-units': unitsOption('maximum write capacity to use on the destination, in WCU'),
    ...lookAgainOption,
    json: { help: 'print the result as one line of JSON' },
  },
  async run(options, io) {
    if (options.has('apply') && options.has('dry-run')) {
      throw wrongOption('--apply and --dry-run contradict each other.', 'Use one of them.');
    }
    requireBulkRates(options);
    const concurrency = REQUESTS_PER_WORKER * workersOf(options);
    const toPair = writingToPair(options, concurrency, options.has('apply') ? copy : planOnly);
    const run = (call: Call) => {
      requireCopies(call);
      return toPair(call);
    };
    const work = { hint: HINT, run, direction: 'active' as const };
    return onReplications({ options, io }, { ...work, forOne: ['look-again-queue-url'] });
  },
};

/** @throws UsageError where both tables are written, and a copy is not what is needed. */
function requireCopies({ replication: { name, twoWay }, options }: Call): void {
  if (twoWay?.mode === 'stamped')
    throw wrongOption(
      `${name} has stamped writes: its tables hold items of both sides, and a copy of one side is not enough.`,
      'Use `ferry merge`, which joins both tables.',
    );
  if (twoWay !== undefined && options.has('before-stream'))
    throw wrongOption(
      `--before-stream is for a new twin that nothing else writes, and both tables of ${name} are written.`,
      'Leave it out.',
    );
}

const HINT = 'Every copied page is saved: run the command again, and it continues from there.';
/** As many as a worker sends, and one for its checkpoint. */
const REQUESTS_PER_WORKER = 5;
const PAGE_ITEMS_MAX = 2_000;
const REJECTED_SHOWN_MAX = 20;

/** Of what is in a sample, too, where the twin is not just a copy. */
async function estimate(
  { facts }: TablePair,
  run: BackfillRun,
  context: BackfillContext,
): Promise<Expectation> {
  const { source } = context;
  const page = await source.scan({ segment: 0, totalSegments: 1, limit: 1_000 });
  const { items, unreadable, leftOut = [] } = page;
  const readsTwin = isReprojecting(run);
  const twin = readsTwin ? await lookAtTwin({ items, leftOut }, context) : undefined;
  const toWrite = twin?.toWrite ?? items;
  const sampled = items.length + unreadable.length + leftOut.length;
  const expected = estimateCopy(facts.source, toWrite, {
    beforeStream: run.beforeStream === true,
    others: sampled - toWrite.length,
    readsTwin,
  });
  const isOfInterest = readsTwin || leftOut.length + unreadable.length > 0;
  const sample = { items: sampled, leftOut: leftOut.length, unreadable: unreadable.length };
  const found = twin && {
    present: twin.present,
    toCopy: twin.copy,
    toRewrite: twin.rewrite,
    toRemove: twin.remove,
  };
  return { expected, sample: isOfInterest ? { ...sample, ...found } : undefined };
}

/** Refuses what the copy itself would refuse, and finds the unfinished run that it would go on with. */
async function planOnly(call: WritingCall): Promise<number> {
  const { options, pair, io } = call;
  if (options.has('bulk')) await checkBulk(call);
  const beforeStream = options.has('before-stream');
  const restart = options.has('restart');
  const fresh = { ...newRun(call), ...(beforeStream ? { beforeStream } : {}) };
  const done = beforeStream ? await doneBefore(fresh, call) : undefined;
  const context = contextOf(call, () => undefined);
  const planned = done === undefined ? await planBackfill(fresh, restart, context) : undefined;
  const unfinished = planned?.resumed === true ? planned.run : undefined;
  const copied = unfinished && (await backfillProgress(unfinished, context)).progress.items;
  if (done !== undefined) io.err(doneAlready(done.run));
  const run = unfinished ?? fresh;
  const expectation = await estimate(pair, run, context);
  printEstimate({ ...call, ...expectation, run, unfinished, copied, done });
  return EXIT.done;
}

async function doneBefore(fresh: BackfillRun, call: WritingCall): Promise<DoneBefore | undefined> {
  return withBeforeStream(call, async (before) => {
    const run = await checkBeforeStream(fresh, call.options.has('restart'), before);
    return run && { run, isBegun: (await planStream(run, before)).length > 0 };
  });
}

function doneAlready({ startedAt }: BackfillRun): string {
  return `The copy that started at ${startedAt} has already finished.`;
}

async function copy(call: WritingCall): Promise<number> {
  if (!call.options.has('before-stream')) return copyFrom(newRun(call), call);
  return withBeforeStream(call, async (before) => {
    const run = { ...newRun(call), beforeStream: true };
    const done = await checkBeforeStream(run, call.options.has('restart'), before);
    if (done === undefined) return copyFrom(run, call, before);
    call.io.err(doneAlready(done));
    return exitCode(await isStreamBegun(done, call, before));
  });
}

/** @param before where the stream is to be started in the end. */
async function copyFrom(
  fresh: BackfillRun,
  call: WritingCall,
  before?: BeforeStreamContext,
): Promise<number> {
  const { options, io } = call;
  const rejected: RejectedCopy[] = [];
  const context = contextOf(call, (one) => {
    if (rejected.length < REJECTED_SHOWN_MAX) rejected.push(one);
  });
  const restart = options.has('restart');
  const planned = await planBackfill(fresh, restart, context);
  const waits = isReprojecting(planned.run);
  if (waits && !(await isFinished(io, () => untilOnlyDeployed(call)))) {
    io.err('Stopped. Nothing was changed.');
    return EXIT.differences;
  }
  const { run, resumed } = await openBackfill(fresh, restart, context);
  if (resumed) io.err(`Continuing the backfill that started at ${run.startedAt}.`);
  const report = progressReporter(io, systemClock, 'items');
  let { progress } = await backfillProgress(run, context);
  const onProgress = (now: BackfillProgress) => {
    progress = now;
    call.note?.(now);
    report(stepOf(now, call));
    if (before !== undefined) warnOfTime(run);
  };
  const warnOfTime = timeWarning(io, call.replication.source);
  const finished = await isFinished(io, () =>
    options.has('bulk')
      ? copyInBulk(run, { call, context, onProgress })
      : backfill(run, context, { workers: workersOf(options), onProgress }),
  );
  printBackfill({ ...call, run, progress, finished, resumed, rejected });
  const isBegun = before === undefined || (finished && (await isStreamBegun(run, call, before)));
  return exitCode(finished && isBegun && progress.rejected === 0);
}

async function isStreamBegun(
  run: BackfillRun,
  call: WritingCall,
  before: BeforeStreamContext,
): Promise<boolean> {
  const isBegun = await isFinished(call.io, () => beginStream(run, call, before));
  if (!isBegun) call.io.err(`Stopped. ${ENABLE_LEFT}`);
  return isBegun;
}

/** @returns whether no Ctrl-C ended it. */
async function isFinished(io: Io, work: () => Promise<unknown>): Promise<boolean> {
  return (await untilInterrupted(io, () => work().then(() => true))) ?? false;
}

function contextOf(
  call: WritingCall,
  onRejected: (rejected: RejectedCopy) => void,
): BackfillContext {
  const { options } = call;
  const [readUnits, writeUnits] = [options.integer('read-units'), options.integer('write-units')];
  return {
    ...copyContext(call, { readUnits, writeUnits }),
    pageItems: pageItems(options),
    onRejected,
  };
}

/** A page is written within a minute or so, at about four units an item, so that little is done twice. */
function pageItems(options: ParsedOptions): number {
  const perSecond = options.integer('write-units') ?? Infinity;
  const perWorker = (perSecond * 60) / 4 / workersOf(options);
  return Math.max(1, Math.min(PAGE_ITEMS_MAX, Math.floor(perWorker)));
}

/** @throws FerryError `backfill.projection-changed`. */
function newRun({ pair, options, streamArn, control }: WritingCall): BackfillRun {
  const wanted = pair.rules.projection?.digest;
  const isAsked = options.has('reproject');
  return {
    run: randomBytes(8).toString('hex'),
    totalSegments: segmentCount(pair.facts.source.sizeBytes, workersOf(options)),
    streamArn,
    destination: identityOf(pair.facts.destination),
    startedAt: new Date(systemClock.now()).toISOString(),
    ...projectionOf({ wanted, written: control.projection, isAsked }),
  };
}

/** A table that was dropped and made again is another one. */
function identityOf({ id, arn }: TableFacts): string {
  return id === undefined ? arn : `${arn} (${id})`;
}

function stepOf(progress: BackfillProgress, { pair: { facts }, replication }: WritingCall) {
  return {
    done: progress.items,
    expected: facts.source.items,
    facts: [
      `${grouped(Math.round(progress.readUnits))} RCU`,
      `${grouped(Math.round(progress.writeUnits))} WCU`,
      ...costs(dollars({ read: progress.readUnits, write: progress.writeUnits }), replication),
    ],
  };
}
