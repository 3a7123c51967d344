import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  above,
  freeFor,
  refusalCause,
  streamLabelMs,
  versionIn,
  versionOf,
} from '../../src/model/guard.ts';

const LABEL_MS = Date.UTC(2026, 0, 31);

describe('versionOf', () => {
  it('orders texts as the sequence numbers are ordered as numbers', () => {
    const digits = fc.bigInt({ min: 0n, max: 10n ** 40n - 1n });
    fc.assert(
      fc.property(digits, digits, (a, b) => {
        const [textA, textB] = [
          versionOf({ epoch: 1, labelMs: LABEL_MS }, String(a)),
          versionOf({ epoch: 1, labelMs: LABEL_MS }, String(b)),
        ];
        expect(textA < textB).toBe(a < b);
      }),
    );
  });

  it('puts every record of a later stream above every record of an earlier one', () => {
    expect(
      versionOf({ epoch: 1, labelMs: LABEL_MS + 1 }, '0') >
        versionOf({ epoch: 1, labelMs: LABEL_MS }, '9'.repeat(40)),
    ).toBe(true);
    expect(
      versionOf({ epoch: 1, labelMs: LABEL_MS }, '0') >
        versionOf({ epoch: 1, labelMs: 5 }, '9'.repeat(40)),
    ).toBe(true);
  });
});

describe('streamLabelMs', () => {
  it.each([
    [
      'an AWS label',
      'arn:aws:dynamodb:us-east-1:1:table/T/stream/2015-05-11T21:21:33.291',
      Date.UTC(2015, 4, 11, 21, 21, 33, 291),
    ],
    [
      'a label of the embedded engine',
      'arn:aws:dynamodb:dynoxide:0:table/T/stream/1769860800.123456789',
      1_769_860_800_123,
    ],
    ['no label', 'arn:aws:dynamodb:us-east-1:1:table/T', undefined],
    ['something else', 'arn:aws:dynamodb:us-east-1:1:table/T/stream/yesterday', undefined],
  ])('reads %s', (_, arn, expected) => {
    expect(streamLabelMs(arn)).toBe(expected);
  });

  it('does not depend on the time zone of the machine', () => {
    const before = process.env['TZ'];
    process.env['TZ'] = 'Asia/Shanghai';
    try {
      expect(streamLabelMs('x/stream/1970-01-01T00:00:01.000')).toBe(1_000);
    } finally {
      if (before === undefined) delete process.env['TZ'];
      else process.env['TZ'] = before;
    }
  });
});

const written = {
  version: versionOf({ epoch: 1, labelMs: LABEL_MS }, '50'),
  key: { pk: { S: 'a' } },
};
const rules = { reservedAttribute: '_ferry', unversionedItems: 'replace' } as const;

describe('freeFor', () => {
  it('lets a write take an empty place, an unversioned item or an older one', () => {
    expect(freeFor(written, rules)).toEqual({
      ConditionExpression: 'attribute_not_exists(#pk) OR attribute_not_exists(#f) OR #f.#v < :v',
      ExpressionAttributeNames: { '#pk': 'pk', '#f': '_ferry', '#v': 'v' },
      ExpressionAttributeValues: { ':v': { S: written.version } },
    });
  });

  it('keeps unversioned items where the policy says so', () => {
    expect(freeFor(written, { ...rules, unversionedItems: 'keep' }).ConditionExpression).toBe(
      'attribute_not_exists(#pk) OR #f.#v < :v',
    );
  });
});

describe('refusalCause', () => {
  const stored = (v: string) => ({ pk: { S: 'a' }, _ferry: { M: { v: { S: v } } } });
  it.each([
    ['the same version', stored(written.version), 'redelivery'],
    ['a newer version', stored(versionOf({ epoch: 1, labelMs: LABEL_MS }, '51')), 'newer'],
    ['a repaired version, just above', stored(`${written.version}~`), 'newer'],
    ['a version that was repaired twice', stored(`${written.version}~~`), 'newer'],
    ['a version that was repaired often', stored(`${written.version}${'~'.repeat(30)}`), 'newer'],
    ['an item that is not Ferry’s', { pk: { S: 'a' } }, 'unversioned'],
    ['nothing returned', undefined, 'not-returned'],
    [
      'a reserved attribute of another kind',
      { pk: { S: 'a' }, _ferry: { S: 'mine' } },
      'not-comparable',
    ],
    [
      'a version below, which cannot refuse',
      stored(versionOf({ epoch: 1, labelMs: LABEL_MS }, '49')),
      'not-comparable',
    ],
  ])('reads %s', (_, item, cause) => {
    expect(refusalCause(item, written, rules)).toBe(cause);
  });
});

describe('above', () => {
  const [older, newer] = [
    versionOf({ epoch: 1, labelMs: LABEL_MS }, '50'),
    versionOf({ epoch: 1, labelMs: LABEL_MS }, '51'),
  ];

  it('is higher than all that is known, and below the next record, however often it is taken', () => {
    let version = above([undefined, older, versionOf({ epoch: 1, labelMs: LABEL_MS }, '9')]);
    expect(version > older).toBe(true);
    for (let again = 1; again <= 30; again += 1) {
      const next = above([older, version]);
      expect(next > version).toBe(true);
      expect(next < newer).toBe(true);
      version = next;
    }
  });

  it('makes versions that are read back as they are', () => {
    for (const text of [older, above([older]), above([above([older])])])
      expect(versionIn({ M: { v: { S: text } } })).toBe(text);
  });

  it.each(['mine', `${older}!`, `x${older}`, older.slice(1), `${older}~x`])(
    'makes nothing like %s',
    (text) => {
      expect(versionIn({ M: { v: { S: text } } })).toBeUndefined();
    },
  );
});
