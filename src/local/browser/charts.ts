// The two charts of the page, over two minutes: latency as lines, outcomes as stacked bars. The figures
// in the legends are the latest ones, or those under the pointer.

import uPlot from 'uplot';
import { DRAWN_OUTCOMES, type Point } from '../page/page-view.ts';
import { element } from './element.ts';
import { colourOf, legend, type Look, paintOf } from './looks.ts';

/** @returns a function that shows the latest points in both. */
export function drawCharts(): (points: readonly Point[]) => void {
  const charts = [chart(LATENCY), chart(OUTCOMES)];
  return (points) => {
    for (const show of charts) show(points);
  };
}

interface Plan {
  /** Id of the place; its legend's has "-legend" behind it. */
  readonly id: string;
  readonly looks: readonly Look[];
  /** Of the same length as `looks`, and in the order of the legend. */
  readonly figures: (point: Point) => readonly string[];
  readonly data: (points: readonly Point[]) => Array<Array<number | null>>;
  readonly series: () => uPlot.Series[];
  readonly scale: uPlot.Scale;
  readonly axis: uPlot.Axis;
}

const WINDOW_SECONDS_MAX = 120;
/** A young run is not drawn into a corner. */
const WINDOW_SECONDS_MIN = 30;
/** What waits for less is on its way. */
const WAITING_MS_MIN = 1_000;

const LATENCY_LOOKS = [
  { name: 'median', colour: '--p50', dash: [] },
  { name: '99th percentile', colour: '--p99', dash: [7, 4] },
  { name: 'oldest still waiting', colour: '--waited', dash: [2, 3] },
];

const LATENCY: Plan = {
  id: 'latency',
  looks: LATENCY_LOOKS,
  figures: ({ p50, p99, waitedMs }) => [p50, p99, waiting(waitedMs)].map(duration),
  data: (points) => [
    points.map(({ p50 }) => exponent(p50)),
    points.map(({ p99 }) => exponent(p99)),
    points.map(({ waitedMs }) => exponent(waiting(waitedMs))),
  ],
  series: () =>
    LATENCY_LOOKS.map(({ name, colour, dash }) => ({
      label: name,
      stroke: colourOf(colour),
      width: 2,
      dash,
      points: { show: false },
    })),
  // Always from 10 ms to 1 s, and further where the figures are.
  scale: {
    range: (_, min, max) => [Math.min(1, Math.floor(min ?? 1)), Math.max(3, Math.ceil(max ?? 3))],
  },
  axis: {
    splits: (_, __, min, max) => wholeNumbers(min, max),
    values: (_, splits) => splits.map((split) => duration(10 ** split)),
  },
};

const OUTCOME_LOOKS: readonly Look[] = [
  { name: 'applied', colour: '--applied' },
  { name: 'coalesced', colour: '--coalesced' },
  { name: 'superseded', colour: '--superseded', hatching: 'rising' },
  { name: 'tried again', colour: '--retried', hatching: 'falling' },
  { name: 'dead-lettered', colour: '--dead-lettered', hatching: 'crossed' },
];

const OUTCOMES: Plan = {
  id: 'outcomes',
  looks: OUTCOME_LOOKS,
  figures: ({ rates }) => DRAWN_OUTCOMES.map((name) => `${rates[name]}/s`),
  // The whole stack first: what is drawn later stands lower, and covers it.
  data: (points) =>
    OUTCOME_LOOKS.map((_, index) => points.map((point) => heightOf(point, index))).toReversed(),
  series: () =>
    OUTCOME_LOOKS.map((look) => ({
      label: look.name,
      fill: () => paintOf(look),
      width: 0,
      ...bars(),
      points: { show: false },
    })).toReversed(),
  scale: { range: (_, __, max) => [0, Math.max(10, (max ?? 0) * 1.1)] },
  axis: {
    values: (_, splits) => splits.map((split) => (Number.isInteger(split) ? String(split) : '')),
  },
};

/** The typings know chart libraries built without bars. */
function bars(): Pick<uPlot.Series, 'paths'> {
  const paths = uPlot.paths.bars?.({ size: [0.8, 24] });
  return paths === undefined ? {} : { paths };
}

/** Of the bar's part at `index` and all parts below it; nothing where the part itself is nothing. */
function heightOf({ rates }: Point, index: number): number | null {
  if (rates[DRAWN_OUTCOMES[index] ?? 'applied'] === 0) return null;
  return DRAWN_OUTCOMES.slice(0, index + 1).reduce((sum, name) => sum + rates[name], 0);
}

function chart(plan: Plan) {
  const place = element(plan.id);
  const key = legend(element(`${plan.id}-legend`), plan.looks);
  let points: readonly Point[] = [];
  let pointed: number | null | undefined;
  const showFigures = () => {
    const point = points[pointed ?? points.length - 1] ?? points.at(-1);
    if (point !== undefined) key.show(plan.figures(point));
  };
  const draw = () =>
    new uPlot(
      optionsOf(plan, place, (index) => {
        pointed = index;
        showFigures();
      }),
      dataOf(plan, points),
      place,
    );
  let plot = draw();
  new ResizeObserver(() => plot.setSize(sizeOf(place))).observe(place);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    plot.destroy();
    plot = draw();
    key.repaint();
  });
  return (latest: readonly Point[]) => {
    points = latest;
    plot.setData(dataOf(plan, points));
    showFigures();
  };
}

function dataOf({ data }: Plan, points: readonly Point[]): uPlot.AlignedData {
  const lastMs = points.at(-1)?.atMs ?? 0;
  return [points.map(({ atMs }) => (atMs - lastMs) / 1_000), ...data(points)];
}

function optionsOf(
  { series, scale, axis }: Plan,
  place: HTMLElement,
  onPoint: (index: number | null | undefined) => void,
): uPlot.Options {
  const common: uPlot.Axis = {
    stroke: colourOf('--soft'),
    font: '12px system-ui, sans-serif',
    grid: { stroke: colourOf('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    ...sizeOf(place),
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: { x: { time: false, range: (_, oldest) => windowOf(oldest) }, y: scale },
    axes: [
      {
        ...common,
        grid: { show: false },
        size: 32,
        gap: 8,
        splits: (_, __, min) => marksFrom(min),
        values: (_, splits) => splits.map((split) => (split === 0 ? 'now' : `\u2212${-split} s`)),
      },
      { ...common, size: 56, ...axis },
    ],
    series: [{}, ...series()],
    padding: [8, 20, 0, 0],
    hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx)] },
  };
}

/** Half a second more than now, for the half of a bar. */
function windowOf(oldest: number | null): [number, number] {
  const seconds = Math.max(WINDOW_SECONDS_MIN, -(oldest ?? 0));
  return [-Math.min(WINDOW_SECONDS_MAX, seconds), 0.5];
}

/** Marks on the axis of time: every 10 s, or where they would crowd, every 30 s. */
function marksFrom(min: number): number[] {
  const step = min < -60 ? 30 : 10;
  const count = Math.floor(-min / step);
  return Array.from({ length: count + 1 }, (_, index) => (index - count) * step);
}

function sizeOf({ clientWidth, clientHeight }: HTMLElement) {
  return { width: clientWidth, height: clientHeight };
}

const waiting = (ms: number | null) => (ms !== null && ms >= WAITING_MS_MIN ? ms : null);
/** Powers of ten are drawn, at the same distance from each other. */
const exponent = (ms: number | null) => (ms === null ? null : Math.log10(Math.max(1, ms)));

function wholeNumbers(min: number, max: number): number[] {
  return Array.from({ length: max - min + 1 }, (_, index) => min + index);
}

function duration(ms: number | null): string {
  if (ms === null) return '–';
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return `${Number((ms / 1_000).toFixed(ms < 10_000 ? 1 : 0))} s`;
}
