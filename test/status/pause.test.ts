// The clock of a pause: what an operator is told must not be later than what AWS does.

import { expect, it } from 'vitest';
import { CREATED, replicationOf } from '../lib/stack-templates.ts';
import { horizonOf, pauseFrom, utcTime } from '../../src/status/pause.ts';

const NOON = Date.UTC(2026, 0, 31, 12);
const HOUR = 3_600_000;
const stream = replicationOf(CREATED);
const withAge = (maxRecordAgeSeconds: number) => {
  return { ...stream.eventSource, maxRecordAgeSeconds };
};
/** Of a Kinesis stream that keeps records for 10 days. */
const kinesis = { ...stream.source, kinesisRetentionHours: 240 };

it('counts the 24 hours from the oldest change, not from the pause', () => {
  const paused = pauseFrom(NOON, 2 * HOUR);

  expect(paused).toEqual({ sinceMs: NOON, oldestMs: NOON - 2 * HOUR });
  expect(horizonOf(paused, stream)).toEqual({
    givenUpAfterMs: NOON + 18 * HOUR,
    lostAfterMs: NOON + 22 * HOUR,
  });
});

it('takes a minute off a twin that is up to date, because CloudWatch knows no more', () => {
  expect(pauseFrom(NOON, 0).oldestMs).toBe(NOON - 60_000);
});

it('never names a time for the bucket after the one of the loss', () => {
  const { givenUpAfterMs, lostAfterMs } = horizonOf(
    { oldestMs: NOON },
    { ...stream, eventSource: withAge(604_800) },
  );

  expect(givenUpAfterMs).toBe(lostAfterMs);
});

it('counts for as long as the Kinesis stream keeps a record', () => {
  const oldest = { oldestMs: NOON };
  const aged = { source: kinesis, eventSource: withAge(604_800) };

  expect(horizonOf(oldest, aged)).toEqual({
    givenUpAfterMs: NOON + 168 * HOUR,
    lostAfterMs: NOON + 240 * HOUR,
  });
});

it('knows that without a highest age, Lambda gives nothing up before the stream loses it', () => {
  const endless = { source: kinesis, eventSource: withAge(-1) };

  expect(horizonOf({ oldestMs: NOON }, endless)).toEqual({
    givenUpAfterMs: NOON + 240 * HOUR,
    lostAfterMs: NOON + 240 * HOUR,
  });
});

it('says times in UTC, by the second', () => {
  expect(utcTime(NOON + 1_234)).toBe('2026-01-31T12:00:01Z');
});
