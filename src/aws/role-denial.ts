// A denial for some time in an inline policy of a role: of requests to some tables of a Region. It ends by itself, also
// where nothing takes it back.

import {
  DeleteRolePolicyCommand,
  IAMClient,
  NoSuchEntityException,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import type { Access } from './access.ts';
import { clientSettings } from './client-settings.ts';
import { sdkClient } from './sdk-client.ts';

/** A role has one denial at most: the next one replaces it. */
const POLICY_NAME = 'ferry-rehearsal-denial';

export interface Denial {
  /** "dynamodb:PutItem" */
  readonly actions: readonly string[];
  readonly region: string;
  /** A name, or the beginning of names and a star. */
  readonly tables: string;
  /** Epoch milliseconds. */
  readonly untilMs: number;
}

/** IAM takes seconds, and seldom minutes, until it denies every request. */
export async function denyRole(access: Access, roleArn: string, denial: Denial): Promise<void> {
  const PolicyDocument = JSON.stringify(denialPolicy(roleArn, denial));
  const named = { RoleName: nameIn(roleArn), PolicyName: POLICY_NAME, PolicyDocument };
  await withClient(access, (client) => client.send(new PutRolePolicyCommand(named)));
}

/** Takes the denial back. Harmless where there is none, and where the role is gone. */
export async function allowRole(access: Access, roleArn: string): Promise<void> {
  const named = { RoleName: nameIn(roleArn), PolicyName: POLICY_NAME };
  await withClient(access, async (client) => {
    try {
      await client.send(new DeleteRolePolicyCommand(named));
    } catch (error) {
      if (!(error instanceof NoSuchEntityException)) throw error;
    }
  });
}

function denialPolicy(roleArn: string, { actions, region, tables, untilMs }: Denial): object {
  const [, partition] = roleArn.split(':');
  const end = new Date(untilMs).toISOString().replace(/\.\d+Z$/, 'Z');
  const statement = {
    Sid: 'FerryRehearsal',
    Effect: 'Deny',
    Action: actions,
    Resource: `arn:${partition}:dynamodb:${region}:*:table/${tables}`,
    Condition: { DateLessThan: { 'aws:CurrentTime': end } },
  };
  return { Version: '2012-10-17', Statement: [statement] };
}

/** Without the path. */
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
