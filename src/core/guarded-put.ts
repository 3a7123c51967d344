// A put of a source item under the guard, in the two forms in which clients take it. The second is for the
// hot path: it neither copies the image nor puts into JSON again what all puts into a table have in common.

import type { PutItemInput } from '@aws-sdk/client-dynamodb';
import { freeFor, guardOf } from './ordering-guard.ts';
import type { PutRecord } from './stream-record.ts';
import { stampOf, versioned } from './versioned-item.ts';
import type { WriteTarget } from './write-request.ts';

export class GuardedPut {
  readonly operation = 'PutItem';
  readonly record: PutRecord;
  readonly target: WriteTarget;

  constructor(record: PutRecord, target: WriteTarget) {
    this.record = record;
    this.target = target;
  }

  /** What any other request would be as JSON. */
  toJSON(): object {
    return { operation: this.operation, input: this.input };
  }

  /** As the SDK takes it. */
  get input() {
    const { record, target } = this;
    return {
      TableName: target.destinationTable,
      Item: versioned(record.newImage, record, target),
      ...freeFor(guardOf(record, target)),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    } satisfies PutItemInput;
  }

  /** `input` as DynamoDB's JSON. */
  json(): string {
    const { record, target } = this;
    const { newImage, version } = record;
    // A copy of a twin, which is rare.
    if (target.reservedAttribute in newImage) return JSON.stringify(this.input);
    const image = JSON.stringify(newImage).slice(1);
    const stamp = JSON.stringify(stampOf(record, target));
    return `${commonJson(this)}${stamp},${image},"ExpressionAttributeValues":{":v":{"S":"${version}"}}}`;
  }
}

/** By target, and by the name of its key. */
const known = new WeakMap<WriteTarget, Map<string, string>>();

/** Up to the reserved attribute's value, with which the item begins. */
function commonJson(put: GuardedPut): string {
  const { record, target } = put;
  let byKey = known.get(target);
  if (byKey === undefined) known.set(target, (byKey = new Map()));
  const { keyAttribute } = guardOf(record, target);
  let json = byKey.get(keyAttribute);
  if (json === undefined) {
    const { Item: _item, ExpressionAttributeValues: _values, ...common } = put.input;
    const name = JSON.stringify(target.reservedAttribute);
    json = `${JSON.stringify(common).slice(0, -1)},"Item":{${name}:`;
    byKey.set(keyAttribute, json);
  }
  return json;
}
