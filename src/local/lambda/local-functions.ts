// The functions of a local world: the bundles that ship, in processes of their own, with the environment that a
// deployment would give them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Credentials } from '../../aws/access.ts';
import { functionVariables } from '../../config/function-variable.ts';
import type { ReplicationConfig } from '../../config/schema.ts';
import type { Projection } from '../../model/projection.ts';
import { copyWithModule, functionModule, type FunctionName } from '../../package-files.ts';
import type { Clock } from '../../ports.ts';
import type { MetricsTally } from '../cloudwatch/metrics-tally.ts';
import type { FaultProxy } from '../faults/fault-proxy.ts';
import type { Cleanup } from '../run/cleanup.ts';
import type { LocalFailures } from '../run/local-failures.ts';
import {
  type LambdaFunction,
  type LambdaProcessOptions,
  startLambdaProcess,
} from './lambda-process.ts';
import { startQueueMapping } from './queue-mapping.ts';

/** What functions need of the world that they run in. */
export interface FunctionPlace {
  readonly replication: ReplicationConfig;
  readonly projection: Projection | undefined;
  readonly streamArn: string;
  readonly failures: LocalFailures;
  /** Between the function and the destination. */
  readonly faults: FaultProxy;
  /** Between the function and its source, where it writes there, too. */
  readonly nearFaults?: FaultProxy | undefined;
  readonly tally: MetricsTally;
}

interface FunctionOptions {
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly onProblem: (problem: string) => void;
}

/** The environment of each function: the tables that it writes are behind the faults. */
export function localVariables({
  replication,
  projection,
  failures,
  faults,
  nearFaults,
  streamArn,
}: FunctionPlace): Record<string, string> {
  const destination = { ...replication.destination, endpoint: faults.endpoint };
  const source = {
    ...replication.source,
    ...(nearFaults && { endpoint: nearFaults.endpoint }),
  };
  return functionVariables({
    replication: { ...replication, source, destination },
    streamArn,
    deadLetterQueueUrl: failures.queueUrl,
    onFailureBucket: failures.bucketName,
    lookAgainQueueUrl: failures.lookAgainQueueUrl,
    projectionDigest: projection?.digest,
  });
}

/**
 * Deletes are looked at once they have waited as long as they do after a deployment.
 * @returns what does not wait so long: it resolves once all of them have been looked at.
 */
export function startLookAgain(
  parts: FunctionPlace,
  options: FunctionOptions,
  cleanups: Cleanup[],
): () => Promise<void> {
  const { replication, failures } = parts;
  if (replication.tombstones !== 'checked') return async () => undefined;
  const lambda = startLambda('look-again', parts, options, cleanups);
  const mapping = startQueueMapping({
    queue: failures.lookAgainQueue,
    hasten: () => failures.hastenLookAgain(),
    invoke: (event) => lambda.invoke(event),
    clock: options.clock,
    onProblem: options.onProblem,
  });
  cleanups.push(() => mapping.stop());
  return () => mapping.drained();
}

/** Metrics, and that a first batch has adopted its stream. */
const EXPECTED_LINES = ['{"_aws"', '{"event":"control.adopted"'];

export function startLambda(
  handler: FunctionName,
  parts: FunctionPlace,
  options: FunctionOptions,
  cleanups: Cleanup[],
): LambdaFunction {
  const { replication, tally } = parts;
  const { onProblem } = options;
  const lambda = startLambdaProcess({
    ...codeOf(handler, parts, options, cleanups),
    timeoutSeconds: replication.function.timeoutSeconds,
    onLogLine: (line) => {
      tally.addLine(line);
      if (!EXPECTED_LINES.some((start) => line.startsWith(start))) onProblem(line);
    },
  });
  cleanups.push(() => lambda.stop());
  return lambda;
}

/** What a deployment would give a function: its files, with the module of a projection, and its environment. */
export function codeOf(
  handler: FunctionName,
  parts: FunctionPlace,
  { credentials }: Pick<FunctionOptions, 'credentials'>,
  cleanups: Cleanup[],
): Pick<LambdaProcessOptions, 'bundlePath' | 'environment'> {
  const { replication, failures } = parts;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const environment = {
    ...localVariables(parts),
    AWS_REGION: replication.source.region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    ...(sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: sessionToken }),
    AWS_ENDPOINT_URL_S3: failures.objectEndpoint,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  };
  const { module } = replication.projection ?? {};
  if (module === undefined || handler !== 'replicate')
    return { bundlePath: functionModule(handler), environment };
  const directory = mkdtempSync(join(tmpdir(), 'ferry-function-'));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  copyWithModule(handler, module, directory);
  return { bundlePath: join(directory, 'index.mjs'), environment };
}
