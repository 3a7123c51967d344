// A dashboard and data for its metrics in, one picture out that needs nothing else: each widget in its
// place on CloudWatch's grid.

import type { DashboardBody, Place } from './dashboard-body.ts';
import { graphSvg } from './graph-svg.ts';
import type { Series } from './metric-math.ts';
import type { MetricQuery } from './sample-data.ts';
import { type Box, escaped, rectangle, text } from './svg-parts.ts';
import { textSvg } from './text-svg.ts';
import { shownSeries } from './widget-series.ts';

const COLUMNS = 24;
/** Of one step of the grid, in pixels. */
const STEP = { x: 60, y: 46 } as const;
const MARGIN = 20;
const HEADER_HEIGHT = 30;
const GAP = 8;

// It stands on its own ground, so that a dark viewer does not swallow dark words.
const STYLE = `
text { font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 13.5px;
  fill: #16191f }
.ground { fill: #f2f3f3 } .card { fill: #ffffff; stroke: #d5dbdb } .grid { stroke: #e9ebed }
.note, .tick { fill: #545b64 } .tick { font-size: 11px } .legend { font-size: 11.5px }
.title { font-size: 14px; font-weight: 600 } .h1 { font-size: 20px; font-weight: 600 }
.h2 { font-size: 17px; font-weight: 600 } .link { fill: #0b62b3; text-decoration: underline }
.code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 12px; fill: #414750 }
.curve { fill: none; stroke-width: 1.6; stroke-linejoin: round } .area { opacity: 0.35 }
.alarm { stroke: #d62728; stroke-width: 1.2 }
.alarmed { font-size: 11px; fill: #b3191b; stroke: #ffffff; stroke-width: 3; paint-order: stroke }`;

export interface Picture {
  readonly body: DashboardBody;
  /** The values of a metric, one for each minute. */
  readonly sample: (metric: MetricQuery) => Series;
  /** What the picture shows, in words. */
  readonly caption: string;
}

export function dashboardSvg({ body, sample, caption }: Picture): string {
  const rows = Math.max(0, ...body.widgets.map(({ y, height }) => y + height));
  const width = COLUMNS * STEP.x + 2 * MARGIN;
  const height = rows * STEP.y + HEADER_HEIGHT + 2 * MARGIN;
  const widgets = body.widgets.flatMap((widget) =>
    widget.type === 'text'
      ? textSvg(widget, boxOf(widget))
      : graphSvg(widget, shownSeries(widget, sample), boxOf(widget)),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="caption">`,
    `<title id="caption">${escaped(caption)}</title>`,
    `<style>${STYLE}</style>`,
    rectangle({ left: 0, top: 0, width, height }, 'class="ground"'),
    text(MARGIN + 12, MARGIN + 14, caption, { style: 'note' }),
    ...widgets,
    '</svg>',
    '',
  ].join('\n');
}

function boxOf({ x, y, width, height }: Place): Box {
  return {
    left: MARGIN + x * STEP.x + GAP / 2,
    top: MARGIN + HEADER_HEIGHT + y * STEP.y + GAP / 2,
    width: width * STEP.x - GAP,
    height: height * STEP.y - GAP,
  };
}
