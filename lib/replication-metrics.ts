// Every metric of a replication that alarms watch and graphs show, with the statistic that fits it: Ferry's own, and
// those of the AWS services that it uses.

import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { heartbeatName, type MetricName } from '../src/config/names.ts';
import type { LookAgain } from './look-again.ts';
import type { StreamReplicator } from './stream-replicator.ts';

export const PERIOD = Duration.minutes(1);
const OF_LAMBDA = { namespace: 'AWS/Lambda', period: PERIOD };

interface Look {
  readonly statistic: string;
  readonly label?: string;
}

export class ReplicationMetrics {
  readonly #replication: ReplicationConfig;
  readonly #replicator: StreamReplicator;
  readonly #lookAgain: LookAgain | undefined;

  constructor(
    replication: ReplicationConfig,
    replicator: StreamReplicator,
    lookAgain: LookAgain | undefined,
  ) {
    this.#replication = replication;
    this.#replicator = replicator;
    this.#lookAgain = lookAgain;
  }

  /** One of Ferry's own; summed up unless said otherwise. */
  own(name: MetricName, look: Look = { statistic: Stats.SUM }): Metric {
    return this.#replicator.metric(name, { ...look, period: PERIOD });
  }

  /** One of Lambda's about the function. */
  handler(name: string, look: Look = { statistic: Stats.SUM }): Metric {
    return this.#replicator.function.metric(name, { ...look, period: PERIOD });
  }

  /** One of Lambda's about the heartbeat function; there is one where the configuration has a `heartbeat`. */
  heartbeat(metricName: string, look: Look = { statistic: Stats.SUM }): Metric {
    const dimensionsMap = { FunctionName: heartbeatName(this.#replication.name) };
    return new Metric({ ...OF_LAMBDA, metricName, dimensionsMap, ...look });
  }

  /** One of Lambda's event counts of the event source mapping. */
  mapping(metricName: string, look: Look = { statistic: Stats.SUM }): Metric {
    return ofMapping(this.#replicator.eventSourceMapping, metricName, look);
  }

  /** One of DynamoDB's about the twin or the state table, from their Region. */
  destination(
    metricName: string,
    TableName: string,
    look: Look = { statistic: Stats.SUM },
  ): Metric {
    const { region } = this.#replication.destination;
    const ofTable = { namespace: 'AWS/DynamoDB', dimensionsMap: { TableName }, region };
    return new Metric({ ...ofTable, metricName, ...look, period: PERIOD });
  }

  deadLetters(label?: string): Metric {
    return this.#replicator.deployed.deadLetterQueue.metricApproximateNumberOfMessagesVisible({
      statistic: Stats.MAXIMUM,
      period: PERIOD,
      ...(label === undefined ? {} : { label }),
    });
  }

  /** How long the oldest delete has waited to be looked at again, in seconds; with "checked" tombstones. */
  lookAgainAge(label?: string): Metric | undefined {
    return this.#replicator.deployed.lookAgainQueue?.metricApproximateAgeOfOldestMessage({
      statistic: Stats.MAXIMUM,
      period: PERIOD,
      ...(label === undefined ? {} : { label }),
    });
  }

  /** Messages that the look-again function could not finish, or could not be called for. */
  lookAgainFailures(): Metric | undefined {
    if (this.#lookAgain === undefined) return undefined;
    const { eventSourceMapping } = this.#lookAgain;
    return ofMapping(eventSourceMapping, 'FailedInvokeEventCount', { statistic: Stats.SUM });
  }

  oldestDeadLetter(label: string): IMetric {
    const queue = this.#replicator.deployed.deadLetterQueue;
    const seconds = queue.metricApproximateAgeOfOldestMessage({
      statistic: Stats.MAXIMUM,
      period: PERIOD,
    });
    return expression('seconds / 86400', { seconds }, label);
  }
}

function ofMapping(
  { eventSourceMappingId }: EventSourceMapping,
  metricName: string,
  look: Look,
): Metric {
  const dimensionsMap = { EventSourceMappingUUID: eventSourceMappingId };
  return new Metric({ ...OF_LAMBDA, metricName, dimensionsMap, ...look });
}

export function expression(
  text: string,
  usingMetrics: Record<string, IMetric>,
  label: string,
): MathExpression {
  return new MathExpression({ expression: text, usingMetrics, label, period: PERIOD });
}
