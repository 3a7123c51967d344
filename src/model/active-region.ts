// Which Region is active, as both copies of the control row tell a command: also where one of them cannot be read, or a
// switch is under way.

import { type ControlRow, type Epoch, type FoundControl, newestEpoch } from './control-row.ts';
import { wasSwitched } from './control-copies.ts';
import type { SwitchRecord } from './switch-record.ts';

/** A copy, or why it could not be read, without a full stop. */
export type SeenCopy = FoundControl | { readonly kind: 'unreached'; readonly why: string };

/** The copy in the ledger of a Region. */
interface RegionCopy {
  readonly region: string;
  readonly found: SeenCopy;
}

/** Both copies, that of the configured source first. */
export type RegionCopies = readonly [source: RegionCopy, destination: RegionCopy];

interface LostRegion {
  readonly region: string;
  readonly sinceMs: number;
}

export interface ActiveRegion {
  readonly kind: 'active';
  /** The newest. Its Region is active. */
  readonly epoch: Epoch;
  /** The copy that has it. */
  readonly row: ControlRow;
  /** The switch that holds a copy. */
  readonly switch?: SwitchRecord | undefined;
  /** Nothing may be written, because the epoch is about to end, or has just been opened. */
  readonly closing: boolean;
  /** A Region that was lost, and has not rejoined. */
  readonly lost?: LostRegion | undefined;
  /** Why nothing may be written, where no switch and no lost Region is the reason. A sentence without its full stop. */
  readonly apart?: string | undefined;
}

export type DirectionState =
  | ActiveRegion
  /** There is no copy in either Region: nothing has ever been replicated. */
  | { readonly kind: 'unwritten' }
  /** A sentence without its full stop. */
  | { readonly kind: 'unclear'; readonly why: string };

export function activeRegion(copies: RegionCopies): DirectionState {
  const unreadable = copies.find(({ found }) => found.kind === 'unreadable');
  if (unreadable !== undefined) return { kind: 'unclear', why: unreadableText(unreadable) };
  const [newest, other] = newestFirst(copies);
  if (newest.found.kind !== 'row') {
    const unreached = copies.find(({ found }) => found.kind === 'unreached');
    return unreached === undefined
      ? { kind: 'unwritten' }
      : { kind: 'unclear', why: unreadableText(unreached) };
  }
  const { row } = newest.found;
  const epoch = newestEpoch(row);
  const theirs = other.found.kind === 'row' ? other.found.row : undefined;
  const lost = lostIn(row, theirs);
  // What the copy of a lost Region is held by has ended with the loss.
  const record = row.switch ?? (lost === undefined ? theirs?.switch : undefined);
  const isExplained = lost !== undefined || record !== undefined;
  const apart = isExplained ? undefined : difference(row, newest.region, other);
  return {
    kind: 'active',
    epoch,
    row,
    closing: row.closing === true || theirs?.closing === true || isBehind(row, theirs),
    ...(record && { switch: record }),
    ...(lost && { lost }),
    ...(apart !== undefined && { apart }),
  };
}

function newestFirst([source, destination]: RegionCopies): RegionCopies {
  const epochOf = ({ found }: RegionCopy) => (found.kind === 'row' ? newestEpoch(found.row).n : 0);
  return epochOf(destination) > epochOf(source) ? [destination, source] : [source, destination];
}

function unreadableText({ region, found }: RegionCopy): string {
  const { problem, why } = { problem: '', why: undefined, ...found };
  return `the control row in ${region} cannot be read: ${why ?? problem}`;
}

/** Until it has rejoined, its own copy does not have the newest epoch. */
function lostIn(row: ControlRow, theirs: ControlRow | undefined): LostRegion | undefined {
  const before = row.epochs.at(-2);
  if (before?.end !== 'lost' || before.toMs === undefined) return undefined;
  const hasRejoined = theirs !== undefined && newestEpoch(theirs).n >= newestEpoch(row).n;
  return hasRejoined ? undefined : { region: before.region, sinceMs: before.toMs };
}

/** Another epoch of the same Region is being opened. */
function isBehind(row: ControlRow, theirs: ControlRow | undefined): boolean {
  return theirs !== undefined && newestEpoch(theirs).n !== newestEpoch(row).n;
}

/** Why the other copy does not say the same as the newest. */
function difference(row: ControlRow, place: string, other: RegionCopy): string | undefined {
  const says = sayingOf(place, row);
  const { found, region } = other;
  if (found.kind === 'row') {
    if (newestEpoch(row).region === newestEpoch(found.row).region) return undefined;
    return `${says}, and ${sayingOf(region, found.row)}`;
  }
  if (found.kind !== 'missing') return `${says}, and ${unreadableText(other)}`;
  return wasSwitched(row) ? `${says}, and there is none in ${region}` : undefined;
}

function sayingOf(place: string, row: ControlRow): string {
  const { n, region } = newestEpoch(row);
  return `the control row in ${place} says that ${region} is active (epoch ${n})`;
}
