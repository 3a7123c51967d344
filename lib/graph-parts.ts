// What the graphs of dashboards are made of.

import { Color, type HorizontalAnnotation, type IMetric, Stats } from 'aws-cdk-lib/aws-cloudwatch';

export const sum = (label: string) => ({ statistic: Stats.SUM, label });
export const most = (label: string) => ({ statistic: Stats.MAXIMUM, label });
export const percentile = (p: number, label = `p${p}`) => ({
  statistic: Stats.percentile(p),
  label,
});

export function left(unit: string, ...metrics: IMetric[]) {
  return { left: metrics, leftYAxis: { label: unit, min: 0, showUnits: false } };
}

export function right(unit: string, ...metrics: IMetric[]) {
  return { right: metrics, rightYAxis: { label: unit, min: 0, showUnits: false } };
}

export function line(value: number, label: string): HorizontalAnnotation {
  return { value, label, color: Color.RED };
}
