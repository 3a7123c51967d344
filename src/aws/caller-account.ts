// Which account credentials belong to: AWS STS tells it, without any permission.

import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { type ClientSettings, clientSettings } from './client-settings.ts';
import { sdkClient } from './sdk-client.ts';

/** @throws what the service or the network throws. */
export async function callerAccount(settings: ClientSettings): Promise<string> {
  const client = sdkClient(
    new STSClient({ ...clientSettings(settings), maxAttempts: 3 }),
    settings,
  );
  try {
    return (await client.send(new GetCallerIdentityCommand())).Account ?? 'unknown';
  } finally {
    client.destroy();
  }
}
