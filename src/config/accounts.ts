// Accounts and partitions of the two sides: by which role or secret the functions reach the twin, and what is wrong
// with the settings about that.

import { partitionOf } from './partition.ts';
import { arnProblems } from './regions.ts';
import type { ReplicationConfig, Replications, TableConfig } from './schema.ts';

type Sides = Pick<ReplicationConfig, 'source' | 'destination'>;

/** In the destination's account: what may be done to the twin and to the ledger. */
export const writerRoleName = (replication: string) => `ferry-${replication}-writer`;
/** The same without what changes anything. */
export const readerRoleName = (replication: string) => `ferry-${replication}-reader`;
/** In the source's account, for the commands. */
export const operatorRoleName = (replication: string) => `ferry-${replication}-operator`;
export const operatorReadRoleName = (replication: string) => `ferry-${replication}-operator-read`;
/** With "switching", beside the source of a direction: may only put an item there, and has no exemption from a fence. */
export const probeRoleName = (replication: string) => `ferry-${replication}-probe`;
/** With "switching", beside the source of a direction: what a switch does there, in either direction. */
export const switchRoleName = (replication: string) => `ferry-${replication}-switch`;
/** Of the function that switches in a Region, which assumes the ones above. Names of roles are those of all Regions. */
export const switchFunctionRoleName = (region: string) => `ferry-switch-${region}`;
/** With "switching", in the destination's account: as the writer, for operators alone, who may write control rows. */
export const operatorWriterRoleName = (replication: string) =>
  `ferry-${replication}-operator-writer`;

/** Whether the destination is in another partition, so that a secret has its credentials. */
export function isOtherPartition({
  source,
  destination,
}: Readonly<Record<'source' | 'destination', Pick<TableConfig, 'region'>>>): boolean {
  return partitionOf(source.region) !== partitionOf(destination.region);
}

/** Whether the twin is reached by a role of another account of the same partition. */
export function isOtherAccount(sides: Sides): boolean {
  return !isOtherPartition(sides) && sides.source.account !== sides.destination.account;
}

/** @param side whose account and partition it is. */
export function roleArn(side: Pick<TableConfig, 'account' | 'region'>, roleName: string): string {
  return `arn:${partitionOf(side.region).name}:iam::${side.account}:role/${roleName}`;
}

/** One line for each setting about accounts, roles and secrets that does not fit the others. */
export function* accountProblems(replications: Replications): Generator<string> {
  const all = [...replications].flatMap(([path, { source, destination }]) => [
    { path: `${path}.source`, side: source },
    { path: `${path}.destination`, side: destination },
  ]);
  const named = all.find(({ side }) => side.account !== undefined);
  for (const { path, side } of all) {
    if (named === undefined || side.account !== undefined) continue;
    yield `${path}.account is required, because ${named.path} has one, and is missing`;
  }
  for (const [path, replication] of replications) {
    yield* credentialProblems(path, replication);
    yield* operatorProblems(path, replication);
  }
}

/** In both directions, each has functions that write to the other side. */
function* credentialProblems(path: string, replication: ReplicationConfig): Generator<string> {
  const { source, destination, twoWay } = replication;
  yield* reachProblems(`${path}.destination.credentials`, source, destination);
  if (twoWay !== undefined) {
    const { credentials } = twoWay;
    const table = { ...source, ...(credentials && { credentials }) };
    yield* reachProblems(`${path}.twoWay.credentials`, destination, table);
  }
}

function* reachProblems(
  at: string,
  source: TableConfig,
  destination: TableConfig,
): Generator<string> {
  const [from, to] = [source, destination].map(({ region }) => partitionOf(region).name);
  if (!isOtherPartition({ source, destination })) {
    if (destination.credentials === undefined) return;
    yield `${at} is for a destination in another partition, got ${source.region} and ${destination.region}, both in ${from}; for another account, give both sides their "account"`;
    return;
  }
  // An emulator has no partitions.
  if (destination.credentials === undefined) {
    if (destination.endpoint === undefined)
      yield `${at} is required for a destination in another partition, ${from} to ${to}: name a secret in ${source.region} with keys of ${to}`;
    return;
  }
  const { secret, kmsKeyArn } = destination.credentials;
  const [, partition, , region] = secret.split(':');
  if (region !== source.region || partition !== from)
    yield `${at}.secret must be a secret in ${source.region}, where the functions read it, got ${secret}`;
  if (kmsKeyArn !== undefined)
    yield* arnProblems(`${at}.kmsKeyArn`, kmsKeyArn, { table: source, what: 'a key' });
}

/** The name of a role is not enough to assume it. */
function* operatorProblems(
  path: string,
  { operatorRole, source }: ReplicationConfig,
): Generator<string> {
  if (!operatorRole || source.account !== undefined) return;
  yield `${path}.source.account is required with "operatorRole": the commands assume a role by its ARN`;
}
