// What counts as arrived: an item with the version and the content of the last record, or a later version; of a delete,
// an empty place whose tombstone is as new.

import { describe, expect, it } from 'vitest';
import { requireSeries, versionOf } from '../../src/model/guard.ts';
import { hasArrived, hasPassed, lastRecordOf } from '../../src/switching/arrival.ts';
import { SETTINGS, STREAM_ARN, streamRecord } from '../fixtures/records.ts';

const v = (number: string) => versionOf(requireSeries(STREAM_ARN, 1), number);
const facts = { sequenceNumber: '5', attributes: { name: { S: 'x' } } };
const put = lastRecordOf(streamRecord(facts), SETTINGS);
const removed = lastRecordOf(streamRecord({ ...facts, eventName: 'REMOVE' }), SETTINGS);
const item = (version: string, name = 'x') => ({
  pk: { S: 'order-1' },
  name: { S: name },
  _ferry: { M: { v: { S: version } } },
});

describe('a put', () => {
  it.each([
    [true, 'its version and content', item(v('5'))],
    [true, 'a later version, whatever it has', item(v('6'), 'y')],
    [true, 'a version just above', item(`${v('5')}~`, 'y')],
    [false, 'its version with another content', item(v('5'), 'y')],
    [false, 'an older version', item(v('4'))],
    [false, 'an item without a version', { pk: { S: 'order-1' }, name: { S: 'x' } }],
    [false, 'nothing', undefined],
  ])('has arrived (%s) where the twin has %s', (arrived, _, twin) => {
    expect(hasArrived(put, { twin, ledgerRow: undefined }, SETTINGS)).toBe(arrived);
  });

  it('has not arrived by a later tombstone, which a later record must explain', () => {
    const ledgerRow = { d: { S: v('6') } };

    expect(hasArrived(put, { twin: undefined, ledgerRow }, SETTINGS)).toBe(false);
  });
});

describe('a delete', () => {
  it.each([
    [true, 'an empty place and its tombstone', undefined, v('5')],
    [true, 'an empty place and a later tombstone', undefined, `${v('7')}~`],
    [false, 'an empty place and an older tombstone', undefined, v('4')],
    [false, 'an empty place and no tombstone', undefined, undefined],
    [false, 'an older item behind its tombstone', item(v('4')), v('5')],
    [false, 'a later item', item(v('6')), v('5')],
  ])('has arrived (%s) where the twin has %s', (arrived, _, twin, d) => {
    const ledgerRow = d === undefined ? undefined : { d: { S: d } };

    expect(hasArrived(removed, { twin, ledgerRow }, SETTINGS)).toBe(arrived);
  });
});

describe('a record of a replication that goes on', () => {
  it.each([
    ['a put', 'its tombstone of later', put, undefined, v('6'), true],
    ['a put', 'an older tombstone', put, undefined, v('4'), false],
    ['a put', 'its own version with another content', put, item(v('5'), 'y'), undefined, false],
    ['a delete', 'a later item', removed, item(v('6')), undefined, true],
    ['a delete', 'an older item behind its tombstone', removed, item(v('4')), v('5'), false],
  ])('has passed with %s, where the twin has %s', (_, __, last, twin, d, passed) => {
    const ledgerRow = d === undefined ? undefined : { d: { S: d } };

    expect(hasPassed(last, { twin, ledgerRow }, SETTINGS)).toBe(passed);
  });
});
