import { describe, expect, it } from 'vitest';
import { seriesInEpoch } from '../../src/model/guard.ts';
import { parseStreamRecord } from '../../src/model/stream-record.ts';
import { expectRecord, lambdaRecord, streamRecord } from '../fixtures/records.ts';

const SERIES = seriesInEpoch(1);

describe('parseStreamRecord', () => {
  it('reads an insert with its key, image, time and version', () => {
    const record = streamRecord(
      { eventName: 'INSERT', sequenceNumber: '7', attributes: { total: { N: '1.50' } } },
      3,
    );

    expect(record).toMatchObject({
      position: 3,
      eventName: 'INSERT',
      sequenceNumber: '7',
      version: `0001.1769860800000.${'7'.padStart(40, '0')}`,
      key: { pk: { S: 'order-1' } },
      newImage: { pk: { S: 'order-1' }, total: { N: '1.50' } },
      createdAtSeconds: 1_769_860_800,
    });
  });

  it('tells a delete by TTL from a delete by the application', () => {
    expect(streamRecord({ eventName: 'REMOVE' })).toMatchObject({ expired: false });
    expect(streamRecord({ eventName: 'REMOVE', expired: true })).toMatchObject({ expired: true });
  });

  it.each([
    ['hash', { id: { S: 'a' } }],
    ['hash of numbers', { id: { N: '-1.5' } }],
    ['hash of bytes', { id: { B: 'AP8=' } }],
    ['hash and range', { id: { S: 'a' }, at: { N: '5' } }],
    ['hash and range of bytes', { id: { B: 'AQ==' }, at: { B: 'Ag==' } }],
  ])('reads keys of %s', (_, keys) => {
    const record = streamRecord({ keys });

    expect(Object.keys(record.key)).toEqual(Object.keys(keys));
  });

  it('takes a record without a creation time, which then has no latency', () => {
    const raw = lambdaRecord();
    delete raw.dynamodb?.ApproximateCreationDateTime;

    expect(expectRecord(parseStreamRecord(raw, 0, SERIES)).createdAtSeconds).toBeUndefined();
  });

  it('takes a delete of a KEYS_ONLY stream, which needs no image', () => {
    expect(streamRecord({ eventName: 'REMOVE' }).eventName).toBe('REMOVE');
  });

  const change = (part: object) => ({
    ...lambdaRecord(),
    dynamodb: { ...lambdaRecord().dynamodb, ...part },
  });
  it.each([
    ['nothing', undefined, 'MalformedRecord', 'the record must be an object, got nothing'],
    [
      'a record without a change',
      { eventName: 'INSERT' },
      'MalformedRecord',
      'dynamodb must be an object',
    ],
    [
      'an unknown event name',
      lambdaRecord({ eventName: 'UPSERT' }),
      'UnknownEventName',
      'got "UPSERT"',
    ],
    [
      'a KEYS_ONLY view',
      change({ NewImage: undefined, StreamViewType: 'KEYS_ONLY' }),
      'NewImageMissing',
      '"KEYS_ONLY" and must be NEW_IMAGE',
    ],
    [
      'an image without its key',
      change({ NewImage: { total: { N: '1' } } }),
      'KeysNotInImage',
      'does not carry the key',
    ],
    [
      'an image with another key',
      change({ NewImage: { pk: { S: 'other' } } }),
      'KeysNotInImage',
      'does not carry the key',
    ],
    [
      'an image with a key of another type',
      change({ NewImage: { pk: { B: 'b3JkZXItMQ==' } } }),
      'KeysNotInImage',
      'does not carry the key',
    ],
    ['no keys', change({ Keys: {} }), 'MalformedRecord', 'one or two attributes'],
    [
      'three keys',
      change({ Keys: { a: { S: '' }, b: { S: '' }, c: { S: '' } } }),
      'MalformedRecord',
      'one or two attributes',
    ],
    [
      'a key of a type that keys cannot have',
      change({ Keys: { pk: { BOOL: true } } }),
      'MalformedRecord',
      'of type S, N or B',
    ],
    [
      'a sequence number that is a number',
      change({ SequenceNumber: 7 }),
      'MalformedRecord',
      'SequenceNumber must be 1 to 40 digits, got 7',
    ],
    [
      'a sequence number of 41 digits',
      change({ SequenceNumber: '1'.repeat(41) }),
      'MalformedRecord',
      '1 to 40 digits',
    ],
    [
      'an ARN without a stream label',
      lambdaRecord({ streamArn: 'arn:aws:dynamodb:us-east-1:1:table/T' }),
      'MalformedRecord',
      'must end in a stream label',
    ],
    [
      'a time that is no number',
      change({ ApproximateCreationDateTime: 'today' }),
      'MalformedRecord',
      'must be epoch seconds, got "today"',
    ],
    [
      'a value that DynamoDB does not know',
      change({ NewImage: { pk: { S: 'order-1' }, x: { Z: 1 } } }),
      'MalformedValue',
      'NewImage.x is not a value of type Z',
    ],
  ])('answers %s with a named reason', (_, raw, name, message) => {
    const parsed = parseStreamRecord(raw, 2, SERIES);

    expect(parsed).toMatchObject({ kind: 'malformed', record: { position: 2, reason: { name } } });
    expect(parsed.kind === 'malformed' && parsed.record.reason.message).toContain(message);
  });

  it('keeps what identity a malformed record has, so that it can be put aside in order', () => {
    const parsed = parseStreamRecord(
      lambdaRecord({ eventName: 'UPSERT', sequenceNumber: '9' }),
      0,
      SERIES,
    );

    expect(parsed.record).toMatchObject({
      sequenceNumber: '9',
      key: { pk: { S: 'order-1' } },
      version: expect.stringMatching(/9$/),
    });
  });

  it('never shows an item in a reason', () => {
    const parsed = parseStreamRecord(
      change({ NewImage: { pk: { S: 'order-1' }, card: { X: 'secret-4711' } } }),
      0,
      SERIES,
    );

    expect(JSON.stringify(parsed.kind === 'malformed' && parsed.record.reason)).not.toContain(
      'secret-4711',
    );
  });
});
