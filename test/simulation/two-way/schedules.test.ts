// Schedules that a reader of the protocol has found, and that hardly ever come about by chance.

import { describe, expect, it } from 'vitest';
import { SECOND } from '../plan.ts';
import type { HostClock, PlannedWrite, TwoWayPlan, WriteKind } from './plan.ts';
import { runTwoWayPlan } from './run.ts';
import { twoWayPlanOf } from './workload.ts';

const RIGHT: HostClock = { skewMs: 0, step: { atMs: 0, byMs: 0 } };
const BASE = twoWayPlanOf(1, 'stamped');
const at = (ms: number) => BASE.startMs + ms;

type Write = readonly [atMs: number, kind: WriteKind, host: 'east 0' | 'east 1' | 'west 0'];

/** One item, one record at a time, and no fault but those of the schedule. */
function planOf(writes: readonly Write[], facts: Partial<TwoWayPlan>): TwoWayPlan {
  const rates = Object.fromEntries(Object.keys(BASE.rates).map((name) => [name, 0]));
  return {
    ...BASE,
    kind: 'hostile',
    rates: rates as unknown as TwoWayPlan['rates'],
    losers: 'keep',
    lag: { recordMs: 0, shardMs: 0, often: 0 },
    settings: {
      ...BASE.settings,
      batchSize: 1,
      parallelizationFactor: 1,
      ttlDeletes: 'replicate',
      hasHeartbeat: false,
      maxRecordAgeSeconds: -1,
      stepMs: 0,
    },
    ttl: { east: false, west: false },
    writes: writes.map(([ms, kind, host], index): PlannedWrite => {
      const [side, number] = host.split(' ') as ['east' | 'west', '0' | '1'];
      const common = { number: index + 1, key: 'a', lateMs: 0 };
      return { ...common, atMs: at(ms), kind, side, host: number === '0' ? 0 : 1 };
    }),
    disturbances: [],
    poisons: [],
    commands: [],
    epochAtMs: undefined,
    calmAtMs: at(10 * SECOND),
    ...facts,
  };
}

describe('a schedule made by hand', () => {
  it.each<[string, readonly Write[], Partial<TwoWayPlan>]>([
    [
      'a delete that has seen a version with the time of what is put back, by a clock that steps back',
      [
        [1_000, 'put', 'east 0'],
        [1_500, 'delete', 'east 0'],
        [2_000, 'put', 'east 1'],
        [3_000, 'update', 'east 0'],
        [4_000, 'delete', 'east 0'],
        [4_500, 'put', 'west 0'],
      ],
      {
        hosts: {
          east: [{ skewMs: 60 * SECOND, step: { atMs: at(2_500), byMs: -60 * SECOND } }, RIGHT],
          west: [RIGHT, RIGHT],
        },
        disturbances: [{ kind: 'off', atMs: at(500), side: 'east', forMs: 8 * SECOND }],
      },
    ],
  ])('ends as promised: %s', async (_, writes, facts) => {
    const { violations, coverage } = await runTwoWayPlan(planOf(writes, facts));

    expect(violations).toEqual([]);
    expect(coverage.get('disturbance off')).toBe(1);
  });
});
