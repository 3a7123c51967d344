import { describe, expect, it } from 'vitest';
import type { Item } from '../../src/model/attribute-value.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { floorOf, versionOf } from '../../src/model/guard.ts';
import {
  decideResynchronization,
  type DecisionPlan,
  type ResynchronizationDecision,
} from '../../src/resync/resynchronization.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import { SETTINGS } from '../fixtures/records.ts';

const LABEL_MS = Date.UTC(2026, 0, 31);
const NOW_MS = 1_800_000_000_500;
const KEY = { pk: { S: 'a' } };
const FLOOR = floorOf({ epoch: 1, labelMs: LABEL_MS });

const v = (sequenceNumber: string) => versionOf({ epoch: 1, labelMs: LABEL_MS }, sequenceNumber);
const source: Item = { ...KEY, total: { N: '1' } };
/** The twin's item; without a sequence number, one that Ferry has not written. */
const twin = (sequenceNumber?: string, total = '1'): Item => ({
  ...KEY,
  total: { N: total },
  ...(sequenceNumber === undefined ? {} : { _ferry: { M: { v: { S: v(sequenceNumber) } } } }),
});
/** A ledger row: the newest delete, the failure bound. */
const row = ({ d, f }: { d?: string; f?: string }): Item => ({
  id: { S: 'row' },
  ...(d === undefined ? {} : { d: { S: v(d) } }),
  ...(f === undefined ? {} : { f: { S: v(f) } }),
});

interface States {
  readonly source?: Item;
  readonly twin?: Item;
  readonly ledgerRow?: Item;
}

type Rules = Partial<Pick<DecisionPlan, 'rules' | 'redriven' | 'keepsExtraneous'>>;

interface Write {
  readonly kind: ResynchronizationDecision['kind'];
  readonly request: WriteRequest | undefined;
  readonly deleted: string | undefined;
}

function writeFor({ source, twin, ledgerRow }: States, rules: Rules = {}): Write {
  const decision = decideResynchronization({
    epoch: 1,
    key: KEY,
    keyText: canonicalKey(KEY),
    states: { source, twin, ledgerRow },
    floor: FLOOR,
    rules: SETTINGS,
    nowMs: NOW_MS,
    ...rules,
  });
  return { request: undefined, deleted: undefined, ...decision };
}

/** The two parts of the transaction: the twin's item, its ledger row. */
function partsOf({ request }: Write) {
  const parts = request?.operation === 'TransactWriteItems' ? request.input.TransactItems : [];
  return { item: parts?.[0], ledgerRow: parts?.[1], count: parts?.length };
}

/** The version that is written, to the item or to the ledger row. */
function versionWritten(write: Write): string | undefined {
  const { item, ledgerRow } = partsOf(write);
  return (
    item?.Put?.Item?.['_ferry']?.M?.['v']?.S ??
    ledgerRow?.Update?.ExpressionAttributeValues?.[':new']?.S
  );
}

describe('an item that is equal on both sides', () => {
  it.each<[string, States]>([
    ['nothing is known of it', { source, twin: twin('7') }],
    ['Ferry has not written it', { source, twin: twin() }],
    ['only an older record of it failed', { source, twin: twin('7'), ledgerRow: row({ f: '6' }) }],
    ['its very record failed once', { source, twin: twin('7'), ledgerRow: row({ f: '7' }) }],
    ['it was deleted, and made again', { source, twin: twin('7'), ledgerRow: row({ d: '9' }) }],
    ['it is on neither side', {}],
    ['it is on neither side, and its delete is known', { ledgerRow: row({ d: '7' }) }],
    ['its delete is newer than what failed', { ledgerRow: row({ d: '7', f: '6' }) }],
    ['its delete is what failed', { ledgerRow: row({ d: '7', f: '7' }) }],
  ])('is left alone: %s', (_, states) => {
    expect(writeFor(states).request).toBeUndefined();
  });

  it('on neither side is announced if its delete is known, because its writer may not have done so', () => {
    expect(writeFor({ ledgerRow: row({ d: '7' }) })).toEqual({ kind: 'equal', deleted: v('7') });
    expect(writeFor({})).toEqual({ kind: 'equal' });
  });

  it.each<[string, States, string | undefined, string | undefined]>([
    ['is older than the item', { source, twin: twin('7') }, '6', undefined],
    ['is what the item holds', { source, twin: twin('7') }, '7', undefined],
    ['is newer than the item', { source, twin: twin('7') }, '8', '8'],
    ['has an item that is not Ferry’s', { source, twin: twin() }, '8', '8'],
    ['is older than the delete', { ledgerRow: row({ d: '7' }) }, '6', undefined],
    ['is newer than the delete', { ledgerRow: row({ d: '7' }) }, '8', '8'],
    ['is all that is known', {}, '8', '8'],
  ])('is written above a record that is redriven, if that %s', (_, states, redriven, below) => {
    const rules = redriven === undefined ? {} : { redriven: v(redriven) };

    expect(versionWritten(writeFor(states, rules))).toBe(below && `${v(below)}~`);
  });

  it.each<[string, States]>([
    ['a newer record of it failed', { source, twin: twin('7'), ledgerRow: row({ f: '8' }) }],
    [
      'a newer record failed, and an even newer delete is known',
      { source, twin: twin('7'), ledgerRow: row({ d: '6', f: '8' }) },
    ],
    [
      'a record failed, and Ferry has not written it',
      { source, twin: twin(), ledgerRow: row({ f: '8' }) },
    ],
    // A delete that is dead-lettered is done by a redrive also where a newer one is remembered, and stops
    // only at the version of the item itself.
    [
      'a newer record failed, but not newer than its delete',
      { source, twin: twin('7'), ledgerRow: row({ d: '9', f: '8' }) },
    ],
    [
      'the same, and Ferry has not written it',
      { source, twin: twin(), ledgerRow: row({ d: '9', f: '8' }) },
    ],
  ])('is written again, above what a redrive could bring: %s', (_, states) => {
    const write = writeFor(states);

    expect(partsOf(write).item?.Put).toBeDefined();
    const highest = states.ledgerRow?.['d']?.S === v('9') ? v('9') : v('8');
    expect(versionWritten(write)).toBe(`${highest}~`);
  });

  it.each<[string, States]>([
    ['without a delete', { ledgerRow: row({ f: '8' }) }],
    ['with an older delete', { ledgerRow: row({ d: '7', f: '8' }) }],
  ])(
    'is remembered as deleted above a record that failed, where no side has it: %s',
    (_, states) => {
      const write = writeFor(states);

      expect(partsOf(write)).toMatchObject({ count: 2, item: { ConditionCheck: {} } });
      expect(versionWritten(write)).toBe(`${v('8')}~`);
      expect(write.deleted).toBe(`${v('8')}~`);
    },
  );

  it('of the twin’s own is left alone where such are kept, whatever failed', () => {
    const target = { ...SETTINGS, unversionedItems: 'keep' as const };

    expect(
      writeFor({ source, twin: twin(), ledgerRow: row({ f: '8' }) }, { rules: target }),
    ).toEqual({
      kind: 'kept',
    });
    expect(writeFor({ twin: twin() }, { rules: target })).toEqual({ kind: 'kept' });
    expect(
      versionWritten(writeFor({ source, twin: twin('7', '2') }, { rules: target })),
    ).toBeDefined();
  });
});

describe('an item that only the twin has, where it may have expired at the source', () => {
  it.each<[string, States]>([
    ['is there', { twin: twin('7') }],
    ['is gone', { ledgerRow: row({ f: '8' }) }],
  ])('is left alone: %s', (_, states) => {
    expect(writeFor(states, { keepsExtraneous: true, redriven: v('9') })).toEqual({
      kind: 'equal',
    });
  });

  it('is put all the same where the source has it', () => {
    const write = writeFor({ source, twin: twin('7', '2') }, { keepsExtraneous: true });

    expect(versionWritten(write)).toBe(`${v('7')}~`);
  });
});

describe('the version of what is written', () => {
  it.each<[string, States, string]>([
    ['the beginning of the stream', { source }, FLOOR],
    [
      'the twin’s item',
      { source, twin: twin('7', '2'), ledgerRow: row({ d: '5', f: '6' }) },
      v('7'),
    ],
    [
      'the newest delete',
      { source, twin: twin('5', '2'), ledgerRow: row({ d: '7', f: '6' }) },
      v('7'),
    ],
    [
      'the failure bound',
      { source, twin: twin('5', '2'), ledgerRow: row({ d: '6', f: '7' }) },
      v('7'),
    ],
    ['the item that is deleted', { twin: twin('7'), ledgerRow: row({ d: '5', f: '6' }) }, v('7')],
    ['an item that is not Ferry’s', { twin: twin() }, FLOOR],
  ])('is just above %s', (_, states, below) => {
    expect(versionWritten(writeFor(states))).toBe(`${below}~`);
  });
});

describe('the comparison with what was read', () => {
  const put = (states: States) => {
    const { item, ledgerRow } = partsOf(writeFor(states));
    return { item: item?.Put, ledgerRow: ledgerRow?.ConditionCheck };
  };
  const remove = (states: States) => {
    const { item, ledgerRow } = partsOf(writeFor(states));
    return { item: item?.Delete, ledgerRow: ledgerRow?.Update };
  };

  it.each<[string, Item | undefined, object]>([
    [
      'no row',
      undefined,
      {
        ConditionExpression: 'attribute_not_exists(#d) AND attribute_not_exists(#f)',
        ExpressionAttributeNames: { '#d': 'd', '#f': 'f' },
      },
    ],
    [
      'a delete',
      row({ d: '5' }),
      {
        ConditionExpression: '#d = :d AND attribute_not_exists(#f)',
        ExpressionAttributeValues: { ':d': { S: v('5') } },
      },
    ],
    [
      'a failure bound',
      row({ f: '5' }),
      {
        ConditionExpression: 'attribute_not_exists(#d) AND #f = :f',
        ExpressionAttributeValues: { ':f': { S: v('5') } },
      },
    ],
    [
      'both',
      row({ d: '5', f: '6' }),
      {
        ConditionExpression: '#d = :d AND #f = :f',
        ExpressionAttributeValues: { ':d': { S: v('5') }, ':f': { S: v('6') } },
      },
    ],
  ])('asks for delete and failure bound as they were: %s', (_, ledgerRow, expected) => {
    const states = { ...(ledgerRow === undefined ? {} : { ledgerRow }), twin: twin('7', '2') };

    expect(put({ ...states, source }).ledgerRow).toMatchObject(expected);
    expect(remove(states).ledgerRow).toMatchObject(expected);
  });

  it.each<[string, States, object]>([
    ['no item', { source }, { ConditionExpression: 'attribute_not_exists(#pk)' }],
    [
      'an item that is not Ferry’s',
      { source, twin: twin(undefined, '2') },
      { ConditionExpression: 'attribute_exists(#pk) AND attribute_not_exists(#f)' },
    ],
    [
      'a version',
      { source, twin: twin('7', '2') },
      {
        ConditionExpression: '#f = :f',
        ExpressionAttributeNames: { '#f': '_ferry' },
        ExpressionAttributeValues: { ':f': { M: { v: { S: v('7') } } } },
      },
    ],
  ])('asks for the twin’s item as it was: %s', (_, states, expected) => {
    expect(put(states).item).toMatchObject(expected);
    const { twin: there } = states;
    const removed = there === undefined ? put(states).item : remove({ twin: there }).item;
    expect(removed).toMatchObject(expected);
  });
});

it('remembers a delete for 15 days, in the transaction that does it', () => {
  const write = writeFor({ twin: twin('7') });
  const { item, ledgerRow, count } = partsOf(write);

  expect(count).toBe(2);
  expect(item?.Delete).toMatchObject({ TableName: 'Orders', Key: KEY });
  expect(ledgerRow?.Update).toMatchObject({
    UpdateExpression: 'SET #d = :new, #key = :key, #expiresAt = :expiresAt',
    ExpressionAttributeNames: { '#d': 'd', '#key': 'key', '#expiresAt': 'expiresAt' },
    ExpressionAttributeValues: { ':expiresAt': { N: String(1_800_000_000 + 15 * 86_400) } },
  });
  expect(write.deleted).toBe(`${v('7')}~`);
});
