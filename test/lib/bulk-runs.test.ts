// What a replication with `"bulk": true` adds to its source stack, and that it adds nothing otherwise.

import { rmSync } from 'node:fs';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, describe, expect, it } from 'vitest';
import { buildApp } from '../../lib/app.ts';
import { parseConfig } from '../../src/config/config.ts';
import { deploymentIn } from '../fixtures/deployment.ts';
import { definitionIn } from '../fixtures/state-machine.ts';
import {
  EXISTING,
  emptyApp,
  getAtt,
  resources,
  stackOf,
  tableArn,
  templates,
  temporary,
} from './stack-templates.ts';

afterAll(() => rmSync(temporary, { recursive: true }));

/** Synthesized with the checks of cdk-nag, which stop at a finding. */
function sourceOf(replication: object): ReturnType<typeof templates>['source'] {
  const app = emptyApp();
  buildApp(app, parseConfig({ replications: [replication] }));
  app.synth();
  return Template.fromStack(stackOf(app, 'ferry-orders-source')).toJSON() as never;
}

const template = sourceOf({ ...EXISTING, bulk: true });
const [, bulkFunction] =
  resources(template, 'AWS::Lambda::Function').find(
    ([, { Properties }]) => Properties['FunctionName'] === 'ferry-orders-bulk',
  ) ?? [];
const [stateMachine] = resources(template, 'AWS::StepFunctions::StateMachine');

/** Statements of the role with this description, as action -> resources. */
function rights(description: string, source = template): Record<string, unknown[]> {
  const [, role] =
    resources(source, 'AWS::IAM::Role').find(([, { Properties }]) =>
      String(Properties['Description']).includes(description),
    ) ?? [];
  const policies = (role?.Properties['Policies'] ?? []) as Array<{
    PolicyDocument: { Statement: Array<{ Action: string | string[]; Resource: unknown }> };
  }>;
  const found: Record<string, unknown[]> = {};
  for (const { Action, Resource } of policies.flatMap((one) => one.PolicyDocument.Statement)) {
    for (const action of [Action].flat()) (found[action] ??= []).push(Resource);
  }
  return found;
}

describe('with `reconcile` and without `bulk`', () => {
  const scheduled = sourceOf({ ...EXISTING, reconcile: { every: '3 days', repair: true } });
  const [machines, functions] = ['AWS::StepFunctions::StateMachine', 'AWS::Lambda::Function'].map(
    (type) => resources(scheduled, type).map(([, { Properties }]) => Properties),
  );

  it('has the same function, and one state machine', () => {
    const names = functions?.map((one) => one['FunctionName']);
    expect(names).toContain('ferry-orders-bulk');
    expect(machines?.map((one) => one['StateMachineName'])).toEqual(['ferry-orders-reconcile']);
    // `bulk` is added to it later without another function of the same name.
    const idOf = (one: typeof template) =>
      resources(one, 'AWS::Lambda::Function').find(
        ([, { Properties }]) => Properties['FunctionName'] === 'ferry-orders-bulk',
      )?.[0];
    expect(idOf(scheduled)).toBe(idOf(template));
  });

  it('starts it every day, with a role that can start nothing else', () => {
    const [, rule] = resources(scheduled, 'AWS::Events::Rule')[0] ?? [];
    const [machineId = ''] = resources(scheduled, 'AWS::StepFunctions::StateMachine')[0] ?? [];
    expect(rule?.Properties).toMatchObject({
      ScheduleExpression: 'rate(1 day)',
      State: 'ENABLED',
      Targets: [{ Arn: { Ref: machineId }, Input: '{}' }],
    });
    const started = rights('the rule that starts comparisons', scheduled);
    expect(Object.keys(started)).toEqual(['states:StartExecution']);
    expect(JSON.stringify(started)).toContain(':stateMachine:ferry-orders-reconcile"');
    expect(resources(scheduled, 'AWS::IAM::Policy')).toEqual([]);
  });

  it('may run its own segments, and nothing else', () => {
    const found = rights('the state machine that compares', scheduled);
    for (const [action, resource] of [
      ['states:StartExecution', ':stateMachine:ferry-orders-reconcile"'],
      ['states:StopExecution', ':execution:ferry-orders-reconcile:*"'],
      ['states:RedriveExecution', ':execution:ferry-orders-reconcile/Segments:*"'],
    ] as const)
      expect(JSON.stringify(found[action])).toContain(resource);
  });

  it('compares by the map of bulk runs, whose failure the end of the run notes', () => {
    const definition = definitionIn(scheduled, 'ferry-orders-reconcile');
    const { ['Segments']: map, ...states } = definition.States;

    expect(definition.StartAt).toBe('StartRun');
    const { End: _, ...ofBulkRuns } = {
      End: true,
      ...definitionIn(template, 'ferry-orders-bulk').States['Segments'],
    };
    expect(map).toMatchObject({
      ...ofBulkRuns,
      Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'EndRun' }],
      Next: 'EndRun',
    });
    expect(Object.keys(states).toSorted()).toEqual([
      'EndRun',
      'HasRunEnded',
      'IsRunDue',
      'NotDue',
      'RunEnded',
      'RunFailed',
      'StartRun',
    ]);
  });

  it.each([
    ['differences', { MetricName: 'Differences', Threshold: 1 }, 'notBreaching'],
    [
      'reconciliation-overdue',
      { MetricName: 'ReconciliationAge', Threshold: 2 * 3 * 86_400_000 },
      'missing',
    ],
  ])('has the alarm %s, which looks at a day and two hours', (anchor, expected, missing) => {
    const [, alarm] =
      resources(scheduled, 'AWS::CloudWatch::Alarm').find(
        ([, { Properties }]) => Properties['AlarmName'] === `ferry-orders-${anchor}`,
      ) ?? [];

    expect(alarm?.Properties).toMatchObject({
      ...expected,
      Period: 3_600,
      EvaluationPeriods: 26,
      DatapointsToAlarm: 1,
      TreatMissingData: missing,
    });
  });
});

it('adds nothing unless it is asked for', () => {
  const without = sourceOf(EXISTING);

  expect(resources(without, 'AWS::StepFunctions::StateMachine')).toEqual([]);
  // The replicate function, and the one that looks at deletes again.
  expect(resources(without, 'AWS::Lambda::Function')).toHaveLength(2);
});

describe('the function', () => {
  it('has as long as Lambda gives, and knows its tables from the configuration', () => {
    expect(bulkFunction?.Properties).toMatchObject({ Timeout: 900, Runtime: 'nodejs24.x' });
    expect(deploymentIn(bulkFunction?.Properties ?? {}).replication).toMatchObject(EXISTING);
  });

  it('may read both tables, and write no more than copies, redriven records and checkpoints', () => {
    const source = tableArn('us-east-1', 'Orders');
    const twin = tableArn('eu-west-1', 'OrdersTwin');
    const state = tableArn('eu-west-1', 'ferry-orders-state');
    const found = rights('the function for segments');

    expect(found['dynamodb:Scan']).toEqual([source, twin]);
    expect(found['dynamodb:GetItem']).toEqual([source, twin, state]);
    expect(found['dynamodb:BatchGetItem']).toEqual([source, twin, state]);
    expect(found['dynamodb:PutItem']).toEqual([twin, state]);
    // A delete of what the twin does not have is a check there.
    expect(found['dynamodb:ConditionCheckItem']).toEqual([twin, state]);
    // To re-synchronise what a ledger row refuses.
    expect(found['dynamodb:DeleteItem']).toEqual([twin]);
    expect(found['dynamodb:UpdateItem']).toEqual([state]);
    expect(JSON.stringify(found['s3:PutObject'])).toContain('/reports/*');
    for (const action of ['s3:GetObject', 's3:DeleteObject'])
      expect(JSON.stringify(found[action])).toMatch(/\/aws\/lambda\/\*"\]\]\}\]$/);
    const actions = Object.keys(found).filter((action) => !action.startsWith('logs:'));
    expect(actions.toSorted()).toEqual([
      'dynamodb:BatchGetItem',
      'dynamodb:ConditionCheckItem',
      'dynamodb:DeleteItem',
      'dynamodb:DescribeTable',
      'dynamodb:DescribeTimeToLive',
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:Scan',
      'dynamodb:UpdateItem',
      's3:DeleteObject',
      's3:GetObject',
      's3:ListBucket',
      's3:PutObject',
      'sqs:SendMessage',
    ]);
    expect(Object.values(found).flat()).not.toContain('*');
  });
});

describe('the state machine', () => {
  const definition = stateMachine?.[1].Properties['DefinitionString'] as
    | { 'Fn::Join': [string, [string, object, string]] }
    | undefined;
  const [first, functionArn, rest] = definition?.['Fn::Join'][1] ?? [];
  const { States } = JSON.parse(`${first}FUNCTION${rest}`) as {
    States: { Segments: Record<string, unknown> & { ItemProcessor: Record<string, unknown> } };
  };
  const { ItemProcessor, ...map } = States.Segments;

  it('gives each segment a run of its own, as many at once as its input says', () => {
    expect(map).toMatchObject({
      Type: 'Map',
      ItemsPath: '$.segments',
      MaxConcurrencyPath: '$.workers',
      ItemSelector: { 'segment.$': '$$.Map.Item.Value', 'task.$': '$.task' },
      ResultPath: null,
    });
    expect(ItemProcessor['ProcessorConfig']).toEqual({
      Mode: 'DISTRIBUTED',
      ExecutionType: 'STANDARD',
    });
  });

  it('calls the function until the segment is done, and again when a call fails', () => {
    expect(functionArn).toEqual(
      getAtt(
        resources(template, 'AWS::Lambda::Function').find(([, one]) => one === bulkFunction)?.[0] ??
          '',
        'Arn',
      ),
    );
    expect(ItemProcessor['StartAt']).toBe('WorkOnSegment');
    expect(ItemProcessor['States']).toMatchObject({
      WorkOnSegment: {
        Resource: 'FUNCTION',
        Next: 'IsSegmentDone',
        Retry: [
          {
            ErrorEquals: ['Lambda.TooManyRequestsException'],
            MaxAttempts: 100_000,
            JitterStrategy: 'FULL',
          },
          { ErrorEquals: ['FerryError', 'UsageError'], MaxAttempts: 0 },
          { ErrorEquals: ['States.ALL'], MaxAttempts: 10 },
        ],
      },
      IsSegmentDone: {
        Choices: [{ Variable: '$.done', BooleanEquals: true, Next: 'SegmentDone' }],
        Default: 'WorkOnSegment',
      },
      SegmentDone: { Type: 'Succeed', OutputPath: null },
    });
  });

  it('may call this function and run its own segments, and nothing else', () => {
    const found = rights('the state machine');

    expect(found['lambda:InvokeFunction']).toEqual([functionArn]);
    expect(JSON.stringify(found['states:StartExecution'])).toContain(
      ':stateMachine:ferry-orders-bulk"',
    );
    expect(JSON.stringify(found['states:StopExecution'])).toContain(
      ':execution:ferry-orders-bulk:*"',
    );
    expect(resources(template, 'AWS::IAM::Policy')).toEqual([]);
  });

  it('may redrive its own segments, so that an operator can redrive a failed run', () => {
    const found = rights('the state machine')['states:RedriveExecution'];

    expect(map['Label']).toBe('Segments');
    expect(found).toHaveLength(1);
    expect(JSON.stringify(found)).toContain(':execution:ferry-orders-bulk/Segments:*"');
  });

  it('keeps what it handles out of its logs', () => {
    expect(stateMachine?.[1].Properties).toMatchObject({
      TracingConfiguration: { Enabled: true },
      LoggingConfiguration: { IncludeExecutionData: false, Level: 'ALL' },
    });
  });
});
