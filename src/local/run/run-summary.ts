// What a local run has done so far, and what it has come to: counts from its event source mapping and its metrics.

import type { TableReport } from './compare-tables.ts';
import type { LocalRedrive } from './local-redrive.ts';
import type { CountedWorld } from './local-world.ts';
import type { Percentiles } from '../cloudwatch/metrics-tally.ts';

interface RunCounts {
  readonly writes: number;
  /** Stream records handed to the function, each counted once. */
  readonly records: number;
  readonly applied: number;
  readonly superseded: number;
  readonly coalesced: number;
  readonly skipped: number;
  readonly deadLettered: number;
}

export interface LocalRunProgress extends RunCounts {
  /** Of the records applied since the last progress. */
  readonly latestLatencyMs: Percentiles | undefined;
}

/** The last line of `ferry local --json`. Fields are added, never renamed. */
export interface LocalRunSummary extends RunCounts {
  /** Records given up to the on-failure destination. */
  readonly givenUp: number;
  /** Records handed over again after a failure. */
  readonly retried: number;
  readonly items: number;
  /** Items of the source that the projection leaves out. */
  readonly leftOut: number;
  readonly differences: number;
  /** Items that kept changing while they were compared. */
  readonly unconfirmed: number;
  /**
   * With faults, be they of the story or of the live page: what became of the dead letters and given-up
   * batches, over all redrives.
   */
  readonly redriven?: LocalRedrive['totals'] & { readonly left: number };
  /** Milliseconds from the write call to the item's arrival; all zero if nothing was applied. */
  readonly latencyMs: Percentiles;
  readonly recordsPerSecond: number;
  /** Writes per second that were asked for, and that were reached. */
  readonly askedWritesPerSecond: number;
  readonly writesPerSecond: number;
  readonly durationSeconds: number;
  readonly engine: string;
  readonly seed: number;
}

/** Of a run, what its counts are taken from. */
export interface CountedRun {
  readonly world: CountedWorld;
  readonly options: { readonly writesPerSecond: number; readonly seed: number };
  readonly writes: number;
  /** As reached. */
  readonly writesPerSecond: number;
}

interface Outcome {
  readonly report: TableReport;
  readonly durationSeconds: number;
  readonly redriven: LocalRunSummary['redriven'];
}

export function progressOf(run: Pick<CountedRun, 'writes' | 'world'>): LocalRunProgress {
  return { ...countsOf(run), latestLatencyMs: run.world.tally.latestLatencies() };
}

function countsOf({
  writes,
  world: { mapping, tally },
}: Pick<CountedRun, 'writes' | 'world'>): RunCounts {
  return {
    writes,
    records: mapping.counts.received,
    applied: tally.sum('AppliedRecords'),
    superseded: tally.sum('SupersededRecords'),
    coalesced: tally.sum('CoalescedRecords'),
    skipped: tally.sum('SkippedRecords'),
    deadLettered: tally.sum('DeadLetteredRecords'),
  };
}

export function summaryOf(
  run: CountedRun,
  { report, durationSeconds, redriven }: Outcome,
): LocalRunSummary {
  const { source, destination, mapping, tally } = run.world;
  return {
    ...countsOf(run),
    givenUp: mapping.counts.givenUp,
    retried: tally.sum('RetriedRecords'),
    items: report.items,
    leftOut: report.leftOut,
    differences: report.missing + report.different + report.extraneous,
    unconfirmed: report.inFlight + report.unreadable,
    ...(redriven === undefined ? {} : { redriven }),
    latencyMs: tally.latencies() ?? { p50: 0, p90: 0, p99: 0, max: 0 },
    recordsPerSecond: Math.round(mapping.counts.received / durationSeconds),
    askedWritesPerSecond: run.options.writesPerSecond,
    writesPerSecond: run.writesPerSecond,
    durationSeconds: Math.round(durationSeconds * 100) / 100,
    engine: [...new Set([source.engine, destination.engine])].join(' -> '),
    seed: run.options.seed,
  };
}
