// One seed -> what goes wrong in a world, how often, and under which settings Lambda and Ferry run in it.

import type { Random } from '../../src/ports.ts';
import { below } from '../../src/local/seeded-random.ts';
import {
  type Deployed,
  type Disturbance,
  HOUR,
  type OutageKind,
  type Rates,
  SECOND,
  type Settings,
} from './plan.ts';
import { between, happens, oneOf, swarm } from './random.ts';
import type { Timeline } from './timeline.ts';

export function settingsOf(random: Random): Settings {
  return {
    batchSize: oneOf(random, [1, 3, 10, 100]),
    parallelizationFactor: oneOf(random, [1, 1, 3]),
    retryAttempts: oneOf(random, [-1, -1, 2, 5]),
    bisect: happens(random, 0.7),
    maxRecordAgeSeconds: oneOf(random, [20 * 3600, 20 * 3600, 60, 23 * 3600]),
    timeoutMs: oneOf(random, [60, 60, 30, 120]) * SECOND,
    slowMs: happens(random, 0.2) ? between(random, 500, 4_500) : 20,
    concurrency: oneOf(random, [1, 2, 16]),
    ttlDeletes: happens(random, 0.15) ? 'skip' : 'replicate',
    tombstones: happens(random, 0.25) ? 'strict' : 'checked',
    unversionedItems: happens(random, 0.15) ? 'keep' : 'replace',
    keyShape: oneOf(random, ['S', 'S', 'N', 'B', 'composite']),
    throttledTable: happens(random, 0.15) ? oneOf(random, ['twin', 'state']) : undefined,
    hasHeartbeat: happens(random, 0.1),
    totalSegments: 1 + below(random, 3),
    pageItems: 1 + below(random, 4),
    firstSequenceNumber: oneOf(random, [
      '9990',
      '99999999999999999999985',
      '100000000000000000001',
    ]),
    skewMs: swarm(random, 0.3, 90 * SECOND),
    stepMs: happens(random, 0.3) ? between(random, -20, 20) * SECOND : 0,
  };
}

export function ratesOf(random: Random): Rates {
  return {
    throttle: swarm(random, 0.4, 0.25),
    timeout: swarm(random, 0.4, 0.15),
    reset: swarm(random, 0.3, 0.15),
    conflict: swarm(random, 0.3, 0.2),
    crash: swarm(random, 0.4, 0.4),
    lostAck: swarm(random, 0.3, 0.3),
    lostBatch: swarm(random, 0.15, 0.5),
    veryLate: swarm(random, 0.5, 0.5),
    queueDuplicate: swarm(random, 0.2, 0.3),
    overlap: swarm(random, 0.3, 0.4),
    stale: swarm(random, 0.5, 1),
  };
}

export function disturbancesOf(
  random: Random,
  { time, keys }: { readonly time: Timeline; readonly keys: readonly string[] },
): Disturbance[] {
  const at = () => time(random.next());
  const some = (chance: number, max: number) =>
    happens(random, chance) ? 1 + below(random, max) : 0;
  const list = <T>(count: number, make: () => T) => Array.from({ length: count }, make);
  return [
    ...list(some(0.3, 3), () => ({ atMs: at(), kind: 'split' }) as const),
    ...list(some(0.3, 3), () => ({ atMs: at(), kind: 'restart', back: below(random, 6) }) as const),
    ...list(some(0.3, 3), () => ({ atMs: at(), kind: 'overlap', back: below(random, 6) }) as const),
    ...list(some(0.15, 2), () => ({ atMs: at(), kind: 'replay' }) as const),
    ...list(some(0.1, 2), () => {
      const factor = oneOf(random, [1, 2, 4]);
      return { atMs: at(), kind: 'parallelize', factor } as const;
    }),
    ...list(some(0.08, 1), () => {
      const forMs = between(random, 2, 90) * SECOND;
      return { atMs: at(), kind: 'second-mapping', forMs } as const;
    }),
    ...list(some(0.1, 2), () => {
      const change: Partial<Deployed> = happens(random, 0.5)
        ? { tombstones: oneOf(random, ['checked', 'strict']) }
        : happens(random, 0.7)
          ? { ttlDeletes: oneOf(random, ['replicate', 'skip']) }
          : { reservedAttribute: '_other' };
      return { atMs: at(), kind: 'deploy', change } as const;
    }),
    ...list(some(0.04, 1), () => ({ atMs: at(), kind: 'foreign-event', key: 'a' }) as const),
    ...list(some(0.12, 2), () => {
      const gapMs = happens(random, 0.6) ? 10 : between(random, 1, 20) * SECOND;
      return { atMs: at(), kind: 're-create', gapMs, drained: happens(random, 0.6) } as const;
    }),
    ...list(some(0.08, 1), () => {
      const forMs = oneOf(random, [5 * SECOND, 30 * SECOND, 2 * HOUR, 25 * HOUR]);
      return { atMs: at(), kind: 'mapping-off', forMs } as const;
    }),
    ...list(some(0.1, 2), () => {
      const how = oneOf(random, ['delete', 'replace'] as const);
      return {
        atMs: at(),
        kind: 'tamper',
        key: keys[below(random, keys.length)] ?? 'a',
        how,
      } as const;
    }),
    ...list(some(0.25, 2), () => outageOf(random, at())),
    ...adoptionsOf(random, at),
  ];
}

/** What `adopt` is for, once in a world at most. */
function adoptionsOf(random: Random, at: () => number): Disturbance[] {
  if (!happens(random, 0.12)) return [];
  const killAfterMs = happens(random, 0.3) ? random.next() * 150 * SECOND : undefined;
  if (happens(random, 0.5)) {
    const waitMs = between(random, 0, 60) * SECOND;
    const isOlder = happens(random, 0.5);
    return [{ atMs: at(), kind: 're-point', isOlder, waitMs, killAfterMs }];
  }
  const tables = oneOf<Array<'twin' | 'state'>>(random, [['twin'], ['state'], ['twin', 'state']]);
  const isSudden = happens(random, 0.4);
  return [{ atMs: at(), kind: 'anew', tables, isSudden, killAfterMs }];
}

/** One mapping at a time, of one stream, where somebody adopts: the runbook says so. */
export function compatible(disturbances: readonly Disturbance[]): Disturbance[] {
  const isAdoption = ({ kind }: Disturbance) => kind === 're-point' || kind === 'anew';
  const isOther = (one: Disturbance) =>
    one.kind === 're-create' ||
    one.kind === 'second-mapping' ||
    one.kind === 'foreign-event' ||
    (one.kind === 'deploy' && one.change.reservedAttribute !== undefined);
  const first = disturbances.find(isAdoption);
  return first === undefined
    ? [...disturbances]
    : disturbances.filter((one) => !isOther(one) && (one === first || !isAdoption(one)));
}

function outageOf(random: Random, atMs: number): Disturbance {
  const how = oneOf<OutageKind>(random, ['unreachable', 'denied', 'silent', 'throttled']);
  const forMs = oneOf(random, [3 * SECOND, 20 * SECOND, 90 * SECOND, 5 * HOUR, 26 * HOUR]);
  const share = oneOf(random, [1, 1, 0.7, 0.3]);
  // Commands try again for as long as they are throttled, which would make long runs of nothing else.
  return {
    atMs,
    kind: 'outage',
    forMs: how === 'throttled' ? Math.min(forMs, 90 * SECOND) : forMs,
    share,
    how,
  };
}
