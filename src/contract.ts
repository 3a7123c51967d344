// Names and limits that the deployed function and the infrastructure around it must agree on.
// Both sides import them from here, so that neither can misspell one.

/** CloudWatch namespace of every Ferry metric. */
export const METRIC_NAMESPACE = 'Ferry';

/** CloudWatch dimensions of every Ferry metric, in order. */
export const METRIC_DIMENSIONS = ['Replication', 'SourceRegion', 'ReceivingRegion'] as const;

/** Every metric the handler emits, with its CloudWatch unit. */
export const METRIC_UNITS = {
  /** Source write time to applied, for every applied record that tells its time. */
  ReplicationLatency: 'Milliseconds',
  /** The same of a heartbeat, exact to the millisecond. */
  HeartbeatLatency: 'Milliseconds',
  /** Latencies below zero, which count as 0: the clocks of writer and function disagree. */
  NegativeLatencies: 'Count',
  AppliedRecords: 'Count',
  /** Lost to something newer: a conflict or a redelivery. */
  SupersededRecords: 'Count',
  /** Of these: the record itself had been applied before. */
  SupersededByRedelivery: 'Count',
  /** Of these: the item was newer. */
  SupersededByNewerItem: 'Count',
  /** Of these: a newer delete was remembered. */
  SupersededByTombstone: 'Count',
  /** Never written, because a newer record of the same item in the batch was. */
  CoalescedRecords: 'Count',
  /** Left out by policy, such as expiries when `ttlDeletes` is "skip". */
  SkippedRecords: 'Count',
  /** Handed back to the stream, to be delivered again. */
  RetriedRecords: 'Count',
  DeadLetteredRecords: 'Count',
  /** Requests that the destination throttled. */
  DestinationThrottles: 'Count',
  /** Requests that reached no working table, or whose answer never came. */
  DestinationUnreachable: 'Count',
  /** Requests that were refused for want of credentials or permissions. */
  DestinationDenied: 'Count',
  /** Age of the oldest record, or heartbeat, that is not on the twin; 0 when all are. */
  OldestUnappliedAge: 'Milliseconds',
  /** Records that wait in a shard: an estimate. */
  PendingRecords: 'Count',
} as const;

export type MetricName = keyof typeof METRIC_UNITS;

/**
 * On-demand list prices of us-east-1 in US dollars, for estimates; other Regions cost up to twice that.
 * Lambda's are those of ARM.
 */
export const LIST_PRICES = {
  readUnit: 0.125e-6,
  writeUnit: 0.625e-6,
  lambdaGBSecond: 13.3334e-6,
  lambdaRequest: 0.2e-6,
} as const;

/** Attributes of a row in the state table. */
export const STATE_ATTRIBUTES = {
  /** Partition key, S: replication name and a digest of the item's canonical key. */
  id: 'id',
  /** The item's canonical key, S, for people who look. As text, it is never refused. */
  key: 'key',
  /** Version of the newest delete, S. */
  deleted: 'd',
  /** Failure bound, S: the highest version known to have been dead-lettered. */
  failed: 'f',
  /** Time to live, N: epoch seconds. */
  expiresAt: 'expiresAt',
} as const;

/**
 * Life of a tombstone. It must exceed the longest life of a dead letter, 14 days in SQS, or a late
 * redrive of an old put could bring back an item whose delete has been forgotten.
 */
export const TOMBSTONE_LIFE_SECONDS = 15 * 24 * 60 * 60;

/** Retention of the dead-letter queue: the longest that SQS offers. */
export const DEAD_LETTER_RETENTION_SECONDS = 14 * 24 * 60 * 60;

/** Largest message the dead-letter queue takes: the longest that SQS offers. */
export const DEAD_LETTER_SIZE_BYTES_MAX = 1_048_576;

/** Where the function keeps records that are too large for the queue, in the on-failure bucket. */
export const DEAD_LETTER_OBJECT_PREFIX = 'dead-letters/';

/** Where Lambda puts the batches that it gives up, in the same bucket. */
export const ON_FAILURE_OBJECT_PREFIX = 'aws/lambda/';

/** Where bulk runs put what they find, in the same bucket. */
export const REPORT_OBJECT_PREFIX = 'reports/';

/** Variables of the bulk function: its replication, as in ferry.json, and the bucket for reports. */
export const BULK_ENVIRONMENT = {
  replication: 'FERRY_BULK_REPLICATION',
  bucket: 'FERRY_REPORT_BUCKET',
} as const;

/** Variable of the heartbeat function: its replication, as in ferry.json. */
export const HEARTBEAT_ENVIRONMENT = { replication: 'FERRY_HEARTBEAT_REPLICATION' } as const;

/** How often the heartbeat function writes. */
export const HEARTBEAT_PERIOD_MS = 60_000;

/** Names of what the app deploys for a replication, by which the commands find it. */
export const functionName = (replication: string) => `ferry-${replication}-replicate`;
/** Of the function and of the state machine that work on tables too large for one machine. */
export const bulkName = (replication: string) => `ferry-${replication}-bulk`;
export const heartbeatName = (replication: string) => `ferry-${replication}-heartbeat`;
export const alarmTopicName = (replication: string) => `ferry-${replication}-alarms`;
export const deadLetterQueueName = (replication: string) => `ferry-${replication}-dead-letters`;

/** Time after which a request is given up. */
export const REQUEST_TIMEOUT_MS = 5_000;

/**
 * Time for which a request that was given up is taken to be still under way: a batch with one is not
 * answered earlier (exception E2 in docs/guarantees.md).
 */
export const LATE_REQUEST_MS = 10_000;

/** Time kept for the answer itself. */
export const ANSWER_MARGIN_MS = 500;

/** Time kept before the invocation ends, so that requests in flight settle and the answer is sent. */
export const SETTLE_MARGIN_MS = REQUEST_TIMEOUT_MS + 1_000;
