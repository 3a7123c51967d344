// Removes what a rehearsal on AWS has made, and says what is left and which commands remove it. Also what an earlier
// rehearsal left, which is found by its names.

import type { Sides } from '../aws/access.ts';
import type { CdkApp } from '../aws/cdk-app.ts';
import { listTables } from '../aws/table-list.ts';
import { directionsOf } from '../config/directions.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { whatHappened } from '../failures/what-happened.ts';
import { type Leftover, leftoversOf } from '../teardown/leftovers.ts';
import type { Environment } from './keyring.ts';
import { allowAgain, type Directions } from './rehearsal-denial.ts';
import { rehearsalOf, SCRATCH_TABLES, scratchStacks } from './rehearsal-scratch.ts';
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
 * The stacks first: their queues, buckets and tables stay. Source and twin are the last, because a rehearsal is found by
 * them. Removing again is harmless.
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
    return [...stacks, ...unknownResources(scratch, whatHappened(error))];
  }
}

/** All that it may have, where nothing can be looked at. */
function unknownResources(scratch: ReplicationConfig, why: string): Unremoved[] {
  const all = directionsOf(scratch).flatMap((one) => leftoversOf({ ...one, buckets: [] }));
  return [...all.map((one) => unremoved(one, scratch, why)), unlistedBuckets(scratch, why)];
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
  const left = bucketProblem === undefined ? [] : [unlistedBuckets(scratch, bucketProblem)];
  const removeAll = async (some: readonly Leftover[], whyKept: string | undefined) => {
    for (const leftover of some) {
      requireScratch(leftover, scratch);
      const keep = (why: string) => left.push(unremoved(leftover, scratch, why));
      try {
        const remains = await store.find(leftover);
        if (remains === undefined) continue;
        if (whyKept !== undefined) keep(whyKept);
        else {
          await store.remove(leftover, remains);
          onRemoved(textOf(leftover));
        }
      } catch (error) {
        keep(whatHappened(error));
      }
    }
  };
  const isMark = ({ name }: Leftover) =>
    name === scratch.source.table || name === scratch.destination.table;
  const ofStack = isDeployed ? 'its stack is left' : undefined;
  await removeAll(
    leftovers.filter((one) => !isMark(one)),
    ofStack,
  );
  const ofOthers = left.length > 0 ? 'the others are found by it' : undefined;
  await removeAll(leftovers.filter(isMark), ofStack ?? ofOthers);
  return left;
}

const textOf = ({ what, name, region }: Leftover) => `${what} ${name} (${region})`;

function unremoved(leftover: Leftover, scratch: ReplicationConfig, why: string): Unremoved {
  return { what: textOf(leftover), why, command: removalCommand(leftover, scratch) };
}

/** Whatever goes wrong, nothing else is deleted. */
function requireScratch({ name }: Leftover, scratch: ReplicationConfig): void {
  if (rehearsalOf(name) !== scratch.name) throw new Error(`${name} is not of ${scratch.name}`);
}

function removalCommand(
  { kind, name, region, account }: Leftover,
  { source, destination }: ReplicationConfig,
): string {
  const isHere = source.region === region && source.account === account;
  const here = at(region, (isHere ? source : destination).profile);
  switch (kind) {
    case 'queue':
      return `aws sqs delete-queue --queue-url $(aws sqs get-queue-url --queue-name ${name} --output text${here})${here}`;
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

/** @returns the names of the rehearsals that have a source table or a twin here, which no other replication is given. */
export async function rehearsalsAt(sides: Sides): Promise<string[]> {
  const names = new Set<string>();
  // One after the other: what is missing is then named by the first call that needs it.
  for (const side of ['source', 'destination'] as const) {
    for (const table of await listTables(sides[side])) {
      const name = rehearsalOf(table);
      if (name !== undefined && table === SCRATCH_TABLES[side](name)) names.add(name);
    }
  }
  return [...names].toSorted();
}
