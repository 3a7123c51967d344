// A graph widget in, the series that it shows out: sample data for metrics, and what metric math makes of
// them for expressions.

import type { GraphWidgetBody, Look, MetricRow, Side } from './dashboard-body.ts';
import { evaluate, type Series } from './metric-math.ts';
import { MINUTES, type MetricQuery } from './sample-data.ts';

export interface ShownSeries {
  readonly label: string;
  readonly side: Side;
  readonly color: string | undefined;
  readonly values: Series;
}

/** @param sample the values of a metric, one for each minute. */
export function shownSeries(
  { properties: { metrics } }: GraphWidgetBody,
  sample: (metric: MetricQuery) => Series,
): ShownSeries[] {
  const valuesOf = (row: MetricRow): Series => {
    const { expression } = lookOf(row);
    return expression === undefined
      ? sample(queryOf(row))
      : evaluate(expression, (id) => valuesOf(rowOf(id, metrics)), MINUTES);
  };
  return metrics
    .filter((row) => lookOf(row).visible !== false)
    .map((row) => ({
      label: labelOf(row),
      side: lookOf(row).yAxis ?? 'left',
      color: lookOf(row).color,
      values: valuesOf(row),
    }));
}

/** As in the legend. */
function labelOf(row: MetricRow): string {
  const { label, expression } = lookOf(row);
  return label ?? expression ?? queryOf(row).name;
}

function rowOf(id: string, metrics: readonly MetricRow[]): MetricRow {
  const row = metrics.find((one) => lookOf(one).id === id);
  if (row === undefined) throw new Error(`No metric of the widget has the id ${id}.`);
  return row;
}

export function queryOf(row: MetricRow): MetricQuery {
  const [namespace = '', name = '', ...dimensions] = row.slice(0, -1) as string[];
  return { namespace, name, dimensions, stat: lookOf(row).stat ?? 'Average' };
}

function lookOf(row: MetricRow): Look {
  return row.at(-1) as Look;
}
