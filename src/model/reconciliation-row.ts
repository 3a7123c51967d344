// What comparisons on a schedule keep in the ledger: the last run that ended well, the last one that did not, and the one
// in progress.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import type { Item } from './attribute-value.ts';
import type { LedgerRules } from './rules.ts';
import { STORED_FORMAT } from './stored-format.ts';
import { integerIn } from './stored-number.ts';
import type { WriteRequest } from './write-request.ts';

export interface Reconciliation {
  /** Grows by one with each write. */
  readonly revision: number;
  /** The end of the last good run, or the first look if there is none: the age counts from here. */
  readonly sinceMs: number;
  /** The last run that ended well: it compared all that it was to compare. */
  readonly good?: GoodRun | undefined;
  /** The last run that did not, where none has ended well since. */
  readonly failed?: FailedRun | undefined;
  readonly running?: RunningRun | undefined;
}

export interface RunningRun {
  /** The name of the execution, and of the folder of its reports. */
  readonly run: string;
  readonly startedAtMs: number;
  /** ARN of the execution. */
  readonly execution: string;
}

interface FailedRun {
  readonly run: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** A sentence without its full stop. */
  readonly reason: string;
}

export interface GoodRun extends Readonly<Record<RunCount, number>> {
  readonly run: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

/** What is not stored is 0: releases may add counts. */
const COUNTS = [
  /** Items that were compared, of the source and of the twin. */
  'items',
  'destinationItems',
  /** Items of the source that the projection leaves out. */
  'leftOut',
  /** Ranges of the key space that were compared, of how many. Equal where everything was compared. */
  'ranges',
  'rangesTotal',
  /** Items of the range that has the most. */
  'largestRange',
  /** Items that differed, as the run found them. */
  'differences',
  /** Undecided items: changed at every look, or cannot be read. */
  'inFlight',
  'unreadable',
  /** Differences that the run repaired; and those that are left, with the unreadable items. */
  'repaired',
  'left',
] as const;

type RunCount = (typeof COUNTS)[number];

type Ledger = Pick<LedgerRules, 'replication' | 'stateTable'>;

export function reconciliationKey({ replication }: Ledger): Item {
  return { [LEDGER_ATTRIBUTES.id]: { S: `${replication}#reconciliation` } };
}

/** Refused where another process has written since: `revision` must be one above that of the row that was read. */
export function putReconciliation(
  ledger: Ledger,
  { good, failed, running, sinceMs, revision }: Reconciliation,
): WriteRequest {
  return {
    operation: 'PutItem',
    input: {
      TableName: ledger.stateTable,
      Item: {
        ...reconciliationKey(ledger),
        format: number(STORED_FORMAT),
        revision: number(revision),
        since: number(sinceMs),
        ...(good && { good: fieldsOf(good) }),
        ...(failed && { failed: fieldsOf(failed) }),
        ...(running && { running: fieldsOf(running) }),
      },
      ConditionExpression: 'attribute_not_exists(#id) OR #revision = :before',
      ExpressionAttributeNames: { '#id': LEDGER_ATTRIBUTES.id, '#revision': 'revision' },
      ExpressionAttributeValues: { ':before': number(revision - 1) },
    },
  };
}

function number(value: number): AttributeValue.NMember {
  return { N: `${Math.floor(value)}` };
}

function fieldsOf(run: GoodRun | FailedRun | RunningRun): AttributeValue {
  const fields = Object.entries(run).map(([name, value]: [string, string | number]) => [
    name,
    typeof value === 'number' ? number(value) : { S: value },
  ]);
  return { M: Object.fromEntries(fields) as Item };
}

export function parseReconciliation(
  item: Item | undefined,
): Reconciliation | 'unreadable' | undefined {
  if (item === undefined) return undefined;
  const [revision, sinceMs] = [integerIn(item['revision']), integerIn(item['since'])];
  const isReadable = integerIn(item['format']) === STORED_FORMAT;
  if (!isReadable || revision === undefined || sinceMs === undefined) return 'unreadable';
  const [good, failed, running] = ['good', 'failed', 'running'].map((name) => item[name]?.M);
  return {
    revision,
    sinceMs,
    ...(good && { good: { ...endedRun(good), ...countsOf(good) } }),
    ...(failed && { failed: { ...endedRun(failed), reason: failed['reason']?.S ?? '' } }),
    ...(running && { running: { ...runOf(running), execution: running['execution']?.S ?? '' } }),
  };
}

function runOf(fields: Item) {
  return { run: fields['run']?.S ?? '', startedAtMs: integerIn(fields['startedAtMs']) ?? 0 };
}

function endedRun(fields: Item) {
  return { ...runOf(fields), endedAtMs: integerIn(fields['endedAtMs']) ?? 0 };
}

function countsOf(fields: Item): Record<RunCount, number> {
  const counts = COUNTS.map((name) => [name, integerIn(fields[name]) ?? 0]);
  return Object.fromEntries(counts) as Record<RunCount, number>;
}
