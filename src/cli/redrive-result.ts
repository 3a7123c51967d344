// What a redrive has found and done, or would do: for people or for machines.

import { itemAsJson, itemJson } from '../model/attribute-value.ts';
import type { RedriveFilter } from '../model/failure-message.ts';
import type { ItemOutcome, RedrivenItem } from '../redrive/outcome.ts';
import type { Outcomes, RedriveReport } from '../redrive/report.ts';
import { alignedRows, counted, EXIT, grouped, type Io } from './output.ts';
import { isSelection, selectionLines, unsettled } from './redrive-selection.ts';

/** Items that were written, deleted or left, or would be. */
export interface Outlook {
  readonly items: readonly RedrivenItem[];
  /** Those beyond the first. */
  readonly more: number;
}

export interface Redriven {
  readonly io: Io;
  readonly name: string;
  readonly apply: boolean;
  readonly json: boolean;
  /** What was to be redriven. */
  readonly filter: RedriveFilter;
  readonly report: RedriveReport;
  /** Absent of a bulk run, whose workers report no items. */
  readonly outlook?: Outlook | undefined;
}

/** @returns the exit code. */
export function printRedriven({ io, json, ...result }: Redriven): number {
  if (json) io.out(jsonOf(result));
  else for (const line of lines(result)) io.out(line);
  return isAllDone(result) ? EXIT.done : EXIT.differences;
}

/**
 * Of a selection, what was not selected may stay. What cannot be read, and a batch that the stream no longer has, may
 * hold what was selected.
 */
function isAllDone({ report, filter }: Pick<Redriven, 'report' | 'filter'>): boolean {
  const { left, trimmed, unreadable, foreign, remaining } = report;
  const undone = isSelection(filter) ? unsettled(report) : left + foreign;
  return undone + unreadable + trimmed + remaining === 0;
}

type Result = Omit<Redriven, 'io' | 'json'>;

function jsonOf({ name, apply, report, outlook }: Result): string {
  const sampleKeys = report.sampleKeys.map(itemAsJson);
  return JSON.stringify({ replication: name, apply, ...report, sampleKeys, ...itemsOf(outlook) });
}

function itemsOf(outlook: Outlook | undefined): object {
  if (outlook === undefined) return {};
  const items = outlook.items.map(({ key, outcome, records }) => ({
    key: itemAsJson(key),
    action: actionOf(outcome),
    outcome: outcome.kind,
    ...('why' in outcome ? { why: outcome.why } : {}),
    records,
  }));
  return { items, itemsShown: items.length, itemsLeftOut: outlook.more };
}

function lines({ name, apply, filter, report, outlook }: Result): string[] {
  const { matched, reasons, remaining } = report;
  const isSome = isSelection(filter) || remaining > 0;
  const untouched = apply || matched === 0 ? '' : ', none of them touched';
  return [
    `${counted(matched, isSome ? 'selected record' : 'record')} of ${name} put aside${untouched}`,
    ...alignedRows(Object.entries(reasons).map(([reason, count]) => [reason, grouped(count)])),
    ...(apply ? outcomeLines(report) : outlookLines(report, outlook)),
    ...selectionLines(report, filter),
    ...leftInPlace(report),
    ...remainingLines(report),
    ...(apply || matched === 0
      ? []
      : ['With --apply they go through the guard again: nothing newer is overwritten.']),
  ];
}

/** What a run that only looks tells beside the reasons. */
function outlookLines(report: RedriveReport, outlook: Outlook | undefined): string[] {
  const { items, more } = outlook ?? { items: [], more: 0 };
  const { oldestMs, newestMs, matched, would } = report;
  const time = (ms: number | undefined) =>
    ms === undefined || ms === 0 ? 'unknown' : new Date(ms).toISOString();
  return [
    ...(matched === 0 ? [] : [`oldest ${time(oldestMs)}`, `newest ${time(newestMs)}`]),
    ...(would === undefined ? [] : ['With --apply, as things are now:', ...countLines(would)]),
    ...items.map(lineOf),
    ...(more === 0 ? [] : [`and ${counted(more, 'more item')}: --limit lists more of them.`]),
  ];
}

function outcomeLines(report: RedriveReport): string[] {
  if (report.matched === 0) return [];
  const untried = unsettled(report) - report.failing;
  const rows = untried > 0 ? alignedRows([['not tried', grouped(untried)]]) : [];
  return [...countLines(report), ...rows];
}

const COUNTS = [
  'applied',
  'superseded',
  'coalesced',
  'skipped',
  'resynchronized',
  'failing',
] as const;

function countLines(outcomes: Outcomes): string[] {
  const failures = Object.entries(outcomes.failures).map(
    ([name, count]) => `still failing with ${name}: ${grouped(count)}`,
  );
  return [...alignedRows(COUNTS.map((name) => [name, grouped(outcomes[name])])), ...failures];
}

function lineOf({ key, outcome, records }: RedrivenItem): string {
  const count = records === 1 ? '' : ` (${grouped(records)} records)`;
  return `${actionOf(outcome)} ${itemJson(key)}${count}: ${whyOf(outcome)}`;
}

function actionOf(outcome: ItemOutcome): 'write' | 'delete' | 'leave' {
  if (outcome.kind === 'rejected' || outcome.kind === 'unfinished') return 'leave';
  return ({ put: 'write', delete: 'delete', nothing: 'leave' } as const)[outcome.written];
}

function whyOf(outcome: ItemOutcome): string {
  switch (outcome.kind) {
    case 'applied':
      return 'applied';
    case 'superseded':
      return 'superseded';
    case 'resynchronized':
      return outcome.written === 'nothing' ? 'equal to the source' : 'as the source has it';
    case 'rejected':
    case 'unfinished':
      return outcome.why;
  }
}

/** What stays where it is, whatever the filter. */
function leftInPlace({ trimmed, unreadable, foreign }: RedriveReport): string[] {
  const rows = [
    [
      trimmed,
      'batch whose records the stream no longer has',
      'batches whose records the stream no longer has',
    ],
    [
      unreadable,
      'message or object that is not a dead letter',
      'messages and objects that are not dead letters',
    ],
    [
      foreign,
      'message or record of another replication or table',
      'messages and records of other replications or tables',
    ],
  ] as const;
  return rows.flatMap(([count, one, many]) => (count === 0 ? [] : [counted(count, one, many)]));
}

/** What a run that ended early leaves behind. */
function remainingLines({ remaining, remainingObjects: objects }: RedriveReport): string[] {
  const letters = remaining - objects;
  const verb = (count: number) => (count === 1 ? 'remains' : 'remain');
  return [
    ...(letters === 0
      ? []
      : [
          `About ${counted(letters, 'letter')} ${verb(letters)} in the queue. A letter is one record.`,
        ]),
    ...(objects === 0
      ? []
      : [
          `${counted(objects, 'object')} ${verb(objects)} in the bucket. An object is a batch of records, and stays until all of them are settled.`,
        ]),
  ];
}
