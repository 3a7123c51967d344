// What a projection must be, beyond its schema: each refusal names path and value, and what is sound is taken.

import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { UsageError } from '../../src/errors.ts';

const SECRET = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:ferry/hash-AbCdEf';
const VERSION = '11111111-aaaa-4aaa-8aaa-111111111111';
const KEY = 'arn:aws:kms:us-east-1:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111';
const hashed = (attribute: string) => ({ attribute, secret: SECRET, versionId: VERSION });

const replication = (projection: unknown, parts: object = {}) => ({
  name: 'orders',
  source: {
    region: 'us-east-1',
    table: 'Orders',
    create: true,
    partitionKey: { name: 'pk', type: 'S' },
    sortKey: { name: 'sk', type: 'N' },
  },
  destination: { region: 'eu-west-1', table: 'Orders' },
  projection,
  ...parts,
});

const { projection: _, ...plain } = replication(undefined);

/** The lines of the refusal; none where it is taken. */
function problemsOf(file: object): string[] {
  try {
    parseConfig(file);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return error.message.split('\n').slice(1);
  }
  return [];
}

const problemsWith = (projection: unknown, parts: object = {}) =>
  problemsOf({ replications: [replication(projection, parts)] }).map((line) =>
    line.replace('  replications.0.projection', ''),
  );
const problemsOfAttributes = (attributes: unknown) =>
  problemsWith({ attributes }).map((line) => line.replace('.attributes.', ''));
const problemsOfCondition = (keepItems: unknown) =>
  problemsWith({ keepItems }).map((line) => line.replace('.keepItems', ''));

describe('a projection', () => {
  it.each([
    [{ module: './projections/orders.mjs' }],
    [{ keepItems: { attribute: 'tenant', equals: { S: 'eu' } } }],
    [{ attributes: { drop: ['email'] } }],
    [
      {
        keepItems: { attribute: 'pk', exists: true },
        attributes: { set: { region: { S: 'eu' } } },
      },
    ],
  ])('%j is taken', (projection) => {
    expect(problemsWith(projection)).toEqual([]);
  });

  it.each([
    [{}, ' must have keepItems, attributes or module, and is empty'],
    [{ attributes: {} }, '.attributes must have keepOnly, drop, hash, rename or set, and is empty'],
    [
      { module: './a.mjs', attributes: { drop: ['email'] } },
      '.module must be alone, because it is used instead of other rules, got attributes beside it; remove one of them, here or in "defaults"',
    ],
    [
      {
        module: './a.mjs',
        keepItems: { attribute: 'a', exists: true },
        attributes: { drop: ['email'] },
      },
      '.module must be alone, because it is used instead of other rules, got keepItems and attributes beside it; remove one of them, here or in "defaults"',
    ],
  ])('%j is refused', (projection, problem) => {
    expect(problemsWith(projection)).toEqual([problem]);
  });

  it('may be the same for all replications, and differ in one', () => {
    const config = parseConfig({
      defaults: { projection: { attributes: { drop: ['email'], set: { a: { N: '1' } } } } },
      replications: [replication({ attributes: { drop: ['phone'] } })],
    });

    expect(config.replications[0]?.projection).toEqual({
      attributes: { drop: ['phone'], set: { a: { N: '1' } } },
    });
  });

  it('names the file’s path where the defaults and a replication contradict each other', () => {
    const keepItems = { attribute: 'tenant', exists: true };
    const module = './a.mjs';

    expect(
      problemsOf({
        defaults: { projection: { keepItems } },
        replications: [replication({ module })],
      }),
    ).toEqual([
      '  replications.0.projection.module must be alone, because it is used instead of other rules, got keepItems beside it; remove one of them, here or in "defaults"',
    ]);
    expect(
      problemsOf({
        defaults: { projection: { module } },
        replications: [replication({ keepItems })],
      }),
    ).toEqual([expect.stringContaining('  defaults.projection.module must be alone')]);
    expect(
      problemsOf({
        defaults: { projection: { attributes: { drop: ['a..b', 'a', 'a.x'] } } },
        replications: [plain, { ...plain, name: 'other' }],
      }).filter((line) => line.includes('projection')),
    ).toEqual([
      expect.stringContaining('  defaults.projection.attributes.drop.0 must be names'),
      expect.stringContaining(
        '  defaults.projection.attributes.drop.2 must not contradict drop.1, got "a.x" and "a"',
      ),
    ]);
  });

  it('needs nothing for letters that hold no record', () => {
    expect(
      problemsOf({
        replications: [
          { ...replication({ attributes: { drop: ['a'] } }), deadLetters: 'projected' },
        ],
      }),
    ).toEqual([]);
    expect(problemsOf({ replications: [{ ...plain, deadLetters: 'projected' }] })).toEqual([]);
  });

  it('reports every problem at once', () => {
    expect(
      problemsWith({
        keepItems: { attribute: '_ferry' },
        attributes: {
          drop: ['pk', 'a[x]'],
          rename: { b: 'b' },
          set: { c: { N: 'one' } },
          hash: { ...hashed('d'), secret: SECRET.replace('us-east-1', 'eu-west-1') },
        },
      }),
    ).toHaveLength(7);
  });
});

describe('a condition', () => {
  const text = (S: string) => ({ S });

  it.each([
    [{ attribute: 'a', equals: { M: { b: { L: [{ NULL: true }, { BOOL: false }] } } } }],
    [{ attribute: 'a', in: [text('x'), { N: '1' }, { B: 'AAE=' }, { NS: ['1', '2'] }] }],
    [{ attribute: 'a', beginsWith: { B: 'AAE=' } }],
    [{ attribute: 'a', between: [{ N: '-1e2' }, { N: '12345678901234567890123456789012345678' }] }],
    [{ attribute: 'a', between: [{ N: '1.50' }, { N: '15e-1' }] }],
    [{ attribute: 'a', between: [text('Z'), text('a')] }],
    [{ attribute: 'a', between: [text('\uffff'), text('\u{10000}')] }],
    [{ attribute: 'a', between: [{ B: '/w==' }, { B: '/wA=' }] }],
    [{ attribute: 'a', exists: false }],
    [
      {
        not: {
          or: [{ attribute: 'a', exists: true }, { and: [{ attribute: 'b', exists: true }] }],
        },
      },
    ],
  ])('%j is taken', (condition) => {
    expect(problemsOfCondition(condition)).toEqual([]);
  });

  const stored = (path: string, value: object, why: string) =>
    `${path} must be a value that DynamoDB stores, got ${JSON.stringify(value)}: ${why}`;

  it.each<[object, string]>([
    [
      { attribute: 'a' },
      ' must have exactly one of equals, in, beginsWith, between, exists, not, and, or, got none',
    ],
    [
      { attribute: 'a', equals: text('x'), exists: true },
      ' must have exactly one of equals, in, beginsWith, between, exists, not, and, or, got equals and exists',
    ],
    [{ equals: text('x') }, '.attribute is required, and is missing'],
    [
      { attribute: 'a', not: { attribute: 'b', exists: true } },
      '.attribute must not be beside "not", whose conditions have their own, got "a"',
    ],
    [
      { and: [{ attribute: 'b', exists: true }, { not: { exists: true } }] },
      '.and.1.not.attribute is required, and is missing',
    ],
    [
      { or: [{ attribute: '_ferry', exists: true }] },
      '.or.0.attribute must not be the reservedAttribute, which Ferry writes, got "_ferry"',
    ],
    [
      { attribute: 'a', beginsWith: { N: '1' } },
      '.beginsWith must be of type S or B, got {"N":"1"}',
    ],
    [
      { attribute: 'a', between: [{ N: '1' }, text('2')] },
      '.between must have two values of the same type, S, N or B, got [{"N":"1"},{"S":"2"}]',
    ],
    [
      { attribute: 'a', between: [{ BOOL: false }, { BOOL: true }] },
      '.between must have two values of the same type, S, N or B, got [{"BOOL":false},{"BOOL":true}]',
    ],
    [
      { attribute: 'a', between: [{ N: '10' }, { N: '9.9999999999999999999999' }] },
      '.between must have the lowest value first, got [{"N":"10"},{"N":"9.9999999999999999999999"}]',
    ],
    [
      { attribute: 'a', between: [text('a'), text('Z')] },
      '.between must have the lowest value first, got [{"S":"a"},{"S":"Z"}]',
    ],
    [
      { attribute: 'a', between: [{ B: '/wA=' }, { B: '/w==' }] },
      '.between must have the lowest value first, got [{"B":"/wA="},{"B":"/w=="}]',
    ],
    [
      { attribute: 'a', equals: { N: '1x' } },
      stored('.equals', { N: '1x' }, '"1x" is not a number'),
    ],
    [
      { attribute: 'a', in: [text('x'), { N: '1e126' }] },
      stored(
        '.in.1',
        { N: '1e126' },
        '"1e126" is out of range: DynamoDB stores 0, and sizes from 1E-130 to 9.99E+125',
      ),
    ],
    [
      { attribute: 'a', between: [{ N: '' }, { N: '1' }] },
      stored('.between.0', { N: '' }, '"" is not a number'),
    ],
    [
      { attribute: 'a', equals: { N: '1'.repeat(39) } },
      stored(
        '.equals',
        { N: '1'.repeat(39) },
        `"${'1'.repeat(39)}" has 39 significant digits, and DynamoDB stores 38 at most`,
      ),
    ],
    [
      { attribute: 'a', beginsWith: { B: 'AAE' } },
      stored('.beginsWith', { B: 'AAE' }, '"AAE" is not base64 text'),
    ],
    [
      { attribute: 'a', equals: text('\ud800') },
      stored('.equals', text('\ud800'), String.raw`"\ud800" is not Unicode text`),
    ],
    [
      { attribute: 'a', equals: { NULL: false } },
      stored('.equals', { NULL: false }, 'NULL is always true'),
    ],
    [{ attribute: 'a', equals: { SS: [] } }, stored('.equals', { SS: [] }, 'a set has a member')],
    [
      { attribute: 'a', equals: { NS: ['1', '1.0'] } },
      stored('.equals', { NS: ['1', '1.0'] }, 'a set has each member once'),
    ],
    [
      { attribute: 'a', equals: { BS: ['!'] } },
      stored('.equals', { BS: ['!'] }, '"!" is not base64 text'),
    ],
    [
      { attribute: 'a', equals: { M: { '': text('x') } } },
      stored('.equals', { M: { '': text('x') } }, '"" is not the name of an attribute'),
    ],
    [
      { attribute: 'a', equals: { L: [{ M: { b: { N: 'NaN' } } }] } },
      stored('.equals', { L: [{ M: { b: { N: 'NaN' } } }] }, '"NaN" is not a number'),
    ],
  ])('%j is refused', (condition, problem) => {
    expect(problemsOfCondition(condition)).toEqual([problem]);
  });

  const nested = (levels: number, innermost: object): object =>
    levels === 0 ? innermost : { not: nested(levels - 1, innermost) };

  it('is nested 20 levels deep at most', () => {
    const exists = { attribute: 'a', exists: true };

    expect(problemsOfCondition(nested(19, exists))).toEqual([]);
    expect(problemsOfCondition(nested(20, exists))).toEqual([
      `${'.not'.repeat(20)} must not be a condition inside more than 20 others`,
    ]);
  });

  const list = (levels: number): object =>
    levels === 0 ? { NULL: true } : { L: [list(levels - 1)] };

  it('has values that are nested 32 levels deep at most', () => {
    expect(problemsOfCondition({ attribute: 'a', equals: list(31) })).toEqual([]);
    expect(problemsOfCondition({ attribute: 'a', equals: list(32) })).toEqual([
      expect.stringContaining(': it is nested more than 32 levels deep'),
    ]);
  });

  it('is not what an entry and the defaults make together', () => {
    expect(
      problemsOf({
        defaults: { projection: { keepItems: { attribute: 'a', exists: true } } },
        replications: [replication({ keepItems: { attribute: 'b', equals: text('x') } })],
      }),
    ).toEqual([
      expect.stringContaining('replications.0.projection.keepItems must have exactly one'),
    ]);
  });
});

describe('the rules of attributes', () => {
  it.each<[string, object]>([
    [
      'keep part of a map and drop part of that',
      { keepOnly: ['profile'], drop: ['profile.email'] },
    ],
    ['keep the key', { keepOnly: ['pk', 'name'] }],
    ['rename a map that is kept in part', { keepOnly: ['a.b'], rename: { a: 'c' } }],
    ['rename what is kept', { keepOnly: ['a'], rename: { 'a.b': 'c' } }],
    ['hash what is kept', { keepOnly: ['a[*]'], hash: hashed('a[3].b') }],
    ['hash and rename', { hash: hashed('email'), rename: { email: 'emailHash' } }],
    ['drop inside of what is renamed', { drop: ['a.b'], rename: { a: 'c' } }],
    ['drop what gets out of the way', { drop: ['b'], rename: { a: 'b' } }],
    ['change two names', { rename: { a: 'b', b: 'a' } }],
    ['rename a map and what is inside', { rename: { a: 'b', 'a.x': 'y' } }],
    ['give one name in two maps', { rename: { 'a.x': 'z', 'b.x': 'z' } }],
    ['set in a map with its new name', { rename: { a: 'b' }, set: { 'b.x': { S: '' } } }],
    ['set an old name', { rename: { a: 'b' }, set: { a: { NULL: true } } }],
    ['set what was dropped', { drop: ['a'], set: { a: { S: '' } } }],
    [
      'hash several',
      { hash: [hashed('a.b'), hashed('a.c'), hashed('list[0]'), hashed('list[1]')] },
    ],
    ['drop names that look like paths', { drop: [String.raw`a\.b`, 'a.b', String.raw`a\[0\]`] }],
  ])('%s', (_, attributes) => {
    expect(problemsOfAttributes(attributes)).toEqual([]);
  });

  const contradicts = (rule: string, other: string, got: string) =>
    `${rule} must not contradict ${other}, got ${got}; remove one of them`;

  it.each<[object, string]>([
    [{ keepOnly: ['a', 'a.b'] }, contradicts('keepOnly.1', 'keepOnly.0', '"a.b" and "a"')],
    [{ keepOnly: ['a.b'], drop: ['a'] }, contradicts('drop.0', 'keepOnly.0', '"a" and "a.b"')],
    [{ keepOnly: ['a'], drop: ['a'] }, contradicts('drop.0', 'keepOnly.0', '"a" and "a"')],
    [{ drop: ['a.b', 'a'] }, contradicts('drop.1', 'drop.0', '"a" and "a.b"')],
    [{ drop: ['x', 'x'] }, contradicts('drop.1', 'drop.0', '"x" and "x"')],
    [{ drop: ['x[*].y', 'x[7]'] }, contradicts('drop.1', 'drop.0', '"x[7]" and "x[*].y"')],
    [
      { drop: ['a'], hash: hashed('a.b') },
      contradicts('hash.attribute', 'drop.0', '"a.b" and "a"'),
    ],
    [
      { drop: ['a.b'], hash: [hashed('a')] },
      contradicts('hash.0.attribute', 'drop.0', '"a" and "a.b"'),
    ],
    [
      { hash: [hashed('a'), hashed('a')] },
      contradicts('hash.1.attribute', 'hash.0.attribute', '"a" and "a"'),
    ],
    [
      { drop: ['a'], rename: { 'a.b': 'c' } },
      contradicts('rename: "a.b"', 'drop.0', '"a.b" to "c" and "a"'),
    ],
    [
      { hash: hashed('a'), rename: { 'a.b': 'c' } },
      contradicts('rename: "a.b"', 'hash.attribute', '"a.b" to "c" and "a"'),
    ],
    [
      { rename: { a: 'c', b: 'c' } },
      contradicts('rename: "b"', 'rename: "a"', '"b" to "c" and "a" to "c"'),
    ],
    [
      { rename: { m: 'n', 'm.a': 'c', 'm.b': 'c' } },
      contradicts('rename: "m.b"', 'rename: "m.a"', '"m.b" to "c" and "m.a" to "c"'),
    ],
    [
      { rename: { 'l[*].a': 'b', 'l[0].a': 'c' } },
      contradicts('rename: "l[0].a"', 'rename: "l[*].a"', '"l[0].a" to "c" and "l[*].a" to "b"'),
    ],
    [
      { rename: { a: 'b' }, set: { b: { S: '' } } },
      contradicts('set: "b"', 'rename: "a"', '"b" and "a" to "b"'),
    ],
    [
      { rename: { m: 'n', 'm.a': 'b' }, set: { 'n.b': { S: '' } } },
      contradicts('set: "n.b"', 'rename: "m.a"', '"n.b" and "m.a" to "b"'),
    ],
    [
      { hash: hashed('a'), rename: { a: 'b' }, set: { 'b.c': { S: '' } } },
      contradicts('set: "b.c"', 'hash.attribute', '"b.c" and "a"'),
    ],
    [
      { set: { a: { M: {} }, 'a.b': { S: '' } } },
      contradicts('set: "a.b"', 'set: "a"', '"a.b" and "a"'),
    ],
    [
      { keepOnly: ['a.b', 'c'], hash: hashed('a') },
      'hash.attribute must be an attribute that keepOnly has, got "a"',
    ],
    [
      { keepOnly: ['a[0]'], hash: hashed('a[*].b') },
      'hash.attribute must be an attribute that keepOnly has, got "a[*].b"',
    ],
    [
      { keepOnly: ['a'], rename: { b: 'c' } },
      'rename: "b" must be an attribute that keepOnly has, got "b"',
    ],
    [{ rename: { a: 'a' } }, 'rename: "a" must get another name, got "a"'],
    [
      { rename: { 'a[0]': 'b' } },
      'rename: "a[0]" must end with a name: elements of a list have none',
    ],
    [{ rename: { a: '\udc00' } }, String.raw`rename: "a" must be Unicode text, got "\udc00"`],
    [
      { set: { '\udc00': { S: '' } } },
      String.raw`set: "\udc00" must be Unicode text, got "\udc00"`,
    ],
    [
      { set: { a: { N: '0x1' } } },
      'set: "a" must be a value that DynamoDB stores, got {"N":"0x1"}: "0x1" is not a number',
    ],
    [
      { set: { '': { S: '' } } },
      'set: "" must be names joined by dots, with [0] or [*] for the elements of a list, and a backslash before a dot, a bracket or a backslash of a name, got ""',
    ],
    [
      { drop: ['a', 'b[x]'] },
      'drop.1 must be names joined by dots, with [0] or [*] for the elements of a list, and a backslash before a dot, a bracket or a backslash of a name, got "b[x]", which cannot be read from "[x]" on',
    ],
  ])('%j is refused', (attributes, problem) => {
    expect(problemsOfAttributes(attributes)).toEqual([problem]);
  });

  it.each<[object, string]>([
    [{ drop: ['pk'] }, 'drop.0'],
    [{ drop: ['a', 'sk.x'] }, 'drop.1'],
    [{ hash: hashed('sk') }, 'hash.attribute'],
    [{ rename: { pk: 'id' } }, 'rename: "pk"'],
    [{ rename: { id: 'pk' } }, 'rename: "id"'],
    [{ set: { sk: { N: '1' } } }, 'set: "sk"'],
  ])('%j is refused, because key attributes stay', (attributes, rule) => {
    expect(problemsOfAttributes(attributes)).toEqual([
      expect.stringMatching(
        / must not be about a key attribute, which stays as it is, got "[ps]k"$/,
      ),
    ]);
    expect(problemsOfAttributes(attributes)[0]?.startsWith(rule)).toBe(true);
    // Of an existing table, only DynamoDB knows the keys.
    expect(
      problemsWith(
        { attributes },
        {
          source: {
            region: 'us-east-1',
            table: 'Orders',
            streamArn: 'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026',
          },
        },
      ),
    ).toEqual([]);
  });

  it.each<[object, string]>([
    [{ keepOnly: ['_ferry'] }, 'keepOnly.0'],
    [{ drop: ['_ferry.v'] }, 'drop.0'],
    [{ hash: hashed('_ferry') }, 'hash.attribute'],
    [{ rename: { _ferry: 'x' } }, 'rename: "_ferry"'],
    [{ rename: { x: '_ferry' } }, 'rename: "x"'],
    [{ set: { _ferry: { S: '' } } }, 'set: "_ferry"'],
  ])('%j is refused, because Ferry writes that attribute', (attributes, rule) => {
    expect(problemsOfAttributes(attributes)).toEqual([
      `${rule} must not be about the reservedAttribute, which Ferry writes, got "_ferry"`,
    ]);
    expect(problemsOfAttributes({ drop: ['a._ferry'], rename: { 'a.x': '_ferry' } })).toEqual([]);
  });

  it('are compared soon, also where there are thousands', () => {
    const paths = (name: string) => Array.from({ length: 1_000 }, (_, index) => `${name}${index}`);

    expect(
      problemsOfAttributes({
        keepOnly: paths('a.b'),
        drop: paths('b.c'),
        set: Object.fromEntries(paths('c.d').map((path) => [path, { S: '' }])),
      }),
    ).toEqual([]);
  });
});

describe('the secret of a hash', () => {
  const accounts = {
    source: { ...replication({}).source, account: '444455556666' },
    destination: { ...replication({}).destination, account: '444455556666' },
  };
  const other = (what: object) => ({ attributes: { hash: { ...hashed('a'), ...what } } });

  it.each<[object, object, string[]]>([
    [{ kmsKeyArn: KEY }, {}, []],
    [
      { secret: SECRET.replace('us-east-1', 'eu-west-1') },
      {},
      ['.secret must be a secret in us-east-1, got one in eu-west-1'],
    ],
    [
      { secret: SECRET.replace('aws', 'aws-cn') },
      {},
      ['.secret must be a secret in the partition aws, as us-east-1 is, got one in aws-cn'],
    ],
    [
      { kmsKeyArn: KEY.replace('us-east-1', 'us-west-2') },
      {},
      ['.kmsKeyArn must be a key in us-east-1, got one in us-west-2'],
    ],
    [
      {},
      accounts,
      ['.secret must be in the account of the source, 444455556666, got one in 111122223333'],
    ],
    [{ secret: SECRET.replace('111122223333', '444455556666') }, accounts, []],
  ])('%j', (what, parts, problems) => {
    const found = problemsWith(other(what), parts);

    expect(found.map((line) => line.replace('.attributes.hash', ''))).toEqual(problems);
  });

  it('is one of the ARNs by which a mistyped Region is found', () => {
    const source = { ...replication({}).source, region: 'us-eats-1' };

    expect(problemsOf({ replications: [replication(other({}), { source })] })).toEqual([
      '  replications.0.source.region must be the Region of the ARNs beside it, us-east-1, got "us-eats-1", which is not a Region that Ferry knows',
    ]);
  });

  it('is named by its place in a list', () => {
    const wrong = { ...hashed('b'), secret: SECRET.replace('us-east-1', 'eu-west-1') };

    expect(problemsOfAttributes({ hash: [hashed('a'), wrong] })).toEqual([
      'hash.1.secret must be a secret in us-east-1, got one in eu-west-1',
    ]);
  });
});
