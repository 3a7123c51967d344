// What a replication that can be switched may be combined with, and its other direction.

import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { otherDirection, outward } from '../../src/config/directions.ts';
import { functionVariables, readDeployment } from '../../src/config/function-variable.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';

const STREAMS = {
  us: 'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000',
  eu: 'arn:aws:dynamodb:eu-west-1:111122223333:table/OrdersTwin/stream/2026-01-31T13:00:00.000',
};
const KEYS = {
  us: 'arn:aws:kms:us-east-1:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111',
  eu: 'arn:aws:kms:eu-west-1:111122223333:key/22222222-aaaa-4aaa-8aaa-111111111111',
};
const ORDERS = {
  name: 'orders',
  source: { region: 'us-east-1', table: 'Orders', streamArn: STREAMS.us },
  destination: { region: 'eu-west-1', table: 'OrdersTwin' },
  switching: { streamArn: STREAMS.eu },
};

function parsed(change: object = {}, others: readonly object[] = []): ReplicationConfig {
  const [first] = parseConfig({ replications: [{ ...ORDERS, ...change }, ...others] }).replications;
  if (first === undefined) throw new Error('no replication');
  return first;
}

describe('a replication that can be switched', () => {
  it('has its defaults', () => {
    expect(parsed({ switching: { streamArn: STREAMS.eu } }).switching).toEqual({
      fence: 'policy',
      layer: 1,
      markers: true,
      operatorRoles: [],
      streamArn: STREAMS.eu,
      stateTable: 'ferry-orders-back-state',
    });
  });

  const module = { module: './p.mjs' };
  const secret = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:ferry/china-AbCdEf';
  const china = { region: 'cn-north-1', table: 'OrdersTwin', credentials: { secret } };
  it.each<[string, object, RegExp]>([
    ['a projection of rules', { projection: { attributes: { drop: ['a'] } } }, /"projection"/],
    ['a module', { projection: module }, /"projection": a twin that is not the whole source/],
    ['kept items', { unversionedItems: 'keep' }, /"unversionedItems": "keep"/],
    ['skipped expiries', { ttlDeletes: 'skip' }, /"ttlDeletes": "skip"/],
    ['two partitions', { destination: china }, /needs both tables in one partition/],
    [
      'one Region',
      { destination: { region: 'us-east-1', table: 'OrdersTwin' } },
      /needs two Regions, got us-east-1 for both/,
    ],
    ['a name without room', { name: 'orders-of-all-the-customers' }, /a name of at most 25 char/],
    ['a name of a way back', { name: 'orders-back' }, /name must not end in -back/],
    ['no stream of the twin', { switching: {} }, /switching\.streamArn is required/],
    ['a stream of another table', { switching: { streamArn: STREAMS.us } }, /stream of OrdersTwin/],
    [
      'a stream of a twin that is to be made',
      {
        source: { region: 'us-east-1', table: 'Orders', create: true, ...keysOf('pk') },
        destination: { region: 'eu-west-1', table: 'OrdersTwin', create: true, ...keysOf('pk') },
      },
      /"streamArn" names the stream of an existing destination/,
    ],
    [
      'a key for one resource',
      { encryption: { onFailureBucket: KEYS.us } },
      /got encryption\.onFailureBucket/,
    ],
    [
      'the state table of another use',
      { switching: { streamArn: STREAMS.eu, stateTable: 'Orders' } },
      /switching\.stateTable must be a table that nothing else uses/,
    ],
    [
      'a tally beside one of its tables',
      { switching: { streamArn: STREAMS.eu, tally: { region: 'eu-west-1', table: 'tally' } } },
      /switching\.tally\.region must be a third Region, got eu-west-1/,
    ],
    [
      'a tally and two accounts',
      {
        source: { ...ORDERS.source, account: '111122223333' },
        destination: { ...ORDERS.destination, account: '444455556666' },
        switching: {
          streamArn: STREAMS.eu.replace('111122223333', '444455556666'),
          tally: { region: 'us-west-2', table: 'tally' },
        },
      },
      /switching\.tally needs both tables in one account/,
    ],
  ])('is refused with %s', (_, change, problem) => {
    expect(() => parsed(change)).toThrow(problem);
  });

  it.each([
    ['source', { region: 'us-east-1', table: 'Orders', streamArn: STREAMS.us }, 'Elsewhere'],
    ['destination', { region: 'eu-west-1', table: 'OrdersTwin', streamArn: STREAMS.eu }, 'Third'],
  ])('shares its %s with no other replication', (_, source, table) => {
    const other = { name: 'second', source, destination: { region: 'ap-south-1', table } };

    expect(() => parsed({}, [other])).toThrow(/needs tables that no other replication uses/);
  });

  it('leaves names that end in -back to ways back, also without "switching"', () => {
    const { switching: _, ...plain } = ORDERS;
    const replications = [{ ...plain, name: 'orders-back' }];

    expect(() => parseConfig({ replications })).toThrow(/must not end in -back/);
  });
});

describe('the other direction', () => {
  const encryption = { kmsKeyArn: KEYS.us, destinationKmsKeyArn: KEYS.eu };
  const endpoints = { sqs: 'http://127.0.0.1:4566' };
  const source = { ...ORDERS.source, endpoints };
  const out = parsed({ source, encryption, stateTable: 'own-state' });
  const back = otherDirection(out);

  it('exchanges the sides, their streams, state tables and keys', () => {
    expect(back).toMatchObject({
      name: 'orders-back',
      source: { region: 'eu-west-1', table: 'OrdersTwin', streamArn: STREAMS.eu },
      destination: { region: 'us-east-1', table: 'Orders' },
      stateTable: 'ferry-orders-back-state',
      switching: { stateTable: 'own-state', streamArn: STREAMS.us, endpoints },
      encryption: { kmsKeyArn: KEYS.eu, destinationKmsKeyArn: KEYS.us },
    });
    expect(back.source).not.toHaveProperty('endpoints');
    expect(back.destination).not.toHaveProperty('streamArn');
  });

  it('has this one as its own other direction', () => {
    expect(otherDirection(back)).toEqual(out);
    expect(outward(back)).toEqual(out);
    expect(outward(out)).toBe(out);
  });

  it('uses the replica of a multi-Region key', () => {
    const key = 'arn:aws:kms:us-east-1:111122223333:key/mrk-0123456789abcdef0123456789abcdef';

    expect(otherDirection(parsed({ encryption: { kmsKeyArn: key } })).encryption).toEqual({
      kmsKeyArn: key.replace('us-east-1', 'eu-west-1'),
      destinationKmsKeyArn: key,
    });
  });

  it('goes through the variable of its function as it is', () => {
    const deployment = {
      replication: back,
      streamArn: STREAMS.eu,
      deadLetterQueueUrl: 'https://sqs.eu-west-1.amazonaws.com/111122223333/letters',
      onFailureBucket: 'bucket',
      lookAgainQueueUrl: 'https://sqs.eu-west-1.amazonaws.com/111122223333/again',
    };

    expect(readDeployment(functionVariables(deployment)).replication).toEqual(back);
  });

  it('is not there without "switching"', () => {
    const { switching: _, ...plain } = out;

    expect(() => otherDirection(plain)).toThrow('the replication orders has no other direction');
  });
});

function keysOf(name: string) {
  return { partitionKey: { name, type: 'S' } };
}

it('cannot be in a fleet whose topic has a key, which is in one Region', () => {
  const fleet = { kmsKeyArn: KEYS.us };

  expect(() => parseConfig({ fleet, replications: [ORDERS] })).toThrow(
    'fleet.kmsKeyArn cannot be combined with replications.0.switching',
  );
});
