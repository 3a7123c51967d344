// The policies that functions and operators of one replication need, ready to be pasted: with the trust policies of the
// roles that other roles assume.

import {
  operatorReadRoleName,
  operatorRoleName,
  roleArn,
  switchFunctionRoleName,
  writerRoleName,
} from '../config/accounts.ts';
import { directionsOf } from '../config/directions.ts';
import { bulkName, reconcileName, REGION_SWITCH_NAMES, SWITCH_NAME } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { type Arns, ownersOf, reconcilePlaces, textArns } from './arns.ts';
import { destinationRoles, type DestinationRole, writerNeeds } from './destination-roles.ts';
import {
  FUNCTION_NAMES,
  functionNeeds,
  functionsOf,
  type ReplicationFunction,
  RUNNERS,
} from './function-needs.ts';
import {
  commandStatements,
  operatorRoleNeeds,
  operatorStatements,
  type Variant,
} from './operator-access.ts';
import { COMMANDS } from './operator-needs.ts';
import { throughAccess } from './reach.ts';
import { ruleNeeds, runnerNeeds } from './runner-needs.ts';
import {
  type IamPolicy,
  isAtDestination,
  type Needs,
  type Place,
  policyOf,
  policyOfAll,
  type Statement,
} from './statement.ts';
import {
  assumedBySwitch,
  byAccount,
  regionSwitchNeeds,
  switchFunctionNeeds,
  switchMachine,
  switchRoles,
  switchSites,
} from './switch-needs.ts';

export interface PermissionSet {
  /** Who needs it. */
  readonly title: string;
  /** The name that the role or policy has, or can have. */
  readonly role?: string;
  /** Where it belongs. */
  readonly account: string;
  readonly policy: IamPolicy;
  /** Of a role that others assume. */
  readonly trust?: IamPolicy;
}

export type Known = Partial<Record<Place, string>>;

/** The roles of the functions and of the state machine, and what they assume or use at the destination. */
export function functionSets(replication: ReplicationConfig, known: Known = {}): PermissionSet[] {
  const { source, destination } = ownersOf(replication);
  const { region } = replication.source;
  const group = (code: ReplicationFunction) =>
    `arn:${source.partition}:logs:${region}:${source.account}:log-group:/aws/lambda/${FUNCTION_NAMES[code](replication.name)}:*`;
  const arns = textArns(replication, known);
  const sets = functionsOf(replication).map((code) => ({
    title: capitalized(RUNNERS[code]),
    role: FUNCTION_NAMES[code](replication.name),
    account: source.account,
    policy: policyOf(
      functionNeeds(code, replication, textArns(replication, { logs: group(code), ...known })),
    ),
  }));
  const user = {
    title: `The user whose keys are in ${replication.destination.credentials?.secret}`,
    role: writerRoleName(replication.name),
    account: destination.account,
    policy: policyOf(writerNeeds(replication, arns)),
  };
  return [
    ...sets,
    ...machineSets(replication, arns).map((set) => ({ ...set, account: source.account })),
    ...roleSets(replication, arns, 'WriterRole'),
    ...(replication.destination.credentials === undefined ? [] : [user]),
    ...switchRoleSets(replication, arns),
  ];
}

function machineSets(
  { name, source: { region }, bulk, reconcile }: ReplicationConfig,
  arns: Arns,
): Array<Omit<PermissionSet, 'account'>> {
  const ofReconcile = reconcilePlaces(arns);
  const bulkMachine = {
    title: 'The state machine for backfill, verify and redrive',
    role: `${bulkName(name)}-runner`,
    policy: policyOf(runnerNeeds(region, arns)),
  };
  const reconcileMachine = {
    title: 'The state machine that compares on a schedule',
    role: `${reconcileName(name)}-runner`,
    policy: policyOf(runnerNeeds(region, ofReconcile)),
  };
  const rule = {
    title: 'The rule that starts comparisons',
    role: `${reconcileName(name)}-rule`,
    policy: policyOf(ruleNeeds(ofReconcile)),
  };
  return [...(bulk ? [bulkMachine] : []), ...(reconcile ? [reconcileMachine, rule] : [])];
}

/** The roles beside the source that a switch assumes. */
function switchRoleSets(replication: ReplicationConfig, arns: Arns): PermissionSet[] {
  const owners = ownersOf(replication);
  return switchRoles(replication, arns, owners).map(({ roleName, needs, trusted }) => ({
    title: `The role ${roleName}`,
    role: roleName,
    account: owners.source.account,
    policy: policyOf(needs),
    trust: trustOf(...byAccount(trusted)),
  }));
}

/** Of the functions that switch, and of their state machine, in each account and Region. */
export function switchSets(replications: readonly ReplicationConfig[]): PermissionSet[] {
  return switchSites(replications.flatMap(directionsOf)).flatMap((directions) => {
    const [first] = directions;
    if (first === undefined) return [];
    const { region } = first.source;
    const { partition, account } = ownersOf(first).source;
    const arn = (service: string, resource: string) =>
      `arn:${partition}:${service}:${region}:${account}:${resource}`;
    const logs = (name: string) => arn('logs', `log-group:/aws/lambda/${name}:*`);
    const roles = assumedBySwitch(directions, ownersOf);
    const set = (title: string, role: string, needs: Needs) => {
      return { title: `${title} in ${region}`, role, account, policy: policyOf(needs) };
    };
    const machine = switchMachine(arn);
    return [
      set(
        'The function that switches',
        switchFunctionRoleName(region),
        switchFunctionNeeds(logs(SWITCH_NAME), roles),
      ),
      set(
        'The state machine that switches many tables',
        `${SWITCH_NAME}-${region}-runner`,
        runnerNeeds(region, machine),
      ),
      ...REGION_SWITCH_NAMES.map((name) =>
        set(`The function ${name}`, `${name}-${region}`, regionSwitchNeeds(logs(name), machine)),
      ),
    ];
  });
}

function roleSets(
  replication: ReplicationConfig,
  arns: Arns,
  id: DestinationRole['id'],
): PermissionSet[] {
  const { source, destination } = ownersOf(replication);
  return destinationRoles(replication, arns)
    .filter((role) => role.id === id)
    .map(({ roleName, needs, trusted }) => ({
      title: `The role ${roleName}`,
      role: roleName,
      account: destination.account,
      policy: policyOf(needs),
      trust: trustOf([`arn:${source.partition}:iam::${source.account}:root`, trusted]),
    }));
}

/** Accounts, and of each only these roles. */
function trustOf(...accounts: ReadonlyArray<readonly [string, (readonly string[])?]>): IamPolicy {
  const statements = accounts.map(([account, roles]) => ({
    Effect: 'Allow',
    Principal: { AWS: account },
    Action: 'sts:AssumeRole',
    ...(roles && { Condition: { ArnEquals: { 'aws:PrincipalArn': roles } } }),
  }));
  return { Version: '2012-10-17', Statement: statements };
}

/** With the roles that the stacks make for operators, or without. The rights to delete tables are apart. */
export function operatorSets(replication: ReplicationConfig, known: Known = {}): PermissionSet[] {
  const arns = textArns(replication, known);
  const sets = (title: string, statements: readonly Statement[]) =>
    commandSets(replication, arns, { title, statements });
  const all = (variant: Variant) => operatorStatements(variant, replication, arns);
  const { apply = [] } = COMMANDS.find(({ command }) => command === 'teardown') ?? {};
  return [
    ...(replication.operatorRole
      ? operatorRoleSets(replication, arns)
      : [
          ...sets('Commands without --apply, but for `verify --bulk`', all('operator-read')),
          ...sets('`verify --bulk`, and commands with --apply', all('operator')),
        ]),
    ...sets('`ferry teardown --apply`', commandStatements(apply, replication, arns)),
  ];
}

/** One policy, or one for each account. */
export function commandSets(
  replication: ReplicationConfig,
  arns: Arns,
  { title, statements }: { readonly title: string; readonly statements: readonly Statement[] },
): PermissionSet[] {
  const { source, destination } = ownersOf(replication);
  const set = (account: string, of: readonly Statement[]) => ({
    title,
    account,
    policy: policyOfAll(of),
  });
  const { credentials, profile } = replication.destination;
  if (credentials !== undefined && profile === undefined) {
    const needed = throughAccess({ Commands: statements }, replication, arns);
    return [set(source.account, Object.values(needed).flat())];
  }
  if (source.account === destination.account) return [set(source.account, statements)];
  return [
    set(
      source.account,
      statements.filter((one) => !isAtDestination(one)),
    ),
    set(destination.account, statements.filter(isAtDestination)),
  ];
}

function operatorRoleSets(replication: ReplicationConfig, arns: Arns): PermissionSet[] {
  const { name } = replication;
  const { source } = ownersOf(replication);
  const { account } = source;
  const root = `arn:${source.partition}:iam::${account}:root`;
  const roles: ReadonlyArray<readonly [Variant, string]> = [
    ['operator-read', operatorReadRoleName(name)],
    ['operator', operatorRoleName(name)],
  ];
  const resources = roles.map(([, role]) => roleArn(replication.source, role));
  const assume = { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: resources };
  return [
    {
      title: 'People and pipelines that run commands',
      account,
      policy: { Version: '2012-10-17', Statement: [assume] },
    },
    ...roles.map(([variant, role]) => ({
      title: `The role ${role}`,
      role,
      account,
      policy: policyOf(operatorRoleNeeds(variant, replication, arns)),
      trust: trustOf([root]),
    })),
    ...roleSets(replication, arns, 'OperatorWriterRole'),
    ...roleSets(replication, arns, 'ReaderRole'),
  ];
}

function capitalized(text: string): string {
  return text.replace(/^./, (first) => first.toUpperCase());
}
