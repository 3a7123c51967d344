// The report of a rehearsal for people: a line for each failure, and below what was not as it must be.

import type { SwitchOutcome } from '../rehearsal/ports.ts';
import {
  type FailureOutcome,
  objectivesOf,
  problemsOf,
  type RehearsalReport,
} from '../rehearsal/report.ts';
import { duration } from '../text/duration.ts';
import { counted, grouped } from './output.ts';
import { columns } from './rows.ts';

export function rehearsalText(report: RehearsalReport, svg: string | undefined): string[] {
  const { name, regions, startedAtMs, endedAtMs, failures, notRehearsed, differences } = report;
  const apart =
    differences === null ? 'not compared' : `${counted(differences, 'difference')} at the end`;
  const problems = problemsOf(report);
  const took = duration(endedAtMs - startedAtMs);
  return [
    `Rehearsal of ${name}, ${regions[0]} to ${regions[1]}: ${counted(failures.length, 'failure')} in ${took}.`,
    '',
    ...columns([HEAD, ...failures.map(cells)]).map((line) => `  ${line}`),
    ...failures.flatMap(({ switches }) => switches.map(switchText)),
    ...notRehearsed.map(({ name: failure, why }) => `  ${failure}: not rehearsed, because ${why}.`),
    '',
    'Commands:',
    ...[...new Set(failures.flatMap(({ commands }) => commands))].map((line) => `  ${line}`),
    '',
    `${grouped(report.writes)} writes, ${grouped(report.refused)} refused during switches, ${apart}.`,
    ...(svg === undefined ? [] : [`The latency over time as a picture: ${svg}`]),
    ...(problems.length === 0
      ? [
          differences === null
            ? 'The rehearsal was stopped before its end.'
            : 'Every alarm fired, ferry status showed every failure, and the replication healed.',
        ]
      : [`${counted(problems.length, 'problem')}:`, ...problems.map((one) => `  ${one}`)]),
  ];
}

const HEAD = ['failure', 'alarm', 'fired after', 'in status after', 'RPO', 'RTO'];

function cells(outcome: FailureOutcome): string[] {
  const { name, alarms, status } = outcome;
  const [alarm] = alarms;
  const fired = alarm?.firedAfterMs ?? undefined;
  const { rpoMs, rtoMs } = objectivesOf(outcome);
  return [
    name,
    alarm?.name ?? 'none needed',
    alarm === undefined ? '' : fired === undefined ? 'did not fire' : duration(fired),
    status === null ? 'not shown' : duration(status.seenAfterMs),
    rpoMs === null ? 'unknown' : duration(rpoMs),
    rtoMs === null ? 'not healed' : duration(rtoMs),
  ];
}

function switchText({ to, rpoSeconds, isProven, rtoSeconds }: SwitchOutcome): string {
  const how = isProven ? 'proven' : 'estimated';
  const rpo = rpoSeconds === null ? 'unknown' : duration(rpoSeconds * 1000);
  return `  Switch to ${to}: RPO ${rpo}, ${how}; RTO ${duration(rtoSeconds * 1000)}.`;
}
