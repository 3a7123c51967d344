import { describe, expect, it } from 'vitest';
import { latenciesOf } from '../../src/model/latency.ts';
import { streamRecord } from '../fixtures/records.ts';

const WRITTEN_S = 1_769_860_800;
const WRITTEN_MS = WRITTEN_S * 1000;
const NOW_MS = WRITTEN_MS + 1_700;
const DAY_MS = 24 * 60 * 60 * 1000;
const stamped = { timestampAttribute: 'at' };
const record = (attributes: object, eventName = 'MODIFY') =>
  streamRecord({ attributes, eventName, createdAtSeconds: WRITTEN_S });
const number = (N: string) => ({ at: { N } });
const text = (S: string) => ({ at: { S } });

describe('latency without a timestamp attribute', () => {
  it.each(['MODIFY', 'REMOVE'])('is by the stream’s whole seconds (%s)', (eventName) => {
    const found = latenciesOf(record(number(String(NOW_MS - 42)), eventName), {}, NOW_MS);

    expect(found).toEqual({ latencyMs: 1_700 });
  });

  it('is not known where the record does not tell its time', () => {
    const timeless = { ...record({}), createdAtSeconds: undefined };

    expect(latenciesOf(timeless, {}, NOW_MS)).toEqual({});
  });
});

describe('latency by a timestamp', () => {
  it.each([
    ['epoch milliseconds', number(String(NOW_MS - 42)), 42],
    ['epoch milliseconds as text', text(String(NOW_MS - 42)), 42],
    ['epoch seconds', number(String(WRITTEN_S)), 1_700],
    ['epoch seconds with a fraction', text(`${WRITTEN_S}.25`), 1_450],
    ['epoch microseconds', number(`${WRITTEN_MS + 1_600}000`), 100],
    ['epoch microseconds as text', text(`${WRITTEN_MS + 1_600}500`), 99.5],
    ['scientific notation', number(`${WRITTEN_MS / 1e12}E12`), 1_700],
    ['ISO 8601', text('2026-01-31T12:00:01.250Z'), 450],
    ['ISO 8601 with microseconds', text('2026-01-31T12:00:01.250999+00:00'), 450],
    ['ISO 8601 with an offset', text('2026-01-31T13:00:01+01:00'), 700],
    ['ISO 8601 with a short offset', text('2026-01-31T06:30:01-0530'), 700],
    ['ISO 8601 without an offset, as UTC', text('2026-01-31T12:00:01.5'), 200],
    ['ISO 8601 with a space and a comma', text('2026-01-31 12:00:01,5Z'), 200],
    ['ISO 8601 without separators', text('20260131T120001Z'), 700],
    ['ISO 8601 without seconds', text('2026-01-31T12:00Z'), 1_700],
    ['a clock that is ahead', number(String(NOW_MS + 5)), -5],
  ])('reads %s', (_, attributes, latencyMs) => {
    expect(latenciesOf(record(attributes), stamped, NOW_MS)).toEqual({ latencyMs });
  });

  it.each([
    ['no attribute', {}],
    ['empty text', text('')],
    ['words', text('yesterday')],
    ['a year', text('2026')],
    ['a date', text('2026-01-31')],
    ['a month that does not exist', text('2026-13-31T12:00:00Z')],
    ['digits of date and time', text('20260131120000')],
    ['hexadecimal digits', text('0x19C14F4D9C4')],
    ['long text', text('1'.repeat(100_000))],
    ['nanoseconds', number(`${NOW_MS}000000`)],
    ['zero', number('0')],
    ['a number below zero', number('-1769860800000')],
    ['another number', number('42')],
    ['the time of an earlier write', number(String(NOW_MS - 3 * DAY_MS))],
    ['an expiry', number(String(WRITTEN_S + 3_600))],
    ['local time without its offset', text('2026-01-31T13:00:00')],
    ['bytes', { at: { B: new Uint8Array([1]) } }],
    ['a null', { at: { NULL: true } }],
    ['a map', { at: { M: { N: { N: String(NOW_MS) } } } }],
  ])('is by the stream’s time, and counted, where the item has %s', (_, attributes) => {
    expect(latenciesOf(record(attributes), stamped, NOW_MS)).toEqual({
      latencyMs: 1_700,
      isTimestampFallback: true,
    });
  });

  // A Kinesis stream may be read again a year later.
  it('asks whether a stamp is of the write by the time of the write', () => {
    const [own, older] = [WRITTEN_MS - 42, WRITTEN_MS - 49 * 60 * 60 * 1000];
    const laterMs = NOW_MS + 365 * DAY_MS;
    const latencyOf = (stampMs: number) =>
      latenciesOf(record(number(String(stampMs))), stamped, laterMs);

    expect(latencyOf(own)).toEqual({ latencyMs: laterMs - own });
    expect(latencyOf(older)).toEqual({
      latencyMs: laterMs - WRITTEN_MS,
      isTimestampFallback: true,
    });
    expect(latencyOf(NOW_MS + DAY_MS)).toMatchObject({ isTimestampFallback: true });
  });

  it('counts a fallback also where the stream’s time is not known', () => {
    const timeless = { ...record({}), createdAtSeconds: undefined };

    expect(latenciesOf(timeless, stamped, NOW_MS)).toEqual({ isTimestampFallback: true });
  });

  it('is not known of a delete, which has no timestamp, and is no fallback', () => {
    expect(latenciesOf(record({}, 'REMOVE'), stamped, NOW_MS)).toEqual({});
  });
});

describe('the latency of a heartbeat', () => {
  const beat = record({ writtenAt: { N: String(NOW_MS - 250) } });
  const heartbeatKeyText = beat.keyText;

  it.each([
    ['is exact', beat, { heartbeatKeyText }, { latencyMs: 1_700, heartbeatMs: 250 }],
    [
      'is no fallback where the application stamps its writes',
      beat,
      { ...stamped, heartbeatKeyText },
      { latencyMs: 250, heartbeatMs: 250 },
    ],
    [
      'is that of no other item',
      beat,
      { heartbeatKeyText: '[["pk",{"S":"x"}]]' },
      { latencyMs: 1_700 },
    ],
    ['is not known where there is none', beat, {}, { latencyMs: 1_700 }],
    [
      'is not known of its delete',
      record({}, 'REMOVE'),
      { heartbeatKeyText },
      { latencyMs: 1_700 },
    ],
  ])('%s', (_, one, rules, expected) => {
    expect(latenciesOf(one, rules, NOW_MS)).toEqual(expected);
  });
});
