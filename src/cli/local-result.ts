// What a local run shows of its counts: on the status line while it runs, and as rows at its end.

import { duration } from '../text/duration.ts';
import { isMissed } from '../local/latency/reached-rate.ts';
import type { LocalRunProgress, LocalRunSummary } from '../local/run/run-summary.ts';
import { grouped, type Io } from './output.ts';
import { oncePerChange } from './progress.ts';
import type { Row } from './rows.ts';

/** Elsewhere than on a terminal, every tenth progress is a line. */
const PLAIN_EVERY = 10;

/** A status line that is updated on a terminal; elsewhere a line every few seconds, if the figures change. */
export function progressLine(io: Io): (progress: LocalRunProgress) => void {
  const report = oncePerChange(io);
  let calls = 0;
  return (progress) => {
    calls += 1;
    if (io.isTerminal || calls % PLAIN_EVERY === 0) report(factsOf(progress, io));
  };
}

/** Room for lag and dead letters, whatever their figures. */
const NARROW_COLUMNS = 60;

/** The most important first: a narrow terminal shows no more than these. */
function factsOf(progress: LocalRunProgress, { statusColumns }: Io): string[] {
  const { writes, applied, superseded, coalesced, deadLettered } = progress;
  const isNarrow = (statusColumns?.() ?? Infinity) < NARROW_COLUMNS;
  return [
    isNarrow ? `lag ${lagInBrief(progress)}` : `lag p50/p99 ${lagOf(progress)}`,
    `dead letters ${grouped(deadLettered)}`,
    `writes ${grouped(writes)}`,
    `applied ${grouped(applied)}`,
    `superseded ${grouped(superseded)}`,
    `coalesced ${grouped(coalesced)}`,
  ];
}

function lagOf({ latestLatencyMs: lag }: LocalRunProgress): string {
  return lag === undefined ? '-' : `${grouped(lag.p50)}/${grouped(lag.p99)} ms`;
}

function lagInBrief({ latestLatencyMs: lag }: LocalRunProgress): string {
  return lag === undefined ? '-' : `${duration(lag.p50)}/${duration(lag.p99)}`;
}

export function summaryRows(summary: LocalRunSummary): Row[] {
  const { latencyMs } = summary;
  const counts = ['writes', 'records', 'applied', 'superseded', 'coalesced', 'skipped'] as const;
  return [
    ...counts.map((name) => [name, grouped(summary[name])] as const),
    ['dead letters', grouped(summary.deadLettered)],
    ['given up', grouped(summary.givenUp)],
    ...redriveRows(summary),
    ['latency p50', `${grouped(latencyMs.p50)} ms`],
    ['latency p90', `${grouped(latencyMs.p90)} ms`],
    ['latency p99', `${grouped(latencyMs.p99)} ms`],
    ['writes/s', rateText(summary)],
    ['records/s', grouped(summary.recordsPerSecond)],
  ];
}

/** Without writes, no rate was asked for, or the run was stopped before. */
function missesRate({ writes, writesPerSecond, askedWritesPerSecond }: LocalRunSummary): boolean {
  return writes > 0 && isMissed(writesPerSecond, askedWritesPerSecond);
}

function rateText(summary: LocalRunSummary): string {
  const reached = grouped(summary.writesPerSecond);
  return missesRate(summary) ? `${reached} of ${grouped(summary.askedWritesPerSecond)}` : reached;
}

export function warnOfMissedRate(summary: LocalRunSummary, io: Io): void {
  if (!missesRate(summary)) return;
  io.err(
    `The rate was missed: ${rateText(summary)} writes/s were reached. The source or this machine is too slow.`,
  );
}

function redriveRows({ redriven }: LocalRunSummary): Row[] {
  if (redriven === undefined) return [];
  const outcomes = ['applied', 'superseded', 'coalesced', 'resynchronized', 'left'] as const;
  return outcomes.map((name) => [`redriven: ${name}`, grouped(redriven[name])] as const);
}
