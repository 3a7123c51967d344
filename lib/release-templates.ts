// One replication as plain CloudFormation templates, for deployments without the CDK: parameters instead of
// settings, and code from a bucket of the operator. And the policies of its roles, for other tools.

import {
  App,
  CfnOutput,
  CfnParameter,
  type CfnParameterProps,
  DefaultStackSynthesizer,
  Fn,
  type IStackSynthesizer,
  Stack,
} from 'aws-cdk-lib';
import { CfnFunction, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { NAME_PATTERN } from '../src/config/names.ts';
import type { FunctionName } from '../src/package-files.ts';
import { functionSets } from '../src/permissions/policies.ts';
import type { IamPolicy } from '../src/permissions/statement.ts';
import { type Resources, sampleReplication } from './documents/sample-templates.ts';
import { Replication } from './replication.ts';
import { ReplicationDestination } from './replication-destination.ts';

export interface Template {
  readonly Resources: Resources;
}

/** Beside the source table. The code of a function is the object `CodePrefix` + its name + `.zip` of `CodeBucket`. */
export function sourceTemplate(): Template {
  return templateOf((stack, parameter) => {
    const bucket = parameter('CodeBucket', 'Bucket of this Region with the zips of the functions');
    const prefix = parameter('CodePrefix', 'What their object keys begin with', { default: '' });
    const {
      alarms,
      function: replicate,
      lookAgain,
    } = new Replication(stack, 'Default', {
      name: nameFrom(parameter),
      source: {
        tableArn: parameter('SourceTableArn', 'ARN of the source table'),
        streamArn: parameter('SourceStreamArn', 'ARN of its stream, which has new images'),
      },
      destination: {
        region: parameter('DestinationRegion', 'Region of the destination table'),
        tableName: parameter('DestinationTableName', 'Name of the destination table'),
      },
    });
    const takeCode = (name: FunctionName, { node }: LambdaFunction) => {
      const code = { s3Bucket: bucket, s3Key: Fn.join('', [prefix, `${name}.zip`]) };
      if (CfnFunction.isCfnFunction(node.defaultChild)) node.defaultChild.code = code;
    };
    takeCode('replicate', replicate);
    if (lookAgain !== undefined) takeCode('look-again', lookAgain.function);
    const description = 'Topic of the alarms: subscribe the operators on call';
    const value = alarms?.topic.topicArn ?? '';
    return new CfnOutput(stack, 'AlarmTopicArn', { description, value });
  });
}

/** In the destination's Region: Ferry's state table. The destination table exists. */
export function destinationTemplate(): Template {
  return templateOf((stack, parameter) => {
    const name = nameFrom(parameter);
    return new ReplicationDestination(stack, 'Default', { name, tableName: 'exists' });
  });
}

/** By the name of the role: its policy, with `${Name}` and the like where a deployment knows the value. */
export function rolePolicies(): Record<string, IamPolicy> {
  const { source, ...sample } = sampleReplication();
  const replication = {
    ...sample,
    name: '${Name}',
    stateTable: 'ferry-${Name}-state',
    source: { ...source, account: '${AccountId}', region: '${Region}' },
    destination: {
      region: '${DestinationRegion}',
      table: '${DestinationTableName}',
      account: '${AccountId}',
      create: false,
    },
  };
  const known = {
    source: '${SourceTableArn}',
    stream: '${SourceStreamArn}',
    bucket: '${OnFailureBucketArn}',
  };
  const policies = functionSets(replication, known).map(({ role, policy }) => [role, policy]);
  const text = JSON.stringify(Object.fromEntries(policies)).replaceAll(
    'arn:aws',
    'arn:${Partition}',
  );
  return JSON.parse(text) as Record<string, IamPolicy>;
}

type Parameter = (id: string, description: string, more?: CfnParameterProps) => string;

function nameFrom(parameter: Parameter): string {
  return parameter('Name', 'Name of the replication, which is part of the names of resources', {
    allowedPattern: NAME_PATTERN,
  });
}

function templateOf(build: (stack: Stack, parameter: Parameter) => Construct): Template {
  const app = new App({ analyticsReporting: false, autoSynth: false });
  // The account need not be bootstrapped for the CDK.
  const synthesizer = new DefaultStackSynthesizer({ generateBootstrapVersionRule: false });
  const stack = new Stack(app, 'Ferry', { synthesizer: synthesizer as IStackSynthesizer });
  build(
    stack,
    (id, description, more) => new CfnParameter(stack, id, { description, ...more }).valueAsString,
  );
  return app.synth().getStackByName('Ferry').template as Template;
}
