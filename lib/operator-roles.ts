// In the source's stack, on request: the roles that the commands assume, to change something and to change nothing.

import { AccountPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { operatorReadRoleName, operatorRoleName } from '../src/config/accounts.ts';
import { operatorRoleNeeds, type Variant } from '../src/permissions/operator-access.ts';
import { deployedArns, type DeployedReplication } from './ferry-function.ts';
import { acknowledgeWildcards, policiesOf } from './policies.ts';

/** Of both variants; none unless the replication asks for them. */
export function createOperatorRoles(scope: Construct, deployed: DeployedReplication): Role[] {
  const { name, operatorRole } = deployed.replication;
  if (!operatorRole) return [];
  return [
    createRole(scope, 'OperatorRole', operatorRoleName(name), { deployed, variant: 'operator' }),
    createRole(scope, 'OperatorReadRole', operatorReadRoleName(name), {
      deployed,
      variant: 'operator-read',
    }),
  ];
}

interface OperatorRole {
  readonly deployed: DeployedReplication;
  readonly variant: Variant;
}

function createRole(
  scope: Construct,
  id: string,
  roleName: string,
  { deployed, variant }: OperatorRole,
): Role {
  const { replication } = deployed;
  const needs = operatorRoleNeeds(variant, replication, deployedArns(scope, deployed));
  const role = new Role(scope, id, {
    roleName,
    description: `Ferry ${replication.name}: ${variant === 'operator' ? 'all commands' : 'commands that change nothing'}`,
    assumedBy: new AccountPrincipal(Stack.of(scope).account),
    inlinePolicies: policiesOf(needs),
  });
  acknowledgeWildcards(role, needs);
  return role;
}
