// What `ferry redrive` asks AWS for -> grants on the resources of one deployed replication.

import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { useOfDestinationKeys, useOfKey, useOfTableKey } from './customer-keys.ts';
import { actionsByPlace, COMMANDS, type Place } from './operator-needs.ts';
import { tableArn } from './policies.ts';
import type { StreamReplicator } from './stream-replicator.ts';

/** With `--apply`. */
export function grantRedrive(grantee: IGrantable, replicator: StreamReplicator): Grant {
  const { replication } = replicator.deployed;
  const arns = arnsOf(replicator);
  const { always = [], apply = [] } = COMMANDS.find(({ command }) => command === 'redrive') ?? {};
  const grants = [...actionsByPlace([...always, ...apply])].map(([place, actions]) => {
    const resourceArns = arns[place];
    if (resourceArns === undefined) throw new Error(`What is the ARN of ${place}?`);
    return resourceArns.length === 0
      ? Grant.drop(grantee, 'This replication has no such resource.')
      : Grant.addToPrincipal({ grantee, actions: [...new Set(actions)], resourceArns });
  });
  const keys = [
    ...useOfTableKey(replication.source),
    ...useOfDestinationKeys(replication),
    ...useOfKey(replication, 'deadLetterQueue', 'sqs:ReceiveMessage'),
    ...useOfKey(replication, 'lookAgainQueue', 'sqs:SendMessage'),
    ...useOfKey(replication, 'onFailureBucket', 's3:GetObject'),
  ];
  for (const statement of keys) grantee.grantPrincipal.addToPrincipalPolicy(statement);
  return grants.reduce((all, grant) => all.combine(grant));
}

function arnsOf(replicator: StreamReplicator): Partial<Record<Place, string[]>> {
  const { replication, deadLetterQueue, lookAgainQueue, onFailureBucket } = replicator.deployed;
  const { source, destination, stateTable } = replication;
  return {
    source: [tableArn(replicator, source.region, source.table)],
    twin: [tableArn(replicator, destination.region, destination.table)],
    state: [tableArn(replicator, destination.region, stateTable)],
    replicate: [replicator.function.functionArn],
    deadLetters: [deadLetterQueue.queueArn],
    lookAgain: lookAgainQueue === undefined ? [] : [lookAgainQueue.queueArn],
    bucket: [onFailureBucket.bucketArn, onFailureBucket.arnForObjects('*')],
  };
}
