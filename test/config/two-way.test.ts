// What a replication in both directions may be combined with, and the two replications that come of it.

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { directionsOf, fileEntry, givenName, otherDirection } from '../../src/config/directions.ts';
import {
  functionVariables,
  readDeployment,
  shortVariables,
} from '../../src/config/function-variable.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { runHere } from '../fixtures/two-regions.ts';

const [ONE, OTHER] = ['111122223333', '444455556666'];
const streamOf = (region: string, table: string, account = ONE) =>
  `arn:aws:dynamodb:${region}:${account}:table/${table}/stream/2026-01-31T12:00:00.000`;
const keyOf = (region: string, digit: number) =>
  `arn:aws:kms:${region}:${ONE}:key/${String(digit).repeat(8)}-aaaa-4aaa-8aaa-111111111111`;
const secretOf = (region: string, name: string, partition = 'aws') =>
  `arn:${partition}:secretsmanager:${region}:${ONE}:secret:${name}-AbCdEf`;

const HOME = {
  rules: [{ attribute: 'pk', prefix: 'eu#', region: 'eu-west-1' }],
  otherwise: 'us-east-1',
};
const STREAM = { streamArn: streamOf('eu-west-1', 'OrdersTwin') };
const ORDERS = {
  name: 'orders',
  direction: 'both',
  source: { region: 'us-east-1', table: 'Orders', streamArn: streamOf('us-east-1', 'Orders') },
  destination: { region: 'eu-west-1', table: 'OrdersTwin' },
  twoWay: { mode: 'home', home: HOME, ...STREAM },
};
const KEYS = { partitionKey: { name: 'pk', type: 'S' }, sortKey: { name: 'sk', type: 'N' } };
const CREATED = {
  ...ORDERS,
  source: { region: 'us-east-1', table: 'Orders', create: true, ...KEYS },
  destination: { region: 'eu-west-1', table: 'OrdersTwin', create: true, ...KEYS },
  twoWay: { mode: 'home', home: HOME },
};
const STAMPED = { ...ORDERS, twoWay: { mode: 'stamped', ...STREAM } };
const CHINA = {
  ...STAMPED,
  destination: {
    region: 'cn-north-1',
    table: 'OrdersTwin',
    credentials: { secret: secretOf('us-east-1', 'china') },
  },
  twoWay: {
    mode: 'stamped',
    streamArn: `arn:aws-cn:dynamodb:cn-north-1:${OTHER}:table/OrdersTwin/stream/2026-01-31T12:00:00.000`,
    credentials: { secret: secretOf('cn-north-1', 'america', 'aws-cn') },
  },
};

function all(...replications: object[]): readonly ReplicationConfig[] {
  // As in a file: without what is undefined.
  const value = JSON.parse(JSON.stringify({ replications })) as object;
  return parseConfig(value).replications;
}

function both(entry: object): [ReplicationConfig, ReplicationConfig] {
  const [out, back, ...more] = all(entry);
  if (out === undefined || back === undefined || more.length > 0) throw new Error('not two');
  return [out, back];
}

const home = (change: object) => ({
  twoWay: { mode: 'home', ...STREAM, home: { ...HOME, ...change } },
});
const stamped = (change: object) => ({ twoWay: { mode: 'stamped', ...STREAM, ...change } });

describe('a replication in both directions is refused', () => {
  it.each<[string, object, RegExp]>([
    ['without its settings', { twoWay: undefined }, /twoWay is required with "direction": "both"/],
    [
      'with its settings for one way',
      { direction: 'one-way' },
      /twoWay is for "direction": "both"/,
    ],
    [
      'with the tombstones of both for one way',
      { direction: 'one-way', twoWay: undefined, tombstones: 'insert-check' },
      /tombstones: "insert-check" is for "direction": "both" only/,
    ],
    ['with a mode of late stamping', stamped({ mode: 'late' }), /mode must be .*home.*stamped/],
    ['with switching', { switching: STREAM }, /cannot be combined with "switching": both sides/],
    [
      'with a projection',
      { projection: { attributes: { drop: ['a'] } } },
      /cannot be combined with "projection"/,
    ],
    [
      'with a Kinesis stream',
      {
        source: {
          region: 'us-east-1',
          table: 'Orders',
          kinesisStreamArn: `arn:aws:kinesis:us-east-1:${ONE}:stream/orders`,
          kinesisRetentionHours: 24,
        },
      },
      /cannot be combined with "kinesisStreamArn"/,
    ],
    ['with checked tombstones', { tombstones: 'checked' }, /"tombstones": "checked": each direc/],
    ['with strict tombstones', { tombstones: 'strict' }, /"tombstones": "strict": each direc/],
    ['with kept items', { unversionedItems: 'keep' }, /"unversionedItems": "keep"/],
    ['with projected letters', { deadLetters: 'projected' }, /"deadLetters": "projected"/],
    ['with bulk runs', { bulk: true }, /cannot be combined with "bulk": it works on one direc/],
    ['with comparisons on a schedule', { reconcile: {} }, /cannot be combined with "reconcile"/],
    ['with operator roles', { operatorRole: true }, /cannot be combined with "operatorRole"/],
    ['with a name of a way back', { name: 'orders-back' }, /name must not end in -back/],
    [
      'with a name without room',
      { name: 'orders-of-all-the-customers' },
      /twoWay needs a name of at most 25 characters, because the other direction is named/,
    ],
    [
      'in one Region',
      { destination: { region: 'us-east-1', table: 'OrdersTwin' } },
      /twoWay needs two Regions, got us-east-1 for both/,
    ],
    [
      'without a stream of the destination',
      { twoWay: { mode: 'stamped' } },
      /streamArn is required/,
    ],
    [
      'with a stream of another table',
      stamped({ streamArn: streamOf('eu-west-1', 'Orders') }),
      /twoWay\.streamArn must be a stream of OrdersTwin, got one of Orders/,
    ],
    [
      'with a stream in another Region',
      stamped({ streamArn: streamOf('eu-west-2', 'OrdersTwin') }),
      /twoWay\.streamArn must be a stream in eu-west-1, got one in eu-west-2/,
    ],
    [
      'with a Region that is mistyped',
      { destination: { region: 'eu-wset-1', table: 'OrdersTwin' } },
      /destination\.region must be the Region of the ARNs beside it, eu-west-1, got "eu-wset-1"/,
    ],
    [
      'with a stream of another account',
      {
        source: { ...ORDERS.source, account: ONE },
        destination: { ...ORDERS.destination, account: OTHER },
      },
      /twoWay\.streamArn must be in the account of the destination, 444455556666/,
    ],
    [
      'with a stream of a table that is to be made',
      { ...CREATED, twoWay: ORDERS.twoWay },
      /twoWay: "streamArn" names the stream of an existing destination/,
    ],
    [
      'with a key for one resource',
      { encryption: { onFailureBucket: keyOf('us-east-1', 1) } },
      /twoWay can be combined with encryption\.kmsKeyArn .* got encryption\.onFailureBucket/,
    ],
    [
      'with a key in one Region only',
      { encryption: { destinationKmsKeyArn: keyOf('eu-west-1', 2) } },
      /twoWay needs encryption\.kmsKeyArn beside encryption\.destinationKmsKeyArn/,
    ],
    [
      'with a state table of another use',
      stamped({ stateTable: 'Orders' }),
      /twoWay\.stateTable must be a table that nothing else uses, got "Orders"/,
    ],
    [
      'with the state table of the other Region',
      stamped({ stateTable: 'ferry-orders-state' }),
      /twoWay\.stateTable must be a table that nothing else uses, got "ferry-orders-state"/,
    ],
    [
      'with credentials within a partition',
      stamped({ credentials: { secret: secretOf('eu-west-1', 'america') } }),
      /twoWay\.credentials is for a destination in another partition, got eu-west-1 and us-east-1/,
    ],
    [
      'without credentials for the way back from another partition',
      { ...CHINA, twoWay: { ...CHINA.twoWay, credentials: undefined } },
      /twoWay\.credentials is required .* aws-cn to aws: name a secret in cn-north-1 with keys of aws/,
    ],
    [
      'with a secret in the wrong Region',
      { ...CHINA, twoWay: { ...CHINA.twoWay, credentials: CHINA.destination.credentials } },
      /twoWay\.credentials\.secret must be a secret in cn-north-1/,
    ],
    [
      'with homes for stamped items',
      stamped({ home: HOME }),
      /home is for "mode": "home", got "st/,
    ],
    [
      'without homes',
      { twoWay: { mode: 'home', ...STREAM } },
      /home is required with "mode": "home"/,
    ],
    [
      'with a home in a third Region',
      home({ otherwise: 'ap-south-1' }),
      /home\.otherwise must be us-east-1 or eu-west-1, got "ap-south-1"/,
    ],
    [
      'with a rule for a third Region',
      home({ rules: [{ ...HOME.rules[0], region: 'ap-south-1' }] }),
      /home\.rules\.0\.region must be us-east-1 or eu-west-1, got "ap-south-1"/,
    ],
    [
      'with a rule that matches everything',
      home({ rules: [{ attribute: 'pk', region: 'eu-west-1' }] }),
      /home\.rules\.0 needs a "prefix", a "suffix" or both/,
    ],
    [
      'with a rule that never decides',
      home({
        rules: [
          { attribute: 'pk', prefix: 'eu#', region: 'eu-west-1' },
          { attribute: 'pk', prefix: 'eu#us', suffix: '#1', region: 'us-east-1' },
        ],
      }),
      /home\.rules\.1 never decides, .* and rules\.0 matches all its items/,
    ],
    [
      'with a day that does not exist',
      home({ since: '2026-02-31T12:00:00Z' }),
      /home\.since must be a time that exists, got "2026-02-31T12:00:00Z"/,
    ],
    [
      'with a home by an attribute outside of the key',
      { ...CREATED, twoWay: { mode: 'home', home: { ...HOME, rules: [rule('country')] } } },
      /rules\.0\.attribute must be a key attribute of type S, .* got "country"/,
    ],
    [
      'with a home by a number',
      { ...CREATED, twoWay: { mode: 'home', home: { ...HOME, rules: [rule('sk')] } } },
      /rules\.0\.attribute must be a key attribute of type S, .* got "sk"/,
    ],
    [
      'with a heartbeat whose key has no text',
      { heartbeat: { key: { pk: 7 } } },
      /heartbeat\.key needs an attribute of type S, in which the heartbeats of orders and orders-back/,
    ],
    [
      'with a heartbeat whose key has no room',
      { heartbeat: { key: { pk: 'x'.repeat(251) } } },
      /heartbeat\.key must have at most 250 characters, .* got 251/,
    ],
  ])('%s', (_, change, problem) => {
    expect(() => all({ ...ORDERS, ...change })).toThrow(problem);
  });

  it('in a fleet whose topic has a key, which is in one Region', () => {
    const fleet = { kmsKeyArn: keyOf('us-east-1', 1) };

    expect(() => parseConfig({ fleet, replications: [ORDERS] })).toThrow(
      'fleet.kmsKeyArn cannot be combined with replications.0.twoWay',
    );
    expect(parseConfig({ fleet: {}, replications: [ORDERS] }).replications).toHaveLength(2);
  });
});

function rule(attribute: string) {
  return { attribute, prefix: 'eu#', region: 'eu-west-1' };
}

/** Of another replication. */
const SIDES = {
  us: ORDERS.source,
  eu: { region: 'eu-west-1', table: 'OrdersTwin', streamArn: STREAM.streamArn },
  third: { region: 'ap-south-1', table: 'Third', streamArn: streamOf('ap-south-1', 'Third') },
};
const withoutStream = ({ region, table }: { region: string; table: string }) => ({ region, table });
const onwards = (source: object, table = 'Third') => ({
  name: 'onwards',
  source,
  destination: { region: 'ap-south-1', table },
});

describe('beside a replication in both directions', () => {
  it.each([
    ['the source, in the home mode', ORDERS, SIDES.us],
    ['the destination, in the home mode', ORDERS, SIDES.eu],
    ['the source, in the stamped mode', STAMPED, SIDES.us],
    ['the destination, in the stamped mode', STAMPED, SIDES.eu],
  ])('another one may lead onwards from %s', (_, entry, source) => {
    const names = all(entry, onwards(source)).map(({ name }) => name);

    expect(names).toEqual(['orders', 'orders-back', 'onwards']);
  });

  const third = { name: 'third', direction: 'both', source: SIDES.third };
  it.each<[string, object]>([
    [
      'one way into the source',
      { name: 'third', source: SIDES.third, destination: withoutStream(SIDES.us) },
    ],
    [
      'one way into the destination',
      { name: 'third', source: SIDES.third, destination: withoutStream(SIDES.eu) },
    ],
    [
      'both ways with the source',
      {
        ...third,
        destination: withoutStream(SIDES.us),
        twoWay: { mode: 'stamped', streamArn: SIDES.us.streamArn },
      },
    ],
    [
      'both ways with the destination',
      {
        ...third,
        destination: withoutStream(SIDES.eu),
        twoWay: { mode: 'stamped', streamArn: SIDES.eu.streamArn },
      },
    ],
    [
      'both ways from the source',
      {
        ...third,
        source: SIDES.us,
        destination: withoutStream(SIDES.third),
        twoWay: { mode: 'stamped', streamArn: SIDES.third.streamArn },
      },
    ],
  ])('none may write its tables: %s', (_, other) => {
    expect(() => all(STAMPED, other)).toThrow(
      /"direction": "both" is for two tables that no other replication writes, got .* more than two Regions cannot/,
    );
  });

  it('at most one other reads each stream', () => {
    const second = { ...onwards(SIDES.eu, 'Fourth'), name: 'second' };

    expect(() => all(ORDERS, onwards(SIDES.eu), second)).toThrow(
      /replications\.2\.source must be a table that at most one other replication reads, got eu-west-1\/OrdersTwin, which orders and onwards read/,
    );
  });

  it('versions and heartbeats are those that it writes', () => {
    const heartbeat = { key: { pk: 'beat' } };
    const entry = { ...ORDERS, heartbeat };

    expect(all(entry, { ...onwards(SIDES.us), heartbeat })).toHaveLength(3);
    expect(() => all(entry, { ...onwards(SIDES.us), heartbeat: { key: { pk: 'own' } } })).toThrow(
      /heartbeat\.key must be that of replications\.0/,
    );
    expect(() => all(ORDERS, { ...onwards(SIDES.eu), reservedAttribute: '_other' })).toThrow(
      /reservedAttribute must be that of replications\.0/,
    );
  });

  it('its state table in the source Region is of no other use', () => {
    const other = {
      ...onwards(SIDES.third),
      destination: { region: 'us-east-1', table: 'Fourth' },
    };

    expect(() => all(ORDERS, { ...other, stateTable: 'ferry-orders-back-state' })).toThrow(
      /must be a table that nothing else uses, got us-east-1\/ferry-orders-back-state/,
    );
  });
});

describe('the two directions', () => {
  const endpoints = { sqs: 'http://127.0.0.1:4566' };
  const [out, back] = both({
    ...ORDERS,
    source: { ...ORDERS.source, endpoints, profile: 'america' },
    encryption: { kmsKeyArn: keyOf('us-east-1', 1), destinationKmsKeyArn: keyOf('eu-west-1', 2) },
    heartbeat: { key: { pk: 'beat', sk: 7 } },
    stateTable: 'own-state',
  });

  it('have their defaults', () => {
    expect(both(STAMPED)[0]).toMatchObject({
      tombstones: 'insert-check',
      twoWay: {
        mode: 'stamped',
        epoch: 1,
        losers: 'count',
        stateTable: 'ferry-orders-back-state',
      },
    });
  });

  it('have exchanged sides, streams, state tables, endpoints and keys', () => {
    expect(back).toMatchObject({
      name: 'orders-back',
      source: { region: 'eu-west-1', table: 'OrdersTwin', streamArn: STREAM.streamArn },
      destination: { region: 'us-east-1', table: 'Orders', profile: 'america' },
      stateTable: 'ferry-orders-back-state',
      twoWay: {
        stateTable: 'own-state',
        streamArn: ORDERS.source.streamArn,
        endpoints,
        home: HOME,
      },
      encryption: { kmsKeyArn: keyOf('eu-west-1', 2), destinationKmsKeyArn: keyOf('us-east-1', 1) },
    });
    expect(back.source).not.toHaveProperty('endpoints');
    expect(back.destination).not.toHaveProperty('streamArn');
  });

  it('have heartbeats of their own', () => {
    expect([out.heartbeat, back.heartbeat]).toEqual([
      { key: { pk: 'beat', sk: 7 } },
      { key: { pk: 'beat-back', sk: 7 } },
    ]);
  });

  it('exchange the credentials by which each reaches the other partition', () => {
    const [toChina, fromChina] = both(CHINA);

    expect(toChina.destination.credentials).toEqual(CHINA.destination.credentials);
    expect(fromChina.destination.credentials).toEqual(CHINA.twoWay.credentials);
    expect(fromChina.twoWay?.credentials).toEqual(CHINA.destination.credentials);
    expect(fromChina.source).not.toHaveProperty('credentials');
    expect(otherDirection(fromChina)).toEqual(toChina);
  });

  it('are each the other direction of the other one', () => {
    expect(otherDirection(out)).toEqual(back);
    expect(otherDirection(back)).toEqual(out);
    expect([out, back].map(fileEntry)).toEqual([out, out]);
    expect([out, back].flatMap(directionsOf)).toEqual([out, back]);
    expect([out, back].map(givenName)).toEqual(['orders', 'orders-back']);
  });

  it.each([
    ['orders', out],
    ['orders-back', back],
  ])('go through the variable of their function as they are: %s', (_, replication) => {
    const deployment = {
      replication,
      streamArn: replication.source.streamArn ?? '',
      deadLetterQueueUrl: 'https://sqs.eu-west-1.amazonaws.com/111122223333/letters',
      onFailureBucket: 'bucket',
    };
    // A profile is one of the operator's machine.
    const side = <T extends object>(table: T) => ({ ...table, profile: undefined });
    const { source, destination } = replication;

    expect(readDeployment(functionVariables(deployment)).replication).toEqual({
      ...replication,
      source: side(source),
      destination: side(destination),
    });
    expect(readDeployment(shortVariables(deployment)).replication).toMatchObject({
      tombstones: 'insert-check',
      twoWay: replication.twoWay,
    });
  });
});

it('takes the settings of the defaults of the file', () => {
  const {
    direction,
    twoWay: { mode, home: homes, ...own },
    ...plain
  } = ORDERS;
  const defaults = { direction, twoWay: { mode, home: homes, losers: 'keep' } };
  const { replications } = parseConfig({ defaults, replications: [{ ...plain, twoWay: own }] });

  expect(replications.map(({ name, twoWay }) => [name, twoWay?.losers, twoWay?.home])).toEqual([
    ['orders', 'keep', HOME],
    ['orders-back', 'keep', HOME],
  ]);
});

it.each([[[]], [['--resolved']], [['--resolved', '--replication', 'orders-back']]])(
  'is one entry of the configuration that ferry config %j prints',
  async (options) => {
    const config = join(mkdtempSync(join(tmpdir(), 'ferry-two-way-')), 'ferry.json');
    writeFileSync(config, JSON.stringify({ replications: [ORDERS] }));

    const { out } = await runHere(['config', '--config', config, ...options]);

    expect(parseConfig(JSON.parse(out)).replications).toEqual(all(ORDERS));
  },
);
