// What other people's apps say about a replication, in the types of the CDK.

import type { Duration, IResource } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { ReplicationConfig } from '../src/config/schema.ts';

/** A table of the CDK: every `ITable` and `ITableV2`, also with `exactOptionalPropertyTypes`. */
export interface TableConstruct extends IResource {
  readonly tableArn: string;
  readonly tableName: string;
  readonly tableStreamArn?: string | undefined;
  readonly encryptionKey?: IKey | undefined;
}

/** A source table that is known by its ARNs. */
export interface SourceTable {
  readonly tableArn: string;
  /** Of its stream, which must have new images. Not with `kinesisStream`. */
  readonly streamArn?: string;
  /** @default - none, or one that AWS manages */
  readonly encryptionKey?: IKey;
}

/** Every `IStream` of the CDK. */
export interface KinesisStream {
  readonly streamArn: string;
  /** @default - none, or one that AWS manages */
  readonly encryptionKey?: IKey | undefined;
}

/** The twin, and Ferry's own table beside it. A `ReplicationDestination` is one, too. */
export interface DestinationTable {
  readonly region: string;
  readonly tableName: string;
  /** @default - ferry-NAME-state */
  readonly stateTableName?: string;
  /** Of the twin. @default - none, or one that AWS manages */
  readonly encryptionKey?: IKey | undefined;
  /** Of the state table. @default - none, or one that AWS manages */
  readonly stateTableKey?: IKey | undefined;
  /** Where the functions find DynamoDB there. @default - the Region's own endpoint */
  readonly endpoint?: string;
}

/** Customer managed keys, in the source's Region. */
export interface ReplicationEncryption {
  /** For all of the following. @default - keys of the services */
  readonly key?: IKey;
  readonly deadLetterQueue?: IKey;
  readonly lookAgainQueue?: IKey;
  readonly onFailureBucket?: IKey;
  /** Its policy must let CloudWatch use it: otherwise no alarm is sent. */
  readonly alarmTopic?: IKey;
  readonly logGroups?: IKey;
  /** For the environments of all functions. */
  readonly functions?: IKey;
}

export interface AlarmProps {
  /**
   * Where alarms go. Its access policy must let CloudWatch publish, as that of a topic without one of its own does.
   * @default - a topic for this replication
   */
  readonly topic?: ITopic;
  /** An address to subscribe to the topic. @default - none */
  readonly email?: string;
  /** p99 replication latency that raises an alarm. @default - 60 seconds */
  readonly latency?: Duration;
  /** Path or URL of the runbook. @default - its entries are on the dashboard */
  readonly runbook?: string;
}

/** Settings of `ferry.json` with the same name, meaning and default: docs/settings.md describes them. */
export const SHARED_SETTINGS = [
  'tombstones',
  'systemicRejections',
  'ttlDeletes',
  'unversionedItems',
  'reservedAttribute',
  'timestampAttribute',
  'bulk',
  'dashboard',
  'deadLetters',
] as const satisfies ReadonlyArray<keyof ReplicationConfig>;

type SharedSettings = Pick<ReplicationConfig, (typeof SHARED_SETTINGS)[number]>;

export interface ReplicationProps extends Partial<SharedSettings> {
  /**
   * 1 to 30 lower-case letters, digits and dashes. Part of the names of functions and queues, and of every
   * tombstone: never rename it.
   * @default - the construct's id, with dashes
   */
  readonly name?: string;
  /** A table with a stream of new images, and of old ones for `keepItems` or a module, in the Region of this stack: an `ITable`, or ARNs. */
  readonly source: TableConstruct | SourceTable;
  /**
   * A Kinesis stream of this account and Region to which the source sends its changes, with microseconds. It is read
   * instead of the stream of the table.
   * @default - the stream of the table
   */
  readonly kinesisStream?: KinesisStream;
  /** How long `kinesisStream` keeps a record, or longer: 24 hours to 365 days. Required with it. */
  readonly kinesisRetention?: Duration;
  readonly destination: DestinationTable;
  /** What the twin has of the source. A `module` is found from the working folder. @default - everything */
  readonly projection?: NonNullable<ReplicationConfig['projection']>;
  /** @default - alarms that go to a topic of their own; `false` leaves them to `addAlarms()` */
  readonly alarms?: AlarmProps | false;
  /** @default - keys of the services */
  readonly encryption?: ReplicationEncryption;
  /** Key of an item that is written every minute, so that silence raises an alarm. @default - none is written */
  readonly heartbeatKey?: Readonly<Record<string, string | number>>;
  /** Compares both tables on a schedule: docs/settings.md describes its settings. @default - it does not */
  readonly reconcile?: Partial<NonNullable<ReplicationConfig['reconcile']>>;
  /** @default 1000 */
  readonly batchSize?: number;
  /** @default - none */
  readonly maxBatchingWindow?: Duration;
  /** @default 1 */
  readonly parallelizationFactor?: number;
  /** @default - until `maxRecordAge` */
  readonly retryAttempts?: number;
  /**
   * Age at which Lambda gives a record up.
   * @default - 20 hours, or 12 hours where it does not store the record; of a `kinesisStream`, as much of its retention
   */
  readonly maxRecordAge?: Duration;
  /** Whether Lambda reads the stream. @default true */
  readonly enabled?: boolean;
  /** Of the replicate function, in MiB. @default 512 */
  readonly memorySize?: number;
  /** Of the replicate function. @default - 1 minute */
  readonly timeout?: Duration;
  /** Items written at the same time in one invocation, at most. @default 800 */
  readonly concurrency?: number;
  /** What carries the function's writes. @default 'signed' */
  readonly httpClient?: ReplicationConfig['function']['httpClient'];
  /** Of all functions. @default - ARM */
  readonly architecture?: Architecture;
  /** Of all functions. @default - Node.js 24 */
  readonly runtime?: Runtime;
  /** @default - 30 days */
  readonly logRetention?: RetentionDays;
}

/** A replication of a configuration file, instead of props. */
export interface ConfiguredReplication {
  /** As `parseConfig` returns it. */
  readonly config: ReplicationConfig;
  /** @default - the `streamArn` of the configuration */
  readonly streamArn?: string | undefined;
  /** @default - the topic of the configuration, or one for this replication */
  readonly alarmTopic?: ITopic | undefined;
}
