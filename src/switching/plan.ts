// Both copies of the control row -> what a planned switch has to do, or why it must not begin.

import { wasSwitched } from '../model/control-copies.ts';
import {
  type ControlRow,
  type FoundControl,
  newestEpoch,
  standingOf,
} from '../model/control-row.ts';
import type { SwitchRecord } from '../model/switch-record.ts';
import { FerryError, UsageError } from '../errors.ts';
import type { SwitchSide } from './ports.ts';
import type { SwitchRequest } from './step.ts';

type Region = Pick<SwitchSide, 'region' | 'streamArn'>;

export interface FoundCopies {
  readonly target: FoundControl;
  readonly old: FoundControl;
}

/** A plan that goes on with a switch, or begins one. */
interface Begun {
  readonly row: ControlRow;
  /** Of an earlier run. */
  readonly record: SwitchRecord | undefined;
  /** Of earlier runs: each copy may have that of another. */
  readonly ids: readonly string[];
}

export type SwitchPlan =
  /** The target is active, and no switch is under way. */
  | { readonly kind: 'already'; readonly row: ControlRow }
  /** The target's copy has been opened: the rest is to be done. */
  | (Begun & { readonly kind: 'finish' })
  /** There is no switch that could be cancelled. */
  | { readonly kind: 'nothing'; readonly row: ControlRow }
  | (Begun & { readonly kind: 'begin' });

/** @throws FerryError where the copies cannot be used, UsageError `switching.taken` for another switch. */
export function planSwitch(
  found: FoundCopies,
  { kind }: Pick<SwitchRequest, 'kind'>,
  { target, old }: { readonly target: Region; readonly old: Region },
): SwitchPlan {
  const rows = rowsOf(found, { target, old });
  const [there, here] = [newestEpoch(rows.target), newestEpoch(rows.old)];
  const records = [rows.target.switch, rows.old.switch].filter((one) => one !== undefined);
  const [record] = records;
  if (record?.step === 'rejoining' || (here.n > there.n && endsLost(rows.old))) throw lost();
  const isLost = there.n > here.n && there.region === target.region && endsLost(rows.target);
  if (isLost && rows.target.closing === true) throw halfLost();
  // What the copy of a lost Region is held by has ended with the loss.
  if (isLost) return { kind: 'already', row: rows.target };
  for (const one of records) if (one.target !== target.region) throw takenBy(one);
  const held = { record, ids: records.map(({ id }) => id) };
  if (there.n > here.n && there.region === target.region) {
    if (kind === 'cancel') throw opened(target.region);
    return { kind: 'finish', row: rows.target, ...held };
  }
  if (there.n !== here.n || there.region !== here.region) throw apart(there.n, here.n);
  if (there.region === target.region) {
    if (record !== undefined && kind !== 'cancel')
      return { kind: 'finish', row: rows.target, ...held };
    return { kind: kind === 'cancel' ? 'nothing' : 'already', row: rows.target };
  }
  if (kind === 'cancel' && record === undefined) return { kind: 'nothing', row: rows.target };
  if (standingOf(old.streamArn, rows.old).kind !== 'current') throw otherStream(old);
  return { kind: 'begin', row: rows.old, ...held };
}

function rowsOf(
  { target, old }: FoundCopies,
  regions: { readonly target: Region; readonly old: Region },
): { readonly target: ControlRow; readonly old: ControlRow } {
  const [there, here] = [rowOf(target, regions.target), rowOf(old, regions.old)];
  const only = there ?? here;
  if (only === undefined) throw missing('no control row in either Region');
  // Without a row of its own, a side is as the other one says, as long as nothing has been switched.
  if ((there === undefined || here === undefined) && wasSwitched(only))
    throw missing('a control row in one Region only');
  return { target: there ?? only, old: here ?? only };
}

function rowOf(found: FoundControl, { region }: Pick<Region, 'region'>): ControlRow | undefined {
  if (found.kind === 'row') return found.row;
  if (found.kind === 'missing') return undefined;
  throw new FerryError(`The control row in ${region} cannot be read: ${found.problem}.`, {
    code: 'control.unreadable',
    hint: 'Use the release that wrote it, or a later one.',
  });
}

/** A Region that was lost must rejoin before anything is planned. */
function endsLost({ epochs }: ControlRow): boolean {
  return epochs.findLast(({ end }) => end !== undefined)?.end === 'lost';
}

export function takenBy(record: SwitchRecord | undefined): UsageError {
  const what =
    record === undefined
      ? 'Another run has ended this switch.'
      : `A switch to ${record.target} by ${record.by} holds the replication, at the step "${record.step}".`;
  return new UsageError(what, {
    code: 'switching.taken',
    hint: 'See `ferry status`. To take it over, run the command of that target; with --cancel, it is cancelled.',
  });
}

/** @throws FerryError `control.unreadable` or `switching.not-adopted`. */
export function requireRow(found: FoundControl, side: Pick<Region, 'region'>): ControlRow {
  const row = rowOf(found, side);
  if (row === undefined) throw missing(`no control row in ${side.region}`);
  return row;
}

function missing(what: string): FerryError {
  return new FerryError(`There is ${what}.`, {
    code: 'switching.not-adopted',
    hint: 'Run `ferry adopt`, which writes both copies of the control row.',
  });
}

function opened(region: string): UsageError {
  return new UsageError(`${region} has been opened: the switch cannot be cancelled any more.`, {
    code: 'switching.opened',
    hint: 'Run the same command without --cancel, which finishes the switch, and then switch back.',
  });
}

function lost(): UsageError {
  return new UsageError('A Region was lost, and has not rejoined.', {
    code: 'switching.lost',
    hint: 'Run `ferry rejoin` first.',
  });
}

function halfLost(): UsageError {
  return new UsageError('`--source-lost` was interrupted before it opened this Region.', {
    code: 'switching.lost',
    hint: 'Run the command again with --source-lost --even-if-reachable, and then `ferry rejoin`.',
  });
}

function apart(there: number, here: number): FerryError {
  return new FerryError(
    `The copies of the control row show epochs ${there} and ${here}, and no switch that leads from one to the other.`,
    {
      code: 'switching.apart',
      hint: 'If a Region was lost, run `ferry rejoin`. If a switch was killed, run its command again. Otherwise see who edited the rows.',
    },
  );
}

function otherStream({ region, streamArn }: Region): FerryError {
  return new FerryError(`The control row does not know the stream ${streamArn} in ${region}.`, {
    code: 'control.stream',
    hint: 'If the table or its stream was made anew, run `ferry adopt`.',
  });
}
