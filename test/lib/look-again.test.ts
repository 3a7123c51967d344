// What is deployed to look at deletes again: a queue that loses nothing, and a function that can do no more
// than delete what has come back.

import { rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { deploymentIn } from '../fixtures/deployment.ts';
import { handlerSettings } from '../../src/config/handler-settings.ts';
import {
  CREATED,
  getAtt,
  only,
  resources,
  tableArn,
  templates,
  temporary,
} from './stack-templates.ts';

afterAll(() => rmSync(temporary, { recursive: true }));

const { source } = templates(CREATED);
const queue = only(source, 'AWS::SQS::Queue', 'ReplicatorLookAgainQueue');
const lookAgain = only(source, 'AWS::Lambda::Function', 'LookAgain');
const mapping = only(source, 'AWS::Lambda::EventSourceMapping', 'LookAgain');

describe('the queue', () => {
  it('keeps messages for as long as SQS does, encrypted, and has nowhere to put them aside', () => {
    expect(queue).toMatchObject({
      Properties: {
        QueueName: 'ferry-orders-look-again',
        MessageRetentionPeriod: 14 * 24 * 60 * 60,
        SqsManagedSseEnabled: true,
      },
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
    expect(queue.Properties).not.toHaveProperty('RedrivePolicy');
  });

  it('hides a message for six times as long as the function may take', () => {
    const { VisibilityTimeout } = queue.Properties;

    expect(VisibilityTimeout).toBeGreaterThanOrEqual(6 * Number(lookAgain.Properties['Timeout']));
  });

  it('is known to the replicate function, with its delay and its stream', () => {
    const { Properties } = only(source, 'AWS::Lambda::Function', 'Replicator');
    const { replication, ...places } = deploymentIn(Properties);

    expect(handlerSettings(replication, places)).toMatchObject({
      lookAgainQueueUrl: queue.id,
      lookAgainSeconds: 125,
      streamArn: `${only(source, 'AWS::DynamoDB::GlobalTable').id}.StreamArn`,
    });
  });
});

describe('the function', () => {
  it('gets messages, two invocations at a time, and says which ones must come back', () => {
    expect(mapping.Properties).toMatchObject({
      EventSourceArn: getAtt(queue.id, 'Arn'),
      FunctionName: { Ref: lookAgain.id },
      ScalingConfig: { MaximumConcurrency: 2 },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      // Without it, nothing counts the messages that fail.
      MetricsConfig: { Metrics: ['EventCount'] },
    });
  });

  it('may read and delete at the twin, and write nothing', () => {
    const [twin, state] = [
      tableArn('eu-west-1', 'OrdersTwin'),
      tableArn('eu-west-1', 'ferry-orders-state'),
    ];
    const { Policies } = only(source, 'AWS::IAM::Role', 'LookAgain').Properties as {
      Policies: Array<{ PolicyName: string; PolicyDocument: { Statement: object[] } }>;
    };
    const statements = Object.fromEntries(
      Policies.map(({ PolicyName, PolicyDocument }) => [PolicyName, PolicyDocument.Statement]),
    );

    expect(statements).toMatchObject({
      ReceiveAnnouncements: [
        {
          Action: ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'],
          Resource: getAtt(queue.id, 'Arn'),
        },
      ],
      LookAtTwin: [
        { Action: ['dynamodb:BatchGetItem', 'dynamodb:DeleteItem'], Resource: twin },
        { Action: ['dynamodb:ConditionCheckItem', 'dynamodb:GetItem'], Resource: state },
      ],
    });
    expect(Object.keys(statements)).toEqual(['WriteLogs', 'ReceiveAnnouncements', 'LookAtTwin']);
  });
});

describe('with "strict" tombstones', () => {
  const strict = templates({ ...CREATED, tombstones: 'strict' });

  it('there is nothing of it', () => {
    expect(JSON.stringify(strict)).not.toMatch(/look-?again(?!Seconds|_SECONDS)/i);
    expect(resources(strict.source, 'AWS::SQS::Queue')).toHaveLength(1);
    expect(resources(strict.source, 'AWS::Lambda::Function')).toHaveLength(1);
  });
});

it('"eventSource": { "enabled": false } keeps the mapping on the stream off', () => {
  const off = templates({ ...CREATED, eventSource: { enabled: false } });
  const enabled = (template: typeof source) =>
    only(template, 'AWS::Lambda::EventSourceMapping', 'Replicator').Properties['Enabled'];

  expect(enabled(off.source)).toBe(false);
  expect(enabled(source)).toBe(true);
});
