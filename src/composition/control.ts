// The control row for a command: read, written where a command that writes is the first to do so, and
// compared with the tables and the configuration before anything is done.

import { givenName } from '../config/directions.ts';
import { type ControlRow, firstRow, newestEpoch, standingOf } from '../model/control-row.ts';
import type { WriteRules } from '../model/rules.ts';
import { FerryError } from '../errors.ts';
import {
  type AdoptedRules,
  adoptFirst,
  identify,
  isUntouched,
  readControl,
} from '../replicate/first-adoption.ts';
import { retry, type RetryContext } from '../pacing/retry.ts';
import type { TwinWriter } from '../ports.ts';
import type { CommandLease } from './command-lease.ts';
import { type AdoptedPlace, requireSameTables } from './control-tables.ts';
import { switchedControl } from './switched-control.ts';

export interface ControlPlace extends AdoptedPlace {
  readonly twinWriter: TwinWriter;
  /** Of a replication that can be switched. */
  readonly lease?: CommandLease | undefined;
}

export interface ControlDemand {
  /** Whether the command is going to write: then it writes the first row, too. */
  readonly apply: boolean;
  /** The source's stream now; undefined where the command does without the source. */
  readonly streamArn: string | undefined;
  /** Of a command that settles what is left of a direction that is not active, too. */
  readonly inactive?: boolean | undefined;
}

/**
 * The control row for a command that writes, or shows what it would write.
 * @throws FerryError `control.missing`, `control.unreadable`, `control.attribute`, `control.table`,
 *   `control.stream` or `control.epoch`; `switching.lease` where another Region is active by now.
 */
export async function requireControl(
  place: ControlPlace,
  { apply, streamArn, inactive }: ControlDemand,
  retries: RetryContext,
): Promise<ControlRow> {
  if (place.lease !== undefined) {
    const row = await switchedControl(place, place.lease, { streamArn, inactive }, retries);
    if (row === undefined) throw missingCopies(place.rules);
    return row;
  }
  const found = await findRow(place, retries);
  const row = found ?? (await firstOf(place, { apply, streamArn }, retries));
  await requireSameTables(row, place, retries);
  if (streamArn !== undefined) requireStream(streamArn, row);
  requireEpoch(row, place.rules);
  return row;
}

/**
 * For a command that only compares: a replication that has never written anything needs no row.
 * @returns the row, undefined where there is none.
 * @throws as `requireControl` does.
 */
export async function checkControl(
  place: ControlPlace,
  retries: RetryContext,
): Promise<ControlRow | undefined> {
  if (place.lease !== undefined)
    return switchedControl(place, place.lease, { inactive: true }, retries);
  const row = await findIfDeployed(place, retries);
  if (row !== undefined) await requireSameTables(row, place, retries);
  return row;
}

/** A pair may be compared before anything is deployed. */
async function findIfDeployed(
  place: ControlPlace,
  retries: RetryContext,
): Promise<ControlRow | undefined> {
  const { rules, twinReader } = place;
  try {
    const row = await findRow(place, retries);
    if (row !== undefined || (await retry(() => isUntouched(rules, twinReader), retries)))
      return row;
  } catch (error) {
    if (error instanceof Error && error.name === 'ResourceNotFoundException') return undefined;
    throw error;
  }
  throw missing(rules);
}

type RowPlace = Pick<ControlPlace, 'rules' | 'twinReader'>;

/**
 * For a command that makes a version by the configuration, and needs nothing else of the control row. Before the first
 * adoption, nothing is read yet.
 * @throws FerryError `control.unreadable` or `control.epoch`.
 */
export async function requireOpenEpoch(place: RowPlace, retries: RetryContext): Promise<void> {
  const row = await findRow(place, retries);
  if (row !== undefined) requireEpoch(row, place.rules);
}

async function findRow(
  { rules, twinReader }: RowPlace,
  retries: RetryContext,
): Promise<ControlRow | undefined> {
  const found = await retry(() => readControl(rules, twinReader), retries);
  if (found.kind === 'unreadable')
    throw new FerryError(
      `The control row in ${rules.stateTable} is not usable: ${found.problem}.`,
      { code: 'control.unreadable', hint: 'Use the release that the function was deployed with.' },
    );
  return found.kind === 'row' ? found.row : undefined;
}

/** A command that only looks works with the row that a first adoption would write. */
async function firstOf(
  { rules, twinReader, twinWriter }: ControlPlace,
  { apply, streamArn }: ControlDemand,
  retries: RetryContext,
): Promise<ControlRow> {
  const { clock, random } = retries;
  if (streamArn === undefined) throw missing(rules);
  const tag = `command-${Math.floor(random.next() * 2 ** 48).toString(16)}`;
  const adoption = { rules, streamArn, tag, nowMs: clock.now() };
  if (apply) {
    const ports = { twinReader, twinWriter };
    const found = await retry(() => adoptFirst(adoption, ports), retries);
    if (found.kind === 'row') return found.row;
    throw missing(rules);
  }
  if (!(await retry(() => isUntouched(rules, twinReader), retries))) throw missing(rules);
  const identity = await retry(() => identify(adoption, twinReader), retries);
  return firstRow({ ...identity, nowMs: clock.now() }, rules.twoWay?.epoch);
}

function missing({ replication, stateTable, twoWay }: AdoptedRules): FerryError {
  return new FerryError(
    `${stateTable} has no control row of ${replication}, although Ferry has written to the twin or to that table before.`,
    {
      code: 'control.missing',
      hint: twoWay ? MISSING_OF_BOTH : MISSING,
    },
  );
}

const MISSING_OF_BOTH =
  'Run `ferry adopt`: it reads all versions, and opens the epoch of the configuration, or says which one it must be.';
const MISSING =
  'For a replication that runs with an earlier release, run `ferry adopt --as-is` before you deploy this one. If the replication was renamed, or the twin or the state table was made anew, run `ferry adopt`.';

function missingCopies({ replication: name }: WriteRules): FerryError {
  return new FerryError(`Neither Region has a control row of ${givenName({ name })}.`, {
    code: 'control.missing',
    hint: 'Run `ferry adopt`, which writes both: with "switching", nothing else writes the first ones.',
  });
}

/** Versions of another epoch would lose to those that the configuration asks for, or win over them. */
function requireEpoch(row: ControlRow, { twoWay, replication }: AdoptedRules): void {
  const { n } = newestEpoch(row);
  if (twoWay === undefined || twoWay.epoch === n) return;
  throw new FerryError(
    `The control row of ${replication} has epoch ${n}, and the configuration has "twoWay.epoch": ${twoWay.epoch}.`,
    {
      code: 'control.epoch',
      hint: 'The function holds its records until both are equal. `ferry adopt` opens the epoch of the configuration, or says what to change there.',
    },
  );
}

function requireStream(streamArn: string, row: ControlRow): void {
  const { kind } = standingOf(streamArn, row);
  if (kind === 'current') return;
  const problem =
    kind === 'ended'
      ? `The epoch of the stream ${streamArn} has ended: another source has been adopted since.`
      : `The control row does not know the stream ${streamArn}.`;
  throw new FerryError(problem, {
    code: 'control.stream',
    hint: 'If the replication was pointed at this table, run `ferry adopt`: the records of its stream are held back until then.',
  });
}
