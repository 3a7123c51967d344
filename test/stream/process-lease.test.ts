// Who carries a replication: the rules as tables, and processes that are killed, stopped and continued, with clocks of
// their own.

import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { LeaseRow, ProcessLease } from '../../src/ports.ts';
import { driveLease, type LeaseDriver } from '../../src/stream/lease-driver.ts';
import {
  afterLook,
  HOLD_MS,
  isHeld,
  type LeaseState,
  leaseToTake,
  TAKE_MS,
} from '../../src/stream/process-lease.ts';
import { eventually } from '../local/fixtures/processes.ts';
import { serviceError } from '../local/fixtures/scripted-stream.ts';
import { VirtualClock } from '../local/fixtures/virtual-clock.ts';

const lease = (parts: Partial<ProcessLease> = {}): ProcessLease => ({
  holder: 'other',
  fence: 4,
  beat: 7,
  released: false,
  ...parts,
});
const standby = (seen?: ProcessLease, seenAtMs?: number): LeaseState => ({
  kind: 'standby',
  seen,
  ...(seenAtMs !== undefined && { seenAtMs }),
});

describe('a standby', () => {
  it.each([
    ['that sees a lease first', standby(), lease(), 100],
    ['that sees the same again', standby(lease(), 30), lease(), 30],
    ['that sees a beat', standby(lease(), 30), lease({ beat: 8 }), 100],
    ['that sees another holder', standby(lease(), 30), lease({ fence: 5, beat: 7 }), 100],
    ['that sees a release', standby(lease(), 30), lease({ released: true }), 100],
    ['that has been the holder', { kind: 'holder', lease: lease(), renewedAtMs: 30 }, lease(), 100],
  ] as const)('%s knows since when it stands still', (_, before, found, seenAtMs) => {
    expect(afterLook(before, found, 100)).toEqual({ kind: 'standby', seen: found, seenAtMs });
  });

  it.each([
    ['there is none', standby(undefined, 100), 100, 1],
    ['it was released', standby(lease({ released: true }), 100), 100, 5],
    ['it is its own, with an answer that was lost', standby(lease({ holder: 'me' }), 100), 100, 5],
    ['it has stood still for long enough', standby(lease(), 100), 100 + TAKE_MS, 5],
    ['it stood still for less', standby(lease(), 100), 99 + TAKE_MS, undefined],
    ['it is the holder', { kind: 'holder', lease: lease(), renewedAtMs: 0 }, 1e9, undefined],
  ] as const)('takes the lease or not where %s', (_, state, lookedAtMs, fence) => {
    const taken = leaseToTake(state, { holder: 'me', lookedAtMs });

    expect(taken).toEqual(fence && { holder: 'me', fence, beat: 0, released: false });
  });
});

describe('a holder', () => {
  it.each([
    [true, HOLD_MS - 1],
    [false, HOLD_MS],
  ])('goes on (%s) %d ms after it has renewed', (expected, nowMs) => {
    expect(isHeld({ kind: 'holder', lease: lease(), renewedAtMs: 0 }, nowMs)).toBe(expected);
  });

  it('stops before a standby may take over, which is within 20 seconds of its end', () => {
    expect(HOLD_MS).toBeLessThan(TAKE_MS);
    expect(TAKE_MS).toBeLessThanOrEqual(20_000);
  });
});

/** A row in memory, with requests that are slow, fail, or fail after they were applied. */
class MemoryRow implements LeaseRow {
  lease: ProcessLease | undefined;
  readonly faults: Array<'fail' | 'lose answer'> = [];
  answer: () => Promise<void> = () => Promise.resolve();

  async read() {
    await this.answer();
    return this.lease;
  }

  async write(wanted: ProcessLease, expected: ProcessLease | undefined) {
    await this.answer();
    const fault = this.faults.shift();
    if (fault === 'fail') throw serviceError('ThrottlingException');
    const found = this.lease;
    const fits = found?.fence === expected?.fence && found?.beat === expected?.beat;
    if (fits) this.lease = wanted;
    if (fault === 'lose answer') throw serviceError('ECONNRESET');
    return fits;
  }
}

const drivers: LeaseDriver[] = [];

afterEach(async () => {
  await Promise.all(drivers.splice(0).map((driver) => driver.release()));
});

/** A process: with a monotonic clock that starts anywhere, and a row that it cannot reach when it is dead. */
function process(holder: string, row: LeaseRow, clock: VirtualClock) {
  const startedAt = clock.now() - holder.length * 1_000_000;
  const events: string[] = [];
  const state = { isDead: false, stoppedUntil: 0, events, heldAtMs: [] as number[] };
  const alive = async <T>(work: () => Promise<T>): Promise<T> => {
    while (clock.now() < state.stoppedUntil) await clock.sleep(state.stoppedUntil - clock.now());
    if (state.isDead) return new Promise(() => undefined);
    return work();
  };
  const driver = driveLease({
    holder,
    row: {
      read: () => alive(() => row.read()),
      write: (wanted, expected) => alive(() => row.write(wanted, expected)),
    },
    clock,
    monotonicMs: () => clock.now() - startedAt,
    onHeld: (fence) => {
      events.push(`held ${fence}`);
      state.heldAtMs.push(clock.now());
    },
    onLost: (why) => events.push(`lost: ${why}`),
    onProblem: (problem) => events.push(problem),
  });
  drivers.push(driver);
  return { driver, state, events };
}

describe('processes of one replication', () => {
  it('the first one holds the lease at once, renews it, and the second waits', async () => {
    const [clock, row] = [new VirtualClock(), new MemoryRow()];
    const first = process('first', row, clock);
    await clock.sleep(1);
    const second = process('second', row, clock);

    await clock.sleep(60_000);

    expect(first.events).toEqual(['held 1']);
    expect(second.events).toEqual([]);
    expect([first.driver.isInformed, second.driver.isInformed]).toEqual([true, true]);
    expect([first.driver.isHolder, second.driver.isHolder]).toEqual([true, false]);
    expect(row.lease?.beat).toBeGreaterThanOrEqual(18);
    expect(row.lease?.beat).toBeLessThanOrEqual(21);
  });

  it('a standby takes over within 20 seconds of a kill', async () => {
    const [clock, row] = [new VirtualClock(), new MemoryRow()];
    const first = process('first', row, clock);
    await clock.sleep(1);
    const second = process('second', row, clock);
    await clock.sleep(10_000);

    drivers.splice(drivers.indexOf(first.driver), 1);
    first.state.isDead = true;
    const killedAt = clock.now();
    await eventually(() => second.driver.isHolder);

    expect(second.events).toEqual(['held 2']);
    expect((second.state.heldAtMs[0] ?? 0) - killedAt).toBeLessThanOrEqual(20_000);
    expect((second.state.heldAtMs[0] ?? 0) - killedAt).toBeGreaterThan(10_000);
  });

  it('a standby takes over at once where the holder has released it', async () => {
    const [clock, row] = [new VirtualClock(), new MemoryRow()];
    const first = process('first', row, clock);
    await clock.sleep(1);
    const second = process('second', row, clock);
    await clock.sleep(10_000);

    const releasedAt = clock.now();
    await first.driver.release();
    await first.driver.release();
    await eventually(() => second.driver.isHolder);

    expect(first.driver.isHolder).toBe(false);
    expect((second.state.heldAtMs[0] ?? 0) - releasedAt).toBeLessThanOrEqual(3_000);
    expect(first.events).toEqual(['held 1']);
    expect(row.lease).toMatchObject({ holder: 'second', fence: 2, released: false });
  });

  it('a holder that was stopped for long learns that it is none, and waits', async () => {
    const [clock, row] = [new VirtualClock(), new MemoryRow()];
    const first = process('first', row, clock);
    await clock.sleep(1);
    const second = process('second', row, clock);
    await clock.sleep(10_000);

    first.state.stoppedUntil = clock.now() + 40_000;
    await clock.sleep(60_000);

    expect(second.events).toEqual(['held 2']);
    expect(first.events[0]).toBe('held 1');
    expect(first.events.filter((event) => event.startsWith('lost'))).toHaveLength(1);
    expect([first.driver.isHolder, second.driver.isHolder]).toEqual([false, true]);
  });

  it('a holder whose requests hang stops by its own clock, before another may take over', async () => {
    const [clock, row] = [new VirtualClock(), new MemoryRow()];
    const first = process('first', row, clock);
    await clock.sleep(9_001);
    const hangsAt = clock.now();
    row.answer = () => new Promise(() => undefined);
    let lostAt = 0;
    while (lostAt === 0 && clock.now() < hangsAt + 60_000) {
      await clock.sleep(100);
      if (first.events.some((event) => event.startsWith('lost'))) lostAt = clock.now();
    }
    await clock.sleep(40_000);
    const { isInformed } = first.driver;
    row.answer = () => Promise.resolve();
    drivers.splice(0);

    expect(first.events).toContain('lost: it could not be renewed for 10 s');
    expect(lostAt - hangsAt).toBeLessThanOrEqual(HOLD_MS + 100);
    expect(isInformed).toBe(false);
  });

  it('a renewal that fails, or whose answer is lost, is tried again without losing the lease', async () => {
    const [clock, row] = [new VirtualClock(), new MemoryRow()];
    const first = process('first', row, clock);
    await clock.sleep(1_000);
    row.faults.push('fail', 'lose answer', 'lose answer', 'fail');

    await clock.sleep(40_000);

    expect(first.driver.isHolder).toBe(true);
    expect(first.events.filter((event) => event.startsWith('held'))).toEqual(['held 1']);
    expect(first.events.filter((event) => event.startsWith('renew the lease'))).toHaveLength(4);
    expect(row.lease).toMatchObject({ holder: 'first', fence: 1 });
  });

  it('goes on above the fence of a row that was deleted by hand', async () => {
    const [clock, row] = [new VirtualClock(), new MemoryRow()];
    row.lease = lease({ fence: 6, released: true });
    const first = process('first', row, clock);
    await clock.sleep(5_000);
    expect(first.events).toEqual(['held 7']);

    row.lease = undefined;
    await clock.sleep(20_000);

    expect(first.events).toEqual(['held 7', expect.stringMatching(/^lost/), 'held 8']);
  });

  it('goes on high enough where its fence was refused, and only once the row is free', async () => {
    const [clock, row] = [new VirtualClock(), new MemoryRow()];
    const first = process('first', row, clock);
    await clock.sleep(1);
    for (const fence of [1, 3, 7]) {
      await eventually(() => first.driver.isHolder);
      expect(first.events.at(-1)).toBe(`held ${fence}`);
      // A renewal that is under way does not bring it back.
      row.answer = () => clock.sleep(200);
      await clock.sleep(3_100);
      first.driver.fenced('its positions are refused');
      expect(first.driver.isHolder).toBe(false);
      expect(first.events.at(-1)).toBe('lost: its positions are refused');
    }
    first.driver.fenced('twice');
    expect(first.events.at(-1)).toBe('lost: its positions are refused');
    row.lease = lease({ fence: 40, released: false });
    await clock.sleep(60_000);
    expect(first.events.at(-1)).toBe('held 41');
    expect(first.events.filter((event) => event.startsWith('lost'))).toHaveLength(3);
  });

  it('counts on by one where its fence was refused because another process had taken over', async () => {
    const [clock, row] = [new VirtualClock(), new MemoryRow()];
    row.lease = lease({ fence: 6, released: true });
    const first = process('first', row, clock);
    await clock.sleep(1);
    expect(first.events).toEqual(['held 7']);

    // As after a pause of the machine: a position is refused before the lease is looked at.
    row.lease = lease({ fence: 8 });
    first.driver.fenced('its positions are refused');
    await clock.sleep(60_000);

    expect(first.events).toEqual(['held 7', 'lost: its positions are refused', 'held 9']);
  });

  it('one at a time holds it by its own clock, whatever is killed, stopped, slow or lost', async () => {
    const world = fc.record({
      delays: fc.array(fc.integer({ min: 0, max: 4_000 }), { maxLength: 60 }),
      faults: fc.array(fc.constantFrom('fail' as const, 'lose answer' as const), { maxLength: 15 }),
      stops: fc.array(
        fc.record({
          who: fc.nat(2),
          afterMs: fc.integer({ min: 0, max: 20_000 }),
          forMs: fc.integer({ min: 0, max: 40_000 }),
        }),
        { maxLength: 6 },
      ),
    });
    await fc.assert(
      fc.asyncProperty(world, async ({ delays, faults, stops }) => {
        const [clock, row] = [new VirtualClock(), new MemoryRow()];
        row.faults.push(...faults);
        row.answer = async () => {
          const ms = delays.shift() ?? 0;
          if (ms > 0) await clock.sleep(ms);
        };
        const all = ['a', 'bb', 'ccc'].map((holder) => process(holder, row, clock));
        const holders = () => all.filter(({ driver }) => driver.isHolder).length;
        for (const { who, afterMs, forMs } of stops) {
          await clock.sleep(afterMs);
          const { state } = all[who] ?? {};
          if (state !== undefined) state.stoppedUntil = clock.now() + forMs;
          expect(holders()).toBeLessThanOrEqual(1);
        }
        for (let second = 0; second < 120; second += 1) {
          await clock.sleep(1_000);
          expect(holders()).toBeLessThanOrEqual(1);
        }
        expect(holders()).toBe(1);
        const fences = all.flatMap(({ events }) => events.filter((one) => one.startsWith('held')));
        expect(new Set(fences).size).toBe(fences.length);
        await Promise.all(drivers.splice(0).map((driver) => driver.release()));
      }),
      { numRuns: 40 },
    );
  });
});
