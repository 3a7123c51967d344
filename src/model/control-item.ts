// The control row as it is stored: its key, its item, and the one way to write it, by compare-and-set.

import type { AttributeValue, PutItemInput } from '@aws-sdk/client-dynamodb';
import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import type { Item } from './attribute-value.ts';
import {
  CONTROL_FORMAT,
  type ControlRow,
  type Epoch,
  EPOCH_MAX,
  type EpochEnd,
  type FoundControl,
  type Named,
  type Paused,
  SWITCHED_FORMAT,
} from './control-row.ts';
import { integerIn } from './stored-number.ts';
import { switchItem, switchOf } from './switch-record.ts';
import type { WriteRequest } from './write-request.ts';

export function controlKey({ replication }: Pick<Named, 'replication'>): Item {
  return { [LEDGER_ATTRIBUTES.id]: { S: `${replication}#control` } };
}

export function parseControlRow(item: Item | undefined): FoundControl {
  if (item === undefined) return { kind: 'missing' };
  const format = integerIn(item['format']);
  if (format !== CONTROL_FORMAT && format !== SWITCHED_FORMAT) {
    const known = `${CONTROL_FORMAT} and ${SWITCHED_FORMAT}`;
    const problem = `its format is ${format ?? 'missing'}; this release reads ${known}`;
    return { kind: 'unreadable', problem };
  }
  const row = rowOf(item, format);
  return row === undefined
    ? {
        kind: 'unreadable',
        problem:
          'it lacks a revision, the tables, its epochs, the times of its pause or a part of its switch',
      }
    : { kind: 'row', row };
}

function rowOf(item: Item, format: number): ControlRow | undefined {
  const epochs = (item['epochs']?.L ?? []).map(epochOf);
  const [revision, sinceMs] = [integerIn(item['revision']), integerIn(item['since'])];
  const [tag, reserved] = [item['tag']?.S, item['reserved']?.S];
  const [destinationId, ledgerId] = [item['destinationId']?.S, item['ledgerId']?.S];
  if (revision === undefined || sinceMs === undefined || epochs.length === 0) return undefined;
  if (tag === undefined || reserved === undefined) return undefined;
  if (destinationId === undefined || ledgerId === undefined) return undefined;
  if (!epochs.every((one) => one !== undefined) || !isAscending(epochs)) return undefined;
  const paused = pausedOf(item['paused']);
  if (paused === 'unreadable') return undefined;
  const switched = switchOf(item['switch']);
  if (switched === 'unreadable') return undefined;
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
    ...(item['closing']?.BOOL === true && { closing: true }),
    ...(switched !== undefined && { switch: switched }),
  };
}

function pausedOf(value: AttributeValue | undefined): Paused | undefined | 'unreadable' {
  if (value === undefined) return undefined;
  const [sinceMs, oldestMs] = [integerIn(value.M?.['since']), integerIn(value.M?.['oldest'])];
  return sinceMs === undefined || oldestMs === undefined ? 'unreadable' : { sinceMs, oldestMs };
}

function epochOf(value: AttributeValue): Epoch | undefined {
  const { n, region, from, streams, to, end } = value.M ?? {};
  const [number, fromMs] = [integerIn(n), integerIn(from)];
  const arns = (streams?.L ?? []).map((arn) => arn.S);
  if (number === undefined || fromMs === undefined || region?.S === undefined) return undefined;
  if (arns.length === 0 || !arns.every((arn) => arn !== undefined)) return undefined;
  return {
    n: number,
    region: region.S,
    fromMs,
    streams: arns,
    toMs: integerIn(to),
    end: end?.S as EpochEnd | undefined,
  };
}

/** Versions have four digits for it, and the last is taken for the newest. */
function isAscending(epochs: readonly Epoch[]): boolean {
  return epochs.every(({ n }, index) => n > (epochs[index - 1]?.n ?? 0) && n <= EPOCH_MAX);
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
    ...(row.closing === true && { closing: { BOOL: true } }),
    ...(row.switch !== undefined && { switch: switchItem(row.switch) }),
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
