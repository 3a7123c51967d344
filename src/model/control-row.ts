// The control row of a replication: which streams may write to the twin now, and in which epoch. Read by the
// function and by every command that writes; changed only by compare-and-set on its revision.

import { seriesInEpoch, type SeriesOf, streamLabelMs } from './guard.ts';
import type { LedgerRules } from './rules.ts';
import type { SwitchRecord } from './switch-record.ts';

/**
 * Raised when a reader of the old form could misread the new one: a row that a switch has written says which Region is
 * active, and a function that does not know it would go on.
 */
export const CONTROL_FORMAT = 1;
export const SWITCHED_FORMAT = 2;

/** The highest number that the text of a version has room for. */
export const EPOCH_MAX = 9_999;

export interface Epoch {
  readonly n: number;
  /** Of the source. */
  readonly region: string;
  /** When it was opened, epoch milliseconds. */
  readonly fromMs: number;
  /** ARNs of the streams that may write. A later stream of a table listed here may, too. */
  readonly streams: readonly string[];
  /** When it ended, epoch milliseconds; absent for the newest. */
  readonly toMs?: number | undefined;
  /** Why it ended. */
  readonly end?: EpochEnd | undefined;
}

/**
 * `adopted`: by `ferry adopt`. `drained`: by a switch that has proved that all of it is on the other side. `lost`: by a
 * switch that could not reach its Region.
 */
export type EpochEnd = 'adopted' | 'drained' | 'lost';

export interface ControlRow {
  /** Grows by one with every change. */
  readonly revision: number;
  /** Who wrote it last: tells a writer whose answer was lost that the row is its own. */
  readonly tag: string;
  readonly format: number;
  /** The attribute of the twin's items that holds their versions. */
  readonly reserved: string;
  /** `TableId` of the twin. */
  readonly destinationId: string;
  /** `TableId` of the state table. */
  readonly ledgerId: string;
  /** What was put aside earlier, epoch milliseconds, has no place in the order of what came since. */
  readonly sinceMs: number;
  /** Oldest first, never empty. */
  readonly epochs: readonly Epoch[];
  /** While the replication is paused: the function then holds every record, whatever invokes it. */
  readonly paused?: Paused | undefined;
  /** While a switch is about to open another epoch: no function and no command writes by this row. */
  readonly closing?: true | undefined;
  /** The switch that holds the row. */
  readonly switch?: SwitchRecord | undefined;
  /** Digest of the projection that wrote the whole twin: of the last backfill that was completed. Absent without one. */
  readonly projection?: string | undefined;
}

/** A pause that an operator asked for. */
export interface Paused {
  /** Epoch milliseconds. */
  readonly sinceMs: number;
  /** Time of the oldest change that may wait in the stream, epoch milliseconds. */
  readonly oldestMs: number;
}

/** What a stored row turned out to be. */
export type FoundControl =
  | { readonly kind: 'row'; readonly row: ControlRow }
  | { readonly kind: 'missing' }
  /** Written by another release, or not by Ferry. */
  | { readonly kind: 'unreadable'; readonly problem: string };

export type Named = LedgerRules;

/** What a first adoption, or an `adopt`, knows of the replication. */
export interface Identity {
  readonly region: string;
  readonly streamArn: string;
  readonly reserved: string;
  readonly destinationId: string;
  readonly ledgerId: string;
  readonly tag: string;
  readonly nowMs: number;
}

/**
 * Of a replication that has never written anything.
 * @param n the epoch to open: above all versions, where the twin has some.
 */
export function firstRow(identity: Identity, n = 1): ControlRow {
  const { region, streamArn, nowMs, reserved, destinationId, ledgerId, tag } = identity;
  const epochs = [{ n, region, fromMs: nowMs, streams: [streamArn] }];
  const format = CONTROL_FORMAT;
  return { revision: 1, tag, format, reserved, destinationId, ledgerId, sinceMs: nowMs, epochs };
}

/**
 * Opens the next epoch, whose versions are all above those of the ones before. Its time never goes back,
 * whatever the clock says: letters of the epochs before would pass for its own. It is not known which projection wrote
 * other tables than before.
 */
export function nextEpoch(before: ControlRow, identity: Identity): ControlRow {
  const { region, streamArn, destinationId, ledgerId, tag } = identity;
  const isSame = before.destinationId === destinationId && before.ledgerId === ledgerId;
  const row = isSame ? before : withProjection(before, undefined, tag);
  const newest = newestEpoch(row);
  const sinceMs = Math.max(row.sinceMs, identity.nowMs);
  const ended: Epoch = { ...newest, toMs: sinceMs, end: 'adopted' };
  const opened = { n: newest.n + 1, region, fromMs: sinceMs, streams: [streamArn] };
  const epochs = [...row.epochs.slice(0, -1), ended, opened];
  const revision = before.revision + 1;
  return { ...row, revision, tag, destinationId, ledgerId, sinceMs, epochs };
}

/** The same row, paused or, without `paused`, resumed. Epochs stay as they are. */
export function withPause(row: ControlRow, paused: Paused | undefined, tag: string): ControlRow {
  const { paused: _, ...rest } = row;
  const changed = { ...rest, revision: row.revision + 1, tag };
  return paused === undefined ? changed : { ...changed, paused };
}

/** The same row of a twin that a projection, or none, has written as a whole. */
export function withProjection(
  row: ControlRow,
  projection: string | undefined,
  tag: string,
): ControlRow {
  const { projection: _, ...rest } = row;
  const changed = { ...rest, revision: row.revision + 1, tag };
  return projection === undefined ? changed : { ...changed, projection };
}

export function newestEpoch({ epochs }: ControlRow): Epoch {
  const newest = epochs.at(-1);
  if (newest === undefined) throw new Error('a control row without epochs');
  return newest;
}

/** Whether records of a stream may be applied. */
export type Standing =
  | { readonly kind: 'current'; readonly epoch: number }
  /** Listed in an epoch that has ended, and not in the newest. */
  | { readonly kind: 'ended'; readonly epoch: number }
  | { readonly kind: 'unknown' };

export function standingOf(streamArn: string, row: ControlRow): Standing {
  const newest = newestEpoch(row);
  if (isOf(streamArn, newest)) return { kind: 'current', epoch: newest.n };
  const ended = row.epochs.findLast((epoch) => isOf(streamArn, epoch));
  return ended === undefined ? { kind: 'unknown' } : { kind: 'ended', epoch: ended.n };
}

/** Listed, or a later stream of a table that is listed. */
function isOf(streamArn: string, { streams }: Epoch): boolean {
  if (streams.includes(streamArn)) return true;
  const labelMs = streamLabelMs(streamArn);
  return streams.some((listed) => {
    if (labelMs === undefined || tableArnOf(listed) !== tableArnOf(streamArn)) return false;
    return labelMs > (streamLabelMs(listed) ?? Infinity);
  });
}

/** Source ARNs of all epochs. */
export function listedSources({ epochs }: ControlRow): string[] {
  return epochs.flatMap(({ streams }) => streams);
}

/** Of the table that a stream belongs to. Of a Kinesis stream, the whole ARN, which names the table. */
export function tableArnOf(streamArn: string): string {
  return streamArn.replace(/\/stream\/[^/]*$/, '');
}

/** Series of records by their streams: of whatever epoch a stream is listed in, the newest first. */
export function seriesIn(row: ControlRow): SeriesOf {
  const byEpoch = new Map(row.epochs.map(({ n }) => [n, seriesInEpoch(n)]));
  let latest: { readonly streamArn: string; readonly epoch: number | undefined } | undefined;
  return (streamArn) => {
    if (latest?.streamArn !== streamArn) {
      const standing = standingOf(streamArn, row);
      latest = { streamArn, epoch: standing.kind === 'unknown' ? undefined : standing.epoch };
    }
    return latest.epoch === undefined ? undefined : byEpoch.get(latest.epoch)?.(streamArn);
  };
}
