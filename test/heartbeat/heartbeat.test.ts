import { describe, expect, it } from 'vitest';
import { nextBeat, oldestBeatMs } from '../../src/heartbeat/heartbeat.ts';

const PERIOD_MS = 60_000;
const NOW_MS = 1_769_860_800_000;
const KEY = { pk: { S: 'ferry-heartbeat' } };
const minutesAgo = (minutes: number) => NOW_MS - minutes * PERIOD_MS;
const beatOf = (writtenAt: number, firstWrittenAt = writtenAt) => ({
  ...KEY,
  writtenAt: { N: String(writtenAt) },
  firstWrittenAt: { N: String(firstWrittenAt) },
});
const beatAt = (minutes: number) => beatOf(minutesAgo(minutes), minutesAgo(100));

describe('the oldest heartbeat that is not on the twin', () => {
  it.each([
    ['is none before the first ever', undefined, undefined, 0],
    ['is none where only the twin has one', undefined, beatAt(1), 0],
    ['is none where the latest has arrived', beatAt(1), beatAt(1), 0],
    ['is the latest where the one before has arrived', beatAt(1), beatAt(2), 1],
    ['is the one after the last that arrived', beatAt(1), beatAt(30), 29],
    ['is the first ever where none has arrived', beatAt(1), undefined, 100],
    ['is the latest where the item does not tell its first', { ...KEY, ...N(1) }, undefined, 1],
    ['is the latest after a pause of the heartbeat itself', beatAt(1), beatOf(minutesAgo(1.5)), 1],
    ['is the first ever where the twin’s item tells no time', beatAt(1), KEY, 100],
  ])('%s', (_, source, twin, minutes) => {
    const age = oldestBeatMs({ source, twin }, { nowMs: NOW_MS, periodMs: PERIOD_MS });

    expect(age).toBe(minutes * PERIOD_MS);
  });

  it('is never younger than now, where clocks disagree', () => {
    const beats = { source: beatAt(-2), twin: beatAt(-1) };

    expect(oldestBeatMs(beats, { nowMs: NOW_MS, periodMs: PERIOD_MS })).toBe(0);
  });
});

describe('the next heartbeat', () => {
  it('is the first ever where there was none', () => {
    expect(nextBeat(KEY, { source: undefined }, NOW_MS)).toEqual(beatOf(NOW_MS));
  });

  it('keeps when the first ever was', () => {
    const source = beatOf(minutesAgo(1), minutesAgo(100));

    expect(nextBeat(KEY, { source }, NOW_MS)).toEqual(beatOf(NOW_MS, minutesAgo(100)));
  });
});

function N(minutes: number) {
  return { writtenAt: { N: String(minutesAgo(minutes)) } };
}
