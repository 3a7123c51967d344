// For what can be switched, a stack in each account and Region: the state machine that switches many tables, the function
// that it calls, and two functions for Region switch plans of Application Recovery Controller.

import { type App, Aws, Duration, Stack } from 'aws-cdk-lib';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { switchFunctionRoleName, switchRoleName } from '../src/config/accounts.ts';
import { givenName, otherDirection } from '../src/config/directions.ts';
import {
  isBackName,
  REGION_SWITCH_LOST_NAME,
  REGION_SWITCH_NAME,
  SWITCH_NAME,
  SWITCH_VARIABLE,
  TABLES_LABEL,
} from '../src/config/names.ts';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { regionSwitchNeeds, switchFunctionNeeds } from '../src/permissions/switch-needs.ts';
import { createFunction } from './ferry-function.ts';
import { functionCode } from './function-code.ts';
import { arnHere, ownersIn } from './policies.ts';
import { createStateMachine } from './state-machine.ts';
import { switchStates } from './switch-states.ts';

/** @param directions of all replications. */
export function addSwitches(app: App, directions: readonly ReplicationConfig[]): void {
  const places = new Map<string, ReplicationConfig[]>();
  for (const direction of directions.filter(({ switching }) => switching !== undefined)) {
    const { account, region } = direction.source;
    const id = [SWITCH_NAME, ...(account === undefined ? [] : [account]), region].join('-');
    places.set(id, [...(places.get(id) ?? []), direction]);
  }
  for (const [id, here] of places) addSwitchStack(app, id, here);
}

function addSwitchStack(app: App, id: string, here: readonly ReplicationConfig[]): void {
  const [first] = here;
  if (first === undefined) return;
  const { account, region } = first.source;
  const stack = new Stack(app, id, {
    stackName: `${SWITCH_NAME}-${region}`,
    env: { region, ...(account && { account }) },
    description: `Ferry: switches tables to ${region}, and away from it`,
  });
  // Names, steps and times: no data that would need a key of the customer.
  const { encryption: _, ...settings } = first;
  const machine = createSwitch(new Construct(stack, 'Switch'), settings, here);
  for (const [name, isLost] of [
    [REGION_SWITCH_NAME, false],
    [REGION_SWITCH_LOST_NAME, true],
  ] as const) {
    const scope = new Construct(stack, isLost ? 'RegionSwitchLost' : 'RegionSwitch');
    createRegionSwitch(scope, { name, settings, machine, layers: layersOf(here, isLost) });
  }
}

function createSwitch(
  scope: Construct,
  settings: ReplicationConfig,
  here: readonly ReplicationConfig[],
): StateMachine {
  const { region } = settings.source;
  const roles = here.flatMap((direction) => {
    const { source, destination } = ownersIn(scope, direction);
    const arn = ({ account }: { account: string }, name: string) =>
      `arn:${Aws.PARTITION}:iam::${account}:role/${switchRoleName(name)}`;
    return [arn(source, direction.name), arn(destination, otherDirection(direction).name)];
  });
  const lambda = createFunction(
    scope,
    {
      functionName: SWITCH_NAME,
      description: 'Ferry: one piece of a switch, for the state machine of the same name',
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
  return createStateMachine(scope, {
    name: SWITCH_NAME,
    runner: 'Ferry: the state machine that switches many tables',
    replication: settings,
    startState: switchStates(scope, lambda),
    arns: machineArns(scope, lambda),
  });
}

function machineArns(scope: Construct, { functionArn }: LambdaFunction) {
  const places: Readonly<Record<string, string>> = {
    bulkFunction: functionArn,
    stateMachine: arnHere(scope, 'states', `stateMachine:${SWITCH_NAME}`),
    executions: arnHere(scope, 'states', `execution:${SWITCH_NAME}:*`),
    segments: arnHere(scope, 'states', `execution:${SWITCH_NAME}/${TABLES_LABEL}:*`),
  };
  return { of: (place: string) => places[place] ?? '*' };
}

interface RegionSwitchProps {
  readonly name: string;
  readonly settings: ReplicationConfig;
  readonly machine: StateMachine;
  readonly layers: object;
}

function createRegionSwitch(
  scope: Construct,
  { name, settings, machine, layers }: RegionSwitchProps,
): LambdaFunction {
  const { stateMachineArn } = machine;
  const executions = arnHere(scope, 'states', `execution:${SWITCH_NAME}:*`);
  const { region } = settings.source;
  return createFunction(
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
      environment: {
        [SWITCH_VARIABLE]: JSON.stringify({ stateMachineArn, target: region, layers }),
      },
      runner: 'Ferry: starts the state machine for a Region switch plan',
      needsOf: (logs) => regionSwitchNeeds(logs, { stateMachineArn, executions }),
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
