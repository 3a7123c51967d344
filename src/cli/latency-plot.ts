// How `ferry latency` shows what it has measured: a table and a plot, or one line of JSON.

import { latencyPlot } from '../local/latency/latency-plot.ts';
import { percent, REFERENCE, shareWithin } from '../local/latency/latency-share.ts';
import type { LatencyLevel, LatencyRun } from '../local/latency/latency-run.ts';
import { grouped, wrapped } from './output.ts';
import { columns } from './rows.ts';

export function latencyText(run: LatencyRun, svg: string | undefined, width = 80): string[] {
  const { levels } = run;
  if (levels.length === 0) return [];
  const prose = (text: string) => wrapped(text, Math.min(width, PROSE_COLUMNS_MAX));
  const published = REFERENCE.map(
    ({ share, withinMs }) => `${percent(share)} in ${grouped(withinMs)} ms`,
  );
  return [
    ...prose(EXPLANATION),
    '',
    ...table(levels, width),
    '',
    ...notes(run).flatMap(prose),
    '',
    ...prose('Share of the items that were readable at the twin within T'),
    ...latencyPlot(
      levels.map((level) => ({ ...level, label: rateText(level) })),
      width,
    ),
    ...prose(`◇ published: ${published.join(', ')}`),
    ...(svg === undefined ? [] : ['', `The same as a picture: ${svg}`]),
  ];
}

const PROSE_COLUMNS_MAX = 79;
const EXPLANATION =
  'Milliseconds from the due time of a write until its item is readable at the twin, and the share of the items within three times:';

export function milliseconds(ms: number): string {
  return Number.isFinite(ms) ? `${grouped(ms)} ms` : 'never';
}

const CARRIERS = { lambda: 'Lambda', run: 'ferry run' } as const;

/** With the carrier, where it is not the function. */
export function rateText({ rate, carrier }: Pick<LatencyLevel, 'rate' | 'carrier'>): string {
  return `${rate} writes/s${carrier === 'lambda' ? '' : `, ${CARRIERS[carrier]}`}`;
}

/** Indexes of columns, the most important first: rate, carrier, p50, p99, share within the longest time, … */
const IMPORTANCE = [0, 1, 4, 6, 10, 3, 5, 7, 8, 9, 2];

/** As many columns as fit. */
function table(levels: readonly LatencyLevel[], width: number): string[] {
  const rows = [
    [
      'writes/s',
      'by',
      'writes',
      'arrived',
      'p50',
      'p90',
      'p99',
      'max',
      ...REFERENCE.map(({ withinMs }) => `≤${grouped(withinMs)}`),
    ],
    ...levels.map(cellsOf),
    ['published', '', '', '', '', '', '', '', ...REFERENCE.map(({ share }) => percent(share))],
  ];
  // Who has carried the changes is the same everywhere, unless there are two.
  const columnsThere = IMPORTANCE.filter((index) => index !== 1 || isBeside(levels));
  for (let count = columnsThere.length; count > 1; count -= 1) {
    const shown = columnsThere.slice(0, count).toSorted((a, b) => a - b);
    const lines = columns(
      rows.map((cells) => shown.map((index) => cells[index] ?? '')),
      shown.map(() => 'right' as const),
    );
    if (lines.every((line) => line.length <= width)) return lines;
  }
  return [];
}

function isBeside(levels: readonly LatencyLevel[]): boolean {
  return levels.some(({ carrier }) => carrier !== 'lambda');
}

function cellsOf(level: LatencyLevel): string[] {
  const { rate, carrier, writes, arrived, latencyMs, latenciesMs } = level;
  return [
    grouped(rate),
    CARRIERS[carrier],
    ...[writes, arrived].map(grouped),
    ...[latencyMs.p50, latencyMs.p90, latencyMs.p99, latencyMs.max].map((ms) =>
      Number.isFinite(ms) ? grouped(ms) : 'never',
    ),
    ...REFERENCE.map(({ withinMs }) => percent(shareWithin(latenciesMs, withinMs))),
  ];
}

function notes({ levels, firstItemMs, engine }: LatencyRun): string[] {
  const slack = levels.map(({ slackMs }) => slackMs).filter(({ p50 }) => Number.isFinite(p50));
  const worst = (of: (one: (typeof slack)[number]) => number) => Math.max(0, ...slack.map(of));
  const late = Math.max(...levels.map(({ lateMsMax }) => lateMsMax));
  return [
    "published: another replicator, measured between two AWS Regions. This run uses one machine, so it shows Ferry's own share of the time, not AWS's.",
    `Ferry polls the twin, so p50 reads up to ${worst(({ p50 }) => p50)} ms too high, and p99 up to ${worst(({ p99 }) => p99)} ms.`,
    `Writes started up to ${grouped(late)} ms late. The latencies include that time.`,
    `The first item${firstItems(firstItemMs)}. It is not counted.`,
    ...(isBeside(levels)
      ? ['Both had strict tombstones, between tables of their own, and took turns at each rate.']
      : []),
    `Engine: ${engine}.`,
  ];
}

function firstItems({ lambda = NaN, run }: LatencyRun['firstItemMs']): string {
  const ofRun = run === undefined ? '' : `, and ${grouped(run)} ms with the start of \`ferry run\``;
  return `, with the start of the function, took ${grouped(lambda)} ms${ofRun}`;
}

/** Of `ferry latency --json`. Fields are added, never renamed. */
export function latencyFacts({ levels, firstItemMs, engine }: LatencyRun, svg?: string): object {
  return {
    levels: levels.map(({ latenciesMs, ...level }) => ({
      rate: level.rate,
      by: level.carrier,
      planned: level.planned,
      writes: level.writes,
      arrived: level.arrived,
      // JSON has no infinity: null stands for items that never arrived.
      latencyMs: level.latencyMs,
      within: Object.fromEntries(
        REFERENCE.map(({ withinMs }) => [withinMs, shareWithin(latenciesMs, withinMs)]),
      ),
      slackMs: level.slackMs,
      lateMsMax: level.lateMsMax,
      reachedRate: level.reachedRate,
    })),
    published: Object.fromEntries(REFERENCE.map(({ withinMs, share }) => [withinMs, share])),
    firstItemMs: firstItemMs.lambda,
    firstItemOfRunMs: firstItemMs.run,
    engine,
    ...(svg === undefined ? {} : { svg }),
  };
}
