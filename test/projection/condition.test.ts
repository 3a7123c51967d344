import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import type { Condition } from '../../src/config/schema-projection.ts';
import { decodeItem } from '../../src/model/attribute-value.ts';
import { compileCondition } from '../../src/projection/condition.ts';
import { attributes } from '../fixtures/arbitrary-items.ts';

/** @param json of an item, with binaries as base64 text. */
function fulfils(json: object, condition: Condition): boolean {
  return compileCondition(condition)(decodeItem(json, 'item'));
}

const binary = (...bytes: number[]) => ({ B: Buffer.from(bytes).toString('base64') });
const a = (value: object) => ({ a: value });

describe.each<[string, object, Condition, boolean]>([
  ['the same text', a({ S: 'de' }), { attribute: 'a', equals: { S: 'de' } }, true],
  ['another text', a({ S: 'De' }), { attribute: 'a', equals: { S: 'de' } }, false],
  ['a number, written otherwise', a({ N: '1.0' }), { attribute: 'a', equals: { N: '1' } }, true],
  [
    'numbers that a double cannot tell apart',
    a({ N: '90071992547409931' }),
    { attribute: 'a', equals: { N: '90071992547409930' } },
    false,
  ],
  ['a number as text', a({ S: '1' }), { attribute: 'a', equals: { N: '1' } }, false],
  [
    'a set, in another order',
    a({ SS: ['x', 'y'] }),
    { attribute: 'a', equals: { SS: ['y', 'x'] } },
    true,
  ],
  [
    'a list, in another order',
    a({ L: [{ S: 'x' }, { S: 'y' }] }),
    { attribute: 'a', equals: { L: [{ S: 'y' }, { S: 'x' }] } },
    false,
  ],
  [
    'a map, in another order',
    a({ M: { x: { N: '1' }, y: binary(1) } }),
    { attribute: 'a', equals: { M: { y: binary(1), x: { N: '1.0' } } } },
    true,
  ],
  ['a binary', a(binary(0, 255)), { attribute: 'a', equals: binary(0, 255) }, true],
  ['NULL', a({ NULL: true }), { attribute: 'a', equals: { NULL: true } }, true],
  ['an absent attribute', {}, { attribute: 'a', equals: { S: '' } }, false],
  ['a name that all objects have', {}, { attribute: 'constructor', exists: true }, false],
  ['__proto__, absent', {}, { attribute: '__proto__', exists: true }, false],
  [
    '__proto__, there',
    JSON.parse('{"__proto__":{"S":"x"}}') as object,
    { attribute: '__proto__', equals: { S: 'x' } },
    true,
  ],
  [
    'one of several types',
    a({ N: '2.00' }),
    { attribute: 'a', in: [{ S: '2' }, { N: '2' }] },
    true,
  ],
  [
    'one of several texts',
    a({ S: 'fr' }),
    { attribute: 'a', in: [{ S: 'de' }, { S: 'fr' }] },
    true,
  ],
  ['none of them', a({ S: 'us' }), { attribute: 'a', in: [{ S: 'de' }, { N: '1' }] }, false],
  ['the beginning of a text', a({ S: 'eu#1' }), { attribute: 'a', beginsWith: { S: 'eu#' } }, true],
  ['a text that is shorter', a({ S: 'eu' }), { attribute: 'a', beginsWith: { S: 'eu#' } }, false],
  ['the beginning of a binary', a(binary(1, 2)), { attribute: 'a', beginsWith: binary(1) }, true],
  ['a binary that is shorter', a(binary(1)), { attribute: 'a', beginsWith: binary(1, 2) }, false],
  [
    'the beginning, of another type',
    a(binary(101)),
    { attribute: 'a', beginsWith: { S: 'e' } },
    false,
  ],
  [
    'a text as DynamoDB orders it: by its bytes in UTF-8',
    a({ S: '\u{1f6a2}' }),
    { attribute: 'a', between: [{ S: '\uffee' }, { S: '\u{1f6a3}' }] },
    true,
  ],
  [
    'the same text in the order of JavaScript',
    a({ S: '\uffee' }),
    { attribute: 'a', between: [{ S: '\u{1f6a2}' }, { S: '\u{1f6a3}' }] },
    false,
  ],
  [
    'a number in the order of texts',
    a({ N: '10' }),
    { attribute: 'a', between: [{ N: '9' }, { N: '11' }] },
    true,
  ],
  [
    'the lowest number itself',
    a({ N: '-1.50' }),
    { attribute: 'a', between: [{ N: '-1.5' }, { N: '0' }] },
    true,
  ],
  [
    'a number of 38 digits, just above',
    a({ N: '12345678901234567890123456789012345679' }),
    {
      attribute: 'a',
      between: [{ N: '0' }, { N: '12345678901234567890123456789012345678' }],
    },
    false,
  ],
  [
    'a binary between',
    a(binary(128)),
    { attribute: 'a', between: [binary(127), binary(255)] },
    true,
  ],
  [
    'a text between binaries',
    a({ S: 'a' }),
    { attribute: 'a', between: [binary(0), binary(255)] },
    false,
  ],
  ['an absent attribute between', {}, { attribute: 'a', between: [{ S: '' }, { S: 'z' }] }, false],
  ['exists', a({ NULL: true }), { attribute: 'a', exists: true }, true],
  ['does not exist', a({ NULL: true }), { attribute: 'a', exists: false }, false],
  ['not', {}, { not: { attribute: 'a', equals: { S: 'x' } } }, true],
  [
    'and, one part is not fulfilled',
    a({ S: 'x' }),
    {
      and: [
        { attribute: 'a', exists: true },
        { attribute: 'b', exists: true },
      ],
    },
    false,
  ],
  [
    'or, one part is fulfilled',
    a({ S: 'x' }),
    {
      or: [
        { attribute: 'b', exists: true },
        { attribute: 'a', exists: true },
      ],
    },
    true,
  ],
])('%s', (_, item, condition, expected) => {
  it(`is ${expected ? 'fulfilled' : 'not fulfilled'}`, () => {
    expect(fulfils(item, condition)).toBe(expected);
  });
});

it('takes every value as equal to itself, and as one of several', () => {
  fc.assert(
    fc.property(attributes, attributes, (item, other) => {
      for (const [attribute, value] of Object.entries(item)) {
        const typed = value as Record<string, unknown>;
        const members = [...Object.values(other), typed] as Array<Record<string, unknown>>;
        expect(fulfils(item, { attribute, equals: typed })).toBe(true);
        expect(fulfils(item, { attribute, in: members })).toBe(true);
        expect(fulfils(item, { not: { attribute, in: members } })).toBe(false);
      }
    }),
  );
});
