// The credentials of a named profile, and of no other source: where the profile has none, the SDK's own search would
// go on with those of this machine.

import type { Clock } from '../ports.ts';
import type { CredentialSource } from './access.ts';
import { keptCredentials } from './credential-source.ts';

/** @param region where a role of the profile is assumed, unless the profile says where. */
export function profileCredentials(
  profile: string,
  region: string,
  clock: Pick<Clock, 'now'>,
): CredentialSource {
  const find = async () => {
    const { fromIni } = await import('@aws-sdk/credential-provider-ini');
    const callerClientConfig = { region: async () => region };
    return fromIni({ profile, ignoreCache: true })({ callerClientConfig });
  };
  return keptCredentials({ find, clock });
}
