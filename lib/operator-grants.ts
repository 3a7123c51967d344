// What `ferry redrive` asks AWS for -> grants on the resources of one deployed replication.

import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { DeployedReplication } from './ferry-function.ts';
import { useOfDestinationKeys, useOfKey, useOfTableKey } from './key-grants.ts';
import { actionsByPlace, COMMANDS, type Place } from './operator-needs.ts';
import { tableArn } from './policies.ts';

/** With `--apply`. */
export function grantRedrive(
  scope: Construct,
  grantee: IGrantable,
  deployed: DeployedReplication & { readonly function: IFunction },
): Grant {
  const arns = arnsOf(scope, deployed);
  const { always = [], apply = [] } = COMMANDS.find(({ command }) => command === 'redrive') ?? {};
  const grants = [...actionsByPlace([...always, ...apply])].map(([place, actions]) => {
    const resourceArns = arns[place];
    if (resourceArns === undefined) throw new Error(`What is the ARN of ${place}?`);
    return resourceArns.length === 0
      ? Grant.drop(grantee, 'This replication has no such resource.')
      : Grant.addToPrincipal({ grantee, actions: [...new Set(actions)], resourceArns });
  });
  for (const statement of useOfKeys(deployed))
    grantee.grantPrincipal.addToPrincipalPolicy(statement);
  return grants.reduce((all, grant) => all.combine(grant));
}

function arnsOf(
  scope: Construct,
  deployed: Parameters<typeof grantRedrive>[2],
): Partial<Record<Place, string[]>> {
  const { replication, deadLetterQueue, lookAgainQueue, onFailureBucket } = deployed;
  const { source, destination, stateTable } = replication;
  return {
    source: [tableArn(scope, source.region, source.table)],
    twin: [tableArn(scope, destination.region, destination.table)],
    state: [tableArn(scope, destination.region, stateTable)],
    replicate: [deployed.function.functionArn],
    deadLetters: [deadLetterQueue.queueArn],
    lookAgain: lookAgainQueue === undefined ? [] : [lookAgainQueue.queueArn],
    bucket: [onFailureBucket.bucketArn, onFailureBucket.arnForObjects('*')],
  };
}

function useOfKeys({ replication }: DeployedReplication) {
  return [
    ...useOfTableKey(replication.source),
    ...useOfDestinationKeys(replication),
    ...useOfKey(replication, 'deadLetterQueue', 'sqs:ReceiveMessage'),
    ...useOfKey(replication, 'lookAgainQueue', 'sqs:SendMessage'),
    ...useOfKey(replication, 'onFailureBucket', 's3:GetObject'),
  ];
}
