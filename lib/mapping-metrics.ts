// The event counts that Lambda publishes of an event source mapping.

import { MetricType, type EventSourceMappingOptions } from 'aws-cdk-lib/aws-lambda';
import { servicesAt } from '../src/config/partition-services.ts';
import type { SourceConfig } from '../src/config/schema.ts';

/** Nothing where the partition does not have them: a deployment would fail. */
export function mappingMetrics({
  region,
}: Pick<SourceConfig, 'region'>): Pick<EventSourceMappingOptions, 'metricsConfig'> {
  return servicesAt(region).mappingMetrics
    ? { metricsConfig: { metrics: [MetricType.EVENT_COUNT] } }
    : {};
}
