// What a rehearsal denies to the functions of a scratch replication: to write to the twin, or to reach anything of the
// other Region, in either direction.

import { deployedRole } from '../aws/deployed-function.ts';
import type { Access, Sides } from '../aws/access.ts';
import { allowRole, type Denial, denyRole } from '../aws/role-denial.ts';
import { isOtherAccount, roleArn, writerRoleName } from '../config/accounts.ts';
import { functionName, heartbeatName, lookAgainName } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { SCRATCH_PREFIX } from './rehearsal-scratch.ts';

/** One direction of the scratch replication. */
export interface ScratchDirection {
  readonly replication: ReplicationConfig;
  readonly sides: Sides;
}

/** The scratch replication, and with "switching" the way back. */
export type Directions = readonly [ScratchDirection, ...ScratchDirection[]];

const WRITES = ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'];

/** Of the replicate function. A denial whose answer is lost ends by itself, too. */
export async function denyTwin(direction: ScratchDirection, untilMs: number): Promise<void> {
  const { name, destination } = direction.replication;
  const { region, table: tables } = destination;
  const denial = { actions: WRITES, tables, region, untilMs };
  await denyAll(direction, [functionName(name)], denial);
}

/** Of every function, to every table of the Region that the direction leads to. */
export async function cutOff(direction: ScratchDirection, untilMs: number): Promise<void> {
  const { name, destination } = direction.replication;
  const { region } = destination;
  const denial = { actions: ['dynamodb:*'], tables: `${SCRATCH_PREFIX}*`, region, untilMs };
  await denyAll(direction, functionsOf(name), denial);
}

/** Takes back what was denied. Harmless where nothing was, and where nothing is deployed any more. */
export async function allowAgain(direction: ScratchDirection): Promise<void> {
  const roles = await rolesOf(direction, functionsOf(direction.replication.name));
  for (const { access, role } of roles) await allowRole(access, role);
}

const functionsOf = (name: string) => [
  functionName(name),
  lookAgainName(name),
  heartbeatName(name),
];

async function denyAll(
  direction: ScratchDirection,
  functions: readonly string[],
  denial: Denial,
): Promise<void> {
  for (const { access, role } of await rolesOf(direction, functions))
    await denyRole(access, role, denial);
}

interface Role {
  readonly access: Access;
  readonly role: string;
}

/** In another account, all functions assume one role. */
async function rolesOf(
  { replication, sides: { source, destination } }: ScratchDirection,
  functions: readonly string[],
): Promise<Role[]> {
  if (isOtherAccount(replication)) {
    const role = roleArn(replication.destination, writerRoleName(replication.name));
    return [{ access: destination, role }];
  }
  const roles = await Promise.all(functions.map((name) => deployedRole(source, name)));
  return roles.flatMap((role) => (role === undefined ? [] : [{ access: source, role }]));
}
