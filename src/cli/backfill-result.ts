// What a backfill would take, or has done, for people or for machines.

import type { ReplicationConfig } from '../config/config.ts';
import { itemAsJson, itemJson } from '../model/attribute-value.ts';
import type { BackfillRun } from '../backfill/checkpoint.ts';
import { dollars } from '../model/capacity.ts';
import type { CopyEstimate } from '../backfill/estimate.ts';
import type { BackfillProgress } from '../backfill/backfill.ts';
import type { RejectedCopy } from '../backfill/copy-page.ts';
import type { ParsedOptions } from './command.ts';
import { alignedRows, grouped, type Io } from './output.ts';
import { money, peakMemoryMiB } from './progress.ts';

interface Call {
  readonly options: ParsedOptions;
  readonly io: Io;
  readonly replication: ReplicationConfig;
}

/** A copy before the stream that has ended. */
export interface DoneBefore {
  readonly run: BackfillRun;
  /** Whether its stream is applied already. */
  readonly isBegun: boolean;
}

interface Estimated extends Call {
  readonly expected: CopyEstimate;
  /** The run that would be gone on with, and the items that it has done. */
  readonly unfinished: BackfillRun | undefined;
  readonly copied: number | undefined;
  readonly done: DoneBefore | undefined;
}

/** What a backfill would take; nothing has been changed. */
export function printEstimate({
  options,
  io,
  replication,
  expected,
  unfinished,
  copied,
  done,
}: Estimated): void {
  if (options.has('json')) {
    const resumes = unfinished === undefined ? {} : { resumes: unfinished.startedAt, copied };
    const finished =
      done === undefined ? {} : { alreadyDone: done.run.startedAt, streamBegun: done.isBegun };
    const facts = { apply: false, estimate: expected, ...resumes, ...finished };
    io.out(JSON.stringify({ replication: replication.name, ...facts }));
    return;
  }
  const seconds = expected.writeUnits / (options.integer('write-units') ?? Infinity);
  const rows: Array<readonly [string, string]> = [
    ['items', `about ${grouped(expected.items)}`],
    ['average size', `${grouped(expected.averageBytes)} bytes`],
    ['read units', `about ${grouped(expected.readUnits)}`],
    ['write units', `about ${grouped(expected.writeUnits)}`],
    ['cost', money(expected.dollars)],
  ];
  if (seconds > 0) rows.push(['at this rate', `about ${grouped(Math.ceil(seconds / 60))} min`]);
  io.out(`${titleOf(replication)}: a backfill would take`);
  for (const line of alignedRows(rows)) io.out(line);
  io.out(`On-demand list prices of us-east-1; indexes of the destination come on top.`);
  io.out(`Nothing was changed. With --apply ${nextStep({ unfinished, copied, done })}`);
}

function nextStep({ unfinished, copied = 0, done }: Partial<Estimated>): string {
  if (done !== undefined)
    return done.isBegun
      ? 'it does nothing: the mapping is enabled already.'
      : 'it copies nothing: what is left is to enable the mapping.';
  return unfinished === undefined
    ? 'it copies everything.'
    : `it goes on with the backfill of ${unfinished.startedAt}, which has copied ${grouped(copied)} of these items.`;
}

export interface BackfillOutcome extends Call {
  readonly progress: BackfillProgress;
  readonly finished: boolean;
  readonly resumed: boolean;
  readonly rejected: readonly RejectedCopy[];
}

/** What a backfill has done, as far as it came. */
export function printBackfill(outcome: BackfillOutcome): void {
  const { options, io, replication, progress, finished, resumed, rejected } = outcome;
  const peak = peakMemoryMiB();
  if (options.has('json')) {
    const { name } = replication;
    const result = { replication: name, apply: true, finished, resumed, ...progress };
    const keys = rejected.map(({ key, reason }) => ({ key: itemAsJson(key), reason }));
    io.out(JSON.stringify({ ...result, peakMemoryMiB: peak, rejectedKeys: keys }));
    return;
  }
  const { items, copied, present, deleted, readUnits, writeUnits } = progress;
  io.out(`${titleOf(replication)}: ${finished ? 'all items have been looked at' : 'stopped'}`);
  const rows = [
    ['items', grouped(items)],
    ['copied', grouped(copied)],
    ['there already', grouped(present)],
    ['deleted meanwhile', grouped(deleted)],
    ['rejected', grouped(progress.rejected)],
    ['asked again at the source', grouped(progress.resynchronized)],
    ['read units', grouped(Math.round(readUnits))],
    ['write units', grouped(Math.round(writeUnits))],
    ['cost', money(dollars({ read: readUnits, write: writeUnits }))],
    ['segments', `${progress.segmentsDone} of ${progress.totalSegments}`],
    ['peak memory', `${peak} MiB`],
  ] as const;
  for (const line of alignedRows(rows)) io.out(line);
  for (const { key, reason } of rejected) io.out(`rejected ${itemJson(key)}: ${reason}`);
  const unlisted = progress.rejected - rejected.length;
  if (unlisted > 0) io.out(`and ${grouped(unlisted)} more`);
  if (progress.rejected > 0) io.out(REJECTED_ADVICE);
  if (!finished) io.out(options.has('bulk') ? BULK_GOES_ON : 'Run it again: it goes on from here.');
}

const REJECTED_ADVICE =
  'The destination does not take these items as they are. Remove the cause; `ferry verify` lists them, and `ferry repair` copies them.';

const BULK_GOES_ON =
  'The bulk run goes on without this command. Run it again to follow it, or stop it in Step Functions.';

function titleOf({ name, source, destination }: ReplicationConfig): string {
  return `${name}, ${source.region}/${source.table} to ${destination.region}/${destination.table}`;
}
