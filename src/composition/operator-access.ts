// How a command reaches both sides of a replication: as its configuration says, and checked before anything is done.

import {
  type Access,
  accessTo,
  type CredentialSource,
  type Settings,
  type Sides,
} from '../aws/access.ts';
import { assumedRole } from '../aws/assumed-role.ts';
import { keptCredentials } from '../aws/credential-source.ts';
import { credentialsFor } from '../aws/credentials.ts';
import { environmentEndpoint, isLocal, isThere } from '../aws/endpoints.ts';
import { profileCredentials } from '../aws/profile-credentials.ts';
import { secretCredentials } from '../aws/secret-credentials.ts';
import { systemClock } from '../aws/system-clock.ts';
import { isOtherPartition } from '../config/accounts.ts';
import {
  FOUND,
  type Identity,
  identityText,
  operatorIdentities,
  type Side,
} from '../config/identity.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { checkedAccess } from './account-check.ts';
import { type Environment, keyring } from './keyring.ts';

const sourceOf = keyring<CredentialSource>();

export interface OperatorNeeds {
  /** Whether the command is going to change anything. */
  readonly apply: boolean;
  /** Of the process. */
  readonly environment: Environment;
}

/** @throws FerryError `access.account` where credentials are of another account than the configuration says. */
export async function operatorSides(
  replication: ReplicationConfig,
  { apply, environment }: OperatorNeeds,
): Promise<Sides> {
  const { source, destination, switching } = replication;
  // Either can be lost.
  const otherRegion = switching && destination.region;
  const planned = operatorIdentities(replication, apply);
  // The source's Region can say whose credentials they are, too, while the destination's does not answer.
  const askedIn = isOtherPartition(replication) ? destination.region : source.region;
  const by = { source, otherRegion, environment };
  const open = async (side: Side, settings: Settings, region: string) => {
    const identity = usable(planned[side], settings, environment);
    const access = accessTo(settings, credentialsOf(identity, settings, by));
    if (!isThere('STS', isLocal(settings), environment)) return access;
    const { account } = replication[side];
    return checkedAccess({ side, account, identity, access, region, otherRegion, environment });
  };
  const s3 = environmentEndpoint('S3', environment);
  const endpoints = s3 === undefined ? source.endpoints : { s3, ...source.endpoints };
  return {
    // Those of the configuration alone decide where the source is.
    source: { ...(await open('source', source, source.region)), endpoints },
    destination: await open('destination', destination, askedIn),
  };
}

/** @param profile of the AWS configuration files. @default the credentials that the SDK finds */
export function profileAccess(settings: Settings, profile?: string): Access {
  if (profile === undefined) return accessTo(settings, usualCredentials(settings));
  return accessTo(settings, profileCredentials(profile, settings.region, systemClock));
}

/** For an endpoint on this machine, some that mean nothing will do. */
function usualCredentials(settings: Settings): CredentialSource | undefined {
  if (!isLocal(settings)) return undefined;
  return keptCredentials({ find: () => credentialsFor(process.env), clock: systemClock });
}

function usable(identity: Identity, settings: Settings, environment: Environment): Identity {
  if (identity.kind !== 'role' && identity.kind !== 'secret') return identity;
  const service = identity.kind === 'role' ? 'STS' : 'SECRETS_MANAGER';
  return isThere(service, isLocal(settings), environment) ? identity : FOUND;
}

interface By {
  /** Its Region has the STS that gives a role, and the secret. */
  readonly source: Settings;
  readonly otherRegion: string | undefined;
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
  return sourceOf(by.environment, key, () => newCredentials(identity, region, by));
}

function newCredentials(
  identity: Exclude<Identity, { kind: 'found' }>,
  region: string,
  by: By,
): CredentialSource {
  const clock = systemClock;
  const { otherRegion } = by;
  if (identity.kind === 'profile') return profileCredentials(identity.profile, region, clock);
  const asking = { region, credentials: credentialsOf(identity.by, by.source, by) };
  return identity.kind === 'role'
    ? assumedRole({ roleArn: identity.arn, sessionName: 'ferry', by: asking, otherRegion, clock })
    : secretCredentials({ secret: identity.secret, by: asking, clock });
}
