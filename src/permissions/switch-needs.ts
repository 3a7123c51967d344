// What a switch may do. The function that switches in a Region has no rights of its own: it assumes a role beside the
// source of each direction, where its table, its ledger, its stream and its letters are.

import {
  isOtherAccount,
  operatorReadRoleName,
  operatorRoleName,
  operatorWriterRoleName,
  probeRoleName,
  readerRoleName,
  switchFunctionRoleName,
  switchRoleName,
} from '../config/accounts.ts';
import { otherDirection } from '../config/directions.ts';
import { PROBE_KEY, SWITCH_NAME, TABLES_LABEL } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { allowing, type Arns, type Owner } from './arns.ts';
import { ofItems } from './first-adoption.ts';
import { usingKeys } from './key-use.ts';
import { switchStatements } from './operator-access.ts';
import { isAtDestination, type Needs, type Place } from './statement.ts';

/** A role beside the source of a direction. */
interface SwitchRole {
  readonly id: 'SwitchRole' | 'ProbeRole';
  readonly roleName: string;
  readonly purpose: string;
  readonly needs: Needs;
  /** ARNs of the roles that may assume it. */
  readonly trusted: readonly string[];
}

type Owners = Readonly<Record<'source' | 'destination', Owner>>;

/** With "switching". */
export function switchRoles(
  replication: ReplicationConfig,
  arns: Arns,
  owners: Owners,
): SwitchRole[] {
  const { name, source, switching } = replication;
  if (switching === undefined) return [];
  const trusted = switchers(replication, owners);
  const { ofSource } = usingKeys(replication, arns);
  const here = switchStatements(replication, arns).filter((one) => !isAtDestination(one));
  return [
    {
      id: 'SwitchRole',
      roleName: switchRoleName(name),
      purpose: 'what a switch does beside the source',
      needs: { Switch: here },
      trusted,
    },
    {
      id: 'ProbeRole',
      roleName: probeRoleName(name),
      purpose: 'asks whether the source takes writes',
      // Its put has a condition that cannot hold, which no policy can ask for. Those who only read may assume the role:
      // they get no other item, where the type of the key is known here. How others are compared is not documented.
      needs: {
        Probe: [
          allowing(arns)(
            'source',
            ['dynamodb:PutItem'],
            source.partitionKey?.type === 'S' ? ofItems([PROBE_KEY]) : {},
          ),
          ...ofSource,
        ],
      },
      trusted: [...trusted, ...probers(replication, owners)],
    },
  ];
}

function roleOf({ partition, account }: Owner, roleName: string): string {
  return `arn:${partition}:iam::${account}:role/${roleName}`;
}

/** Dry runs probe, too, and each side is reached by the role of its own account. */
function probers(replication: ReplicationConfig, { source, destination }: Owners): string[] {
  const { name, operatorRole } = replication;
  const other = otherDirection(replication).name;
  const own = roleOf(source, switchRoleName(name));
  if (!operatorRole) return [own];
  const far = isOtherAccount(replication)
    ? [roleOf(source, operatorWriterRoleName(other)), roleOf(source, readerRoleName(other))]
    : [roleOf(destination, operatorReadRoleName(other))];
  return [own, roleOf(source, operatorReadRoleName(name)), ...far];
}

/** Of the operators, and of the functions that switch in either Region. */
function switchers(replication: ReplicationConfig, owners: Owners): string[] {
  const { source, destination, operatorRole, switching } = replication;
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

/** ARNs, with the root of their account. */
export function byAccount(roles: readonly string[]): Array<readonly [string, string[]]> {
  const accountOf = (arn: string) => arn.split(':')[4];
  return [...new Set(roles.map(accountOf))].map((account) => {
    const own = roles.filter((arn) => accountOf(arn) === account);
    return [own[0]?.replace(/:role\/.*$/, ':root') ?? '', own] as const;
  });
}

/** Each account and Region that can be switched to, with the directions from there. */
export function switchSites(directions: readonly ReplicationConfig[]): ReplicationConfig[][] {
  const sites = new Map<string, ReplicationConfig[]>();
  for (const direction of directions.filter(({ switching }) => switching !== undefined)) {
    const { account = '', region } = direction.source;
    const id = `${account} ${region}`;
    sites.set(id, [...(sites.get(id) ?? []), direction]);
  }
  return [...sites.values()];
}

/** ARNs of the roles beside both sides of all directions from a Region. */
export function assumedBySwitch(
  directions: readonly ReplicationConfig[],
  ownersOf: (direction: ReplicationConfig) => Owners,
): string[] {
  return directions.flatMap((direction) => {
    const { source, destination } = ownersOf(direction);
    return [
      roleOf(source, switchRoleName(direction.name)),
      roleOf(destination, switchRoleName(otherDirection(direction).name)),
    ];
  });
}

/** Of the function that switches. */
export function switchFunctionNeeds(logs: string, roles: readonly string[]): Needs {
  const assume = roles.map(
    (resource) =>
      ({ place: 'switcher', resource, actions: ['sts:AssumeRole'], conditions: {} }) as const,
  );
  return { ...writeLogs(logs), AssumeRoles: assume };
}

/** What the state machine that switches is about. @param arnHere of its account and Region */
export function switchMachine(
  arnHere: (service: string, resource: string) => string,
): Pick<Arns, 'of'> {
  const places: Partial<Record<Place, string>> = {
    bulkFunction: arnHere('lambda', `function:${SWITCH_NAME}`),
    stateMachine: arnHere('states', `stateMachine:${SWITCH_NAME}`),
    executions: arnHere('states', `execution:${SWITCH_NAME}:*`),
    segments: arnHere('states', `execution:${SWITCH_NAME}/${TABLES_LABEL}:*`),
  };
  return { of: (place) => places[place] ?? '*' };
}

/** Of a function for Region switch plans. */
export function regionSwitchNeeds(logs: string, machine: Pick<Arns, 'of'>): Needs {
  const allow = allowing(machine);
  return {
    ...writeLogs(logs),
    RunSwitch: [
      allow('stateMachine', ['states:StartExecution', 'states:ListExecutions']),
      allow('executions', ['states:DescribeExecution']),
    ],
  };
}

function writeLogs(resource: string): Needs {
  const actions = ['logs:CreateLogStream', 'logs:PutLogEvents'];
  return { WriteLogs: [{ place: 'logs', resource, actions, conditions: {} }] };
}
