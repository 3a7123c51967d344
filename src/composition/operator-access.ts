// How a command reaches both sides of a replication: as its configuration says, and checked before anything is done.

import { type Access, accessTo, type CredentialSource, type Sides } from '../aws/access.ts';
import { assumedRole } from '../aws/assumed-role.ts';
import { keptCredentials } from '../aws/credential-source.ts';
import { localCredentials } from '../aws/credentials.ts';
import { environmentEndpoint, isLoopback } from '../aws/endpoints.ts';
import { profileCredentials } from '../aws/profile-credentials.ts';
import { secretCredentials } from '../aws/secret-credentials.ts';
import { systemClock } from '../aws/system-clock.ts';
import { isOtherPartition } from '../config/accounts.ts';
import { FOUND, type Identity, identityText, operatorIdentities } from '../config/identity.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { FerryError } from '../errors.ts';
import { requireAccount } from './account-check.ts';
import { type Environment, keyringOf } from './keyring.ts';

type Settings = Pick<Access, 'region' | 'endpoint' | 'endpoints'>;

export interface OperatorNeeds {
  /** Whether the command is going to change anything. */
  readonly apply: boolean;
  /** Of the process. */
  readonly environment: Environment;
}

/**
 * @throws FerryError as `requireAccount` does.
 */
export async function operatorSides(
  replication: ReplicationConfig,
  { apply, environment }: OperatorNeeds,
): Promise<Sides> {
  const { source, destination } = replication;
  const planned = operatorIdentities(replication, apply);
  const by = { source, environment };
  const here = usable(planned.source, source, environment);
  const there = usable(planned.destination, destination, environment);
  const s3 = environmentEndpoint('S3', environment);
  const endpoints = s3 === undefined ? source.endpoints : { s3, ...source.endpoints };
  const sides = {
    source: accessTo({ ...source, endpoints }, credentialsOf(here, source, by)),
    destination: accessTo(destination, credentialsOf(there, destination, by)),
  };
  if (isChecked(source, environment))
    await requireAccount({ side: 'source', ...source, identity: here }, sides.source, environment);
  if (isChecked(destination, environment)) {
    // The source's Region can say it, too, while the destination's does not answer.
    const region = isOtherPartition(replication) ? destination.region : source.region;
    const checked = requireAccount(
      { side: 'destination', ...destination, identity: there },
      { ...sides.destination, region },
      environment,
    );
    await (apply ? checked : checked.catch(refusalsOnly));
  }
  return sides;
}

/** What only looks goes on: its own requests fail for the same reason, and a status shows all the rest. */
function refusalsOnly(error: unknown): void {
  if (!(error instanceof FerryError) || error.code !== 'access.unknown') throw error;
}

/** @param profile of the AWS configuration files. @default the credentials that the SDK finds */
export function profileAccess(settings: Settings, profile?: string): Access {
  if (profile === undefined) return accessTo(settings, usualCredentials(settings));
  return accessTo(settings, profileCredentials(profile, settings.region, systemClock));
}

/** For an endpoint on this machine, some that mean nothing will do. */
function usualCredentials(settings: Settings): CredentialSource | undefined {
  if (!isLocal(settings)) return undefined;
  return keptCredentials({ find: localCredentials, clock: systemClock });
}

function isLocal({ endpoint, endpoints = {} }: Settings): boolean {
  if (endpoint !== undefined) return isLoopback(endpoint);
  return Object.values(endpoints).some((url) => isLoopback(url));
}

/** An emulator has neither roles nor secrets, unless the environment says where they are. */
function usable(identity: Identity, settings: Settings, environment: Environment): Identity {
  if (identity.kind !== 'role' && identity.kind !== 'secret') return identity;
  const service = identity.kind === 'role' ? 'STS' : 'SECRETS_MANAGER';
  const isThere = !isLocal(settings) || environmentEndpoint(service, environment) !== undefined;
  return isThere ? identity : FOUND;
}

function isChecked(settings: Settings, environment: Environment): boolean {
  return !isLocal(settings) || environmentEndpoint('STS', environment) !== undefined;
}

interface By {
  /** Its Region has the STS that gives a role, and the secret. */
  readonly source: Settings;
  readonly environment: Environment;
}

/** @returns undefined for the SDK's own search. */
function credentialsOf(
  identity: Identity,
  settings: Settings,
  by: By,
): CredentialSource | undefined {
  if (identity.kind === 'found') return usualCredentials(settings);
  const { region, endpoint = '' } = identity.kind === 'profile' ? settings : by.source;
  const key = [region, endpoint, identityText(identity)].join(' ');
  return keyringOf(by.environment).credentials(key, () => newCredentials(identity, region, by));
}

function newCredentials(
  identity: Exclude<Identity, { kind: 'found' }>,
  region: string,
  by: By,
): CredentialSource {
  const clock = systemClock;
  if (identity.kind === 'profile') return profileCredentials(identity.profile, region, clock);
  const asking = { region, credentials: credentialsOf(identity.by, by.source, by) };
  return identity.kind === 'role'
    ? assumedRole({ roleArn: identity.arn, sessionName: 'ferry', by: asking, clock })
    : secretCredentials({ secret: identity.secret, by: asking, clock });
}
