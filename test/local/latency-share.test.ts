import { describe, expect, it } from 'vitest';
import { percent, shareWithin, timeAxis } from '../../src/local/latency/latency-share.ts';

describe('the share within a time', () => {
  it('counts latencies up to the time, itself included', () => {
    const latenciesMs = [10, 20, 20, 40];

    expect([9, 10, 19, 20, 39, 40, 1e9].map((ms) => shareWithin(latenciesMs, ms))).toEqual([
      0, 0.25, 0.25, 0.75, 0.75, 1, 1,
    ]);
  });

  it('counts what never arrived among the whole, and never as within', () => {
    expect(shareWithin([10, Infinity], 1e12)).toBe(0.5);
  });

  it('is nothing of nothing', () => {
    expect(shareWithin([], 1_000)).toBe(0);
  });

  it('reads as 100 % only where it is whole', () => {
    expect([0, 0.29, 0.7, 0.99, 0.9996, 1].map(percent)).toEqual([
      '0 %',
      '29 %',
      '70 %',
      '99 %',
      '99.9 %',
      '100 %',
    ]);
  });
});

describe('the axis of time', () => {
  const axisOf = (...latenciesMs: number[]) => timeAxis([{ rate: 30, latenciesMs }]);

  it('covers every latency and the reference, with round numbers at its ends', () => {
    expect(axisOf(23, 300, Infinity)).toMatchObject({
      fromMs: 20,
      toMs: 5_000,
      ticksMs: [20, 50, 100, 200, 500, 1_000, 2_000, 5_000],
    });
    expect(axisOf(100, 7_000).toMs).toBe(10_000);
  });

  it('has fewer ticks where it is long', () => {
    expect(axisOf(5, 61_000).ticksMs).toEqual([1, 10, 100, 1_000, 10_000, 100_000]);
  });

  it('begins at a millisecond where latencies are nothing, and stands where there are none', () => {
    expect(axisOf(0, 300).fromMs).toBe(1);
    expect(timeAxis([])).toMatchObject({ fromMs: 1_000, toMs: 5_000 });
    expect(axisOf(Infinity)).toMatchObject({ fromMs: 1_000, toMs: 5_000 });
  });

  it('is logarithmic, from 0 to 1', () => {
    const axis = axisOf(10, 9_000);

    expect([10, 100, 1_000, 10_000].map((ms) => axis.position(ms))).toEqual([
      0,
      expect.closeTo(1 / 3),
      expect.closeTo(2 / 3),
      1,
    ]);
    expect(axis.at(axis.position(1_200))).toBeCloseTo(1_200);
    expect(axis.position(1)).toBe(0);
  });
});
