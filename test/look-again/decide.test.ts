// Which keys are read again, which items are revenants, and the delete that removes one.

import { describe, expect, it } from 'vitest';
import { canonicalKey, type Item } from '../../src/model/attribute-value.ts';
import {
  lookRequest,
  newestDeletes,
  revenantDelete,
  revenantsAmong,
} from '../../src/look-again/decide.ts';
import { versionOf } from '../../src/model/guard.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import { SETTINGS } from '../fixtures/records.ts';

const TARGET = SETTINGS;
const SERIES = { epoch: 1, labelMs: 1_769_860_800_000 };
const v = (sequenceNumber: number) => versionOf(SERIES, String(sequenceNumber));
const at = (version: string): Item => ({ _ferry: { M: { v: { S: version } } } });

const KEYS: ReadonlyArray<readonly [kind: string, key: Item]> = [
  ['string', { pk: { S: 'a' } }],
  ['number', { n: { N: '7' } }],
  ['binary', { b: { B: new Uint8Array([0, 255]) } }],
  ['composite', { pk: { S: 'a' }, sk: { N: '-1.5' } }],
];

describe('deletes of one key', () => {
  it('are one look, for the newest of them', () => {
    const key = { pk: { S: 'a' } };

    const newest = newestDeletes([
      { key, version: v(5) },
      { key, version: v(9) },
      { key, version: v(7) },
    ]);

    expect([...newest.values()]).toEqual([{ key, version: v(9) }]);
  });

  it('are known by their key, in whatever order its attributes come', () => {
    const [pk, sk] = [{ S: 'a' }, { S: 'b' }];

    const newest = newestDeletes([
      { key: { pk, sk }, version: v(5) },
      { key: { sk, pk }, version: v(6) },
    ]);

    expect(newest.size).toBe(1);
  });

  it('are apart from those of another sort key, or of another type', () => {
    const newest = newestDeletes([
      { key: { pk: { S: '1' } }, version: v(5) },
      { key: { pk: { N: '1' } }, version: v(5) },
      { key: { pk: { S: '1' }, sk: { S: '1' } }, version: v(5) },
    ]);

    expect(newest.size).toBe(3);
  });
});

describe.each(KEYS)('a %s key', (_, key) => {
  it('is read with nothing but the version', () => {
    const { input } = lookRequest([key], TARGET);

    const names = Object.values(
      (input as { RequestItems: Record<string, { ExpressionAttributeNames: object }> })
        .RequestItems['Orders']?.ExpressionAttributeNames ?? {},
    );
    expect(names).toEqual([...Object.keys(key), '_ferry']);
  });

  it('finds its item again, and is what is deleted', () => {
    const deletes = newestDeletes([{ key, version: v(5) }]);

    const found = revenantsAmong([{ ...key, ...at(v(3)) }], deletes, TARGET);

    expect(found).toEqual([{ key, deleted: v(5) }]);
    expect(found.map((one) => revenantDelete(one, TARGET).input)).toMatchObject([
      {
        TransactItems: [
          { Delete: { TableName: 'Orders', Key: key, ConditionExpression: '#f.#v < :d' } },
          {
            ConditionCheck: {
              TableName: 'ferry-orders-state',
              Key: ledgerRowKey(TARGET, canonicalKey(key)),
              // Whoever announced it may not have got as far as doing it.
              ConditionExpression: '#d >= :d',
            },
          },
        ],
      },
    ]);
  });
});

describe('an item', () => {
  const key = { pk: { S: 'a' } };
  const deletes = newestDeletes([{ key, version: v(5) }]);

  it.each([
    ['of an older record', v(4), true],
    ['just above an older record, as read at the source', `${v(4)}~`, false],
    ['of a copy', versionOf(SERIES, '0'), false],
    ['of an older epoch', versionOf({ ...SERIES, epoch: 0 }, '9'), true],
    ['just above its delete', `${v(5)}~`, false],
    ['of a newer epoch', versionOf({ ...SERIES, epoch: 2 }, '1'), false],
    ['of a later stream', versionOf({ ...SERIES, labelMs: SERIES.labelMs + 1 }, '1'), false],
  ])('with a version %s', (_, version, isBack) => {
    const found = revenantsAmong([{ ...key, ...at(version) }], deletes, TARGET);

    expect(found).toHaveLength(isBack ? 1 : 0);
  });

  it('that nobody asked for is left alone', () => {
    const found = revenantsAmong([{ pk: { S: 'b' }, ...at(v(3)) }], deletes, TARGET);

    expect(found).toEqual([]);
  });
});
