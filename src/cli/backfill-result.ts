// What a backfill would take, or has done, for people or for machines.

import { otherName } from '../config/directions.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { itemAsJson, itemJson } from '../model/attribute-value.ts';
import type { BackfillRun } from '../backfill/checkpoint.ts';
import type { CopyEstimate } from '../backfill/estimate.ts';
import { isReprojecting } from '../backfill/projection.ts';
import type { BackfillProgress } from '../backfill/backfill.ts';
import type { RejectedCopy } from '../backfill/context.ts';
import { wholeReason } from '../resync/unreadable-item.ts';
import { type Call, printResult, titleOf } from './call.ts';
import { grouped } from './output.ts';
import { capacityRows, figures, knowsPrices, memoryRow, peakMemoryMiB, type Row } from './rows.ts';

/** A copy before the stream that has ended. */
export interface DoneBefore {
  readonly run: BackfillRun;
  /** Whether its stream is applied already. */
  readonly isBegun: boolean;
}

export interface Expectation {
  readonly expected: CopyEstimate;
  /** What the sample is, where there is more to say than its size. */
  readonly sample: Sample | undefined;
}

interface Sample {
  readonly items: number;
  readonly leftOut: number;
  /** Items that cannot be read, or for which the projection fails. */
  readonly unreadable: number;
  /** By what the twin has, if it is compared. */
  readonly present?: number;
  readonly toCopy?: number;
  readonly toRewrite?: number;
  readonly toRemove?: number;
}

interface Estimated extends Call, Expectation {
  /** The run that --apply would begin, or continue. */
  readonly run: BackfillRun;
  /** The run that --apply would continue, and how many items it has copied. */
  readonly unfinished: BackfillRun | undefined;
  readonly copied: number | undefined;
  readonly done: DoneBefore | undefined;
}

export function printEstimate(estimated: Estimated): void {
  const { replication, expected, sample, run, unfinished, copied, done } = estimated;
  const isPriced = knowsPrices(replication);
  printResult(
    estimated,
    {
      apply: false,
      estimate: isPriced ? expected : { ...expected, dollars: null },
      ...projectionFacts(run),
      ...(sample && { sample }),
      ...(unfinished === undefined ? {} : { resumes: unfinished.startedAt, copied }),
      ...(done === undefined ? {} : { alreadyDone: done.run.startedAt, streamBegun: done.isBegun }),
    },
    [
      `${titleOf(replication)}: estimate of a backfill`,
      ...figures(estimateRows(estimated)),
      ...(isPriced
        ? [
            'The cost uses on-demand list prices of us-east-1. Writes to indexes of the destination are not included.',
          ]
        : []),
      `Nothing was changed. ${nextStep(estimated)}`,
    ],
  );
}

function projectionFacts(run: BackfillRun) {
  return { projection: run.projection ?? null, reproject: isReprojecting(run) };
}

function sampleRows({ expected: { items }, sample, replication }: Estimated): Row[] {
  if (sample === undefined) return [];
  return SAMPLED.flatMap(([name, usual]) => {
    const count = sample[name];
    if (count === undefined) return [];
    const title = name === 'leftOut' && replication.twoWay ? ELSEWHERE : usual;
    const all = Math.round((items * count) / (sample.items || 1));
    return [[title, `about ${grouped(all)}, ${grouped(count)} in a sample`] as const];
  });
}

const SAMPLED = [
  ['leftOut', 'left out'],
  ['unreadable', 'rejected'],
  ['present', 'already there'],
  ['toCopy', 'to copy'],
  ['toRewrite', 'to rewrite'],
  ['toRemove', 'to remove'],
] as const;

/** Where both tables are written. */
const ELSEWHERE = 'at home elsewhere';

function estimateRows(estimated: Estimated): Row[] {
  const { options, expected, replication } = estimated;
  const seconds = expected.writeUnits / (options.integer('write-units') ?? Infinity);
  return [
    ['items', `about ${grouped(expected.items)}`],
    ...(expected.writeUnits > 0
      ? [['average size', `${grouped(expected.averageBytes)} bytes`] as const]
      : []),
    ...sampleRows(estimated),
    ...capacityRows(expected, { replication, prefix: 'about ' }),
    ...(seconds > 0
      ? [['time at this rate', `about ${grouped(Math.ceil(seconds / 60))} min`] as const]
      : []),
  ];
}

export const ENABLE_LEFT = 'Run the command again to enable the event source mapping.';

function nextStep({ replication, run, unfinished, copied = 0, done }: Estimated): string {
  if (done !== undefined)
    return done.isBegun
      ? '--apply does nothing: the event source mapping is already enabled.'
      : '--apply copies nothing, and enables the event source mapping.';
  const doesAll = isReprojecting(run)
    ? '--apply copies what the twin does not have, rewrites what is different, and removes what the projection leaves out, and what Ferry has written and the source does not have.'
    : `--apply copies ${whatIsCopied(replication)}.`;
  return unfinished === undefined
    ? doesAll
    : `--apply continues the backfill that started at ${unfinished.startedAt}. It has copied ${grouped(copied)} of these items.`;
}

function whatIsCopied(replication: ReplicationConfig): string {
  const { twoWay, source } = replication;
  if (twoWay === undefined) return 'everything';
  const other = `\`ferry backfill --replication ${otherName(replication)}\``;
  return `the items at home in ${source.region}; ${other} copies the others`;
}

export interface BackfillOutcome extends Call {
  readonly run: BackfillRun;
  readonly progress: BackfillProgress;
  readonly finished: boolean;
  readonly resumed: boolean;
  readonly rejected: readonly RejectedCopy[];
}

export function printBackfill(outcome: BackfillOutcome): void {
  const { run, progress, finished, resumed, rejected } = outcome;
  printResult(
    outcome,
    {
      apply: true,
      finished,
      resumed,
      ...projectionFacts(run),
      ...progress,
      peakMemoryMiB: peakMemoryMiB(),
      rejectedKeys: rejected.map(({ key, reason }) => ({ key: itemAsJson(key), reason })),
    },
    outcomeLines(outcome),
  );
}

function outcomeLines(outcome: BackfillOutcome) {
  const { options, replication, run, progress, finished, rejected } = outcome;
  const unlisted = progress.rejected - rejected.length;
  const goesOn = options.has('bulk')
    ? 'The bulk run continues without this command. Run the command again to follow it, or stop it in Step Functions.'
    : 'Run the command again: it continues from here.';
  return [
    `${titleOf(replication)}: ${finished ? 'the backfill has processed all items' : 'the backfill was stopped'}`,
    ...figures(outcomeRows(outcome)),
    ...rejected.map((one) => `rejected ${itemJson(one.key)}: ${wholeReason(one)}`),
    ...(unlisted > 0 ? [`and ${grouped(unlisted)} more`] : []),
    ...(progress.rejected > 0 ? [rejectedAdvice(run)] : []),
    ...(finished ? [] : [goesOn]),
  ];
}

function outcomeRows({ run, progress, replication }: BackfillOutcome): Row[] {
  const { items, copied, present, deleted, rejected, resynchronized } = progress;
  const { leftOut, rewritten, removed } = progress;
  return [
    ['items', grouped(items)],
    ['copied', grouped(copied)],
    ['already there', grouped(present)],
    ['deleted meanwhile', grouped(deleted)],
    ['rejected', grouped(rejected)],
    ...(run.projection === undefined ? [] : [['left out', grouped(leftOut)] as const]),
    ...(replication.twoWay === undefined ? [] : [[ELSEWHERE, grouped(leftOut)] as const]),
    ...(isReprojecting(run)
      ? [
          ['rewritten', grouped(rewritten)] as const,
          ['removed from the twin', grouped(removed)] as const,
        ]
      : []),
    ['read again from the source', grouped(resynchronized)],
    ...capacityRows(progress, { replication }),
    ['segments', `${progress.segmentsDone} of ${progress.totalSegments}`],
    memoryRow(),
  ];
}

function rejectedAdvice(run: BackfillRun): string {
  const next = isReprojecting(run)
    ? 'run the command again: until then, the twin has these items as they were, and `ferry status` says so.'
    : '`ferry verify` lists them, and `ferry repair` copies them.';
  return `The destination rejects these items, or the projection fails. Remove the cause. Then ${next}`;
}
