// What `ferry rehearse --apply` may do on AWS: to the resources of rehearsals, which all have the same beginning of their
// names, and to nothing of any other replication. The CDK's own rights are those of a deployment.

import { directionsOf } from '../config/directions.ts';
import type { Config, ReplicationConfig } from '../config/schema.ts';
import { ownersOf, textArns } from './arns.ts';
import { deploySets } from './deploy-needs.ts';
import { commandStatements, inBothDirections } from './operator-access.ts';
import { COMMANDS, eachAction, SWITCH_COMMANDS } from './operator-needs.ts';
import { commandSets, type PermissionSet } from './policies.ts';
import type { Statement } from './statement.ts';

/** The commands that it runs. */
const RUN = ['status', 'redrive', 'verify', 'adopt', 'teardown'];
const RUN_SWITCHED = ['failover', 'failback', 'rejoin', 'stranded drop'];

/** The load, the faults, the alarms, and what an earlier rehearsal has left. */
const OWN = [
  'source dynamodb:PutItem GetItem',
  'twin dynamodb:GetItem DescribeTable UpdateTable',
  'mappings lambda:UpdateEventSourceMapping',
  'anything lambda:ListEventSourceMappings',
  'anything cloudwatch:DescribeAlarms',
  'anything dynamodb:ListTables',
].flatMap(eachAction);

/** Stands for the letters of a rehearsal, and is a star in the policies. */
export const ANY_REHEARSAL = 'rehearsal-0000';

/** @param scratch of the chosen replication, with the name ANY_REHEARSAL. */
export function rehearsalSets(scratch: ReplicationConfig): PermissionSet[] {
  const title = '`ferry rehearse --apply`, and `ferry rehearse --clean --apply`';
  const statements = [...rehearsalStatements(scratch), ...ofRoles(scratch)];
  const sets = commandSets(scratch, textArns(scratch), { title, statements });
  const config: Config = { replications: [scratch] };
  return withStars([...sets, ...deploySets(config)]);
}

function rehearsalStatements(scratch: ReplicationConfig): Statement[] {
  const arns = textArns(scratch);
  const needsOf = (names: readonly string[]) =>
    [...COMMANDS, ...SWITCH_COMMANDS]
      .filter(({ command }) => names.includes(command))
      .flatMap(({ always, apply }) => [...always, ...apply]);
  if (scratch.switching === undefined)
    return commandStatements([...OWN, ...needsOf(RUN)], scratch, arns);
  return inBothDirections([...OWN, ...needsOf([...RUN, ...RUN_SWITCHED])], scratch, arns);
}

/** Of all functions: who may write is denied to each. */
function ofRoles(scratch: ReplicationConfig): Statement[] {
  return directionsOf(scratch).flatMap((direction) => {
    const { source, destination } = ownersOf(direction);
    const { region } = direction.source;
    const of = (resource: string, actions: readonly string[]): Statement => {
      return { place: 'anything', resource, actions, conditions: {} };
    };
    const policy = ['iam:PutRolePolicy', 'iam:DeleteRolePolicy'];
    const roles = `role/ferry-${ANY_REHEARSAL}*`;
    return [
      of(
        `arn:${source.partition}:lambda:${region}:${source.account}:function:ferry-${ANY_REHEARSAL}*`,
        ['lambda:GetFunctionConfiguration'],
      ),
      of(`arn:${source.partition}:iam::${source.account}:${roles}`, policy),
      ...(destination.account === source.account
        ? []
        : [
            {
              ...of(`arn:${destination.partition}:iam::${destination.account}:${roles}`, policy),
              isAtDestination: true,
            },
          ]),
    ];
  });
}

function withStars(sets: readonly PermissionSet[]): PermissionSet[] {
  const text = JSON.stringify(sets).replaceAll(ANY_REHEARSAL, 'rehearsal-*').replaceAll('**', '*');
  return JSON.parse(text) as PermissionSet[];
}
