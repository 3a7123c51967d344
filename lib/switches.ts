// For what can be switched, a stack in each account and Region: the state machine that switches many tables, the function
// that it calls, and two functions for Region switch plans of Application Recovery Controller.

import { type App, CfnParameter, CfnRule, Duration, Fn, Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { switchFunctionRoleName } from '../src/config/accounts.ts';
import { givenName } from '../src/config/directions.ts';
import {
  isBackName,
  REGION_SWITCH_NAMES,
  SWITCH_NAME,
  SWITCH_VARIABLE,
  switchStack,
} from '../src/config/names.ts';
import type { ReplicationConfig } from '../src/config/schema.ts';
import type { Arns } from '../src/permissions/arns.ts';
import {
  assumedBySwitch,
  regionSwitchNeeds,
  switchFunctionNeeds,
  switchMachine,
  switchSites,
} from '../src/permissions/switch-needs.ts';
import { createFunction } from './ferry-function.ts';
import { functionCode } from './function-code.ts';
import { arnHere, ownersIn } from './policies.ts';
import { createStateMachine } from './state-machine.ts';
import { switchStates } from './switch-states.ts';

/** @param directions of all replications. */
export function addSwitches(app: App, directions: readonly ReplicationConfig[]): void {
  for (const here of switchSites(directions)) addSwitchStack(app, here);
}

function addSwitchStack(app: App, here: readonly ReplicationConfig[]): void {
  const [first] = here;
  if (first === undefined) return;
  const { account, region } = first.source;
  const stack = new Stack(app, switchStack(account, region), {
    stackName: `${SWITCH_NAME}-${region}`,
    env: { region, ...(account && { account }) },
    description: `Ferry: switches tables to ${region}, and away from it`,
  });
  requireOwnFile(stack, here.map(givenName));
  // Names, steps and times: no data that would need a key of the customer.
  const { encryption: _, ...settings } = first;
  const arns = switchMachine((service, resource) => arnHere(stack, service, resource));
  createSwitch(new Construct(stack, 'Switch'), { settings, here, arns });
  for (const name of REGION_SWITCH_NAMES) {
    const isLost = name === 'ferry-lost-region-switch';
    const scope = new Construct(stack, isLost ? 'LostRegionSwitch' : 'RegionSwitch');
    createRegionSwitch(scope, { name, settings, arns, layers: layersOf(here, isLost) });
  }
}

/**
 * Two configuration files of one account and Region would deploy the same stack in turn, each without the replications of
 * the other. A deployment keeps the value of a parameter: CloudFormation refuses a file that does not have its name.
 */
function requireOwnFile(stack: Stack, names: readonly string[]): void {
  const known = [...new Set(names)].toSorted();
  const owner = new CfnParameter(stack, 'SwitchOf', {
    default: known[0],
    description: 'Ferry: a replication of the configuration file that this stack is deployed from',
  });
  const assertDescription =
    'This stack was deployed from another configuration file, whose replications could no longer be switched. Put all replications that can be switched into one file, or name one of this file with --parameters.';
  const assert = Fn.conditionContains(known, owner.valueAsString);
  new CfnRule(stack, 'OwnFile').addAssertion(assert, assertDescription);
}

interface SwitchParts {
  readonly settings: ReplicationConfig;
  readonly arns: Pick<Arns, 'of'>;
}

function createSwitch(
  scope: Construct,
  { settings, here, arns }: SwitchParts & { readonly here: readonly ReplicationConfig[] },
): void {
  const { region } = settings.source;
  const roles = assumedBySwitch(here, (direction) => ownersIn(scope, direction));
  const lambda = createFunction(
    scope,
    {
      functionName: SWITCH_NAME,
      description: 'Ferry: a piece of a switch, for the state machine of the same name',
      memorySize: 1_024,
      timeout: Duration.minutes(15),
    },
    {
      replication: settings,
      code: functionCode('switch', undefined),
      environment: { [SWITCH_VARIABLE]: JSON.stringify(namesOf(here)) },
      // The roles that it assumes trust it by its name.
      roleName: switchFunctionRoleName(region),
      runner: 'Ferry: the function that switches',
      needsOf: (logs) => switchFunctionNeeds(logs, roles),
    },
  );
  createStateMachine(scope, {
    name: SWITCH_NAME,
    runner: 'Ferry: the state machine that switches many tables',
    replication: settings,
    startState: switchStates(scope, lambda),
    arns,
  });
}

interface RegionSwitchProps extends SwitchParts {
  readonly name: string;
  readonly layers: object;
}

function createRegionSwitch(
  scope: Construct,
  { name, settings, arns, layers }: RegionSwitchProps,
): void {
  const { region } = settings.source;
  const variable = { stateMachineArn: arns.of('stateMachine'), target: region, layers };
  createFunction(
    scope,
    {
      functionName: name,
      description: `Ferry: activates ${region}, for a Region switch plan`,
      memorySize: 256,
      timeout: Duration.minutes(15),
    },
    {
      replication: settings,
      code: functionCode('region-switch', undefined),
      environment: { [SWITCH_VARIABLE]: JSON.stringify(variable) },
      runner: `Ferry: the function ${name}`,
      needsOf: (logs) => regionSwitchNeeds(logs, arns),
    },
  );
}

/** All that this Region can activate: by layer and type of the resource, the names of the replications. */
function layersOf(here: readonly ReplicationConfig[], isLost: boolean): object {
  const layers: Record<string, Record<string, string[]>> = {};
  for (const direction of here) {
    const planned = isBackName(direction.name) ? 'PlannedFailoverDynamoDB' : 'FailbackDynamoDB';
    const types = (layers[`${direction.switching?.layer ?? 1}`] ??= {});
    (types[isLost ? 'UnplannedFailoverDynamoDB' : planned] ??= []).push(givenName(direction));
  }
  return layers;
}

/** By the Region of the destination: the names of the directions from here. */
function namesOf(here: readonly ReplicationConfig[]): object {
  const names: Record<string, string[]> = {};
  for (const { name, destination } of here) (names[destination.region] ??= []).push(name);
  return names;
}
