// A line per replication, the worst first, and a total: for people.

import { type FleetRow, fleetTotal, worstFirst } from '../status/fleet.ts';
import { duration } from '../text/duration.ts';
import { cut } from '../text/visible.ts';
import { counted, grouped, wrapped } from './output.ts';
import { columns } from './rows.ts';

/** What a narrow terminal cuts off comes last. */
const HEADINGS = ['verdict', 'replication', 'oldest', 'dead letters', 'p99', ''];
const ALIGN = ['left', 'left', 'right', 'right', 'right', 'left'] as const;
const NONE = '-';

/**
 * @param width of the terminal. @default lines of any length
 * @param height of the terminal: what has no room on it is only counted. @default all lines
 */
export function fleetScreen(
  rows: readonly FleetRow[],
  width = Infinity,
  height = Infinity,
): string[] {
  const cells = worstFirst(rows).map(cellsOf);
  const end = [
    '',
    ...wrapped(totalLine(rows), width),
    ...wrapped('`ferry status --replication NAME` shows all figures of one.', width),
    '',
  ];
  const lines = columns([HEADINGS, ...cells], ALIGN).map((line) => cut(line, width));
  // The last line is that of the cursor, and a command gets options.
  const room = Math.max(3, height - end.length - 2);
  if (lines.length <= room) return [...lines, ...end];
  const shown = lines.slice(0, room - 1);
  return [...shown, `and ${grouped(lines.length - shown.length)} more`, ...end];
}

function cellsOf({ level, name, oldestMs, deadLetters, p99Ms, text }: FleetRow): string[] {
  const letters = deadLetters === null ? NONE : grouped(deadLetters);
  return [level, name, timeOf(oldestMs), letters, timeOf(p99Ms), text];
}

/** Nothing that waits is 0 ms old. */
function timeOf(ms: number | null): string {
  return ms === null || ms === 0 ? NONE : duration(ms);
}

function totalLine(rows: readonly FleetRow[]): string {
  const { replications, levels, deadLetters } = fleetTotal(rows);
  const parts = Object.entries(levels).map(([level, count]) => `${grouped(count)} ${level}`);
  return `${counted(replications, 'replication')}: ${parts.join(', ')}. ${counted(deadLetters, 'dead letter')}.`;
}
