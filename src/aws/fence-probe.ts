// Whether a table takes the writes of applications: a put as one would send it, whose condition never holds, so that it
// writes nothing in any case.

import { ConditionalCheckFailedException, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { UsageError } from '../errors.ts';
import type { Item } from '../ports.ts';
import type { ClientSettings } from './client-settings.ts';
import { writeClient } from './dynamodb-table.ts';
import { namingFailures } from './named-failures.ts';

export interface Probe {
  /** By a role that may write to the table, and that no fence exempts. */
  readonly by: ClientSettings;
  readonly table: string;
  readonly key: Item;
}

/**
 * Over a connection of its own: another one may lead to another host, which knows another policy.
 * @throws UsageError `fence.probe` where the role may not write for another reason; or what the service or the network
 *   throws, which says nothing about the fence.
 */
export async function probeWrite({ by, table, key }: Probe): Promise<'refused' | 'writable'> {
  const client = namingFailures(writeClient({ ...by, concurrency: 1 }));
  const [partitionKey = ''] = Object.keys(key);
  try {
    await client.send(
      new PutItemCommand({
        TableName: table,
        Item: key,
        ConditionExpression: 'attribute_exists(#pk) AND attribute_not_exists(#pk)',
        ExpressionAttributeNames: { '#pk': partitionKey },
      }),
    );
    throw new Error(`DynamoDB has accepted a condition on ${table} that cannot hold`);
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return 'writable';
    if (!(error instanceof Error) || error.name !== 'AccessDeniedException') throw error;
    requireFenceToBlame(error, table);
    return 'refused';
  } finally {
    client.destroy();
  }
}

/** What IAM says of a denial that a resource policy has no part in. */
const OTHER_DENIAL =
  /identity-based policy|permissions boundary|service control policy|resource control policy|session policy|VPC endpoint policy|\bkms:/i;

function requireFenceToBlame(error: Error, table: string): void {
  const { message } = error;
  if (!OTHER_DENIAL.test(message)) return;
  throw new UsageError(
    `The probe may not write to ${table} in any case, so that its denial says nothing about the fence: ${message}`,
    {
      code: 'fence.probe',
      hint: 'Deploy the replication again, which gives the role of the probe its permission, or run the command with --fenced-by-application.',
      cause: error,
    },
  );
}
