// What all functions share: runtime, log group, JSON logs, keys, built code, and a role that holds one inline policy
// per need. Whatever waits for the function finds its rights in force.

import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  type Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  RuntimeFamily,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Deployment, ReplicationConfig } from '../src/config/schema.ts';
import { servicesAt } from '../src/config/partition-services.ts';
import { isOtherAccount } from '../src/config/accounts.ts';
import type { Arns } from '../src/permissions/arns.ts';
import {
  functionNeeds,
  type ReplicationFunction,
  RUNNERS,
} from '../src/permissions/function-needs.ts';
import type { Needs, Place } from '../src/permissions/statement.ts';
import { customerKey } from './customer-keys.ts';
import { type DeployedProjection, functionCode } from './function-code.ts';
import { functionEnvironment } from './function-environment.ts';
import { acknowledgeWildcards, arnsIn, policiesOf } from './policies.ts';

/** A replication, and what its functions have to know of its stack. */
export interface DeployedReplication {
  readonly replication: ReplicationConfig;
  /** For a table that the app creates, known at deployment. */
  readonly streamArn: string;
  readonly deadLetterQueue: Queue;
  readonly onFailureBucket: Bucket;
  /** With "checked" tombstones. */
  readonly lookAgainQueue: Queue | undefined;
  readonly projection: DeployedProjection | undefined;
}

interface FunctionProps {
  readonly functionName: string;
  readonly description: string;
  readonly memorySize: number;
  readonly timeout: Duration;
  /** Of asynchronous invocations. @default - Lambda's own */
  readonly retryAttempts?: number;
  readonly maxEventAge?: Duration;
}

interface FerryFunctionProps extends FunctionProps {
  readonly deployed: DeployedReplication;
  readonly code: ReplicationFunction;
}

/** Adds `Function`, its `Role` and its `LogGroup` to `scope`. */
export function createFerryFunction(
  scope: Construct,
  { deployed, code, ...props }: FerryFunctionProps,
): LambdaFunction {
  const { replication } = deployed;
  const { functionName } = props;
  // The writer role of another account trusts it by its name, and the fence of a table lets it write.
  const isNamed = isOtherAccount(replication) || replication.switching !== undefined;
  return createFunction(scope, props, {
    replication,
    code: functionCode(code, deployed.projection),
    environment: functionEnvironment(functionName, deploymentOf(deployed)),
    ...(isNamed && { roleName: functionName }),
    runner: `Ferry ${replication.name}: ${RUNNERS[code]}`,
    needsOf: (logs) => functionNeeds(code, replication, deployedArns(scope, deployed, { logs })),
  });
}

interface FunctionParts {
  /** Whose settings and keys it has. */
  readonly replication: ReplicationConfig;
  readonly code: Code;
  readonly environment: Readonly<Record<string, string>>;
  readonly roleName?: string;
  /** Of the role. */
  readonly runner: string;
  /** By the ARN of the log group. */
  readonly needsOf: (logs: string) => Needs;
}

/** The same for any function. */
export function createFunction(
  scope: Construct,
  props: FunctionProps,
  { replication, roleName, runner, needsOf, ...parts }: FunctionParts,
): LambdaFunction {
  const { architecture, runtime } = replication.function;
  const environmentEncryption = customerKey(scope, replication, 'functions');
  const logGroup = createLogGroup(scope, 'LogGroup', {
    logGroupName: `/aws/lambda/${props.functionName}`,
    replication,
  });
  const needs = needsOf(logGroup.logGroupArn);
  const role = new Role(scope, 'Role', {
    ...(roleName !== undefined && { roleName }),
    description: runner,
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: policiesOf(needs),
  });
  acknowledgeWildcards(role, needs);
  return new LambdaFunction(scope, 'Function', {
    ...props,
    ...parts,
    runtime: new Runtime(runtime, RuntimeFamily.NODEJS),
    architecture: architecture === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64,
    handler: 'index.handler',
    loggingFormat: servicesAt(replication.source.region).jsonLogs
      ? LoggingFormat.JSON
      : LoggingFormat.TEXT,
    logGroup,
    ...(environmentEncryption && { environmentEncryption }),
    role,
  });
}

/** What the functions and the operators of a replication have to do with. */
export function deployedArns(
  scope: Construct,
  { replication, streamArn, deadLetterQueue, onFailureBucket, lookAgainQueue }: DeployedReplication,
  known: Partial<Record<Place, string>> = {},
): Arns {
  return arnsIn(scope, replication, {
    stream: streamArn,
    deadLetters: deadLetterQueue.queueArn,
    bucket: onFailureBucket.bucketArn,
    ...(lookAgainQueue && { lookAgain: lookAgainQueue.queueArn }),
    ...known,
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
  const { replication, streamArn, projection } = deployed;
  const { deadLetterQueue, onFailureBucket, lookAgainQueue } = deployed;
  return {
    replication,
    streamArn,
    deadLetterQueueUrl: deadLetterQueue.queueUrl,
    onFailureBucket: onFailureBucket.bucketName,
    ...(lookAgainQueue && { lookAgainQueueUrl: lookAgainQueue.queueUrl }),
    ...(projection && { projectionDigest: projection.digest }),
  };
}
