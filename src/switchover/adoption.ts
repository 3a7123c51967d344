// What `ferry adopt` has to do: the control row as it was found and the tables as they are now -> nothing, a
// new epoch, or a look at every version first. And what the versions of a twin say about its past.

import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import type { Item } from '../model/attribute-value.ts';
import { originOf } from '../model/clock-version.ts';
import {
  type ControlRow,
  EPOCH_MAX,
  type FoundControl,
  firstRow,
  type Identity,
  newestEpoch,
  nextEpoch,
  standingOf,
} from '../model/control-row.ts';
import { epochIn, floorOf, requireSeries, type Version, versionIn } from '../model/guard.ts';

export interface AdoptionChoice {
  /** Opens another epoch even if the row is right. */
  readonly again: boolean;
  /** The twin has been written by this very stream, by a release without control rows. */
  readonly asIs: boolean;
}

/** The row to be written. */
export interface Opened {
  readonly kind: 'open';
  readonly row: ControlRow;
  readonly why: string;
  /** Of a replication that can be switched; `row` is that of `there`. */
  readonly copies?: Readonly<Record<Side, CopyToWrite>>;
  /** No epoch is opened: only what a copy lacks is written. */
  readonly sameEpochs?: true;
}

/** The ledgers that have a copy of the control row: at the destination, and beside the source. */
export type Side = 'there' | 'beside';

export interface CopyToWrite {
  readonly row: ControlRow;
  /** Whether it is as it should be already. */
  readonly isThere: boolean;
}

export interface Refused {
  readonly kind: 'refused';
  readonly problem: string;
  readonly advice: string;
}

/** There is no row, or one of other tables: their versions decide. */
export interface Survey {
  readonly kind: 'survey';
  readonly row?: ControlRow;
  readonly why: string;
}

export type AdoptionPlan =
  /** The row is as it should be. */
  { readonly kind: 'nothing'; readonly row: ControlRow } | Opened | Survey | Refused;

export function planAdoption(
  found: FoundControl,
  identity: Identity,
  { again, asIs }: AdoptionChoice,
): AdoptionPlan {
  if (found.kind === 'missing') return { kind: 'survey', why: 'there is no control row' };
  if (found.kind === 'unreadable')
    return refused(`The control row cannot be read: ${found.problem}.`, NEWER_RELEASE);
  const { row } = found;
  if (row.reserved !== identity.reserved) return otherAttribute(row, identity);
  const otherTable = otherTableIn(row, identity);
  const why =
    otherTable ??
    streamReason(row, identity) ??
    (again ? 'it was asked for with --again' : undefined);
  if (why === undefined) return { kind: 'nothing', row };
  if (asIs) return refused(`There is a control row already, but ${why}.`, WITHOUT_AS_IS);
  if (newestEpoch(row).n >= EPOCH_MAX)
    return refused(`Epoch ${EPOCH_MAX} is open, and versions have no room for more.`, NEW_TWIN);
  // It may have been restored, or another replication may have written to it, in any epoch.
  if (otherTable !== undefined) return { kind: 'survey', row, why: otherTable };
  return { kind: 'open', row: nextEpoch(row, identity), why };
}

function otherTableIn(row: ControlRow, identity: Identity): string | undefined {
  if (row.destinationId !== identity.destinationId) return 'the twin is another table than before';
  if (row.ledgerId !== identity.ledgerId) return 'the state table is another table than before';
  return undefined;
}

/** @returns undefined where the row names this stream. */
function streamReason(row: ControlRow, identity: Identity): string | undefined {
  switch (standingOf(identity.streamArn, row).kind) {
    case 'current':
      return undefined;
    case 'ended':
      return 'the epoch of the stream has ended';
    case 'unknown':
      return 'the control row does not know the stream';
  }
}

function otherAttribute(row: ControlRow, { reserved }: Identity): Refused {
  return refused(
    `The twin's items have their versions in the attribute "${row.reserved}"; the configuration says "${reserved}". Under another name, all versions would be lost.`,
    `Set "reservedAttribute" to "${row.reserved}". For another attribute, make a new twin.`,
  );
}

const NEWER_RELEASE = 'Use the release that wrote it, or a later one.';
const WITHOUT_AS_IS = 'Run it without --as-is: it opens a new epoch.';
const NEW_TWIN = 'Make a new twin and a new state table.';

export function refused(problem: string, advice: string): Refused {
  return { kind: 'refused', problem, advice };
}

/** What was read of a twin and its state table. */
export interface VersionSurvey {
  /** Items of the twin. */
  items: number;
  /** Of these, items with a version. */
  versioned: number;
  ledgerRows: number;
  /** 0 where there are no versions. */
  highestEpoch: number;
  /** The same of versions that no stamped write has. */
  highestUnstamped: number;
  /** The first version that this stream cannot have written in epoch 1. */
  stranger: Version | undefined;
}

export function newSurvey(): VersionSurvey {
  const epochs = { highestEpoch: 0, highestUnstamped: 0 };
  return { items: 0, versioned: 0, ledgerRows: 0, ...epochs, stranger: undefined };
}

export type SurveyedBy = Pick<Identity, 'reserved' | 'streamArn'>;

export function surveyTwin(
  survey: VersionSurvey,
  items: readonly Item[],
  identity: SurveyedBy,
): void {
  for (const item of items) {
    const version = versionIn(item[identity.reserved]);
    survey.items += 1;
    if (version === undefined) continue;
    survey.versioned += 1;
    note(survey, version, identity);
  }
}

/** Tombstones and failure bounds of epochs that the control row does not know would win, too. */
export function surveyState(
  survey: VersionSurvey,
  rows: readonly Item[],
  identity: SurveyedBy,
): void {
  survey.ledgerRows += rows.length;
  for (const row of rows) {
    for (const name of [LEDGER_ATTRIBUTES.deleted, LEDGER_ATTRIBUTES.failed]) {
      const version = versionIn({ M: { v: row[name] ?? { NULL: true } } });
      if (version !== undefined) note(survey, version, identity);
    }
  }
}

function note(survey: VersionSurvey, version: Version, { streamArn }: SurveyedBy): void {
  const epoch = epochIn(version) ?? 0;
  survey.highestEpoch = Math.max(survey.highestEpoch, epoch);
  if (originOf(version) === undefined)
    survey.highestUnstamped = Math.max(survey.highestUnstamped, epoch);
  const { labelMs } = requireSeries(streamArn, 1);
  const isOwn = epoch === 1 && version < floorOf({ epoch: 1, labelMs: labelMs + 1 });
  if (!isOwn) survey.stranger ??= version;
}

/** The row of a replication whose tables may have been written in epochs that it does not know. */
export function planAfterSurvey(
  survey: VersionSurvey,
  identity: Identity,
  { asIs }: AdoptionChoice,
  { row, why: reason }: Pick<Survey, 'row' | 'why'>,
): Opened | Refused {
  const { highestEpoch, stranger, items, versioned } = survey;
  if (!asIs) {
    if (highestEpoch >= EPOCH_MAX)
      return refused(`The twin has versions of epoch ${highestEpoch}.`, NEW_TWIN);
    if (row !== undefined)
      return { kind: 'open', row: opening(row, highestEpoch + 1, identity), why: reason };
    const n = highestEpoch + 1;
    const why =
      highestEpoch === 0
        ? 'nothing has a version yet'
        : `the highest version is of epoch ${highestEpoch}`;
    return { kind: 'open', row: firstRow(identity, n), why };
  }
  if (stranger !== undefined)
    return refused(
      `The twin or its state table has the version ${stranger}, which the stream ${identity.streamArn} cannot have written in epoch 1.`,
      'Something else has written to the twin. Run it without --as-is: it opens an epoch above all versions.',
    );
  if (items > 0 && versioned === 0)
    return refused(
      `The twin has items, but none with a version in the attribute "${identity.reserved}".`,
      'Check "reservedAttribute". If Ferry has never written to this twin, run it without --as-is.',
    );
  return { kind: 'open', row: firstRow(identity), why: 'the stream goes on in epoch 1' };
}

/** @param n at least; the next one where that is higher. */
export function opening(before: ControlRow, n: number, identity: Identity): ControlRow {
  const row = nextEpoch(before, identity);
  const newest = newestEpoch(row);
  const opened = { ...newest, n: Math.max(newest.n, n) };
  return { ...row, epochs: [...row.epochs.slice(0, -1), opened] };
}
