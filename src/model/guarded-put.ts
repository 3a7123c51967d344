// A put of a changed item under the guard. Its `input` is made when it is asked for: on the hot path, a request
// encoder makes the text without it.

import type { PutItemInput } from '@aws-sdk/client-dynamodb';
import { freeFor, olderItemFor } from './guard.ts';
import type { WriteRules } from './rules.ts';
import type { PutRecord } from './stream-record.ts';
import { twinItem } from './twin-item.ts';

/** What must hold of the place: that it is free for this version, or that an older item is there. */
export type Place = 'free' | 'older-item';

export class GuardedPut {
  readonly operation = 'PutItem';
  readonly record: PutRecord;
  readonly rules: WriteRules;
  readonly place: Place;

  constructor(record: PutRecord, rules: WriteRules, place: Place) {
    this.record = record;
    this.rules = rules;
    this.place = place;
  }

  /** What any other request would be as JSON. */
  toJSON(): object {
    return { operation: this.operation, input: this.input };
  }

  get input() {
    const { record, rules, place } = this;
    return {
      TableName: rules.destinationTable,
      Item: twinItem(record.newImage, record, rules),
      ...(place === 'free' ? freeFor : olderItemFor)(record, rules),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    } satisfies PutItemInput;
  }
}
