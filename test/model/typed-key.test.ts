import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { keyProblems, parseTypedKey } from '../../src/model/typed-key.ts';

describe('a key as people type it', () => {
  it.each([
    ['plain', '{"pk":"a","sk":7}', { pk: { S: 'a' }, sk: { N: '7' } }],
    ['typed', '{"pk":{"S":"a"},"sk":{"N":"7"}}', { pk: { S: 'a' }, sk: { N: '7' } }],
    ['mixed', '{"pk":"a","sk":{"N":"7"}}', { pk: { S: 'a' }, sk: { N: '7' } }],
    ['typed, with a bare number', '{"sk":{"N":7}}', { sk: { N: '7' } }],
    ['of many digits', '{"pk":0.12345678901234567890}', { pk: { N: '0.12345678901234567890' } }],
    [
      'beyond the integers of a double',
      '{"pk":9007199254740993}',
      { pk: { N: '9007199254740993' } },
    ],
    ['tiny', '{"pk":1E-130}', { pk: { N: '1E-130' } }],
    [
      'a text of digits',
      '{"pk":"0.12345678901234567890"}',
      { pk: { S: '0.12345678901234567890' } },
    ],
    ['an attribute called __proto__', '{"__proto__":"a"}', JSON.parse('{"__proto__":{"S":"a"}}')],
  ])('is read: %s', (_, json, expected) => {
    expect(parseTypedKey(json)).toEqual(expected);
  });

  it('is read: binary', () => {
    expect([...(parseTypedKey('{"pk":{"B":"AP8="}}')['pk']?.B ?? [])]).toEqual([0, 255]);
  });

  it('keeps every digit, and is the same key as DynamoDB writes it', () => {
    const [typed, stored] = ['{"pk":1.50e2}', '{"pk":{"N":"150"}}'].map(parseTypedKey);

    expect(canonicalKey(typed ?? {})).toBe(canonicalKey(stored ?? {}));
    fc.assert(
      fc.property(fc.stringMatching(/^-?[1-9]\d{0,18}\.\d{1,19}$/), (number) => {
        expect(parseTypedKey(`{"pk":${number}}`)).toEqual({ pk: { N: number } });
      }),
    );
  });

  it.each([
    ['{pk:1}', 'JSON'],
    ['[]', 'must be an object'],
    ['{}', 'must be an object'],
    ['7', 'must be an object'],
    ['null', 'must be an object'],
    ['{"pk":""}', 'pk must not be empty'],
    ['{"pk":{"S":""}}', 'pk must not be empty'],
    ['{"pk":{"B":""}}', 'pk must not be empty'],
    ['{"pk":{"B":"not base64"}}', 'pk must be base64'],
    ['{"pk":{"S":7}}', 'pk must be in quotes'],
    ['{"pk":{"N":"seven"}}', 'pk is not a number, got seven'],
    ['{"pk":1e126}', 'pk is out of range'],
    [`{"pk":0.${'1'.repeat(39)}}`, 'pk has 39 significant digits'],
    ['{"pk":{"BOOL":true}}', 'pk must be of type S, N or B, got BOOL'],
    ['{"pk":true}', 'pk must be a string, a number'],
    ['{"pk":null}', 'pk must be a string, a number'],
    ['{"pk":["a"]}', 'pk must be a string, a number'],
    ['{"pk":{"S":"a","N":"1"}}', 'pk must be a string, a number'],
    ['{"pk":"\\ud800"}', 'half of a surrogate pair'],
    [
      '{"pk":"","sk":1e999}',
      'pk must not be empty: DynamoDB takes no empty string in a key; sk is',
    ],
  ])('is refused: %s', (json, problem) => {
    expect(() => parseTypedKey(json)).toThrow(problem);
  });
});

describe('a key of a table', () => {
  const keys = [
    { name: 'pk', type: 'S' },
    { name: 'sk', type: 'N' },
  ] as const;

  it.each([
    ['{"pk":"a","sk":7}', []],
    ['{"pk":"a"}', ['sk (N) is missing']],
    ['{"pk":1,"sk":7}', ['pk must be a string, as in "a" or {"S":"a"}, got one of type N']],
    ['{"pk":"a","sk":"7"}', ['sk must be a number, as in 7 or {"N":"7"}, got one of type S']],
    ['{"pk":"a","sk":7,"x":1}', ['x is not a key attribute of the table']],
    [`{"pk":"${'x'.repeat(2_048)}","sk":7}`, []],
    [
      `{"pk":"${'ä'.repeat(1_025)}","sk":7}`,
      ['pk has 2050 bytes, and a partition key has 2048 at most'],
    ],
  ])('%.40s: %j', (json, problems) => {
    expect(keyProblems(parseTypedKey(json), keys)).toEqual(problems);
  });

  it('of binary asks for base64', () => {
    const [problem] = keyProblems(parseTypedKey('{"pk":"AP8="}'), [{ name: 'pk', type: 'B' }]);

    expect(problem).toBe('pk must be binary, as base64 in {"B":"AP8="}, got one of type S');
  });

  it('has a shorter sort key than partition key', () => {
    const key = parseTypedKey(`{"pk":"a","sk":"${'x'.repeat(1_025)}"}`);

    expect(keyProblems(key, [keys[0], { name: 'sk', type: 'S' }])).toEqual([
      'sk has 1025 bytes, and a sort key has 1024 at most',
    ]);
  });
});
