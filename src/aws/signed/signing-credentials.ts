// Credentials for requests that are signed here: from the environment, as Lambda gives them, or else by the
// SDK's own search; asked for again before they expire.

import type { Clock } from '../../ports.ts';
import type { SigningCredentials } from './sigv4.ts';

interface Expiring extends SigningCredentials {
  readonly expiration?: Date | undefined;
}

/** So long before their end, new ones are asked for. */
const REFRESH_MS = 5 * 60_000;

/** Gives credentials, at once if they are known. */
export type CredentialSource = () => SigningCredentials | Promise<SigningCredentials>;

/** The same object for as long as they are good. */
export function signingCredentials(
  find: () => Promise<Expiring>,
  clock: Pick<Clock, 'now'>,
): CredentialSource {
  let known: Expiring | undefined;
  let search: Promise<Expiring> | undefined;
  const look = async () => {
    try {
      known = await find();
      return known;
    } catch (error) {
      if (known !== undefined && !isEnding(known, clock.now(), 0)) return known;
      throw error;
    } finally {
      // After a failure, the next request tries again.
      search = undefined;
    }
  };
  return () => {
    if (known !== undefined && !isEnding(known, clock.now(), REFRESH_MS)) return known;
    return (search ??= look());
  };
}

function isEnding({ expiration }: Expiring, nowMs: number, withinMs: number): boolean {
  return expiration !== undefined && nowMs >= expiration.getTime() - withinMs;
}

/** In Lambda, they are good for as long as the environment lives. */
export async function findCredentials(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Expiring> {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = environment;
  if (accessKeyId !== undefined && secretAccessKey !== undefined)
    return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
  return defaultProvider()();
}
