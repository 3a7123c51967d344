// Where Lambda only notes what it gives up: the times that an operator must not miss, and what the commands say of them.

import { describe, expect, it } from 'vitest';
import { statusFacts } from '../../src/cli/status-facts.ts';
import { type Status, statusRows } from '../../src/cli/status-figures.ts';
import { alarmLines, horizonLines, lossLines } from '../../src/cli/pause-result.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import type { Vitals } from '../../src/model/vitals.ts';
import { deadlineOf, deadlineText, notedUntilMs } from '../../src/status/deadline.ts';
import { verdictOf } from '../../src/status/verdict.ts';
import { CHINA, CREATED, replicationOf } from '../lib/stack-templates.ts';

const NOON = Date.UTC(2026, 0, 31, 12);
const HOUR = 3_600_000;
const there = replicationOf(CHINA);
const here = replicationOf(CREATED);
const after = (hours: number): ReplicationConfig => ({
  ...there,
  eventSource: { ...there.eventSource, maxRecordAgeSeconds: hours * 3_600 },
});

describe('the deadline of a record that waits', () => {
  it.each<[string, ReplicationConfig, number | undefined, string | undefined]>([
    ['nothing waits', there, undefined, undefined],
    ['Lambda stores the records', here, 3, undefined],
    ['it is ahead', there, 3, 'at 2026-01-31T21:00:00Z; redrive until 2026-02-01T09:00:00Z'],
    ['it is now', there, 12, 'since 2026-01-31T12:00:00Z; redrive until 2026-02-01T00:00:00Z'],
    [
      'it has passed, and a redrive finds the records',
      there,
      20,
      'since 2026-01-31T04:00:00Z; redrive until 2026-01-31T16:00:00Z',
    ],
    [
      'the stream has no such record any more',
      there,
      25,
      'since 2026-01-30T23:00:00Z; lost since 2026-01-31T11:00:00Z',
    ],
    [
      'the configured age is high',
      after(23),
      20,
      'at 2026-01-31T15:00:00Z; redrive until 2026-01-31T16:00:00Z',
    ],
    [
      'the configured age is low',
      after(1),
      2,
      'since 2026-01-31T11:00:00Z; redrive until 2026-02-01T10:00:00Z',
    ],
  ])('if %s', (_, replication, hoursAgo, expected) => {
    const oldestMs = hoursAgo === undefined ? undefined : NOON - hoursAgo * HOUR;
    const deadline = deadlineOf(replication, oldestMs);

    expect(deadline && deadlineText(deadline, NOON)).toBe(expected);
  });

  it('counts for a noted batch from its message, which came when the records were given up', () => {
    expect(notedUntilMs(there, NOON)).toBe(NOON + 12 * HOUR);
    expect(notedUntilMs(after(20), NOON)).toBe(NOON + 4 * HOUR);
    expect(notedUntilMs(here, NOON)).toBeUndefined();
    expect(notedUntilMs({ ...here, deadLetters: 'projected' }, NOON)).toBe(NOON + 4 * HOUR);
  });
});

function statusOf(replication: ReplicationConfig, parts: Partial<Vitals>): Status {
  const streamArn = 'arn:aws-cn:dynamodb:cn-north-1:111122223333:table/Orders/stream/1';
  const vitals: Vitals = {
    nowMs: NOON,
    own: {},
    services: {},
    latency: { p50: [], p90: [], p99: [] },
    mapping: { state: 'Enabled', lastResult: 'OK', streamArn },
    deadLetters: 0,
    streamArn,
    ...parts,
  };
  return { replication, vitals, verdict: verdictOf(vitals, { behindMs: 1, heartbeat: false }) };
}

const old = (ageMs: number) =>
  [1, 2, 3].map((minutes) => [NOON - minutes * 60_000, ageMs] as const);
const WAITING = { own: { OldestUnappliedAge: old(3 * HOUR).toReversed() } };
const row = (status: Status, label: string) => statusRows(status).find(([name]) => name === label);

describe('ferry status', () => {
  it('shows the deadline where Lambda does not store the records, and nowhere else', () => {
    const behind = statusOf(there, WAITING);

    expect(row(behind, 'given up by Lambda')?.[1]).toMatch(
      /^at 2026-01-31T21:0\d:00Z; redrive until 2026-02-01T09:0\d:00Z$/,
    );
    expect(statusFacts(behind)).toMatchObject({
      deadline: {
        givenUpAfter: expect.stringMatching(/^2026-01-31T21:0/) as string,
        redriveUntil: expect.stringMatching(/^2026-02-01T09:0/) as string,
      },
    });
    expect(row(statusOf(here, WAITING), 'given up by Lambda')).toBeUndefined();
    expect(statusFacts(statusOf(here, WAITING))).toMatchObject({ deadline: null });
    expect(row(statusOf(there, {}), 'given up by Lambda')).toBeUndefined();
  });

  it('shows no count of batches where Lambda does not publish it', () => {
    expect(row(statusOf(there, {}), 'batches given up, last hour')).toBeUndefined();
    expect(row(statusOf(here, {}), 'batches given up, last hour')?.[1]).toBe('0');
  });

  it('shows it during a pause', () => {
    const paused = { sinceMs: NOON - HOUR, oldestMs: NOON - 2 * HOUR };

    expect(row(statusOf(there, { paused }), 'given up by Lambda')?.[1]).toBe(
      'at 2026-01-31T22:00:00Z; redrive until 2026-02-01T10:00:00Z',
    );
  });

  it('says until when the oldest noted batch can be redriven', () => {
    const parts: Partial<Vitals> = {
      deadLetters: 2,
      services: { ApproximateAgeOfOldestMessage: [[NOON - 60_000, 7_200]] },
    };

    expect(row(statusOf(there, parts), 'dead letters')?.[2]).toBe(
      'oldest 2 h, kept for 14 days; redrive given-up batches until 2026-01-31T22:00:00Z',
    );
    expect(row(statusOf(here, parts), 'dead letters')?.[2]).toBe('oldest 2 h, kept for 14 days');
  });
});

describe('a pause', () => {
  const paused = { sinceMs: NOON, oldestMs: NOON };

  it('does not promise a bucket where there is none', () => {
    expect(horizonLines(paused, there, undefined)).toEqual([
      'Resume before 2026-02-01T12:00:00Z. After that, changes are lost, because the stream keeps a record for 24 hours.',
      'If you resume after 2026-02-01T00:00:00Z, Lambda gives up records older than 12 h, and only notes in the dead-letter queue where the stream has them. Then redrive them.',
    ]);
    expect(lossLines(paused, there, NOON + 13 * HOUR)[0]).toContain(
      'Lambda gives up records older than 12 h, and only notes in the dead-letter queue',
    );
    expect(lossLines(paused, here, NOON + 21 * HOUR)[0]).toContain(
      'Lambda sends records older than 20 h to the on-failure bucket. When the status is healthy',
    );
  });

  it('names no alarms where they are switched off', () => {
    const quiet = { ...here, heartbeat: { key: { pk: 'b' } } };

    expect(alarmLines({ ...quiet, alarms: { ...quiet.alarms, enabled: false } })).toEqual([
      'The pause sets off no alarm, because the alarms are switched off.',
    ]);
  });

  it('names the hours of the alarms there', () => {
    const beating = { ...there, heartbeat: { key: { pk: 'b' } } };

    expect(alarmLines(beating).join()).toContain('records-expiring after 6 hours');
  });
});
