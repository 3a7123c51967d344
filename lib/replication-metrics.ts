// Every metric of a replication that alarms watch and graphs show, with the statistic that fits it: Ferry's own, and
// those of the AWS services that it uses. Each by the minute, and summed up, unless said otherwise.

import { Duration } from 'aws-cdk-lib';
import {
  type IMetric,
  MathExpression,
  Metric,
  type MetricOptions,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { MetricReference } from '../src/alarms/rule.ts';
import { isOtherAccount, isOtherPartition } from '../src/config/accounts.ts';
import { type PartitionServices, servicesAt } from '../src/config/partition-services.ts';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { storesBatches } from '../src/config/stored-batches.ts';
import {
  heartbeatName,
  METRIC_NAMESPACE,
  type METRIC_DIMENSIONS,
  type MetricName,
  type ReconcileMetricName,
} from '../src/config/names.ts';
import type { LookAgain } from './look-again.ts';
import type { StreamReplicator } from './stream-replicator.ts';

export const PERIOD = Duration.minutes(1);
const SUM = { statistic: Stats.SUM, period: PERIOD };
export const MAXIMUM = { statistic: Stats.MAXIMUM, period: PERIOD };

export type OwnMetricName = MetricName | ReconcileMetricName;

export class ReplicationMetrics {
  /** Of the partition of the source. */
  readonly services: PartitionServices;
  /** Whether Lambda stores the batches that it gives up. */
  readonly storesBatches: boolean;
  /** Whether CloudWatch shows metrics of the twin here: of another account or partition, it does not. */
  readonly seesDestination: boolean;
  readonly #replication: ReplicationConfig;
  readonly #replicator: StreamReplicator;
  readonly #lookAgain: LookAgain | undefined;

  constructor(replicator: StreamReplicator, lookAgain: LookAgain | undefined) {
    this.#replication = replicator.deployed.replication;
    this.#replicator = replicator;
    this.#lookAgain = lookAgain;
    this.services = servicesAt(this.#replication.source.region);
    this.storesBatches = storesBatches(this.#replication);
    this.seesDestination =
      !isOtherAccount(this.#replication) && !isOtherPartition(this.#replication);
  }

  /** One of Ferry's own. */
  own(metricName: OwnMetricName, options: MetricOptions = {}): Metric {
    return ownMetric(this.#replication, metricName, options);
  }

  /** One of Lambda's about the function. */
  handler(name: string, options: MetricOptions = {}): Metric {
    return this.#replicator.function.metric(name, { ...SUM, ...options });
  }

  /** One of Lambda's event counts of the event source mapping. */
  mapping(metricName: string, options: MetricOptions = {}): Metric {
    return ofMapping(this.#replicator.eventSourceMapping, metricName, options);
  }

  /** One of DynamoDB's about the twin or the state table, from their Region. */
  destination(metricName: string, TableName: string, options: MetricOptions = {}): Metric {
    const { region } = this.#replication.destination;
    const ofTable = { namespace: 'AWS/DynamoDB', dimensionsMap: { TableName }, region };
    return new Metric({ ...ofTable, metricName, ...SUM, ...options });
  }

  deadLetters(options: MetricOptions = {}): Metric {
    const queue = this.#replicator.deployed.deadLetterQueue;
    return queue.metricApproximateNumberOfMessagesVisible({ ...MAXIMUM, ...options });
  }

  /** How long the oldest delete has waited to be looked at again, in seconds; with "checked" tombstones. */
  lookAgainAge(options: MetricOptions = {}): Metric | undefined {
    const queue = this.#replicator.deployed.lookAgainQueue;
    return queue?.metricApproximateAgeOfOldestMessage({ ...MAXIMUM, ...options });
  }

  /**
   * What an alarm watches.
   * @throws Error for a metric of a part that the replication does not have.
   */
  of(watched: MetricReference): IMetric {
    const { name, statistic, periodSeconds } = watched;
    const options = { statistic, period: Duration.seconds(periodSeconds) };
    switch (watched.of) {
      case 'own':
        return this.own(watched.name, options);
      case 'function':
        return this.handler(name, options);
      case 'heartbeat function':
        return ofLambda(name, { FunctionName: heartbeatName(this.#replication.name) }, options);
      case 'mapping':
        return this.mapping(name, options);
      case 'dead-letter queue':
        return this.#replicator.deployed.deadLetterQueue.metric(name, options);
      case 'look-again queue':
        return existing(this.#replicator.deployed.lookAgainQueue).metric(name, options);
      case 'look-again mapping':
        return this.#lookAgainFailures(name, options);
    }
  }

  /** Messages that the look-again function could not finish, or could not be called for. */
  #lookAgainFailures(name: string, options: MetricOptions): IMetric {
    const { eventSourceMapping } = existing(this.#lookAgain);
    if (this.services.mappingMetrics) return ofMapping(eventSourceMapping, name, options);
    const queue = existing(this.#replicator.deployed.lookAgainQueue);
    const received = queue.metricNumberOfMessagesReceived(SUM);
    const deleted = queue.metricNumberOfMessagesDeleted(SUM);
    // Of a message that is received and deleted, the minute may differ.
    const text = 'IF(received > 2 * FILL(deleted, 0), 1, 0)';
    return expression(text, { received, deleted }, 'received, and not deleted');
  }

  oldestDeadLetter(label: string): IMetric {
    const queue = this.#replicator.deployed.deadLetterQueue;
    const seconds = queue.metricApproximateAgeOfOldestMessage(MAXIMUM);
    return expression('seconds / 86400', { seconds }, label);
  }
}

function existing<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('The replication does not look at deletes again.');
  return part;
}

/** Of a replication whose constructs may be in another stack. */
export function ownMetric(
  { name, source, destination }: Pick<ReplicationConfig, 'name' | 'source' | 'destination'>,
  metricName: OwnMetricName,
  options: MetricOptions = {},
): Metric {
  const dimensionsMap: Record<(typeof METRIC_DIMENSIONS)[number], string> = {
    Replication: name,
    SourceRegion: source.region,
    ReceivingRegion: destination.region,
  };
  const namespace = METRIC_NAMESPACE;
  return new Metric({ namespace, metricName, dimensionsMap, ...SUM, ...options });
}

function ofMapping(mapping: EventSourceMapping, metricName: string, options?: MetricOptions) {
  const dimensionsMap = { EventSourceMappingUUID: mapping.eventSourceMappingId };
  return ofLambda(metricName, dimensionsMap, options);
}

function ofLambda(
  metricName: string,
  dimensionsMap: Record<string, string>,
  options: MetricOptions = {},
): Metric {
  return new Metric({ namespace: 'AWS/Lambda', metricName, dimensionsMap, ...SUM, ...options });
}

export function expression(
  text: string,
  usingMetrics: Record<string, IMetric>,
  label: string,
  period = PERIOD,
): MathExpression {
  return new MathExpression({ expression: text, usingMetrics, label, period });
}
