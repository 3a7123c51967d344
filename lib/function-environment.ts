// The environment of a function: what it is told of its replication, refused here where Lambda would refuse it
// in the middle of a deployment.

import { Token } from 'aws-cdk-lib';
import type { ReplicationConfig } from '../src/config/config.ts';
import { UsageError } from '../src/errors.ts';
import type { ReplicationAndStream } from '../src/config/replication-variable.ts';

/** Lambda's limit for all variables of a function, as one JSON text. */
export const ENVIRONMENT_BYTES_MAX = 4_096;

/** Of a queue's URL or a bucket's name, which are known at deployment. */
const TOKEN_BYTES = 130;

/**
 * `variables`, as they are.
 * @throws UsageError `config.invalid` when Lambda would not take them.
 */
export function functionEnvironment(
  functionName: string,
  variables: Readonly<Record<string, string>>,
  { replication, streamArn }: ReplicationAndStream,
): Record<string, string> {
  const stream = Token.isUnresolved(streamArn) ? streamArnLike(replication) : streamArn;
  const json = JSON.stringify(variables)
    .replaceAll(streamArn, stream)
    .replaceAll(/\$\{Token\[[^\]]*\]\}/g, 'x'.repeat(TOKEN_BYTES));
  const bytes = Buffer.byteLength(json);
  if (bytes <= ENVIRONMENT_BYTES_MAX) return { ...variables };
  throw new UsageError(
    `The settings of ${replication.name} need ${bytes} bytes in the environment of ${functionName}; Lambda takes ${ENVIRONMENT_BYTES_MAX}.`,
    {
      code: 'config.invalid',
      hint: 'Shorten the longest: heartbeat.key, reservedAttribute, timestampAttribute, stateTable, or an endpoint. Letters other than ASCII take two to four bytes each.',
    },
  );
}

/** As long as the stream's ARN is going to be, in the longest partition. */
function streamArnLike({ source: { region, table } }: ReplicationConfig): string {
  return `arn:aws-us-gov:dynamodb:${region}:111122223333:table/${table}/stream/2026-01-31T12:00:00.000`;
}
