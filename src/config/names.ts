// Names and limits that the deployed function and the infrastructure around it must agree on.
// Both sides import them from here, so that neither can misspell one.

export const METRIC_NAMESPACE = 'Ferry';

/** CloudWatch dimensions of every Ferry metric, in order. */
export const METRIC_DIMENSIONS = ['Replication', 'SourceRegion', 'ReceivingRegion'] as const;

/** Every metric the handler emits, with its CloudWatch unit. */
export const METRIC_UNITS = {
  /** Source write time to applied, for every applied record that tells its time: deletes have no stamp. */
  ReplicationLatency: 'Milliseconds',
  /** The same of a heartbeat, exact to the millisecond. */
  HeartbeatLatency: 'Milliseconds',
  /** Latencies below zero, which count as 0: the clocks of writer and function disagree. */
  NegativeLatencies: 'Count',
  /** Applied records without a usable `timestampAttribute`: their latency is by the stream's time. */
  TimestampFallbacks: 'Count',
  /** Age of the oldest heartbeat that is not on the twin, as the heartbeat function sees it; 0 when all are. */
  HeartbeatAge: 'Milliseconds',
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
  /** Of these: another change of the item has the same time, and which of them is later is not known. */
  TiedRecords: 'Count',
  /** Of another table that sends its changes to the same Kinesis stream. */
  ForeignRecords: 'Count',
  /** Left out by policy, such as expiries when `ttlDeletes` is "skip". */
  SkippedRecords: 'Count',
  /** Of a table while it was the twin: what Ferry itself wrote, and what needs no second look. */
  OwnRecords: 'Count',
  /** Of a table while it was the twin, and not by Ferry: an application has written there. */
  StrayWrites: 'Count',
  /** Writes that have lost against a concurrent one of the other side: both directions. */
  Conflicts: 'Count',
  /** Stamped versions over 5 s ahead of their record: the clock of a host is wrong. */
  FutureStamps: 'Count',
  /** Of a Region that was lost, kept in the on-failure bucket until an operator decides. */
  StrandedRecords: 'Count',
  /** Batches that were held back, because a copy of the control row could not be read. */
  ControlUnreadable: 'Count',
  /** Handed back to the stream, to be delivered again. */
  RetriedRecords: 'Count',
  /** Of these: held back, because the control row does not know their stream, or nearly all are rejected. */
  HeldRecords: 'Count',
  /** Deleted items that had come back, and that looking again at their deletes has removed. */
  Revenants: 'Count',
  DeadLetteredRecords: 'Count',
  /** Requests that the destination throttled. */
  DestinationThrottles: 'Count',
  /** Requests that reached no working table, or without a response. */
  DestinationUnreachable: 'Count',
  /** Requests that were denied: no credentials or no permission. */
  DestinationDenied: 'Count',
  /** Age of the oldest record, or heartbeat, that is not on the twin; 0 when all are. */
  OldestUnappliedAge: 'Milliseconds',
  /** Records that wait in a shard: an estimate. */
  PendingRecords: 'Count',
} as const;

export type MetricName = keyof typeof METRIC_UNITS;

/** The same, and what a process of `ferry run` publishes beside it. */
export const RUN_METRIC_UNITS = {
  ...METRIC_UNITS,
  /** Positions whose next records the stream had deleted. */
  TrimmedPositions: 'Count',
} as const;

export type RunMetricName = keyof typeof RUN_METRIC_UNITS;

/** What a comparison on a schedule publishes, once a day. */
export const RECONCILE_METRIC_UNITS = {
  /** Since the last run that ended well, or since the first look. */
  ReconciliationAge: 'Milliseconds',
  /** Items that differ after the last run that ended well, told again every day. */
  Differences: 'Count',
  /** Items that a run has compared, and that it has repaired. */
  ItemsCompared: 'Count',
  RepairedItems: 'Count',
} as const;

export type ReconcileMetricName = keyof typeof RECONCILE_METRIC_UNITS;

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
export const LEDGER_ATTRIBUTES = {
  /** Partition key, S: replication name and a digest of the item's canonical key. */
  id: 'id',
  /** The item's canonical key, S, for people who look. As text, it is never refused. */
  key: 'key',
  /** Version of the newest delete, S. */
  deleted: 'd',
  /** Failure bound, S: the highest version known to have been dead-lettered. */
  failed: 'f',
  /** Both directions: the version that the newest delete had seen, S. */
  seen: 'b',
  /** Both directions: the newest REMOVE that was handled as a local delete, S: a version of its stream. */
  handled: 'p',
  /** Time to live, N: epoch seconds. */
  expiresAt: 'expiresAt',
} as const;

/**
 * Life of a tombstone, at least. It must exceed the longest life of a dead letter, 14 days in SQS, or a late
 * redrive of an old put could bring back an item whose delete has been forgotten.
 */
export const TOMBSTONE_LIFE_SECONDS = 15 * 24 * 60 * 60;

/** Retention of the dead-letter queue: the longest that SQS offers. */
export const DEAD_LETTER_RETENTION_SECONDS = 14 * 24 * 60 * 60;

/** Where the function keeps records that are too large for the queue, in the on-failure bucket. */
export const DEAD_LETTER_OBJECT_PREFIX = 'dead-letters/';

/** Where Lambda puts the batches that it gives up, in the same bucket. */
export const ON_FAILURE_OBJECT_PREFIX = 'aws/lambda/';

/** Where bulk runs put what they find, in the same bucket. */
export const REPORT_OBJECT_PREFIX = 'reports/';

/** Where writes of a lost Region wait for a decision, in the same bucket. */
export const STRANDED_OBJECT_PREFIX = 'stranded/';

/** Where writes that have lost a conflict are kept, in the same bucket, and for how long. */
export const LOSER_OBJECT_PREFIX = 'losers/';
export const LOSER_DAYS = 30;

/** The one variable of every function, and the number of its form. */
export const FUNCTION_VARIABLE = 'FERRY_REPLICATION';
export const VARIABLE_FORMAT = 1;

/** How often the heartbeat function writes. */
export const HEARTBEAT_PERIOD_MS = 60_000;

/** What the name of a replication has to be. */
export const NAME_PATTERN = '[a-z][a-z0-9-]{0,29}';

/** What the name of the way back has after that of its replication. */
const BACK = '-back';
export const backName = (replication: string) => `${replication}${BACK}`;
export const isBackName = (replication: string) => replication.endsWith(BACK);
/** Of the replication that a way back belongs to. */
export const outwardName = (back: string) => back.slice(0, -BACK.length);

/** Names of what the app deploys for a replication, by which the commands find it. */
export const functionName = (replication: string) => `ferry-${replication}-replicate`;
/** Of the function and of the state machine that work on tables too large for one machine. */
export const bulkName = (replication: string) => `ferry-${replication}-bulk`;
/** Step Functions puts it into the ARN of each segment's execution. */
export const SEGMENTS_LABEL = 'Segments';
/** Of the state machine that compares on a schedule. */
export const reconcileName = (replication: string) => `ferry-${replication}-reconcile`;
/** Of the log group that keeps what commands have changed. */
export const historyGroup = (replication: string) => `/ferry/${replication}/history`;
export const HISTORY_DAYS = 400;
export const heartbeatName = (replication: string) => `ferry-${replication}-heartbeat`;
/** Of the state table, unless it is configured. */
export const stateTableName = (replication: string) => `ferry-${replication}-state`;
export const alarmTopicName = (replication: string) => `ferry-${replication}-alarms`;
export const deadLetterQueueName = (replication: string) => `ferry-${replication}-dead-letters`;

/** Of the stacks of the app. */
export const sourceStack = (replication: string) => `ferry-${replication}-source`;
export const destinationStack = (replication: string) => `ferry-${replication}-destination`;

/** CloudFormation shortens both parts of a bucket's name, but never to less than this. */
export const STACK_PART_MIN = 20;

/** CloudFormation made the bucket's name of the stack's, the bucket's and a random part. */
export function bucketPrefix(replication: string): string {
  return sourceStack(replication).toLowerCase().slice(0, STACK_PART_MIN);
}

/** Deletes wait here until they are looked at again, in the source Region. */
export const lookAgainName = (replication: string) => `ferry-${replication}-look-again`;

/** Retention of the look-again queue: the longest that SQS offers. */
export const LOOK_AGAIN_RETENTION_SECONDS = 14 * 24 * 60 * 60;

/** Time after which a request is given up. */
export const REQUEST_TIMEOUT_MS = 5_000;

/**
 * Time for which a request that was given up is taken to be still under way: a batch with one is not
 * answered earlier.
 */
export const LATE_REQUEST_MS = 10_000;

/** Inserts up to this age are written without asking whether their item has been deleted since. */
export const YOUNG_MS = 30_000;

/** By how much clocks may differ. */
const CLOCKS_MS = 20_000;

/** The longest that SQS delays a message. */
const DELAY_SECONDS_MAX = 900;

/**
 * How long after its announcement a delete is looked at again: by then, every insert that was decided
 * before the tombstone could be seen has landed.
 * @param timeoutSeconds the function's; the highest of the last 15 minutes.
 */
export function lookAgainSeconds(timeoutSeconds: number): number {
  return timeoutSeconds + (YOUNG_MS + REQUEST_TIMEOUT_MS + LATE_REQUEST_MS + CLOCKS_MS) / 1000;
}

/** The same, as far as SQS can delay a message. */
export function lookAgainDelaySeconds(timeoutSeconds: number): number {
  return Math.min(lookAgainSeconds(timeoutSeconds), DELAY_SECONDS_MAX);
}

/** With a longer one, deletes could not be looked at late enough. */
export const CHECKED_TIMEOUT_SECONDS_MAX = DELAY_SECONDS_MAX - lookAgainSeconds(0);

/** Time kept for summing up and for the answer itself: 10,000 records in a function of 128 MiB. */
export const ANSWER_MARGIN_MS = 3_000;

/** Time kept beyond that for putting rejected records aside and for announcing deletes. */
export const TAIL_MS = 3_000;

/** A batch that is held back is answered only after this, so that it does not come back at once. */
export const HELD_ANSWER_MS = 2_000;

/**
 * Time that a write needs at the most: to be given up, to land all the same, and for the answer. With less
 * left, none is begun.
 */
export const WRITE_TIME_MS = REQUEST_TIMEOUT_MS + LATE_REQUEST_MS + ANSWER_MARGIN_MS;

/** The same of a letter, its bound, or an announcement, which do no harm when they land late. */
export const TAIL_TIME_MS = REQUEST_TIMEOUT_MS + ANSWER_MARGIN_MS;

/** How long a look at both copies of the control row lets writes start, counted from before the look. */
export const LEASE_MS = 5_000;

/**
 * From the moment at which the copies are closed until nothing that was begun before can land: a lease, a request, the
 * time for which it may be late, and a margin.
 */
export const CLOSE_WAIT_MS = LEASE_MS + REQUEST_TIMEOUT_MS + LATE_REQUEST_MS + 4_000;

/** An epoch begins so long before it is opened: by so much, the stream's clock may be behind. */
export const FROM_MARGIN_MS = 2_000;

/** A fence holds once writes have been denied for so long. */
export const FENCE_DENIALS_MS = 30_000;

/** A resource policy has at most so many bytes. */
export const POLICY_BYTES_MAX = 20_480;

/** An application that promises to write no more has kept its word for so long. */
export const APPLICATION_QUIET_MS = 10_000;

/** How long the writes of a lost Region are kept. */
export const STRANDED_DAYS = 90;

/** Partition key of the item that a probe asks for; a number where it has to be one. */
export const PROBE_KEY = 'ferry-probe';

/** Of the state machine that switches many tables, and of the function that it calls, in each Region. */
export const SWITCH_NAME = 'ferry-switch';
/** Of the stack that they are in, by the account and the Region. */
export function switchStack(account: string | undefined, region: string): string {
  return [SWITCH_NAME, ...(account === undefined ? [] : [account]), region].join('-');
}
/** Of functions for Region switch plans: for planned ones, and for a Region that is lost. */
export const REGION_SWITCH_NAMES = ['ferry-region-switch', 'ferry-lost-region-switch'] as const;
/** Step Functions puts it into the ARN of the execution of each table. */
export const TABLES_LABEL = 'Tables';
/** The one variable of these functions. */
export const SWITCH_VARIABLE = 'FERRY_SWITCH';
