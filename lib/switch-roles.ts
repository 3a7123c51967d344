// With "switching", in the source's stack: the roles of a switch beside the source of a direction.

import { AccountPrincipal, CompositePrincipal, Role } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { byAccount, switchRoles } from '../src/permissions/switch-needs.ts';
import { deployedArns, type DeployedReplication } from './ferry-function.ts';
import { acknowledgeWildcards, ownersIn, policiesOf } from './policies.ts';

/** None without "switching". */
export function createSwitchRoles(scope: Construct, deployed: DeployedReplication): void {
  const { replication } = deployed;
  const owners = ownersIn(scope, replication);
  for (const one of switchRoles(replication, deployedArns(scope, deployed), owners)) {
    const { id, roleName, purpose, needs, trusted } = one;
    const role = new Role(scope, id, {
      roleName,
      description: `Ferry ${replication.name}: ${purpose}`,
      // Accounts, because a trust policy takes no role that does not exist yet.
      assumedBy: new CompositePrincipal(
        ...byAccount(trusted).map(([root, roles]) =>
          new AccountPrincipal(root.split(':')[4]).withConditions({
            ArnEquals: { 'aws:PrincipalArn': roles },
          }),
        ),
      ),
      inlinePolicies: policiesOf(needs),
    });
    acknowledgeWildcards(role, needs);
  }
}
