// The credentials of a role: sessions of an hour, from the regional endpoint of AWS STS, renewed before they end.

import { namedError } from '../errors.ts';
import type { Clock } from '../ports.ts';
import type { Access, CredentialSource } from './access.ts';
import { clientSettings } from './client-settings.ts';
import { type FoundCredentials, keptCredentials } from './credential-source.ts';
import { unavailable } from './credentials-unavailable.ts';
import { tryingOthers } from './other-credentials.ts';

export interface RoleOptions {
  readonly roleArn: string;
  /** In the trail of the role's account. Characters that AWS does not take are replaced. */
  readonly sessionName: string;
  /** Who assumes it, and in which Region. */
  readonly by: Pick<Access, 'region' | 'credentials'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/** What AWS allows where a role assumes another one. */
const SESSION_SECONDS = 3_600;

/** Its failures count as `denied`. */
export function assumedRole({ clock, onFailure, ...options }: RoleOptions): CredentialSource {
  return keptCredentials({ find: () => assume(options), clock, onFailure });
}

type Assuming = Omit<RoleOptions, 'clock' | 'onFailure'>;

async function assume({ roleArn, sessionName, by }: Assuming): Promise<FoundCredentials> {
  const call = { service: 'sts', operation: 'AssumeRole', resource: roleArn, region: by.region };
  // Loaded here: most replications never need it.
  const { AssumeRoleCommand, STSClient } = await import('@aws-sdk/client-sts');
  const settings = { ...clientSettings(by), maxAttempts: 3 };
  const client = tryingOthers(new STSClient(settings), by.credentials);
  try {
    const { Credentials: found } = await client.send(
      new AssumeRoleCommand({
        RoleArn: roleArn,
        RoleSessionName: sessionName.replace(/[^\w+=,.@-]/g, '-').slice(0, 64),
        DurationSeconds: SESSION_SECONDS,
      }),
    );
    if (!found?.AccessKeyId || !found.SecretAccessKey) throw namedError('AnswerWithoutCredentials');
    return {
      accessKeyId: found.AccessKeyId,
      secretAccessKey: found.SecretAccessKey,
      sessionToken: found.SessionToken,
      expiration: found.Expiration,
    };
  } catch (error) {
    throw unavailable(call, error);
  } finally {
    client.destroy();
  }
}
