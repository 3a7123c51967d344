// What an SDK client of Ferry does beyond the SDK: its errors say which request failed, and it tries once more where a
// service refuses its credentials and there are others.

import type { ClientSettings } from './client-settings.ts';
import { namingFailures } from './named-failures.ts';
import { tryingOthers } from './other-credentials.ts';

type SdkClient = Parameters<typeof namingFailures>[0] & Parameters<typeof tryingOthers>[0];

/**
 * @param settings by which the client was made.
 * @returns the same client.
 */
export function sdkClient<Client extends SdkClient>(
  client: Client,
  { credentials }: Pick<ClientSettings, 'credentials'>,
): Client {
  return tryingOthers(namingFailures(client), credentials);
}
