// `ferry history`: what commands and functions have changed, the newest first.

import { systemClock } from '../aws/system-clock.ts';
import { historyHomes, readHistory } from '../composition/history.ts';
import { HISTORY_DAYS } from '../config/names.ts';
import type { Counts, HistoryEntry } from '../history/entry.ts';
import { FerryError } from '../errors.ts';
import { duration } from '../text/duration.ts';
import { visible } from '../text/visible.ts';
import { type Call, exitCode, printResult, titleOf } from './call.ts';
import { type Command, numberOption } from './command.ts';
import { grouped } from './output.ts';
import { pointInTime } from './point-in-time.ts';
import { severalOptions } from './replication.ts';
import { onReplications } from './several.ts';

export const historyCommand: Command = {
  name: 'history',
  options: {
    ...severalOptions,
    since: {
      value: 'TIME',
      help: `only runs that ended after this time: 90m, 12h or 7d ago, or a date (default: all, up to ${HISTORY_DAYS} days)`,
    },
    limit: numberOption('N', [1, 100_000], 'how many runs to show', 20),
    json: { help: 'print the runs as one line of JSON' },
  },
  run(options, io) {
    const sinceMs = pointInTime('since', options);
    const run = (call: Call) => show(call, sinceMs);
    return onReplications({ options, io }, { hint: '', run, forOne: [] });
  },
};

/** @returns 3 where a part of the history could not be read. */
async function show(call: Call, since: number | undefined): Promise<number> {
  const { options, io, replication, sides } = call;
  const homes = historyHomes(replication, sides, io.environment);
  if (homes.length === 0) throw noneOf(replication.name);
  const nowMs = systemClock.now();
  const sinceMs = since ?? nowMs - HISTORY_DAYS * DAY_MS;
  const limit = options.integer('limit') ?? 1;
  const { entries, problems, isMore } = await readHistory(homes, { sinceMs, nowMs, limit });
  for (const problem of problems) io.err(`The history is incomplete: ${problem}.`);
  const none = 'There is no run that has changed data.';
  printResult(call, { runs: entries, more: isMore, problems }, [
    titleOf(replication),
    ...(entries.length === 0 ? [none] : entries.flatMap(linesOf)),
    ...(isMore ? ['There are more: --limit shows more of them.'] : []),
  ]);
  return exitCode(problems.length === 0);
}

const DAY_MS = 24 * 60 * 60 * 1000;

function noneOf(name: string): FerryError {
  return new FerryError(`${name} has no history: its source is an emulator on this machine.`, {
    code: 'history.emulator',
    hint: 'A log group keeps the history of a replication that is deployed to AWS.',
  });
}

function linesOf(entry: HistoryEntry): string[] {
  const { endedAt, startedAt, command, direction, by, outcome, result, error } = entry;
  const took = duration(Date.parse(endedAt) - Date.parse(startedAt));
  const given = Object.entries(entry.options).map(([name, value]) =>
    value === true ? ` --${name}` : ` --${name} ${value}`,
  );
  const where = direction === undefined ? '' : ` (${direction})`;
  const how = [outcome, result, error].filter((text) => text !== undefined).join(', ');
  const counts = countTexts(entry.counts).join('  ');
  return [
    `${endedAt}  ${command}${given.join('')}${where}: ${how}, after ${took}`,
    ...(counts === '' ? [] : [`  ${counts}`]),
    `  by ${by}`,
  ].map(visible);
}

/** Those that are not zero. */
function countTexts(counts: Counts): string[] {
  return Object.entries(counts).flatMap(([name, count]) => {
    if (typeof count === 'object')
      return countTexts(count as Counts).map((text) => `${name}: ${text}`);
    return count === 0 ? [] : [`${name} ${grouped(count)}`];
  });
}
