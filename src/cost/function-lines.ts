// What the functions take: how often Lambda invokes them, for how long, and what they log.

import { metricValues } from '../model/metric-values.ts';
import { summarizeBatch } from '../model/batch-response.ts';
import { NO_FAILURES } from '../model/write-failure.ts';
import { type Line, linesOf, type Measure } from './bill.ts';
import {
  elapsedMs,
  type Facts,
  INVOCATION_CPU_MS,
  LOG_BYTES,
  LOG_COMPRESSION,
  POLLS_PER_SECOND,
  RECORD_CPU_MS,
} from './setting.ts';
import { GB, insertShare, MONTH_DAYS, SECONDS_A_MONTH } from './workload.ts';
import { looksUpInserts } from './write-units.ts';

/** Of a full batch that Lambda hands over as JSON. */
const EVENT_BYTES_MAX = 6 * 2 ** 20;

export interface Invocations {
  /** A month. */
  readonly count: number;
  /** Of them, those with at least one record of a kind that has this share of all. */
  readonly having: (share: number) => number;
  readonly records: number;
}

/** Records come at random, the same number to each lane of a shard; Lambda asks each shard at a fixed pace. */
export function invocationsOf(facts: Facts): Invocations {
  const { workload, replication } = facts;
  const { batchSize, maxBatchingWindowSeconds } = replication.eventSource;
  const lanes = lanesOf(facts);
  const perSecond = workload.writesPerSecond + beatsPerSecond(facts);
  const each = perSecond / lanes;
  const found =
    maxBatchingWindowSeconds > 0
      ? each / (1 + each * maxBatchingWindowSeconds)
      : POLLS_PER_SECOND * (1 - Math.exp(-each / POLLS_PER_SECOND));
  const recordsMax = Math.min(batchSize, EVENT_BYTES_MAX / (workload.itemBytes + 500));
  const count = SECONDS_A_MONTH * lanes * Math.max(found, each / recordsMax);
  const records = SECONDS_A_MONTH * perSecond;
  const having = (share: number) =>
    count === 0 ? 0 : count * (1 - Math.exp((-records * share) / count));
  return { count, records, having };
}

/** Batches that may be under way at the same time. */
function lanesOf({ shardCount, replication }: Facts): number {
  return shardCount * replication.eventSource.parallelizationFactor;
}

function beatsPerSecond({ replication }: Facts): number {
  return replication.heartbeat === undefined ? 0 : 1 / 60;
}

/** @param acknowledges the records of a twin, which need no request. */
export function functionLines(facts: Facts, { acknowledges = false } = {}): Line[] {
  const { replication, roundTripMs, workload } = facts;
  const { memoryMiB } = replication.function;
  const { count, having, records } = invocationsOf(facts);
  // A delete waits for its tombstone, and an insert for its look-up.
  const slow = workload.deleteShare + (looksUpInserts(replication) ? insertShare(workload) : 0);
  const cpuMs = count * INVOCATION_CPU_MS + records * RECORD_CPU_MS;
  const waitedMs = acknowledges ? 0 : (count + having(slow)) * roundTripMs;
  return [
    ...ofFunction(
      'function',
      { count, ms: elapsedMs(cpuMs, memoryMiB) + waitedMs, memoryMiB },
      facts,
    ),
    ...linesOf('function', [
      [
        'reads of the control row',
        Math.min((lanesOf(facts) * SECONDS_A_MONTH) / 60, count),
        'millionReadUnits',
        replication.destination.region,
      ],
    ]),
  ];
}

/** Requests, and the time of all of them. */
export function ofFunction(
  part: string,
  { count, ms, memoryMiB }: { count: number; ms: number; memoryMiB: number },
  { replication }: Pick<Facts, 'replication'>,
): Line[] {
  const { region } = replication.source;
  const isArm = replication.function.architecture === 'arm64';
  const gbSeconds = ((ms / 1000) * memoryMiB) / 1024;
  const price = isArm ? 'millionGBSecondsArm' : 'millionGBSecondsX86';
  const measured = (measure: Measure) => (part === 'function' ? measure : undefined);
  return linesOf(part, [
    ['requests', count, 'millionFunctionRequests', region, measured('function requests')],
    ['GB-seconds', gbSeconds, price, region, measured('function GB-seconds')],
  ]);
}

export function logLines(facts: Facts): Line[] {
  const { replication } = facts;
  const { region } = replication.source;
  const amount = (invocationsOf(facts).count * LOG_BYTES) / GB;
  const kept = (amount * LOG_COMPRESSION * replication.function.logRetentionDays) / MONTH_DAYS;
  return linesOf('logs', [
    ['GB ingested', amount, 'logGB', region, 'log GB'],
    ['GB stored', kept, 'logGBMonth', region],
  ]);
}

/** Metrics that always have datapoints; others are published only when there is something to count. */
export function metricCount({ replication, writes }: Facts): number {
  const always = Object.keys(metricValues(summarizeBatch([], { failures: NO_FAILURES, nowMs: 0 })));
  return (
    // With the latency, which an empty batch does not have.
    always.length +
    1 +
    (replication.heartbeat === undefined ? 0 : 2) +
    (replication.reconcile === undefined ? 0 : 4) +
    // What the other direction has written comes through this stream.
    (replication.twoWay === undefined ? 0 : 1) +
    (replication.tombstones === 'checked' && writes.deletes > 0 ? 1 : 0)
  );
}
