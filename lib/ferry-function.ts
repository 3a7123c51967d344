// What all functions of a replication share: runtime, log group, JSON logs, keys, built code, and a role that
// holds one inline policy per need. Whatever waits for the function finds its rights in force.

import type { Duration } from 'aws-cdk-lib';
import { type PolicyDocument, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Deployment, ReplicationConfig } from '../src/config/schema.ts';
import type { FunctionName } from '../src/package-files.ts';
import { customerKey } from './customer-key.ts';
import { functionCode, LAMBDA_HANDLER } from './function-code.ts';
import { functionEnvironment } from './function-environment.ts';
import { useOfEnvironmentKey, useOfLogKey } from './key-grants.ts';
import { createLogGroup } from './log-group.ts';
import { acknowledgeWildcards, allow, optionalPolicy, policy } from './policies.ts';

/** A replication, and what its functions have to know of its stack. */
export interface DeployedReplication {
  readonly replication: ReplicationConfig;
  /** For a table that the app creates, known at deployment. */
  readonly streamArn: string;
  readonly deadLetterQueue: Queue;
  readonly onFailureBucket: Bucket;
  /** With "checked" tombstones. */
  readonly lookAgainQueue: Queue | undefined;
}

export interface FerryFunctionProps {
  readonly deployed: DeployedReplication;
  readonly code: FunctionName;
  readonly functionName: string;
  readonly description: string;
  /** Of the role, after the replication's name. */
  readonly roleDescription: string;
  /** What the function may do, besides writing its logs and reading its environment. */
  readonly policies: Readonly<Record<string, PolicyDocument>>;
  /** Resources in these policies with a wildcard, and why. @default - none */
  readonly wildcards?: Readonly<Record<string, string>>;
  readonly memorySize: number;
  readonly timeout: Duration;
  /** Of asynchronous invocations. @default - Lambda's own */
  readonly retryAttempts?: number;
  readonly maxEventAge?: Duration;
}

/** Adds `Function`, its `Role` and its `LogGroup` to `scope`. */
export function createFerryFunction(
  scope: Construct,
  { deployed, code, roleDescription, policies, wildcards, ...props }: FerryFunctionProps,
): LambdaFunction {
  const { replication } = deployed;
  const { functionName } = props;
  const environmentEncryption = customerKey(scope, replication, 'functions');
  const logGroup = createLogGroup(scope, 'LogGroup', {
    logGroupName: `/aws/lambda/${functionName}`,
    replication,
  });
  const writeLogs = allow(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroup.logGroupArn);
  const role = new Role(scope, 'Role', {
    description: `Ferry ${replication.name}: ${roleDescription}`,
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: {
      WriteLogs: policy(writeLogs, ...useOfLogKey(replication)),
      ...policies,
      ...optionalPolicy('DecryptEnvironment', useOfEnvironmentKey(replication)),
    },
  });
  if (wildcards !== undefined) acknowledgeWildcards(role, wildcards);
  return new LambdaFunction(scope, 'Function', {
    ...props,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    code: functionCode(code),
    handler: LAMBDA_HANDLER,
    loggingFormat: LoggingFormat.JSON,
    logGroup,
    environment: functionEnvironment(functionName, deploymentOf(deployed)),
    ...(environmentEncryption && { environmentEncryption }),
    role,
  });
}

function deploymentOf(deployed: DeployedReplication): Deployment {
  const { replication, streamArn, deadLetterQueue, onFailureBucket, lookAgainQueue } = deployed;
  return {
    replication,
    streamArn,
    deadLetterQueueUrl: deadLetterQueue.queueUrl,
    onFailureBucket: onFailureBucket.bucketName,
    ...(lookAgainQueue && { lookAgainQueueUrl: lookAgainQueue.queueUrl }),
  };
}
