import { describe, expect, it } from 'vitest';
import { clockMsOf, originOf } from '../../src/model/clock-version.ts';
import { epochIn, type Version, versionIn } from '../../src/model/guard.ts';
import { stampClock } from '../../src/stamp/stamp-clock.ts';

const START = Date.UTC(2026, 0, 31, 12);
const HOUR_MS = 3_600_000;
const MINE = { epoch: 2, origin: 1 } as const;
const THEIRS = { epoch: 2, origin: 2 } as const;

function clockAt(startMs = START, random = 0.5) {
  const time = { ms: startMs };
  return { time, clock: stampClock({ now: () => time.ms, random: () => random }) };
}

const isVersion = (version: Version) => versionIn({ M: { v: { S: version } } }) === version;

describe('the clock of a process', () => {
  it('stamps with the time, the epoch and the side', () => {
    const { clock } = clockAt();

    const stamp = clock.stamp(MINE);

    expect(isVersion(stamp)).toBe(true);
    expect([epochIn(stamp), clockMsOf(stamp), originOf(stamp)]).toEqual([2, START, 1]);
  });

  it.each([
    ['stands still', 0],
    ['goes back', -HOUR_MS],
    ['has fractions', 0.25],
    ['goes on', 5],
  ])('rises while the time %s', (_, step) => {
    const { clock, time } = clockAt();
    const stamps = Array.from({ length: 5 }, () => {
      time.ms += step;
      return clock.stamp(MINE);
    });

    expect(stamps).toEqual([...new Set(stamps)].toSorted());
    expect(stamps.every(isVersion)).toBe(true);
  });

  it('rises over more writes than a millisecond has', () => {
    const { clock } = clockAt();
    let before = clock.stamp(MINE);
    for (let count = 0; count < 100_002; count += 1) {
      const next = clock.stamp(MINE);
      if (next <= before) throw new Error(`${next} after ${before}`);
      before = next;
    }

    expect(clockMsOf(before)).toBe(START + 1);
  });

  it.each([
    ['follows a clock that is a second ahead', 1_000, true],
    ['does not follow one that is an hour ahead', HOUR_MS, false],
  ])('goes above a later version, and %s', (_, aheadMs, follows) => {
    const { clock } = clockAt();
    const met = clockAt(START + aheadMs).clock.stamp(THEIRS);

    const above = clock.above(met, MINE);

    expect(above > met).toBe(true);
    expect(originOf(above)).toBe(1);
    expect(clock.stamp(MINE) > above).toBe(follows);
  });

  it('is not pulled back by an earlier version', () => {
    const { clock } = clockAt();
    const first = clock.stamp(MINE);
    clock.above(clockAt(START - HOUR_MS).clock.stamp(THEIRS), MINE);

    expect(clock.stamp(MINE) > first).toBe(true);
  });

  it('keeps its epoch after it has met a later one', () => {
    const { clock } = clockAt();
    const met = clock.stamp({ epoch: 3, origin: 2 });

    expect(epochIn(clock.above(met, MINE))).toBe(3);
    expect(epochIn(clock.stamp(MINE))).toBe(2);
  });

  it('never makes the version of another process', () => {
    const [one, other] = [clockAt(START, 0.1), clockAt(START, 0.2)];

    expect(one.clock.stamp(MINE)).not.toBe(other.clock.stamp(MINE));
  });
});
