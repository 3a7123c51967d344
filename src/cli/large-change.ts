// Before a command changes many items of the twin: it needs --yes, and says to which time the twin can be restored.

import { systemClock } from '../aws/system-clock.ts';
import { recoveryOf } from '../composition/protection.ts';
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
 * @throws UsageError where there are too many without --yes.
 */
export async function requireYes(
  call: Call,
  { items, text }: { readonly items: number; readonly text: string },
): Promise<void> {
  const { options, io } = call;
  if (items <= ITEMS_MAX) return;
  const what = `may change more than ${grouped(ITEMS_MAX)} items: ${text}`;
  if (!options.has('apply')) return io.err(`With --apply, the command needs --yes. It ${what}.`);
  const wayBack = await wayBackOf(call);
  if (options.has('yes')) return io.err(`This ${what}. ${wayBack}`);
  throw new UsageError(`This ${what}. Nothing was changed.`, {
    code: 'usage.yes',
    hint: `${wayBack} To go on, run the command again with --yes.`,
  });
}

/** The time is before the first change: DynamoDB restores to a second. */
async function wayBackOf({ io, replication: { destination }, sides }: Call): Promise<string> {
  const { region, table } = destination;
  const time = utcTime((io.clock ?? systemClock).now());
  const recovery = await recoveryOf(sides.destination, table);
  const back = `To undo it, restore ${region}/${table} to ${time}`;
  if (recovery === true)
    return `${back} from its point-in-time recovery, which takes some minutes to have that time.`;
  if (typeof recovery === 'string')
    return `${back}, if its point-in-time recovery is on. That is not known: ${recovery}.`;
  return `It cannot be undone: point-in-time recovery of ${region}/${table} is off, so that the table cannot be restored to ${time}.`;
}
