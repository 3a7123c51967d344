// Before a command changes many items: it needs --yes, and says to which time each table that it changes can be restored.

import { systemClock } from '../aws/system-clock.ts';
import { recoveryOf } from '../composition/protection.ts';
import type { Side } from '../config/identity.ts';
import { UsageError } from '../errors.ts';
import { utcTime } from '../status/pause.ts';
import type { Call } from './call.ts';
import { grouped } from './output.ts';

/** Items that a command changes without --yes. */
export const ITEMS_MAX = 1_000;

export const yesOption = {
  yes: { help: `with --apply: change more than ${grouped(ITEMS_MAX)} items` },
};

/**
 * Asked before anything is changed.
 * @param items that may be changed, at most.
 * @param text what they are, as the end of a sentence.
 * @param tables that are changed. @default the twin
 * @throws UsageError where there are too many without --yes.
 */
export async function requireYes(
  call: Call,
  { items, text, tables = ['destination'] }: LargeChange,
): Promise<void> {
  const { options, io } = call;
  if (items <= ITEMS_MAX) return;
  const what = `may change more than ${grouped(ITEMS_MAX)} items: ${text}`;
  if (!options.has('apply')) return io.err(`With --apply, the command needs --yes. It ${what}.`);
  const waysBack = await Promise.all(tables.map((side) => wayBackOf(side, call)));
  const wayBack = waysBack.join(' ');
  if (options.has('yes')) return io.err(`This ${what}. ${wayBack}`);
  throw new UsageError(`This ${what}. Nothing was changed.`, {
    code: 'usage.yes',
    hint: `${wayBack} To go on, run the command again with --yes.`,
  });
}

interface LargeChange {
  readonly items: number;
  readonly text: string;
  readonly tables?: readonly Side[];
}

/** The time is before the first change: DynamoDB restores to a second. */
async function wayBackOf(side: Side, { io, replication, sides }: Call): Promise<string> {
  const { region, table } = replication[side];
  const time = utcTime((io.clock ?? systemClock).now());
  const recovery = await recoveryOf(sides[side], table);
  const back = `To undo it, restore ${region}/${table} to ${time}`;
  if (recovery === true)
    return `${back} from its point-in-time recovery, which takes some minutes to have that time.`;
  if (typeof recovery === 'string')
    return `${back}, if its point-in-time recovery is on. That is not known: ${recovery}.`;
  return `It cannot be undone: point-in-time recovery of ${region}/${table} is off, so that the table cannot be restored to ${time}.`;
}
