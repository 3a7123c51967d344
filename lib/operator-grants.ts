// What `ferry redrive` asks AWS for -> grants on the resources of one deployed replication.

import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { commandStatements } from '../src/permissions/operator-access.ts';
import { COMMANDS } from '../src/permissions/operator-needs.ts';
import { deployedArns } from './ferry-function.ts';
import type { StreamReplicator } from './stream-replicator.ts';

/** With `--apply`. */
export function grantRedrive(grantee: IGrantable, replicator: StreamReplicator): Grant {
  const { replication } = replicator.deployed;
  const arns = deployedArns(replicator, replicator.deployed, {
    replicate: replicator.function.functionArn,
  });
  const { always = [], apply = [] } = COMMANDS.find(({ command }) => command === 'redrive') ?? {};
  const grants = commandStatements([...always, ...apply], replication, arns).map(
    ({ actions, resource, conditions }) =>
      Grant.addToPrincipal({
        grantee,
        actions: [...actions],
        resourceArns: [resource],
        conditions,
      }),
  );
  return grants.reduce((all, grant) => all.combine(grant));
}
