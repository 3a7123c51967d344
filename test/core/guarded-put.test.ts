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
    reserved: fc.option(keyValues.S, { nil: undefined }),
    key: fc.tuple(odd, fc.oneof(keyValues.S, keyValues.N, keyValues.B)),
    reservedAttribute: odd,
    unversionedItems: fc.constantFrom('replace' as const, 'keep' as const),
    createdAtSeconds: fc.constantFrom(undefined, 0, 1_769_860_800),
    sequenceNumber: fc.bigInt({ min: 1n, max: 10n ** 40n - 1n }).map(String),
  })
  .filter(({ key: [name], ...put }) => name !== put.reservedAttribute && !(name in put.attributes));

it('the text of a put says what its input says', () => {
  let withReserved = 0;
  fc.assert(
    fc.property(puts, (put) => {
      const { key, reserved, reservedAttribute, unversionedItems, ...facts } = put;
      if (reserved !== undefined) withReserved += 1;
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
  expect(withReserved).toBeGreaterThan(100);
});

it('puts of one table do not mix up what they have in common with those of another', () => {
  const texts = [SETTINGS, { ...SETTINGS, destinationTable: 'Copies' }].flatMap((target) =>
    ['pk', 'id'].map((name) => {
      const record = streamRecord({ keys: { [name]: { S: 'a' } } });
      const [put] = toWriteRequests(record, { target, arrival: 'in-order', nowMs: 0 });
      const { TableName, ExpressionAttributeNames } = JSON.parse(
        jsonOf(put as WriteRequest),
      ) as Record<string, unknown>;
      return { TableName, ExpressionAttributeNames };
    }),
  );

  expect(texts).toEqual(
    ['Orders', 'Copies'].flatMap((TableName) =>
      ['pk', 'id'].map((name) => ({
        TableName,
        ExpressionAttributeNames: { '#pk': name, '#f': '_ferry', '#v': 'v' },
      })),
    ),
  );
});
