// Settings that every AWS client of Ferry takes beside its own options.

import type { ServiceEndpoints } from '../config/schema.ts';
import type { Access, CredentialSource } from './access.ts';

export type ClientSettings = Omit<Access, 'endpoints'>;

/**
 * The time limits of one try, for the SDK's own handler, which has none. With three tries, an endpoint that
 * accepts connections and never answers is given up after about 25 seconds.
 */
export const TRY_LIMITS = {
  connectionTimeout: 3_000,
  requestTimeout: 8_000,
  // The request's own time ends when the answer begins; a body that stalls needs one, too.
  socketTimeout: 8_000,
  throwOnRequestTimeout: true,
} as const;

/**
 * The settings in the form that SDK clients take: what is not set is not there. A client without a handler of its own
 * has the time limits.
 */
export function clientSettings({ region, endpoint, credentials }: ClientSettings) {
  return {
    region,
    requestHandler: { ...TRY_LIMITS },
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials && { credentials: sdkCredentials(credentials) }),
  };
}

/** Asked for each request: the SDK would keep credentials without an end for ever. */
function sdkCredentials(source: CredentialSource) {
  return Object.assign(async () => source.get(), { memoized: true });
}

/** Services of the source's Region whose endpoint a configuration can name. */
export type RegionService = keyof ServiceEndpoints;

/** The settings of a client for another service than DynamoDB. */
export function serviceSettings(
  { region, endpoints = {}, credentials }: Access,
  service: RegionService,
): ClientSettings {
  return { region, endpoint: endpoints[service], credentials };
}
