import { describe, expect, it } from 'vitest';
import { decodeItem } from '../../src/model/attribute-value.ts';
import { seriesInEpoch } from '../../src/model/guard.ts';
import {
  isKinesisRecord,
  kinesisSequenceNumber,
  translateKinesisRecord,
} from '../../src/model/kinesis-record.ts';
import { parseStreamRecord } from '../../src/model/stream-record.ts';
import {
  BASE_MICROS,
  KINESIS_ARN,
  KINESIS_SOURCE,
  kinesisData,
  kinesisEvent,
  kinesisNumber,
  kinesisRecord,
} from '../fixtures/kinesis-records.ts';
import { lambdaRecord } from '../fixtures/records.ts';

const LISTED = [KINESIS_SOURCE];
const recordOf = (raw: unknown) => {
  const translated = translateKinesisRecord(raw, LISTED);
  if (translated.kind !== 'record') throw new Error(JSON.stringify(translated));
  return translated.record;
};
const withData = (change: (data: Record<string, object>) => object) =>
  kinesisEvent(JSON.stringify(change(kinesisData(lambdaRecord()) as Record<string, object>)));

describe('a change of a Kinesis stream', () => {
  it('becomes a record of the table’s stream, whose number is the time in microseconds', () => {
    const change = lambdaRecord({ eventName: 'INSERT', attributes: { total: { N: '7' } } });

    const record = recordOf(kinesisRecord(change, { micros: BASE_MICROS + 123_456 }));

    expect(record).toMatchObject({
      eventName: 'INSERT',
      eventSource: 'aws:dynamodb',
      eventSourceARN: `${KINESIS_ARN}/table/Orders`,
      dynamodb: {
        Keys: { pk: { S: 'order-1' } },
        NewImage: { pk: { S: 'order-1' }, total: { N: '7' } },
        SequenceNumber: '1769860800123456',
        ApproximateCreationDateTime: 1_769_860_800.123456,
      },
    });
    expect(parseStreamRecord(record, 0, seriesInEpoch(2)).record).toMatchObject({
      version: `0002.0000000000000.${'1769860800123456'.padStart(40, '0')}`,
    });
  });

  // Taken from a stream of 2022, which does not name its precision.
  it('has its time in milliseconds where it does not say otherwise', () => {
    const data =
      '{"awsRegion":"ap-northeast-2","eventID":"6f773704-d244-414f-9590-5e9e9045409d","eventName":"INSERT","userIdentity":null,"recordFormat":"application/json","tableName":"Orders","dynamodb":{"ApproximateCreationDateTime":1649930048474,"Keys":{"Timestamp":{"S":"1649930048"},"RouteId":{"S":"222000076"}},"NewImage":{"Timestamp":{"S":"1649930048"},"RouteId":{"S":"222000076"}},"SizeBytes":120},"eventSource":"aws:dynamodb"}';

    expect(recordOf(kinesisEvent(data))).toMatchObject({
      dynamodb: {
        SequenceNumber: '1649930048474000',
        ApproximateCreationDateTime: 1_649_930_048.474,
      },
    });
  });

  it.each([
    ['milliseconds', 'MILLISECOND', '1769860800000000'],
    ['microseconds', 'MICROSECOND', '1769860800000999'],
  ])('tells by its own precision what its time is: %s', (_, precision, sequenceNumber) => {
    const raw = kinesisRecord(lambdaRecord(), { micros: BASE_MICROS + 999, precision });

    expect(recordOf(raw)).toMatchObject({ dynamodb: { SequenceNumber: sequenceNumber } });
  });

  it('keeps its user identity, and with it the reason of a delete', () => {
    const expiry = lambdaRecord({ eventName: 'REMOVE', expired: true });
    const parsed = parseStreamRecord(recordOf(kinesisRecord(expiry)), 0, seriesInEpoch(1));

    expect(parsed).toMatchObject({ kind: 'record', record: { expired: true } });
  });

  it('has bytes unwrapped once, in keys, images and sets, at every depth', () => {
    const bytes = { B: 'AP8=' };
    const attributes = {
      plain: bytes,
      empty: { B: '' },
      set: { BS: ['AQ==', 'AP8='] },
      list: { L: [bytes, { L: [{ M: { B: bytes, BS: { S: 'AQ==' } } }] }] },
      B: bytes,
      ['__proto__']: { M: { ['__proto__']: bytes } },
    };
    const keys = { pk: { B: '/w==' } };
    const change = lambdaRecord({ keys, attributes });
    const before = {
      ...change,
      dynamodb: { ...change.dynamodb, OldImage: { ...keys, ...attributes } },
    };

    const record = recordOf(kinesisRecord(before)) as typeof before;

    expect(record.dynamodb.Keys).toEqual(keys);
    expect(record.dynamodb.NewImage).toEqual({ ...keys, ...attributes });
    expect(record.dynamodb.OldImage).toEqual({ ...keys, ...attributes });
    expect(decodeItem(record.dynamodb.NewImage, 'image')['plain']?.B).toEqual(
      expect.objectContaining({ 0: 0, 1: 255, length: 2 }),
    );
  });

  it('is left as it was delivered', () => {
    const raw = kinesisRecord(lambdaRecord({ attributes: { b: { B: 'AP8=' } } }));
    const before = JSON.stringify(raw);

    recordOf(raw);

    expect(JSON.stringify(raw)).toBe(before);
  });
});

describe('a change of another table', () => {
  const other = kinesisRecord(lambdaRecord(), { tableName: 'Customers' });

  it('is foreign, where it comes through a stream that is listed', () => {
    expect(translateKinesisRecord(other, LISTED)).toEqual({ kind: 'foreign' });
  });

  it('is foreign even if nothing else of it makes sense', () => {
    const raw = withData((data) => ({ ...data, tableName: 'Customers', dynamodb: 7 }));

    expect(translateKinesisRecord(raw, LISTED)).toEqual({ kind: 'foreign' });
  });

  it('is translated where its table or its stream is listed in some other way', () => {
    const listedToo = [KINESIS_SOURCE, `${KINESIS_ARN}/table/Customers`];
    const elsewhere = kinesisRecord(lambdaRecord(), { streamArn: `${KINESIS_ARN}-2` });

    expect(translateKinesisRecord(other, listedToo)).toMatchObject({ kind: 'record' });
    expect(translateKinesisRecord(elsewhere, LISTED)).toMatchObject({
      kind: 'record',
      record: { eventSourceARN: `${KINESIS_ARN}-2/table/Orders` },
    });
    expect(translateKinesisRecord(other, [])).toMatchObject({ kind: 'record' });
  });
});

describe('data that make no sense', () => {
  const changed = (changes: object) =>
    withData((data) => ({ ...data, dynamodb: { ...data['dynamodb'], ...changes } }));
  const raw = kinesisRecord(lambdaRecord());

  it.each<[string, unknown, RegExp]>([
    ['no record', undefined, /the record must be an object/],
    ['no data', { ...raw, kinesis: 7 }, /kinesis must be an object/],
    ['text that is not base64', { ...raw, kinesis: { data: '{}' } }, /JSON/],
    ['text that is not JSON', kinesisEvent('not JSON'), /JSON/],
    ['JSON of another kind', kinesisEvent('[]'), /data must be an object/],
    ['no table', withData((data) => ({ ...data, tableName: undefined })), /tableName/],
    ['no stream', { ...raw, eventSourceARN: undefined }, /eventSourceARN/],
    ['no change', withData((data) => ({ ...data, dynamodb: undefined })), /dynamodb/],
    ['no time', changed({ ApproximateCreationDateTime: undefined }), /ApproximateCreationDateTime/],
    ['a time that is text', changed({ ApproximateCreationDateTime: String(BASE_MICROS) }), /Time/],
    ['a time that is an object', changed({ ApproximateCreationDateTime: { toString: 7 } }), /Time/],
    ['half a microsecond', changed({ ApproximateCreationDateTime: BASE_MICROS + 0.5 }), /Time/],
    [
      'milliseconds as microseconds',
      changed({ ApproximateCreationDateTime: 1_769_860_800_000 }),
      /Time/,
    ],
    [
      'microseconds as milliseconds',
      changed({ ApproximateCreationDateTimePrecision: 'MILLISECOND' }),
      /Time/,
    ],
    [
      'another precision',
      changed({ ApproximateCreationDateTimePrecision: 'NANOSECOND' }),
      /precision/,
    ],
    ['bytes in base64 once', changed({ NewImage: { pk: { S: 'x' }, b: { B: 'AP8=' } } }), /base64/],
    ['a set with something else', changed({ Keys: { pk: { BS: [7] } } }), /base64/],
  ])('is malformed: %s', (_, one, message) => {
    const translated = translateKinesisRecord(one, LISTED);

    expect(translated).toMatchObject({
      kind: 'malformed',
      reason: { class: 'malformed', name: 'MalformedRecord' },
    });
    expect(translated.kind === 'malformed' && translated.reason.message).toMatch(message);
  });
});

it('tells records of Kinesis from those of a table’s stream, and their numbers', () => {
  const raw = kinesisRecord(lambdaRecord(), { place: 3 });

  expect([raw, lambdaRecord(), undefined, null].map(isKinesisRecord)).toEqual([
    true,
    false,
    false,
    false,
  ]);
  expect(kinesisSequenceNumber(raw)).toBe(kinesisNumber(3));
  for (const none of [
    undefined,
    null,
    7,
    {},
    { kinesis: null },
    { kinesis: { sequenceNumber: 'x' } },
  ])
    expect(kinesisSequenceNumber(none)).toBeUndefined();
});
