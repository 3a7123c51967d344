// How `ferry latency` shows what it has measured: a table and a plot, one line of JSON, a picture.

import { accessSync, constants, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { latencyPlot } from '../local/latency/latency-plot.ts';
import { percent, REFERENCE, shareWithin } from '../local/latency/latency-share.ts';
import { latencySvg } from '../local/latency/latency-svg.ts';
import { UsageError } from '../errors.ts';
import type { LatencyLevel, LatencyRun } from '../local/latency/latency-run.ts';
import { grouped, wrapped } from './output.ts';

/** The lines of the result, for people. */
export function latencyText(run: LatencyRun, svg: string | undefined, columns = 80): string[] {
  const { levels } = run;
  if (levels.length === 0) return [];
  const prose = (text: string) => wrapped(text, Math.min(columns, PROSE_COLUMNS_MAX));
  const published = REFERENCE.map(
    ({ share, withinMs }) => `${percent(share)} in ${grouped(withinMs)} ms`,
  );
  return [
    ...prose(EXPLANATION),
    '',
    ...table(levels, columns),
    '',
    ...notes(run).flatMap(prose),
    '',
    ...prose('Share of the items that were readable at the twin within T'),
    ...latencyPlot(levels, columns),
    ...prose(`◇ published: ${published.join(', ')}`),
    ...(svg === undefined ? [] : ['', `The same as a picture: ${svg}`]),
  ];
}

const PROSE_COLUMNS_MAX = 79;
const EXPLANATION =
  'Milliseconds from the time a write is due until its item is readable at the twin, and the share of the items that were within three times:';

export function milliseconds(ms: number): string {
  return Number.isFinite(ms) ? `${grouped(ms)} ms` : 'never';
}

const WIDTHS = [9, 8, 8, 7, 7, 7, 7, 8, 8, 8];
/** Indexes of columns, the most important first: rate, p50, p99, share within the longest time, … */
const IMPORTANCE = [0, 3, 5, 9, 2, 4, 6, 7, 8, 1];

/** The columns that fit, in their order. */
function shownColumns(columns: number): readonly number[] {
  const shown: number[] = [];
  let left = columns;
  for (const index of IMPORTANCE) {
    left -= WIDTHS[index] ?? 0;
    if (left < 0) break;
    shown.push(index);
  }
  return shown.toSorted((a, b) => a - b);
}

function table(levels: readonly LatencyLevel[], columns: number): string[] {
  const limits = REFERENCE.map(({ withinMs }) => `≤${grouped(withinMs)}`);
  const rows = levels.map(({ rate, writes, arrived, latencyMs, latenciesMs }) => [
    ...[rate, writes, arrived].map(grouped),
    ...[latencyMs.p50, latencyMs.p90, latencyMs.p99, latencyMs.max].map((ms) =>
      Number.isFinite(ms) ? grouped(ms) : 'never',
    ),
    ...REFERENCE.map(({ withinMs }) => percent(shareWithin(latenciesMs, withinMs))),
  ]);
  const published = REFERENCE.map(({ share }) => percent(share));
  return [
    ['writes/s', 'writes', 'arrived', 'p50', 'p90', 'p99', 'max', ...limits],
    ...rows,
    ['published', '', '', '', '', '', '', ...published],
  ].map((cells) =>
    shownColumns(columns)
      .map((index) => (cells[index] ?? '').padStart(WIDTHS[index] ?? 0))
      .join(''),
  );
}

function notes({ levels, firstItemMs, engine }: LatencyRun): string[] {
  const slack = levels.map(({ slackMs }) => slackMs).filter(({ p50 }) => Number.isFinite(p50));
  const worst = (of: (one: (typeof slack)[number]) => number) => Math.max(0, ...slack.map(of));
  const late = Math.max(...levels.map(({ lateMsMax }) => lateMsMax));
  return [
    "published: another replicator, measured between two AWS Regions. This is one machine with no distance: it shows Ferry's own share of the time, not AWS's.",
    `The twin was polled: up to ${worst(({ p50 }) => p50)} ms too high in the median, ${worst(({ p99 }) => p99)} ms at p99.`,
    `Writes began up to ${grouped(late)} ms after they were due, which counts.`,
    `Not counted is the first item, with the function's start: ${grouped(firstItemMs)} ms.`,
    `Engine: ${engine}.`,
  ];
}

/** The one line of `ferry latency --json`. Fields are added, never renamed. */
export function latencyJson({ levels, firstItemMs, engine }: LatencyRun, svg?: string): string {
  return JSON.stringify({
    levels: levels.map(({ latenciesMs, ...level }) => ({
      rate: level.rate,
      planned: level.planned,
      writes: level.writes,
      arrived: level.arrived,
      // JSON has no infinity: null is for what falls on items that never arrived.
      latencyMs: level.latencyMs,
      within: Object.fromEntries(
        REFERENCE.map(({ withinMs }) => [withinMs, shareWithin(latenciesMs, withinMs)]),
      ),
      slackMs: level.slackMs,
      lateMsMax: level.lateMsMax,
      reachedRate: level.reachedRate,
    })),
    published: Object.fromEntries(REFERENCE.map(({ withinMs, share }) => [withinMs, share])),
    firstItemMs,
    engine,
    ...(svg === undefined ? {} : { svg }),
  });
}

/** Before anything is measured for a file that cannot be written. @throws UsageError */
export function checkPicture(path: string): void {
  explain(path, () => {
    accessSync(dirname(path), constants.W_OK);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('is a folder');
  });
}

/** @throws UsageError where the file cannot be written. */
export function writePicture(path: string, levels: readonly LatencyLevel[]): void {
  explain(path, () => writeFileSync(path, latencySvg(levels)));
}

function explain(path: string, action: () => void): void {
  try {
    action();
  } catch (cause) {
    throw new UsageError(`Cannot write the picture ${path}: ${(cause as Error).message}.`, {
      code: 'latency.svg.unwritable',
      hint: 'Name another file with --svg.',
      cause,
    });
  }
}
