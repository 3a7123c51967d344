// The one variable of a function: what is written is read, and what cannot be read is named.

import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import {
  functionVariables,
  readDeployment,
  shortVariables,
} from '../../src/config/function-variable.ts';
import { handlerSettings } from '../../src/config/handler-settings.ts';
import type { Deployment, ReplicationConfig } from '../../src/config/schema.ts';
import { FerryError } from '../../src/errors.ts';

const STREAM_ARN =
  'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000';
const KEY = 'arn:aws:kms:us-east-1:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111';

function replication(parts: object = {}): ReplicationConfig {
  const [first] = parseConfig({
    replications: [
      {
        name: 'orders',
        source: { region: 'us-east-1', table: 'Orders', streamArn: STREAM_ARN },
        destination: { region: 'eu-west-1', table: 'Orders' },
        ...parts,
      },
    ],
  }).replications;
  if (first === undefined) throw new Error('no replication');
  return first;
}

const PLACES = {
  streamArn: STREAM_ARN,
  deadLetterQueueUrl: 'https://queue',
  onFailureBucket: 'bucket',
  lookAgainQueueUrl: 'https://look-again',
};
const deployment = (parts: object = {}): Deployment => ({
  replication: replication(parts),
  ...PLACES,
});

const DIGEST = 'ab'.repeat(32);
const PROJECTION = {
  keepItems: { not: { attribute: 'tenant', in: [{ S: 'eu' }, { N: '7' }] } },
  attributes: { drop: ['profile.email'], rename: { a: 'b' }, set: { region: { S: 'eu' } } },
};
/** Of a replication with this projection. */
const projecting = (projection: object): Deployment => ({
  ...deployment({ projection, deadLetters: 'projected' }),
  projectionDigest: DIGEST,
});

/** The refusal of a variable that holds this. */
function refusalOf(value: unknown): FerryError {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  try {
    readDeployment({ FERRY_REPLICATION: text }, 'ferry-orders-replicate');
  } catch (error) {
    if (error instanceof FerryError) return error;
    throw error;
  }
  throw new Error('accepted');
}

/** The variable as it is written, with something else in it. */
const written = (changes: object) => ({ format: 1, ...deployment(), ...changes });

describe('the variable of a function', () => {
  it.each([
    ['every default', {}],
    [
      'every setting',
      {
        source: {
          region: 'us-east-1',
          table: 'Orders',
          streamArn: STREAM_ARN,
          endpoint: 'http://127.0.0.1:1',
          endpoints: { lambda: 'http://127.0.0.1:2' },
        },
        timestampAttribute: 'at',
        heartbeat: { key: { pk: 'beat', sk: -1.5 } },
        bulk: true,
        encryption: { kmsKeyArn: KEY, stateTable: 'none' },
        alarms: { email: 'oncall@example.com' },
        destination: { region: 'us-east-1', table: 'OrdersTwin' },
      },
    ],
    [
      'tables that the app creates',
      {
        source: {
          region: 'us-east-1',
          table: 'Orders',
          create: true,
          partitionKey: { name: 'pk', type: 'S' },
        },
      },
    ],
  ])('carries %s there and back', (_, parts) => {
    const whole = deployment(parts);

    expect(Object.keys(functionVariables(whole))).toEqual(['FERRY_REPLICATION']);
    expect(readDeployment(functionVariables(whole))).toEqual(whole);
  });

  it('carries every setting explicitly, so that another release reads the same', () => {
    const { replication: read } = JSON.parse(
      functionVariables(deployment())['FERRY_REPLICATION'] ?? '',
    ) as Deployment;

    expect(read).toEqual(replication());
    expect(read.eventSource.maxRecordAgeSeconds).toBe(72_000);
  });

  it('is JSON, also where parts of it are known at deployment only', () => {
    const token = '${Token[TOKEN.123]}';
    const [text = ''] = Object.values(
      functionVariables({ ...deployment(), deadLetterQueueUrl: token }),
    );

    // CloudFormation puts the value in as it is.
    const resolved = text.replace(token, 'https://sqs.us-east-1.amazonaws.com/1/q?a=b&c');
    expect(readDeployment({ FERRY_REPLICATION: resolved }).deadLetterQueueUrl).toBe(
      'https://sqs.us-east-1.amazonaws.com/1/q?a=b&c',
    );
  });

  it('is shorter without what neither functions nor commands use, and without defaults', () => {
    const whole = deployment({
      tombstones: 'strict',
      ttlDeletes: 'skip',
      heartbeat: { key: { pk: 'beat' } },
      encryption: { kmsKeyArn: KEY, destinationKmsKeyArn: KEY.replace('us-east', 'eu-west') },
      alarms: { email: 'oncall@example.com', latencySeconds: 7 },
      eventSource: { batchSize: 10 },
      function: { concurrency: 7 },
    });
    const short = shortVariables(whole);
    const { replication: read, ...places } = readDeployment(short);

    expect(JSON.stringify(short).length).toBeLessThan(
      JSON.stringify(functionVariables(whole)).length / 2,
    );
    expect(handlerSettings(read, places)).toEqual(handlerSettings(whole.replication, PLACES));
    expect(read.heartbeat).toEqual(whole.replication.heartbeat);
    expect(read.source.streamArn).toBe(STREAM_ARN);
    // What commands read of it.
    expect(read.eventSource).toEqual(whole.replication.eventSource);
    expect(read.alarms.latencySeconds).toBe(7);
  });
});

describe('the variable of a function with a projection', () => {
  it.each([
    ['as it is', functionVariables],
    ['where it is short', shortVariables],
  ])('has its rules and its digest, %s', (_, variables) => {
    const whole = projecting(PROJECTION);
    const { replication: read, projectionDigest } = readDeployment(variables(whole));

    expect(read.projection).toEqual(PROJECTION);
    expect(read.deadLetters).toBe('projected');
    expect(read.eventSource).toEqual(whole.replication.eventSource);
    expect(projectionDigest).toBe(DIGEST);
  });

  it.each([
    ['as it is', functionVariables],
    ['where it is short', shortVariables],
  ])('has only the name of its module’s file, %s', (_, variables) => {
    const module = '/home/deployer/projections/orders.mjs';
    const written = variables(projecting({ module }));

    expect(JSON.stringify(written)).not.toContain('deployer');
    expect(readDeployment(written).replication.projection).toEqual({ module: 'orders.mjs' });
  });

  it.each([
    ['a projection without one', { ...projecting(PROJECTION), projectionDigest: undefined }],
    ['one without a projection', { ...deployment(), projectionDigest: DIGEST }],
  ])('has a digest exactly if there is a projection: %s is refused', (_, wrong) => {
    expect(() => readDeployment(functionVariables(wrong))).toThrow(
      'projectionDigest must be there exactly if there is a projection, got ',
    );
  });
});

describe('a variable that cannot be used', () => {
  it('is refused with every problem of its settings, at once', () => {
    const { lookAgainQueueUrl: _, ...rest } = written({});
    const { message, code, hint } = refusalOf({
      ...rest,
      queue: 'https://queue',
      onFailureBucket: '',
      replication: { ...replication(), ttlDeletes: 'maybe', stateTabel: 'state' },
    });

    expect(message.split('\n')).toEqual([
      'FERRY_REPLICATION of ferry-orders-replicate has 4 problems:',
      expect.stringContaining(
        '  replication.ttlDeletes must be one of replicate, skip, got "maybe"',
      ),
      expect.stringContaining(
        '  replication: "stateTabel" is not a setting (did you mean "stateTable"?)',
      ),
      expect.stringContaining('  onFailureBucket must NOT have fewer than 1 characters, got ""'),
      expect.stringContaining('  the variable: "queue" is not a setting'),
    ]);
    expect(code).toBe('deployment.invalid');
    expect(hint).toContain('Deploy the function again');
  });

  it.each([
    [
      'the version in the heartbeat’s key',
      { ...replication({ heartbeat: { key: { pk: 'beat' } } }), reservedAttribute: 'pk' },
      'replication.heartbeat.key.pk must not be the reservedAttribute',
    ],
    [
      'a name that every object has',
      { ...replication(), reservedAttribute: 'constructor' },
      'replication.reservedAttribute must not be a name that every JavaScript object has, got "constructor"',
    ],
    [
      'a stream of another table',
      { ...replication(), source: { ...replication().source, table: 'Carts' } },
      'replication.source.streamArn must be a stream of Carts, got one of Orders',
    ],
    [
      'the source as its destination',
      { ...replication(), destination: { region: 'us-east-1', table: 'Orders', create: false } },
      'replication "orders" must not lead back to its source, got a way from us-east-1/Orders to itself',
    ],
  ])('is refused by the rules of a configuration, too: %s', (_, wrong, message) => {
    expect(refusalOf(written({ replication: wrong })).message).toContain(`\n  ${message}`);
  });

  it('is refused with checked tombstones, but without a queue to announce deletes to', () => {
    const { lookAgainQueueUrl: _, ...places } = PLACES;
    const strict = { replication: replication({ tombstones: 'strict' }), ...places };

    expect(refusalOf({ format: 1, replication: replication(), ...places }).message).toContain(
      'lookAgainQueueUrl is required with "checked" tombstones, and is missing',
    );
    expect(readDeployment(functionVariables(strict)).replication.tombstones).toBe('strict');
  });

  it.each([
    ['nothing', {}, 'it must hold the replication as JSON, and is missing'],
    [
      'a name',
      { FERRY_REPLICATION: 'orders' },
      'it must hold the replication as JSON, and is not JSON',
    ],
    ['null', { FERRY_REPLICATION: 'null' }, 'must be object, got null'],
    ['no format', { FERRY_REPLICATION: '{}' }, '"format" is required, and is missing'],
    ['an older format', { FERRY_REPLICATION: '{"format":0}' }, 'format must be one of 1, got 0'],
  ])('is refused where it holds %s', (_, environment, message) => {
    expect(() => readDeployment(environment)).toThrow(
      /^FERRY_REPLICATION of this function has \d problems?:\n/,
    );
    expect(() => readDeployment(environment)).toThrow(message);
  });

  it('is refused where a newer release wrote it, whatever else it holds', () => {
    expect(refusalOf({ format: 2, replications: [] })).toMatchObject({
      code: 'deployment.newer',
      message:
        'FERRY_REPLICATION of ferry-orders-replicate has format 2. This release reads format 1.',
      hint: 'Use the release that deployed the function, or a newer one.',
    });
  });

  it.each([
    ['a replicate function', { FERRY_REPLICATION: 'orders', FERRY_SOURCE_REGION: 'us-east-1' }],
    ['a bulk function', { FERRY_BULK_REPLICATION: '{"name":"orders"}' }],
  ])('is missed in %s of release 0.2.0, which has other variables', (_, environment) => {
    expect(() => readDeployment(environment, 'ferry-orders-replicate')).toThrow(
      'The environment of ferry-orders-replicate has a variable for each setting, as release 0.2.0 deployed it. This release reads FERRY_REPLICATION.',
    );
  });
});

describe('the settings of the hot path', () => {
  it('are those of the configuration and of the deployment', () => {
    expect(handlerSettings(replication(), PLACES)).toMatchObject({
      replication: 'orders',
      sourceRegion: 'us-east-1',
      destinationRegion: 'eu-west-1',
      destinationTable: 'Orders',
      stateTable: 'ferry-orders-state',
      ...PLACES,
    });
  });

  it.each([
    ['checked', 60, 125],
    ['checked', 835, 900],
    // Nothing is delayed, but the setting must be one that SQS takes.
    ['strict', 900, 900],
  ])('have, with "%s" tombstones and a timeout of %i s, a delay of %i s', (...parts) => {
    const [tombstones, timeoutSeconds, lookAgainSeconds] = parts;
    const configured = replication({ tombstones, function: { timeoutSeconds } });

    expect(handlerSettings(configured, PLACES)).toMatchObject({ tombstones, lookAgainSeconds });
  });

  it.each([
    [800, 512, 512],
    [10, 512, 10],
  ])('write %i items at once in %i MiB at most as %i', (concurrency, memoryMiB, expected) => {
    const configured = replication({ function: { concurrency, memoryMiB } });

    expect(handlerSettings(configured, PLACES).concurrency).toBe(expected);
  });
});

describe('the variable of a function that reads a Kinesis stream', () => {
  const kinesisStreamArn = 'arn:aws:kinesis:us-east-1:111122223333:stream/order-changes';
  const source = {
    region: 'us-east-1',
    table: 'Orders',
    kinesisStreamArn,
    kinesisRetentionHours: 720,
  };

  it.each([
    ['as it is', functionVariables],
    ['where it is short', shortVariables],
  ])('has the stream, and how long it keeps a record, %s', (_, variables) => {
    const places = { ...PLACES, streamArn: kinesisStreamArn };
    const whole = { replication: replication({ source }), ...places };
    const { replication: read, ...readPlaces } = readDeployment(variables(whole));

    expect(read.source).toMatchObject(source);
    expect(read.source.streamArn).toBeUndefined();
    expect(read.eventSource).toEqual(whole.replication.eventSource);
    expect(handlerSettings(read, readPlaces)).toEqual(handlerSettings(whole.replication, places));
    expect(handlerSettings(read, readPlaces).streamArn).toBe(`${kinesisStreamArn}/table/Orders`);
  });
});
