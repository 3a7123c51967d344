// What operators may do with one replication: the statements of each command, and of the roles for all of them.

import { isOtherAccount } from '../config/accounts.ts';
import { otherDirection } from '../config/directions.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { storesBatches } from '../config/stored-batches.ts';
import { allowing, type Arns } from './arns.ts';
import { readHashSecrets } from './hash-secrets.ts';
import { usingKeys } from './key-use.ts';
import { BOTH_COMMANDS, type CommandNeeds, COMMANDS, SWITCH_COMMANDS } from './operator-needs.ts';
import { throughAccess } from './reach.ts';
import { isAtDestination, merged, type Needs, type Place, type Statement } from './statement.ts';

/** What the commands need with the rights of a role, and how far these reach. */
export type Variant = 'operator' | 'operator-read';

/**
 * Of all commands about a replication: "dynamodb:GetItem state". `init` comes before there is one, and a role for every
 * day cannot delete tables. A role that only reads cannot start the state machine, because its runs can write.
 */
function needsOf(variant: Variant): string[] {
  return COMMANDS.flatMap(({ command, always, apply }) => {
    if (command.startsWith('init')) return [];
    if (variant === 'operator-read' && command === 'verify --bulk') return [];
    return variant === 'operator' && command !== 'teardown' ? [...always, ...apply] : always;
  });
}

/** For all commands, at both sides. */
export function operatorStatements(
  variant: Variant,
  replication: ReplicationConfig,
  arns: Arns,
): Statement[] {
  const all = commandStatements(needsOf(variant), replication, arns);
  if (replication.twoWay !== undefined)
    return merged([...all, ...bothStatements(replication, arns, variant)]);
  if (replication.switching === undefined) return all;
  return merged([...all, ...switchStatements(replication, arns, variant)]);
}

/** For what is done to both tables at once. */
function bothStatements(replication: ReplicationConfig, arns: Arns, variant: Variant): Statement[] {
  return inBothDirections(needsIn(BOTH_COMMANDS, variant), replication, arns);
}

function needsIn(commands: readonly CommandNeeds[], variant: Variant): string[] {
  return commands.flatMap(({ always, apply }) =>
    variant === 'operator' ? [...always, ...apply] : always,
  );
}

/** For switches to either side. */
export function switchStatements(
  replication: ReplicationConfig,
  arns: Arns,
  variant: Variant = 'operator',
): Statement[] {
  return inBothDirections(needsIn(SWITCH_COMMANDS, variant), replication, arns);
}

/** Of each direction, what is beside its source and what is beside its destination. */
export function inBothDirections(
  needs: readonly string[],
  replication: ReplicationConfig,
  arns: Arns,
): Statement[] {
  const back = commandStatements(needs, otherDirection(replication), arns.other());
  return merged([
    ...commandStatements(needs, replication, arns),
    ...back.map((one) => ({ ...one, isAtDestination: !isAtDestination(one) })),
  ]);
}

/** In the source's account. */
export function operatorRoleNeeds(
  variant: Variant,
  replication: ReplicationConfig,
  arns: Arns,
): Needs {
  const all = { Operate: operatorStatements(variant, replication, arns) };
  const writer = replication.switching === undefined ? 'writer' : 'operatorWriter';
  return throughAccess(all, replication, arns, variant === 'operator' ? writer : 'reader');
}

/** What the given needs allow where the replication has what they are about, with the keys. */
export function commandStatements(
  needs: readonly string[],
  replication: ReplicationConfig,
  arns: Arns,
): Statement[] {
  const allow = allowing(arns);
  const there = [...new Set(needs)].filter((need) => isThere(need, replication));
  const statements = there.flatMap((need) => {
    if (placeOf(need) === 'hashSecret') return readHashSecrets(replication, arns);
    const [action = ''] = need.split(' ');
    const isOfObject = action.startsWith('s3:') && action.endsWith('Object');
    return allow(isOfObject ? 'objects' : placeIn(replication, need), [action]);
  });
  return merged([...statements, ...there.flatMap((need) => keysFor(need, replication, arns))]);
}

/** What is allowed on anything is allowed in both Regions of an account. */
function placeIn(replication: ReplicationConfig, need: string): Place {
  const place = placeOf(need);
  const isOneAccount =
    !isOtherAccount(replication) && replication.destination.credentials === undefined;
  return place === 'anythingThere' && isOneAccount ? 'anything' : place;
}

function placeOf(need: string): Place {
  return need.split(' ')[1] as Place;
}

function isThere(need: string, replication: ReplicationConfig): boolean {
  const place = placeOf(need);
  const { tombstones, bulk, heartbeat, projection, switching, twoWay } = replication;
  if (place === 'sourceState') return (switching ?? twoWay) !== undefined;
  if (place === 'tally') return switching?.tally !== undefined;
  const isKinesis = replication.source.kinesisStreamArn !== undefined;
  if (place === 'streaming') return isKinesis;
  if (place === 'kinesis')
    return isKinesis && (!need.startsWith('kinesis:Get') || !storesBatches(replication));
  // Only a batch that Lambda does not store has to be read again, and what a switch drains.
  if (place === 'stream')
    return !isKinesis && (switching !== undefined || !storesBatches(replication));
  if (place === 'lookAgain') return tombstones === 'checked';
  if (place === 'projecting') return projection !== undefined;
  if (place === 'heartbeat') return heartbeat !== undefined;
  return bulk || !['bulkFunction', 'stateMachine', 'executions'].includes(place);
}

/** What a request makes its service ask of a key, with the permissions of its caller. */
function keysFor(need: string, replication: ReplicationConfig, arns: Arns): Statement[] {
  const keys = usingKeys(replication, arns);
  const [action = '', place] = need.split(' ');
  if (ITEM_REQUEST.test(action)) {
    if (place === 'source') return keys.ofSource;
    if (place === 'sourceState') return keys.ofSourceState;
    if (place === 'tally') return [];
    return place === 'twin' ? keys.ofTwin : keys.ofState;
  }
  switch (action) {
    case 'sqs:ReceiveMessage':
      return keys.of('deadLetterQueue', action);
    case 'sqs:SendMessage':
      return keys.of('lookAgainQueue', action);
    case 'logs:PutLogEvents':
    case 'logs:FilterLogEvents':
      return keys.of('logGroups', action);
    case 's3:PutObject':
    case 's3:GetObject':
      return keys.of('onFailureBucket', action);
    case 'dynamodb:GetRecords':
      return keys.ofSource;
    case 'kinesis:GetRecords':
      return keys.ofKinesis;
    case 'lambda:GetFunctionConfiguration':
      return keys.of('functions', 'lambda:InvokeFunction');
    default:
      return [];
  }
}

/** DynamoDB describes and deletes a table without its key. */
const ITEM_REQUEST = /^dynamodb:(Scan|\w+Item)$/;
