// What a redrive has found and done, or would do: for people or for machines.

import { givenName } from '../config/directions.ts';
import { itemAsJson, itemJson } from '../model/attribute-value.ts';
import type { RedriveFilter } from '../model/failure-message.ts';
import type { ItemOutcome, RedrivenItem } from '../redrive/outcome.ts';
import type { Outcomes, RedriveReport } from '../redrive/report.ts';
import { utcTime } from '../status/pause.ts';
import { type Call, exitCode, printResult } from './call.ts';
import { counted, grouped } from './output.ts';
import { isSelection, selectionLines, unsettled } from './redrive-selection.ts';
import { figures } from './rows.ts';

/** Items that were written, deleted or left, or would be. */
export interface Preview {
  readonly items: readonly RedrivenItem[];
  /** Those beyond the first. */
  readonly more: number;
}

export interface Redriven extends Call {
  readonly filter: RedriveFilter;
  readonly report: RedriveReport;
  /** Absent of a bulk run, whose workers report no items. */
  readonly preview?: Preview | undefined;
}

/** @returns the exit code. */
export function printRedriven(redriven: Redriven): number {
  printResult(redriven, factsOf(redriven), linesOf(redriven));
  return exitCode(isAllDone(redriven));
}

/** Unselected records may stay. Unreadable messages and expired batches can hold selected records. */
function isAllDone({ report, filter }: Pick<Redriven, 'report' | 'filter'>): boolean {
  const { left, trimmed, unreadable, foreign, remaining } = report;
  const undone = isSelection(filter) ? unsettled(report) : left + foreign;
  return undone + unreadable + trimmed + remaining === 0;
}

function factsOf({ options, report, preview }: Redriven): object {
  return {
    apply: options.has('apply'),
    ...report,
    sampleKeys: report.sampleKeys.map(itemAsJson),
    ...itemsOf(preview),
  };
}

function itemsOf(preview: Preview | undefined): object {
  if (preview === undefined) return {};
  const items = preview.items.map(({ key, outcome, records }) => ({
    key: itemAsJson(key),
    action: actionOf(outcome),
    outcome: outcome.kind,
    ...('why' in outcome ? { why: outcome.why } : {}),
    records,
  }));
  return { items, itemsShown: items.length, itemsLeftOut: preview.more };
}

function linesOf({ options, replication, filter, report, preview }: Redriven): string[] {
  const { matched, reasons, remaining } = report;
  const apply = options.has('apply');
  const isSome = isSelection(filter) || remaining > 0;
  const isUntouched = !apply && matched > 0;
  const found = counted(matched, isSome ? 'selected failed record' : 'failed record');
  return [
    `${givenName(replication)}: ${found}${isUntouched ? '. Nothing was changed.' : ''}`,
    ...figures(Object.entries(reasons).map(([reason, count]) => [reason, grouped(count)])),
    ...(apply ? outcomeLines(report) : previewLines(report, preview)),
    ...selectionLines(report, filter),
    ...leftInPlace(report),
    ...remainingLines(report),
    ...(isUntouched
      ? ['--apply applies them again under the guard, which never overwrites newer items.']
      : []),
  ];
}

function previewLines(report: RedriveReport, preview: Preview | undefined): string[] {
  const { items, more } = preview ?? { items: [], more: 0 };
  const { oldestMs, newestMs, matched, would } = report;
  const time = (ms: number | undefined) => (ms === undefined || ms === 0 ? 'unknown' : utcTime(ms));
  return [
    ...(matched === 0 ? [] : [`oldest ${time(oldestMs)}`, `newest ${time(newestMs)}`]),
    ...(would === undefined ? [] : ['Outcomes of --apply now:', ...countLines(would)]),
    ...items.map(lineOf),
    ...(more === 0 ? [] : [`and ${counted(more, 'more item')}: --limit lists more of them.`]),
  ];
}

function outcomeLines(report: RedriveReport): string[] {
  if (report.matched === 0) return [];
  const untried = unsettled(report) - report.failing;
  return [
    ...countLines(report),
    ...(untried > 0 ? figures([['not tried', grouped(untried)]]) : []),
  ];
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
    ([name, count]) => `still fail with ${name}: ${grouped(count)}`,
  );
  const more = (['stranded', 'own', 'stray'] as const).filter((name) => (outcomes[name] ?? 0) > 0);
  const rows = [...COUNTS, ...more].map((name) => [name, grouped(outcomes[name] ?? 0)] as const);
  return [...figures(rows), ...failures];
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
      return outcome.written === 'nothing' ? 'equal to the source' : 'read from the source';
    case 'rejected':
    case 'unfinished':
      return outcome.why;
  }
}

/** What stays in place, whatever the filter. */
function leftInPlace({ trimmed, unreadable, foreign }: RedriveReport): string[] {
  const rows = [
    [
      trimmed,
      'batch whose records have expired from the stream',
      'batches whose records have expired from the stream',
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
  const remain = (count: number, what: string) =>
    `${counted(count, what)} ${count === 1 ? 'remains' : 'remain'}`;
  return [
    ...(letters === 0
      ? []
      : [`About ${remain(letters, 'dead letter')} in the queue. A dead letter is one record.`]),
    ...(objects === 0
      ? []
      : [
          `${remain(objects, 'object')} in the bucket. An object is a batch of records. It stays until all of them are settled.`,
        ]),
  ];
}
