// The failed records that `--key`, `--reason`, `--older-than` and `--newer-than` select.

import type { RedriveFilter } from '../model/failure-message.ts';
import type { RedriveReport } from '../redrive/report.ts';
import { counted, grouped } from './output.ts';

/** Whether a redrive is for some of the records only. A limit is not a selection. */
export function isSelection(filter: RedriveFilter): boolean {
  return conditions(filter).length > 0;
}

/** Selected records that are not settled. */
export function unsettled(report: RedriveReport): number {
  const { applied, superseded, coalesced, skipped, resynchronized } = report;
  return report.matched - applied - superseded - coalesced - skipped - resynchronized;
}

/** If nothing is selected, which reasons were found; otherwise how many records are not selected. */
export function selectionLines(report: RedriveReport, filter: RedriveFilter): string[] {
  const { found, matched, remaining } = report;
  if (found === 0 || !isSelection(filter)) return [];
  if (matched === 0) {
    const text = conditions(filter).join(' and ');
    return [
      `No failed record ${text} (${counted(found, 'record')} found).`,
      ...reasonsInstead(report, filter),
    ];
  }
  const others = found - matched;
  // A run that ended early has not read all others.
  if (others === 0 || remaining > 0) return [];
  return [
    others === 1
      ? '1 other record is not selected, and stays in place.'
      : `${grouped(others)} other records are not selected, and stay in place.`,
  ];
}

function conditions({ keyText, reason, parkedBeforeMs, parkedAfterMs }: RedriveFilter): string[] {
  const isOfTime = parkedBeforeMs !== undefined || parkedAfterMs !== undefined;
  return [
    ...(keyText === undefined ? [] : ['has this key']),
    ...(reason === undefined ? [] : [`has the reason "${reason}"`]),
    ...(isOfTime ? ['is of this period'] : []),
  ];
}

function reasonsInstead({ foundReasons }: RedriveReport, { reason }: RedriveFilter): string[] {
  const reasons = Object.entries(foundReasons);
  if (reason === undefined || Object.hasOwn(foundReasons, reason) || reasons.length === 0)
    return [];
  const text = reasons.map(([name, count]) => `${name} (${grouped(count)})`).join(', ');
  return [`The reasons found: ${text}.`];
}
