// What a process of `ferry run` may do, with credentials of its own at each side: what the replicate function does, with
// positions and a lease beside it, and no more at queues, buckets and CloudWatch than its options need.

import { METRIC_NAMESPACE } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { allowing, type Arns, ownersOf, textArns } from './arns.ts';
import { ownNeeds } from './function-needs.ts';
import { usingKeys } from './key-use.ts';
import { commandSets, type Known, type PermissionSet } from './policies.ts';
import { isAtDestination, policyOfAll, type Needs, type Statement } from './statement.ts';

/** The policies of a process: for all of them, and for some options. */
export function runSets(replication: ReplicationConfig, known: Known = {}): PermissionSet[] {
  const arns = textArns(replication, known);
  const { always, withQueue, withCloudWatch } = runNeeds(replication, arns);
  const sets = (title: string, needs: Needs) =>
    commandSets(replication, arns, { title, statements: Object.values(needs).flat() });
  const { credentials, profile } = replication.destination;
  const isBySecret = credentials !== undefined && profile === undefined;
  const user = {
    title: `The user whose keys are in ${credentials?.secret}`,
    account: ownersOf(replication).destination.account,
    policy: policyOfAll(Object.values(always).flat().filter(isAtDestination)),
  };
  const all = [
    ...sets('A process of `ferry run`', always),
    ...(isBySecret ? [user] : []),
    ...sets('In addition, without `--letters`', withQueue),
    ...sets('In addition, with `--metrics cloudwatch`', withCloudWatch),
  ];
  return all.filter(({ policy }) => policy.Statement.length > 0);
}

export interface RunNeeds {
  readonly always: Needs;
  /** Letters go to a queue and a bucket. */
  readonly withQueue: Needs;
  readonly withCloudWatch: Needs;
}

export function runNeeds(replication: ReplicationConfig, arns: Arns): RunNeeds {
  const allow = allowing(arns);
  const keys = usingKeys(replication, arns);
  const replicate = ownNeeds('replicate', replication, arns);
  const of = (name: string): readonly Statement[] => replicate[name] ?? [];
  const beats = replication.heartbeat ? ownNeeds('heartbeat', replication, arns) : {};
  const hashKeys = of('ReadHashKeys');
  return {
    always: {
      CheckTables: checkTables(replication, allow),
      ReadStream: readStream(replication, arns, of('ReadStream')),
      WriteDestination: of('WriteDestination'),
      AdoptFirst: of('AdoptFirst'),
      KeepPositions: [
        allow('state', ['dynamodb:PutItem', 'dynamodb:DeleteItem'], rowsOf(replication)),
      ],
      ...beats,
      ...(hashKeys.length > 0 && { ReadHashKeys: hashKeys }),
    },
    withQueue: {
      FindPlaces: [
        allow('replicate', ['lambda:GetFunctionConfiguration']),
        ...keys.of('functions', 'lambda:InvokeFunction'),
      ],
      SendDeadLetters: of('SendDeadLetters'),
      StoreFailedBatches: of('StoreFailedBatches').filter(({ place }) => place !== 'bucket'),
    },
    withCloudWatch: {
      PublishMetrics: [
        allow('anything', ['cloudwatch:PutMetricData'], {
          StringEquals: { 'cloudwatch:namespace': METRIC_NAMESPACE },
        }),
      ],
    },
  };
}

/** Of the lease, the positions of shards, and which shards and stream these are of. */
function rowsOf({ name }: ReplicationConfig) {
  const rows = [`${name}#lease`, `${name}#source`, `${name}#position*`];
  return { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': rows } };
}

function checkTables(
  { source }: ReplicationConfig,
  allow: ReturnType<typeof allowing>,
): Statement[] {
  const describe = ['dynamodb:DescribeTable', 'dynamodb:DescribeTimeToLive'];
  return [
    allow('source', describe),
    allow('twin', describe),
    ...(source.kinesisStreamArn === undefined
      ? []
      : [
          allow('streaming', ['dynamodb:DescribeKinesisStreamingDestination']),
          allow('kinesis', ['kinesis:DescribeStreamSummary']),
        ]),
  ];
}

/** Without what Lambda requires only. A process goes on with the table's next stream. */
function readStream(
  { source }: ReplicationConfig,
  arns: Arns,
  ofFunction: readonly Statement[],
): Statement[] {
  const allow = allowing(arns);
  const keys = ofFunction.filter(({ place }) => place === 'sourceKey');
  if (source.kinesisStreamArn !== undefined)
    return [
      allow('kinesis', ['kinesis:ListShards', ...READ.map((name) => `kinesis:${name}`)]),
      ...keys,
    ];
  const actions = ['dynamodb:DescribeStream', ...READ.map((name) => `dynamodb:${name}`)];
  const read = allow('stream', actions);
  return [{ ...read, resource: read.resource.replace(/\/stream\/.*$/, '/stream/*') }, ...keys];
}

const READ = ['GetShardIterator', 'GetRecords'];
