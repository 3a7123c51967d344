// Removes what a rehearsal on AWS has made, and says what is left and which commands remove it. Also what an earlier
// rehearsal left, which is found by its names.

import type { Access, Sides } from '../aws/access.ts';
import type { CdkApp } from '../aws/cdk-app.ts';
import { serviceSettings } from '../aws/client-settings.ts';
import { bucketsLike, messagesClient } from '../aws/leftovers.ts';
import { queuesLike } from '../aws/queue-list.ts';
import { objectClient } from '../aws/s3-objects.ts';
import { listTables } from '../aws/table-list.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { whatHappened } from '../failures/what-happened.ts';
import type { Leftover } from '../teardown/leftovers.ts';
import type { Environment } from './keyring.ts';
import { allowAgain, type Directions } from './rehearsal-denial.ts';
import { rehearsalOf, SCRATCH_PREFIX, scratchStacks } from './rehearsal-scratch.ts';
import { openTeardown, type TeardownPlace } from './teardown-place.ts';

export interface Unremoved {
  /** "twin ferry-rehearsal-ab2c-twin (eu-west-1)" */
  readonly what: string;
  readonly why: string;
  /** Of the AWS CLI. */
  readonly command: string;
}

export interface RemovalOptions {
  readonly scratch: ReplicationConfig;
  readonly directions: Directions;
  readonly cdk: Pick<CdkApp, 'destroy'>;
  readonly environment: Environment;
  readonly onRemoved: (what: string) => void;
}

/**
 * The stacks first: their queues, buckets and tables stay. Removing again is harmless.
 * @returns what is left. While stacks are left, so are these.
 */
export async function removeRehearsal(options: RemovalOptions): Promise<Unremoved[]> {
  const { scratch, directions, environment } = options;
  const why = await stacksProblem(options);
  const stacks = why === undefined ? [] : leftStacks(scratch, why);
  try {
    const [{ sides }] = directions;
    const place = await openTeardown(scratch, sides, { apply: true, environment, buckets: [] });
    try {
      return [...stacks, ...(await leftResources(place, options, stacks.length > 0))];
    } finally {
      place.close();
    }
  } catch (error) {
    return stacks.length > 0 ? stacks : leftStacks(scratch, whatHappened(error));
  }
}

/** CloudFormation deletes no role that has a policy of others. @returns why the stacks are left */
async function stacksProblem({ scratch, directions, cdk, onRemoved }: RemovalOptions) {
  try {
    for (const direction of directions) await allowAgain(direction);
    const stacks = scratchStacks(scratch);
    await cdk.destroy(stacks);
    for (const { name, region } of stacks.toReversed()) onRemoved(`stack ${name} (${region})`);
    return undefined;
  } catch (error) {
    return whatHappened(error);
  }
}

function leftStacks(scratch: ReplicationConfig, why: string): Unremoved[] {
  return scratchStacks(scratch)
    .toReversed()
    .map(({ name, region, profile }) => ({
      what: `stack ${name} (${region})`,
      why,
      command: `aws cloudformation delete-stack --stack-name ${name}${at(region, profile)}`,
    }));
}

async function leftResources(
  { leftovers, store, bucketProblem }: TeardownPlace,
  { scratch, onRemoved }: RemovalOptions,
  isDeployed: boolean,
): Promise<Unremoved[]> {
  const left: Unremoved[] = [];
  for (const leftover of leftovers) {
    requireScratch(leftover, scratch);
    const what = `${leftover.what} ${leftover.name} (${leftover.region})`;
    const keep = (why: string, id = leftover.name) =>
      left.push({ what, why, command: removalCommand(leftover, scratch, id) });
    try {
      const remains = await store.find(leftover);
      if (remains === undefined) continue;
      if (isDeployed) keep('its stack is left', remains.id);
      else {
        await store.remove(leftover, remains);
        onRemoved(what);
      }
    } catch (error) {
      keep(whatHappened(error));
    }
  }
  return bucketProblem === undefined ? left : [...left, unlistedBuckets(scratch, bucketProblem)];
}

/** Whatever goes wrong, nothing else is deleted. */
function requireScratch({ name }: Leftover, scratch: ReplicationConfig): void {
  if (rehearsalOf(name) !== scratch.name) throw new Error(`${name} is not of ${scratch.name}`);
}

function removalCommand(
  { kind, name, region, account }: Leftover,
  { source, destination }: ReplicationConfig,
  id: string,
): string {
  const isHere = source.region === region && source.account === account;
  const here = at(region, (isHere ? source : destination).profile);
  switch (kind) {
    case 'queue':
      return `aws sqs delete-queue --queue-url ${id}${here}`;
    case 'bucket':
      return `aws s3 rb --force s3://${name}${here}`;
    case 'log group':
      return `aws logs delete-log-group --log-group-name ${name}${here}`;
    case 'table':
      return `aws dynamodb update-table --no-deletion-protection-enabled --table-name ${name}${here} && aws dynamodb delete-table --table-name ${name}${here}`;
  }
}

function unlistedBuckets({ name, source }: ReplicationConfig, why: string): Unremoved {
  const command = `aws s3 ls${at(source.region, source.profile)}`;
  return { what: `on-failure bucket, whose name begins with ferry-${name}`, why, command };
}

function at(region: string, profile: string | undefined): string {
  return ` --region ${region}${profile === undefined ? '' : ` --profile ${profile}`}`;
}

/** @returns the names of the rehearsals that have a table, a queue or a bucket at either side. */
export async function rehearsalsAt({ source, destination }: Sides): Promise<string[]> {
  const found = [...(await resourcesAt(source)), ...(await resourcesAt(destination))];
  const names = found.map((resource) => rehearsalOf(resource));
  return [...new Set(names.filter((name) => name !== undefined))].toSorted();
}

async function resourcesAt(access: Access): Promise<string[]> {
  const messages = messagesClient(serviceSettings(access, 'sqs'));
  const objects = objectClient(serviceSettings(access, 's3'));
  try {
    // One after the other: what is missing is then named by the first call that needs it.
    return [
      ...(await listTables(access)),
      ...(await queuesLike(messages, SCRATCH_PREFIX)),
      ...(await bucketsLike(objects, access.region, SCRATCH_PREFIX)),
    ];
  } finally {
    messages.destroy();
    objects.destroy();
  }
}
