// What a deployment needs: the person or pipeline that runs `npx cdk deploy`, and the role with which CloudFormation
// then makes the resources.

import { FLEET } from '../config/fleet.ts';
import { directionsOf } from '../config/directions.ts';
import {
  bucketPrefix,
  bulkName,
  historyGroup,
  reconcileName,
  isBackName,
  REGION_SWITCH_NAMES,
  STACK_PART_MIN,
  SWITCH_NAME,
} from '../config/names.ts';
import { partitionOf } from '../config/partition.ts';
import type { Config, ReplicationConfig } from '../config/schema.ts';
import { type Owner, ownersOf } from './arns.ts';
import { viaService } from './key-use.ts';
import { DEPLOYMENT_ACTIONS, keyUses, type KeyUse } from './key-policy.ts';
import { eachAction } from './operator-needs.ts';
import type { PermissionSet } from './policies.ts';
import {
  destinationTypes,
  fleetTypes,
  RESOURCE_TYPES,
  sourceTypes,
  type StackPart,
  SWITCH_TYPES,
} from './resource-types.ts';
import {
  type Conditions,
  type IamPolicy,
  merged,
  policyOfAll,
  type Statement,
} from './statement.ts';
import { switchSites } from './switch-needs.ts';

/** In the names of the roles that `npx cdk bootstrap` makes, unless a qualifier is given to it. */
const BOOTSTRAP = 'cdk-hnb659fds';

/** One account and Region, with what the stacks there are about. */
interface Site extends Owner {
  readonly region: string;
  readonly stacks: readonly StackNeeds[];
}

interface StackNeeds {
  /** What the names of its resources have after `ferry-`. */
  readonly name: string;
  readonly types: readonly string[];
  readonly tables: readonly string[];
  readonly keys: readonly KeyUse[];
  /** Names of functions and state machines that do not begin as others do. */
  readonly names?: readonly string[];
}

export function deploySets(config: Config): PermissionSet[] {
  const sites = sitesOf(config);
  return [...deployerSets(sites), ...sites.flatMap(executionSets)];
}

/** `npx cdk deploy` assumes a role to upload the code, and one to change the stacks. */
function deployerSets(sites: readonly Site[]): PermissionSet[] {
  const accounts = new Map(sites.map((site) => [`${site.partition} ${site.account}`, site]));
  return [...accounts.values()].map(({ partition, account }) => {
    const regions = sites.filter((one) => one.account === account && one.partition === partition);
    const roles = regions.flatMap(({ region }) =>
      ['deploy', 'file-publishing'].map(
        (role) =>
          `arn:${partition}:iam::${account}:role/${BOOTSTRAP}-${role}-role-${account}-${region}`,
      ),
    );
    const statement = { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: roles };
    return {
      title: '`npx cdk deploy`',
      account,
      policy: { Version: '2012-10-17', Statement: [statement] },
    };
  });
}

/** The most that IAM takes in a managed policy, without white space. */
const POLICY_CHARACTERS_MAX = 6_144;

/** One policy, or as many as IAM takes the names of all tables in. */
function executionSets(site: Site): PermissionSet[] {
  const { region, account } = site;
  const exact = site.stacks.flatMap((stack) => stackStatements(stack, site));
  const policies = fits(exact)
    ? [policyOfAll(exact)]
    : dividedPolicies(stackStatements(allOf(site.stacks), site));
  return policies.map((policy, index) => ({
    title: `CloudFormation in ${region}, for \`npx cdk bootstrap --cloudformation-execution-policies\`${policies.length === 1 ? '' : `, ${index + 1} of ${policies.length}`}`,
    account,
    policy,
  }));
}

function fits(statements: readonly Statement[]): boolean {
  return JSON.stringify(policyOfAll(statements)).length <= POLICY_CHARACTERS_MAX;
}

function dividedPolicies(statements: readonly Statement[]): IamPolicy[] {
  const parts: Statement[][] = [];
  for (const statement of merged(statements)) {
    const [part] = parts.slice(-1);
    if (part !== undefined && fits([...part, statement])) part.push(statement);
    else parts.push([statement]);
  }
  return parts.map(policyOfAll);
}

/** For many replications: one pattern for the names of all. */
function allOf(stacks: readonly StackNeeds[]): StackNeeds {
  return {
    name: '*',
    types: [...new Set(stacks.flatMap(({ types }) => types))],
    tables: stacks.flatMap(({ tables }) => tables),
    keys: stacks.flatMap(({ keys }) => keys),
    names: stacks.flatMap(({ names = [] }) => names),
  };
}

function stackStatements(stack: StackNeeds, site: Site): Statement[] {
  const arns = partArns(stack, site);
  const calls = stack.types.flatMap((type) => RESOURCE_TYPES[type] ?? []).concat(VERSION);
  const statements = calls.flatMap(eachAction).flatMap((call) => {
    const [action, part] = call.split(' ') as [string, StackPart];
    const conditions = action === 'iam:PassRole' ? TO_SERVICES : {};
    return arns[part].map((resource) => statementOf(resource, [action], conditions));
  });
  return [...statements, ...stack.keys.map(keyStatement)];
}

function statementOf(
  resource: string,
  actions: readonly string[],
  conditions: Conditions,
): Statement {
  return { place: 'anything', resource, actions, conditions };
}

/** Every template asks which version of the bootstrap stack there is. */
const VERSION = 'version ssm:GetParameters';

const TO_SERVICES: Conditions = {
  StringEquals: {
    'iam:PassedToService': ['lambda.amazonaws.com', 'states.amazonaws.com', 'events.amazonaws.com'],
  },
};

function keyStatement({ keyArn, service, region }: KeyUse): Statement {
  const services = service === 'cloudwatch' ? [] : viaService(service, region, partitionOf);
  return statementOf(keyArn, DEPLOYMENT_ACTIONS, { StringEquals: { 'kms:ViaService': services } });
}

function partArns(
  { name, tables, names = [] }: StackNeeds,
  { partition, account, region }: Site,
): Record<StackPart, readonly string[]> {
  const arn = (service: string, resource: string, at = region) =>
    `arn:${partition}:${service}:${at}:${account}:${resource}`;
  const all = name === '*' ? 'ferry-*' : `ferry-${name}-*`;
  // CloudFormation makes these names of the stack's, which it may shorten.
  const shortened = `${all.slice(0, -1).slice(0, STACK_PART_MIN)}*`;
  const functions = names.length > 0 ? names : [all];
  const assets = `${BOOTSTRAP}-assets-${account}-${region}`;
  return {
    tables: tables.map((table) => arn('dynamodb', `table/${table}`)),
    roles: [arn('iam', `role/${shortened}`, '')],
    policies: [arn('iam', `policy/${all}`, '')],
    functions: functions.map((one) => arn('lambda', `function:${one}`)),
    mappings: [arn('lambda', 'event-source-mapping:*')],
    rules: [arn('events', `rule/${shortened}`)],
    logGroups: [
      ...['lambda', 'vendedlogs/states'].flatMap((folder) =>
        functions.map((one) => arn('logs', `log-group:/aws/${folder}/${one}`)),
      ),
      // IAM has log groups with `:*` behind the name for some actions, and without for others.
      ...(names.length > 0 ? [] : [arn('logs', `log-group:${historyGroup(name)}*`)]),
    ],
    queues: [arn('sqs', all)],
    buckets: [`arn:${partition}:s3:::${name === '*' ? all : `${bucketPrefix(name)}*`}`],
    topics: [arn('sns', all)],
    alarms: [arn('cloudwatch', `alarm:${all}`)],
    dashboards: [arn('cloudwatch', `dashboard/ferry-${name}*`, '')],
    stateMachines: (names.length > 0
      ? names.slice(0, 1)
      : [bulkName(name), reconcileName(name)]
    ).map((one) => arn('states', `stateMachine:${one}`)),
    code: [`arn:${partition}:s3:::${assets}/*`],
    version: [arn('ssm', 'parameter/cdk-bootstrap/*')],
    anything: ['*'],
  };
}

/** Every account and Region that has stacks. */
function sitesOf({ replications, fleet }: Config): Site[] {
  const sites = new Map<string, Site>();
  const add = (owner: Owner, region: string, stack: StackNeeds) => {
    const id = `${owner.partition} ${owner.account} ${region}`;
    const stacks = [...(sites.get(id)?.stacks ?? []), stack];
    sites.set(id, { ...owner, region, stacks });
  };
  const directions = replications.flatMap(directionsOf);
  for (const replication of directions) {
    const owners = ownersOf(replication);
    add(owners.source, replication.source.region, sourceStack(replication, fleet !== undefined));
    add(owners.destination, replication.destination.region, destinationStack(replication));
  }
  for (const [first] of switchSites(directions)) {
    if (first !== undefined) add(ownersOf(first).source, first.source.region, SWITCH_STACK);
  }
  const stacks = [...sites.values()];
  if (fleet === undefined) return stacks;
  for (const site of stacks) {
    const members = directions.filter(
      (one) => ownersOf(one).source.account === site.account && one.source.region === site.region,
    );
    const types = fleetTypes(members, fleet.email);
    if (members.length > 0) add(site, site.region, { name: FLEET, types, tables: [], keys: [] });
  }
  return [...sites.values()];
}

const SWITCH_STACK: StackNeeds = {
  name: 'switch',
  types: SWITCH_TYPES,
  tables: [],
  keys: [],
  names: [SWITCH_NAME, ...REGION_SWITCH_NAMES],
};

function sourceStack(replication: ReplicationConfig, isOfFleet: boolean): StackNeeds {
  const { name, source } = replication;
  return {
    name,
    types: sourceTypes(replication, isOfFleet),
    tables: source.create && !isBackName(name) ? [source.table] : [],
    keys: grantedKeys(replication, 'source'),
  };
}

function destinationStack(replication: ReplicationConfig): StackNeeds {
  const { name, destination, stateTable } = replication;
  return {
    name,
    types: destinationTypes(replication),
    tables: [stateTable, ...(destination.create && !isBackName(name) ? [destination.table] : [])],
    keys: grantedKeys(replication, 'destination'),
  };
}

/** The keys for which a service keeps a grant, which the deployment makes. */
function grantedKeys(replication: ReplicationConfig, side: 'source' | 'destination'): KeyUse[] {
  return keyUses(replication).filter(({ side: own, grants }) => grants === true && own === side);
}
