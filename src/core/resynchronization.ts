// One item's source, twin and state row, as they were read -> the requests that make the twin equal
// to the source, good only as long as twin and state row are still as they were read.

import { STATE_ATTRIBUTES } from '../contract.ts';
import type { Item } from './attribute-value.ts';
import { findDiscrepancy } from './discrepancy.ts';
import { above, type Version, versionIn } from './ordering-guard.ts';
import { versioned } from './versioned-item.ts';
import {
  type StateRowKey,
  stateRowUpdate,
  type WriteRequest,
  type WriteTarget,
  expiry,
  stateRowKey,
} from './write-request.ts';

interface ItemStates {
  /** Read after the other two: what changes later has a stream record of its own, which will win. */
  readonly source: Item | undefined;
  readonly twin: Item | undefined;
  readonly stateRow: Item | undefined;
}

export interface Resynchronization extends StateRowKey {
  readonly states: ItemStates;
  /** Below every record of the source's stream. */
  readonly floor: Version;
  readonly target: WriteTarget;
  readonly nowMs: number;
}

/**
 * The requests to send one after the other; if one is refused, something newer came by, and the
 * states have to be read again. None are needed where both sides are equal and nothing older is due.
 */
export function resynchronizationRequests(plan: Resynchronization): WriteRequest[] {
  const { states, target, floor } = plan;
  const { source, twin, stateRow } = states;
  const [held, deleted, failed] = [
    versionIn(twin?.[target.reservedAttribute]),
    stateRow?.[STATE_ATTRIBUTES.deleted]?.S,
    stateRow?.[STATE_ATTRIBUTES.failed]?.S,
  ];
  const kept =
    target.unversionedItems === 'keep' &&
    twin !== undefined &&
    twin[target.reservedAttribute] === undefined;
  const settled = source === undefined ? deleted : held;
  const overdue = failed !== undefined && (settled === undefined || failed > settled);
  const equal = findDiscrepancy(source, twin, target.reservedAttribute) === undefined;
  if (kept || (equal && !overdue)) return [];
  const version = above([held, deleted, failed, floor]);
  return source === undefined ? deleteRequests(plan, version) : [putRequest(plan, source, version)];
}

function putRequest(
  { states, target, key, keyText }: Resynchronization,
  source: Item,
  version: Version,
): WriteRequest {
  return {
    operation: 'TransactWriteItems',
    input: {
      TransactItems: [
        {
          Put: {
            TableName: target.destinationTable,
            Item: versioned(source, { version }, target),
            ...twinAsRead({ states, target, key }),
          },
        },
        {
          ConditionCheck: {
            TableName: target.stateTable,
            Key: stateRowKey(target, keyText),
            ...stateRowAsRead(states.stateRow),
          },
        },
      ],
    },
  };
}

/** The delete is remembered first, as always, also where the twin has no item any more. */
function deleteRequests(plan: Resynchronization, version: Version): WriteRequest[] {
  const { states, target, key, nowMs } = plan;
  const condition = stateRowAsRead(states.stateRow);
  const remember = stateRowUpdate(plan, target, {
    UpdateExpression: 'SET #d = :new, #key = :key, #expiresAt = :expiresAt',
    ConditionExpression: condition.ConditionExpression,
    ExpressionAttributeNames: {
      ...condition.ExpressionAttributeNames,
      '#d': STATE_ATTRIBUTES.deleted,
      '#key': STATE_ATTRIBUTES.key,
    },
    ExpressionAttributeValues: {
      ...condition.ExpressionAttributeValues,
      ':new': { S: version },
      ':key': { S: plan.keyText },
      ...expiry(nowMs),
    },
  });
  if (states.twin === undefined) return [remember];
  const remove: WriteRequest = {
    operation: 'DeleteItem',
    input: { TableName: target.destinationTable, Key: key, ...twinAsRead({ states, target, key }) },
  };
  return [remember, remove];
}

function twinAsRead({
  states: { twin },
  target,
  key,
}: Pick<Resynchronization, 'states' | 'target' | 'key'>) {
  const pk = { '#pk': Object.keys(key)[0] ?? '' };
  if (twin === undefined) {
    return { ConditionExpression: 'attribute_not_exists(#pk)', ExpressionAttributeNames: pk };
  }
  const reserved = twin[target.reservedAttribute];
  const names = { '#f': target.reservedAttribute };
  if (reserved === undefined) {
    return {
      ConditionExpression: 'attribute_exists(#pk) AND attribute_not_exists(#f)',
      ExpressionAttributeNames: { ...pk, ...names },
    };
  }
  return {
    ConditionExpression: '#f = :f',
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: { ':f': reserved },
  };
}

function stateRowAsRead(row: Item | undefined) {
  const parts = [STATE_ATTRIBUTES.deleted, STATE_ATTRIBUTES.failed].map((name) => ({
    name,
    value: row?.[name],
  }));
  const values = parts.flatMap(({ name, value }) =>
    value === undefined ? [] : [[`:${name}`, value] as const],
  );
  return {
    ConditionExpression: parts
      .map(({ name, value }) =>
        value === undefined ? `attribute_not_exists(#${name})` : `#${name} = :${name}`,
      )
      .join(' AND '),
    ExpressionAttributeNames: Object.fromEntries(parts.map(({ name }) => [`#${name}`, name])),
    ...(values.length === 0 ? {} : { ExpressionAttributeValues: Object.fromEntries(values) }),
  };
}
