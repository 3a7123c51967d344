import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/config-file.ts';
import { UsageError } from '../../src/errors.ts';

const STREAM_ARN =
  'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000';
const replication = (parts: object = {}) => ({
  name: 'orders',
  source: { region: 'us-east-1', table: 'Orders', streamArn: STREAM_ARN },
  destination: { region: 'eu-west-1', table: 'Orders' },
  ...parts,
});
const problemsOf = (value: unknown): string => {
  try {
    parseConfig(value);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as UsageError).message;
  }
  throw new Error('accepted');
};
const problemsWith = (parts: object) => problemsOf({ replications: [replication(parts)] });

describe('parseConfig', () => {
  it('fills in what was left out and freezes the result', () => {
    const config = parseConfig({ replications: [replication()] });

    expect(config.replications[0]).toMatchObject({
      stateTable: 'ferry-orders-state',
      ttlDeletes: 'replicate',
      unversionedItems: 'replace',
      reservedAttribute: '_ferry',
      tombstones: 'checked',
      systemicRejections: 'hold',
      eventSource: {
        batchSize: 1000,
        retryAttempts: -1,
        maxRecordAgeSeconds: 72_000,
        enabled: true,
      },
      function: { timeoutSeconds: 60, concurrency: 800 },
    });
    expect(Object.isFrozen(config.replications[0]?.eventSource)).toBe(true);
  });

  it('gives records up sooner where they are not stored', () => {
    const [first] = parseConfig({
      replications: [replication({ deadLetters: 'projected' })],
    }).replications;

    expect(first?.eventSource.maxRecordAgeSeconds).toBe(43_200);
  });

  it('leaves the value it was given alone', () => {
    const value = { replications: [replication()] };
    const before = structuredClone(value);

    parseConfig(value);

    expect(value).toEqual(before);
  });

  it('takes batches up to Lambda’s own limit and not beyond', () => {
    const sized = (batchSize: number) => ({ eventSource: { batchSize } });

    expect(parseConfig({ replications: [replication(sized(10_000))] })).toBeDefined();
    expect(problemsWith(sized(10_001))).toContain(
      'eventSource.batchSize must be <= 10000, got 10001',
    );
  });

  const timed = (timeoutSeconds: number, tombstones: string) => ({
    tombstones,
    function: { timeoutSeconds },
  });

  it.each([
    ['the shortest', timed(30, 'checked')],
    ['the longest with checked tombstones', timed(835, 'checked')],
    ['the longest of all', timed(900, 'strict')],
  ])('takes %s timeout of the function', (_, parts) => {
    const [first] = parseConfig({ replications: [replication(parts)] }).replications;

    expect(first).toMatchObject(parts);
  });

  it.each([
    ['too short for a write', timed(29, 'strict'), 'timeoutSeconds must be >= 30, got 29'],
    ['longer than Lambda’s', timed(901, 'strict'), 'timeoutSeconds must be <= 900, got 901'],
    [
      'too long for deletes to be looked at late enough',
      timed(836, 'checked'),
      'replications.0.function.timeoutSeconds must be at most 835 with "checked" tombstones',
    ],
  ])('refuses a timeout that is %s', (_, parts, message) => {
    expect(problemsWith(parts)).toContain(message);
  });

  it.each([
    [
      'tombstones',
      'ordered',
      'tombstones must be one of checked, strict, insert-check, got "ordered"',
    ],
    [
      'systemicRejections',
      'ignore',
      'systemicRejections must be one of hold, dead-letter, got "ignore"',
    ],
  ])('refuses a value that %s does not have', (name, value, message) => {
    expect(problemsWith({ [name]: value })).toContain(message);
  });

  it('refuses anything but true and false for whether the stream is read', () => {
    expect(problemsWith({ eventSource: { enabled: 'no' } })).toContain(
      'eventSource.enabled must be boolean, got "no"',
    );
  });

  it('reports every problem at once, with path, value and expectation', () => {
    const message = problemsOf({
      replications: [
        {
          name: 'Orders!',
          source: { region: 'mars', table: 'x' },
          destination: { table: 'Orders', regoin: 'eu-west-1' },
          ttlDeletes: 'maybe',
          eventSource: { batchSize: 'ten' },
        },
      ],
    });

    for (const part of [
      'replications.0.name: expected 1 to 30 lower-case letters, digits and dashes, starting with a letter, got "Orders!"',
      'replications.0.source.region: expected an AWS Region, such as us-east-1, got "mars"',
      'replications.0.source.table: expected a DynamoDB table name: 3 to 255 letters, digits, underscores, dots and dashes, got "x"',
      'replications.0.destination: "region" is required, and is missing',
      'replications.0.destination: "regoin" is not a setting (did you mean "region"?); known here: region, table',
      'replications.0.ttlDeletes must be one of replicate, skip, got "maybe"',
      'replications.0.eventSource.batchSize must be integer, got "ten"',
    ]) {
      expect(message).toContain(part);
    }
  });

  it.each([
    ['nothing at all', null, 'the file must be object, got null'],
    ['no replications', {}, '"replications" is required'],
    ['an empty list', { replications: [] }, 'must NOT have fewer than 1 items'],
    [
      'a name twice',
      { replications: [replication(), replication()] },
      'replications.1.name must be unique, got "orders", which is also replications.0.name',
    ],
  ])('refuses %s', (_, value, message) => {
    expect(problemsOf(value)).toContain(message);
  });

  const source = replication().source;
  const key = { name: 'pk', type: 'S' };
  it.each([
    [
      'a heartbeat without a key',
      { heartbeat: { key: {} } },
      'heartbeat.key must NOT have fewer than 1 properties',
    ],
    [
      'a heartbeat with a key that the table does not have',
      {
        source: { region: 'us-east-1', table: 'Orders', create: true, partitionKey: key },
        heartbeat: { key: { pk: 1 } },
      },
      "heartbeat.key must have the source's keys: pk (S), got pk (N)",
    ],
    [
      'a heartbeat with a number that DynamoDB does not store',
      { heartbeat: { key: { pk: 1e126 } } },
      'heartbeat.key.pk must be 0, or between 1e-130 and 1e126 in size, as DynamoDB stores numbers, got 1e+126',
    ],
    [
      'a heartbeat with the version in its key',
      { heartbeat: { key: { _ferry: 'a' } } },
      'heartbeat.key._ferry must not be the reservedAttribute',
    ],
    [
      'a heartbeat with an attribute that has no name',
      { heartbeat: { key: { '': 'a' } } },
      'heartbeat.key must have attribute names of 1 to 255 characters, got ""',
    ],
    [
      'a heartbeat with an attribute name that no key has',
      { heartbeat: { key: { ['n'.repeat(256)]: 'a' } } },
      'heartbeat.key must have attribute names of 1 to 255 characters, got "nnn',
    ],
    [
      'alarms for nobody that mail could reach',
      { alarms: { email: 'nobody' } },
      'alarms.email: expected an email address (for example oncall@example.com), got "nobody"',
    ],
    [
      'an existing source without a stream',
      { source: { region: 'us-east-1', table: 'Orders' } },
      '"streamArn" is required for an existing table',
    ],
    [
      'a new source with a stream',
      { source: { ...source, create: true, partitionKey: key } },
      'remove one of them',
    ],
    [
      'a new table without a key',
      { destination: { region: 'eu-west-1', table: 'Orders', create: true } },
      'destination.partitionKey is required when "create" is true',
    ],
    [
      'an existing table with a key',
      { destination: { region: 'eu-west-1', table: 'Orders', partitionKey: key } },
      'an existing table keeps its own',
    ],
    [
      'one attribute as both keys',
      {
        destination: {
          region: 'eu-west-1',
          table: 'Orders',
          create: true,
          partitionKey: key,
          sortKey: key,
        },
      },
      'sortKey.name must differ',
    ],
    [
      'a stream of another Region',
      { source: { ...source, region: 'us-west-2' } },
      'streamArn must be a stream in us-west-2, got one in us-east-1',
    ],
    [
      'a stream of another table',
      { source: { ...source, table: 'Other' } },
      'streamArn must be a stream of Other, got one of Orders',
    ],
    [
      'the same table twice',
      { destination: { region: 'us-east-1', table: 'Orders' } },
      'must not lead back to its source',
    ],
    [
      'the version’s own attribute as a time stamp',
      { timestampAttribute: '_ferry' },
      'timestampAttribute must differ from reservedAttribute',
    ],
  ])('refuses %s', (_, parts, message) => {
    expect(problemsWith(parts)).toContain(message);
  });

  it.each([
    ['nothing', ''],
    ['a variable of a policy', '${aws:username}'],
    ['a wildcard', 'beat*'],
    ['a wildcard for a character', 'beat?'],
    ['a dollar', 'beat$'],
    ['the end of a line', 'beat\n'],
    ['letters that no policy takes', '心'],
    ['more than 255 characters', 'b'.repeat(256)],
  ])('refuses a heartbeat key of %s, and says which texts it takes', (_, pk) => {
    const message = problemsWith({ heartbeat: { key: { pk } } });

    expect(message).toContain('replications.0.heartbeat.key.pk: expected a number, or a text of');
    expect(message).toContain(`got ${JSON.stringify(pk).slice(0, 77)}`);
    expect(message).toContain('1 to 255 printable characters of ISO 8859-1 other than *, ? and $');
  });

  it.each([['ferry-heartbeat'], ['Herz#1: [é] + % & /'], ['b'.repeat(255)], [0], [-1.5], [1e125]])(
    'takes a heartbeat key of %s',
    (pk) => {
      const heartbeat = { key: { pk } };

      expect(
        parseConfig({ replications: [replication({ heartbeat })] }).replications,
      ).toMatchObject([{ heartbeat }]);
    },
  );
});

describe('loadConfig', () => {
  it('finds the modules of projections from the folder of the file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ferry-config-'));
    const path = join(folder, 'ferry.json');
    const at = (module: string) => ({ projection: { module } });
    const destination = { region: 'eu-west-1', table: 'Carts' };
    const [orders, users, carts] = [
      replication(at('/modules/orders.mjs')),
      replication({
        ...at('../users.mjs'),
        name: 'users',
        destination: { ...destination, table: 'Users' },
      }),
      replication({ name: 'carts', destination }),
    ];
    const load = (replications: object[], defaults: object) => {
      writeFileSync(path, JSON.stringify({ defaults, replications }));
      return loadConfig(path).replications.map(({ projection }) => projection?.module);
    };

    expect(load([orders, users], {})).toEqual([
      '/modules/orders.mjs',
      join(folder, '../users.mjs'),
    ]);
    expect(load([orders, carts], at('./projections/any.mjs'))).toEqual([
      '/modules/orders.mjs',
      join(folder, 'projections/any.mjs'),
    ]);
    const config = loadConfig(path);
    const frozen = [config, config.replications, ...config.replications].map(Object.isFrozen);
    expect(frozen).not.toContain(false);
    rmSync(folder, { recursive: true });
  });

  it('reads the file of this repository', () => {
    expect(loadConfig('ferry.json').replications).toHaveLength(1);
  });

  it.each([
    ['is missing', undefined, 'There is no configuration file'],
    [
      'is not JSON',
      '{\n  "replications": [\n    { "name": "orders" }\n    { "name": "users" }\n  ]\n}',
      'ferry.json is not JSON: line 4, column 5: a comma is missing before "{":\n      { "name": "users" }\n      ^',
    ],
    ['ends too early', '{"replications": [', 'line 1, column 18: the text ends, but this "["'],
    ['begins with a byte order mark', '\uFEFF{}', 'it begins with a byte order mark'],
    ['is empty', '', 'ferry.json is not JSON: it is empty.'],
    [
      'names a setting twice',
      '{"replications": [],\n"replications": []}',
      'line 2, column 1: "replications" is given twice, first in line 1',
    ],
  ])('says so when the file %s', (_, content, message) => {
    const directory = mkdtempSync(join(tmpdir(), 'ferry-config-'));
    const path = join(directory, 'ferry.json');
    if (content !== undefined) writeFileSync(path, content);

    expect(() => loadConfig(path)).toThrow(message);

    rmSync(directory, { recursive: true });
  });
});

describe('the lines of problems', () => {
  const text = `{
  "replications": [
    {
      "name": "orders",
      "source": { "region": "us-east-1", "table": "Orders",
        "streamArn": "arn:aws:dynamodb:us-east-1:111122223333:table/Carts/stream/2026-01-31T12:00:00.000" },
      "destination": { "region": "eu-west-1", "table": "Copy" }
    },
    {
      "name": "Carts",
      "heartbeat": { "key": { "a/b~c": "*" } },
      "tombstone": "strict",
      "source": { "region": "us-east-1" }
    }
  ]
}`;

  it('are those of the file: of a value, of an unknown name, and of what lacks something', () => {
    const directory = mkdtempSync(join(tmpdir(), 'ferry-config-'));
    const path = join(directory, 'ferry.json');
    writeFileSync(path, text);
    let message = '';
    try {
      loadConfig(path);
    } catch (error) {
      message = (error as UsageError).message;
    }
    rmSync(directory, { recursive: true });

    for (const part of [
      '\n  line 6: replications.0.source.streamArn must be a stream of Orders',
      '\n  line 10: replications.1.name: expected',
      '\n  line 11: replications.1.heartbeat.key.a/b~c: expected',
      '\n  line 12: replications.1: "tombstone" is not a setting (did you mean "tombstones"?)',
      '\n  line 13: replications.1.source: "table" is required',
      '\n  line 9: replications.1: "destination" is required',
    ])
      expect(message).toContain(part);
  });

  it('are left out of what no file holds', () => {
    expect(problemsOf({ replications: [{}] })).not.toContain('line ');
  });
});

describe('a Region that is mistyped', () => {
  const KEY = 'arn:aws:kms:us-east-1:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111';
  const mistyped = { ...replication().source, region: 'us-est-1' };

  it('is named once, and not the ARNs beside it', () => {
    const message = problemsWith({
      source: { ...mistyped, kmsKeyArn: KEY },
      encryption: { deadLetterQueue: KEY, stateTable: 'none' },
    });

    expect(message.split('\n').slice(1)).toEqual([
      '  replications.0.source.region must be the Region of the ARNs beside it, us-east-1, got "us-est-1", which is not a Region that Ferry knows',
    ]);
  });

  it.each([
    ['nothing contradicts it', { destination: { region: 'eu-wst-1', table: 'Orders' } }],
    ['it is new: its ARNs have it, too', { source: inRegion('xx-new-1') }],
    ['it is an emulator’s', { source: { ...mistyped, endpoint: 'http://127.0.0.1:8000' } }],
  ])('is not refused where %s', (_, parts) => {
    expect(parseConfig({ replications: [replication(parts)] }).replications).toHaveLength(1);
  });

  function inRegion(region: string) {
    return { region, table: 'Orders', streamArn: STREAM_ARN.replace('us-east-1', region) };
  }
});

it('keeps the schema valid JSON with a description on every setting that decides something', () => {
  const schema = JSON.parse(readFileSync('ferry.schema.json', 'utf8')) as {
    definitions: Record<
      string,
      { properties?: Record<string, { description?: string; $ref?: string }> }
    >;
  };
  const { replication: settings } = schema.definitions;

  for (const [name, setting] of Object.entries(settings?.properties ?? {})) {
    expect({ name, says: setting.description ?? setting.$ref }).toEqual({
      name,
      says: expect.any(String),
    });
  }
});

describe('tables that must not be mixed up', () => {
  const key = { name: 'pk', type: 'S' };
  const created = (region: string, table: string, more: object = {}) => ({
    region,
    table,
    create: true,
    partitionKey: key,
    ...more,
  });
  const one = (name: string, source: object, destination: object, more: object = {}) => ({
    name,
    source,
    destination,
    ...more,
  });
  const [a, b, c] = [
    created('us-east-1', 'Orders'),
    created('eu-west-1', 'Orders'),
    created('ap-south-1', 'Orders'),
  ];

  it.each([
    [
      'there and back',
      [one('there', a, b), one('back', b, a)],
      'a way from us-east-1/Orders to itself',
    ],
    [
      'round in a circle',
      [one('x', a, b), one('y', b, c), one('z', c, a)],
      'a way from eu-west-1/Orders to itself',
    ],
    [
      'to itself by another name',
      [one('x', a, { ...a, endpoint: 'https://dynamodb.us-east-1.amazonaws.com' })],
      'must not lead back to its source',
    ],
    [
      'from two sources to one',
      [one('x', a, c), one('y', b, c)],
      'replications.1.destination must have one source only, got ap-south-1/Orders, which is also replications.0.destination',
    ],
    [
      'between tables of different keys',
      [one('x', a, created('eu-west-1', 'Orders', { partitionKey: { name: 'pk', type: 'N' } }))],
      'the same keys as the source: pk (S), got pk (N)',
    ],
    [
      'with the version in a key',
      [one('x', a, b, { reservedAttribute: 'pk' })],
      'must not be a key attribute, got "pk"',
    ],
    [
      'with the state in the twin',
      [one('x', a, b, { stateTable: 'Orders' })],
      'replications.0.stateTable must be a table that nothing else uses, got eu-west-1/Orders, which is also replications.0.destination',
    ],
    [
      'with a key of another Region',
      [
        one('x', a, {
          region: 'eu-west-1',
          table: 'Orders',
          kmsKeyArn: 'arn:aws:kms:us-east-1:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111',
        }),
      ],
      'kmsKeyArn must be a key in eu-west-1, got one in us-east-1',
    ],
    [
      'with a stream of another partition',
      [
        one(
          'x',
          {
            region: 'us-east-1',
            table: 'Orders',
            streamArn:
              'arn:aws-us-gov:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000',
          },
          { region: 'eu-west-1', table: 'Twin' },
        ),
      ],
      'replications.0.source.streamArn must be a stream in the partition aws, as us-east-1 is, got one in aws-us-gov',
    ],
  ])('are refused: %s', (_, replications, message) => {
    expect(problemsOf({ replications })).toContain(message);
  });

  const existing = (region: string, table: string, stream = false) => ({
    region,
    table,
    ...(stream && {
      streamArn: `arn:aws:dynamodb:${region}:111122223333:table/${table}/stream/2026-01-31T12:00:00.000`,
    }),
  });
  const [bExisting, cExisting] = [
    existing('eu-west-1', 'Orders'),
    existing('ap-south-1', 'Orders'),
  ];
  const [aRead, bRead] = [
    existing('us-east-1', 'Orders', true),
    existing('eu-west-1', 'Orders', true),
  ];

  it.each([
    [
      'one state table of two replications, said or by default',
      [
        one('x', a, b),
        one('y', aRead, existing('eu-west-1', 'Copy'), { stateTable: 'ferry-x-state' }),
      ],
      'replications.1.stateTable must be a table that nothing else uses, got eu-west-1/ferry-x-state, which is also replications.0.stateTable',
    ],
    [
      'a state table that is the source of another replication',
      [
        one('x', bRead, cExisting),
        one('y', a, existing('eu-west-1', 'Copy'), { stateTable: 'Orders' }),
      ],
      'replications.1.stateTable must be a table that nothing else uses, got eu-west-1/Orders, which is also replications.0.source',
    ],
    [
      'a state table that is a later destination',
      [one('x', a, b, { stateTable: 'Copy' }), one('y', aRead, existing('eu-west-1', 'Copy'))],
      'replications.0.stateTable must be a table that nothing else uses, got eu-west-1/Copy, which is also replications.1.destination',
    ],
    [
      'a state table that is its own source',
      [one('x', a, existing('us-east-1', 'Copy'), { stateTable: 'Orders' })],
      'replications.0.stateTable must be a table that nothing else uses, got us-east-1/Orders, which is also replications.0.source',
    ],
    [
      'a source that two replications create',
      [one('x', a, b), one('y', a, c)],
      'replications.1.source.create must be false for us-east-1/Orders, which replications.0.source creates; leave its "streamArn" out',
    ],
    [
      'a table that is created as a destination, and later as a source',
      [one('x', a, b), one('y', b, c)],
      'replications.0.destination.create must be false for eu-west-1/Orders, which replications.1.source creates',
    ],
    [
      'a table that is created as a source, and later as a destination',
      [one('y', b, c), one('x', a, b)],
      'replications.1.destination.create must be false for eu-west-1/Orders, which replications.0.source creates',
    ],
    [
      'one table by two endpoints',
      [
        one('x', aRead, bExisting),
        one('y', aRead, { ...bExisting, endpoint: 'http://127.0.0.1:1' }),
      ],
      'replications.1.destination must have one source only',
    ],
    [
      'keys that differ from those of a table that another replication creates',
      [
        one('x', a, bExisting),
        one('y', created('eu-west-1', 'Orders', { partitionKey: { name: 'id', type: 'S' } }), c),
      ],
      'replications.0.destination must have the same keys as the source: pk (S), got id (S)',
    ],
    [
      'a heartbeat without the keys of a source that another replication creates',
      [one('x', a, b), one('y', aRead, c, { heartbeat: { key: { id: 'beat' } } })],
      "replications.1.heartbeat.key must have the source's keys: pk (S), got id (S)",
    ],
    [
      'a version in a key of a source that another replication creates',
      [one('x', a, b), one('y', aRead, c, { reservedAttribute: 'pk' })],
      'replications.1.reservedAttribute must not be a key attribute, got "pk"',
    ],
  ])('are refused, with both settings named: %s', (_, replications, message) => {
    expect(problemsOf({ replications })).toContain(`  ${message}`);
  });

  it('are told of once for each setting, however many others it clashes with', () => {
    const message = problemsOf({
      replications: [one('x', a, b), one('y', a, b, { stateTable: 'Orders' })],
    });

    expect(message.split('\n').slice(1)).toEqual([
      '  replications.1.source.create must be false for us-east-1/Orders, which replications.0.source creates; leave its "streamArn" out',
      '  replications.1.destination must have one source only, got eu-west-1/Orders, which is also replications.0.destination',
      '  replications.1.stateTable must be a table that nothing else uses, got eu-west-1/Orders, which is also replications.0.destination',
    ]);
  });

  it.each([
    ['a chain of existing tables', [one('x', aRead, bExisting), one('y', bRead, cExisting)]],
    [
      'a chain whose middle is created where it is the source',
      [one('x', a, bExisting), one('y', b, c)],
    ],
    [
      'a chain whose middle is created where it is the destination',
      [one('x', a, b), one('y', bRead, c)],
    ],
    ['one existing source with several twins', [one('x', aRead, b), one('y', aRead, c)]],
    ['one source that is created once, with several twins', [one('x', a, b), one('y', aRead, c)]],
    [
      'tables of one name in several Regions, with their state tables',
      [
        one('x', a, b, { stateTable: 'State' }),
        one('y', existing('us-west-2', 'Orders', true), c, { stateTable: 'State' }),
      ],
    ],
    [
      'two tables in one Region',
      [
        one('x', a, created('us-east-1', 'OrdersCopy')),
        one('y', aRead, existing('us-east-1', 'Copy')),
      ],
    ],
  ])('may form %s', (_, replications) => {
    expect(parseConfig({ replications }).replications).toHaveLength(2);
  });

  it('are checked beside what the schema finds elsewhere', () => {
    const message = problemsOf({ replications: [one('x', a, a), one('y', b, { region: 'mars' })] });

    expect(message).toContain('must not lead back to its source');
    expect(message).toContain('got "mars"');
  });
});
