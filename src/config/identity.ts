// Whose credentials a command has at each side of a replication, as its configuration says.

import {
  isOtherAccount,
  isOtherPartition,
  operatorReadRoleName,
  operatorRoleName,
  operatorWriterRoleName,
  readerRoleName,
  roleArn,
  writerRoleName,
} from './accounts.ts';
import type { ReplicationConfig } from './schema.ts';

export type Side = 'source' | 'destination';

export type Identity =
  /** Of the SDK's own search. */
  | { readonly kind: 'found' }
  | { readonly kind: 'profile'; readonly profile: string }
  | { readonly kind: 'role'; readonly arn: string; readonly by: Identity }
  | { readonly kind: 'secret'; readonly secret: string; readonly by: Identity };

export const FOUND: Identity = { kind: 'found' };

/** @param apply whether the command is going to change anything. */
export function operatorIdentities(
  replication: ReplicationConfig,
  apply: boolean,
): Readonly<Record<Side, Identity>> {
  const { name, source, destination, operatorRole, switching } = replication;
  const own = ofProfile(source.profile);
  const roleName = (apply ? operatorRoleName : operatorReadRoleName)(name);
  const usual = operatorRole ? roleOf(source, roleName, own ?? FOUND) : FOUND;
  const here = own ?? usual;
  const there = () => {
    // An emulator of another partition needs no secret.
    if (isOtherPartition(replication)) return secretOf(destination.credentials, here) ?? FOUND;
    if (usual.kind !== 'role' || !isOtherAccount(replication)) return usual;
    const writing = switching === undefined ? writerRoleName : operatorWriterRoleName;
    return roleOf(destination, (apply ? writing : readerRoleName)(name), usual);
  };
  return { source: here, destination: ofProfile(destination.profile) ?? there() };
}

function secretOf(keys: { readonly secret: string } | undefined, by: Identity) {
  return keys && ({ kind: 'secret', secret: keys.secret, by } as const);
}

function ofProfile(profile: string | undefined): Identity | undefined {
  return profile === undefined ? undefined : { kind: 'profile', profile };
}

function roleOf(side: Parameters<typeof roleArn>[0], name: string, by: Identity): Identity {
  return { kind: 'role', arn: roleArn(side, name), by };
}

/** "the source by the profile "orders"", or undefined where no setting has chosen the credentials. */
export function reachOf(side: Side, identity: Identity): string | undefined {
  return identity.kind === 'found' ? undefined : `the ${side} by ${identityText(identity)}`;
}

/** For a sentence: "the profile "orders"". */
export function identityText(identity: Identity): string {
  switch (identity.kind) {
    case 'found':
      return 'the credentials that the AWS SDK finds';
    case 'profile':
      return `the profile "${identity.profile}"`;
    case 'role':
      return `the role ${identity.arn}, assumed with ${identityText(identity.by)}`;
    case 'secret':
      return `the secret ${identity.secret}, read with ${identityText(identity.by)}`;
  }
}
