// The heartbeat of a replication: a small function that, every minute, writes one item to the source and
// looks how far its twin is behind.

import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { type PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/config.ts';
import { HEARTBEAT_ENVIRONMENT, HEARTBEAT_PERIOD_MS, heartbeatName } from '../src/config/names.ts';
import { LAMBDA_HANDLER } from '../src/lambda-bundle.ts';
import {
  type ReplicationAndStream,
  replicationVariable,
} from '../src/config/replication-variable.ts';
import { environmentKey } from './customer-key.ts';
import { functionEnvironment } from './function-environment.ts';
import { useOfEnvironmentKey, useOfKey, useOfLogKey } from './key-grants.ts';
import { createLogGroup } from './log-group.ts';
import { allow, optionalPolicy, policy, tableArn } from './policies.ts';

/** Of a replication with a `heartbeat`. */
export interface HeartbeatProps extends ReplicationAndStream {
  /** Directory of the bundled handler. */
  readonly codeDirectory: string;
}

/** One of these per replication whose configuration has a `heartbeat`. */
export class Heartbeat extends Construct {
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: HeartbeatProps) {
    super(scope, id);
    const { replication, codeDirectory } = props;
    const name = heartbeatName(replication.name);
    const logGroup = createLogGroup(this, 'LogGroup', {
      logGroupName: `/aws/lambda/${name}`,
      replication,
    });
    this.function = new LambdaFunction(this, 'Function', {
      functionName: name,
      description: `Ferry ${replication.name}: writes the heartbeat item, and looks for it on the twin`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(codeDirectory, { exclude: ['*', '!*.mjs'] }),
      handler: LAMBDA_HANDLER,
      memorySize: 256,
      timeout: Duration.seconds(30),
      // The next one comes in a minute, and a late one would tell nothing.
      retryAttempts: 0,
      maxEventAge: Duration.minutes(1),
      loggingFormat: LoggingFormat.JSON,
      logGroup,
      environment: functionEnvironment(
        name,
        { [HEARTBEAT_ENVIRONMENT.replication]: replicationVariable(props, { heartbeat: true }) },
        props,
      ),
      ...environmentKey(this, replication),
      role: this.#createRole(replication, logGroup),
    });
    const schedule = Schedule.rate(Duration.millis(HEARTBEAT_PERIOD_MS));
    const rule = new Rule(this, 'EveryMinute', { schedule });
    rule.addTarget(new LambdaTarget(this.function));
  }

  #createRole(replication: ReplicationConfig, logGroup: LogGroup): Role {
    const { name, source, destination } = replication;
    return new Role(this, 'Role', {
      description: `Ferry ${name}: the heartbeat function`,
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: {
        WriteLogs: policy(
          allow(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroup.logGroupArn),
          ...useOfLogKey(replication),
        ),
        WriteHeartbeat: policy(
          this.#onItem(['dynamodb:GetItem', 'dynamodb:PutItem'], replication, source),
          ...useOfKey(source),
        ),
        ReadTwin: policy(
          this.#onItem(['dynamodb:GetItem'], replication, destination),
          ...useOfKey(destination),
        ),
        ...optionalPolicy('DecryptEnvironment', useOfEnvironmentKey(replication)),
      },
    });
  }

  /** The heartbeat's own partition, and no other. */
  #onItem(
    actions: string[],
    { heartbeat = { key: {} } }: ReplicationConfig,
    { region, table }: { readonly region: string; readonly table: string },
  ): PolicyStatement {
    const statement = allow(actions, tableArn(this, region, table));
    // Which attribute is the partition key, an existing table does not tell here: any of its values. How
    // numbers are compared is not documented, so that keys with one go without. The schema takes no text
    // that a policy cannot hold.
    const values = Object.values(heartbeat.key);
    if (values.every((value) => typeof value === 'string'))
      statement.addCondition('ForAllValues:StringEquals', { 'dynamodb:LeadingKeys': values });
    return statement;
  }
}
