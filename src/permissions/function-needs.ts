// What each function of a replication may do: one entry for each need.

import { bulkName, functionName, heartbeatName, lookAgainName } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { FunctionName } from '../package-files.ts';
import type { Arns } from './arns.ts';
import { ofItems } from './first-adoption.ts';
import { type Parts, partsOf, readOwnCopy } from './function-parts.ts';
import { throughAccess } from './reach.ts';
import { replicatorNeeds } from './replicator-needs.ts';
import { segmentNeeds } from './segment-needs.ts';
import type { Needs } from './statement.ts';

/** Of one replication, in one direction. */
export type ReplicationFunction = Exclude<FunctionName, 'switch' | 'region-switch'>;

/** The roles by what runs with them, and what it is called. */
export const RUNNERS = {
  replicate: 'the replicate function',
  'look-again': 'the function that looks at deletes again',
  'bulk-segment': 'the function for segments of backfill, verify and redrive',
  heartbeat: 'the heartbeat function',
} as const satisfies Record<ReplicationFunction, string>;

/** Where its account is not the twin's, the role of a function has the same name. */
export const FUNCTION_NAMES: Readonly<
  Record<ReplicationFunction, (replication: string) => string>
> = {
  replicate: functionName,
  'look-again': lookAgainName,
  'bulk-segment': bulkName,
  heartbeat: heartbeatName,
};

const NEEDS: Readonly<Record<ReplicationFunction, (parts: Parts) => Needs>> = {
  replicate: replicatorNeeds,
  'look-again': lookAgainNeeds,
  'bulk-segment': segmentNeeds,
  heartbeat: heartbeatNeeds,
};

/** The functions that a replication has. */
export function functionsOf({
  tombstones,
  bulk,
  heartbeat,
  reconcile,
}: ReplicationConfig): ReplicationFunction[] {
  return [
    'replicate',
    ...(tombstones === 'checked' ? (['look-again'] as const) : []),
    ...(bulk || reconcile ? (['bulk-segment'] as const) : []),
    ...(heartbeat === undefined ? [] : (['heartbeat'] as const)),
  ];
}

/** @param arns with that of the function's log group. */
export function functionNeeds(
  code: ReplicationFunction,
  replication: ReplicationConfig,
  arns: Arns,
): Needs {
  const parts = partsOf(replication, arns);
  const { allow, keys } = parts;
  const decrypt = keys.of('functions', 'lambda:InvokeFunction');
  return {
    WriteLogs: [
      allow('logs', ['logs:CreateLogStream', 'logs:PutLogEvents']),
      ...keys.of('logGroups', 'logs:PutLogEvents'),
    ],
    ...throughAccess(NEEDS[code](parts), replication, arns),
    ...(decrypt.length > 0 && { DecryptEnvironment: decrypt }),
  };
}

/** What a function does, wherever it has the rights for it. */
export function ownNeeds(
  code: ReplicationFunction,
  replication: ReplicationConfig,
  arns: Arns,
): Needs {
  return NEEDS[code](partsOf(replication, arns));
}

/** Reads versions, deletes items, and can write none. */
function lookAgainNeeds(parts: Parts): Needs {
  const { allow, keys } = parts;
  return {
    ReceiveAnnouncements: [
      allow('lookAgain', ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes']),
      ...keys.of('lookAgainQueue', 'sqs:ReceiveMessage'),
    ],
    LookAtTwin: [
      allow('twin', ['dynamodb:BatchGetItem', 'dynamodb:DeleteItem']),
      // A revenant goes in a transaction that asks whether its delete is remembered.
      allow('state', ['dynamodb:GetItem', 'dynamodb:ConditionCheckItem']),
      ...keys.ofDestination,
    ],
    ...readOwnCopy(parts),
  };
}

/** The heartbeat's own partition, and no other. */
function heartbeatNeeds(parts: Parts): Needs {
  const { replication, allow, keys } = parts;
  const { name, heartbeat = { key: {} }, switching } = replication;
  // Which attribute is the partition key, an existing table does not tell here: any of its values. How
  // numbers are compared is not documented, so that keys with one go without. The schema takes no text
  // that a policy cannot hold.
  const values = Object.values(heartbeat.key);
  const texts = values.filter((value) => typeof value === 'string');
  const item = texts.length === values.length ? ofItems(texts) : {};
  return {
    WriteHeartbeat: [
      allow('source', ['dynamodb:GetItem', 'dynamodb:PutItem'], item),
      ...keys.ofSource,
    ],
    ReadTwin: [allow('twin', ['dynamodb:GetItem'], item), ...keys.ofTwin],
    ...(switching && {
      ReadOtherCopy: [
        allow('state', ['dynamodb:GetItem'], ofItems([`${name}#control`])),
        ...keys.ofState,
      ],
    }),
    ...readOwnCopy(parts),
  };
}
