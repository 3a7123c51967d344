// The records that `--key`, `--reason`, `--older-than` and `--newer-than` select among those that were put aside.

import type { RedriveFilter } from '../model/failure-message.ts';
import type { RedriveReport } from '../redrive/report.ts';
import { counted, grouped } from './output.ts';

/** Whether a redrive is about some of the records only. A limit selects none: the others are due, too. */
export function isSelection(filter: RedriveFilter): boolean {
  return conditions(filter).length > 0;
}

/** Selected records that are not settled. */
export function unsettled(report: RedriveReport): number {
  const { applied, superseded, coalesced, skipped, resynchronized } = report;
  return report.matched - applied - superseded - coalesced - skipped - resynchronized;
}

/** That nothing is selected, and what there is instead; or what is not selected. */
export function selectionLines(report: RedriveReport, filter: RedriveFilter): string[] {
  const { found, matched, remaining } = report;
  if (found === 0 || !isSelection(filter)) return [];
  if (matched === 0) {
    const text = conditions(filter).join(' and ');
    return [
      `No record put aside ${text} (${counted(found, 'record')} found).`,
      ...reasonsInstead(report, filter),
    ];
  }
  const others = found - matched;
  // Where a run ended early, others have not been read.
  if (others === 0 || remaining > 0) return [];
  return [
    others === 1
      ? '1 other record is not selected, and stays.'
      : `${grouped(others)} other records are not selected, and stay.`,
  ];
}

function conditions({ keyText, reason, parkedBeforeMs, parkedAfterMs }: RedriveFilter): string[] {
  const isOfTime = parkedBeforeMs !== undefined || parkedAfterMs !== undefined;
  return [
    ...(keyText === undefined ? [] : ['is about this item']),
    ...(reason === undefined ? [] : [`has the reason "${reason}"`]),
    ...(isOfTime ? ['is of this time'] : []),
  ];
}

function reasonsInstead({ foundReasons }: RedriveReport, { reason }: RedriveFilter): string[] {
  const reasons = Object.entries(foundReasons);
  if (reason === undefined || Object.hasOwn(foundReasons, reason) || reasons.length === 0)
    return [];
  const text = reasons.map(([name, count]) => `${name} (${grouped(count)})`).join(', ');
  return [`The reasons found: ${text}.`];
}
