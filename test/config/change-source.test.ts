import { describe, expect, it } from 'vitest';
import {
  arrivalRules,
  configuredSourceArn,
  kinesisSourceArn,
  kinesisSourceOf,
} from '../../src/config/change-source.ts';
import { KINESIS_ARN, KINESIS_SOURCE } from '../fixtures/kinesis-source.ts';
import { STREAM_ARN } from '../fixtures/records.ts';

const DAY_SECONDS = 86_400;
const SOURCE = { region: 'us-east-1', table: 'Orders', create: false };
const ofKinesis = (kinesisRetentionHours: number) =>
  arrivalRules({ ...SOURCE, kinesisStreamArn: KINESIS_ARN, kinesisRetentionHours });

describe('the source of changes', () => {
  it.each(['Orders', 'table', 'a.b-c_d'])('of Kinesis names stream and table: %s', (table) => {
    expect(kinesisSourceOf(kinesisSourceArn(KINESIS_ARN, table))).toEqual({
      kinesisStreamArn: KINESIS_ARN,
      table,
    });
  });

  it('is the stream of the table, unless a Kinesis stream is configured', () => {
    const kinesis = { ...SOURCE, kinesisStreamArn: KINESIS_ARN };

    expect(configuredSourceArn(SOURCE, STREAM_ARN)).toBe(STREAM_ARN);
    expect(configuredSourceArn(kinesis, STREAM_ARN)).toBe(KINESIS_SOURCE);
    expect([STREAM_ARN, KINESIS_ARN].map(kinesisSourceOf)).toEqual([undefined, undefined]);
  });
});

describe('tombstones live', () => {
  it('15 days for the stream of a table, whose changes arrive in order', () => {
    const expected = { arrival: 'in-order', tombstoneLifeSeconds: 15 * DAY_SECONDS };

    expect(arrivalRules(SOURCE)).toEqual(expected);
  });

  it.each([
    [24, 15],
    [168, 15],
    [336, 15],
    [337, 337 / 24 + 1],
    [8_760, 366],
  ])(
    'a day longer than a Kinesis stream keeps a change, 15 days at least: %i hours',
    (hours, days) => {
      expect(ofKinesis(hours)).toEqual({
        arrival: 'any-order',
        tombstoneLifeSeconds: days * DAY_SECONDS,
      });
    },
  );
});
