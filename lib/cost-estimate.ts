// What a replication costs, as an expression over its metrics.

import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { LIST_PRICES } from '../src/config/names.ts';
import { expression, PERIOD, type ReplicationMetrics } from './replication-metrics.ts';

/** Dollars per hour at the rate of each minute, by what they are paid for. */
export function costPerHour(
  { destination, stateTable, function: { memoryMiB } }: ReplicationConfig,
  metrics: ReplicationMetrics,
): IMetric[] {
  const perHour = 3_600 / PERIOD.toSeconds();
  const perMs = ((memoryMiB / 1_024) * LIST_PRICES.lambdaGBSecond) / 1_000;
  const hourly = (dollars: number) => decimal(dollars * perHour);
  const written = (table: string) => metrics.destination('ConsumedWriteCapacityUnits', table);
  return [
    expression(
      `FILL(ms, 0) * ${hourly(perMs)} + FILL(invocations, 0) * ${hourly(LIST_PRICES.lambdaRequest)}`,
      { ms: metrics.handler('Duration'), invocations: metrics.handler('Invocations') },
      'function',
    ),
    expression(
      `(FILL(twin, 0) + FILL(state, 0)) * ${hourly(LIST_PRICES.writeUnit)}`,
      { twin: written(destination.table), state: written(stateTable) },
      'writes at the destination',
    ),
  ];
}

/** Metric math knows no exponents. */
function decimal(value: number): string {
  return value.toFixed(12).replace(/0+$/, '');
}
