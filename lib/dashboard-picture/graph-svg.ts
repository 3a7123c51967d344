// A graph widget and the series that it shows in, its drawing out: title, axes with their labels, lines or
// a stack, red lines of alarms, and a legend.

import { scaleTo, type Scale, tickText } from './axis.ts';
import type { Annotation, GraphWidgetBody, Side } from './dashboard-body.ts';
import type { Series } from './metric-math.ts';
import { MINUTES } from './sample-story.ts';
import { type Box, line, pixels, type Point, rectangle, text, widthOf } from './svg-parts.ts';
import type { ShownSeries } from './widget-series.ts';

const COLORS = ['#1f77b4', '#e07b00', '#2ca02c', '#9467bd', '#17a2b0', '#8c564b', '#c254a0'];
const LEGEND = { fontSize: 11.5, rowHeight: 16, mark: 14, gap: 14 } as const;
const START_HOUR = 9;
const MINUTES_PER_LABEL = 30;

/** A series as it is drawn: in a stack, from the one below on. */
interface Curve extends ShownSeries {
  readonly shade: string;
  readonly base?: Series;
}

interface Graph {
  readonly widget: GraphWidgetBody;
  readonly curves: readonly Curve[];
  readonly plot: Box;
  readonly scales: Readonly<Record<Side, Scale | undefined>>;
}

export function graphSvg(
  widget: GraphWidgetBody,
  series: readonly ShownSeries[],
  box: Box,
): string[] {
  const { title, stacked = false } = widget.properties;
  const curves = toCurves(series, stacked);
  const legend = legendRows(curves, box.width - 24);
  const scales = scalesOf(widget, curves);
  const plot = {
    left: box.left + 48,
    top: box.top + 48,
    width: box.width - (scales.right === undefined ? 66 : 96),
    height: box.height - 48 - 26 - legend.length * LEGEND.rowHeight - 6,
  };
  const graph = { widget, curves, plot, scales };
  const hasData = curves.some(({ values }) => values.some((value) => value !== undefined));
  return [
    rectangle(box, 'class="card" rx="4"'),
    text(box.left + 12, box.top + 22, title, { style: 'title' }),
    ...axes(graph),
    ...(hasData ? [] : [noData(plot)]),
    ...curves.flatMap((curve) => drawn(curve, graph)),
    ...(widget.properties.annotations?.horizontal ?? []).flatMap((one) => annotation(one, graph)),
    ...drawnLegend(legend, box),
  ];
}

function toCurves(series: readonly ShownSeries[], stacked: boolean): Curve[] {
  let base: Series = Array.from({ length: MINUTES }, () => 0);
  return series.map((one, index) => {
    const shade = one.color ?? COLORS[index % COLORS.length] ?? '#000000';
    if (!stacked) return { ...one, shade };
    const below = base;
    base = below.map((value, at) => (value ?? 0) + (one.values[at] ?? 0));
    return { ...one, shade, values: base, base: below };
  });
}

/** Lines of alarms are in sight always. */
function scalesOf({ properties }: GraphWidgetBody, curves: readonly Curve[]): Graph['scales'] {
  const scale = (side: Side) => {
    const ofSide = curves.filter((curve) => curve.side === side);
    const marks = (properties.annotations?.horizontal ?? []).filter((one) => sideOf(one) === side);
    const values = ofSide.flatMap((curve) => curve.values.map((value) => value ?? 0));
    const highest = Math.max(0, ...values, ...marks.map(({ value }) => value));
    return ofSide.length + marks.length === 0 ? undefined : scaleTo(highest);
  };
  return { left: scale('left'), right: scale('right') };
}

function sideOf({ yAxis = 'left' }: Annotation): Side {
  return yAxis;
}

function axes({ plot, scales, widget: { properties } }: Graph): string[] {
  const { left, top, width, height } = plot;
  const right = left + width;
  const label = (side: Side) => properties.yAxis?.[side]?.label ?? '';
  const ticks = (side: Side) =>
    (scales[side]?.ticks ?? []).flatMap((value) => {
      const y = yOf(value, scales[side], plot);
      const outside: Point = side === 'left' ? [left - 6, y + 4] : [right + 6, y + 4];
      const anchor = side === 'left' ? 'end' : 'start';
      const words = text(...outside, tickText(value), { style: 'tick', anchor });
      return side === 'left' ? [line([left, y], [right, y], 'class="grid"'), words] : [words];
    });
  const hours = Array.from({ length: MINUTES / MINUTES_PER_LABEL + 1 }, (_, index) => {
    const at = index * MINUTES_PER_LABEL;
    const anchor = at === MINUTES ? 'end' : 'middle';
    return text(xOf(at, plot), top + height + 16, timeText(at), { style: 'tick', anchor });
  });
  return [
    text(left - 36, top - 10, label('left'), { style: 'tick' }),
    ...(scales.right === undefined
      ? []
      : [text(right + 36, top - 10, label('right'), { style: 'tick', anchor: 'end' })]),
    ...ticks('left'),
    ...ticks('right'),
    // Not all of them fit into a narrow graph.
    ...hours.filter((_, index) => width > 300 || index % 2 === 0),
  ];
}

function timeText(at: number): string {
  const hour = String(START_HOUR + Math.floor(at / 60)).padStart(2, '0');
  return `${hour}:${String(at % 60).padStart(2, '0')}`;
}

function noData({ left, top, width, height }: Box): string {
  const look = { style: 'tick', anchor: 'middle' } as const;
  return text(left + width / 2, top + height / 2, 'No data', look);
}

function drawn(curve: Curve, { plot, scales }: Graph): string[] {
  const { values, base, shade, side } = curve;
  const pointsOf = (series: Series, at: number): Point => [
    xOf(at, plot),
    yOf(series[at] ?? 0, scales[side], plot),
  ];
  return runsOf(values).flatMap((run) => {
    const points = run.map((at) => pointsOf(values, at));
    const [[x, y] = [0, 0]] = points;
    if (points.length === 1)
      return [`<circle cx="${pixels(x)}" cy="${pixels(y)}" r="2" fill="${shade}"/>`];
    const edge = `<path class="curve" stroke="${shade}" d="M${path(points)}"/>`;
    if (base === undefined) return [edge];
    const back = run.toReversed().map((at) => pointsOf(base, at));
    return [`<path class="area" fill="${shade}" d="M${path(points)}L${path(back)}Z"/>`, edge];
  });
}

/** Minutes in a row that have values. */
function runsOf(values: Series): number[][] {
  const runs: number[][] = [];
  for (const [at, value] of values.entries()) {
    if (value === undefined) continue;
    if (at === 0 || values[at - 1] === undefined) runs.push([]);
    runs.at(-1)?.push(at);
  }
  return runs;
}

/** Of a level stretch, both ends are enough. */
function path(points: readonly Point[]): string {
  const kept = points.filter(
    ([, y], index) => points[index - 1]?.[1] !== y || points[index + 1]?.[1] !== y,
  );
  return kept.map(([x, y]) => `${pixels(x)} ${pixels(y)}`).join('L');
}

function annotation(one: Annotation, { plot, scales }: Graph): string[] {
  const y = yOf(one.value, scales[sideOf(one)], plot);
  const right = plot.left + plot.width;
  const label = one.label === undefined ? [] : [alarmLabel(one.label, right, y, plot)];
  return [line([plot.left, y], [right, y], 'class="alarm"'), ...label];
}

/** Above its line, or below where that is at the top. */
function alarmLabel(label: string, right: number, y: number, { top }: Box): string {
  const below = y - top < 14;
  return text(right - 2, below ? y + 14 : y - 5, label, { style: 'alarmed', anchor: 'end' });
}

interface Entry {
  readonly curve: Curve;
  /** From the left end of its row. */
  readonly x: number;
}

function legendRows(curves: readonly Curve[], width: number): Entry[][] {
  const rows: Entry[][] = [[]];
  let x = 0;
  for (const curve of curves) {
    const wide = LEGEND.mark + widthOf(curve.label, LEGEND.fontSize) + LEGEND.gap;
    if (x > 0 && x + wide - LEGEND.gap > width) {
      rows.push([]);
      x = 0;
    }
    rows.at(-1)?.push({ curve, x });
    x += wide;
  }
  return rows;
}

function drawnLegend(rows: readonly Entry[][], { left, top, height }: Box): string[] {
  const first = top + height - rows.length * LEGEND.rowHeight;
  return rows.flatMap((row, index) =>
    row.flatMap(({ curve, x }) => {
      const y = first + index * LEGEND.rowHeight;
      const box = { left: left + 12 + x, top: y - 2, width: 9, height: 9 };
      return [
        rectangle(box, `rx="2" fill="${curve.shade}"`),
        text(box.left + LEGEND.mark, y + 7, curve.label, { style: 'legend' }),
      ];
    }),
  );
}

function xOf(at: number, { left, width }: Box): number {
  return left + (at / MINUTES) * width;
}

function yOf(value: number, scale: Scale | undefined, { top, height }: Box): number {
  return top + height * (1 - value / (scale?.max ?? 1));
}
