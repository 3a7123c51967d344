// Deletes that are looked at again: the queue in which they wait, and the function that then looks at their
// keys on the twin.

import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  EventSourceMapping,
  Function as LambdaFunction,
  LoggingFormat,
  MetricType,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/config.ts';
import {
  LOOK_AGAIN_ENVIRONMENT,
  LOOK_AGAIN_RETENTION_SECONDS,
  lookAgainName,
} from '../src/config/names.ts';
import { LAMBDA_HANDLER } from '../src/lambda-bundle.ts';
import {
  type ReplicationAndStream,
  replicationVariable,
} from '../src/config/replication-variable.ts';
import { customerKey, environmentKey, queueEncryption } from './customer-key.ts';
import { functionEnvironment } from './function-environment.ts';
import {
  useOfDestinationKeys,
  useOfEnvironmentKey,
  useOfLogKey,
  useOfQueueKey,
} from './key-grants.ts';
import { createLogGroup } from './log-group.ts';
import { allow, optionalPolicy, policy, tableArn } from './policies.ts';

const TIMEOUT = Duration.minutes(1);
/** So many invocations at once; each reads a hundred keys a request. */
const CONCURRENCY_MAX = 2;
const MESSAGES_PER_INVOCATION = 10;

/** In the source Region, beside the function that announces deletes. */
export function createLookAgainQueue(scope: Construct, replication: ReplicationConfig): Queue {
  const queue = new Queue(scope, 'LookAgainQueue', {
    queueName: lookAgainName(replication.name),
    retentionPeriod: Duration.seconds(LOOK_AGAIN_RETENTION_SECONDS),
    // As Lambda asks for: six times the time of an invocation.
    visibilityTimeout: Duration.seconds(6 * TIMEOUT.toSeconds()),
    ...queueEncryption(customerKey(scope, replication, 'lookAgainQueue')),
    enforceSSL: true,
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  });
  Validations.of(queue).acknowledge({
    id: 'AwsSolutions-SQS3',
    reason:
      'A delete that could not be looked at must come back until it can; an alarm tells its age.',
  });
  return queue;
}

export interface LookAgainProps extends ReplicationAndStream {
  readonly queue: Queue;
  /** Directory of the bundled handler. */
  readonly codeDirectory: string;
}

/** One of these per replication with "checked" tombstones. */
export class LookAgain extends Construct {
  readonly function: LambdaFunction;
  readonly eventSourceMapping: EventSourceMapping;

  constructor(scope: Construct, id: string, props: LookAgainProps) {
    super(scope, id);
    const { replication, queue, codeDirectory } = props;
    const name = lookAgainName(replication.name);
    const logGroup = createLogGroup(this, 'LogGroup', {
      logGroupName: `/aws/lambda/${name}`,
      replication,
    });
    this.function = new LambdaFunction(this, 'Function', {
      functionName: name,
      description: `Ferry ${replication.name}: looks at deletes again`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(codeDirectory, { exclude: ['*', '!*.mjs'] }),
      handler: LAMBDA_HANDLER,
      memorySize: 256,
      timeout: TIMEOUT,
      loggingFormat: LoggingFormat.JSON,
      logGroup,
      environment: functionEnvironment(
        name,
        { [LOOK_AGAIN_ENVIRONMENT.replication]: replicationVariable(props) },
        props,
      ),
      ...environmentKey(this, replication),
      role: createRole(this, { replication, queue, logGroup }),
    });
    // Not CDK's SqsEventSource, which would add permissions to the role.
    this.eventSourceMapping = new EventSourceMapping(this, 'EventSourceMapping', {
      target: this.function,
      eventSourceArn: queue.queueArn,
      batchSize: MESSAGES_PER_INVOCATION,
      maxConcurrency: CONCURRENCY_MAX,
      reportBatchItemFailures: true,
      metricsConfig: { metrics: [MetricType.EVENT_COUNT] },
    });
  }
}

interface RoleProps extends Pick<LookAgainProps, 'replication' | 'queue'> {
  readonly logGroup: LogGroup;
}

/** Reads versions, deletes items, and can write none. */
function createRole(scope: Construct, { replication, queue, logGroup }: RoleProps): Role {
  const { name, destination, stateTable } = replication;
  const { region, table } = destination;
  const role = new Role(scope, 'Role', {
    description: `Ferry ${name}: the function that looks at deletes again`,
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: {
      WriteLogs: policy(
        allow(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroup.logGroupArn),
        ...useOfLogKey(replication),
      ),
      ReceiveAnnouncements: policy(
        allow(
          ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
          queue.queueArn,
        ),
        ...useOfQueueKey(replication, 'lookAgainQueue', 'receiveMessage'),
      ),
      LookAtTwin: policy(
        allow(['dynamodb:BatchGetItem', 'dynamodb:DeleteItem'], tableArn(scope, region, table)),
        // A revenant goes in a transaction that asks whether its delete is remembered.
        allow(
          ['dynamodb:GetItem', 'dynamodb:ConditionCheckItem'],
          tableArn(scope, region, stateTable),
        ),
        ...useOfDestinationKeys(replication),
      ),
      ...optionalPolicy('DecryptEnvironment', useOfEnvironmentKey(replication)),
    },
  });
  return role;
}
