import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { confined } from '../../src/composition/confined-module.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { FerryError } from '../../src/errors.ts';
import { canonicalItem, decodeItem, type Item, itemJson } from '../../src/model/attribute-value.ts';
import { ProjectionFailed } from '../../src/model/projection.ts';
import { moduleContext, moduleProjection } from '../../src/projection/module-projection.ts';
import { attributes } from '../fixtures/arbitrary-items.ts';

const KEY: Item = { pk: { S: 'customer' } };
const ITEM = { ...KEY, a: { S: 'mark' } };
const CONTEXT = moduleContext({
  name: 'orders',
  source: { region: 'us-east-1', table: 'Orders' },
  destination: { region: 'eu-west-1', table: 'Twin' },
} as ReplicationConfig);
const OPTIONS = { digest: 'd', context: CONTEXT, reservedAttribute: '_ferry', confined };

/** With members that TypeScript would not allow in an item: what a module does is not checked before it runs. */
type Loose = Record<string, unknown>;

function projected(project: (item: never, context: never) => unknown, source: Item = ITEM) {
  return moduleProjection({ project }, OPTIONS).project(source, KEY);
}

function failureOf(
  project: (item: never, context: never) => unknown,
  source?: Item,
): ProjectionFailed {
  try {
    projected(project, source);
  } catch (error) {
    if (error instanceof ProjectionFailed) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

it('gives the module a copy of the item, and what it may know of the replication', () => {
  const source = decodeItem(
    { ...ITEM, b: { B: 'AP8=' }, m: { M: { l: { L: [{ NS: ['1'] }] } } } },
    'item',
  );
  const json = itemJson(source);
  const seen: unknown[] = [];
  const content = projected((item: Loose, context: unknown) => {
    seen.push(structuredClone(item), context);
    (item['b'] as { B: Uint8Array }).B.fill(7);
    (item['m'] as { M: { l: { L: unknown[] } } }).M.l.L.pop();
    delete item['a'];
    return item;
  }, source);

  expect(seen[0]).toEqual({
    ...ITEM,
    b: { B: new Uint8Array([0, 255]) },
    m: { M: { l: { L: [{ NS: ['1'] }] } } },
  });
  expect(seen[1]).toEqual({
    replication: 'orders',
    source: { region: 'us-east-1', table: 'Orders' },
    destination: { region: 'eu-west-1', table: 'Twin' },
  });
  expect(itemJson(source)).toBe(json);
  expect(itemJson(content as Item)).toBe(
    '{"pk":{"S":"customer"},"b":{"B":"Bwc="},"m":{"M":{"l":{"L":[]}}}}',
  );
});

it('leaves an item out where the module returns undefined', () => {
  expect(moduleProjection({ project: () => undefined }, OPTIONS).filters).toBe(true);
  expect(projected(() => undefined)).toBeUndefined();
});

it('gives every item that a module returns as it is, in the same meaning', () => {
  const identity = (item: Item) => item;
  fc.assert(
    fc.property(attributes, (json) => {
      const source = decodeItem({ ...json, ...KEY }, 'item');
      const content = projected(identity, source) as Item;

      expect(canonicalItem(content)).toBe(canonicalItem(source));
      expect(itemJson(content)).toBe(itemJson(source));
    }),
  );
});

it('keeps attributes that are called __proto__', () => {
  const source = decodeItem(
    JSON.parse('{"pk":{"S":"customer"},"__proto__":{"M":{"__proto__":{"S":"x"}}}}'),
    'item',
  );

  expect(itemJson(projected((item: Item) => item, source) as Item)).toBe(itemJson(source));
});

describe('a module that cannot be used', () => {
  it.each<[string, object, string]>([
    ['no project', {}, 'exports no function with the name project'],
    ['another value', { project: { call: () => 1 } }, 'exports no function with the name project'],
    ['an async function', { project: async () => 1 }, 'async'],
    ['an async generator', { project: async function* () {} }, 'async'],
    ['a generator', { project: function* () {} }, 'generator'],
  ])('%s is refused when it is opened', (_, exports, message) => {
    const open = () => moduleProjection(exports, OPTIONS);

    expect(open).toThrow(FerryError);
    expect(open).toThrow(message);
  });
});

const hidden = (name: string) => ({
  get [name]() {
    throw new Error('a getter ran');
  },
});

describe('a module that throws', () => {
  it.each<[string, () => unknown, string]>([
    [
      'an error',
      () => {
        throw new TypeError('no such thing');
      },
      'TypeError: no such thing',
    ],
    [
      'a text',
      () => {
        throw 'text';
      },
      'the module threw text',
    ],
    [
      'undefined',
      () => {
        throw undefined;
      },
      'the module threw undefined',
    ],
    [
      'an error with a long message',
      () => {
        throw new Error('x'.repeat(10_000));
      },
      'Error: xxx',
    ],
    [
      'an error whose message throws',
      () => {
        throw Object.create(Error.prototype, Object.getOwnPropertyDescriptors(hidden('message')));
      },
      'what has no text',
    ],
    [
      'an object without a prototype',
      () => {
        throw Object.create(null);
      },
      'what has no text',
    ],
    [
      'a frozen error',
      () => {
        throw Object.freeze(new Error('cold'));
      },
      'Error: cold',
    ],
    [
      'a hostile proxy',
      () => {
        throw new Proxy(
          {},
          {
            getPrototypeOf: () => {
              throw new Error('again');
            },
          },
        );
      },
      'what has no text',
    ],
    [
      'by calling itself',
      function again(): unknown {
        return again();
      },
      'RangeError',
    ],
    ['by ending the process', () => process.exit(0), 'Error: a module cannot end the process'],
    [
      'through a promise that cannot be waited for',
      () =>
        Object.defineProperties(
          Promise.resolve(),
          Object.getOwnPropertyDescriptors(hidden('constructor')),
        ),
      'Error: a getter ran',
    ],
    [
      'by changing what it knows of the replication',
      (_: never, context: { source: { region: string } }) => {
        context.source.region = 'x';
      },
      'TypeError',
    ],
  ] as Array<[string, () => unknown, string]>)(
    '%s has failed, with a bounded message',
    (_, project, message) => {
      const failure = failureOf(project);

      expect(failure.name).toBe('ProjectionFailed');
      expect(failure.message).toContain(message);
      expect(failure.message.length).toBeLessThan(400);
    },
  );
});

/** A list that is in itself many times: small in memory, and huge when it is written. */
function laughter(): unknown {
  let list: unknown = { S: 'ha' };
  for (let level = 0; level < 31; level += 1) list = { L: [list, list] };
  return list;
}

class Value {
  S = 'mark';
}

const cyclic: { M: Loose } = { M: {} };
cyclic.M['again'] = cyclic;

const nested = (levels: number): object =>
  levels === 0 ? { S: 'x' } : { M: { m: nested(levels - 1) } };

const huge = new Uint8Array(500_000);

/** Its memory belongs to another thread. */
function detached(): Uint8Array {
  const bytes = new Uint8Array([1]);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

describe('what DynamoDB cannot store is refused, by its place and not by its value', () => {
  const wanted = 'must be a plain object';
  it.each<[string, unknown, string]>([
    ['null', null, `item ${wanted}`],
    ['an array', [ITEM], `item ${wanted}`],
    ['a text', 'mark', `item ${wanted}`],
    ['a function', () => ITEM, `item ${wanted}`],
    ['a Map', new Map(Object.entries(ITEM)), `item ${wanted}`],
    ['an instance of a class', Object.assign(new Value(), ITEM), `item ${wanted}`],
    [
      'an item with another prototype',
      Object.setPrototypeOf({ ...ITEM }, { b: { S: 'mark' } }),
      `item ${wanted}`,
    ],
    ['a proxy', new Proxy(ITEM, {}), `item ${wanted}`],
    [
      'a revoked proxy',
      (() => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      })(),
      `item ${wanted}`,
    ],
    ['a symbol among the names', { ...ITEM, [Symbol('mark')]: { S: 'mark' } }, `item ${wanted}`],
    [
      'a thenable',
      { ...ITEM, ...Object.fromEntries(['then'].map((name) => [name, () => undefined])) },
      'item.then must be a DynamoDB value',
    ],
    ['plain JSON', { ...KEY, a: 'mark' }, 'item.a must be a DynamoDB value such as {S: "text"}'],
    ['undefined as a value', { ...KEY, a: undefined }, 'item.a must be a DynamoDB value'],
    [
      'a value of two types',
      { ...KEY, a: { S: 'mark', N: '1' } },
      'item.a must have exactly one type',
    ],
    ['a value of no type', { ...KEY, a: {} }, 'item.a must have exactly one type'],
    [
      'a value of an unknown type',
      { ...KEY, a: { X: 'mark' } },
      'item.a must have one of the types',
    ],
    ['a value that is an instance', { ...KEY, a: new Value() }, 'item.a must be a DynamoDB value'],
    [
      'a toJSON',
      { ...KEY, a: { S: 'mark', toJSON: () => ({ S: 'other' }) } },
      'item.a must have exactly one type',
    ],
    [
      'a getter',
      {
        ...KEY,
        get a() {
          throw new Error('a getter ran');
        },
      },
      'item.a must be there as a value, not as a getter',
    ],
    ['a getter of a type', { ...KEY, a: hidden('S') }, 'item.a must be there as a value'],
    [
      'a getter in a list',
      { ...KEY, a: { L: Object.defineProperty([1], 0, { get: () => ({ S: 'mark' }) }) } },
      'item.a[0] must be there as a value',
    ],
    ['a list with a hole', { ...KEY, a: { L: Array(2) } }, 'item.a[0] must be there as a value'],
    [
      'a list that is none',
      { ...KEY, a: { L: { length: 1, 0: { S: 'mark' } } } },
      'item.a must be an array',
    ],
    ['a proxy of a list', { ...KEY, a: { L: new Proxy([], {}) } }, 'item.a must be an array'],
    ['a number as a number', { ...KEY, a: { N: 42 } }, 'item.a must be a number as a string'],
    ['a number that is none', { ...KEY, a: { N: 'mark' } }, 'item.a is not a number'],
    ['NaN', { ...KEY, a: { N: 'NaN' } }, 'item.a is not a number'],
    [
      'a number of 39 digits',
      { ...KEY, a: { N: '1'.repeat(39) } },
      'item.a has 39 significant digits',
    ],
    ['a number out of range', { ...KEY, a: { N: '1e126' } }, 'item.a is out of range'],
    [
      'a number of a million digits',
      { ...KEY, a: { N: `1${'0'.repeat(1e6)}1` } },
      'item.a must be a number',
    ],
    ['bytes as text', { ...KEY, a: { B: 'AP8=' } }, 'item.a must be a Uint8Array'],
    [
      'half of a character',
      { ...KEY, a: { S: '🚢'.slice(0, 1) } },
      'item.a has half of a character',
    ],
    ['NULL that is false', { ...KEY, a: { NULL: false } }, 'item.a must be true'],
    ['BOOL that is a text', { ...KEY, a: { BOOL: 'mark' } }, 'item.a must be true or false'],
    ['an empty set', { ...KEY, a: { SS: [] } }, 'item.a must not be an empty set'],
    [
      'a text twice in a set',
      { ...KEY, a: { SS: ['mark', 'mark'] } },
      'item.a must not have a member of a set twice',
    ],
    [
      'a number twice in a set',
      { ...KEY, a: { NS: ['1', '1.0'] } },
      'item.a must not have a member of a set twice',
    ],
    [
      'bytes twice in a set',
      { ...KEY, a: { BS: [new Uint8Array([1]), Buffer.from([1])] } },
      'item.a must not have a member of a set twice',
    ],
    ['a set of another type', { ...KEY, a: { NS: ['mark'] } }, 'item.a[0] is not a number'],
    ['33 levels', { ...KEY, a: nested(32) }, 'is nested deeper than 32 levels'],
    ['an item in itself', { ...KEY, a: cyclic }, 'is nested deeper than 32 levels'],
    [
      'a name without characters',
      { ...KEY, a: { M: { '': { S: 'x' } } } },
      'item.a. must have a name of 1 to 65535 bytes',
    ],
    ['a name of 65,536 bytes', { ...KEY, ['n'.repeat(65_536)]: { S: 'x' } }, 'item.nnn'],
    ['400 KB of text', { ...KEY, a: { S: 'x'.repeat(409_600) } }, 'item is larger than 400 KB'],
    ['400 KB of bytes', { ...KEY, a: { B: huge } }, 'item is larger than 400 KB'],
    [
      '400 KB of characters of three bytes',
      { ...KEY, a: { S: '€'.repeat(140_000) } },
      'item is larger than 400 KB',
    ],
    ['bytes that are gone', { ...KEY, a: { B: detached() } }, 'TypeError: '],
    [
      'a million elements',
      { ...KEY, a: { L: Array.from({ length: 1e6 }, () => ({ NULL: true })) } },
      'item is larger than 400 KB',
    ],
    [
      'a list that is in itself a billion times',
      { ...KEY, a: laughter() },
      'item is larger than 400 KB',
    ],
    [
      'the reserved attribute',
      { ...ITEM, _ferry: { M: {} } },
      "item._ferry must not be there: it is Ferry's",
    ],
  ])('%s', (_, returned, message) => {
    const failure = failureOf(() => returned);

    expect(failure.name).toBe('ProjectionNotStorable');
    expect(failure.message).toContain(message);
    expect(failure.message).not.toMatch(/customer|mark/);
    expect(failure.message.length).toBeLessThan(400);
  });

  it('takes what is just small enough', () => {
    const most = { ...KEY, a: nested(31), ['n'.repeat(65_535)]: { SS: ['', 'x'] } };

    expect(projected(() => most)).toEqual(most);
  });
});

it('lets a module write nothing to the console, which is there again afterwards', () => {
  const log = vi.spyOn(console, 'log').mockReturnValue();
  const exit = Object.getOwnPropertyDescriptor(process, 'exit');
  projected((item: Item) => {
    console.log(item);
    return item;
  });
  failureOf((item: Item) => {
    console.log(item);
    throw new Error('failed');
  });

  expect(log).not.toHaveBeenCalled();
  expect(Object.getOwnPropertyDescriptor(process, 'exit')).toEqual(exit);
  console.log('of Ferry');
  expect(log).toHaveBeenCalledOnce();
  log.mockRestore();
});

it.each([() => Promise.resolve(ITEM), () => Promise.reject(new Error('late'))])(
  'refuses a promise, whose failure does not end the process',
  async (project) => {
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', note);
    const failure = failureOf(project);
    await new Promise(setImmediate);
    process.off('unhandledRejection', note);

    expect(failure.name).toBe('ProjectionNotStorable');
    expect(failure.message).toContain('promise');
    expect(unhandled).toEqual([]);
  },
);

it.each<[string, Loose]>([
  ['another value', { ...ITEM, pk: { S: 'changed' } }],
  ['another type', { ...ITEM, pk: { N: '1' } }],
  ['none', { a: { S: 'mark' } }],
])('fails where the key has %s', (_, returned) => {
  const failure = failureOf(() => returned);

  expect(failure.name).toBe('ProjectionKeyChanged');
  expect(failure.message).toContain('the key attribute pk');
  expect(failure.message).not.toMatch(/customer|changed/);
});

it('takes a key that means the same', () => {
  const content = moduleProjection({ project: () => ({ pk: { N: '1.0' } }) }, OPTIONS).project(
    { pk: { N: '1' } },
    { pk: { N: '1' } },
  );

  expect(content).toEqual({ pk: { N: '1.0' } });
});

it('makes plain data of what a module keeps and changes later', () => {
  const kept = { ...KEY, a: { L: [{ B: new Uint8Array([1]) }] } };
  const content = projected(() => kept) as Item;
  kept.a.L[0]?.B.fill(9);
  kept.a.L.push({ B: new Uint8Array([2]) });

  expect(itemJson(content)).toBe('{"pk":{"S":"customer"},"a":{"L":[{"B":"AQ=="}]}}');
});
