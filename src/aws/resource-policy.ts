// The resource policy of a DynamoDB table, changed only where it still is what was read.

import {
  DeleteResourcePolicyCommand,
  type DynamoDBClient,
  GetResourcePolicyCommand,
  LimitExceededException,
  PolicyNotFoundException,
  PutResourcePolicyCommand,
  ResourceInUseException,
} from '@aws-sdk/client-dynamodb';
import type { TablePolicy } from '../ports.ts';

/** What DynamoDB takes for the revision of a policy that is not there. */
const NO_POLICY = 'NO_POLICY';

/** @param ResourceArn of the table. */
export function tablePolicy(client: DynamoDBClient, ResourceArn: string): TablePolicy {
  return {
    async read() {
      try {
        const found = await client.send(new GetResourcePolicyCommand({ ResourceArn }));
        return { policy: found.Policy, revisionId: found.RevisionId };
      } catch (error) {
        if (!(error instanceof PolicyNotFoundException)) throw error;
        return { policy: undefined, revisionId: undefined };
      }
    },
    async replace(found, policy) {
      try {
        await send(
          client,
          { ResourceArn, ExpectedRevisionId: found.revisionId ?? NO_POLICY },
          policy,
        );
        return 'done';
      } catch (error) {
        // Its name for a revision that is another one, too.
        if (error instanceof PolicyNotFoundException) return 'changed';
        if (error instanceof ResourceInUseException) return 'paused';
        if (error instanceof LimitExceededException) return 'paused';
        throw error;
      }
    },
  };
}

function send(
  client: DynamoDBClient,
  where: { readonly ResourceArn: string; readonly ExpectedRevisionId: string },
  Policy: string | undefined,
): Promise<unknown> {
  return Policy === undefined
    ? client.send(new DeleteResourcePolicyCommand(where))
    : client.send(new PutResourcePolicyCommand({ ...where, Policy }));
}
