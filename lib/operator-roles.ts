// In the source's stack, on request: the roles that the commands assume, to change something and to change nothing.

import { AccountPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { operatorReadRoleName, operatorRoleName } from '../src/config/accounts.ts';
import { operatorRoleNeeds } from '../src/permissions/operator-access.ts';
import { deployedArns, type DeployedReplication } from './ferry-function.ts';
import { acknowledgeWildcards, policiesOf } from './policies.ts';

const ROLES = [
  { id: 'OperatorRole', variant: 'operator', nameOf: operatorRoleName, what: 'all commands' },
  {
    id: 'OperatorReadRole',
    variant: 'operator-read',
    nameOf: operatorReadRoleName,
    what: 'commands that change nothing',
  },
] as const;

/** Of both variants; none unless the replication asks for them. */
export function createOperatorRoles(scope: Construct, deployed: DeployedReplication): void {
  const { replication } = deployed;
  const { name, operatorRole } = replication;
  if (!operatorRole) return;
  for (const { id, variant, nameOf, what } of ROLES) {
    const needs = operatorRoleNeeds(variant, replication, deployedArns(scope, deployed));
    const role = new Role(scope, id, {
      roleName: nameOf(name),
      description: `Ferry ${name}: ${what}`,
      assumedBy: new AccountPrincipal(Stack.of(scope).account),
      inlinePolicies: policiesOf(needs),
    });
    acknowledgeWildcards(role, needs);
  }
}
