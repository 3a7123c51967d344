// Whether a run is due, and how it compares: which ranges, by how many workers, how fast.

import { segmentCount, SEGMENT_BYTES } from '../verify/segment-count.ts';
import { planSample } from '../verify/sample.ts';
import type { VerifyTask } from '../bulk/task.ts';
import type { ReconcileConfig } from '../config/schema.ts';
import type { Reconciliation } from '../model/reconciliation-row.ts';
import type { Random } from '../ports.ts';

const HOUR_MS = 60 * 60 * 1000;

/** A run that fails is due again the next day. */
export function isDue({ good }: Reconciliation, period: number, nowMs: number): boolean {
  // The rule comes once a day, but not to the minute.
  return good === undefined || nowMs - good.startedAtMs >= period - HOUR_MS;
}

export interface Wish {
  /** Names the run's reports. */
  readonly run: string;
  readonly settings: ReconcileConfig;
  /** Of the larger table, as DynamoDB knows it. */
  readonly sizeBytes: number;
}

/** What the map of the state machine takes. */
export interface MapInput {
  readonly segments: readonly number[];
  readonly workers: number;
  readonly task: VerifyTask;
}

/** A page of a scan takes up to 256 units: a worker with less than 50 would not end in time. */
const UNITS_OF_WORKER = 250;
/** Lambda's concurrency is there for others, too. */
const WORKERS_MAX = 40;
/** Each costs two requests, and less than a read unit of rounding. */
const RANGES_WANTED = 10_000;
/** A worker compares several ranges at once, each to its end, in the time that is left to it. */
const RANGE_SECONDS_MAX = 10;
const READ_UNIT_BYTES = 4_096;
/** Longer than records are under way, and short enough for all looks of an invocation. */
export const SETTLE_MS = 15_000;

/** A small table is one segment with one worker. */
export function mapInput({ run, settings, sizeBytes }: Wish, random: Random): MapInput {
  const { maxReadUnits, sample } = settings;
  const workersMax = Math.min(WORKERS_MAX, Math.ceil(maxReadUnits / UNITS_OF_WORKER));
  const wanted = sizeBytes <= SEGMENT_BYTES ? 1 : workersMax;
  const wholeSegments = wanted === 1 ? 1 : segmentCount(sizeBytes, wanted);
  const percent = Number.parseFloat(sample);
  const rangeBytesMax = (maxReadUnits / wanted) * RANGE_SECONDS_MAX * READ_UNIT_BYTES;
  const ranges = Math.ceil((sizeBytes * percent) / 100 / rangeBytesMax);
  const size = { sizeBytes, wholeSegments, rangesWanted: Math.max(RANGES_WANTED, ranges) };
  const plan = percent === 100 ? undefined : planSample({ percent, ...size });
  const isSample = plan?.kind === 'sample';
  const parts = isSample ? Math.min(plan.count, 4 * wanted) : wholeSegments;
  const workers = Math.min(wanted, parts);
  return {
    segments: Array.from({ length: parts }, (_, segment) => segment),
    workers,
    task: {
      operation: 'verify',
      run,
      totalSegments: isSample ? plan.totalSegments : wholeSegments,
      settleMs: SETTLE_MS,
      values: false,
      readUnits: maxReadUnits / workers,
      ...(isSample && { sample: { seed: seedOf(random), count: plan.count, parts } }),
    },
  };
}

function seedOf(random: Random): string {
  return Math.floor(random.next() * 2 ** 48).toString(16);
}

/** Ranges that a run compares. */
export function rangesOf({ totalSegments, sample }: VerifyTask): number {
  return sample?.count ?? totalSegments;
}
