// One replication in the source's stack: everything that Ferry deploys beside the source table. The twin and
// Ferry's own table are a ReplicationDestination.

import { Annotations, Duration, Stack, Stage, Token } from 'aws-cdk-lib';
import { type Dashboard, type Metric, type MetricOptions, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { type Grant, type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { EventSourceMapping, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { retentionText } from '../src/config/record-age.ts';
import { regionDoubts } from '../src/config/regions.ts';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { UsageError } from '../src/errors.ts';
import { keyPolicies } from '../src/permissions/key-policy.ts';
import { BulkRuns } from './bulk-runs.ts';
import { Heartbeat } from './heartbeat.ts';
import { createHistoryGroup } from './history-group.ts';
import { LookAgain } from './look-again.ts';
import { grantRedrive } from './operator-grants.ts';
import { createOperatorRoles } from './operator-roles.ts';
import { partitionAt } from './policies.ts';
import { ReplicationAlarms } from './replication-alarms.ts';
import { createDashboard } from './replication-dashboard.ts';
import { type OwnMetricName, ReplicationMetrics } from './replication-metrics.ts';
import type { AlarmProps, ConfiguredReplication, ReplicationProps } from './replication-props.ts';
import { configurationOf, type OtherReplication } from './replication-settings.ts';
import { StreamReplicator } from './stream-replicator.ts';
import { createSwitchRoles } from './switch-roles.ts';

/**
 * Keeps a table in another Region equal to a table of this stack's Region.
 *
 * Deploy the destination first. If `destination` is a `ReplicationDestination` of the same app, the CDK does.
 */
export class Replication extends Construct {
  /** What functions, alarms and the dashboard use: every setting, with its default. */
  readonly config: ReplicationConfig;
  /** Writes the changes to the twin. */
  readonly function: LambdaFunction;
  /** Reads the stream of the source, or its Kinesis stream, for the function. */
  readonly eventSourceMapping: EventSourceMapping;
  /** Records that cannot be applied, each with its full content. */
  readonly deadLetterQueue: Queue;
  /** Batches that Lambda gave up after their last retry or at their highest age. */
  readonly onFailureBucket: Bucket;
  /** Undefined where `dashboard` is `false`. */
  readonly dashboard: Dashboard | undefined;
  /** With "checked" tombstones. */
  readonly lookAgain: LookAgain | undefined;
  /** With `bulk` or `reconcile`. */
  readonly bulkRuns: BulkRuns | undefined;
  /** With a `heartbeatKey`. */
  readonly heartbeat: Heartbeat | undefined;
  readonly #replicator: StreamReplicator;
  readonly #metrics: ReplicationMetrics;
  #alarms: ReplicationAlarms | undefined;

  constructor(scope: Construct, id: string, props: ReplicationProps | ConfiguredReplication) {
    super(scope, id);
    const fromProps = 'config' in props ? undefined : props;
    const {
      config,
      streamArn,
      alarmTopic: topic,
    }: ConfiguredReplication = 'config' in props
      ? props
      : { config: configurationOf(this, props, this.#otherReplications()) };
    this.config = config;
    const replicator = new StreamReplicator(this, 'Replicator', {
      replication: config,
      streamArn: streamOf(config, streamArn),
    });
    this.#replicator = replicator;
    this.function = replicator.function;
    this.eventSourceMapping = replicator.eventSourceMapping;
    this.deadLetterQueue = replicator.deployed.deadLetterQueue;
    this.onFailureBucket = replicator.deployed.onFailureBucket;
    const { lookAgainQueue: queue } = replicator.deployed;
    this.lookAgain = queue && new LookAgain(this, 'LookAgain', replicator.deployed, queue);
    const hasRuns = config.bulk || config.reconcile !== undefined;
    this.bulkRuns = hasRuns ? new BulkRuns(this, 'BulkRuns', replicator.deployed) : undefined;
    this.heartbeat = config.heartbeat && new Heartbeat(this, 'Heartbeat', replicator.deployed);
    createHistoryGroup(this, config);
    createOperatorRoles(this, replicator.deployed);
    createSwitchRoles(this, replicator.deployed);
    // The first heartbeat is late from the start if nothing reads the stream yet.
    this.heartbeat?.node.addDependency(this.eventSourceMapping);
    this.#metrics = new ReplicationMetrics(replicator, this.lookAgain);
    this.dashboard = config.dashboard ? createDashboard(this, config, this.#metrics) : undefined;
    if (config.alarms.enabled) this.addAlarms(fromProps?.alarms || { ...(topic && { topic }) });
    if (Construct.isConstruct(fromProps?.destination))
      this.node.addDependency(fromProps.destination);
    this.#letServicesUseKeys(fromProps === undefined ? [] : keysOf(fromProps));
    this.#doubtRegions();
    for (const lack of whatIsMissing(config, this.#metrics)) Annotations.of(this).addInfo(lack);
  }

  /** Undefined until `addAlarms()`, where alarms are switched off. */
  get alarms(): ReplicationAlarms | undefined {
    return this.#alarms;
  }

  /** Adds the alarms that `alarms: false` left out. */
  addAlarms({ topic }: Pick<AlarmProps, 'topic'> = {}): ReplicationAlarms {
    const monitored = { replication: this.config, metrics: this.#metrics, topic };
    return (this.#alarms = new ReplicationAlarms(this, 'Alarms', monitored));
  }

  /** Lets `grantee` run `ferry redrive --apply` on this replication. */
  grantRedrive(grantee: IGrantable): Grant {
    return grantRedrive(grantee, this.#replicator);
  }

  /** One of Ferry's own metrics. @default - sum over 5 minutes */
  metric(name: OwnMetricName, props?: MetricOptions): Metric {
    return this.#metrics.own(name, { ...FIVE_MINUTES, ...props });
  }

  /** Time from a write at the source to its copy on the twin. @default - p99 over 5 minutes */
  metricReplicationLatency(props?: MetricOptions): Metric {
    return this.metric('ReplicationLatency', { statistic: Stats.percentile(99), ...props });
  }

  /** Age of the oldest record that is not on the twin. @default - maximum over 5 minutes */
  metricOldestUnappliedAge(props?: MetricOptions): Metric {
    return this.metric('OldestUnappliedAge', { statistic: Stats.MAXIMUM, ...props });
  }

  /** Records that were applied to the twin. @default - sum over 5 minutes */
  metricAppliedRecords(props?: MetricOptions): Metric {
    return this.metric('AppliedRecords', props);
  }

  /** Records that wait in the dead-letter queue. @default - maximum over 5 minutes */
  metricDeadLetters(props?: MetricOptions): Metric {
    return this.#metrics.deadLetters({ ...FIVE_MINUTES, ...props });
  }

  /** Of the same account, as far as it is known: names must not clash, and nothing must go round in a circle. */
  #otherReplications(): OtherReplication[] {
    const { account } = Stack.of(this);
    return (Stage.of(this) ?? this.node.root).node
      .findAll()
      .filter((one): one is Replication => one instanceof Replication && one !== this)
      .filter((one) => Stack.of(one).account === account)
      .map(({ node, config }) => ({ path: node.path, config }));
  }

  /** Without it, the deployment fails at a log group, and no alarm is sent. */
  #letServicesUseKeys(keys: readonly IKey[]): void {
    const policies = keyPolicies([this.config], Stack.of(this).account, partitionAt);
    for (const [keyArn, statements] of policies) {
      const key = keys.find((one) => one.keyArn === keyArn);
      const services = statements.flatMap((statement) => {
        if (!('Service' in statement.Principal)) return [];
        // Replications that share the key would clash in a Sid.
        const anonymous = PolicyStatement.fromJson({ ...statement, Sid: undefined });
        const isAdded = key?.addToResourcePolicy(anonymous).statementAdded === true;
        return isAdded ? [] : statement.Principal.Service;
      });
      if (services.length === 0) continue;
      Annotations.of(this).addInfo(
        `The policy of ${keyArn} must let ${services.join(' and ')} use it. docs/customer-keys.md has the statements.`,
      );
    }
  }

  /** AWS adds Regions, so one that is not known is no error. */
  #doubtRegions(): void {
    const { source, destination } = this.config;
    if ([source, destination].some(({ region }) => Token.isUnresolved(region))) return;
    for (const doubt of regionDoubts(this.config)) {
      Annotations.of(this).addWarningV2('ferry:region', `${doubt} Is it mistyped, or new?`);
    }
  }
}

/** CloudWatch's own default. */
const FIVE_MINUTES = { period: Duration.minutes(5) };

/** What the event source mapping reads. */
function streamOf({ source }: ReplicationConfig, ofTable = source.streamArn): string {
  const streamArn = source.kinesisStreamArn ?? ofTable;
  if (streamArn !== undefined) return streamArn;
  throw new UsageError(`Table ${source.table} in ${source.region} has no stream to read.`, {
    code: 'config.invalid',
    hint: 'Give the table\'s "streamArn", or set "create" to true to make a new table.',
  });
}

/** What partitions and accounts take away from a replication. */
function* whatIsMissing(
  { source, dashboard }: ReplicationConfig,
  { services, storesBatches, seesDestination }: ReplicationMetrics,
): Generator<string> {
  const { region } = source;
  if (!storesBatches)
    yield `${services.onFailureBucket ? 'With projected dead letters' : `In ${region}`}, Lambda does not store the records that it gives up. The dead-letter queue gets where they are in the stream, which keeps them for ${retentionText(source)}.`;
  if (!services.mappingMetrics)
    yield `In ${region}, Lambda publishes no metrics of event source mappings. The alarms batches-given-up and batches-lost are left out, and look-again-failing counts messages of the queue.`;
  if (dashboard && !seesDestination)
    yield 'The dashboard has no metrics of the twin, because the twin is in another account or partition.';
}

function keysOf({ source, destination, encryption }: ReplicationProps): IKey[] {
  return [
    source.encryptionKey,
    destination.encryptionKey,
    destination.stateTableKey,
    ...Object.values((encryption ?? {}) as Record<string, IKey>),
  ].filter((key) => key !== undefined);
}
