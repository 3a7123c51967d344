// The credentials of a role: sessions of an hour, from the regional endpoint of AWS STS, renewed before they end.

import type { Credentials as Session } from '@aws-sdk/client-sts';
import { namedError } from '../errors.ts';
import type { CredentialSource } from './access.ts';
import { clientSettings } from './client-settings.ts';
import { type AskingOptions, type FoundCredentials, keptCredentials } from './credential-source.ts';
import { unavailable } from './credentials-unavailable.ts';
import { inEitherRegion } from './either-region.ts';
import { tryingOthers } from './other-credentials.ts';

export interface RoleOptions extends AskingOptions {
  readonly roleArn: string;
  /** In the trail of the role's account. Characters that AWS does not take are replaced. */
  readonly sessionName: string;
  /** Where STS is asked if it does not answer in the first Region. */
  readonly otherRegion?: string | undefined;
}

/** What AWS allows where a role assumes another one. */
const SESSION_SECONDS = 3_600;

/** Its failures count as `denied`. */
export function assumedRole(options: RoleOptions): CredentialSource {
  return keptCredentials({ ...options, find: () => assume(options) });
}

async function assume(options: RoleOptions): Promise<FoundCredentials> {
  const { by, otherRegion: other } = options;
  const { region } = by;
  const call = { service: 'sts', operation: 'AssumeRole', resource: options.roleArn, region };
  try {
    return await inEitherRegion((at) => assumeIn(at, options), { region, other });
  } catch (error) {
    throw unavailable(call, error);
  }
}

async function assumeIn(
  region: string,
  { roleArn, sessionName, by }: RoleOptions,
): Promise<FoundCredentials> {
  // Loaded here: most replications never need it.
  const { AssumeRoleCommand, STSClient } = await import('@aws-sdk/client-sts');
  const settings = { ...clientSettings({ ...by, region }), maxAttempts: 3 };
  const client = tryingOthers(new STSClient(settings), by.credentials);
  try {
    const { Credentials: found } = await client.send(
      new AssumeRoleCommand({
        RoleArn: roleArn,
        RoleSessionName: sessionName.replace(/[^\w+=,.@-]/g, '-').slice(0, 64),
        DurationSeconds: SESSION_SECONDS,
      }),
    );
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } =
      found ?? ({} as Partial<Session>);
    if (!AccessKeyId || !SecretAccessKey || !SessionToken)
      throw namedError('AnswerWithoutCredentials');
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      expiration: Expiration,
    };
  } finally {
    client.destroy();
  }
}
