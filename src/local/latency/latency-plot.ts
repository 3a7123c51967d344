// Shares of latency samples -> a plot in plain text, up to 80 columns wide: one panel per write rate, one
// above the other on the same time axis, so that no curve hides another.

import {
  type LatencySample,
  REFERENCE,
  shareWithin,
  type TimeAxis,
  timeAxis,
} from './latency-share.ts';
import { grouped } from '../../text/number-text.ts';

const MARGIN = 8;
const WIDTH_MAX = 71;
/** With fewer cells, no curve is seen. */
const WIDTH_MIN = 10;
const PANEL_ROWS = 4;
/** From an eighth of a cell to a whole one. */
const BLOCKS = '▁▂▃▄▅▆▇█';
const REFERENCE_MARK = '◇';
const SIDES: readonly string[] = ['100 % ┤', '│', '50 % ┤', '│'];

interface LabelledSample extends LatencySample {
  /** @default the rate */
  readonly label?: string;
}

/** The lines of the plot, shorter than `columns`. */
export function latencyPlot(samples: readonly LabelledSample[], columns = 80): string[] {
  const width = Math.max(WIDTH_MIN, Math.min(WIDTH_MAX, columns - MARGIN - 1));
  const frame = { axis: timeAxis(samples), width };
  return [
    ...samples.flatMap((sample) => [
      sample.label ?? `${sample.rate} writes/s`,
      ...panel(sample, frame),
    ]),
    ...timeLines(frame),
  ];
}

interface Frame {
  readonly axis: TimeAxis;
  /** Cells from the beginning of the axis to its end. */
  readonly width: number;
}

function panel({ latenciesMs }: LatencySample, frame: Frame): string[] {
  const { axis, width } = frame;
  const eighths = Array.from({ length: width }, (_, column) =>
    heightOf(shareWithin(latenciesMs, axis.at((column + 1) / width))),
  );
  const marks = new Map(REFERENCE.map((point) => [cellOf(point, frame), REFERENCE_MARK]));
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

function cellOf({ withinMs, share }: (typeof REFERENCE)[number], frame: Frame): string {
  return `${columnOf(withinMs, frame)} ${Math.floor(share * PANEL_ROWS)}`;
}

function columnOf(ms: number, { axis, width }: Frame): number {
  return Math.min(width - 1, Math.ceil(axis.position(ms) * width) - 1);
}

/** The axis with its ticks, and the numbers below them as far as there is room. */
function timeLines(frame: Frame): string[] {
  const { axis, width } = frame;
  const line = Array.from('─'.repeat(width));
  let labels = '';
  for (const ms of axis.ticksMs) {
    const column = Math.max(0, columnOf(ms, frame));
    line[column] = '┴';
    const text = grouped(ms);
    const start = Math.min(MARGIN + column - (text.length >> 1), MARGIN + width - text.length);
    if (start > labels.length) labels = labels.padEnd(start) + text;
  }
  return [`${'0 % └'.padStart(MARGIN)}${line.join('')}`, labels, `${' '.repeat(MARGIN)}T, ms`];
}
