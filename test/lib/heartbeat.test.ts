// What a replication with a `heartbeat` adds to its source stack, and that it adds nothing otherwise.

import { rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { deploymentIn } from '../fixtures/deployment.ts';
import {
  BEATING,
  CREATED,
  EXISTING,
  getAtt,
  only,
  resources,
  tableArn,
  templates,
  temporary,
  useOfKey,
} from './stack-templates.ts';

afterAll(() => rmSync(temporary, { recursive: true }));

type Template = ReturnType<typeof templates>['source'];

const TEXT_KEY = { pk: 'ferry-heartbeat', sk: 'beat' };
const template = templates({ ...EXISTING, heartbeat: { key: TEXT_KEY } }).source;
const [functionId, heartbeat] =
  resources(template, 'AWS::Lambda::Function').find(
    ([, { Properties }]) => Properties['FunctionName'] === 'ferry-orders-heartbeat',
  ) ?? [];
const [logGroupId, logGroup] =
  resources(template, 'AWS::Logs::LogGroup').find(
    ([, { Properties }]) => Properties['LogGroupName'] === '/aws/lambda/ferry-orders-heartbeat',
  ) ?? [];

/** The statements of the heartbeat's role, under the names of its policies. */
function statementsIn(source: Template): Record<string, object[]> {
  const [, role] =
    resources(source, 'AWS::IAM::Role').find(([, { Properties }]) =>
      String(Properties['Description']).includes('the heartbeat function'),
    ) ?? [];
  const policies = (role?.Properties['Policies'] ?? []) as Array<{
    PolicyName: string;
    PolicyDocument: { Statement: object[] };
  }>;
  return Object.fromEntries(
    policies.map(({ PolicyName, PolicyDocument }) => [PolicyName, PolicyDocument.Statement]),
  );
}

describe('the alarm of missing heartbeats', () => {
  const alarmCalled = (anchor: string) =>
    resources(template, 'AWS::CloudWatch::Alarm').find(
      ([, { Properties }]) => Properties['AlarmName'] === `ferry-orders-${anchor}`,
    )?.[1].Properties;

  it('rings for a heartbeat that is late, and notifies when none is written any more', () => {
    const alarm = alarmCalled('heartbeat-missing');

    expect(alarm).toMatchObject({
      MetricName: 'HeartbeatAge',
      Threshold: 5 * 60 * 1000,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      DatapointsToAlarm: 1,
    });
    expect(alarm?.['InsufficientDataActions']).toEqual(alarm?.['AlarmActions']);
  });

  it('does not ring before the first heartbeat of a new deployment', () => {
    expect(alarmCalled('heartbeat-missing')?.['TreatMissingData']).toBe('missing');
    const [mappingId] =
      resources(template, 'AWS::Lambda::EventSourceMapping').find(
        ([, { Properties }]) => Properties['BisectBatchOnFunctionError'] !== undefined,
      ) ?? [];
    expect(mappingId).toBeDefined();
    // Heartbeats count from the first that was written: none is, until something reads the stream.
    expect(only(template, 'AWS::Events::Rule').DependsOn).toContain(mappingId);
  });

  it('rings beside it when the function fails, also from its first call on', () => {
    expect(alarmCalled('heartbeat-failing')).toMatchObject({
      Namespace: 'AWS/Lambda',
      MetricName: 'Errors',
      Dimensions: [{ Name: 'FunctionName', Value: 'ferry-orders-heartbeat' }],
      DatapointsToAlarm: 3,
      AlarmDescription: expect.stringContaining('"Heartbeat missing" in docs/runbook.md') as string,
    });
  });
});

describe('a replication without a heartbeat', () => {
  it.each([
    ['that is created', CREATED],
    ['of an existing table', EXISTING],
  ])('%s has no function, role or schedule for it', (_, replication) => {
    // Its entries are on the dashboard otherwise, and one is about heartbeats.
    const alarms = { runbook: 'https://x.test/r' };
    const { source, destination } = templates({ ...replication, alarms });

    expect(resources(source, 'AWS::Events::Rule')).toEqual([]);
    expect(resources(source, 'AWS::Lambda::EventInvokeConfig')).toEqual([]);
    // The replicate function, and the one that looks at deletes again.
    expect(resources(source, 'AWS::Lambda::Function')).toHaveLength(2);
    expect(statementsIn(source)).toEqual({});
    expect(JSON.stringify([source, destination])).not.toMatch(/heartbeat/i);
  });
});

describe('the function', () => {
  it('is small, ends within half a minute, and knows its replication', () => {
    expect(heartbeat?.Properties).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      MemorySize: 256,
      Timeout: 30,
    });
    expect(deploymentIn(heartbeat?.Properties ?? {}).replication).toMatchObject({
      ...EXISTING,
      heartbeat: { key: TEXT_KEY },
    });
  });

  it('is not called again when it fails: the next heartbeat comes in a minute', () => {
    expect(only(template, 'AWS::Lambda::EventInvokeConfig').Properties).toMatchObject({
      FunctionName: { Ref: functionId },
      MaximumRetryAttempts: 0,
      MaximumEventAgeInSeconds: 60,
    });
  });

  it('is called every minute, by its own rule alone', () => {
    const rule = only(template, 'AWS::Events::Rule');

    expect(rule.Properties).toMatchObject({
      ScheduleExpression: 'rate(1 minute)',
      State: 'ENABLED',
      Targets: [{ Arn: getAtt(functionId ?? '', 'Arn') }],
    });
    expect(only(template, 'AWS::Lambda::Permission').Properties).toEqual({
      Action: 'lambda:InvokeFunction',
      FunctionName: getAtt(functionId ?? '', 'Arn'),
      Principal: 'events.amazonaws.com',
      SourceArn: getAtt(rule.id, 'Arn'),
    });
  });
});

describe('its role', () => {
  const ownItem = {
    Condition: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': Object.values(TEXT_KEY) } },
  };
  const write = {
    Effect: 'Allow',
    Action: ['dynamodb:GetItem', 'dynamodb:PutItem'],
    Resource: tableArn('us-east-1', 'Orders'),
  };
  const read = {
    Effect: 'Allow',
    Action: 'dynamodb:GetItem',
    Resource: tableArn('eu-west-1', 'OrdersTwin'),
  };

  it('may write and read its own item at the source, read it on the twin, and log', () => {
    const { WriteLogs, ...others } = statementsIn(template);

    expect(others).toEqual({
      WriteHeartbeat: [{ ...write, ...ownItem }],
      ReadTwin: [{ ...read, ...ownItem }],
    });
    expect(WriteLogs).toEqual([
      {
        Effect: 'Allow',
        Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: getAtt(logGroupId ?? '', 'Arn'),
      },
    ]);
    expect(logGroup?.Properties['RetentionInDays']).toBe(30);
  });

  it('is held by the function, and nothing is attached to it elsewhere', () => {
    const [roleId] =
      resources(template, 'AWS::IAM::Role').find(([, { Properties }]) =>
        String(Properties['Description']).includes('the heartbeat function'),
      ) ?? [];

    expect(heartbeat?.Properties['Role']).toEqual(getAtt(roleId ?? '', 'Arn'));
    expect(resources(template, 'AWS::IAM::Policy')).toEqual([]);
    expect(
      resources(template, 'AWS::IAM::Role').filter(
        ([, { Properties }]) => Properties['ManagedPolicyArns'] !== undefined,
      ),
    ).toEqual([]);
  });

  it('is not narrowed to an item whose key has a number', () => {
    const { WriteHeartbeat, ReadTwin } = statementsIn(templates(BEATING).source);

    expect(WriteHeartbeat).toEqual([write]);
    expect(ReadTwin).toEqual([read]);
  });

  it('may use the tables’ own keys, each in its Region', () => {
    const keyArn = (region: string) =>
      `arn:aws:kms:${region}:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111`;
    const { source } = templates({
      ...EXISTING,
      source: { ...EXISTING.source, kmsKeyArn: keyArn('us-east-1') },
      destination: { ...EXISTING.destination, kmsKeyArn: keyArn('eu-west-1') },
      heartbeat: { key: TEXT_KEY },
    });

    const { WriteHeartbeat, ReadTwin } = statementsIn(source);
    expect(WriteHeartbeat).toContainEqual(useOfKey(keyArn('us-east-1'), 'us-east-1'));
    expect(ReadTwin).toContainEqual(useOfKey(keyArn('eu-west-1'), 'eu-west-1'));
  });
});
