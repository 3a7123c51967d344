// What is wrong about a source that sends its changes to a Kinesis stream, and the exact command that corrects it.

import { describe, expect, it } from 'vitest';
import type { KinesisFacts } from '../../src/model/kinesis-facts.ts';
import type { TableFacts } from '../../src/model/table-facts.ts';
import { type Pair, preflight } from '../../src/status/preflight.ts';

const ARN = 'arn:aws:kinesis:us-east-1:111122223333:stream/order-changes';
const KEY = 'arn:aws:kms:us-east-1:111122223333:key/1111';

const facts = (region: string): TableFacts => ({
  region,
  table: 'Orders',
  arn: `arn of ${region}`,
  replicaRegions: [],
  status: 'ACTIVE',
  keys: [{ name: 'pk', type: 'S' }],
  // Neither is read.
  stream: undefined,
  indexes: [],
  billing: 'on-demand',
  items: 0,
  sizeBytes: 0,
});

function look(kinesis: Partial<KinesisFacts>, pair: Partial<Pair> = {}) {
  return preflight({
    source: facts('us-east-1'),
    destination: facts('eu-west-1'),
    sample: [],
    reservedAttribute: '_ferry',
    nowMs: 0,
    configuredRetentionHours: 168,
    kinesis: {
      streamArn: ARN,
      status: 'ACTIVE',
      precision: 'MICROSECOND',
      otherStreamArn: undefined,
      retentionHours: 168,
      keyId: undefined,
      ...kinesis,
    },
    ...pair,
  });
}

const STREAMING = `aws dynamodb VERB-kinesis-streaming-destination --region us-east-1 --table-name Orders --stream-arn ${ARN} --VERB-kinesis-streaming-configuration ApproximateCreationDateTimePrecision=MICROSECOND`;

describe('a Kinesis stream that carries the changes', () => {
  it('fits without a stream of the table', () => {
    expect(look({})).toEqual([]);
    expect(look({ status: 'UPDATING' })).toEqual([]);
  });

  it('fits a projection that needs old images, which its records have', () => {
    const source = {
      ...facts('us-east-1'),
      stream: { arn: `${ARN}/another`, viewType: 'KEYS_ONLY' },
    };
    const projection = { keepItems: { attribute: 'hidden', exists: false } };

    expect(look({}, { source, projection, configuredStreamArn: undefined })).toEqual([]);
  });

  it.each<[string, Partial<KinesisFacts>, string, string, string]>([
    [
      'that the table has never used',
      { status: undefined },
      'kinesis',
      'us-east-1/Orders does not send its changes to',
      STREAMING.replaceAll('VERB', 'enable'),
    ],
    [
      'that was disabled',
      { status: 'DISABLED' },
      'kinesis',
      'the status is DISABLED',
      STREAMING.replaceAll('VERB', 'enable'),
    ],
    [
      'that could not be enabled',
      { status: 'ENABLE_FAILED' },
      'kinesis',
      'the status is ENABLE_FAILED',
      STREAMING.replaceAll('VERB', 'enable'),
    ],
    ['that is being enabled', { status: 'ENABLING' }, 'kinesis', 'ENABLING', 'Wait until'],
    [
      'beside another one that the table uses',
      { status: 'DISABLED', otherStreamArn: `${ARN}-2` },
      'kinesis',
      `sends its changes to ${ARN}-2, and not to ${ARN}`,
      'Correct "kinesisStreamArn"',
    ],
    [
      'that is not there',
      { status: undefined, retentionHours: undefined },
      'kinesis',
      `There is no Kinesis stream ${ARN}`,
      'create the stream',
    ],
    [
      'with milliseconds',
      { precision: 'MILLISECOND' },
      'kinesis-precision',
      'times in milliseconds',
      STREAMING.replaceAll('VERB', 'update'),
    ],
    [
      'whose precision is not told, which means milliseconds',
      { precision: undefined },
      'kinesis-precision',
      'times in milliseconds',
      STREAMING.replaceAll('VERB', 'update'),
    ],
    [
      'that keeps records for longer than deletes are remembered',
      { retentionHours: 169 },
      'kinesis-retention',
      'keeps a record for 169 hours, and "kinesisRetentionHours" is 168',
      `aws kinesis decrease-stream-retention-period --region us-east-1 --stream-arn ${ARN} --retention-period-hours 168`,
    ],
  ])('is refused: one %s', (_, kinesis, subject, says, advice) => {
    const found = look(kinesis);

    expect(found).toMatchObject([{ severity: 'error', subject }]);
    expect(found[0]?.says).toContain(says);
    expect(found[0]?.advice).toContain(advice);
  });

  it('that keeps records for less than configured loses them earlier than the alarms say', () => {
    const [found, ...rest] = look({ retentionHours: 24 });

    expect(found).toMatchObject({ severity: 'warning', subject: 'kinesis-retention' });
    expect(found?.advice).toContain(
      `aws kinesis increase-stream-retention-period --region us-east-1 --stream-arn ${ARN} --retention-period-hours 168`,
    );
    expect(rest).toEqual([]);
  });

  it.each([
    ['the key of AWS', 'alias/aws/kinesis', undefined, []],
    ['its alias, as an ARN', KEY.replace('key/1111', 'alias/aws/kinesis'), undefined, []],
    ['a key that is not configured', KEY, undefined, ['note kinesis-key']],
    ['the key that is configured', KEY, KEY, []],
    ['an alias, whose key is not known here', 'alias/orders', KEY, []],
    ['another key than configured', KEY, `${KEY}2`, ['error kinesis-key']],
  ])('is encrypted with %s', (_, keyId, configuredKinesisKey, expected) => {
    const found = look({ keyId }, { configuredKinesisKey });

    expect(found.map(({ severity, subject }) => `${severity} ${subject}`)).toEqual(expected);
  });
});

describe('a Kinesis stream beside the one that is read', () => {
  it('is named with what to set, and chosen by nothing', () => {
    const [found, ...more] = look(
      {},
      { kinesis: undefined, unreadKinesis: { streamArn: ARN } },
    ).filter(({ subject }) => subject.startsWith('kinesis'));
    expect(more).toEqual([]);
    expect(found).toMatchObject({ severity: 'note', subject: 'kinesis-unread' });
    expect(found?.says).toContain(ARN);
    for (const setting of ['source.kinesisStreamArn', 'source.kinesisRetentionHours', '24 hours'])
      expect(found?.advice).toContain(setting);
  });

  it('may be there where that could not be read', () => {
    const found = look({}, { kinesis: undefined, unreadKinesis: { why: 'it was denied' } });
    expect(found.find(({ subject }) => subject === 'kinesis-unread')?.says).toContain(
      'is not known: it was denied.',
    );
  });
});
