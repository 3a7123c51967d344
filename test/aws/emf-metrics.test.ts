import { expect, it } from 'vitest';
import { emfMetrics } from '../../src/aws/emf-metrics.ts';
import { METRIC_UNITS } from '../../src/config/names.ts';
import type { BatchSummary } from '../../src/model/batch-response.ts';
import { createMetricsTally } from '../../src/local/cloudwatch/metrics-tally.ts';
import { SETTINGS } from '../fixtures/records.ts';

/** All but what the heartbeat publishes. */
const OWN_METRICS = Object.entries(METRIC_UNITS).filter(([name]) => name !== 'HeartbeatAge');

const summary = (latenciesMs: number[]): BatchSummary => ({
  batchItemFailures: [],
  counts: {
    applied: 5,
    superseded: 4,
    coalesced: 3,
    skipped: 2,
    foreign: 18,
    own: 15,
    stray: 16,
    stranded: 17,
    'dead-lettered': 1,
  },
  superseded: {
    redelivery: 1,
    tied: 19,
    newer: 2,
    deleted: 3,
    unversioned: 0,
    'not-returned': 0,
    'not-comparable': 0,
    ended: 0,
  },
  twoWay: { conflicts: 20, revenants: 21, futureStamps: 22 },
  retried: 6,
  held: 13,
  isUnreadable: true,
  heartbeatsMs: [41.6],
  negativeLatencies: 11,
  timestampFallbacks: 14,
  pendingRecords: 12,
  causes: {},
  failures: { throttled: 7, unreachable: 8, denied: 9, rejected: 0, switching: 0, unknown: 1 },
  oldestUnappliedMs: 61_000.4,
  latenciesMs,
});

function publish(latenciesMs: number[]): Array<Record<string, unknown>> {
  const lines: string[] = [];
  const clock = { now: () => 1_234, sleep: async () => undefined };
  emfMetrics({ settings: SETTINGS, clock, writeLine: (line) => lines.push(line) }).publish(
    summary(latenciesMs),
  );
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

it('writes one document with every count, its unit and its dimensions', () => {
  const [document, ...more] = publish([12.4, 80]);

  expect(more).toEqual([]);
  expect(document).toEqual({
    _aws: {
      Timestamp: 1_234,
      CloudWatchMetrics: [
        {
          Namespace: 'Ferry',
          Dimensions: [['Replication', 'SourceRegion', 'ReceivingRegion']],
          Metrics: expect.arrayContaining(OWN_METRICS.map(([Name, Unit]) => ({ Name, Unit }))),
        },
      ],
    },
    Replication: 'orders',
    SourceRegion: 'us-east-1',
    ReceivingRegion: 'eu-west-1',
    AppliedRecords: 5,
    SupersededRecords: 4,
    SupersededByRedelivery: 1,
    SupersededByNewerItem: 2,
    SupersededByTombstone: 3,
    TiedRecords: 19,
    ForeignRecords: 18,
    CoalescedRecords: 3,
    SkippedRecords: 2,
    OwnRecords: 15,
    StrayWrites: 16,
    Conflicts: 20,
    Revenants: 21,
    FutureStamps: 22,
    StrandedRecords: 17,
    ControlUnreadable: 1,
    RetriedRecords: 6,
    HeldRecords: 13,
    DeadLetteredRecords: 1,
    DestinationThrottles: 7,
    DestinationUnreachable: 9,
    DestinationDenied: 9,
    OldestUnappliedAge: 61_000,
    PendingRecords: 12,
    NegativeLatencies: 11,
    TimestampFallbacks: 14,
    HeartbeatLatency: [42],
    ReplicationLatency: [12, 80],
  });
});

it('names no latency where nothing was applied', () => {
  const [document] = publish([]);

  expect(JSON.stringify(document)).not.toContain('ReplicationLatency');
});

it('names no fallbacks where there were none', () => {
  const lines: string[] = [];
  const clock = { now: () => 1_234, sleep: async () => undefined };
  const metrics = emfMetrics({ settings: SETTINGS, clock, writeLine: (line) => lines.push(line) });
  metrics.publish({ ...summary([1]), timestampFallbacks: 0 });

  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain('TimestampFallbacks');
});

it('spreads more than a hundred latencies over documents, and loses none', () => {
  const latencies = Array.from({ length: 250 }, (_, index) => index);

  const documents = publish(latencies);

  expect(documents.map((document) => (document['ReplicationLatency'] as number[]).length)).toEqual([
    100, 100, 50,
  ]);
  expect(documents.flatMap((document) => document['ReplicationLatency'])).toEqual(latencies);
  expect(documents.slice(1).every((document) => document['AppliedRecords'] === undefined)).toBe(
    true,
  );
});

it('is understood by the tally of local mode', () => {
  const tally = createMetricsTally();
  for (const document of [...publish([10, 20]), ...publish([30])])
    tally.addLine(JSON.stringify(document));
  tally.addLine('{"event":"write.unfinished"}');
  tally.addLine('{"_aws":{"CloudWatchMetrics":[{"Namespace":"Other"}]},"AppliedRecords":99}');

  expect(tally.sum('AppliedRecords')).toBe(10);
  expect(tally.latencies()).toEqual({ p50: 20, p90: 30, p99: 30, max: 30 });
  expect(tally.latestLatencies()).toEqual({ p50: 20, p90: 30, p99: 30, max: 30 });
  expect(tally.latestLatencies()).toBeUndefined();
});
