// What `ferry adopt` has to do where there are two copies of the control row: both get the same epochs, each with the
// tables of its own side.

import {
  type ControlRow,
  type FoundControl,
  firstRow,
  type Identity,
  newestEpoch,
  nextEpoch,
} from '../model/control-row.ts';
import {
  type AdoptionChoice,
  type AdoptionPlan,
  type CopyToWrite,
  type Opened,
  planAdoption,
  refused,
  type Side,
} from './adoption.ts';

/** A copy as it is now, and what it should say of its tables. */
interface CopyFound {
  readonly region: string;
  readonly found: FoundControl;
  readonly identity: Identity;
}

export type CopiesFound = Readonly<Record<Side, CopyFound>>;

export function planCopies(copies: CopiesFound, choice: AdoptionChoice): AdoptionPlan {
  const both = [copies.there, copies.beside];
  const present = both.flatMap((copy) => (copy.found.kind === 'row' ? [copy.found.row] : []));
  const [base, other] = present.toSorted((a, b) => newestEpoch(b).n - newestEpoch(a).n);
  const plans = both
    .filter(({ found }) => found.kind !== 'missing')
    .map(({ found, identity }) => planAdoption(found, identity, choice));
  const refusal = plans.find(({ kind }) => kind === 'refused');
  if (refusal !== undefined) return refusal;
  if (base === undefined) return { kind: 'survey', why: 'neither Region has a control row' };
  const obstacle = obstacleIn(base, other);
  if (obstacle !== undefined) return obstacle;
  const survey = plans.find((plan) => plan.kind === 'survey');
  if (survey !== undefined) return { ...survey, row: base };
  const due = plans.find((plan) => plan.kind === 'open');
  const { identity } = copies.there;
  if (due !== undefined) return openedCopies(nextEpoch(base, identity), due.why, copies);
  const why = incompleteness(copies, base);
  if (why === undefined) return { kind: 'nothing', row: base };
  return { ...openedCopies(base, why, copies), sameEpochs: true };
}

function obstacleIn(base: ControlRow, other: ControlRow | undefined): AdoptionPlan | undefined {
  const record = base.switch ?? other?.switch;
  if (record !== undefined)
    return refused(
      `${record.by} is switching the replication to ${record.target}.`,
      'Wait for its end: `ferry status` shows how far it is.',
    );
  const before = base.epochs.at(-2);
  if (other === undefined || newestEpoch(other).n === newestEpoch(base).n) return undefined;
  if (before?.end === 'adopted' && before.n === newestEpoch(other).n) return undefined;
  return refused(
    `One copy of the control row has epoch ${newestEpoch(base).n}, and the other one epoch ${newestEpoch(other).n}.`,
    'If a Region was lost, run `ferry rejoin`. If a switch was interrupted, run it again.',
  );
}

/** Why copies have to be written, although their epochs are right. */
function incompleteness({ there, beside }: CopiesFound, base: ControlRow): string | undefined {
  for (const { found, region } of [there, beside]) {
    if (found.kind !== 'row') return `${region} has no control row`;
    const isLate = newestEpoch(found.row).n !== newestEpoch(base).n;
    if (isLate || found.row.closing === true) return 'an adoption has not ended';
  }
  return undefined;
}

/** @param opened has the epochs that both copies are to have. */
export function openedCopies(opened: ControlRow, why: string, copies: CopiesFound): Opened {
  const there = copyOf(opened, copies.there);
  const beside = copyOf(opened, copies.beside);
  return { kind: 'open', row: there.row, why, copies: { there, beside } };
}

function copyOf(opened: ControlRow, { found, identity }: CopyFound): CopyToWrite {
  const { destinationId, ledgerId, tag } = identity;
  const { epochs, sinceMs } = opened;
  if (found.kind !== 'row')
    return { row: { ...firstRow(identity), epochs, sinceMs }, isThere: false };
  const { closing, ...before } = found.row;
  const isSame = newestEpoch(before).n === newestEpoch(opened).n;
  const revision = before.revision + 1;
  const row = { ...before, revision, tag, destinationId, ledgerId, epochs, sinceMs };
  return isSame && closing !== true ? { row: found.row, isThere: true } : { row, isThere: false };
}

/** The same row, which allows no writes. */
export function closedRow(row: ControlRow, tag: string): ControlRow {
  return { ...row, revision: row.revision + 1, tag, closing: true };
}
