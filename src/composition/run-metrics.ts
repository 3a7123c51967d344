// Where the figures of a process go: to CloudWatch, as lines on stdout, or on a page.

import type { Access } from '../aws/access.ts';
import { serviceSettings } from '../aws/client-settings.ts';
import { cloudWatchClient, putMetrics } from '../aws/cloudwatch-metrics.ts';
import { emfMetrics, writeMetrics } from '../aws/emf-metrics.ts';
import { systemClock } from '../aws/system-clock.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { metricValues, type MetricValues } from '../model/metric-values.ts';
import type { Log, Metrics } from '../ports.ts';
import { MetricSender } from '../run/metric-sender.ts';
import { PrometheusFigures } from '../run/prometheus.ts';

export const METRIC_KINDS = ['cloudwatch', 'emf', 'prometheus'] as const;
export type MetricKind = (typeof METRIC_KINDS)[number];

export interface RunMetrics extends Metrics {
  add(values: MetricValues): void;
  /** To be called at least once a minute. Never rejects. */
  flush(): Promise<void>;
  close(): void;
}

export interface RunMetricsSetup {
  readonly replication: ReplicationConfig;
  readonly source: Access;
  readonly log: Log;
  /** For lines of metrics. */
  readonly writeLine: (line: string) => void;
  /** For a page. */
  readonly figures: PrometheusFigures;
}

const NOTHING = { flush: async () => undefined, close: () => undefined };

export function openRunMetrics(kind: MetricKind | undefined, setup: RunMetricsSetup): RunMetrics {
  switch (kind) {
    case undefined:
      return { ...NOTHING, publish: () => undefined, add: () => undefined };
    case 'emf':
      return emf(setup);
    case 'cloudwatch':
      return cloudWatch(setup);
    case 'prometheus':
      return prometheus(setup);
  }
}

function emf({ replication, writeLine }: RunMetricsSetup): RunMetrics {
  const { name, source, destination } = replication;
  const regions = { sourceRegion: source.region, destinationRegion: destination.region };
  const options = { settings: { replication: name, ...regions }, clock: systemClock, writeLine };
  return { ...NOTHING, ...emfMetrics(options), add: (values) => writeMetrics(values, options) };
}

function cloudWatch({ replication, source, log }: RunMetricsSetup): RunMetrics {
  const client = cloudWatchClient(serviceSettings(source, 'cloudwatch'));
  const sender = new MetricSender({
    dimensions: [replication.name, replication.source.region, replication.destination.region],
    put: (request) => putMetrics(client, request),
    clock: systemClock,
    log,
  });
  return {
    publish: (summary) => sender.add(metricValues(summary)),
    add: (values) => sender.add(values),
    flush: () => sender.flush(),
    close: () => client.destroy(),
  };
}

export function figuresOf({ name, source, destination }: ReplicationConfig): PrometheusFigures {
  return new PrometheusFigures({
    replication: name,
    source_region: source.region,
    receiving_region: destination.region,
  });
}

function prometheus({ figures }: RunMetricsSetup): RunMetrics {
  const add = (values: MetricValues) => figures.add(values, systemClock.now());
  return { ...NOTHING, add, publish: (summary) => add(metricValues(summary)) };
}
