// What a file says of several replications: defaults for all of them, accounts and partitions, and who reads a stream.

import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { functionVariables, readDeployment } from '../../src/config/function-variable.ts';
import type { Deployment } from '../../src/config/schema.ts';
import { UsageError } from '../../src/errors.ts';
import { linesOf } from '../../src/text/json-text.ts';

const problemsOf = (file: unknown): string[] => {
  try {
    parseConfig(file, 'ferry.json', linesOf(JSON.stringify(file, undefined, 2)));
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as UsageError).message.split('\n').slice(1);
  }
  return [];
};

const [A, B] = ['111122223333', '444455556666'];
const SECRET = `arn:aws:secretsmanager:us-east-1:${A}:secret:ferry/china-AbCdEf`;
const KEY = `arn:aws:kms:us-east-1:${A}:key/11111111-aaaa-4aaa-8aaa-111111111111`;
const stream = (region: string, table: string, partition = 'aws') =>
  `arn:${partition}:dynamodb:${region}:${A}:table/${table}/stream/2026-01-31T12:00:00.000`;
const from = (table: string, more: object = {}) => ({
  region: 'us-east-1',
  table,
  streamArn: stream('us-east-1', table),
  ...more,
});
const to = (table: string, more: object = {}) => ({ region: 'eu-west-1', table, ...more });
const one = (name: string, source: object, destination: object, more: object = {}) => ({
  name,
  source,
  destination,
  ...more,
});
const made = { create: true, partitionKey: { name: 'pk', type: 'S' }, streamArn: undefined };
const defined = (value: object) => JSON.parse(JSON.stringify(value)) as object;

describe('defaults', () => {
  const file = {
    defaults: {
      source: { region: 'us-east-1', endpoints: { sqs: 'http://127.0.0.1:1' } },
      destination: { region: 'eu-west-1' },
      ttlDeletes: 'skip',
      alarms: { latencySeconds: 30, email: 'oncall@example.com' },
      heartbeat: { key: { pk: 'beat' } },
    },
    replications: [
      one('x', { table: 'Orders', streamArn: stream('us-east-1', 'Orders') }, { table: 'Orders' }),
      one(
        'y',
        { table: 'Users', streamArn: stream('us-east-1', 'Users') },
        { region: 'ap-south-1', table: 'Users' },
        { ttlDeletes: 'replicate', alarms: { latencySeconds: 90 } },
      ),
    ],
  };

  it('are merged into every replication, whose own settings come first', () => {
    const [x, y] = parseConfig(file).replications;

    expect(x).toMatchObject({
      source: { region: 'us-east-1', table: 'Orders', endpoints: { sqs: 'http://127.0.0.1:1' } },
      destination: { region: 'eu-west-1', table: 'Orders' },
      ttlDeletes: 'skip',
      alarms: { latencySeconds: 30, email: 'oncall@example.com' },
      tombstones: 'checked',
    });
    expect(y).toMatchObject({
      destination: { region: 'ap-south-1' },
      ttlDeletes: 'replicate',
      alarms: { latencySeconds: 90, email: 'oncall@example.com' },
    });
  });

  it('leave the file alone', () => {
    const before = structuredClone(file);

    parseConfig(file);

    expect(file).toEqual(before);
  });

  it.each([
    [
      'a value that is none',
      { ttlDeletes: 'maybe' },
      /^ {2}line 3: defaults\.ttlDeletes must be one of replicate, skip, got "maybe"/,
    ],
    ['an unknown name', { tlDeletes: 'skip' }, /^ {2}line 3: defaults: "tlDeletes" is not a/],
    ['a name, which is each one’s own', { name: 'x' }, /^ {2}line 3: defaults: "name" is not a/],
    [
      'what only a rule refuses',
      { function: { timeoutSeconds: 900 } },
      /^ {2}line 4: defaults\.function\.timeoutSeconds must be at most 835/,
    ],
    [
      'what fits no source of the file',
      { source: { region: 'us-east-1', streamArn: stream('us-east-1', 'Zones') } },
      /^ {2}line 5: defaults\.source\.streamArn must be a stream of Orders, got one of Zones/,
    ],
  ])('have their problems where they were written: %s', (_, defaults, expected) => {
    const replications = ['x', 'y'].map((name) =>
      one(
        name,
        defined(from('Orders', { streamArn: undefined })),
        to(name === 'x' ? 'Twin' : 'Copy'),
      ),
    );
    const whole = replications.map(({ source, ...rest }) => ({
      ...rest,
      source: 'source' in defaults ? source : from('Orders'),
    }));

    const problems = problemsOf({ defaults, replications: whole });

    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
  });

  it('have the problem of the replication where its own value is wrong', () => {
    const replications = [one('x', from('Orders'), to('Orders'), { ttlDeletes: 'maybe' })];

    expect(problemsOf({ defaults: { ttlDeletes: 'skip' }, replications })).toEqual([
      expect.stringMatching(/replications\.0\.ttlDeletes must be one of/),
    ]);
  });

  it('may hold any name without an effect on objects', () => {
    const defaults: unknown = JSON.parse('{"__proto__": {"ttlDeletes": "skip"}}');

    expect(
      problemsOf({ defaults, replications: [one('x', from('Orders'), to('Orders'))] })[0],
    ).toContain('"__proto__" is not a setting');
  });
});

describe('accounts and partitions', () => {
  const china = (more: object = {}) => ({ region: 'cn-north-1', table: 'Orders', ...more });
  const credentials = { secret: SECRET };

  it.each<[string, object[]]>([
    ['two accounts', [one('x', from('Orders', { account: A }), to('Orders', { account: B }))]],
    ['another partition, by a secret', [one('x', from('Orders'), china({ credentials }))]],
    [
      'another partition, both accounts known',
      [one('x', from('Orders', { account: A }), china({ account: B, credentials }))],
    ],
    [
      'two Regions of China',
      [
        one(
          'x',
          china({ streamArn: stream('cn-north-1', 'Orders', 'aws-cn') }),
          china({ region: 'cn-northwest-1' }),
        ),
      ],
    ],
    [
      'one table name in two accounts of one Region',
      [
        one('x', from('Orders', { account: A }), to('Orders', { account: A })),
        one('y', from('Users', { account: A }), to('Orders', { account: B })),
      ],
    ],
    [
      'a role of operators',
      [
        one('x', from('Orders', { account: A }), to('Orders', { account: A }), {
          operatorRole: true,
        }),
      ],
    ],
  ])('may be %s', (_, replications) => {
    expect(problemsOf({ replications })).toEqual([]);
  });

  it.each<[string, object[], string]>([
    [
      'an account on one side only',
      [one('x', from('Orders', { account: A }), to('Orders'))],
      'replications.0.destination.account is required, because replications.0.source has one, and is missing',
    ],
    [
      'an account in one replication only',
      [
        one('x', from('Orders'), to('Orders')),
        one('y', from('Users', { account: A }), to('Users', { account: A })),
      ],
      'replications.0.source.account is required, because replications.1.source has one, and is missing',
    ],
    [
      'an account that is none',
      [one('x', from('Orders', { account: '1234' }), to('Orders', { account: A }))],
      'replications.0.source.account: expected the 12 digits',
    ],
    [
      'another partition without a secret',
      [one('x', from('Orders'), china())],
      'replications.0.destination.credentials is required for a destination in another partition, aws to aws-cn',
    ],
    [
      'a secret within a partition',
      [one('x', from('Orders'), to('Orders', { credentials }))],
      'replications.0.destination.credentials is for a destination in another partition, got us-east-1 and eu-west-1, both in aws',
    ],
    [
      'a secret in another Region than the functions',
      [
        one(
          'x',
          from('Orders'),
          china({ credentials: { secret: SECRET.replace('us-east-1', 'us-west-2') } }),
        ),
      ],
      'replications.0.destination.credentials.secret must be a secret in us-east-1, where the functions read it',
    ],
    [
      'a key of a secret in another Region',
      [
        one(
          'x',
          from('Orders'),
          china({
            credentials: { secret: SECRET, kmsKeyArn: KEY.replace('us-east-1', 'us-west-2') },
          }),
        ),
      ],
      'replications.0.destination.credentials.kmsKeyArn must be a key in us-east-1, got one in us-west-2',
    ],
    [
      'a stream of another account',
      [one('x', from('Orders', { account: B }), to('Orders', { account: B }))],
      `replications.0.source.streamArn must be in the account of the source, ${B}, got one in ${A}`,
    ],
    [
      'a key for both accounts',
      [
        one(
          'x',
          from('Orders', { account: A }),
          to('Orders', { account: B, region: 'us-east-1' }),
          {
            encryption: { kmsKeyArn: KEY },
          },
        ),
      ],
      'replications.0.encryption.destinationKmsKeyArn is required, a key in us-east-1 for the state table: encryption.kmsKeyArn is a key of another account',
    ],
    [
      'a replica of a key for both partitions',
      [
        one('x', from('Orders'), china({ credentials }), {
          encryption: { kmsKeyArn: KEY.replace(/key.*/, `key/mrk-${'1'.repeat(32)}`) },
        }),
      ],
      'replications.0.encryption.destinationKmsKeyArn is required, a key in cn-north-1 for the state table: encryption.kmsKeyArn is a key of another account',
    ],
    [
      'keys instead of a secret',
      [one('x', from('Orders'), china({ credentials: { secret: 'AKIAIOSFODNN7EXAMPLE' } }))],
      'replications.0.destination.credentials.secret: expected the ARN of a Secrets Manager secret',
    ],
    [
      'a role of operators in an unknown account',
      [one('x', from('Orders'), to('Orders'), { operatorRole: true })],
      'replications.0.source.account is required with "operatorRole"',
    ],
  ])('are refused: %s', (_, replications, message) => {
    expect(problemsOf({ replications }).join('\n')).toContain(message);
  });
});

it('refuses a key of a fleet for the topics of two accounts', () => {
  const file = {
    fleet: { kmsKeyArn: KEY },
    replications: [
      one('x', from('Orders', { account: A }), to('Orders', { account: B })),
      one('y', from('Users', { ...made, account: B }), to('Users', { account: B })),
    ].map(defined),
  };

  expect(problemsOf(file).join('\n')).toContain(
    `fleet.kmsKeyArn must be in the account of the source, ${B}, got one in ${A}`,
  );
});

describe('one source with several readers', () => {
  const reads = (name: string, more: object = {}) =>
    one(name, defined(from('Orders', { streamArn: undefined, ...more })), to(`Twin${name}`));

  it('may leave the stream out where another replication creates it', () => {
    const [creator, guest] = parseConfig({
      replications: [reads('a', made), reads('b')],
    }).replications;

    expect(creator?.source.create).toBe(true);
    expect(guest?.source).not.toHaveProperty('streamArn');
  });

  it('may leave the stream out where another replication creates it as its twin', () => {
    const second = defined({ region: 'eu-west-1', table: 'Users' });
    const third = { region: 'ap-south-1', table: 'Zones' };
    const replications = [
      one('a', from('Orders'), to('Users', defined(made))),
      one('b', second, third),
    ];

    expect(problemsOf({ replications })).toEqual([]);
  });

  it('must have a stream that is created, or named', () => {
    expect(problemsOf({ replications: [reads('a')] })).toEqual([
      expect.stringContaining(
        'replications.0.source: "streamArn" is required for an existing table',
      ),
    ]);
  });

  it('refuses a third, and says what to do instead', () => {
    const replications = [reads('a', made), reads('b'), reads('c')];

    expect(problemsOf({ replications })).toEqual([
      expect.stringContaining(
        'replications.2.source must be a table that at most one other replication reads, got us-east-1/Orders, which a and b read; replicate from the twin of one of them instead',
      ),
    ]);
  });
});

describe('a chain', () => {
  const beat = (pk: string) => ({ heartbeat: { key: { pk } } });
  const chained = (first: object, second: object) => [
    one('second', defined(to('Users')), { region: 'ap-south-1', table: 'Zones' }, second),
    one('first', from('Orders'), to('Users', defined(made)), first),
  ];

  it.each([
    ['settings that both have', { reservedAttribute: '_v' }, { reservedAttribute: '_v' }],
    ['one heartbeat that goes through both', beat('beat'), beat('beat')],
    ['a heartbeat of the first hop alone', beat('beat'), {}],
    ['expiries that only one hop skips', {}, { ttlDeletes: 'skip' }],
  ])('may have %s', (_, first, second) => {
    expect(problemsOf({ replications: chained(first, second) })).toEqual([]);
  });

  it.each<[string, object, object, string]>([
    [
      'the versions of the first hop like data',
      {},
      { reservedAttribute: '_second' },
      'replications.0.reservedAttribute must be that of replications.1, which writes its source, got "_second" and "_ferry"',
    ],
    [
      'a second writer of heartbeats into the first twin',
      {},
      beat('beat'),
      'replications.0.heartbeat.key must be that of replications.1, which writes its source, got {"pk":"beat"} and nothing',
    ],
    [
      'heartbeats of two keys',
      beat('first'),
      beat('second'),
      'replications.0.heartbeat.key must be that of replications.1, which writes its source, got {"pk":"second"} and {"pk":"first"}',
    ],
  ])('must not have %s', (_, first, second, message) => {
    expect(problemsOf({ replications: chained(first, second) })).toEqual([
      expect.stringContaining(message),
    ]);
  });
});

it('keeps the profile of an operator out of the functions', () => {
  const source = from('Orders', { profile: 'mine', account: A });
  const destination = to('Orders', { profile: 'theirs', account: B });
  const [replication] = parseConfig({ replications: [one('x', source, destination)] }).replications;
  const places = { streamArn: stream('us-east-1', 'Orders'), deadLetterQueueUrl: 'q' };
  const deployed = { replication, ...places, onFailureBucket: 'b', lookAgainQueueUrl: 'l' };

  const variables = functionVariables(deployed as Deployment);

  expect(JSON.stringify(variables)).not.toMatch(/mine|theirs|profile/);
  expect(readDeployment(variables).replication.destination.account).toBe(B);
});
