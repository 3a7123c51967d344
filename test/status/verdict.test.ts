// The verdict by the figures alone: each line is a state of a replication and what is said of it.

import { describe, expect, it } from 'vitest';
import type { MetricName } from '../../src/config/names.ts';
import { type Verdict, verdictOf } from '../../src/status/verdict.ts';
import { MINUTE_MS, type Series, type ServiceMetric, type Vitals } from '../../src/model/vitals.ts';

const NOW_MS = Date.UTC(2026, 0, 31, 12);
const STREAM = 'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/1';
const ago = (minutes: number) => NOW_MS - minutes * MINUTE_MS;
const once = (minutes: number, value: number): Series => [[ago(minutes), value]];
const enabled = { state: 'Enabled', lastResult: 'OK', streamArn: STREAM };

function vitals(parts: Partial<Vitals>): Vitals {
  return {
    nowMs: NOW_MS,
    own: {},
    services: {},
    latency: { p50: [], p90: [], p99: [] },
    mapping: enabled,
    deadLetters: 0,
    streamArn: STREAM,
    ...parts,
  };
}

function verdict(parts: Partial<Vitals>, heartbeat = false): Verdict {
  return verdictOf(vitals(parts), { behindMs: 30_000, heartbeat });
}

const WHY = 'Nothing listens at http://127.0.0.1:9';
const IDLE = 'the source has had no changes in the last hour';
const p99 = (ms: number) => ({ p50: [], p90: [], p99: once(2, ms) });

describe('the verdict on the figures of an hour', () => {
  it('is idle only where there are none', () => {
    expect(verdict({})).toEqual({ level: 'healthy', text: IDLE });
  });

  it.each<[string, Partial<Vitals>, Verdict['level'], string]>([
    [
      'latencies are known',
      { own: { AppliedRecords: once(2, 120) }, latency: p99(850) },
      'healthy',
      'p99 latency is 850 ms',
    ],
    [
      'no latency is known, as of deletes where writes have timestamps',
      { own: { AppliedRecords: once(2, 120) } },
      'healthy',
      'records are applied, but CloudWatch has no latency of the last hour',
    ],
    [
      'all records were delivered again',
      { own: { SupersededRecords: once(2, 9), SupersededByRedelivery: once(2, 9) } },
      'healthy',
      'the records of the last hour were superseded',
    ],
    [
      'all records were left out or dead-lettered',
      { own: { SkippedRecords: once(30, 9), DeadLetteredRecords: once(20, 1) } },
      'healthy',
      'the records of the last hour were skipped or sent to the dead-letter queue',
    ],
    [
      'the first record is retried, and is not old yet',
      { own: { RetriedRecords: once(1, 1), OldestUnappliedAge: once(1, 4_000) } },
      'behind',
      'records failed in the last hour, and none was applied',
    ],
  ])('tells what was done where %s', (_, parts, level, text) => {
    expect(verdict(parts)).toMatchObject({ level, text });
  });

  it('says what the last reconciliation left, in the direction that compares', () => {
    const counts = { differences: 1, repaired: 0, unreadable: 2, inFlight: 0, left: 3 };
    const scanned = { items: 9, destinationItems: 8, leftOut: 0, largestRange: 9 };
    const run = { run: 'r1', startedAtMs: 0, endedAtMs: 0, ranges: 1, rangesTotal: 1 };
    const good = { ...run, ...scanned, ...counts };
    const found = vitals({ reconciliation: { revision: 1, sinceMs: NOW_MS, good } });
    const rules = { behindMs: 30_000, heartbeat: false };

    expect(verdictOf(found, { ...rules, reconcileMs: MINUTE_MS })).toMatchObject({
      level: 'different',
      text: 'the reconciliation of 1970-01-01T00:00:00Z left 3 differences, with 2 unreadable items',
    });
    expect(verdictOf(found, rules).level).toBe('healthy');
  });

  it('needs old images of a stream only where either table can become the source', () => {
    const rules = { behindMs: 30_000, heartbeat: false };
    const plain = vitals({ streamView: 'NEW_IMAGE' });

    expect(verdictOf(plain, rules).level).toBe('healthy');
    expect(verdictOf(plain, { ...rules, oldImagesFor: '"switching"' })).toMatchObject({
      level: 'stuck',
      text: 'the stream has the view type NEW_IMAGE, and "switching" needs NEW_AND_OLD_IMAGES',
    });
    const whole = vitals({ streamView: 'NEW_AND_OLD_IMAGES' });
    expect(verdictOf(whole, { ...rules, oldImagesFor: '"switching"' }).level).toBe('healthy');
  });

  const counted: MetricName[] = [
    'AppliedRecords',
    'SupersededRecords',
    'CoalescedRecords',
    'SkippedRecords',
    'RetriedRecords',
    'HeldRecords',
    'DeadLetteredRecords',
    'DestinationThrottles',
    'DestinationUnreachable',
    'DestinationDenied',
  ];
  const services: ServiceMetric[] = ['Errors', 'Throttles'];
  it.each([
    ...counted.map((name) => [name, (at: number) => ({ own: { [name]: once(at, 1) } })] as const),
    ...services.map(
      (name) => [name, (at: number) => ({ services: { [name]: once(at, 1) } })] as const,
    ),
  ])('never calls a replication idle that has had %s', (_, parts) => {
    for (const minutes of [1, 10, 50]) expect(verdict(parts(minutes)).text).not.toBe(IDLE);
  });
});

describe('the verdict without the control row', () => {
  const unread = { paused: 'unknown', controlProblem: WHY } as const;

  it('is not that all is well, and says what the metrics tell', () => {
    expect(verdict(unread)).toEqual({
      level: 'unknown',
      text: `the control row of the destination cannot be read from here (${WHY}). The metrics are healthy: ${IDLE}`,
    });
  });

  it.each<[string, Partial<Vitals>]>([
    ['stuck', { own: { OldestUnappliedAge: once(20, MINUTE_MS) } }],
    ['behind', { deadLetters: 2 }],
    ['held', { own: { HeldRecords: once(1, 9) } }],
  ])('is %s where the metrics say so', (level, parts) => {
    expect(verdict({ ...parts, ...unread }).level).toBe(level);
  });
});

describe('a failure that later minutes no longer show', () => {
  /** In the last minutes, the oldest first. */
  const minutely = (...values: number[]): Series =>
    values.map((value, index) => [ago(values.length - index), value]);
  const failures: ReadonlyArray<[MetricName, Verdict['level']]> = [
    ['DestinationUnreachable', 'stuck'],
    ['DestinationDenied', 'stuck'],
    ['HeldRecords', 'held'],
  ];

  it.each(failures)('is over once records are applied: %s', (name) => {
    const own = { [name]: once(3, 9), AppliedRecords: once(2, 50) };

    expect(verdict({ own }).level).toBe('healthy');
  });

  it.each(failures)(
    'goes on where a later minute has it, or none has a success: %s',
    (name, level) => {
      const [before, none] = [{ AppliedRecords: once(4, 50) }, {}];

      for (const own of [before, none])
        expect(
          verdict({ own: { ...own, [name]: once(3, 9), RetriedRecords: once(3, 9) } }).level,
        ).toBe(level);
      const among = { [name]: minutely(9, 9, 9), AppliedRecords: minutely(50, 50, 50) };
      expect(
        verdict({ own: { ...among, OldestUnappliedAge: minutely(60_000, 120_000, 180_000) } })
          .level,
      ).toBe(level);
    },
  );

  it('leaves what waits behind, and is not called stuck: four minutes after a thaw', () => {
    const own = {
      DestinationUnreachable: once(4, 9),
      OldestUnappliedAge: minutely(0, 0, 0, 0, 86_000, 0, 0, 0),
      AppliedRecords: once(3, 55),
    };

    expect(verdict({ own })).toMatchObject({
      level: 'behind',
      text: 'by up to 86 s in the last 5 min, and nearly caught up',
    });
  });

  it('is no reason for a verdict when its minute has passed, if nothing was left in it', () => {
    const own = { OldestUnappliedAge: once(7, 86_000), AppliedRecords: once(7, 55) };

    expect(verdict({ own, leastUnapplied: once(7, 0) }).level).toBe('healthy');
    expect(verdict({ own, leastUnapplied: once(7, 86_000) }).level).toBe('stuck');
    expect(verdict({ own }).level).toBe('stuck');
  });
});

describe('the verdict on a mapping', () => {
  const inState = (state: string, changedMinutes?: number) => {
    const changed = changedMinutes === undefined ? {} : { changedAtMs: ago(changedMinutes) };
    return verdict({ mapping: { ...enabled, state, ...changed } }, false);
  };

  it.each([
    ['Creating', 1, 'starting'],
    ['Creating', undefined, 'starting'],
    ['Enabling', 1, 'starting'],
    ['Updating', 1, 'healthy'],
    ['Enabled', 1, 'healthy'],
    ['Disabling', 1, 'stuck'],
    ['Disabled', 1, 'stuck'],
    ['Deleting', 1, 'stuck'],
    // Lambda does not take hours for it.
    ['Enabling', 90, 'stuck'],
  ])('that is %s since %s minutes: %s', (state, minutes, level) => {
    expect(inState(state, minutes).level).toBe(level);
  });

  it('says how long records have waited for a mapping that is enabling', () => {
    const services = { IteratorAge: once(20, 5_000) };

    const { text } = verdict({ services, mapping: { ...enabled, state: 'Enabling' } });

    expect(text).toBe('the event source mapping is enabling; records have waited for 20 min');
  });
});

describe('the verdict on a heartbeat', () => {
  interface Beats {
    /** Minutes ago. */
    readonly arrived?: number;
    readonly mapped?: number;
    readonly deployed?: number;
  }

  it.each<[Beats, string]>([
    [{ deployed: 0, mapped: 0 }, IDLE],
    [{ deployed: 6, mapped: 6 }, IDLE],
    [{ deployed: 7, mapped: 7 }, 'no heartbeat has arrived for 7 min'],
    [{ deployed: 5_000, mapped: 2 }, IDLE],
    [{ deployed: 2, mapped: 5_000 }, IDLE],
    [{ deployed: 5_000, mapped: 5_000 }, 'no heartbeat has arrived for an hour or more'],
    [{}, 'no heartbeat has arrived for an hour or more'],
    [{ arrived: 5, deployed: 5_000, mapped: 5_000 }, IDLE],
    [{ arrived: 20, deployed: 5_000, mapped: 5_000 }, 'no heartbeat has arrived for 20 min'],
    // An update of the function: the next heartbeats decide.
    [{ arrived: 20, deployed: 1, mapped: 5_000 }, IDLE],
    [{ arrived: 20, deployed: 10, mapped: 5_000 }, 'no heartbeat has arrived for 20 min'],
  ])('%o: %s', ({ arrived, mapped, deployed }, text) => {
    const found = verdict(
      {
        own: arrived === undefined ? {} : { HeartbeatLatency: once(arrived, 420) },
        mapping: mapped === undefined ? enabled : { ...enabled, changedAtMs: ago(mapped) },
        heartbeatSinceMs: deployed === undefined ? undefined : ago(deployed),
      },
      true,
    );

    expect(found.text).toBe(text);
  });
});

describe('a backlog that gets younger', () => {
  /** One figure a minute, the last one a minute ago. */
  const minutely = (...values: number[]): Series =>
    values.map((value, index) => [ago(values.length - index), value]);
  const ages = (...minutes: number[]) => minutely(...minutes.map((value) => value * MINUTE_MS));
  const shrinking = ages(10, 8, 6, 4);

  it('is being caught up while records are applied', () => {
    const own = { OldestUnappliedAge: shrinking, AppliedRecords: once(1, 120) };

    expect(verdict({ own }).text).toBe('by 4 min and catching up, about 2 min left');
  });

  it('is not being caught up while none is, because Lambda gives up what is oldest', () => {
    const own = { OldestUnappliedAge: shrinking, RetriedRecords: once(1, 50) };

    expect(verdict({ own })).toEqual({
      level: 'behind',
      text: 'by 4 min, and no record is applied',
      runbook: 'records-waiting',
    });
  });

  it('is nearly caught up once the latest record has not waited', () => {
    const own = { OldestUnappliedAge: ages(10, 8, 6, 0, 0), AppliedRecords: once(1, 120) };

    expect(verdict({ own }).text).toBe('by up to 10 min in the last 5 min, and nearly caught up');
  });

  it('is over when no age of the last minutes is one of a backlog', () => {
    const own = {
      OldestUnappliedAge: ages(10, 8, 6, 4, 0, 0, 0, 0, 0, 0),
      AppliedRecords: once(1, 120),
    };

    expect(verdict({ own }).level).toBe('healthy');
  });
});
