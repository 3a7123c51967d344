// A source whose changes come through a Kinesis stream: what the configuration refuses, and what follows from how long
// that stream keeps a record.

import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { expiringHours, retentionText } from '../../src/config/record-age.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { UsageError } from '../../src/errors.ts';

const STREAM = 'arn:aws:kinesis:us-east-1:111122223333:stream/order-changes';
const TABLE_STREAM =
  'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000';

interface Parts {
  readonly source?: object;
  readonly more?: object;
}

function parsed({ source, more }: Parts = {}): ReplicationConfig {
  const place = { region: 'us-east-1', table: 'Orders' };
  const kinesis = { kinesisStreamArn: STREAM, kinesisRetentionHours: 168 };
  const written = {
    name: 'orders',
    source: { ...place, ...kinesis, ...source },
    destination: { region: 'eu-west-1', table: 'Orders' },
    ...more,
  };
  // A file has nothing that is undefined.
  const file = JSON.stringify({ replications: [written] });
  const [replication] = parseConfig(JSON.parse(file)).replications;
  if (replication === undefined) throw new Error('The configuration has no replication.');
  return replication;
}

function problems(parts: Parts): string {
  try {
    parsed(parts);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error('The configuration was accepted.');
}

const maxAge = (maxRecordAgeSeconds: number) => ({
  more: { eventSource: { maxRecordAgeSeconds } },
});
const CHINA = {
  region: 'cn-north-1',
  kinesisStreamArn: STREAM.replace('aws:', 'aws-cn:').replace('us-east-1', 'cn-north-1'),
};
const china = (kinesisRetentionHours: number) => ({
  source: { ...CHINA, kinesisRetentionHours },
  more: { destination: { region: 'cn-northwest-1', table: 'Orders' } },
});

describe('a Kinesis stream as the source of changes', () => {
  it.each<[string, Parts, string]>([
    ['no retention', { source: { kinesisRetentionHours: undefined } }, 'kinesisRetentionHours is'],
    ['a retention below a day', { source: { kinesisRetentionHours: 23 } }, '24'],
    ['a retention above a year', { source: { kinesisRetentionHours: 8_761 } }, '8760'],
    [
      'a retention without the stream',
      { source: { kinesisStreamArn: undefined, streamArn: TABLE_STREAM } },
      '"kinesisStreamArn", which is missing',
    ],
    ['the stream of the table, too', { source: { streamArn: TABLE_STREAM } }, 'remove one of them'],
    [
      'a table to create',
      { source: { create: true, partitionKey: { name: 'pk', type: 'S' } } },
      '"create" must be false',
    ],
    ['a stream of another Region', { source: { region: 'us-west-2' } }, 'us-west-2'],
    ['a stream of another account', { source: { account: '444455556666' } }, '444455556666'],
    [
      'a key of another Region',
      { source: { kinesisKmsKeyArn: 'arn:aws:kms:us-west-2:111122223333:key/1-2' } },
      'kinesisKmsKeyArn',
    ],
    ['a consumer', { source: { kinesisStreamArn: `${STREAM}/consumer/a:1` } }, 'kinesisStreamArn'],
    ['no highest age, with less than -1', maxAge(-2), '-1'],
    ['an age between -1 and a minute', maxAge(0), '60 to 604800, or -1 for no limit, got 0'],
    ['an age above a week', maxAge(604_801), '604800'],
  ])('refuses %s', (_, parts, problem) => {
    expect(problems(parts)).toContain(problem);
  });

  it.each([-1, 82_801])('allows the age %i only with such a stream', (seconds) => {
    const source = {
      kinesisStreamArn: undefined,
      kinesisRetentionHours: undefined,
      streamArn: TABLE_STREAM,
    };

    expect(problems({ source, ...maxAge(seconds) })).toContain('must be 60 to 82800');
    expect(parsed(maxAge(seconds)).eventSource.maxRecordAgeSeconds).toBe(seconds);
  });

  it('cannot be switched, and combines with everything else', () => {
    const switching = {
      streamArn: TABLE_STREAM.replace('us-east-1', 'eu-west-1'),
    };
    const everything = {
      tombstones: 'strict',
      ttlDeletes: 'skip',
      unversionedItems: 'keep',
      deadLetters: 'projected',
      bulk: true,
      heartbeat: { key: { pk: 'ferry-heartbeat' } },
      projection: { attributes: { drop: ['secret'] } },
    };

    expect(problems({ more: { switching } })).toContain('switching must not be combined');
    expect(parsed({ more: everything })).toMatchObject(everything);
  });

  it.each([
    [24, 20 * 3_600],
    [168, 140 * 3_600],
    // More than Lambda can wait for, unless it waits without a limit.
    [240, -1],
    [8_760, -1],
  ])('of %i hours has records given up after %i s', (kinesisRetentionHours, seconds) => {
    const { eventSource } = parsed({ source: { kinesisRetentionHours } });

    expect(eventSource.maxRecordAgeSeconds).toBe(seconds);
  });

  it.each([
    [24, 12 * 3_600],
    [336, 604_800],
    [338, -1],
  ])('of %i hours leaves half of them for a redrive where Lambda stores nothing', (...row) => {
    expect(parsed(china(row[0])).eventSource.maxRecordAgeSeconds).toBe(row[1]);
  });

  it.each<[string, Parts, number]>([
    ['half of a day', { source: { kinesisRetentionHours: 24 } }, 12],
    ['half of a week', {}, 84],
    ['half of a year', { source: { kinesisRetentionHours: 8_760 } }, 4_380],
    ['half of the time until Lambda gives it up', china(168), 42],
    ['half of what the stream keeps, if Lambda never gives it up', china(2_400), 1_200],
  ])('alarms after %s', (_, parts, hours) => {
    expect(expiringHours(parsed(parts))).toBe(hours);
  });

  it.each([
    [undefined, '24 hours'],
    [36, '36 hours'],
    [168, '7 days'],
    [169, '169 hours'],
    [8_760, '365 days'],
  ])('says how long it keeps a record: %s is %s', (kinesisRetentionHours, text) => {
    expect(retentionText({ kinesisRetentionHours })).toBe(text);
  });
});
