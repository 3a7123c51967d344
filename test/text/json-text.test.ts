// What is wrong with the text of a JSON file, and where.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonProblem, jsonText, parseJson } from '../../src/text/json-text.ts';

function problemOf(action: () => unknown): JsonProblem {
  try {
    action();
  } catch (error) {
    if (error instanceof JsonProblem) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the text of a file', () => {
  it.each<[string, readonly number[] | string, string]>([
    [
      'a byte order mark',
      '\uFEFF{}',
      'it begins with a byte order mark (the bytes EF BB BF): save it as UTF-8 without one',
    ],
    [
      'UTF-16, little end first',
      [0xff, 0xfe, 0x7b, 0, 0x7d, 0],
      'it is in UTF-16: save it as UTF-8',
    ],
    ['UTF-16, big end first', [0xfe, 0xff, 0, 0x7b, 0, 0x7d], 'it is in UTF-16: save it as UTF-8'],
    ['UTF-16 without a mark', [0x7b, 0, 0x7d, 0], 'it is in UTF-16: save it as UTF-8'],
    ['another encoding', [0x22, 0xfc, 0x22], 'it is not text in UTF-8'],
  ])('is named where it is %s', (_, bytes, message) => {
    const given = typeof bytes === 'string' ? Buffer.from(bytes) : Uint8Array.from(bytes);

    expect(problemOf(() => jsonText(given)).message).toBe(message);
  });

  it('is all that the bytes say, anywhere else', () => {
    for (const text of ['', '7', '{"a":"ü\uFEFF"}']) expect(jsonText(Buffer.from(text))).toBe(text);
  });
});

describe('a fault in JSON', () => {
  it.each<[string, string, string]>([
    [
      '{"a": 1,\n  "b": 2,\n}',
      'line 2, column 9: no comma may stand before "}": remove it',
      '  "b": 2,\n        ^',
    ],
    [
      '{\n  "a": 1\n  "b": 2\n}',
      'line 3, column 3: a comma is missing before "b"',
      '  "b": 2\n  ^',
    ],
    ['[1 2]', 'line 1, column 4: a comma is missing before "2"', '[1 2]\n   ^'],
    ['{\r\n\t"a" 1}', 'line 2, column 6: expected ":" after "a", got "1"', ' "a" 1}\n     ^'],
    [
      '{\n  // ours\n  "a": 1 }',
      'line 2, column 3: JSON has no comments: remove it',
      '  // ours\n  ^',
    ],
    [
      '{"a": 1 /* ours */}',
      'line 1, column 9: JSON has no comments: remove it',
      '{"a": 1 /* ours */}\n        ^',
    ],
    ['# ours\n{}', 'line 1, column 1: JSON has no comments: remove it', '# ours\n^'],
    [
      "{'a': 1}",
      `line 1, column 2: a name must be in double quotes ("), got "'a'"`,
      "{'a': 1}\n ^",
    ],
    ['{a: 1}', 'line 1, column 2: a name must be in double quotes ("), got "a"', '{a: 1}\n ^'],
    [
      '{“a”: 1}',
      'line 1, column 2: a name must be in double quotes ("), got "“a”"',
      '{“a”: 1}\n ^',
    ],
    [
      '{"a": \'x\'}',
      `line 1, column 7: a text must be in double quotes ("), got "'x'"`,
      '{"a": \'x\'}\n      ^',
    ],
    [
      '{"a": "x\n}',
      'line 1, column 7: the text that begins here has no closing double quote',
      '{"a": "x\n      ^',
    ],
    [
      '{"a": "x\ty"}',
      'line 1, column 9: a text must not contain a control character',
      '{"a": "x y"}\n        ^',
    ],
    ['["C:\\dir"]', 'line 1, column 5: "\\d" is no escape of JSON', '["C:\\dir"]\n    ^'],
    ['[True]', 'line 1, column 2: expected a value, got "True"', '[True]\n ^'],
    ['[1,,2]', 'line 1, column 4: expected a value, got ","', '[1,,2]\n   ^'],
    ['[.5]', 'line 1, column 2: .5 is not how JSON writes a number', '[.5]\n ^'],
    ['[007]', 'line 1, column 2: 007 is not how JSON writes a number', '[007]\n ^'],
    [
      '{\n "a": [1,\n 2',
      'line 2, column 7: the text ends, but this "[" has not been closed',
      ' "a": [1,\n      ^',
    ],
    ['{"a": }', 'line 1, column 7: expected a value, got "}"', '{"a": }\n      ^'],
    ['{"a":', 'line 1, column 6: expected a value, got the end of the text', '{"a":\n     ^'],
    ['{}\n{}', 'line 2, column 1: nothing may follow the end, got "{"', '{}\n^'],
    [
      '{"a":\u00A01}',
      'line 1, column 6: expected a value, got the character U+00A0',
      '{"a":\u00A01}\n     ^',
    ],
    [
      '{"a": 1,\n "b": 2,\n "a": 3}',
      'line 3, column 2: "a" is given twice, first in line 1',
      ' "a": 3}\n ^',
    ],
  ])('of %j is named with its place and its line', (text, message, excerpt) => {
    expect(problemOf(() => parseJson(text))).toMatchObject({ message, excerpt });
  });

  it.each(['', ' \n'])('of %j is that there is nothing', (text) => {
    expect(problemOf(() => parseJson(text)).message).toBe('it is empty');
  });

  it('shows of a long line what is beside its place', () => {
    const { message, excerpt } = problemOf(() =>
      parseJson(`[${'1,'.repeat(5_000)}x${',2'.repeat(5_000)}]`),
    );
    const [line = '', mark = ''] = excerpt.split('\n');

    expect(message).toBe('line 1, column 10002: expected a value, got "x"');
    expect(line.length).toBeLessThanOrEqual(80);
    expect(line[mark.indexOf('^')]).toBe('x');
  });

  it('ends, however deep the text is', () => {
    expect(problemOf(() => parseJson('['.repeat(200_000))).message).toBe(
      'line 1, column 200000: the text ends, but this "[" has not been closed',
    );
    expect(parseJson(`${'['.repeat(5_000)}${']'.repeat(5_000)}`)).toBeInstanceOf(Array);
  });
});

const ODD = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '/',
  '#',
  "'",
  'x',
  '0',
  '.',
  '-',
  '\n',
  '\\',
  'ü',
  '\0',
];

describe('any text', () => {
  it('is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 4 }), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);

        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('is refused where JSON.parse refuses it, and always with a place', () => {
    const texts = fc
      .tuple(fc.jsonValue(), fc.nat(), fc.constantFrom(...ODD))
      .map(([value, at, odd]) => {
        const text = JSON.stringify(value, undefined, 1);
        return text.slice(0, at % text.length) + odd + text.slice((at % text.length) + (at % 2));
      });
    fc.assert(
      fc.property(texts, (text) => {
        fc.pre(text.trim() !== '' && !canParse(text));
        const { message, excerpt } = problemOf(() => parseJson(text));

        expect(message).toMatch(/^line \d+, column \d+: /);
        expect(excerpt).toMatch(/\^$/);
      }),
      { numRuns: 2_000 },
    );
  });
});

function canParse(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
