// What a function needs to write the first control row, with the least that it may read of both tables.

import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { allowing } from './arns.ts';
import type { Place, Statement } from './statement.ts';

/** Once in a replication's life: to see that nothing was written before, and to write the control row. */
export function firstAdoption(
  { name, reservedAttribute, destination, twoWay }: ReplicationConfig,
  allow: ReturnType<typeof allowing>,
): Statement[] {
  const { partitionKey, sortKey } = destination;
  const twinKeys = [partitionKey, sortKey].flatMap((key) => (key === undefined ? [] : key.name));
  return [
    allow('twin', ['dynamodb:DescribeTable']),
    allow('state', ['dynamodb:DescribeTable']),
    scanOf('twin', [reservedAttribute, ...twinKeys], allow),
    // With stamps, what is there may be deletes of the other direction.
    ...(twoWay?.mode === 'stamped' ? [] : [scanOf('state', [LEDGER_ATTRIBUTES.id], allow)]),
    allow('state', ['dynamodb:PutItem'], ofItems([`${name}#control`])),
  ];
}

/**
 * Of no more than these attributes. The function asks for the first alone; the keys, where they are known,
 * are allowed in case that DynamoDB counts them as asked for.
 */
function scanOf(place: Place, attributes: string[], allow: ReturnType<typeof allowing>): Statement {
  const only = { 'ForAllValues:StringEquals': { 'dynamodb:Attributes': attributes } };
  return allow(place, ['dynamodb:Scan'], {
    ...(attributes.every(fitsPolicy) && only),
    StringEquals: { 'dynamodb:Select': 'SPECIFIC_ATTRIBUTES' },
  });
}

/** A policy takes no other characters than these, and reads `${` as the beginning of a variable. */
function fitsPolicy(text: string): boolean {
  return /^[\u0020-\u00ff]*$/.test(text) && !text.includes('${');
}

export function ofItems(partitionKeys: string[]) {
  return { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': partitionKeys } };
}
