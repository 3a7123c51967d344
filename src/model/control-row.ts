// The control row of a replication: which streams may write to the twin now, and in which epoch. Read by the
// function and by every command that writes; changed only by compare-and-set on its revision.

import type { AttributeValue, PutItemInput } from '@aws-sdk/client-dynamodb';
import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import type { Item } from './attribute-value.ts';
import { seriesInEpoch, type SeriesOf, streamLabelMs } from './guard.ts';
import type { LedgerRules } from './rules.ts';
import type { WriteRequest } from './write-request.ts';

/** Raised when a reader of the old form could misread the new one. */
const CONTROL_FORMAT = 1;

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
  readonly end?: string | undefined;
}

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

export function controlKey({ replication }: Pick<Named, 'replication'>): Item {
  return { [LEDGER_ATTRIBUTES.id]: { S: `${replication}#control` } };
}

export function parseControlRow(item: Item | undefined): FoundControl {
  if (item === undefined) return { kind: 'missing' };
  const format = numberOf(item['format']);
  if (format !== CONTROL_FORMAT) {
    const problem = `its format is ${format ?? 'missing'}; this release reads ${CONTROL_FORMAT}`;
    return { kind: 'unreadable', problem };
  }
  const row = rowOf(item);
  return row === undefined
    ? {
        kind: 'unreadable',
        problem: 'it lacks a revision, the tables, its epochs or the times of its pause',
      }
    : { kind: 'row', row };
}

function rowOf(item: Item): ControlRow | undefined {
  const epochs = (item['epochs']?.L ?? []).map(epochOf);
  const [revision, sinceMs] = [numberOf(item['revision']), numberOf(item['since'])];
  const [tag, reserved] = [item['tag']?.S, item['reserved']?.S];
  const [destinationId, ledgerId] = [item['destinationId']?.S, item['ledgerId']?.S];
  if (revision === undefined || sinceMs === undefined || epochs.length === 0) return undefined;
  if (tag === undefined || reserved === undefined) return undefined;
  if (destinationId === undefined || ledgerId === undefined) return undefined;
  if (!epochs.every((one) => one !== undefined) || !isAscending(epochs)) return undefined;
  const paused = pausedOf(item['paused']);
  if (paused === 'unreadable') return undefined;
  const format = CONTROL_FORMAT;
  const projection = item['projection']?.S;
  return {
    revision,
    tag,
    format,
    reserved,
    destinationId,
    ledgerId,
    sinceMs,
    epochs,
    ...(paused !== undefined && { paused }),
    ...(projection !== undefined && { projection }),
  };
}

function pausedOf(value: AttributeValue | undefined): Paused | undefined | 'unreadable' {
  if (value === undefined) return undefined;
  const [sinceMs, oldestMs] = [numberOf(value.M?.['since']), numberOf(value.M?.['oldest'])];
  return sinceMs === undefined || oldestMs === undefined ? 'unreadable' : { sinceMs, oldestMs };
}

function epochOf(value: AttributeValue): Epoch | undefined {
  const { n, region, from, streams, to, end } = value.M ?? {};
  const [number, fromMs] = [numberOf(n), numberOf(from)];
  const arns = (streams?.L ?? []).map((arn) => arn.S);
  if (number === undefined || fromMs === undefined || region?.S === undefined) return undefined;
  if (arns.length === 0 || !arns.every((arn) => arn !== undefined)) return undefined;
  return { n: number, region: region.S, fromMs, streams: arns, toMs: numberOf(to), end: end?.S };
}

/** Versions have four digits for it, and the last is taken for the newest. */
function isAscending(epochs: readonly Epoch[]): boolean {
  return epochs.every(({ n }, index) => n > (epochs[index - 1]?.n ?? 0) && n <= EPOCH_MAX);
}

function numberOf(value: AttributeValue | undefined): number | undefined {
  const number = Number(value?.N ?? Number.NaN);
  return Number.isSafeInteger(number) ? number : undefined;
}

/**
 * Writes `row`: the first revision where there is no row, any other over the one before. Refused with the
 * stored row, whose `tag` says which process wrote it.
 */
export function putControlRow(row: ControlRow, named: Named): WriteRequest {
  const isFirst = row.revision === 1;
  const input: PutItemInput = {
    TableName: named.stateTable,
    Item: { ...controlKey(named), ...controlItem(row) },
    ConditionExpression: isFirst ? 'attribute_not_exists(#id)' : '#revision = :before',
    ExpressionAttributeNames: isFirst
      ? { '#id': LEDGER_ATTRIBUTES.id }
      : { '#revision': 'revision' },
    ...(isFirst ? {} : { ExpressionAttributeValues: { ':before': { N: `${row.revision - 1}` } } }),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  };
  return { operation: 'PutItem', input };
}

function controlItem(row: ControlRow): Item {
  return {
    revision: { N: `${row.revision}` },
    tag: { S: row.tag },
    format: { N: `${row.format}` },
    reserved: { S: row.reserved },
    destinationId: { S: row.destinationId },
    ledgerId: { S: row.ledgerId },
    since: { N: `${row.sinceMs}` },
    epochs: { L: row.epochs.map(epochItem) },
    ...(row.paused !== undefined && { paused: pausedItem(row.paused) }),
    ...(row.projection !== undefined && { projection: { S: row.projection } }),
  };
}

function pausedItem({ sinceMs, oldestMs }: Paused): AttributeValue {
  return { M: { since: { N: `${sinceMs}` }, oldest: { N: `${oldestMs}` } } };
}

function epochItem({ n, region, fromMs, streams, toMs, end }: Epoch): AttributeValue {
  return {
    M: {
      n: { N: `${n}` },
      region: { S: region },
      from: { N: `${fromMs}` },
      streams: { L: streams.map((arn) => ({ S: arn })) },
      ...(toMs === undefined ? {} : { to: { N: `${toMs}` } }),
      ...(end === undefined ? {} : { end: { S: end } }),
    },
  };
}

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
  const ended = { ...newest, toMs: sinceMs, end: 'adopted' };
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

/** Of the table that a stream belongs to. */
export function tableArnOf(streamArn: string): string {
  return streamArn.split('/stream/')[0] ?? '';
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
