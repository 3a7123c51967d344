// One screen per replication: the verdict first, then the figures behind it.

import { givenName } from '../config/directions.ts';
import { sumSince } from '../model/vitals.ts';
import { activeText } from '../status/switching.ts';
import { outdatedText, verdictText } from '../status/verdict.ts';
import { grouped, wrapped } from './output.ts';
import { indented, rowsWithin } from './rows.ts';
import { runbookLink } from './runbook-link.ts';
import { type Status, statusRows } from './status-figures.ts';
import { processRows } from './status-process.ts';
import { twinRows } from './status-twin.ts';

/** @param width of the terminal. @default lines of any length */
export function statusScreen(status: Status, width = Infinity): string[] {
  const { source, destination } = status.replication;
  const title = `${givenName(status.replication)}: ${source.region}/${source.table} to ${destination.region}/${destination.table}`;
  const head = [title, verdictLine(status), ...switchingLines(status), ...notes(status)];
  const { process } = status;
  if (process !== undefined)
    return [
      ...head.flatMap((line) => wrapped(line, width)),
      '',
      ...rowsWithin([...processRows(process), ...twinRows(status)], width),
      '',
    ];
  return [
    ...head.flatMap((line) => wrapped(line, width)),
    '',
    ...rowsWithin([...statusRows(status), ...twinRows(status)], width),
    ...precision(status).flatMap((line) => indented(line, '  ', width)),
    '',
  ];
}

/** What is active since when, and how both directions are. */
function switchingLines({ switching }: Status): string[] {
  if (switching === undefined) return [];
  const { state, direction, own, other, ofTables } = switching;
  const active = activeText(state);
  return [
    ...(active === undefined ? [] : [`${active}.`]),
    `Direction ${direction}: ${verdictText(own)}. Direction ${other.direction}: ${verdictText(other.verdict)}.`,
    ...ofTables,
  ];
}

/** How exact the latencies are, if they are not exact. */
function precision({ replication: { timestampAttribute }, vitals }: Status): string[] {
  if (timestampAttribute === undefined)
    return [
      'All latencies but the heartbeat are up to 1 s too high: stream times are whole seconds.',
    ];
  const fallbacks = sumSince(vitals.own.TimestampFallbacks, 0);
  if (fallbacks === 0) return [];
  return [
    `${grouped(fallbacks)} applied records of the last hour have no usable timestamp in "${timestampAttribute}".`,
    'Their latencies use the time of the stream, and are up to 1 s too high.',
  ];
}

/** What the operator has to know beside the verdict. */
function notes({ verdict, vitals }: Status): string[] {
  const { paused, controlProblem, isOlder = false } = vitals;
  const outdated = verdict.level === 'outdated' ? undefined : outdatedText(vitals);
  const why = controlProblem === undefined ? '' : ` (${controlProblem})`;
  return [
    ...(isOlder ? ['The deployed function is older than this command. Deploy it again.'] : []),
    ...(paused === 'unknown' && verdict.level !== 'unknown'
      ? [
          `The control row of the destination cannot be read from here${why}. It is unknown whether the replication is paused.`,
        ]
      : []),
    ...(outdated === undefined ? [] : [outdated]),
  ];
}

function verdictLine({ verdict, replication }: Status): string {
  const { runbook } = verdict;
  const line = verdictText(verdict);
  return runbook === undefined
    ? line
    : `${line}. See ${runbookLink(replication.alarms.runbook, runbook)}`;
}
