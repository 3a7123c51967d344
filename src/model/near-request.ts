// What the function of a stream writes to the table of that stream, where both tables are written: it takes away what
// came late, and raises the version of what a slow clock has stamped.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { uniqueOf } from './clock-version.ts';
import { itemDigest } from './discrepancy.ts';
import type { Item } from './attribute-value.ts';
import { unchangedFrom, type Version } from './guard.ts';
import type { WriteRules } from './rules.ts';
import { withoutStamp } from './twin-item.ts';
import type { WriteRequest } from './write-request.ts';

/** Removes an item that is older than a delete; never one without a version. */
export function removeBelow(
  key: Item,
  deleted: Version,
  { destinationTable, reservedAttribute }: WriteRules,
): WriteRequest {
  return {
    operation: 'DeleteItem',
    input: {
      TableName: destinationTable,
      Key: key,
      ConditionExpression: '#f.#v < :d',
      ExpressionAttributeNames: { '#f': reservedAttribute, '#v': 'v' },
      ExpressionAttributeValues: { ':d': { S: deleted } },
    },
  };
}

/** Removes an item that has been written by nothing since it was read. */
export function removeAsRead(key: Item, read: Item, rules: WriteRules): WriteRequest {
  const input = { TableName: rules.destinationTable, Key: key, ...unchangedFrom(read, key, rules) };
  return { operation: 'DeleteItem', input };
}

/** Of the digits that are left for them beside a counter and an origin. */
const DIGITS_OF_CONTENTS = 10;

/**
 * Digits of the version that an item gets for a record. A record that comes again may find other contents: these get other
 * digits, and the same contents get the same ones.
 */
export function uniqueFor(sequenceNumber: string, item: Item, rules: WriteRules): string {
  const digest = Buffer.from(itemDigest(withoutStamp(item, rules)), 'base64').readBigUInt64BE();
  return uniqueOf(`${sequenceNumber}${String(digest).slice(-DIGITS_OF_CONTENTS)}`);
}

/**
 * Gives an item another version, as an application would, if it has been written by nothing since it was read. What was put
 * back is as old as it was.
 */
export function stampAgain(
  key: Item,
  version: Version,
  read: Item,
  rules: WriteRules,
): WriteRequest {
  const { ConditionExpression, ExpressionAttributeNames, ...condition } = unchangedFrom(
    read,
    key,
    rules,
  );
  const values = 'ExpressionAttributeValues' in condition && condition.ExpressionAttributeValues;
  const stamp = stampOf(version, putBackFor(read, rules));
  return {
    operation: 'UpdateItem',
    input: {
      TableName: rules.destinationTable,
      Key: key,
      UpdateExpression: 'SET #f = :stamp',
      ConditionExpression,
      ExpressionAttributeNames: {
        ...ExpressionAttributeNames,
        '#f': rules.reservedAttribute,
      },
      ExpressionAttributeValues: { ...values, ':stamp': stamp },
    },
  };
}

/** What is put back: the image of a record, over what was read, with another version. */
export interface PutBack {
  readonly key: Item;
  readonly read: Item | undefined;
  readonly version: Version;
  /** Of the record, as the ledger orders them; undefined where an operator restores what is no record's. */
  readonly sequence?: Version;
}

/** Puts an item of an application back. Until an application writes it, its stamp tells how old it is. */
export function putBack(
  image: Item,
  { key, read, version, sequence }: PutBack,
  rules: WriteRules,
): WriteRequest {
  return {
    operation: 'PutItem',
    input: {
      TableName: rules.destinationTable,
      Item: { ...image, [rules.reservedAttribute]: stampOf(version, sequence) },
      ...unchangedFrom(read, key, rules),
    },
  };
}

function stampOf(version: Version, sequence: Version | undefined): AttributeValue {
  return { M: { v: { S: version }, ...(sequence !== undefined && { s: { S: sequence } }) } };
}

/** The record whose image was put back; undefined for every other item. */
export function putBackFor(item: Item, { reservedAttribute }: WriteRules): Version | undefined {
  return item[reservedAttribute]?.M?.['s']?.S;
}
