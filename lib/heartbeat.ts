// The heartbeat of a replication: a small function that, every minute, writes one item to the source and
// looks how far its twin is behind.

import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { HEARTBEAT_PERIOD_MS, heartbeatName } from '../src/config/names.ts';
import { createFerryFunction, type DeployedReplication } from './ferry-function.ts';

/** One of these per replication whose configuration has a `heartbeat`. */
export class Heartbeat extends Construct {
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, deployed: DeployedReplication) {
    super(scope, id);
    const { replication } = deployed;
    this.function = createFerryFunction(this, {
      deployed,
      code: 'heartbeat',
      functionName: heartbeatName(replication.name),
      description: `Ferry ${replication.name}: writes the heartbeat item, and looks for it on the twin`,
      memorySize: 256,
      timeout: Duration.seconds(30),
      // The next one comes in a minute, and a late one would tell nothing.
      retryAttempts: 0,
      maxEventAge: Duration.minutes(1),
    });
    const schedule = Schedule.rate(Duration.millis(HEARTBEAT_PERIOD_MS));
    const rule = new Rule(this, 'EveryMinute', { schedule });
    rule.addTarget(new LambdaTarget(this.function));
  }
}
