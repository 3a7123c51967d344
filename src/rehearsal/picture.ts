// The latency over the time of a rehearsal, with its failures marked, as a picture.

import { duration } from '../text/duration.ts';
import { line, svgPicture, text } from '../text/svg.ts';
import { bySecond, type FailureOutcome, type RehearsalReport } from './report.ts';

const WIDTH = 960;
const PLOT = { left: 80, top: 84, right: 936, bottom: 364 } as const;
const ROW = 20;
const LEAST_MS = 100;
/** Between two points that are further apart, nothing was written: no line joins them. */
const GAP_SECONDS = 3;

const STYLE = `
svg { --curve: #1f6fd0; --down: #c2410c; --heals: #b7791f }
@media (prefers-color-scheme: dark) { svg { --curve: #6aaeff; --down: #ff9d5c; --heals: #e3cf57 } }
.curve { fill: none; stroke: var(--curve); stroke-width: 2; stroke-linejoin: round }
.down { fill: var(--down); fill-opacity: 0.2 } .heals { fill: var(--heals); fill-opacity: 0.14 }
.alarm { fill: var(--down) } .number { font-weight: 600 }`;

interface Frame {
  readonly startMs: number;
  readonly endMs: number;
  readonly mostMs: number;
}

export function rehearsalSvg(report: RehearsalReport): string {
  const { name, regions, startedAtMs: startMs, endedAtMs: endMs, failures, latency } = report;
  const most = latency.reduce((highest, { latencyMs }) => Math.max(highest, latencyMs), 1_000);
  const frame = { startMs, endMs, mostMs: 10 ** Math.ceil(Math.log10(most)) };
  const title = `Rehearsal of ${name}, ${regions[0]} to ${regions[1]}`;
  const height = PLOT.bottom + 60 + ROW * failures.length;
  return svgPicture({
    width: WIDTH,
    height,
    title,
    words: failures.map(inWords).join(' '),
    style: STYLE,
    parts: [
      text(24, 32, title, 'title'),
      text(24, 54, LEGEND, 'soft'),
      ...failures.flatMap((failure, index) => band(failure, index, frame)),
      ...grid(frame),
      curve(bySecond(latency, startMs), frame),
      ...failures.map((failure, index) =>
        text(PLOT.left, PLOT.bottom + 60 + ROW * index, `${index + 1}  ${inWords(failure)}`),
      ),
    ],
  });
}

const LEGEND =
  'Highest time from a write to its item at the twin, by the second of the write. Dark: the failure lasts. Light: it heals. ▼ an alarm fires.';

function inWords({ name, alarms, behindMs, healthyAtMs, recoveredAtMs, switches }: FailureOutcome) {
  const fired = alarms.map(({ name: alarm, firedAfterMs }) =>
    firedAfterMs === null
      ? `${alarm} did not fire`
      : `${alarm} fired after ${duration(firedAfterMs)}`,
  );
  const healed =
    healthyAtMs === null
      ? 'not healthy again'
      : `healthy ${duration(healthyAtMs - recoveredAtMs)} after its end`;
  const behind = `behind by ${duration(behindMs)} at the most`;
  const switched = switches.map(
    ({ to, rtoSeconds, rpoSeconds }) =>
      `to ${to}: RPO ${rpoSeconds === null ? 'unknown' : duration(rpoSeconds * 1000)}, RTO ${duration(rtoSeconds * 1000)}`,
  );
  return `${name}: ${[...fired, ...(switches.length > 0 ? switched : [behind]), healed].join('; ')}.`;
}

/** While it lasts, and until the replication is healthy again. */
function band(failure: FailureOutcome, index: number, frame: Frame): string[] {
  const { startedAtMs, recoveredAtMs, healthyAtMs, alarms } = failure;
  const from = xOf(startedAtMs, frame);
  const [end, healthy] = [xOf(recoveredAtMs, frame), xOf(healthyAtMs ?? frame.endMs, frame)];
  const fired = alarms.flatMap(({ firedAfterMs }) =>
    firedAfterMs === null ? [] : xOf(startedAtMs + firedAfterMs, frame),
  );
  return [
    box('down', from, end),
    box('heals', end, healthy),
    text((from + healthy) / 2, PLOT.top - 8, `${index + 1}`, 'number', 'middle'),
    ...fired.map((x) => text(x, PLOT.top + 12, '▼', 'alarm', 'middle')),
  ];
}

function box(style: string, from: number, to: number): string {
  const [x, width] = [from.toFixed(1), Math.max(0, to - from).toFixed(1)];
  return `<rect class="${style}" x="${x}" y="${PLOT.top}" width="${width}" height="${PLOT.bottom - PLOT.top}"/>`;
}

function grid(frame: Frame): string[] {
  const rows: string[] = [];
  for (let ms = LEAST_MS; ms <= frame.mostMs; ms *= 10) {
    const y = yOf(ms, frame);
    rows.push(line(PLOT.left, y, PLOT.right, y, 'class="grid"'));
    rows.push(text(PLOT.left - 10, y + 4, duration(ms), 'soft', 'end'));
  }
  const step = stepOf(frame.endMs - frame.startMs);
  for (let ms = frame.startMs; ms <= frame.endMs; ms += step) {
    rows.push(
      text(xOf(ms, frame), PLOT.bottom + 20, clockText(ms - frame.startMs), 'soft', 'middle'),
    );
  }
  rows.push(line(PLOT.left, PLOT.bottom, PLOT.right, PLOT.bottom, 'class="axis"'));
  return rows;
}

/** Minutes and seconds. */
function clockText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

const STEPS_MS = [10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000];
const TICKS_MAX = 10;

function stepOf(lengthMs: number): number {
  return STEPS_MS.find((ms) => lengthMs / ms <= TICKS_MAX) ?? lengthMs;
}

function curve(points: ReadonlyArray<readonly [number, number]>, frame: Frame): string {
  let [path, last] = ['', -Infinity];
  for (const [second, ms] of points) {
    const move = second - last > GAP_SECONDS ? 'M' : 'L';
    path += `${move}${xOf(frame.startMs + second * 1000, frame).toFixed(1)} ${yOf(ms, frame).toFixed(1)} `;
    last = second;
  }
  return `<path class="curve" d="${path.trim()}"/>`;
}

function xOf(ms: number, { startMs, endMs }: Frame): number {
  return PLOT.left + ((ms - startMs) / Math.max(1, endMs - startMs)) * (PLOT.right - PLOT.left);
}

/** Logarithmic. */
function yOf(ms: number, { mostMs }: Frame): number {
  const share = Math.log10(Math.max(ms, LEAST_MS) / LEAST_MS) / Math.log10(mostMs / LEAST_MS);
  return PLOT.bottom - share * (PLOT.bottom - PLOT.top);
}
