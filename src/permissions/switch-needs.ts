// What a switch may do. The function that switches in a Region has no rights of its own: it assumes a role beside the
// source of each direction, where its table, its ledger, its stream and its letters are.

import {
  operatorRoleName,
  probeRoleName,
  switchFunctionRoleName,
  switchRoleName,
} from '../config/accounts.ts';
import { otherDirection } from '../config/directions.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { allowing, type Arns, type Owner } from './arns.ts';
import { usingKeys } from './key-use.ts';
import { switchStatements } from './operator-access.ts';
import { isAtDestination, type Needs } from './statement.ts';

/** A role beside the source of a direction. */
interface SwitchRole {
  readonly id: 'SwitchRole' | 'ProbeRole';
  readonly roleName: string;
  readonly purpose: string;
  readonly needs: Needs;
}

/** With "switching". */
export function switchRoles(replication: ReplicationConfig, arns: Arns): SwitchRole[] {
  const { name, switching } = replication;
  if (switching === undefined) return [];
  const { ofSource } = usingKeys(replication, arns);
  const here = switchStatements(replication, arns).filter((one) => !isAtDestination(one));
  return [
    {
      id: 'SwitchRole',
      roleName: switchRoleName(name),
      purpose: 'what a switch does beside the source',
      needs: { Switch: here },
    },
    {
      id: 'ProbeRole',
      roleName: probeRoleName(name),
      purpose: 'asks whether the source takes writes',
      // Its put has a condition that cannot hold.
      needs: { Probe: [allowing(arns)('source', ['dynamodb:PutItem']), ...ofSource] },
    },
  ];
}

/** ARNs of the roles that may assume these: of the operators, and of the functions that switch in either Region. */
export function switchers(
  replication: ReplicationConfig,
  owners: { readonly source: Owner; readonly destination: Owner },
): string[] {
  const { source, destination, operatorRole, switching } = replication;
  const roleOf = ({ partition, account }: Owner, roleName: string) =>
    `arn:${partition}:iam::${account}:role/${roleName}`;
  const other = otherDirection(replication).name;
  return [
    ...(switching?.operatorRoles ?? []),
    ...(operatorRole
      ? [
          roleOf(owners.source, operatorRoleName(replication.name)),
          roleOf(owners.destination, operatorRoleName(other)),
        ]
      : []),
    roleOf(owners.source, switchFunctionRoleName(source.region)),
    roleOf(owners.destination, switchFunctionRoleName(destination.region)),
  ];
}

/** Of the function that switches. */
export function switchFunctionNeeds(logs: string, roles: readonly string[]): Needs {
  const assume = roles.map(
    (resource) =>
      ({ place: 'switcher', resource, actions: ['sts:AssumeRole'], conditions: {} }) as const,
  );
  return { ...writeLogs(logs), AssumeRoles: assume };
}

/** Of a function for Region switch plans. */
export function regionSwitchNeeds(
  logs: string,
  places: { readonly stateMachineArn: string; readonly executions: string },
): Needs {
  const { stateMachineArn, executions } = places;
  const start = ['states:StartExecution', 'states:ListExecutions'];
  return {
    ...writeLogs(logs),
    RunSwitch: [
      { place: 'stateMachine', resource: stateMachineArn, actions: start, conditions: {} },
      {
        place: 'executions',
        resource: executions,
        actions: ['states:DescribeExecution'],
        conditions: {},
      },
    ],
  };
}

function writeLogs(resource: string): Needs {
  const actions = ['logs:CreateLogStream', 'logs:PutLogEvents'];
  return { WriteLogs: [{ place: 'logs', resource, actions, conditions: {} }] };
}
