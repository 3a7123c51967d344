// Settings that every AWS client of Ferry takes beside its own options.

import type { SourceConfig } from '../config/schema.ts';
import { isLoopback } from './endpoints.ts';
import { type Credentials, localCredentials } from './credentials.ts';

export interface ClientSettings {
  readonly region: string;
  /** @default what environment or profile name, or else the Region's own */
  readonly endpoint?: string | undefined;
  /** @default the SDK's own search for them */
  readonly credentials?: Credentials | undefined;
}

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
 * The settings in the form that SDK clients take: what is not set is not there. For an endpoint on this machine,
 * credentials that mean nothing will do. A client without a handler of its own has the time limits.
 */
export function clientSettings({ region, endpoint, credentials }: ClientSettings) {
  const common = { region, requestHandler: { ...TRY_LIMITS } };
  if (endpoint === undefined) return { ...common, ...(credentials && { credentials }) };
  const fallback = isLoopback(endpoint) ? localCredentials : undefined;
  const provided = credentials ?? fallback;
  return { ...common, endpoint, ...(provided && { credentials: provided }) };
}

/** Services of the source's Region whose endpoint a configuration can name. */
export type RegionService = keyof NonNullable<SourceConfig['endpoints']>;

export type ServiceRegion = Pick<SourceConfig, 'region' | 'endpoints'>;

/** The settings of a client for another service than DynamoDB. */
export function serviceSettings(
  { region, endpoints = {} }: ServiceRegion,
  service: RegionService,
): ClientSettings {
  return { region, endpoint: endpoints[service] };
}
