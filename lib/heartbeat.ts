// The heartbeat of a replication: a small function that, every minute, writes one item to the source and
// looks how far its twin is behind.

import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import type { PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { HEARTBEAT_PERIOD_MS, heartbeatName } from '../src/config/names.ts';
import { createFerryFunction, type DeployedReplication } from './ferry-function.ts';
import { useOfTableKey } from './customer-keys.ts';
import { allow, policy, tableArn } from './policies.ts';

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
      roleDescription: 'the heartbeat function',
      policies: this.#policies(replication),
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

  #policies(replication: ReplicationConfig): Record<string, PolicyDocument> {
    const { source, destination } = replication;
    return {
      WriteHeartbeat: policy(
        this.#onItem(['dynamodb:GetItem', 'dynamodb:PutItem'], replication, source),
        ...useOfTableKey(source),
      ),
      ReadTwin: policy(
        this.#onItem(['dynamodb:GetItem'], replication, destination),
        ...useOfTableKey(destination),
      ),
    };
  }

  /** The heartbeat's own partition, and no other. */
  #onItem(
    actions: string[],
    { heartbeat = { key: {} } }: ReplicationConfig,
    { region, table }: { readonly region: string; readonly table: string },
  ): PolicyStatement {
    // Which attribute is the partition key, an existing table does not tell here: any of its values. How
    // numbers are compared is not documented, so that keys with one go without. The schema takes no text
    // that a policy cannot hold.
    const values = Object.values(heartbeat.key);
    const isText = values.every((value) => typeof value === 'string');
    const ofKey = { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': values } };
    return allow(actions, tableArn(this, region, table), isText ? ofKey : {});
  }
}
