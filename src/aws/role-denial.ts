// A denial for some time in an inline policy of a role: of requests to one table. It ends by itself, also where nothing
// takes it back.

import {
  DeleteRolePolicyCommand,
  IAMClient,
  NoSuchEntityException,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import type { Access } from './access.ts';
import { clientSettings } from './client-settings.ts';
import { sdkClient } from './sdk-client.ts';

/** A role keeps one denial: the next replaces it. */
const POLICY_NAME = 'ferry-rehearsal-denial';

export interface Denial {
  readonly roleArn: string;
  readonly region: string;
  readonly table: string;
  /** Epoch milliseconds. */
  readonly untilMs: number;
}

/** IAM takes seconds, and seldom minutes, until all requests are denied. */
export async function denyWrites(access: Access, denial: Denial): Promise<void> {
  const { roleArn } = denial;
  await withClient(access, (client) =>
    client.send(
      new PutRolePolicyCommand({
        RoleName: nameIn(roleArn),
        PolicyName: POLICY_NAME,
        PolicyDocument: JSON.stringify(denialPolicy(denial)),
      }),
    ),
  );
}

/** Takes the denial back. Doing so again is harmless, also where the role is gone. */
export async function allowWrites(access: Access, roleArn: string): Promise<void> {
  const there = { RoleName: nameIn(roleArn), PolicyName: POLICY_NAME };
  await withClient(access, async (client) => {
    try {
      await client.send(new DeleteRolePolicyCommand(there));
    } catch (error) {
      if (!(error instanceof NoSuchEntityException)) throw error;
    }
  });
}

function denialPolicy({ roleArn, region, table, untilMs }: Denial): object {
  const [, partition] = roleArn.split(':');
  const end = new Date(untilMs).toISOString().replace(/\.\d+Z$/, 'Z');
  const statement = {
    Sid: 'FerryRehearsal',
    Effect: 'Deny',
    Action: ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'],
    Resource: `arn:${partition}:dynamodb:${region}:*:table/${table}`,
    Condition: { DateLessThan: { 'aws:CurrentTime': end } },
  };
  return { Version: '2012-10-17', Statement: [statement] };
}

const nameIn = (roleArn: string) => roleArn.replace(/^.*\//, '');

async function withClient(access: Access, use: (client: IAMClient) => Promise<unknown>) {
  const { region, credentials } = access;
  const settings = { ...clientSettings({ region, credentials }), maxAttempts: 3 };
  const client = sdkClient(new IAMClient(settings), access);
  try {
    await use(client);
  } finally {
    client.destroy();
  }
}
