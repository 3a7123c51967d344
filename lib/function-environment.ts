// The environment of a function: its one variable, refused here where Lambda would refuse it in the middle of a
// deployment.

import { Token } from 'aws-cdk-lib';
import { functionVariables, shortVariables } from '../src/config/function-variable.ts';
import type { Deployment } from '../src/config/schema.ts';
import { UsageError } from '../src/errors.ts';

/** Lambda's limit for all variables of a function, as one JSON text. */
export const ENVIRONMENT_BYTES_MAX = 4_096;

/** Of a queue's URL or a bucket's name, which are known at deployment. */
const TOKEN_BYTES = 130;
/** The same of the longest ARN of a Kinesis stream. */
const KINESIS_BYTES = 190;

/** @throws UsageError `config.invalid` when Lambda would not take it. */
export function functionEnvironment(
  functionName: string,
  deployment: Deployment,
): Record<string, string> {
  const whole = functionVariables(deployment);
  if (bytesOf(whole, deployment) <= ENVIRONMENT_BYTES_MAX) return whole;
  const short = shortVariables(deployment);
  const bytes = bytesOf(short, deployment);
  if (bytes <= ENVIRONMENT_BYTES_MAX) return short;
  throw new UsageError(
    `The settings of ${deployment.replication.name} need ${bytes} bytes in the environment of ${functionName}; Lambda takes ${ENVIRONMENT_BYTES_MAX}.`,
    {
      code: 'config.invalid',
      hint: 'Shorten the longest: heartbeat.key, reservedAttribute, timestampAttribute, stateTable, an endpoint, or a projection, whose rules a module can have instead. Letters other than ASCII take two to four bytes each.',
    },
  );
}

function bytesOf(
  variables: Readonly<Record<string, string>>,
  { replication, streamArn }: Deployment,
): number {
  const stream = Token.isUnresolved(streamArn) ? streamArnLike(replication) : streamArn;
  const json = JSON.stringify(variables)
    .replaceAll(streamArn, stream)
    .replaceAll(/\$\{Token\[[^\]]*\]\}/g, 'x'.repeat(TOKEN_BYTES));
  return Buffer.byteLength(json);
}

/** As long as the stream's ARN is going to be, in the longest partition. */
function streamArnLike({ source }: Deployment['replication']): string {
  const { region, table, kinesisStreamArn } = source;
  if (kinesisStreamArn !== undefined) return 'x'.repeat(KINESIS_BYTES);
  return `arn:aws-us-gov:dynamodb:${region}:111122223333:table/${table}/stream/2026-01-31T12:00:00.000`;
}
