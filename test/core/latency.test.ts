import { describe, expect, it } from 'vitest';
import { heartbeatLatencyMs, latencyMs } from '../../src/core/latency.ts';
import { streamRecord } from '../fixtures/records.ts';

const WRITTEN_S = 1_769_860_800;
const NOW_MS = WRITTEN_S * 1000 + 1_700;
const stamped = { timestampAttribute: 'at' };
const record = (attributes: object, eventName = 'MODIFY') =>
  streamRecord({ attributes, eventName, createdAtSeconds: WRITTEN_S });

describe('latency', () => {
  it.each([
    ['the stream’s whole seconds, where nothing is stamped', {}, {}, 'MODIFY', 1_700],
    ['the stream’s, for deletes too', {}, {}, 'REMOVE', 1_700],
    ['the stamp', { at: { N: String(NOW_MS - 42) } }, stamped, 'MODIFY', 42],
    ['a stamp ahead of this clock', { at: { N: String(NOW_MS + 5) } }, stamped, 'MODIFY', -5],
    ['no stamp', {}, stamped, 'MODIFY', undefined],
    ['a stamp of another type', { at: { S: '2026' } }, stamped, 'MODIFY', undefined],
    ['nothing, where a delete has no stamp', {}, stamped, 'REMOVE', undefined],
    [
      'the stream’s, where the stamp is in seconds',
      { at: { N: '1769860800' } },
      stamped,
      'MODIFY',
      1_700,
    ],
  ])('is told by %s', (_, attributes, rules, eventName, expected) => {
    expect(latencyMs(record(attributes, eventName), rules, NOW_MS)).toBe(expected);
  });
});

describe('the latency of a heartbeat', () => {
  const beat = { writtenAt: { N: String(NOW_MS - 250) } };
  const heartbeatKey = record({}).keyText;

  it.each([
    ['is exact', record(beat), { heartbeatKey }, 250],
    ['is that of no other item', record(beat), { heartbeatKey: '[["pk",{"S":"x"}]]' }, undefined],
    ['is not told where there is none', record(beat), {}, undefined],
    ['is not told by its delete', record({}, 'REMOVE'), { heartbeatKey }, undefined],
  ])('%s', (_, one, rules, expected) => {
    expect(heartbeatLatencyMs(one, rules, NOW_MS)).toBe(expected);
  });
});
