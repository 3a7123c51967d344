// Configurations, and the templates that the CDK app makes of them, for the tests of lib/.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import cdk from '../../cdk.json' with { type: 'json' };
import { buildApp } from '../../lib/app.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';

const KEYS = { partitionKey: { name: 'pk', type: 'S' }, sortKey: { name: 'sk', type: 'N' } };
export const CREATED = {
  name: 'orders',
  source: { region: 'us-east-1', table: 'Orders', create: true, ...KEYS },
  destination: { region: 'eu-west-1', table: 'OrdersTwin', create: true, ...KEYS },
};
export const STREAM_ARN =
  'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-02T03:04:05.678';
export const EXISTING = {
  name: 'orders',
  source: { region: 'us-east-1', table: 'Orders', streamArn: STREAM_ARN },
  destination: { region: 'eu-west-1', table: 'OrdersTwin' },
};
export const BEATING = { ...CREATED, heartbeat: { key: { pk: 'ferry-heartbeat', sk: 0 } } };
export const CHINA = {
  ...CREATED,
  source: { ...CREATED.source, region: 'cn-north-1' },
  destination: { ...CREATED.destination, region: 'cn-northwest-1' },
};

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DependsOn?: readonly string[];
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

export interface TemplateJson {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<Record<string, { readonly Value: unknown }>>;
}

/** Removed by each file of tests when it is done: the next one in the process makes it again. */
export const temporary = mkdtempSync(join(tmpdir(), 'ferry-lib-'));
process.once('exit', () => rmSync(temporary, { recursive: true, force: true }));

export function replicationOf(replication: object): ReplicationConfig {
  const [first] = parseConfig({ replications: [replication] }).replications;
  if (first === undefined) throw new Error('The configuration has no replication.');
  return first;
}

/** An app without stacks, set up as in cdk.json. */
export function emptyApp(): App {
  mkdirSync(temporary, { recursive: true });
  const outdir = mkdtempSync(join(temporary, 'cdk.out-'));
  return new App({ context: cdk.context, outdir, autoSynth: false });
}

/** The app with the stacks of `replications`. */
export function appOf(...replications: object[]): App {
  const app = emptyApp();
  buildApp(app, parseConfig({ replications }));
  return app;
}

type Templates = Readonly<Record<'source' | 'destination', TemplateJson>>;

/** By the text of the replication: a synthesis takes a second of the processor, and the files of a process ask often. */
const synthesized = new Map<string, Templates>();

export function templates(replication: object): Templates {
  const text = JSON.stringify(replication);
  const found = synthesized.get(text) ?? synthesize(replication);
  synthesized.set(text, found);
  return found;
}

function synthesize(replication: object): Templates {
  const app = appOf(replication);
  const template = (side: string) =>
    Template.fromStack(stackOf(app, `ferry-orders-${side}`)).toJSON() as TemplateJson;
  return { source: template('source'), destination: template('destination') };
}

/** The findings in the report of a synthesis. */
export function violations(app: App): string[] {
  const report = JSON.parse(readFileSync(join(app.outdir, 'validation-report.json'), 'utf8')) as {
    pluginReports: { violations: { ruleName: string }[] }[];
  };
  return report.pluginReports.flatMap((plugin) =>
    plugin.violations.map(({ ruleName }) => ruleName),
  );
}

export function stackOf(app: App, id: string): Stack {
  const stack = app.node.findChild(id);
  if (!Stack.isStack(stack)) throw new Error(`${id} is not a stack.`);
  return stack;
}

/** The logical ids and resources of one type. */
export function resources({ Resources }: TemplateJson, type: string): [string, Resource][] {
  return Object.entries(Resources).filter(([, { Type }]) => Type === type);
}

/** The one resource of its type whose logical id begins with `prefix`, and that id. */
export function only(
  template: TemplateJson,
  type: string,
  prefix = '',
): Resource & { readonly id: string } {
  const found = resources(template, type).filter(([id]) => id.startsWith(prefix));
  const [[id, resource] = [], ...others] = found;
  if (id === undefined || resource === undefined || others.length > 0) {
    throw new Error(`Expected one ${type}, got ${others.length + (id === undefined ? 0 : 1)}.`);
  }
  return { id, ...resource };
}

export function tableNamed(template: TemplateJson, name: string): Resource {
  const table = resources(template, 'AWS::DynamoDB::GlobalTable').find(
    ([, { Properties }]) => Properties['TableName'] === name,
  );
  if (table === undefined) throw new Error(`Table ${name} is not in the template.`);
  return table[1];
}

/** The statements of the replicate function's role, each under the name of its inline policy. */
export function statements(template: TemplateJson): Record<string, unknown[]> {
  const policies = only(template, 'AWS::IAM::Role', 'Replicator').Properties['Policies'] as {
    PolicyName: string;
    PolicyDocument: { Statement: unknown[] };
  }[];
  return Object.fromEntries(
    policies.map(({ PolicyName, PolicyDocument }) => [PolicyName, PolicyDocument.Statement]),
  );
}

export function getAtt(id: string, attribute: string): object {
  return { 'Fn::GetAtt': [id, attribute] };
}

export function tableArn(region: string, table: string): object {
  const rest = [`:dynamodb:${region}:`, { Ref: 'AWS::AccountId' }, `:table/${table}`];
  return { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ...rest]] };
}

export function protectedTable(region: string, properties: object): object {
  return {
    Type: 'AWS::DynamoDB::GlobalTable',
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      BillingMode: 'PAY_PER_REQUEST',
      SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
      Replicas: [
        {
          Region: region,
          DeletionProtectionEnabled: true,
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        },
      ],
      ...properties,
    },
  };
}

export const COMPOSITE_KEY = {
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'N' },
  ],
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
};

export function useOfKey(keyArn: string, region: string): object {
  return {
    Effect: 'Allow',
    Action: ['kms:Decrypt', 'kms:DescribeKey'],
    Resource: keyArn,
    Condition: { StringEquals: { 'kms:ViaService': [`dynamodb.${region}.amazonaws.com`] } },
  };
}
