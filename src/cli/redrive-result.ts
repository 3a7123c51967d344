// What a redrive has found and done, or would do: for people or for machines.

import { itemJson } from '../core/attribute-value.ts';
import type { ItemOutcome } from '../operations/redrive-item.ts';
import type { RedrivenItem } from '../operations/redrive-records.ts';
import type { Outcomes, RedriveReport } from '../operations/redrive-report.ts';
import type { Item } from '../ports.ts';
import { alignedRows, EXIT, grouped, type Io } from './output.ts';

/** Items that a run which only looks would write, delete or leave. */
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
  readonly report: RedriveReport;
  /** Of a run that only looks. */
  readonly outlook: Outlook;
}

/** @returns the exit code. */
export function printRedriven({ io, name, apply, json, report, outlook }: Redriven): number {
  if (json) io.out(jsonOf({ name, apply, report, outlook }));
  else for (const line of lines({ name, apply, report, outlook })) io.out(line);
  const { left, trimmed, unreadable, foreign, remaining } = report;
  return left + trimmed + unreadable + foreign + remaining > 0 ? EXIT.differences : EXIT.done;
}

type Told = Pick<Redriven, 'name' | 'apply' | 'report' | 'outlook'>;

function jsonOf({ name, apply, report, outlook }: Told): string {
  const plain = (key: Item) => JSON.parse(itemJson(key)) as object;
  const items = outlook.items.map(({ key, outcome, records }) => ({
    key: plain(key),
    action: actionOf(outcome),
    records,
  }));
  const sampleKeys = report.sampleKeys.map(plain);
  return JSON.stringify({
    replication: name,
    apply,
    ...report,
    sampleKeys,
    ...(apply ? {} : { items }),
  });
}

function lines({ name, apply, report, outlook }: Told): string[] {
  const { matched, reasons } = report;
  return [
    `${grouped(matched)} record(s) of ${name} put aside${apply ? '' : ', of which none was touched'}`,
    ...alignedRows(Object.entries(reasons).map(([reason, count]) => [reason, grouped(count)])),
    ...(apply ? outcomeLines(report) : outlookLines(report, outlook)),
    ...leftInPlace(report),
    ...(report.remaining === 0
      ? []
      : [`about ${grouped(report.remaining)} message(s) and object(s) remain`]),
    ...(apply || matched === 0
      ? []
      : ['With --apply they go through the guard again: nothing newer is overwritten.']),
  ];
}

/** What a run that only looks tells beside the reasons. */
function outlookLines(report: RedriveReport, { items, more }: Outlook): string[] {
  const { oldestMs, newestMs, matched, would } = report;
  const time = (ms: number | undefined) =>
    ms === undefined || ms === 0 ? 'unknown' : new Date(ms).toISOString();
  return [
    ...(matched === 0 ? [] : [`oldest ${time(oldestMs)}`, `newest ${time(newestMs)}`]),
    ...(would === undefined ? [] : ['With --apply, as things are now:', ...countLines(would)]),
    ...items.map(lineOf),
    ...(more === 0 ? [] : [`and ${grouped(more)} more item(s): --limit lists more of them.`]),
  ];
}

function outcomeLines(report: RedriveReport): string[] {
  return [...countLines(report), ...alignedRows([['left', grouped(report.left)]])];
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
    [trimmed, 'batch(es) of which only sequence numbers are left, and the stream has no more'],
    [unreadable, 'message(s) or object(s) that are not dead letters'],
    [foreign, 'message(s) or record(s) of another replication or table'],
  ] as const;
  return rows.flatMap(([count, what]) => (count === 0 ? [] : [`${grouped(count)} ${what}`]));
}
