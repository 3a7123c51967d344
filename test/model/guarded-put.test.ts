import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GuardedPut } from '../../src/model/guarded-put.ts';
import type { PutRecord } from '../../src/model/stream-record.ts';
import { requestEncoder } from '../../src/model/request-encoder.ts';
import { attributes, keyValues } from '../fixtures/arbitrary-items.ts';
import { SETTINGS, streamRecord } from '../fixtures/records.ts';

const putRecord = (facts: Parameters<typeof streamRecord>[0]) => streamRecord(facts) as PutRecord;
const encode = requestEncoder();
const PLACES = ['free', 'older-item'] as const;

const odd = fc.constantFrom('_ferry', 'a.b', '"', '\\', '\u2028', 'ключ 🔑', '1', ' ');

const puts = fc
  .record({
    attributes,
    // A source that is a twin itself.
    reserved: fc.option(keyValues.S, { nil: undefined, freq: 2 }),
    key: fc.tuple(odd, fc.oneof(keyValues.S, keyValues.N, keyValues.B)),
    reservedAttribute: odd,
    unversionedItems: fc.constantFrom('replace' as const, 'keep' as const),
    createdAtSeconds: fc.constantFrom(undefined, 0, 1_769_860_800),
    // Of a stamped put.
    seen: fc.constantFrom(undefined, `0001.${'1'.repeat(13)}.${'2'.repeat(40)}`),
    place: fc.constantFrom(...PLACES),
    sequenceNumber: fc.bigInt({ min: 1n, max: 10n ** 40n - 1n }).map(String),
  })
  .filter(({ key: [name], ...put }) => name !== put.reservedAttribute && !(name in put.attributes));

it('the text of a put says what its input says', () => {
  const seen = { spliced: 0, whole: 0 };
  fc.assert(
    fc.property(puts, (put) => {
      const { key, reserved, reservedAttribute, unversionedItems, place, ...facts } = put;
      seen[reserved === undefined ? 'spliced' : 'whole'] += 1;
      const record = putRecord({
        sequenceNumber: facts.sequenceNumber,
        keys: Object.fromEntries([key]),
        attributes: {
          ...facts.attributes,
          ...(reserved === undefined ? {} : { [reservedAttribute]: reserved }),
        },
      });
      const target = { ...SETTINGS, reservedAttribute, unversionedItems };
      const { createdAtSeconds, seen: b } = facts;
      const request = new GuardedPut({ ...record, createdAtSeconds, seen: b }, target, place);

      expect(JSON.parse(encode(request))).toEqual(JSON.parse(JSON.stringify(request.input)));
    }),
    { numRuns: 1_000 },
  );
  expect(Math.min(seen.spliced, seen.whole)).toBeGreaterThan(300);
});

it('what puts have in common is kept by table, place and key, and nothing else is', () => {
  const record = (name: string, number: number) =>
    putRecord({
      sequenceNumber: String(number),
      keys: { [name]: { S: `item-${number}` } },
      attributes: { total: { N: String(number) } },
      createdAtSeconds: 1_769_860_800 + number,
    });
  const puts = [SETTINGS, { ...SETTINGS, destinationTable: 'Copies' }].flatMap((target) =>
    ['pk', 'id', 'pk', 'id'].flatMap((name, number) =>
      PLACES.map((place) => new GuardedPut(record(name, number), target, place)),
    ),
  );

  expect(puts.map((put) => JSON.parse(encode(put)) as unknown)).toEqual(
    puts.map((put) => put.input),
  );
  expect(new Set(puts.map(encode)).size).toBe(16);
});

it('a put is a value that can be printed and compared', () => {
  const [one, other] = ['a', 'b'].map((id) => new GuardedPut(putRecord({ id }), SETTINGS, 'free'));

  expect(JSON.parse(JSON.stringify(one))).toEqual({ operation: 'PutItem', input: one?.input });
  expect(one).not.toEqual(other);
});
