// For what outgrows one machine: a state machine that runs the segments of a backfill, a verify or a redrive as
// functions, many at a time, each with the very operations that the commands use. And one that compares on a schedule
// with the same function.

import { Duration } from 'aws-cdk-lib';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { SfnStateMachine } from 'aws-cdk-lib/aws-events-targets';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { bulkName, reconcileName } from '../src/config/names.ts';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { type Arns, reconcilePlaces } from '../src/permissions/arns.ts';
import { ruleNeeds } from '../src/permissions/runner-needs.ts';
import { reconcileStates, segmentStates } from './bulk-states.ts';
import { createFerryFunction, type DeployedReplication } from './ferry-function.ts';
import { arnsIn, policiesOf } from './policies.ts';
import { createStateMachine } from './state-machine.ts';

/** One of these per replication whose configuration has `"bulk": true` or `reconcile`. */
export class BulkRuns extends Construct {
  readonly function: LambdaFunction;
  /** With `"bulk": true`. */
  readonly stateMachine: StateMachine | undefined;
  /** Compares on a schedule, with `reconcile`. */
  readonly reconciliation: StateMachine | undefined;

  constructor(scope: Construct, id: string, deployed: DeployedReplication) {
    super(scope, id);
    const { replication } = deployed;
    this.function = createFerryFunction(this, {
      deployed,
      code: 'bulk-segment',
      functionName: bulkName(replication.name),
      description: `Ferry ${replication.name}: segments of backfill, verify and redrive`,
      memorySize: 1_024,
      timeout: Duration.minutes(15),
    });
    const { functionArn: bulkFunction } = this.function;
    const arns = arnsIn(this, replication, { bulkFunction });
    const parts = { replication, lambdaFunction: this.function, arns };
    this.stateMachine = replication.bulk ? createBulkMachine(this, parts) : undefined;
    this.reconciliation =
      replication.reconcile && createReconciliation(new Construct(this, 'Reconciliation'), parts);
  }
}

interface MachineParts {
  readonly replication: ReplicationConfig;
  readonly lambdaFunction: LambdaFunction;
  readonly arns: Arns;
}

function createBulkMachine(
  scope: Construct,
  { replication, lambdaFunction, arns }: MachineParts,
): StateMachine {
  return createStateMachine(scope, {
    name: bulkName(replication.name),
    runner: `Ferry ${replication.name}: the state machine for backfill, verify and redrive`,
    replication,
    startState: segmentStates(scope, lambdaFunction).startState,
    arns,
  });
}

/** With the rule that starts it. */
function createReconciliation(
  scope: Construct,
  { replication, lambdaFunction, ...parts }: MachineParts,
): StateMachine {
  const arns = reconcilePlaces(parts.arns);
  const machine = createStateMachine(scope, {
    name: reconcileName(replication.name),
    runner: `Ferry ${replication.name}: the state machine that compares on a schedule`,
    replication,
    startState: reconcileStates(scope, lambdaFunction),
    arns,
  });
  const role = new Role(scope, 'RuleRole', {
    description: `Ferry ${replication.name}: the rule that starts comparisons`,
    assumedBy: new ServicePrincipal('events.amazonaws.com'),
    inlinePolicies: policiesOf(ruleNeeds(arns)),
  });
  // Every day, also where a run is due less often: CloudWatch looks back for no more than a week.
  const rule = new Rule(scope, 'EveryDay', { schedule: Schedule.rate(Duration.days(1)) });
  const input = RuleTargetInput.fromObject({});
  rule.addTarget(new SfnStateMachine(machine, { input, role: role.withoutPolicyUpdates() }));
  return machine;
}
