// For what outgrows one machine: a state machine that runs the segments of a backfill, a verify or a redrive as
// functions, many at a time, each with the very operations that the commands use.

import { ArnFormat, Aws, Duration, Stack, Validations } from 'aws-cdk-lib';
import { type PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import {
  Choice,
  Condition,
  DefinitionBody,
  DistributedMap,
  JitterType,
  JsonPath,
  LogLevel,
  StateMachine,
  StateMachineType,
  Succeed,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/config.ts';
import {
  BULK_ENVIRONMENT,
  bulkName,
  ON_FAILURE_OBJECT_PREFIX,
  REPORT_OBJECT_PREFIX,
} from '../src/config/names.ts';
import { LAMBDA_HANDLER } from './function-code.ts';
import {
  type ReplicationAndStream,
  replicationVariable,
} from '../src/config/replication-variable.ts';
import { environmentKey } from './customer-key.ts';
import { functionEnvironment } from './function-environment.ts';
import {
  useOfBucketKey,
  useOfDestinationKeys,
  useOfEnvironmentKey,
  useOfKey,
  useOfLogKey,
  useOfQueueKey,
} from './key-grants.ts';
import { createLogGroup } from './log-group.ts';
import { allow, optionalPolicy, policy, tableArn } from './policies.ts';

export interface BulkRunsProps extends ReplicationAndStream {
  /** Where reports go, under a prefix of their own. */
  readonly bucket: Bucket;
  /** Deletes of re-synchronised items are announced there; with "checked" tombstones. */
  readonly lookAgainQueue: Queue | undefined;
  /** Directory of the bundled handler. */
  readonly codeDirectory: string;
}

/** One of these per replication whose configuration says `"bulk": true`. */
export class BulkRuns extends Construct {
  readonly function: LambdaFunction;
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, props: BulkRunsProps) {
    super(scope, id);
    this.function = this.#createFunction(props);
    this.stateMachine = this.#createStateMachine(props.replication);
  }

  #createFunction(props: BulkRunsProps): LambdaFunction {
    const { replication, codeDirectory } = props;
    const name = bulkName(replication.name);
    const logGroup = createLogGroup(this, 'LogGroup', {
      logGroupName: `/aws/lambda/${name}`,
      replication,
    });
    return new LambdaFunction(this, 'Function', {
      functionName: name,
      description: `Ferry ${replication.name}: segments of backfill, verify and redrive`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(codeDirectory, { exclude: ['*', '!*.mjs'] }),
      handler: LAMBDA_HANDLER,
      memorySize: 1_024,
      timeout: Duration.minutes(15),
      loggingFormat: LoggingFormat.JSON,
      logGroup,
      environment: functionEnvironment(name, bulkVariables(props), props),
      ...environmentKey(this, replication),
      role: this.#createRole(props, logGroup),
    });
  }

  #createRole(props: BulkRunsProps, logGroup: LogGroup): Role {
    const { replication, bucket, lookAgainQueue } = props;
    const role = new Role(this, 'Role', {
      description: `Ferry ${replication.name}: the function for segments of backfill, verify and redrive`,
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: {
        WriteLogs: policy(
          allow(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroup.logGroupArn),
          ...useOfLogKey(replication),
        ),
        StoreReports: policy(
          allow(['s3:PutObject'], bucket.arnForObjects(`${REPORT_OBJECT_PREFIX}*`)),
          ...useOfBucketKey(replication, 'putObject'),
        ),
        RemoveRedrivenBatches: policy(
          listOf(bucket, ON_FAILURE_OBJECT_PREFIX),
          allow(
            ['s3:GetObject', 's3:DeleteObject'],
            bucket.arnForObjects(`${ON_FAILURE_OBJECT_PREFIX}*`),
          ),
          ...useOfBucketKey(replication, 'getObject'),
        ),
        ...tablePolicies(this, replication),
        ...(lookAgainQueue === undefined
          ? {}
          : {
              AnnounceDeletes: policy(
                allow(['sqs:SendMessage'], lookAgainQueue.queueArn),
                ...useOfQueueKey(replication, 'lookAgainQueue', 'sendMessage'),
              ),
            }),
        ...optionalPolicy('DecryptEnvironment', useOfEnvironmentKey(replication)),
      },
    });
    const objects = `${Stack.of(this).getLogicalId(bucket.node.defaultChild as never)}.Arn`;
    Validations.of(role).acknowledge(
      {
        id: `AwsSolutions-IAM5[Resource::<${objects}>/${REPORT_OBJECT_PREFIX}*]`,
        reason: 'Each report is an object of its own, under this prefix.',
      },
      {
        id: `AwsSolutions-IAM5[Resource::<${objects}>/${ON_FAILURE_OBJECT_PREFIX}*]`,
        reason: 'Each batch that Lambda gives up is an object of its own, under this prefix.',
      },
    );
    return role;
  }

  #createStateMachine(replication: ReplicationConfig): StateMachine {
    const name = bulkName(replication.name);
    const logs = createLogGroup(this, 'RunLogGroup', {
      logGroupName: `/aws/vendedlogs/states/${name}`,
      replication,
    });
    const stateMachine = new StateMachine(this, 'StateMachine', {
      stateMachineName: name,
      stateMachineType: StateMachineType.STANDARD,
      role: runnerRole(this, replication, this.function.functionArn).withoutPolicyUpdates(),
      definitionBody: DefinitionBody.fromChainable(this.#segments()),
      tracingEnabled: true,
      // Keys of items may be in the input of a state: names and times are enough.
      logs: { destination: logs, level: LogLevel.ALL, includeExecutionData: false },
    });
    // The role has these permissions already, without a partition in a literal.
    stateMachine.node.tryRemoveChild('DistributedMapPolicy');
    return stateMachine;
  }

  /** The function is called for a segment until it says that the segment is done. */
  #segments(): DistributedMap {
    const map = new DistributedMap(this, 'Segments', {
      label: SEGMENTS_LABEL,
      itemsPath: '$.segments',
      maxConcurrencyPath: '$.workers',
      itemSelector: {
        segment: JsonPath.numberAt('$$.Map.Item.Value'),
        task: JsonPath.objectAt('$.task'),
      },
      // A segment may take hours: an express run ends after five minutes.
      mapExecutionType: StateMachineType.STANDARD,
      resultPath: JsonPath.DISCARD,
    });
    const work = new LambdaInvoke(this, 'WorkOnSegment', {
      lambdaFunction: this.function,
      payloadResponseOnly: true,
      retryOnServiceExceptions: false,
    });
    // More segments than functions may run: each waits for its turn, however long the others take.
    work.addRetry({
      errors: ['Lambda.TooManyRequestsException'],
      interval: Duration.seconds(5),
      maxDelay: Duration.minutes(1),
      jitterStrategy: JitterType.FULL,
      maxAttempts: 100_000,
    });
    // What Ferry refuses, it refuses again.
    work.addRetry({ errors: ['FerryError', 'UsageError'], maxAttempts: 0 });
    work.addRetry({
      errors: ['States.ALL'],
      interval: Duration.seconds(5),
      maxDelay: Duration.minutes(2),
      maxAttempts: 10,
    });
    // The results of all segments together must fit into 256 KB: two bytes each.
    const done = new Succeed(this, 'SegmentDone', { outputPath: JsonPath.DISCARD });
    const isDone = new Choice(this, 'IsSegmentDone')
      .when(Condition.booleanEquals('$.done', true), done)
      .otherwise(work);
    map.itemProcessor(work.next(isDone));
    return map;
  }
}

function bulkVariables(props: BulkRunsProps): Record<string, string> {
  const { bucket, lookAgainQueue } = props;
  return {
    [BULK_ENVIRONMENT.replication]: replicationVariable(props),
    [BULK_ENVIRONMENT.bucket]: bucket.bucketName,
    ...(lookAgainQueue && { [BULK_ENVIRONMENT.lookAgainQueueUrl]: lookAgainQueue.queueUrl }),
  };
}

/** Step Functions puts it into the ARN of each segment's execution. */
const SEGMENTS_LABEL = 'Segments';

/** The keys under a prefix. */
function listOf(bucket: Bucket, prefix: string): PolicyStatement {
  return new PolicyStatement({
    actions: ['s3:ListBucket'],
    resources: [bucket.bucketArn],
    conditions: { StringEquals: { 's3:prefix': prefix } },
  });
}

const STATE_ROW_WRITES = ['dynamodb:UpdateItem', 'dynamodb:ConditionCheckItem'];

/** To read both tables, to write copies and records to one, and to keep checkpoints in the state table. */
function tablePolicies(
  scope: Construct,
  replication: ReplicationConfig,
): Record<string, PolicyDocument> {
  const { source, destination, stateTable } = replication;
  const describe = ['dynamodb:DescribeTable', 'dynamodb:DescribeTimeToLive'];
  const readItems = [...describe, 'dynamodb:GetItem', 'dynamodb:BatchGetItem'];
  const read = [...readItems, 'dynamodb:Scan'];
  const at = (region: string, table: string) => tableArn(scope, region, table);
  return {
    ReadSource: policy(allow(read, at(source.region, source.table)), ...useOfKey(source)),
    CopyToDestination: policy(
      // A copy that its ledger row refuses is re-synchronised, which may delete it, too.
      allow(
        [...read, 'dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:ConditionCheckItem'],
        at(destination.region, destination.table),
      ),
      allow(
        [...readItems, 'dynamodb:PutItem', ...STATE_ROW_WRITES],
        at(destination.region, stateTable),
      ),
      ...useOfDestinationKeys(replication),
    ),
  };
}

/**
 * The state machine's role. The CDK's own would let it call every version of the function, and name the
 * partition in a literal.
 */
function runnerRole(scope: Construct, replication: ReplicationConfig, functionArn: string): Role {
  const name = bulkName(replication.name);
  const arnOf = (resource: string, resourceName: string) =>
    Stack.of(scope).formatArn({
      partition: Aws.PARTITION,
      service: 'states',
      resource,
      resourceName,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
  const role = new Role(scope, 'RunnerRole', {
    description: `Ferry ${replication.name}: the state machine for backfill, verify and redrive`,
    assumedBy: new ServicePrincipal('states.amazonaws.com'),
    inlinePolicies: {
      InvokeFunction: policy(allow(['lambda:InvokeFunction'], functionArn)),
      RunSegments: policy(
        allow(['states:StartExecution'], arnOf('stateMachine', name)),
        allow(
          ['states:DescribeExecution', 'states:StopExecution'],
          arnOf('execution', `${name}:*`),
        ),
        // If an operator redrives a run, Step Functions redrives its failed segments by this role.
        allow(['states:RedriveExecution'], arnOf('execution', `${name}/${SEGMENTS_LABEL}:*`)),
      ),
      WriteLogs: policy(allow(LOG_DELIVERY, '*')),
      WriteTraces: policy(allow(TRACING, '*')),
    },
  });
  const { region } = replication.source;
  const executions = `arn:<AWS::Partition>:states:${region}:<AWS::AccountId>:execution:${name}`;
  Validations.of(role).acknowledge(
    {
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'Delivery of logs and traces, which Step Functions requires, knows no resources.',
    },
    ...[`${executions}:*`, `${executions}/${SEGMENTS_LABEL}:*`].map((executionsOf) => ({
      id: `AwsSolutions-IAM5[Resource::${executionsOf}]`,
      reason: 'A segment runs as an execution of this state machine; Step Functions names them.',
    })),
  );
  return role;
}

// The actions that Step Functions documents for each; none of them knows a resource.
const LOG_DELIVERY = [
  'logs:CreateLogDelivery',
  'logs:GetLogDelivery',
  'logs:UpdateLogDelivery',
  'logs:DeleteLogDelivery',
  'logs:ListLogDeliveries',
  'logs:PutResourcePolicy',
  'logs:DescribeResourcePolicies',
  'logs:DescribeLogGroups',
];
const TRACING = [
  'xray:PutTraceSegments',
  'xray:PutTelemetryRecords',
  'xray:GetSamplingRules',
  'xray:GetSamplingTargets',
];
