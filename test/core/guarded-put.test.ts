import fc from 'fast-check';
import { expect, it } from 'vitest';
import { jsonOf, toWriteRequests, type WriteRequest } from '../../src/core/write-request.ts';
import { attributes, keyValues } from '../fixtures/arbitrary-items.ts';
import { SETTINGS, streamRecord } from '../fixtures/records.ts';

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
    sequenceNumber: fc.bigInt({ min: 1n, max: 10n ** 40n - 1n }).map(String),
  })
  .filter(({ key: [name], ...put }) => name !== put.reservedAttribute && !(name in put.attributes));

it('the text of a put says what its input says', () => {
  const seen = { spliced: 0, whole: 0 };
  fc.assert(
    fc.property(puts, (put) => {
      const { key, reserved, reservedAttribute, unversionedItems, ...facts } = put;
      seen[reserved === undefined ? 'spliced' : 'whole'] += 1;
      const record = streamRecord({
        sequenceNumber: facts.sequenceNumber,
        keys: Object.fromEntries([key]),
        attributes: {
          ...facts.attributes,
          ...(reserved === undefined ? {} : { [reservedAttribute]: reserved }),
        },
      });
      const target = { ...SETTINGS, reservedAttribute, unversionedItems };
      const [request] = toWriteRequests(
        { ...record, createdAtSeconds: facts.createdAtSeconds },
        { target, arrival: 'in-order', nowMs: 0 },
      ) as [WriteRequest];

      expect(JSON.parse(jsonOf(request))).toEqual(JSON.parse(JSON.stringify(request.input)));
    }),
    { numRuns: 1_000 },
  );
  expect(Math.min(seen.spliced, seen.whole)).toBeGreaterThan(300);
});

it('what puts have in common is kept by table and key, and nothing else is', () => {
  const record = (name: string, number: number) =>
    streamRecord({
      sequenceNumber: String(number),
      keys: { [name]: { S: `item-${number}` } },
      attributes: { total: { N: String(number) } },
      createdAtSeconds: 1_769_860_800 + number,
    });
  const puts = [SETTINGS, { ...SETTINGS, destinationTable: 'Copies' }].flatMap((target) =>
    ['pk', 'id', 'pk', 'id'].flatMap((name, number) =>
      toWriteRequests(record(name, number), { target, arrival: 'in-order', nowMs: 0 }),
    ),
  );

  expect(puts.map((put) => JSON.parse(jsonOf(put)) as unknown)).toEqual(
    puts.map((put) => put.input),
  );
  expect(new Set(puts.map(jsonOf)).size).toBe(8);
});

it('a put is a value that can be printed and compared', () => {
  const [one, other] = ['a', 'b'].map(
    (id) =>
      toWriteRequests(streamRecord({ id }), { target: SETTINGS, arrival: 'in-order', nowMs: 0 })[0],
  );

  expect(JSON.parse(JSON.stringify(one))).toEqual({ operation: 'PutItem', input: one?.input });
  expect(one).not.toEqual(other);
});
