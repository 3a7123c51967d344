// What the commands ask of a deployment, answered for a local world: the configuration of its function, its event
// source mapping, and the metrics of its run.

import {
  deadLetterQueueName,
  functionName,
  lookAgainName,
  METRIC_NAMESPACE,
} from '../../config/names.ts';
import type { ReplicationConfig } from '../../config/schema.ts';
import type { MetricAsked } from '../cloudwatch/cloudwatch-api.ts';
import type { FigureTime } from '../cloudwatch/figure-time.ts';
import type { StreamConsumer } from '../../stream/consumer.ts';
import type { ConsumerOptions } from '../../stream/context.ts';
import { createdAtSecondsOf } from '../../stream/event-record.ts';
import type { LambdaApiState } from '../lambda/lambda-api.ts';
import type { ServiceServer } from '../loopback/service.ts';
import type { LocalFailures } from './local-failures.ts';
import {
  createMetricHistory,
  type MetricHistory,
  type Points,
} from '../cloudwatch/metric-history.ts';
import { startRegionApis } from './region-apis.ts';

/** Receives what happens from the start on; answers once `open` has been called. */
export interface LocalApis {
  readonly history: MetricHistory;
  /** For the event source mapping's options. */
  readonly onBatch: NonNullable<ConsumerOptions['onBatch']>;
  open(parts: LocalApiParts): Promise<ServiceServer>;
}

interface LocalApiParts {
  readonly replication: ReplicationConfig;
  /** Of the replicate function, as it is deployed at the moment. */
  readonly deployed: () => Pick<LambdaApiState['function'], 'variables' | 'deployedAtMs'>;
  readonly mapping: StreamConsumer;
  readonly streamArn: string;
  readonly failures: Pick<LocalFailures, 'oldestSentAtMs'>;
}

const MAPPING_ID = 'local-event-source-mapping';
const FAILED = 'PROBLEM: Function call failed';

export function localApis(time: FigureTime): LocalApis {
  const history = createMetricHistory();
  let lastResult = 'No records processed';
  return {
    history,
    onBatch({ records, result }) {
      lastResult = result.kind === 'failed' ? FAILED : 'OK';
      const nowMs = time.now();
      if (result.kind === 'failed') history.add('Errors', [1], nowMs);
      const last = records.at(-1);
      const createdAt = last && createdAtSecondsOf(last);
      if (createdAt !== undefined) {
        history.add('IteratorAge', [Math.max(0, nowMs - time.at(createdAt * 1000))], nowMs);
      }
    },
    open(parts) {
      const { replication, deployed, mapping, streamArn } = parts;
      const { name, source, function: settings } = replication;
      const lambda: LambdaApiState = {
        get function() {
          const { timeoutSeconds } = settings;
          return { name: functionName(name), region: source.region, timeoutSeconds, ...deployed() };
        },
        mapping,
        mappingId: MAPPING_ID,
        streamArn,
        mappingChangedAtMs: time.now(),
        get lastResult() {
          return lastResult;
        },
      };
      const metrics = (asked: MetricAsked) => pointsOf(asked, parts, { history, time });
      return startRegionApis({ lambda, metrics, clock: time });
    },
  };
}

interface Kept {
  readonly history: MetricHistory;
  readonly time: FigureTime;
}

function pointsOf(asked: MetricAsked, parts: LocalApiParts, { history, time }: Kept): Points {
  const { namespace, name, dimensions, statistic, range } = asked;
  if (namespace === 'AWS/SQS') return oldestMessage(dimensions['QueueName'], parts, time);
  if (namespace === METRIC_NAMESPACE && name === 'OldestUnappliedAge') {
    // A heartbeat would say so every minute; here, nothing is written to the source for it.
    if (isCaughtUp(parts.mapping)) history.add(name, [0], time.now());
  }
  return history.points(name, statistic, range);
}

function isCaughtUp({ state, counts: { received, done, givenUp } }: StreamConsumer): boolean {
  return state === 'Enabled' && received === done + givenUp;
}

/** ApproximateAgeOfOldestMessage, which is known for now only. */
function oldestMessage(
  queue: string | undefined,
  { replication: { name, tombstones }, failures }: LocalApiParts,
  time: FigureTime,
): Points {
  const queues = [
    deadLetterQueueName(name),
    ...(tombstones === 'checked' ? [lookAgainName(name)] : []),
  ];
  if (queue === undefined || !queues.includes(queue)) return [];
  const sentAtMs = failures.oldestSentAtMs(queue);
  if (sentAtMs === undefined) return [];
  const nowMs = time.now();
  return [[nowMs - (nowMs % 60_000), (nowMs - time.at(sentAtMs)) / 1000]];
}
