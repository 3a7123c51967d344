// A replication that reads a Kinesis stream, as it is deployed: in each partition, from a file and from props.

import { rmSync } from 'node:fs';
import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import {
  ApproximateCreationDateTimePrecision,
  AttributeType,
  Table,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb';
import { Stream, StreamEncryption } from 'aws-cdk-lib/aws-kinesis';
import { Key } from 'aws-cdk-lib/aws-kms';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, describe, expect, it } from 'vitest';
import { Replication, type ReplicationProps } from '../../lib/index.ts';
import { functionVariables, readDeployment } from '../../src/config/function-variable.ts';
import { handlerSettings } from '../../src/config/handler-settings.ts';
import { FUNCTION_VARIABLE } from '../../src/config/names.ts';
import {
  appOf,
  emptyApp,
  only,
  replicationOf,
  resources,
  statements,
  stackOf,
  temporary,
  type TemplateJson,
} from './stack-templates.ts';

afterAll(() => rmSync(temporary, { recursive: true }));

const KEY = 'arn:aws:kms:us-east-1:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111';

interface Place {
  readonly partition: string;
  readonly region: string;
  readonly twin: string;
}

const PLACES: ReadonlyArray<Place & { readonly stores: boolean }> = [
  { partition: 'aws', region: 'us-east-1', twin: 'eu-west-1', stores: true },
  { partition: 'aws-cn', region: 'cn-north-1', twin: 'cn-northwest-1', stores: false },
  { partition: 'aws-us-gov', region: 'us-gov-west-1', twin: 'us-gov-east-1', stores: false },
];

const arnIn = ({ partition, region }: Place) =>
  `arn:${partition}:kinesis:${region}:111122223333:stream/order-changes`;
const replicationIn = (place: Place, source: object = {}, more: object = {}) => ({
  name: 'orders',
  source: {
    region: place.region,
    table: 'Orders',
    kinesisStreamArn: arnIn(place),
    kinesisRetentionHours: 168,
    ...source,
  },
  destination: { region: place.twin, table: 'OrdersTwin' },
  heartbeat: { key: { pk: 'ferry-heartbeat' } },
  bulk: true,
  ...more,
});

/** With every check of cdk-nag, which stops at a finding. */
function sourceStack(replication: object): TemplateJson {
  const stack = appOf(replication).synth().getStackByName('ferry-orders-source');
  return stack.template as TemplateJson;
}

const mappingIn = (template: TemplateJson) =>
  only(template, 'AWS::Lambda::EventSourceMapping', 'Replicator').Properties;
const alarmIn = (template: TemplateJson, name: string) =>
  resources(template, 'AWS::CloudWatch::Alarm').find(
    ([, { Properties }]) => Properties['AlarmName'] === `ferry-orders-${name}`,
  )?.[1].Properties;

describe.each(PLACES)('in $partition, the stack of the source', (place) => {
  const template = sourceStack(replicationIn(place));

  it('reads the Kinesis stream from its oldest record, and gives up nothing unseen', () => {
    const failures = place.stores
      ? only(template, 'AWS::S3::Bucket').id
      : only(template, 'AWS::SQS::Queue', 'ReplicatorDeadLetterQueue').id;

    expect(mappingIn(template)).toEqual({
      EventSourceArn: arnIn(place),
      FunctionName: { Ref: only(template, 'AWS::Lambda::Function', 'Replicator').id },
      Enabled: true,
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 1_000,
      MaximumBatchingWindowInSeconds: 0,
      ParallelizationFactor: 1,
      MaximumRetryAttempts: -1,
      MaximumRecordAgeInSeconds: (place.stores ? 140 : 84) * 3_600,
      BisectBatchOnFunctionError: true,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ...(place.stores && { MetricsConfig: { Metrics: ['EventCount'] } }),
      DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': [failures, 'Arn'] } } },
    });
  });

  it('lets the function read that stream, and neither the table nor its own stream', () => {
    const { ReadStream = [], ...others } = statements(template);

    expect(ReadStream).toEqual([
      {
        Action: [
          'kinesis:DescribeStream',
          'kinesis:DescribeStreamSummary',
          'kinesis:GetRecords',
          'kinesis:GetShardIterator',
          'kinesis:ListShards',
        ],
        Effect: 'Allow',
        Resource: arnIn(place),
      },
      { Action: 'kinesis:ListStreams', Effect: 'Allow', Resource: '*' },
    ]);
    expect(JSON.stringify(others)).not.toMatch(/kinesis|dynamodb:(\w+Stream|GetRecords)/);
  });

  it('has alarms by the time that the stream keeps a record, and one for tied records', () => {
    const expiring = place.stores ? 84 : 42;

    expect(alarmIn(template, 'iterator-expiring')).toMatchObject({
      MetricName: 'IteratorAge',
      Threshold: expiring * 3_600_000,
      AlarmDescription: expect.stringContaining(
        `waited in the stream for ${expiring} hours. Act now: the stream keeps them for 7 days.`,
      ) as unknown,
    });
    expect(alarmIn(template, 'records-waiting')).toMatchObject({
      Threshold: 3_600_000,
      AlarmDescription: expect.stringContaining('keeps them for 7 days') as unknown,
    });
    expect(alarmIn(template, 'tied-records')).toMatchObject({
      MetricName: 'TiedRecords',
      Statistic: 'Sum',
      Threshold: 1,
      AlarmDescription: expect.stringContaining('ferry verify, then ferry repair') as unknown,
    });
  });

  it('shows on the dashboard what only such a stream has', () => {
    const body = JSON.stringify(only(template, 'AWS::CloudWatch::Dashboard').Properties);

    expect(body).toContain('TiedRecords');
    expect(body).toContain('ForeignRecords');
    expect(body).toContain('The stream keeps records for 7 days.');
    expect(body).toContain('## Tied records');
    expect(body).not.toContain('Measured in whole seconds');
  });

  it('tells the function the stream and the table, and how long deletes are remembered', () => {
    const { Environment } = only(template, 'AWS::Lambda::Function', 'Replicator').Properties as {
      Environment: { Variables: Record<string, unknown> };
    };
    const text = JSON.stringify(Environment.Variables[FUNCTION_VARIABLE]);

    expect(text).toContain(arnIn(place));
    const replication = replicationOf(replicationIn(place));
    const places = {
      streamArn: arnIn(place),
      deadLetterQueueUrl: 'a',
      onFailureBucket: 'b',
      lookAgainQueueUrl: 'c',
    };
    const read = readDeployment(functionVariables({ replication, ...places }));
    expect(handlerSettings(read.replication, read)).toMatchObject({
      streamArn: `${arnIn(place)}/table/Orders`,
      arrival: 'any-order',
      tombstoneLifeSeconds: 15 * 86_400,
    });
  });
});

describe('what a Kinesis stream brings about', () => {
  const here = PLACES[0] as Place;

  it('is no highest age where Lambda could not wait for as long as the stream keeps a record', () => {
    const mapping = mappingIn(sourceStack(replicationIn(here, { kinesisRetentionHours: 8_760 })));

    expect(mapping).not.toHaveProperty('MaximumRecordAgeInSeconds');
  });

  it('is the use of its key, through Kinesis in its Region', () => {
    const { ReadStream = [] } = statements(
      sourceStack(replicationIn(here, { kinesisKmsKeyArn: KEY })),
    );

    expect(ReadStream.at(-1)).toEqual({
      Action: 'kms:Decrypt',
      Condition: { StringEquals: { 'kms:ViaService': ['kinesis.us-east-1.amazonaws.com'] } },
      Effect: 'Allow',
      Resource: KEY,
    });
  });

  it('is no alarm and no graph of a replication without one', () => {
    const ofTable = {
      region: 'us-east-1',
      table: 'Orders',
      streamArn:
        'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000',
    };
    const template = sourceStack({ ...replicationIn(here), source: ofTable });

    expect(alarmIn(template, 'tied-records')).toBeUndefined();
    expect(JSON.stringify(template)).not.toMatch(/TiedRecords|ForeignRecords|kinesis/i);
  });
});

describe('the construct', () => {
  const US = { env: { region: 'us-east-1' } };
  const destination = { region: 'eu-west-1', tableName: 'OrdersTwin' };
  const tableArn = 'arn:aws:dynamodb:us-east-1:111122223333:table/Orders';
  const partitionKey = { name: 'pk', type: AttributeType.STRING };
  const kinesisStream = { streamArn: arnIn(PLACES[0] as Place) };
  const kinesisRetention = Duration.days(30);

  function replicate(
    props: Partial<ReplicationProps> | ((stack: Stack) => Partial<ReplicationProps>),
  ) {
    const app = emptyApp();
    const stack = new Stack(app, 'Stack', US);
    const source = { tableArn };
    const own = typeof props === 'function' ? props(stack) : props;
    const replication = new Replication(stack, 'Orders', { source, destination, ...own });
    return { app, stack, replication };
  }

  it('takes the ARN of a stream, and the table without one', () => {
    const { replication } = replicate({ kinesisStream, kinesisRetention });

    expect(replication.config).toMatchObject({
      source: {
        table: 'Orders',
        kinesisStreamArn: kinesisStream.streamArn,
        kinesisRetentionHours: 720,
      },
      eventSource: { maxRecordAgeSeconds: -1 },
    });
    expect(replication.config.source.streamArn).toBeUndefined();
  });

  it.each<[string, (stack: Stack, stream: Stream) => Table | TableV2]>([
    [
      'a table',
      (stack, stream) =>
        new Table(stack, 'Table', {
          partitionKey,
          kinesisStream: stream,
          pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
        }),
    ],
    [
      'a global table',
      (stack, stream) =>
        new TableV2(stack, 'Table', {
          partitionKey,
          kinesisStream: stream,
          pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
        }),
    ],
  ])('takes a stream of the app with its key, from %s that sends its changes there', (_, make) => {
    const { app, stack } = replicate((own) => {
      const encryptionKey = new Key(own, 'Key', {
        enableKeyRotation: true,
        removalPolicy: RemovalPolicy.DESTROY,
      });
      const stream = new Stream(own, 'Changes', {
        encryption: StreamEncryption.KMS,
        encryptionKey,
        retentionPeriod: Duration.days(7),
      });
      Validations.of(stream).acknowledge({ id: 'AwsSolutions-KDS3', reason: 'It has a key.' });
      return {
        source: make(own, stream),
        kinesisStream: stream,
        kinesisRetention: Duration.days(7),
      };
    });
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

    app.synth();

    const template = Template.fromStack(stack).toJSON() as TemplateJson;
    const mapping = resources(template, 'AWS::Lambda::EventSourceMapping').find(([id]) =>
      id.startsWith('OrdersReplicator'),
    );
    const stream = only(template, 'AWS::Kinesis::Stream');
    expect(mapping?.[1].Properties).toMatchObject({
      EventSourceArn: { 'Fn::GetAtt': [stream.id, 'Arn'] },
      MaximumRecordAgeInSeconds: 504_000,
    });
    const role = only(template, 'AWS::IAM::Role', 'OrdersReplicator').Properties;
    expect(JSON.stringify(role)).toContain(
      JSON.stringify({ 'Fn::GetAtt': [only(template, 'AWS::KMS::Key').id, 'Arn'] }),
    );
  });

  it('keeps streams apart that only the deployment names', () => {
    const stack = new Stack(emptyApp(), 'Stack', US);
    const arns = ['A', 'B'].map((id) => {
      const stream = new Stream(stack, id);
      const more = { kinesisStream: stream, kinesisRetention, name: id.toLowerCase() };
      const twin = { ...destination, tableName: `Twin${id}` };
      const source = { tableArn: `${tableArn}${id}` };
      const made = new Replication(stack, `Of${id}`, { source, destination: twin, ...more });
      return [made.config.source.kinesisStreamArn, stream.streamArn];
    });

    for (const [configured, own] of arns) expect(configured).toBe(own);
  });

  it.each<[string, Parameters<typeof replicate>[0], string]>([
    ['no retention', { kinesisStream }, 'kinesisRetention (in hours) is required'],
    ['a retention alone', { kinesisRetention }, 'kinesisRetention is for a kinesisStream'],
    [
      'a retention of more than a year',
      { kinesisStream, kinesisRetention: Duration.days(366) },
      'kinesisRetention (in hours) must be <= 8760, got 8784',
    ],
    ['no stream at all', {}, 'source has no stream'],
    [
      'a table that sends its changes nowhere',
      (stack) => ({
        source: new TableV2(stack, 'Table', { partitionKey }),
        kinesisStream,
        kinesisRetention,
      }),
      'does not send its changes to a Kinesis stream',
    ],
    [
      'a table that sends milliseconds',
      (stack) => ({
        source: new Table(stack, 'Table', {
          partitionKey,
          kinesisStream: new Stream(stack, 'Changes'),
          kinesisPrecisionTimestamp: ApproximateCreationDateTimePrecision.MILLISECOND,
        }),
        kinesisStream,
        kinesisRetention,
      }),
      'with milliseconds, and Ferry needs microseconds',
    ],
  ])('refuses %s', (_, props, problem) => {
    expect(() => replicate(props)).toThrow(problem);
  });
});

it('an app from a file has the stacks of a pair, and no other', () => {
  const app = appOf(replicationIn(PLACES[0] as Place));

  expect(stackOf(app, 'ferry-orders-source').region).toBe('us-east-1');
  expect(app.node.children.filter((one) => Stack.isStack(one))).toHaveLength(2);
});
