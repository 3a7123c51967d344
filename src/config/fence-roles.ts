// Who writes to the destination of a direction: the roles that a fence around that table exempts, and those that lose
// their access when the table becomes active.

import {
  isOtherAccount,
  operatorRoleName,
  operatorWriterRoleName,
  roleArn,
  switchFunctionRoleName,
  switchRoleName,
  writerRoleName,
} from './accounts.ts';
import { otherDirection } from './directions.ts';
import { bulkName, functionName, lookAgainName } from './names.ts';
import type { ReplicationConfig } from './schema.ts';

/**
 * Of the functions that replicate to the destination.
 * @param account of a side that the configuration gives none.
 */
export function inboundRoles(direction: ReplicationConfig, account: string): string[] {
  const { name, source, destination } = direction;
  if (isOtherAccount(direction)) return [roleArn(destination, writerRoleName(name))];
  const own = { account, ...source };
  return [functionName(name), lookAgainName(name), bulkName(name)].map((role) =>
    roleArn(own, role),
  );
}

/** The functions, those who switch, and the roles that the configuration names. @param caller ARN by STS */
export function exemptRoles(
  direction: ReplicationConfig,
  { account, caller }: { readonly account: string; readonly caller: string | undefined },
): string[] {
  const { name, source, destination, switching } = direction;
  const [from, to] = [
    { account, ...source },
    { account, ...destination },
  ];
  const back = otherDirection(direction).name;
  const roles = [
    ...inboundRoles(direction, account),
    roleArn(from, operatorRoleName(name)),
    roleArn(to, operatorRoleName(back)),
    roleArn(to, operatorWriterRoleName(name)),
    roleArn(from, switchRoleName(name)),
    roleArn(to, switchRoleName(back)),
    roleArn(from, switchFunctionRoleName(source.region)),
    roleArn(to, switchFunctionRoleName(destination.region)),
    ...(switching?.operatorRoles ?? []),
    ...principalsOf(caller),
  ];
  return [...new Set(roles)];
}

/** As `aws:PrincipalArn` has them: a session of a role counts as the role, whose path STS does not tell. */
function principalsOf(caller: string | undefined): string[] {
  if (caller === undefined) return [];
  const [, partition, account, role] =
    /^arn:([^:]+):sts::(\d+):assumed-role\/([^/]+)\//.exec(caller) ?? [];
  if (role === undefined) return [caller];
  const roles = `arn:${partition}:iam::${account}:role`;
  return [`${roles}/${role}`, `${roles}/*/${role}`];
}
