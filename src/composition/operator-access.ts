// How a command reaches both sides of a replication.

import { type Access, accessTo, type CredentialSource, type Sides } from '../aws/access.ts';
import { localCredentials } from '../aws/credentials.ts';
import { environmentEndpoint, isLoopback } from '../aws/endpoints.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { openOnce } from './open-once.ts';

type Settings = Pick<Access, 'region' | 'endpoint' | 'endpoints'>;

export interface OperatorNeeds {
  /** Whether the command is going to change anything. */
  readonly apply: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export async function operatorSides(
  { source, destination }: ReplicationConfig,
  { environment }: OperatorNeeds,
): Promise<Sides> {
  const s3 = environmentEndpoint('S3', environment);
  const endpoints = s3 === undefined ? source.endpoints : { s3, ...source.endpoints };
  return { source: { ...usualAccess(source), endpoints }, destination: usualAccess(destination) };
}

/** With the credentials that the SDK finds. For an endpoint on this machine, some that mean nothing will do. */
export function usualAccess(settings: Settings): Access {
  return accessTo(settings, isLocal(settings) ? anyCredentials() : undefined);
}

function anyCredentials(): CredentialSource {
  return { get: openOnce(localCredentials), refused: async () => false };
}

function isLocal({ endpoint, endpoints = {} }: Settings): boolean {
  if (endpoint !== undefined) return isLoopback(endpoint);
  return Object.values(endpoints).some((url) => isLoopback(url));
}
