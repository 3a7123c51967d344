// For what outgrows one machine: a state machine that runs the segments of a backfill, a verify or a redrive as
// functions, many at a time, each with the very operations that the commands use.

import { Duration, Stack, Validations } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import {
  DefinitionBody,
  LogLevel,
  StateGraph,
  StateMachine,
  StateMachineType,
} from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { bulkName } from '../src/config/names.ts';
import { servicesAt } from '../src/config/partition-services.ts';
import { bulkRunNeeds } from '../src/permissions/function-needs.ts';
import { segmentStates } from './bulk-states.ts';
import { createFerryFunction, createLogGroup, type DeployedReplication } from './ferry-function.ts';
import { acknowledgeWildcards, arnsIn, policiesOf } from './policies.ts';

/** One of these per replication whose configuration says `"bulk": true`. */
export class BulkRuns extends Construct {
  readonly function: LambdaFunction;
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, deployed: DeployedReplication) {
    super(scope, id);
    this.function = createFerryFunction(this, {
      deployed,
      code: 'bulk-segment',
      functionName: bulkName(deployed.replication.name),
      description: `Ferry ${deployed.replication.name}: segments of backfill, verify and redrive`,
      memorySize: 1_024,
      timeout: Duration.minutes(15),
    });
    this.stateMachine = this.#createStateMachine(deployed.replication);
  }

  #createStateMachine(replication: ReplicationConfig): StateMachine {
    const name = bulkName(replication.name);
    const logs = createLogGroup(this, 'RunLogGroup', {
      logGroupName: `/aws/vendedlogs/states/${name}`,
      replication,
    });
    // As text, because the CDK gives a role more than these states need, and names the partition in a literal.
    const states = new StateGraph(segmentStates(this, this.function).startState, 'Bulk');
    const { tracing } = servicesAt(replication.source.region);
    const machine = new StateMachine(this, 'StateMachine', {
      stateMachineName: name,
      stateMachineType: StateMachineType.STANDARD,
      role: runnerRole(this, replication, this.function.functionArn).withoutPolicyUpdates(),
      definitionBody: DefinitionBody.fromString(Stack.of(this).toJsonString(states.toGraphJson())),
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
}

/**
 * The state machine's role. The CDK's own would let it call every version of the function, and name the
 * partition in a literal.
 */
function runnerRole(scope: Construct, replication: ReplicationConfig, bulkFunction: string): Role {
  const needs = bulkRunNeeds(replication, arnsIn(scope, replication, { bulkFunction }));
  const role = new Role(scope, 'RunnerRole', {
    description: `Ferry ${replication.name}: the state machine for backfill, verify and redrive`,
    assumedBy: new ServicePrincipal('states.amazonaws.com'),
    inlinePolicies: policiesOf(needs),
  });
  acknowledgeWildcards(role, needs);
  return role;
}
