// A put of a source item under the guard, in the two forms in which clients take it. The second is for the
// hot path: it neither copies the image nor puts into JSON again what all puts into a table have in common.

import type { PutItemInput } from '@aws-sdk/client-dynamodb';
import { freeFor, guardOf, olderItemFor } from './guard.ts';
import type { PutRecord } from './stream-record.ts';
import { stampOf, versioned } from './versioned-item.ts';
import type { WriteRules } from './write-request.ts';

/** What must hold of the place: that it is free for this version, or that an older item is there. */
export type Place = 'free' | 'older-item';

export class GuardedPut {
  readonly operation = 'PutItem';
  readonly record: PutRecord;
  readonly rules: WriteRules;
  readonly place: Place;

  constructor(record: PutRecord, target: WriteRules, place: Place) {
    this.record = record;
    this.rules = target;
    this.place = place;
  }

  /** What any other request would be as JSON. */
  toJSON(): object {
    return { operation: this.operation, input: this.input };
  }

  /** As the SDK takes it. */
  get input() {
    const { record, rules, place } = this;
    const guard = guardOf(record, rules);
    return {
      TableName: rules.destinationTable,
      Item: versioned(record.newImage, record, rules),
      ...(place === 'free' ? freeFor(guard) : olderItemFor(guard)),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    } satisfies PutItemInput;
  }

  /** `input` as DynamoDB's JSON. */
  json(): string {
    const { record, rules } = this;
    const { newImage, version } = record;
    // A copy of a twin, which is rare.
    if (rules.reservedAttribute in newImage) return JSON.stringify(this.input);
    const image = JSON.stringify(newImage).slice(1);
    const stamp = JSON.stringify(stampOf(record, rules));
    return `${commonJson(this)}${stamp},${image},"ExpressionAttributeValues":{":v":{"S":"${version}"}}}`;
  }
}

type ByKey = Map<string, string>;

/** By target, by what must hold, and by the name of its key. */
const known = new WeakMap<WriteRules, Readonly<Record<Place, ByKey>>>();

/** Up to the reserved attribute's value, with which the item begins. */
function commonJson(put: GuardedPut): string {
  const { record, rules, place } = put;
  let byPlace = known.get(rules);
  if (byPlace === undefined)
    known.set(rules, (byPlace = { free: new Map(), 'older-item': new Map() }));
  const byKey = byPlace[place];
  const { keyAttribute } = guardOf(record, rules);
  let json = byKey.get(keyAttribute);
  if (json === undefined) {
    const { Item: _item, ExpressionAttributeValues: _values, ...common } = put.input;
    const name = JSON.stringify(rules.reservedAttribute);
    json = `${JSON.stringify(common).slice(0, -1)},"Item":{${name}:`;
    byKey.set(keyAttribute, json);
  }
  return json;
}
