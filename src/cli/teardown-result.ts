// What `ferry teardown` prints: what stays and how to import it, what switches have left, and the same for scripts.

import type { FenceLeft } from '../composition/fences-left.ts';
import type { TeardownPlace } from '../composition/teardown-place.ts';
import { bothWays } from '../config/directions.ts';
import { switchStack } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { placeOf } from '../config/tables.ts';
import {
  destinationStack,
  fullName,
  IMPORT_IDENTIFIERS,
  type Leftover,
  sourceStack,
} from '../teardown/leftovers.ts';
import type { Found } from '../teardown/teardown.ts';

export interface ShownTeardown {
  readonly replication: ReplicationConfig;
  readonly place: TeardownPlace;
}

export interface TeardownResult {
  readonly apply: boolean;
  readonly found: readonly Found[];
  readonly deleted: readonly string[];
  readonly fences: readonly FenceLeft[];
}

export function planLines(call: ShownTeardown, result: TeardownResult): string[] {
  const { replication, place } = call;
  const { isDeployed } = place;
  const { found } = result;
  const regions = bothWays(replication).map(({ source }) => source.region);
  return [
    isDeployed
      ? `${replication.name} is deployed. These resources stay when \`${destroyCommand(replication)}\` deletes its stacks:`
      : `${replication.name} is not deployed in ${regions.join(' and ')}. These resources exist:`,
    ...(found.length === 0 ? ['  none'] : found.flatMap(foundLines)),
    ...noteLines(call, result),
    'Nothing was changed. --apply deletes empty resources, and the resources that --delete names.',
    ...(isDeployed ? ['It refuses to run while the replication is deployed.'] : []),
  ];
}

export function leftLines(call: ShownTeardown, result: TeardownResult): string[] {
  const { found } = result;
  const first = found.length === 0 ? 'No resource is left.' : 'These resources are left:';
  return [first, ...found.flatMap(foundLines), ...noteLines(call, result)];
}

export function whatAndWhere({ what, name, account, region }: Leftover): string {
  return `${what} ${name} (${account === undefined ? region : `${account}/${region}`})`;
}

function foundLines({ leftover, remains, decision }: Found): string[] {
  const { kind, stack, isCertain = true } = leftover;
  const holds = remains.holds === undefined ? 'empty' : `has ${remains.holds}`;
  const doubt = isCertain
    ? ''
    : '; the name is shortened, so another replication may own the resource';
  const fate =
    decision === 'delete'
      ? 'would be deleted'
      : `kept; \`--delete ${fullName(leftover)}\` deletes it`;
  return [
    `  ${whatAndWhere(leftover)}: ${holds}${doubt}; ${fate}`,
    `    import: \`npx cdk import ${stack}\`, ${IMPORT_IDENTIFIERS[kind]} ${remains.id}`,
  ];
}

function noteLines({ replication, place }: ShownTeardown, { fences }: TeardownResult): string[] {
  const { source, destination } = replication;
  const own = [source, destination].filter(({ create }) => !create);
  return [
    ...(place.bucketProblem === undefined
      ? []
      : [
          `The buckets could not be listed (${place.bucketProblem}). Name the bucket with --bucket.`,
        ]),
    ...own.map(
      (table) => `Ferry did not create the table ${placeOf(table)}, and never deletes it.`,
    ),
    ...fences.map(fenceLine),
    ...switchLines(replication),
    'CloudFormation deletes other log groups, alarms, roles and functions with their stacks.',
  ];
}

function fenceLine({ table, statements, problem }: FenceLeft): string {
  if (problem !== null)
    return `The resource policy of ${table} cannot be read (${problem}). Look in it for FerryFence and FerryInbound.`;
  const refused = statements.includes('FerryFence') ? 'Applications' : "Ferry's functions";
  return `The resource policy of ${table} still has statements of a switch: ${statements.join(' and ')}. ${refused} cannot write to the table until you remove them.`;
}

/** Stacks that stay for others. */
function switchLines(replication: ReplicationConfig): string[] {
  if (replication.switching === undefined) return [];
  const stacks = bothWays(replication).map(({ source: { account, region } }) =>
    switchStack(account, region),
  );
  return [
    `The stacks ${stacks.join(' and ')} switch every replication of their Region. Deploy them again without ${replication.name}, or delete them if there is no other.`,
  ];
}

export function resultFacts(
  place: TeardownPlace,
  { apply, found, deleted, fences }: TeardownResult,
): object {
  return {
    apply,
    deployed: place.isDeployed,
    deleted,
    left: found.map(({ leftover, remains, decision }) => ({
      kind: leftover.kind,
      name: leftover.name,
      account: leftover.account,
      region: leftover.region,
      stack: leftover.stack,
      importIdentifier: { [IMPORT_IDENTIFIERS[leftover.kind]]: remains.id },
      holds: remains.holds ?? null,
      decision,
    })),
    bucketProblem: place.bucketProblem ?? null,
    fences,
  };
}

export function destroyCommand(replication: ReplicationConfig): string {
  const stacks = bothWays(replication).flatMap(({ name }) => [
    sourceStack(name),
    destinationStack(name),
  ]);
  // Otherwise the CDK deletes the stacks that need these, too: that of a fleet, and those of other readers.
  return `npx cdk destroy ${stacks.join(' ')} --exclusively`;
}
