// The control row of one direction of a replication that can be switched, from both copies: it is the epoch and its Region
// that say who may write, and not which streams are listed.

import { FerryError } from '../errors.ts';
import { type ControlRow, type FoundControl, newestEpoch } from '../model/control-row.ts';
import type { RetryContext } from '../pacing/retry.ts';
import type { CommandLease } from './command-lease.ts';
import { type AdoptedPlace, requireSameTables } from './control-tables.ts';

export interface SwitchedDemand {
  /** The source's stream now: versions are made of it. */
  readonly streamArn?: string | undefined;
  /** Whether the direction may be one that is not active. */
  readonly inactive?: boolean | undefined;
}

/**
 * The copy beside the source: its epochs are those that the source's own records belong to.
 * @returns undefined where there is no copy at all.
 * @throws FerryError `control.unreadable`, `control.attribute`, `control.table` or `switching.lease`.
 */
export async function switchedControl(
  place: AdoptedPlace,
  lease: CommandLease,
  { streamArn, inactive = false }: SwitchedDemand,
  retries: RetryContext,
): Promise<ControlRow | undefined> {
  const { source, destination } = await lease.copies(retries);
  const [own, there] = [rowIn(source, place), rowIn(destination, place)];
  if (there !== undefined) await requireSameTables(there, place, retries);
  // A copy that is missing is like the other one: what has been switched has both.
  const row = own ?? there;
  if (row === undefined) return undefined;
  const { region } = newestEpoch(row);
  if (inactive || region === place.rules.sourceRegion)
    return { ...withStream(row, streamArn), paused: there?.paused };
  throw new FerryError(`${region} has become active since the command began.`, {
    code: 'switching.lease',
    hint: 'Nothing was changed. Run the command again.',
  });
}

function rowIn(found: FoundControl, { rules }: AdoptedPlace): ControlRow | undefined {
  if (found.kind !== 'unreadable') return found.kind === 'row' ? found.row : undefined;
  throw new FerryError(
    `A copy of the control row of ${rules.replication} is not usable: ${found.problem}.`,
    { code: 'control.unreadable', hint: 'Use the release that the function was deployed with.' },
  );
}

/** As if the stream had been listed when the newest epoch was opened. Of one that is not active, no version is made. */
function withStream(row: ControlRow, streamArn: string | undefined): ControlRow {
  const newest = newestEpoch(row);
  if (streamArn === undefined || newest.streams.includes(streamArn)) return row;
  const streams = [...newest.streams, streamArn];
  return { ...row, epochs: [...row.epochs.slice(0, -1), { ...newest, streams }] };
}
