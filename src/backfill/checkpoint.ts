// How far a backfill has come, as rows of the state table: one for the run, one for each segment.
// Rows of items are named by a digest, so no name here can be one of theirs.

import type { PutItemInput } from '@aws-sdk/client-dynamodb';
import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import type { Item } from '../model/attribute-value.ts';
import type { LedgerRules } from '../model/rules.ts';
import { formatProblem, STORED_FORMAT } from '../model/stored-format.ts';
import type { WriteRequest } from '../model/write-request.ts';
import { FerryError } from '../errors.ts';

/** What all segments of a backfill have in common. */
export interface BackfillRun {
  /** Distinguishes it from earlier ones. */
  readonly run: string;
  readonly totalSegments: number;
  /** ARN of the source's stream when it began: the copies' version is made of it. */
  readonly streamArn: string;
  /** Names the very table that is copied to: another one with its name is another table. */
  readonly destination: string;
  readonly startedAt: string;
  /** The event source mapping does not run yet: items are put without asking their ledger rows. */
  readonly beforeStream?: boolean | undefined;
  /** Digest of the projection that it copies by; absent without one. */
  readonly projection?: string | undefined;
  /** What the twin has is compared, too, and made what the projection makes of the source. */
  readonly reproject?: boolean | undefined;
  /** The latest execution of the state machine for it, where it is a bulk run. */
  readonly execution?: string | undefined;
  readonly finishedAt?: string | undefined;
}

/** `rewritten`: the twin had the item, but not as it should be. */
const RESULTS = ['copied', 'present', 'deleted', 'rejected', 'leftOut', 'rewritten'] as const;
/**
 * `resynchronized` items are counted by their result, too. `removed` are items of the twin that the source does not
 * have, or that the projection leaves out.
 */
const OTHERS = ['resynchronized', 'removed', 'readUnits', 'writeUnits'] as const;
const COUNTS = ['items', ...RESULTS, ...OTHERS] as const;
export type CopyCounts = Record<(typeof COUNTS)[number], number>;

export interface SegmentProgress {
  readonly counts: Readonly<CopyCounts>;
  readonly done: boolean;
  /** The last key of the last page that is done; absent before the first, and when all are. */
  readonly next?: Item | undefined;
}

/** A run that has made no progress for so long is forgotten. */
const CHECKPOINT_LIFE_SECONDS = 90 * 24 * 60 * 60;

export function noCounts(): CopyCounts {
  return Object.fromEntries(COUNTS.map((name) => [name, 0])) as CopyCounts;
}

export function addCounts(sum: CopyCounts, more: Readonly<CopyCounts>): void {
  for (const name of COUNTS) sum[name] += more[name];
}

export function runKey({ replication }: Pick<LedgerRules, 'replication'>): Item {
  return { [LEDGER_ATTRIBUTES.id]: { S: `${replication}#backfill` } };
}

/** Each run has its own: one that is still at work cannot mislead its successor. */
export function segmentKey(
  { replication }: Pick<LedgerRules, 'replication'>,
  { run, segment }: SegmentName,
): Item {
  return { [LEDGER_ATTRIBUTES.id]: { S: `${replication}#backfill#${run}#${segment}` } };
}

interface SegmentName {
  readonly run: string;
  readonly segment: number;
}

/** When the run's row may be written: whatever is there, unless another run is under way, or over its own. */
type Overwrite = 'always' | 'unless-under-way' | 'if-own';

const CONDITIONS: Readonly<Record<Overwrite, string | undefined>> = {
  always: undefined,
  'unless-under-way': 'attribute_not_exists(#id) OR attribute_exists(#done) OR #run = :run',
  'if-own': '#run = :run',
};

const TEXTS = [
  'run',
  'streamArn',
  'destination',
  'startedAt',
  'projection',
  'execution',
  'finishedAt',
] as const;
const FLAGS = ['beforeStream', 'reproject'] as const;

/** Writes the run's row. */
export function runRow(
  run: BackfillRun,
  rules: LedgerRules,
  { nowMs, overwrite }: { readonly nowMs: number; readonly overwrite: Overwrite },
): WriteRequest {
  const texts = TEXTS.flatMap((name) => {
    const text = run[name];
    return text === undefined ? [] : [[name, { S: text }] as const];
  });
  const row = {
    ...runKey(rules),
    ...Object.fromEntries(texts),
    totalSegments: { N: String(run.totalSegments) },
    ...Object.fromEntries(
      FLAGS.filter((name) => run[name] === true).map((name) => [name, { BOOL: true }]),
    ),
  };
  return putRow(row, rules, nowMs, conditionOf(overwrite, run));
}

function conditionOf(overwrite: Overwrite, { run }: BackfillRun): Partial<PutItemInput> {
  const ConditionExpression = CONDITIONS[overwrite];
  if (ConditionExpression === undefined) return {};
  const names = { '#id': LEDGER_ATTRIBUTES.id, '#done': 'finishedAt', '#run': 'run' };
  return {
    ConditionExpression,
    // DynamoDB refuses names that are not used.
    ExpressionAttributeNames: Object.fromEntries(
      Object.entries(names).filter(([name]) => ConditionExpression.includes(name)),
    ),
    ExpressionAttributeValues: { ':run': { S: run } },
  };
}

/** @returns undefined where the row is not of a backfill, or of another format. */
export function parseRun(row: Item | undefined): BackfillRun | undefined {
  if (formatProblem(formatOf(row)) !== undefined) return undefined;
  const texts: Partial<Record<(typeof TEXTS)[number], string>> = {};
  for (const name of TEXTS) {
    const text = row?.[name]?.S;
    if (text !== undefined) texts[name] = text;
  }
  const { run, streamArn } = texts;
  const totalSegments = Number(row?.['totalSegments']?.N);
  if (run === undefined || streamArn === undefined || !isSegmentCount(totalSegments))
    return undefined;
  const flags = FLAGS.filter((name) => row?.[name]?.BOOL === true).map((name) => [name, true]);
  return {
    destination: '',
    startedAt: '',
    ...texts,
    run,
    streamArn,
    totalSegments,
    ...Object.fromEntries(flags),
  };
}

/** As many as DynamoDB's Scan takes. */
export function isSegmentCount(count: unknown): count is number {
  return Number.isInteger(count) && Number(count) >= 1 && Number(count) <= 1_000_000;
}

export function segmentRow(
  progress: SegmentProgress,
  name: SegmentName,
  rules: LedgerRules,
  nowMs: number,
): WriteRequest {
  const { counts, done, next } = progress;
  const row = {
    ...segmentKey(rules, name),
    done: { BOOL: done },
    ...(next === undefined ? {} : { next: { M: { ...next } } }),
    counts: {
      M: Object.fromEntries(
        Object.entries(counts).map(([name, count]) => [name, { N: String(count) }]),
      ),
    },
  };
  return putRow(row, rules, nowMs);
}

/**
 * No row: the segment has not been begun.
 * @throws FerryError `backfill.unreadable` where the row has another format.
 */
export function parseSegment(row: Item | undefined): SegmentProgress {
  const counts = noCounts();
  if (row !== undefined && formatProblem(formatOf(row)) !== undefined) throw unreadable(row);
  if (row === undefined) return { counts, done: false };
  for (const name of COUNTS) {
    const count = Number(row['counts']?.M?.[name]?.N);
    if (Number.isFinite(count)) counts[name] = count;
  }
  return { counts, done: row['done']?.BOOL === true, next: row['next']?.M };
}

function formatOf(row: Item | undefined): number | undefined {
  const format = row?.['format'];
  return format && Number(format.N);
}

export function unreadable(row: Item): FerryError {
  const problem = formatProblem(formatOf(row));
  const why = problem === undefined ? '' : `: ${problem}`;
  return new FerryError(`The state table has a row of a backfill that Ferry cannot read${why}.`, {
    code: 'backfill.unreadable',
    hint: 'Run it with the release that wrote it, or begin anew with --restart.',
  });
}

function putRow(
  row: Item,
  { stateTable }: LedgerRules,
  nowMs: number,
  condition: Partial<PutItemInput> = {},
): WriteRequest {
  const expiresAt = { N: String(Math.floor(nowMs / 1000) + CHECKPOINT_LIFE_SECONDS) };
  return {
    operation: 'PutItem',
    input: {
      TableName: stateTable,
      Item: {
        ...row,
        format: { N: String(STORED_FORMAT) },
        [LEDGER_ATTRIBUTES.expiresAt]: expiresAt,
      },
      ...condition,
    },
  };
}
