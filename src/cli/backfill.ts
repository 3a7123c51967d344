// `ferry backfill`: copy what a table already holds, beside the stream, without ever bringing back what has
// been deleted meanwhile.

import { randomBytes } from 'node:crypto';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { requireControl } from '../composition/control.ts';
import { openLookAgain } from '../composition/look-again.ts';
import { openTablePair, streamOf, type TablePair } from '../composition/table-pair.ts';
import type { ReplicationConfig } from '../config/config.ts';
import type { BackfillRun } from '../backfill/checkpoint.ts';
import { dollars } from '../model/capacity.ts';
import { type CopyEstimate, estimateCopy } from '../backfill/copy-estimate.ts';
import { type ControlRow, newestEpoch } from '../model/control-row.ts';
import { floorIn } from '../redrive/replay.ts';
import type { TableFacts } from '../model/table-facts.ts';
import { UsageError } from '../errors.ts';
import {
  backfill,
  type BackfillContext,
  type BackfillProgress,
  backfillProgress,
  openBackfill,
  planBackfill,
} from '../backfill/backfill.ts';
import {
  type BeforeStreamContext,
  checkBeforeStream,
  planStream,
} from '../backfill/before-stream.ts';
import type { RejectedCopy } from '../backfill/copy-page.ts';
import { paceOf } from '../pacing/pace.ts';
import type { LookAgainQueue } from '../ports.ts';
import { beginStream, timeWarning, withBeforeStream } from './backfill-before-stream.ts';
import { type DoneBefore, printBackfill, printEstimate } from './backfill-result.ts';
import { copyInBulk, type Copying } from './backfill-bulk.ts';
import { bulkOption, requireBulkRates } from './bulk.ts';
import type { Command, ParsedOptions } from './command.ts';
import { lookAgainOption, lookAgainUrl } from './look-again-option.ts';
import { EXIT, grouped, type Io } from './output.ts';
import { money, progressReporter } from './progress.ts';
import { replicationFrom, replicationOptions } from './replication.ts';
import { checkBulk, checkLookAgain } from './run-needs.ts';
import { segmentCount } from './segments.ts';
import { explained } from './service-errors.ts';

export const backfillCommand: Command = {
  name: 'backfill',
  options: {
    ...replicationOptions,
    apply: { help: 'do it; an unfinished backfill goes on where it was' },
    'dry-run': { help: 'only estimate items, units and money; the same as leaving out --apply' },
    restart: { help: 'forget an unfinished backfill and begin anew' },
    'before-stream': {
      help: 'copy to a new twin before its event source mapping is enabled, for half the write units or less',
    },
    bulk: bulkOption,
    workers: {
      value: 'N',
      range: [1, 1_000],
      default: '4',
      help: 'segments of the table in progress at the same time',
    },
    'read-units': {
      value: 'PER_SECOND',
      range: [1, 10_000_000],
      help: 'read capacity of the source to use at most',
    },
    'write-units': {
      value: 'PER_SECOND',
      range: [1, 10_000_000],
      help: 'write capacity of the destination to use at most',
    },
    ...lookAgainOption,
    json: { help: 'print the result as one line of JSON' },
  },
  async run(options, io) {
    if (options.has('apply') && options.has('dry-run')) {
      throw new UsageError('--apply and --dry-run contradict each other.', {
        code: 'usage.options',
        hint: 'Leave one of them out.',
      });
    }
    requireBulkRates(options);
    const queueUrl = lookAgainUrl(options);
    const replication = replicationFrom(options.text('config') ?? '', options);
    return explained({ hint: HINT, replications: [replication] }, async () => {
      const pair = await openTablePair({
        replication,
        concurrency: REQUESTS_PER_WORKER * (options.integer('workers') ?? 0),
        writes: true,
      });
      try {
        const apply = options.has('apply');
        const streamArn = streamOf(pair);
        const control = await requireControl(pair, { apply, streamArn }, retryContext(io));
        const lookAgain = await openLookAgain({ replication, queueUrl, apply });
        const call = { options, io, replication, pair, streamArn, control, lookAgain };
        if (apply) return await copy(call);
        await checkLookAgain({ replication, queueUrl }, io);
        if (options.has('bulk')) await checkBulk(replication, io);
        return await planOnly(call);
      } finally {
        pair.close();
      }
    });
  },
};

const HINT = 'Every page that was done is remembered: run it again, and it goes on from there.';
/** As many as a worker sends, and one for its checkpoint. */
const REQUESTS_PER_WORKER = 5;
const PAGE_ITEMS_MAX = 2_000;
const REJECTED_SHOWN_MAX = 20;

interface Call {
  readonly options: ParsedOptions;
  readonly io: Io;
  readonly replication: ReplicationConfig;
  readonly pair: TablePair;
  readonly streamArn: string;
  readonly control: ControlRow;
  readonly lookAgain: LookAgainQueue;
}

async function estimate(
  { source, facts }: TablePair,
  beforeStream: boolean,
): Promise<CopyEstimate> {
  const { items: sample } = await source.scan({ segment: 0, totalSegments: 1, limit: 1_000 });
  return estimateCopy(facts.source, sample, beforeStream);
}

/** Refuses what the copy itself would refuse, and finds the unfinished run that it would go on with. */
async function planOnly(call: Call): Promise<number> {
  const { options, pair, io } = call;
  const beforeStream = options.has('before-stream');
  const restart = options.has('restart');
  const fresh = { ...newRun(call), ...(beforeStream ? { beforeStream } : {}) };
  const done = beforeStream ? await doneBefore(fresh, call) : undefined;
  const context = contextOf(call, () => undefined);
  const planned = done === undefined ? await planBackfill(fresh, restart, context) : undefined;
  const unfinished = planned?.resumed === true ? planned.run : undefined;
  const copied = unfinished && (await backfillProgress(unfinished, context)).progress.items;
  if (done !== undefined) io.err(doneAlready(done.run));
  const expected = await estimate(pair, beforeStream);
  printEstimate({ ...call, expected, unfinished, copied, done });
  return EXIT.done;
}

/** A copy before the stream that has ended, and whether its stream is applied already. */
async function doneBefore(fresh: BackfillRun, call: Call): Promise<DoneBefore | undefined> {
  return withBeforeStream(call, async (before) => {
    const run = await checkBeforeStream(fresh, call.options.has('restart'), before);
    return run && { run, isBegun: (await planStream(run, before)).length > 0 };
  });
}

function doneAlready({ startedAt }: BackfillRun): string {
  return `The copy of ${startedAt} is done already.`;
}

async function copy(call: Call): Promise<number> {
  if (!call.options.has('before-stream')) return copyFrom(newRun(call), call);
  return withBeforeStream(call, async (before) => {
    const run = { ...newRun(call), beforeStream: true };
    const done = await checkBeforeStream(run, call.options.has('restart'), before);
    if (done === undefined) return copyFrom(run, call, before);
    call.io.err(doneAlready(done));
    return (await isStreamBegun(done, call, before)) ? EXIT.done : EXIT.differences;
  });
}

/** @param before where the stream is to be started in the end. */
async function copyFrom(
  fresh: BackfillRun,
  call: Call,
  before?: BeforeStreamContext,
): Promise<number> {
  const { options, io, pair } = call;
  const rejected: RejectedCopy[] = [];
  const context = contextOf(call, (one) => {
    if (rejected.length < REJECTED_SHOWN_MAX) rejected.push(one);
  });
  const { run, resumed } = await openBackfill(fresh, options.has('restart'), context);
  if (resumed) io.err(`Going on with the backfill of ${run.startedAt}.`);
  const report = progressReporter(io, systemClock, 'items');
  let { progress } = await backfillProgress(run, context);
  const onProgress = (now: BackfillProgress) => {
    progress = now;
    report(stepOf(now, pair));
    if (before !== undefined) warnOfTime(run);
  };
  const warnOfTime = timeWarning(io);
  const finished = await untilInterrupted(io, () =>
    options.has('bulk')
      ? copyInBulk(run, { call, context, onProgress })
      : copyHere(run, { call, context, onProgress }),
  );
  printBackfill({ ...call, progress, finished, resumed, rejected });
  const isBegun = before === undefined || (finished && (await isStreamBegun(run, call, before)));
  return finished && isBegun && progress.rejected === 0 ? EXIT.done : EXIT.differences;
}

async function isStreamBegun(
  run: BackfillRun,
  call: Call,
  before: BeforeStreamContext,
): Promise<boolean> {
  const isBegun = await untilInterrupted(call.io, () => beginStream(run, call, before));
  if (!isBegun) call.io.err('Stopped. Run it again: what is left is to enable the mapping.');
  return isBegun;
}

/** @returns whether it came to its end. */
async function untilInterrupted(io: Io, action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    if (error !== io.interrupted.reason) throw error;
    return false;
  }
}

function copyHere(run: BackfillRun, { call, context, onProgress }: Copying) {
  const workers = call.options.integer('workers') ?? 1;
  return backfill(run, context, { workers, onProgress });
}

function retryContext({ interrupted }: Io) {
  return { clock: systemClock, random: systemRandom, stop: interrupted };
}

function contextOf(
  { options, io, pair, replication, streamArn, control, lookAgain }: Call,
  onRejected: (rejected: RejectedCopy) => void,
): BackfillContext {
  const pace = (name: string) => paceOf(options.integer(name) ?? Infinity, systemClock);
  return {
    ...retryContext(io),
    rules: pair.rules,
    floor: floorIn(control, [streamArn]),
    epoch: newestEpoch(control).n,
    lookAgain,
    ttlDeletes: replication.ttlDeletes,
    source: pair.source,
    twin: pair.twin,
    readPace: pace('read-units'),
    transactions: pair.transactions,
    twinWriter: pair.twinWriter,
    ledger: pair.ledger,
    writePace: pace('write-units'),
    pageItems: pageItems(options),
    onRejected,
  };
}

/** A page is written within a minute or so, at about four units an item, so that little is done twice. */
function pageItems(options: ParsedOptions): number {
  const perSecond = options.integer('write-units') ?? Infinity;
  const perWorker = (perSecond * 60) / 4 / (options.integer('workers') ?? 1);
  return Math.max(1, Math.min(PAGE_ITEMS_MAX, Math.floor(perWorker)));
}

function newRun({ pair, options, streamArn }: Call): BackfillRun {
  return {
    run: randomBytes(8).toString('hex'),
    totalSegments: segmentCount(pair.facts.source.sizeBytes, options.integer('workers') ?? 1),
    streamArn,
    destination: identityOf(pair.facts.destination),
    startedAt: new Date(systemClock.now()).toISOString(),
  };
}

/** A table that was dropped and made again is another one. */
function identityOf({ id, arn }: TableFacts): string {
  return id === undefined ? arn : `${arn} (${id})`;
}

function stepOf(progress: BackfillProgress, { facts }: TablePair) {
  return {
    done: progress.items,
    expected: facts.source.items,
    facts: [
      `${grouped(Math.round(progress.readUnits))} read and ${grouped(Math.round(progress.writeUnits))} write units`,
      money(dollars({ read: progress.readUnits, write: progress.writeUnits })),
    ],
  };
}
