// Credentials that are kept while they are good: found again before they end, when they are old, and when a service
// refuses them. While those at hand still work, no request waits for others.

import type { Clock } from '../ports.ts';
import type { Access, Credentials, CredentialSource } from './access.ts';

export interface FoundCredentials extends Credentials {
  /** @default they do not end by themselves */
  readonly expiration?: Date | undefined;
}

export interface KeptOptions {
  /** One search at a time. It must end by itself. */
  readonly find: () => Promise<FoundCredentials>;
  readonly clock: Pick<Clock, 'now'>;
  /** Older ones are found again, since they may have been replaced. @default until they end */
  readonly ageMsMax?: number;
  /** Learns why a search has failed. */
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/** Where a service of AWS gives the credentials. */
export interface AskingOptions extends Pick<KeptOptions, 'clock' | 'onFailure'> {
  /** Who asks, and in which Region. */
  readonly by: Pick<Access, 'region' | 'credentials'>;
}

/** So long before their end, new ones are asked for. */
const REFRESH_MS = 5 * 60_000;
/** Thousands of requests may be refused at once: so long after a search that did not help, there is no other. */
const PAUSE_MS = 1_000;
/** The same where what it has found ends soon, or has ended, and no service has refused it: reading a secret costs. */
const LONG_PAUSE_MS = 15_000;

export function keptCredentials(options: KeptOptions): CredentialSource {
  const { find, clock, ageMsMax = Infinity, onFailure } = options;
  let known: Known | undefined;
  let failure: { readonly error: unknown } | undefined;
  let search: Promise<FoundCredentials> | undefined;
  let pausedAtMs = -Infinity;
  const isPaused = (ms: number) => isWithin(pausedAtMs, ms, clock.now());
  const look = async () => {
    try {
      const credentials = await find();
      known = knownFrom(credentials, clock.now(), ageMsMax);
      failure = undefined;
      if (!isGood(known, clock.now())) pausedAtMs = clock.now();
      return credentials;
    } catch (error) {
      failure = { error };
      pausedAtMs = clock.now();
      onFailure?.(error);
      throw error;
    } finally {
      search = undefined;
    }
  };
  const started = () => (search ??= look());
  return {
    get() {
      const nowMs = clock.now();
      if (known !== undefined && isGood(known, nowMs)) return known.credentials;
      const isResting = isPaused(failure === undefined ? LONG_PAUSE_MS : PAUSE_MS);
      if (known !== undefined && nowMs < known.endMs) {
        // Its failure is remembered, and counts when these have ended.
        if (!isResting) started().catch(() => undefined);
        return known.credentials;
      }
      if (search !== undefined || !isResting) return started();
      if (failure !== undefined) return Promise.reject(failure.error);
      // Whether they have ended is the service's to say: this clock may be wrong.
      return known === undefined ? started() : known.credentials;
    },
    async refused(credentials) {
      if (known !== undefined && !isSame(known.credentials, credentials)) return true;
      if (search === undefined && isPaused(PAUSE_MS)) return false;
      if (search === undefined) pausedAtMs = clock.now();
      const found = await started().catch(() => credentials);
      return !isSame(found, credentials);
    },
  };
}

interface Known {
  readonly credentials: FoundCredentials;
  readonly atMs: number;
  /** Until then, others are not looked for. */
  readonly goodUntilMs: number;
  readonly endMs: number;
}

function knownFrom(credentials: FoundCredentials, atMs: number, ageMsMax: number): Known {
  const endMs = credentials.expiration?.getTime() ?? Infinity;
  return { credentials, atMs, goodUntilMs: Math.min(atMs + ageMsMax, endMs - REFRESH_MS), endMs };
}

function isGood({ atMs, goodUntilMs }: Known, nowMs: number): boolean {
  return nowMs >= atMs && nowMs < goodUntilMs;
}

/** A clock that was set back says nothing of an age. */
function isWithin(sinceMs: number, ms: number, nowMs: number): boolean {
  return nowMs >= sinceMs && nowMs - sinceMs < ms;
}

function isSame(one: Credentials, other: Credentials): boolean {
  return (
    one.accessKeyId === other.accessKeyId &&
    one.secretAccessKey === other.secretAccessKey &&
    one.sessionToken === other.sessionToken
  );
}

type Environment = Readonly<Record<string, string | undefined>>;

/** In Lambda, they are good for as long as the environment lives. */
export async function findCredentials(environment: Environment): Promise<FoundCredentials> {
  const found = credentialsIn(environment);
  if (found !== undefined) return found;
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
  return defaultProvider()();
}

/** @returns undefined where the environment has none itself. */
export function credentialsIn(environment: Environment): Credentials | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  const { AWS_SESSION_TOKEN: sessionToken } = environment;
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

/** How a service says that credentials are not valid, or not any more: such a request has surely not been applied. */
export const REFUSALS: ReadonlySet<string> = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'InvalidToken',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
]);
