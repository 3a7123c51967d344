// Shares of latency samples -> a plot in plain text, 80 columns wide: one panel per write rate, one above
// the other on the same time axis, so that no curve hides another.

import {
  type LatencySample,
  REFERENCE,
  shareWithin,
  type TimeAxis,
  timeAxis,
} from './latency-share.ts';

const MARGIN = 8;
const WIDTH = 71;
const PANEL_ROWS = 4;
/** From an eighth of a cell to a whole one. */
const BLOCKS = '▁▂▃▄▅▆▇█';
const REFERENCE_MARK = '◇';
const SIDES: readonly string[] = ['100 % ┤', '│', '50 % ┤', '│'];

/** The lines of the plot. */
export function latencyPlot(samples: readonly LatencySample[]): string[] {
  const axis = timeAxis(samples);
  return [
    ...samples.flatMap((sample) => [`${sample.rate} writes/s`, ...panel(sample, axis)]),
    ...timeLines(axis),
  ];
}

function panel({ latenciesMs }: LatencySample, axis: TimeAxis): string[] {
  const eighths = Array.from({ length: WIDTH }, (_, column) =>
    heightOf(shareWithin(latenciesMs, axis.at((column + 1) / WIDTH))),
  );
  const marks = new Map(REFERENCE.map((point) => [cellOf(point, axis), REFERENCE_MARK]));
  return SIDES.map((side, row) => {
    const fromBottom = PANEL_ROWS - 1 - row;
    const cells = eighths.map(
      (height, column) => marks.get(`${column} ${fromBottom}`) ?? blockOf(height - fromBottom * 8),
    );
    return `${side.padStart(MARGIN)}${cells.join('')}`.trimEnd();
  });
}

/** In eighths of a cell. Only what is whole fills its panel, and what is not nothing is seen. */
function heightOf(share: number): number {
  return share === 0 ? 0 : Math.max(1, Math.floor(share * PANEL_ROWS * 8));
}

function blockOf(eighths: number): string {
  return eighths <= 0 ? ' ' : (BLOCKS[Math.min(eighths, 8) - 1] ?? ' ');
}

function cellOf({ withinMs, share }: (typeof REFERENCE)[number], axis: TimeAxis): string {
  return `${columnOf(withinMs, axis)} ${Math.floor(share * PANEL_ROWS)}`;
}

function columnOf(ms: number, axis: TimeAxis): number {
  return Math.min(WIDTH - 1, Math.ceil(axis.position(ms) * WIDTH) - 1);
}

/** The axis with its ticks, and the numbers below them as far as there is room. */
function timeLines(axis: TimeAxis): string[] {
  const line = Array.from('─'.repeat(WIDTH));
  let labels = '';
  for (const ms of axis.ticksMs) {
    const column = Math.max(0, columnOf(ms, axis));
    line[column] = '┴';
    const text = thousands(ms);
    const start = Math.min(MARGIN + column - (text.length >> 1), MARGIN + WIDTH - text.length);
    if (start > labels.length) labels = labels.padEnd(start) + text;
  }
  return [`${'0 % └'.padStart(MARGIN)}${line.join('')}`, labels, `${' '.repeat(MARGIN)}T, ms`];
}

/** 1200 -> 1,200; core has no locale. */
export function thousands(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}
