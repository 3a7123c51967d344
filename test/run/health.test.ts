// What GET /healthz says of a replication, and the heartbeats of a process.

import { describe, expect, it } from 'vitest';
import type { Item } from '../../src/ports.ts';
import { ReplicationHealth } from '../../src/run/health.ts';
import { ownBeats } from '../../src/run/own-beats.ts';

const MINUTE_MS = 60_000;
const health = () => new ReplicationHealth('orders', { behindMs: MINUTE_MS, monotonicMs: 0 });
/** Both clocks go alike. */
const at = (ms: number) => ({ nowMs: ms, monotonicMs: ms });

describe('a replication', () => {
  it('is not well before it has begun, and says so after a minute', () => {
    expect(health().view(at(1_000))).toMatchObject({ ok: false, state: 'starting', reasons: [] });
    expect(health().view(at(2 * MINUTE_MS + 1)).reasons).toEqual([
      'it has been starting for 2 min',
    ]);
  });

  it('is well as a standby', () => {
    const one = health();
    one.standsBy(() => true);
    expect(one.view(at(1e9))).toMatchObject({ ok: true, state: 'standby', iteratorAgeMs: null });
  });

  it('is not well as a standby that cannot see whether another process carries on', () => {
    const one = health();
    let isInformed = true;
    one.standsBy(() => isInformed);
    isInformed = false;
    expect(one.view(at(1e9))).toMatchObject({ ok: false, state: 'standby' });
    expect(one.view(at(1e9)).reasons.join()).toContain('lease');
  });

  it('is well as a holder as long as it keeps up', () => {
    const one = health();
    one.holds(() => undefined);
    expect(one.view(at(1)).ok).toBe(false);
    one.holds(() => 1_000_000);
    expect(one.view(at(1_059_999))).toMatchObject({ ok: true, iteratorAgeMs: 59_999 });
    expect(one.view(at(1_060_000))).toMatchObject({
      ok: false,
      reasons: ['the twin is behind by 60 s'],
    });
  });

  it('is older with time while nothing is settled, whatever the clock is set to', () => {
    const one = health();
    let settledAtMs = 10_000_000;
    one.holds(() => settledAtMs);
    expect(one.view({ nowMs: 10_000_000, monotonicMs: 5_000 }).iteratorAgeMs).toBe(0);
    const backMs = 10_000_000 - 60 * MINUTE_MS;
    const late = { nowMs: backMs, monotonicMs: 5_000 + MINUTE_MS };
    expect(one.view(late)).toMatchObject({
      ok: false,
      iteratorAgeMs: MINUTE_MS,
      reasons: ['the twin is behind by 60 s'],
    });
    settledAtMs = backMs;
    expect(one.view(late)).toMatchObject({ ok: true, iteratorAgeMs: 0 });
    expect(one.view({ ...late, nowMs: backMs + 30_000 }).iteratorAgeMs).toBe(30_000);
  });

  it('is not well while records are held, and never again after a trimmed position', () => {
    const one = health();
    one.holds(() => 1_000_000);
    one.heldRecords(1_000_000);
    expect(one.view(at(1_000_001)).reasons.join()).toContain('held');
    expect(one.view(at(1_059_999)).ok).toBe(false);
    one.holds(() => 2_000_000);
    expect(one.view(at(2_000_001)).ok).toBe(true);
    one.trimmed();
    one.standsBy(() => true);
    expect(one.view(at(2_000_001))).toMatchObject({ ok: false, trimmedPositions: 1 });
    expect(one.view(at(2_000_001)).reasons.join()).toContain('ferry verify');
  });
});

describe('heartbeats', () => {
  function open(item?: Item) {
    const state = { nowMs: 10 * MINUTE_MS, item, writes: 0 };
    const beat = ownBeats({
      key: { pk: { S: 'beat' } },
      source: { get: async () => state.item },
      twin: { get: async () => state.item },
      table: 'Orders',
      writer: {
        write: async ({ operation, input }) => {
          state.writes += 1;
          if (operation === 'PutItem') state.item = input.Item;
          return { kind: 'written' };
        },
      },
      clock: { now: () => state.nowMs, sleep: async () => undefined },
      periodMs: MINUTE_MS,
      reservedAttribute: '_ferry',
    });
    return { state, beat };
  }
  const written = (ms: number): Item => ({
    pk: { S: 'beat' },
    writtenAt: { N: String(ms) },
    firstWrittenAt: { N: '1' },
  });

  it('are written every period where nothing else does', async () => {
    const { state, beat } = open();
    for (let count = 0; count < 3; count += 1) {
      expect(await beat()).toBe(0);
      state.nowMs += MINUTE_MS;
    }
    expect(state.writes).toBe(3);
  });

  it('are left to what writes them, until that stops', async () => {
    const { state, beat } = open(written(10 * MINUTE_MS - 1_000));
    await beat();
    state.nowMs += MINUTE_MS;
    state.item = written(state.nowMs - 1_000);
    await beat();
    expect(state.writes).toBe(0);
    state.nowMs += MINUTE_MS;
    await beat();
    state.nowMs += MINUTE_MS;
    await beat();
    expect(state.writes).toBe(1);
  });

  it('are not written to the twin of another replication', async () => {
    const { state, beat } = open({ ...written(1), _ferry: { M: {} } });
    await beat();
    expect(state.writes).toBe(0);
  });
});
