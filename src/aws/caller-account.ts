// Whose credentials they are: AWS STS tells it, without any permission.

import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { type ClientSettings, clientSettings } from './client-settings.ts';
import { sdkClient } from './sdk-client.ts';

export interface Caller {
  readonly account: string;
  /** Of a session of a role, where it is one. */
  readonly arn: string;
}

/** @throws what the service or the network throws. */
export async function callerOf(settings: ClientSettings): Promise<Caller> {
  const client = sdkClient(
    new STSClient({ ...clientSettings(settings), maxAttempts: 3 }),
    settings,
  );
  try {
    const { Account, Arn } = await client.send(new GetCallerIdentityCommand());
    return { account: Account ?? 'unknown', arn: Arn ?? 'unknown' };
  } finally {
    client.destroy();
  }
}
