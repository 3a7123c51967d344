// What a deployment made, read off the function that it deployed: its environment names the rest.

import {
  type EnvironmentResponse,
  GetFunctionConfigurationCommand,
  LambdaClient,
  ResourceNotFoundException,
} from '@aws-sdk/client-lambda';
import { isOlder, readDeployment } from '../config/function-variable.ts';
import { handlerSettings, type HandlerSettings } from '../config/handler-settings.ts';
import { bulkName, functionName } from '../config/names.ts';
import type { Deployment, ReplicationConfig } from '../config/schema.ts';
import { timestampMs } from '../model/timestamp.ts';
import { FerryError } from '../errors.ts';
import type { Access } from './access.ts';
import { clientSettings, serviceSettings } from './client-settings.ts';
import { isLoopback } from './endpoints.ts';
import { sdkClient } from './sdk-client.ts';

/**
 * What the replicate function of `replication` knows: its configuration, and the places of its deployment.
 * @throws FerryError `deployment.missing`, `deployment.environment`, or for its variable `deployment.invalid`,
 *   `deployment.older` or `deployment.newer`; or what Lambda throws.
 */
export async function deployment(access: Access, replication: string): Promise<Deployment> {
  const name = functionName(replication);
  return readDeployment(await replicateVariables(access, name), name);
}

/** What a command needs of a deployment whose configuration it has. */
export type DeployedSettings = Pick<
  HandlerSettings,
  | 'deadLetterQueueUrl'
  | 'onFailureBucket'
  | 'lookAgainQueueUrl'
  | 'lookAgainSeconds'
  | 'projectionDigest'
> & {
  /** Whether release 0.2.0 deployed it. */
  readonly isOlder: boolean;
};

/**
 * The same, of release 0.2.0, too: until they are deployed again, its functions work on.
 * @throws as `deployment`.
 */
export async function deployedSettings(
  access: Access,
  replication: string,
): Promise<DeployedSettings> {
  const name = functionName(replication);
  const variables = await replicateVariables(access, name);
  if (isOlder(variables)) {
    return {
      deadLetterQueueUrl: variables['FERRY_DEAD_LETTER_QUEUE_URL'] ?? '',
      onFailureBucket: variables['FERRY_ON_FAILURE_BUCKET'] ?? '',
      lookAgainQueueUrl: variables['FERRY_LOOK_AGAIN_QUEUE_URL'],
      lookAgainSeconds: Number(variables['FERRY_LOOK_AGAIN_SECONDS']),
      isOlder: true,
    };
  }
  const { replication: config, ...places } = readDeployment(variables, name);
  return { ...handlerSettings(config, places), isOlder: false };
}

export interface DeployedProjection {
  /** Null without a projection. */
  readonly digest: string | null;
  readonly timeoutSeconds: number;
  /** When the function was created or updated last, epoch milliseconds. */
  readonly changedAtMs: number | undefined;
  /** Lambda is still updating it. */
  readonly isChanging: boolean;
}

/**
 * By which projection the replicate function of `replication` writes, and since when.
 * @returns undefined where it is not deployed.
 * @throws as `deployment`, except for an older release: it has no projection.
 */
export async function deployedProjection(
  access: Access,
  replication: string,
): Promise<DeployedProjection | undefined> {
  const name = functionName(replication);
  const deployed = await ifDeployed(describe(access, name, ''));
  if (deployed === undefined) return undefined;
  const variables = variablesOf(name, deployed);
  const known = isOlder(variables) ? undefined : readDeployment(variables, name);
  const { timeoutSeconds, changedAtMs, isChanging } = deployed;
  return { digest: known?.projectionDigest ?? null, timeoutSeconds, changedAtMs, isChanging };
}

async function replicateVariables(access: Access, name: string) {
  const hint = 'Check its Region and name, deploy the replication, or choose other credentials.';
  return variablesOf(name, await describe(access, name, hint));
}

/**
 * The timeout of the replicate function of `replication`, of whatever release it is.
 * @returns undefined where it is not deployed.
 * @throws what Lambda throws.
 */
export async function deployedTimeoutSeconds(
  access: Access,
  replication: string,
): Promise<number | undefined> {
  return (await ifDeployed(describe(access, functionName(replication), '')))?.timeoutSeconds;
}

export interface DeployedBulk {
  readonly stateMachineArn: string;
  readonly bucket: string;
  /** The replication that it works on. */
  readonly replication: ReplicationConfig;
  /** Null without a projection. */
  readonly projection: string | null;
}

/**
 * Where the bulk runs of `replication` are.
 * @throws FerryError `deployment.missing` or `deployment.environment`, or what Lambda throws.
 */
export async function deployedBulk(access: Access, replication: string): Promise<DeployedBulk> {
  const isLocal = isLoopback(access.endpoints?.lambda ?? '');
  const hint = isLocal ? NO_LOCAL_BULK : DEPLOY_BULK;
  const name = bulkName(replication);
  const deployed = await describe(access, name, hint);
  const { onFailureBucket, ...known } = readDeployment(variablesOf(name, deployed), name);
  return {
    // The state machine has the function's name, account and Region.
    stateMachineArn: deployed.arn
      .replace(':lambda:', ':states:')
      .replace(':function:', ':stateMachine:'),
    bucket: onFailureBucket,
    replication: known.replication,
    projection: known.projectionDigest ?? null,
  };
}

const DEPLOY_BULK =
  'Set "bulk" to true in the configuration, and deploy it with `npx cdk deploy --all`.';
const NO_LOCAL_BULK =
  'The configuration names endpoints on this machine, and a local run has no state machine. Leave out --bulk.';

/**
 * When the function `name` was created or updated last, epoch milliseconds.
 * @returns undefined where it is not deployed.
 * @throws what Lambda throws.
 */
export async function deployedSinceMs(access: Access, name: string): Promise<number | undefined> {
  return (await ifDeployed(describe(access, name, '')))?.changedAtMs;
}

/**
 * The ARN of the role of the function `name`.
 * @returns undefined where it is not deployed.
 * @throws what Lambda throws.
 */
export async function deployedRole(access: Access, name: string): Promise<string | undefined> {
  return (await ifDeployed(describe(access, name, '')))?.roleArn;
}

/** @returns undefined where the function that was asked for is not deployed. */
export async function ifDeployed<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof FerryError && error.code === 'deployment.missing') return undefined;
    throw error;
  }
}

/**
 * Lambda leaves them out if the caller has no permission to use the key that encrypts them.
 * @throws FerryError `deployment.environment`.
 */
function variablesOf(
  name: string,
  { environment }: { readonly environment: EnvironmentResponse | undefined },
): Readonly<Record<string, string>> {
  const { Variables = {}, Error: problem } = environment ?? {};
  if (problem === undefined) return Variables;
  throw new FerryError(
    `Lambda could not decrypt the environment of ${name}: ${problem.ErrorCode}, ${problem.Message}`,
    {
      code: 'deployment.environment',
      hint: 'These credentials need kms:Decrypt for its key, and the key must be enabled. docs/customer-keys.md has what the policy of the key must allow.',
    },
  );
}

async function describe(access: Access, FunctionName: string, hint: string) {
  const settings = clientSettings(serviceSettings(access, 'lambda'));
  const client = sdkClient(new LambdaClient({ ...settings, maxAttempts: 3 }), access);
  try {
    const {
      Environment: environment,
      FunctionArn = '',
      Role: roleArn,
      Timeout = 0,
      LastModified = '',
      LastUpdateStatus,
    } = await client.send(new GetFunctionConfigurationCommand({ FunctionName }));
    // "2026-01-31T12:00:00.000+0000"
    const changedAtMs = timestampMs({ S: LastModified });
    const isChanging = LastUpdateStatus === 'InProgress';
    const known = { environment, timeoutSeconds: Timeout, changedAtMs, isChanging };
    return { arn: FunctionArn, roleArn, ...known };
  } catch (cause) {
    if (!(cause instanceof ResourceNotFoundException)) throw cause;
    throw new FerryError(`There is no function ${FunctionName} in ${access.region}.`, {
      code: 'deployment.missing',
      hint,
      cause,
    });
  } finally {
    client.destroy();
  }
}
