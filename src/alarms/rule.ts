// What an alarm is, as data: for the template of a deployment, and for what evaluates it without CloudWatch.

import type { MetricName, ReconcileMetricName } from '../config/names.ts';

type Statistic = 'Sum' | 'Maximum' | 'p99';

/** One of Ferry's own metrics, or one of the AWS services that a replication uses. */
export type MetricReference = {
  readonly statistic: Statistic;
  readonly periodSeconds: number;
} & (
  | { readonly of: 'own'; readonly name: MetricName | ReconcileMetricName }
  | {
      readonly of:
        | 'function'
        | 'heartbeat function'
        | 'mapping'
        | 'dead-letter queue'
        | 'look-again queue'
        | 'look-again mapping';
      readonly name: string;
    }
);

export interface AlarmRule {
  /** Last part of the alarm's name. */
  readonly anchor: string;
  /** Anchor of its entry in the runbook. @default `anchor` */
  readonly runbook?: string;
  readonly meaning: string;
  /** For an operator who sees only the text of the alarm. */
  readonly firstStep: string;
  readonly metric: MetricReference;
  readonly threshold: number;
  /** Datapoints to alarm: periods, of the last `periods`, that must reach the threshold. */
  readonly minutes: number;
  readonly periods: number;
  /** Whether the alarm also notifies when datapoints stop. Before the first datapoint it does not. @default false */
  readonly silence?: boolean;
}

/** Without numbers, one datapoint of 1 or more alarms, in periods that follow from the timeout of the function. */
type Numbers = 'threshold' | 'minutes' | 'periods';
export type AlarmDraft = Omit<AlarmRule, Numbers> & Partial<Pick<AlarmRule, Numbers>>;

const MINUTE = { statistic: 'Sum', periodSeconds: 60 } as const;

type Options = Partial<Pick<MetricReference, 'statistic' | 'periodSeconds'>>;

/** One of Ferry's own, summed up by the minute unless said otherwise. */
export function own(
  name: MetricName | ReconcileMetricName,
  options: Options = {},
): MetricReference {
  return { ...MINUTE, ...options, of: 'own', name };
}

export function metric(
  of: Exclude<MetricReference['of'], 'own'>,
  name: string,
  options: Options = {},
): MetricReference {
  return { ...MINUTE, ...options, of, name };
}

export const MAXIMUM = { statistic: 'Maximum' } as const;
