import { describe, expect, it } from 'vitest';
import { decodeItem } from '../../src/model/attribute-value.ts';
import { keyDigest, type Loser, loserObject, parseLoser } from '../../src/model/loser.ts';
import { streamRecord } from '../fixtures/records.ts';
import { at, SECOND, stamped } from '../fixtures/two-way.ts';

const { key, keyText } = streamRecord();
const LOSER: Loser = {
  replication: 'orders',
  kind: 'replaced',
  key,
  keyText,
  sequenceNumber: '77',
  createdAtSeconds: SECOND,
  lost: decodeItem({ ...key, photo: { B: 'AQI=' }, ...stamped(at(1, 1)) }, 'lost'),
  lostVersion: at(1, 1),
  won: { ...key, ...stamped(at(2, 2)) },
  wonVersion: at(2, 2),
};
/** As this release stores it: readers of later ones must know it. */
const STORED = `{"format":1,"replication":"orders","kind":"replaced","key":{"pk":{"S":"order-1"}},"keyText":${JSON.stringify(keyText)},"sequenceNumber":"77","createdAtSeconds":${SECOND},"lost":{"pk":{"S":"order-1"},"photo":{"B":"AQI="},"_ferry":{"M":{"v":{"S":"${at(1, 1)}"}}}},"lostVersion":"${at(1, 1)}","won":{"pk":{"S":"order-1"},"_ferry":{"M":{"v":{"S":"${at(2, 2)}"}}}},"wonVersion":"${at(2, 2)}"}\n`;

describe('an object', () => {
  it('has a place by date, item and record', () => {
    expect(loserObject(LOSER).key).toBe(
      `losers/2026-01-31/${keyDigest(keyText)}/${'77'.padStart(40, '0')}.json`,
    );
  });

  it('is stored in a form that is read again', () => {
    const { body } = loserObject(LOSER);

    expect(body).toBe(STORED);
    expect(parseLoser(body)).toEqual({ kind: 'loser', loser: LOSER });
  });

  it('leaves out what there is not: of a delete that is a stray, all but what it has deleted', () => {
    const { lost: _, lostVersion: _version, ...stray } = { ...LOSER, kind: 'stray' as const };
    const { body } = loserObject({ ...stray, lost: undefined });

    expect(JSON.parse(body)).not.toHaveProperty('lost');
    expect(parseLoser(body)).toEqual({ kind: 'loser', loser: stray });
  });
});

describe('what makes no sense is unreadable', () => {
  const stored = JSON.parse(STORED) as Record<string, unknown>;

  it.each<[string, string, RegExp]>([
    ['text', 'losers', /not JSON/],
    ['a list', '[]', /not an object/],
    ['another format', JSON.stringify({ ...stored, format: 9 }), /format/],
    ['another kind', JSON.stringify({ ...stored, kind: 'found' }), /kind/],
    ['no time', JSON.stringify({ ...stored, createdAtSeconds: undefined }), /its time/],
    ['no key', JSON.stringify({ ...stored, key: 5 }), /key/],
    ['an image', JSON.stringify({ ...stored, lost: { pk: 5 } }), /lost/],
    ['a version', JSON.stringify({ ...stored, wonVersion: 5 }), /wonVersion/],
  ])('%s', (_, body, problem) => {
    expect(parseLoser(body)).toMatchObject({
      kind: 'unreadable',
      problem: expect.stringMatching(problem) as string,
    });
  });
});
