// For what outgrows one machine: a state machine that runs the segments of a backfill, a verify or a redrive as
// functions, many at a time, each with the very operations that the commands use.

import { Duration } from 'aws-cdk-lib';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { bulkName } from '../src/config/names.ts';
import { segmentStates } from './bulk-states.ts';
import { createFerryFunction, type DeployedReplication } from './ferry-function.ts';
import { arnsIn } from './policies.ts';
import { createStateMachine } from './state-machine.ts';

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
    const { replication } = deployed;
    const bulkFunction = this.function.functionArn;
    this.stateMachine = createStateMachine(this, {
      name: bulkName(replication.name),
      runner: `Ferry ${replication.name}: the state machine for backfill, verify and redrive`,
      replication,
      startState: segmentStates(this, this.function).startState,
      arns: arnsIn(this, replication, { bulkFunction }),
    });
  }
}
