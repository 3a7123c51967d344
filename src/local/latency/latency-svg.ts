// Shares of latency samples -> one SVG picture that needs nothing else, and reads on light and dark
// grounds. Curves differ in colour and in dash, so that neither print nor eyes depend on colour.

import { grouped } from '../../text/number-text.ts';
import { line, svgPicture, text } from '../../text/svg.ts';
import {
  type LatencySample,
  percent,
  REFERENCE,
  shareWithin,
  type TimeAxis,
  timeAxis,
} from './latency-share.ts';

/** More curves than that are hard to tell apart. */
export const CURVES_MAX = 6;

const WIDTH = 800;
const HEIGHT = 512;
const PLOT = { left: 72, top: 132, right: 772, bottom: 432 } as const;
const LEGEND = { top: 70, perRow: 3, width: 240, rowHeight: 20 } as const;
const DASHES = ['', '9 4', '3 3', '12 3 3 3', '6 3 2 3', '1 3'];

const STYLE = `
svg { --reference: #1b1f24;
  --c0: #1f6fd0; --c1: #c2410c; --c2: #08805a; --c3: #7a3fc4; --c4: #b4205f; --c5: #6b5a00 }
@media (prefers-color-scheme: dark) { svg { --reference: #eceff3;
  --c0: #6aaeff; --c1: #ff9d5c; --c2: #4fd6a3; --c3: #c0a0ff; --c4: #ff8fbb; --c5: #e3cf57 } }
.curve { fill: none; stroke-width: 2.25; stroke-linejoin: round }
.halo { stroke: var(--ground); stroke-width: 4; stroke-linejoin: round; paint-order: stroke }
.reference { fill: var(--ground); stroke: var(--reference); stroke-width: 1.75 }`;

/** @param samples at most `CURVES_MAX`. */
export function latencySvg(samples: readonly LatencySample[]): string {
  const axis = timeAxis(samples);
  return svgPicture({
    width: WIDTH,
    height: HEIGHT,
    title: 'Share of items readable at the twin within T milliseconds',
    words: samples.map(inWords).join(' '),
    style: STYLE,
    parts: [
      text(24, 32, 'Share of items readable at the twin within T', 'title'),
      text(24, 52, 'Two embedded Regions on one machine, no distance between them', 'soft'),
      ...legend(samples),
      ...grid(axis),
      ...samples.map((sample, index) => curve(sample, index, axis)),
      ...REFERENCE.map((point) => reference(point, axis)),
    ],
  });
}

function inWords({ rate, latenciesMs }: LatencySample): string {
  const shares = REFERENCE.map(
    ({ withinMs }) => `${percent(shareWithin(latenciesMs, withinMs))} within ${withinMs} ms`,
  );
  return `At ${rate} writes per second: ${shares.join(', ')}.`;
}

function legend(samples: readonly LatencySample[]): string[] {
  const entries = samples.map(({ rate, latenciesMs }, index) => {
    const p99 = latenciesMs[Math.max(0, Math.ceil(0.99 * latenciesMs.length) - 1)] ?? Infinity;
    const name = `${grouped(rate)} writes/s, p99 ${duration(p99)}`;
    return { name, symbol: (x: number, y: number) => line(x, y, x + 30, y, strokeOf(index)) };
  });
  const symbol = (x: number, y: number) => diamond(x + 15, y);
  const all = [...entries, { name: 'published reference*', symbol }];
  return all.flatMap((entry, index) => {
    const x = PLOT.left + (index % LEGEND.perRow) * LEGEND.width;
    const y = LEGEND.top + Math.floor(index / LEGEND.perRow) * LEGEND.rowHeight;
    return [entry.symbol(x, y), text(x + 38, y + 4, entry.name)];
  });
}

function duration(ms: number): string {
  return Number.isFinite(ms) ? `${grouped(ms)} ms` : 'never';
}

function grid(axis: TimeAxis): string[] {
  const shares = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    line(PLOT.left, yOf(share), PLOT.right, yOf(share), 'class="grid"'),
    text(PLOT.left - 10, yOf(share) + 4, percent(share), 'soft', 'end'),
  ]);
  const times = axis.ticksMs.flatMap((ms) => [
    line(xOf(ms, axis), PLOT.top, xOf(ms, axis), PLOT.bottom, 'class="grid"'),
    text(
      xOf(ms, axis),
      PLOT.bottom + 20,
      grouped(ms),
      'soft',
      ms === axis.toMs && ms > 9_999 ? 'end' : 'middle',
    ),
  ]);
  const middle = (PLOT.left + PLOT.right) / 2;
  const sideways = `transform="rotate(-90)" text-anchor="middle"`;
  return [
    ...shares,
    ...times,
    line(PLOT.left, PLOT.bottom, PLOT.right, PLOT.bottom, 'class="axis"'),
    text(
      middle,
      PLOT.bottom + 40,
      'T: milliseconds since the write was due (log scale)',
      '',
      'middle',
    ),
    `<text x="${-(PLOT.top + PLOT.bottom) / 2}" y="20" ${sideways}>share of items</text>`,
    text(24, HEIGHT - 12, '* Another replicator, measured between two AWS Regions.', 'soft'),
  ];
}

/** A point per pixel at most, so that the picture stays small however many writes there were. */
function curve({ latenciesMs }: LatencySample, index: number, axis: TimeAxis): string {
  const points: string[] = [];
  let last = '';
  for (let x: number = PLOT.left; x <= PLOT.right; x += 1) {
    const ms = axis.at((x - PLOT.left) / (PLOT.right - PLOT.left));
    const y = yOf(shareWithin(latenciesMs, ms)).toFixed(1);
    // Both ends of a level stretch are enough.
    if (points.length > 1 && y === last && points.at(-2)?.endsWith(`,${y}`)) points.pop();
    points.push(`${x},${y}`);
    last = y;
  }
  return `<polyline class="curve" ${strokeOf(index)} points="${points.join(' ')}"/>`;
}

/** The topmost label stands above the plot; the others left of their points, where there is room. */
function reference({ withinMs, share }: (typeof REFERENCE)[number], axis: TimeAxis): string {
  const [x, y] = [xOf(withinMs, axis), yOf(share)];
  const label = `${percent(share)} in ${grouped(withinMs)} ms`;
  const words =
    share > 0.95
      ? text(x, y - 12, label, 'halo', 'middle')
      : text(x - 12, y + 4, label, 'halo', 'end');
  return `${diamond(x, y)}\n${words}`;
}

function strokeOf(index: number): string {
  const dash = DASHES[index] ?? '';
  const dashes = dash === '' ? '' : `; stroke-dasharray: ${dash}`;
  return `style="stroke: var(--c${index}); stroke-width: 2.25${dashes}"`;
}

function diamond(x: number, y: number): string {
  const [cx, cy] = [Number(x.toFixed(1)), Number(y.toFixed(1))];
  return `<path class="reference" d="M${cx} ${cy - 6} l6 6 l-6 6 l-6 -6 z"/>`;
}

function xOf(ms: number, axis: TimeAxis): number {
  return PLOT.left + axis.position(ms) * (PLOT.right - PLOT.left);
}

function yOf(share: number): number {
  return PLOT.bottom - share * (PLOT.bottom - PLOT.top);
}
