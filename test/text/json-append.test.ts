// Elements that are added to a list in the text of a file: nothing else in it changes.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withAppended } from '../../src/text/json-append.ts';
import { parseJson } from '../../src/text/json-text.ts';

const NEW = { name: 'new', source: { table: 'New' } };

describe('what is added to a list', () => {
  it.each([
    [
      'lines of two spaces',
      '{\n  "list": [\n    {\n      "name": "a"\n    }\n  ],\n  "more": 1\n}\n',
      ',\n    {\n      "name": "new",\n      "source": {\n        "table": "New"\n      }\n    }',
    ],
    [
      'lines of tabs that end as on Windows',
      '{\r\n\t"list": [\r\n\t\t{\r\n\t\t\t"name": "a"\r\n\t\t}\r\n\t]\r\n}',
      ',\r\n\t\t{\r\n\t\t\t"name": "new",\r\n\t\t\t"source": {\r\n\t\t\t\t"table": "New"\r\n\t\t\t}\r\n\t\t}',
    ],
    [
      'one line for each element',
      '{"list": [\n  {"name": "a"},\n  { "name": "b" }\n]}',
      ',\n  {"name":"new","source":{"table":"New"}}',
    ],
    [
      'one line for all',
      '{"list":[{"name":"a"}, {"name":"b"}]}',
      ', {"name":"new","source":{"table":"New"}}',
    ],
    [
      'brackets side by side',
      '{\n  "list": [{\n    "name": "a"\n  }]\n}',
      ',{\n    "name": "new",\n    "source": {\n      "table": "New"\n    }\n  }',
    ],
  ])('looks like what is there: %s', (_, text, expected) => {
    const end = text.lastIndexOf('}', text.lastIndexOf(']')) + 1;

    const longer = withAppended(text, 'list', [NEW]);

    expect(longer).toBe(text.slice(0, end) + expected + text.slice(end));
    expect(parseJson(longer)).toMatchObject({ list: expect.arrayContaining([NEW]) as unknown });
  });

  it('leaves every other byte of any file', () => {
    const space = fc.constantFrom('', ' ', '\n', '\r\n\t', '\n    ', '  \n');
    const file = fc.record({
      before: fc.json(),
      list: fc.array(fc.dictionary(fc.string(), fc.json()), { minLength: 1, maxLength: 4 }),
      after: fc.json(),
      spaces: fc.array(space, { minLength: 40, maxLength: 40 }),
    });
    fc.assert(
      fc.property(file, fc.array(fc.object(), { maxLength: 3 }), (given, added) => {
        const { before, list, after, spaces } = given;
        let turn = 0;
        const gap = () => spaces[(turn += 1) % spaces.length] ?? '';
        const elements = list.map((members) => {
          const all = Object.entries(members).map(
            ([name, json]) => `${gap()}${JSON.stringify(name)}${gap()}:${gap()}${json}${gap()}`,
          );
          return `${gap()}{${all.join(',')}${gap()}}${gap()}`;
        });
        const text = `{"b]":${before},"list":${gap()}[${elements.join(',')}]${gap()},"a":${after}}`;
        const values = JSON.parse(JSON.stringify(added)) as object[];

        const longer = withAppended(text, 'list', values);

        const whole = JSON.parse(text) as { list: object[] };
        expect(JSON.parse(longer)).toEqual({ ...whole, list: [...whole.list, ...values] });
        let same = 0;
        while (same < text.length && text[same] === longer[same]) same += 1;
        expect(longer.endsWith(text.slice(same))).toBe(true);
      }),
    );
  });

  it('needs a place', () => {
    expect(() => withAppended('{"list":[]}', 'list', [NEW])).toThrow('list has no element');
    expect(() => withAppended('{}', 'list', [NEW])).toThrow('list has no element');
  });
});
