// In the destination's stack: how functions and operators of another account or partition reach the twin and the
// ledger. Nothing is made where the roles of the source have the rights themselves.

import { CfnOutput, Duration } from 'aws-cdk-lib';
import { AccountPrincipal, ManagedPolicy, Role } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { writerRoleName } from '../src/config/accounts.ts';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { destinationRoles, writerNeeds } from '../src/permissions/destination-roles.ts';
import { acknowledgeWildcards, arnsIn, policiesOf, policyDocument } from './policies.ts';

/** @returns the roles of another account. */
export function createDestinationRoles(scope: Construct, replication: ReplicationConfig): Role[] {
  const { name, source } = replication;
  return destinationRoles(replication, arnsIn(scope, replication)).map((one) => {
    const { id, roleName, purpose, needs, trusted } = one;
    const account = new AccountPrincipal(source.account);
    const role = new Role(scope, id, {
      roleName,
      description: `Ferry ${name}: ${purpose} in account ${source.account}`,
      // The account, because a trust policy takes no role that does not exist yet.
      assumedBy: account.withConditions({ ArnEquals: { 'aws:PrincipalArn': trusted } }),
      inlinePolicies: policiesOf(needs),
      // Roles that assume a role get no longer sessions.
      maxSessionDuration: Duration.hours(1),
    });
    acknowledgeWildcards(role, needs);
    return role;
  });
}

/** For another partition, where no role of the source has rights. @returns its ARN. */
export function createWriterPolicy(
  scope: Construct,
  replication: ReplicationConfig,
): CfnOutput | undefined {
  const { name, source, destination } = replication;
  if (destination.credentials === undefined) return undefined;
  const needs = writerNeeds(replication, arnsIn(scope, replication));
  const policy = new ManagedPolicy(scope, 'WriterPolicy', {
    managedPolicyName: writerRoleName(name),
    description: `Ferry ${name}: the user whose keys are in the secret of ${source.region}`,
    document: policyDocument(Object.values(needs).flat()),
  });
  acknowledgeWildcards(policy, needs);
  const description = 'Attach it to the user whose keys are in the secret';
  return new CfnOutput(scope, 'WriterPolicyArn', { description, value: policy.managedPolicyArn });
}
