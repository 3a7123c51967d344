import { describe, expect, it } from 'vitest';
import { ConcurrencyLimit, type RequestEnd } from '../../src/replicate/concurrency-limit.ts';
import { seededRandom } from '../../src/local/seeded-random.ts';

/** As many requests at once as the limit allows, `count` in all, each ending as the destination has it. */
function drive(
  limit: ConcurrencyLimit,
  count: number,
  destination: (atOnce: number) => RequestEnd,
): void {
  const tickets: number[] = [];
  for (let begun = 0; begun < count; begun += 1) {
    while (tickets.length >= limit.current())
      limit.ended(tickets.shift() ?? 0, destination(tickets.length + 1));
    tickets.push(limit.started());
  }
  for (const ticket of tickets) limit.ended(ticket, 'failed');
}

const distant = () => 70;
/** Does one thing after the other, each in half a millisecond. */
const serial = (atOnce: number) => atOnce / 2;
/** Takes 70 ms, until more than so many come at once. */
const knee = (most: number) => (atOnce: number) => 70 * Math.max(1, atOnce / most);
const throttling = (most: number) => (atOnce: number) => (atOnce > most ? 'overloaded' : 5);

describe('a limit of concurrency', () => {
  it('starts with few, and grows to the most while no answer comes later for it', () => {
    const limit = new ConcurrencyLimit(800);
    expect(limit.current()).toBe(64);

    drive(limit, 4_000, distant);

    expect(limit.current()).toBe(800);
  });

  it('finds the place from which on more of them only wait for each other', () => {
    const limit = new ConcurrencyLimit(800);

    drive(limit, 20_000, knee(200));

    expect(limit.current()).toBeGreaterThanOrEqual(128);
    expect(limit.current()).toBeLessThanOrEqual(256);
  });

  it('stays small before a destination that does one thing after the other', () => {
    const limit = new ConcurrencyLimit(800);

    const limits: number[] = [];

    drive(limit, 20_000, (atOnce) => {
      limits.push(limit.current());
      return serial(atOnce);
    });

    // Twice as many are tried now and then, and given up again.
    expect(Math.max(...limits)).toBe(128);
    expect(limits.filter((one) => one > 64).length).toBeLessThan(limits.length / 2);
  });

  it('asks as much of the last step, which is less than a doubling', () => {
    const limit = new ConcurrencyLimit(800);

    const limits: number[] = [];

    drive(limit, 100_000, (atOnce) => {
      limits.push(limit.current());
      return knee(512)(atOnce);
    });

    // It is tried now and then, and given up again.
    expect(limits.filter((one) => one > 512).length).toBeLessThan(limits.length / 4);
  });

  it('tells a little more from a clock that tells only milliseconds', () => {
    const limit = new ConcurrencyLimit(800);
    let nowMs = 0;
    const inWholeMs = (atOnce: number) => {
      nowMs += 0.06;
      return Math.floor(nowMs) - Math.floor(nowMs - atOnce * 0.06);
    };

    drive(limit, 20_000, inWholeMs);

    expect(limit.current()).toBe(64);
  });

  it('tries more again after a while, because destinations get faster', () => {
    const limit = new ConcurrencyLimit(800);
    drive(limit, 20_000, knee(100));

    drive(limit, 40_000, distant);

    expect(limit.current()).toBe(800);
  });

  it.each([1, 2, 3, 4, 5])('tries more again however the answers tremble (seed %i)', (seed) => {
    const limit = new ConcurrencyLimit(800);
    const random = seededRandom(seed);
    const trembling = (destination: (atOnce: number) => number) => (atOnce: number) =>
      Math.round(destination(atOnce) + 5 * random.next());
    drive(limit, 20_000, trembling(knee(100)));

    drive(limit, 10_000, trembling(distant));

    expect(limit.current()).toBe(800);
  });

  it('goes back when the destination throttles, once for all requests of a time', () => {
    const limit = new ConcurrencyLimit(800);
    drive(limit, 4_000, distant);
    const tickets = Array.from({ length: 800 }, () => limit.started());

    for (const ticket of tickets) limit.ended(ticket, 'overloaded');

    expect(limit.current()).toBe(560);
  });

  it('takes a throttled request now and then for what it is: a hot key', () => {
    const limit = new ConcurrencyLimit(800);
    let count = 0;

    drive(limit, 200_000, () => ((count += 1) % 100 === 0 ? 'overloaded' : 70));

    expect(limit.current()).toBe(800);
  });

  it('never goes below a few, however long a destination throttles, nor above the most', () => {
    const limit = new ConcurrencyLimit(100);
    let highest = 0;

    for (let round = 0; round < 100; round += 1) {
      drive(limit, 100, () => 'overloaded');
      highest = Math.max(highest, limit.current());
    }

    expect(limit.current()).toBe(8);
    expect(highest).toBeLessThanOrEqual(100);
  });

  it('settles near what a throttling destination takes', () => {
    const limit = new ConcurrencyLimit(800);

    drive(limit, 100_000, throttling(90));

    expect(limit.current()).toBeGreaterThanOrEqual(40);
    expect(limit.current()).toBeLessThanOrEqual(128);
  });

  it('learns nothing from batches that are too small to need it', () => {
    const limit = new ConcurrencyLimit(800);

    for (let batch = 0; batch < 1_000; batch += 1) {
      const tickets = Array.from({ length: 10 }, () => limit.started());
      for (const ticket of tickets) limit.ended(ticket, 70);
    }

    expect(limit.current()).toBe(64);
  });

  it('takes failures that are no overload for neither good nor bad', () => {
    const limit = new ConcurrencyLimit(800);

    drive(limit, 10_000, () => 'failed');

    expect(limit.current()).toBe(64);
  });

  it('is content with one', () => {
    const limit = new ConcurrencyLimit(1);

    drive(limit, 1_000, (atOnce) => (atOnce > 0 ? 'overloaded' : 1));

    expect(limit.current()).toBe(1);
  });
});
