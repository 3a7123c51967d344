// What all state machines share: a role of their own, a log group, and traces where the partition has them.

import { Stack, Validations } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  DefinitionBody,
  LogLevel,
  type State,
  StateGraph,
  StateMachine,
  StateMachineType,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { servicesAt } from '../src/config/partition-services.ts';
import type { Arns } from '../src/permissions/arns.ts';
import { runnerNeeds } from '../src/permissions/runner-needs.ts';
import { createLogGroup } from './ferry-function.ts';
import { acknowledgeWildcards, policiesOf } from './policies.ts';

interface StateMachineProps {
  readonly name: string;
  /** Of the role. */
  readonly runner: string;
  /** Whose settings and keys it has. */
  readonly replication: ReplicationConfig;
  readonly startState: State;
  readonly arns: Pick<Arns, 'of'>;
}

/** Adds `StateMachine`, its `RunnerRole` and its `RunLogGroup` to `scope`. */
export function createStateMachine(
  scope: Construct,
  { name, runner, replication, startState, arns }: StateMachineProps,
): StateMachine {
  const { region } = replication.source;
  const logs = createLogGroup(scope, 'RunLogGroup', {
    logGroupName: `/aws/vendedlogs/states/${name}`,
    replication,
  });
  const needs = runnerNeeds(region, arns);
  // The CDK's own would let it call every version of the function, and name the partition in a literal.
  const role = new Role(scope, 'RunnerRole', {
    description: runner,
    assumedBy: new ServicePrincipal('states.amazonaws.com'),
    inlinePolicies: policiesOf(needs),
  });
  acknowledgeWildcards(role, needs);
  const { tracing } = servicesAt(region);
  // As text, because the CDK gives a role more than these states need, and names the partition in a literal.
  const states = new StateGraph(startState, name);
  const machine = new StateMachine(scope, 'StateMachine', {
    stateMachineName: name,
    stateMachineType: StateMachineType.STANDARD,
    role: role.withoutPolicyUpdates(),
    definitionBody: DefinitionBody.fromString(Stack.of(scope).toJsonString(states.toGraphJson())),
    ...(tracing && { tracingEnabled: true }),
    // Keys of items may be in the input of a state: names and times are enough.
    logs: { destination: logs, level: LogLevel.ALL, includeExecutionData: false },
  });
  if (!tracing) {
    const reason = 'X-Ray is not available in this partition.';
    Validations.of(machine).acknowledge({ id: 'AwsSolutions-SF2', reason });
  }
  return machine;
}
