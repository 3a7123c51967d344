// For what outgrows one machine: a state machine that runs the segments of a backfill, a verify or a redrive as
// functions, many at a time, each with the very operations that the commands use.

import { Duration, Stack } from 'aws-cdk-lib';
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
import { segmentPolicies } from './bulk-policies.ts';
import { SEGMENTS_LABEL, segmentStates } from './bulk-states.ts';
import { createFerryFunction, createLogGroup, type DeployedReplication } from './ferry-function.ts';
import { acknowledgeWildcards, allow, arnHere, policy } from './policies.ts';

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
      roleDescription: 'the function for segments of backfill, verify and redrive',
      ...segmentPolicies(this, deployed),
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
    return new StateMachine(this, 'StateMachine', {
      stateMachineName: name,
      stateMachineType: StateMachineType.STANDARD,
      role: runnerRole(this, replication, this.function.functionArn).withoutPolicyUpdates(),
      definitionBody: DefinitionBody.fromString(Stack.of(this).toJsonString(states.toGraphJson())),
      tracingEnabled: true,
      // Keys of items may be in the input of a state: names and times are enough.
      logs: { destination: logs, level: LogLevel.ALL, includeExecutionData: false },
    });
  }
}

/**
 * The state machine's role. The CDK's own would let it call every version of the function, and name the
 * partition in a literal.
 */
function runnerRole(scope: Construct, replication: ReplicationConfig, functionArn: string): Role {
  const name = bulkName(replication.name);
  const executions = arnHere(scope, 'states', `execution:${name}:*`);
  const segments = arnHere(scope, 'states', `execution:${name}/${SEGMENTS_LABEL}:*`);
  const role = new Role(scope, 'RunnerRole', {
    description: `Ferry ${replication.name}: the state machine for backfill, verify and redrive`,
    assumedBy: new ServicePrincipal('states.amazonaws.com'),
    inlinePolicies: {
      InvokeFunction: policy(allow(['lambda:InvokeFunction'], functionArn)),
      RunSegments: policy(
        allow(['states:StartExecution'], arnHere(scope, 'states', `stateMachine:${name}`)),
        allow(['states:DescribeExecution', 'states:StopExecution'], executions),
        // If an operator redrives a run, Step Functions redrives its failed segments by this role.
        allow(['states:RedriveExecution'], segments),
      ),
      WriteLogs: policy(allow(LOG_DELIVERY, '*')),
      WriteTraces: policy(allow(TRACING, '*')),
    },
  });
  const ofSegment =
    'A segment runs as an execution of this state machine; Step Functions names them.';
  acknowledgeWildcards(role, {
    '*': 'Delivery of logs and traces, which Step Functions requires, knows no resources.',
    [executions]: ofSegment,
    [segments]: ofSegment,
  });
  return role;
}

// The actions that Step Functions documents for each; none of them knows a resource.
const LOG_DELIVERY = [
  'logs:CreateLogDelivery',
  'logs:GetLogDelivery',
  'logs:UpdateLogDelivery',
  'logs:DeleteLogDelivery',
  'logs:ListLogDeliveries',
  'logs:PutResourcePolicy',
  'logs:DescribeResourcePolicies',
  'logs:DescribeLogGroups',
];
const TRACING = [
  'xray:PutTraceSegments',
  'xray:PutTelemetryRecords',
  'xray:GetSamplingRules',
  'xray:GetSamplingTargets',
];
