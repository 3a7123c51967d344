// What all functions of a replication share: runtime, log group, JSON logs, keys, built code, and a role that
// holds one inline policy per need. Whatever waits for the function finds its rights in force.

import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { type PolicyDocument, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Deployment, ReplicationConfig } from '../src/config/schema.ts';
import { type FunctionName, functionDirectory } from '../src/package-files.ts';
import { functionEnvironment } from './function-environment.ts';
import { customerKey, useOfKey } from './customer-keys.ts';
import { acknowledgeWildcards, allow, policy } from './policies.ts';

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

/** What a function may do, besides writing its logs and reading its environment. */
export interface RolePolicies {
  readonly policies: Readonly<Record<string, PolicyDocument>>;
  /** Resources in these policies with a wildcard, and why. @default - none */
  readonly wildcards?: Readonly<Record<string, string>>;
}

interface FerryFunctionProps extends RolePolicies {
  readonly deployed: DeployedReplication;
  readonly code: FunctionName;
  readonly functionName: string;
  readonly description: string;
  /** Of the role, after the replication's name. */
  readonly roleDescription: string;
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
  const decrypt = useOfKey(replication, 'functions', 'lambda:InvokeFunction');
  const writeLogs = allow(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroup.logGroupArn);
  const role = new Role(scope, 'Role', {
    description: `Ferry ${replication.name}: ${roleDescription}`,
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: {
      WriteLogs: policy(writeLogs, ...useOfKey(replication, 'logGroups', 'logs:PutLogEvents')),
      ...policies,
      ...(decrypt.length > 0 && { DecryptEnvironment: policy(...decrypt) }),
    },
  });
  if (wildcards !== undefined) acknowledgeWildcards(role, wildcards);
  return new LambdaFunction(scope, 'Function', {
    ...props,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    // As `npm run build` made it: the modules, and nothing else that is beside them.
    code: Code.fromAsset(functionDirectory(code), { exclude: ['*', '!*.mjs'] }),
    handler: 'index.handler',
    loggingFormat: LoggingFormat.JSON,
    logGroup,
    environment: functionEnvironment(functionName, deploymentOf(deployed)),
    ...(environmentEncryption && { environmentEncryption }),
    role,
  });
}

/** Made here, so that its life is limited from the first line on, and gone with its stack. */
export function createLogGroup(
  scope: Construct,
  id: string,
  { logGroupName, replication }: { logGroupName: string; replication: ReplicationConfig },
): LogGroup {
  const encryptionKey = customerKey(scope, replication, 'logGroups', id);
  return new LogGroup(scope, id, {
    logGroupName,
    ...(encryptionKey && { encryptionKey }),
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the schema lists the valid days
    retention: replication.function.logRetentionDays as RetentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
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
