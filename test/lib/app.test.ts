// What the stacks promise, read from the templates that a synthesis writes. All template tests are
// in this one file, because each process that synthesizes starts CloudFormation's validator anew.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stack, Validations } from 'aws-cdk-lib';
import type { CfnEventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import cdk from '../../cdk.json' with { type: 'json' };
import schema from '../../ferry.schema.json' with { type: 'json' };
import { Replication } from '../../lib/replication.ts';
import { ReplicationDestination } from '../../lib/replication-destination.ts';
import { StreamReplicator } from '../../lib/stream-replicator.ts';
import { METRIC_DIMENSIONS } from '../../src/config/names.ts';
import { functionDirectory } from '../../src/package-files.ts';
import { deploymentIn } from '../fixtures/deployment.ts';
import {
  appOf,
  BEATING,
  CHINA,
  COMPOSITE_KEY,
  CREATED,
  EXISTING,
  emptyApp,
  getAtt,
  only,
  protectedTable,
  replicationOf,
  resources,
  stackOf,
  statements,
  STREAM_ARN,
  tableArn,
  tableNamed,
  templates,
  temporary,
  useOfKey,
  violations,
} from './stack-templates.ts';

const created = templates(CREATED);

afterAll(() => rmSync(temporary, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

describe('the app', () => {
  it('makes a pair of stacks per replication, each in its Region, the destination first', () => {
    const assembly = appOf(CREATED, {
      ...EXISTING,
      name: 'copy',
      destination: { region: 'eu-west-1', table: 'OrdersCopy' },
    }).synth();

    const stacks = assembly.stacks.map(({ stackName, environment, dependencies }) => {
      const others = dependencies.map(({ id }) => id).filter((id) => !id.endsWith('.assets'));
      return [stackName, { region: environment.region, after: others }];
    });
    expect(Object.fromEntries(stacks)).toEqual({
      'ferry-orders-destination': { region: 'eu-west-1', after: [] },
      'ferry-orders-source': { region: 'us-east-1', after: ['ferry-orders-destination'] },
      'ferry-copy-destination': { region: 'eu-west-1', after: [] },
      'ferry-copy-source': { region: 'us-east-1', after: ['ferry-copy-destination'] },
    });
  });

  it('deploys the replication that creates a table before the one whose twin it is', () => {
    const [region, table] = ['eu-west-1', 'OrdersTwin'];
    const { partitionKey, sortKey } = CREATED.source;
    const twin = { ...CREATED, destination: { region, table } };
    const onward = {
      name: 'onward',
      source: { region, table, create: true, partitionKey, sortKey },
      destination: { region: 'ap-south-1', table: 'OrdersCopy' },
    };

    const { stacks } = appOf(twin, onward).synth();

    const { dependencies = [] } =
      stacks.find(({ stackName }) => stackName === 'ferry-orders-source') ?? {};
    const others = dependencies.map(({ id }) => id).filter((id) => !id.endsWith('.assets'));
    expect(others.toSorted()).toEqual(['ferry-onward-source', 'ferry-orders-destination']);
  });

  it('needs no look-up in an account', () => {
    const assembly = appOf(CREATED).synth();

    expect(assembly.manifest.missing).toBeUndefined();
    expect(assembly.stacks.map(({ environment }) => environment.account)).toEqual([
      'unknown-account',
      'unknown-account',
    ]);
  });

  it('keeps its resources and their logical ids', () => {
    const listing = Object.values(created).flatMap(({ Resources }) =>
      Object.entries(Resources).map(([id, { Type }]) => `${Type} ${id}`),
    );

    expect(listing.toSorted()).toMatchInlineSnapshot(`
      [
        "AWS::CloudWatch::Alarm Alarmsbatchesgivenup699FE222",
        "AWS::CloudWatch::Alarm Alarmsbatcheslost12AFCF72",
        "AWS::CloudWatch::Alarm AlarmsdeadlettersBB234E26",
        "AWS::CloudWatch::Alarm Alarmsdeliveriesfailed3AE5785B",
        "AWS::CloudWatch::Alarm Alarmsdestinationdenied652D1BF8",
        "AWS::CloudWatch::Alarm AlarmsdestinationthrottledDC62E916",
        "AWS::CloudWatch::Alarm AlarmsdestinationunreachableE66E1864",
        "AWS::CloudWatch::Alarm Alarmsfunctionerrors0DA455FF",
        "AWS::CloudWatch::Alarm AlarmsfunctionthrottledD0497AC9",
        "AWS::CloudWatch::Alarm Alarmsiteratorexpiring2CB15A23",
        "AWS::CloudWatch::Alarm AlarmsiteratorwaitingCD8AB4E2",
        "AWS::CloudWatch::Alarm Alarmslatencyhigh799F4536",
        "AWS::CloudWatch::Alarm AlarmslookagainageCF4282A3",
        "AWS::CloudWatch::Alarm Alarmslookagainfailing739A2DA5",
        "AWS::CloudWatch::Alarm Alarmsrecordsexpiring0DBD4EA6",
        "AWS::CloudWatch::Alarm Alarmsrecordsheld27B3B27D",
        "AWS::CloudWatch::Alarm AlarmsrecordswaitingFED9E96E",
        "AWS::CloudWatch::Alarm Alarmsrevenants9C87ED9F",
        "AWS::CloudWatch::CompositeAlarm AlarmsdegradedC50BE7F0",
        "AWS::CloudWatch::Dashboard MonitoringDashboard0C3675C6",
        "AWS::DynamoDB::GlobalTable SourceTable70380C26",
        "AWS::DynamoDB::GlobalTable StateTable9728C7E5",
        "AWS::DynamoDB::GlobalTable TwinTable403B3160",
        "AWS::IAM::Role LookAgainRole9A7A7B3B",
        "AWS::IAM::Role ReplicatorRoleE430B2D7",
        "AWS::Lambda::EventSourceMapping LookAgainEventSourceMapping37B3EACF",
        "AWS::Lambda::EventSourceMapping ReplicatorEventSourceMapping6D050486",
        "AWS::Lambda::Function LookAgainFunction15651BD2",
        "AWS::Lambda::Function ReplicatorFunctionA0EEF2DF",
        "AWS::Logs::LogGroup HistoryC127576E",
        "AWS::Logs::LogGroup LookAgainLogGroup2082D9BA",
        "AWS::Logs::LogGroup ReplicatorLogGroup45B9ACC0",
        "AWS::S3::Bucket ReplicatorOnFailureBucket8E6EE5D9",
        "AWS::S3::BucketPolicy ReplicatorOnFailureBucketPolicy379EC653",
        "AWS::SNS::Topic AlarmsTopic3A2DFEBA",
        "AWS::SNS::TopicPolicy AlarmsTopicPolicyED3A875E",
        "AWS::SQS::Queue ReplicatorDeadLetterQueue15F8B699",
        "AWS::SQS::Queue ReplicatorLookAgainQueue0CF10CB9",
        "AWS::SQS::QueuePolicy ReplicatorDeadLetterQueuePolicy5D8FBBBB",
        "AWS::SQS::QueuePolicy ReplicatorLookAgainQueuePolicyED64255A",
      ]
    `);
  });

  it.each([
    ['created tables', CREATED],
    ['existing tables', EXISTING],
  ])('has no custom resource and no nested stack with %s', (_, replication) => {
    const types = Object.values(templates(replication)).flatMap(({ Resources }) =>
      Object.values(Resources).map(({ Type }) => Type),
    );

    expect(types).toContain('AWS::Lambda::EventSourceMapping');
    expect(types.filter((type) => /Custom|CloudFormation|CDK/.test(type))).toEqual([]);
    expect(types.filter((type) => type === 'AWS::Lambda::Function')).toHaveLength(2);
  });

  it('passes no value from stack to stack', () => {
    const text = JSON.stringify(created);

    expect(text).not.toMatch(/Fn::ImportValue|Fn::GetStackOutput|"Export"/);
  });

  it.each([
    ['us-east-1', 'eu-west-1'],
    ['cn-north-1', 'cn-northwest-1'],
    ['us-gov-west-1', 'us-gov-east-1'],
  ])('names no partition in the templates from %s to %s', (region, other) => {
    const text = JSON.stringify(
      templates({
        ...BEATING,
        source: { ...BEATING.source, region },
        destination: { ...BEATING.destination, region: other },
        bulk: true,
        alarms: { email: 'oncall@example.com' },
      }),
    );

    expect(text).toContain(region);
    expect(text).not.toMatch(/arn:aws/);
    expect(text).not.toMatch(/amazonaws\.com\.cn/);
  });

  it('repeats ARNs of the configuration and makes none up', () => {
    const text = JSON.stringify(templates(EXISTING)).replaceAll(STREAM_ARN, 'STREAM');

    expect(text).toContain('STREAM');
    expect(text).not.toMatch(/arn:aws/);
  });

  it('refuses a replication across partitions without credentials, where no role could have rights', () => {
    const across = { ...CREATED, destination: CHINA.destination };

    expect(() => appOf(across)).toThrow(
      expect.objectContaining({
        name: 'UsageError',
        message: expect.stringContaining(
          'destination.credentials is required for a destination in another partition, aws to aws-cn',
        ) as string,
      }),
    );
  });

  it('lets Regions pass that the CDK does not know yet', () => {
    const future = { ...CREATED, destination: { ...CREATED.destination, region: 'eu-future-9' } };

    expect(JSON.stringify(templates(future).source)).toContain(':dynamodb:eu-future-9:');
  });

  it('turns on every feature flag that this release of the CDK recommends', () => {
    const path = new URL(
      '../../node_modules/aws-cdk-lib/recommended-feature-flags.json',
      import.meta.url,
    );
    const recommended = JSON.parse(readFileSync(path, 'utf8')) as object;

    expect(cdk.context).toMatchObject(recommended);
    expect(cdk.context['@aws-cdk/core:validateAgainstDefaultRules']).toBe(true);
  });
});

describe('the checks at synthesis', () => {
  it.each([
    ['created tables', CREATED],
    ['existing tables', EXISTING],
    ['China Regions', CHINA],
    ['a heartbeat', BEATING],
  ])('find nothing with %s', (_, replication) => {
    const app = appOf(replication);

    app.synth();

    expect(violations(app)).toEqual([]);
  });

  it('stop at a finding that nobody has acknowledged', () => {
    const app = appOf(CREATED);
    const { node } = new Bucket(stackOf(app, 'ferry-orders-source'), 'Open');

    expect(() => app.synth()).toThrow(node.path);

    expect(violations(app)).toEqual(['AwsSolutions-S1', 'AwsSolutions-S10']);
  });

  it('stop at a value that CloudFormation would refuse', () => {
    const app = appOf(CREATED);
    const stack = stackOf(app, 'ferry-orders-source');
    const { eventSourceMapping } = stack.node.findChild('Default') as Replication;
    const mapping = eventSourceMapping.node.defaultChild as CfnEventSourceMapping;
    mapping.parallelizationFactor = 99;

    expect(() => app.synth()).toThrow(
      'ParallelizationFactor: 99 is greater than the maximum of 10',
    );
  });

  it('are answered where there is a finding, and nowhere else', () => {
    const acknowledged = vi.spyOn(Validations.prototype, 'acknowledge').mockReturnValue();

    const app = appOf(CREATED);

    const found = new AwsSolutionsChecks().validateScope(app).violations;
    // Two queues have one reason.
    const answered = new Set(acknowledged.mock.calls.flat().map(({ id }) => id));
    expect([...answered].toSorted()).toEqual(found.map(({ ruleName }) => ruleName).toSorted());
    expect(found).toHaveLength(4);
  });
});

describe('the destination stack', () => {
  it('makes the state table, protected, with expiring rows', () => {
    const table = tableNamed(created.destination, 'ferry-orders-state');

    expect(table).toMatchObject(
      protectedTable('eu-west-1', {
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      }),
    );
  });

  it('makes the twin, protected, with the keys of the configuration', () => {
    const table = tableNamed(created.destination, 'OrdersTwin');

    expect(table).toMatchObject(protectedTable('eu-west-1', COMPOSITE_KEY));
    expect(table.Properties).not.toHaveProperty('StreamSpecification');
    expect(table.Properties).not.toHaveProperty('TimeToLiveSpecification');
  });

  it('makes a twin with a lone binary key', () => {
    const partitionKey = { name: 'digest', type: 'B' };
    const destination = { region: 'eu-west-1', table: 'Twin', create: true, partitionKey };

    const { Properties } = tableNamed(templates({ ...EXISTING, destination }).destination, 'Twin');

    expect(Properties).toMatchObject({
      AttributeDefinitions: [{ AttributeName: 'digest', AttributeType: 'B' }],
      KeySchema: [{ AttributeName: 'digest', KeyType: 'HASH' }],
    });
  });

  it('makes only the state table, under its configured name, beside an existing twin', () => {
    const { destination } = templates({ ...EXISTING, stateTable: 'Tombstones' });

    expect(Object.keys(destination.Resources)).toHaveLength(1);
    expect(tableNamed(destination, 'Tombstones')).toBeDefined();
  });

  it('refuses to make a table without a key', () => {
    const unchecked = replicationOf(EXISTING);
    const config = {
      ...unchecked,
      destination: { ...unchecked.destination, create: true },
    };
    const stack = new Stack(emptyApp(), 'Stack');

    expect(() => new ReplicationDestination(stack, 'Default', { config })).toThrow(
      'Table OrdersTwin cannot be created without a partition key.',
    );
  });
});

describe('the source stack', () => {
  it('makes the source table, protected, with a stream of new images', () => {
    const table = tableNamed(created.source, 'Orders');

    expect(table).toMatchObject(
      protectedTable('us-east-1', {
        ...COMPOSITE_KEY,
        StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
      }),
    );
  });

  it('reads the stream of the table it makes', () => {
    const [[tableId] = []] = resources(created.source, 'AWS::DynamoDB::GlobalTable');

    const { Properties } = only(created.source, 'AWS::Lambda::EventSourceMapping', 'Replicator');

    expect(Properties['EventSourceArn']).toEqual(getAtt(String(tableId), 'StreamArn'));
  });

  it('reads the given stream of an existing table, and makes no table', () => {
    const { source } = templates(EXISTING);

    expect(
      only(source, 'AWS::Lambda::EventSourceMapping', 'Replicator').Properties['EventSourceArn'],
    ).toBe(STREAM_ARN);
    expect(Object.values(source.Resources).filter(({ Type }) => /DynamoDB/.test(Type))).toEqual([]);
  });

  it('tells operators where to look', () => {
    const { source } = created;
    const ref = (type: string, prefix = '') => ({ Value: { Ref: only(source, type, prefix).id } });

    expect(source.Outputs).toMatchObject({
      FunctionName: ref('AWS::Lambda::Function', 'Replicator'),
      EventSourceMappingId: ref('AWS::Lambda::EventSourceMapping', 'Replicator'),
      DeadLetterQueueUrl: ref('AWS::SQS::Queue', 'ReplicatorDeadLetterQueue'),
      OnFailureBucketName: ref('AWS::S3::Bucket'),
    });
  });

  it('refuses an existing table without a stream', () => {
    const { streamArn: _, ...source } = replicationOf(EXISTING).source;
    const config = { ...replicationOf(EXISTING), source };
    const stack = new Stack(emptyApp(), 'Stack');

    expect(() => new Replication(stack, 'Default', { config })).toThrow(
      'Table Orders in us-east-1 has no stream to read.',
    );
  });
});

describe('StreamReplicator', () => {
  it('runs the bundled handler on the current runtime, with the configured size and time', () => {
    const { source } = templates({
      ...CREATED,
      function: { memoryMiB: 1024, timeoutSeconds: 120 },
    });

    expect(only(source, 'AWS::Lambda::Function', 'Replicator').Properties).toMatchObject({
      FunctionName: 'ferry-orders-replicate',
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      MemorySize: 1024,
      Timeout: 120,
      LoggingConfig: {
        LogFormat: 'JSON',
        LogGroup: { Ref: only(source, 'AWS::Logs::LogGroup', 'Replicator').id },
      },
    });
  });

  it('ships the bundle and nothing that lies beside it', () => {
    const stray = join(functionDirectory('replicate'), `stray.${process.pid}`);
    writeFileSync(stray, 'half a bundle of another process');

    const { directory } = appOf(CREATED).synth();

    rmSync(stray);
    const assets = readdirSync(directory).filter((name) => name.startsWith('asset.'));
    const shipped = assets.map((name) => readdirSync(join(directory, name)));
    expect(shipped).toHaveLength(2);
    for (const names of shipped) {
      expect(names).toContain('index.mjs');
      expect(names.filter((name) => !name.endsWith('.mjs'))).toEqual([]);
    }
  });

  it('tells the handler all its settings', () => {
    const replication = {
      ...CREATED,
      destination: { ...CREATED.destination, endpoint: 'https://vpce-1.example.com' },
      stateTable: 'Tombstones',
      ttlDeletes: 'skip',
      unversionedItems: 'keep',
      reservedAttribute: '_v',
      timestampAttribute: 'writtenAt',
      function: { concurrency: 7 },
    };
    const { source } = templates(replication);
    const { Properties } = only(source, 'AWS::Lambda::Function', 'Replicator');

    expect(deploymentIn(Properties)).toEqual({
      replication: replicationOf(replication),
      deadLetterQueueUrl: only(source, 'AWS::SQS::Queue', 'ReplicatorDeadLetterQueue').id,
      lookAgainQueueUrl: only(source, 'AWS::SQS::Queue', 'ReplicatorLookAgainQueue').id,
      onFailureBucket: only(source, 'AWS::S3::Bucket').id,
      streamArn: `${only(source, 'AWS::DynamoDB::GlobalTable').id}.StreamArn`,
    });
  });

  it('keeps the history for 400 days, and when its stack is deleted', () => {
    const { source } = templates({ ...CREATED, function: { logRetentionDays: 7 } });

    expect(only(source, 'AWS::Logs::LogGroup', 'History')).toMatchObject({
      Properties: { LogGroupName: '/ferry/orders/history', RetentionInDays: 400 },
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
  });

  it('keeps the logs in a group of its own, for the configured time', () => {
    const { source } = templates({ ...CREATED, function: { logRetentionDays: 7 } });

    expect(only(source, 'AWS::Logs::LogGroup', 'Replicator')).toMatchObject({
      Properties: { LogGroupName: '/aws/lambda/ferry-orders-replicate', RetentionInDays: 7 },
      DeletionPolicy: 'Delete',
    });
  });

  it('knows every log retention that the configuration allows', () => {
    const allowed = schema.definitions.function.properties.logRetentionDays.enum;

    expect(allowed.filter((days) => RetentionDays[days] === undefined)).toEqual([]);
  });

  it('sends dead letters to an encrypted queue as large and patient as SQS allows', () => {
    expect(only(created.source, 'AWS::SQS::Queue', 'ReplicatorDeadLetterQueue')).toMatchObject({
      Properties: {
        QueueName: 'ferry-orders-dead-letters',
        MessageRetentionPeriod: 1_209_600,
        MaximumMessageSize: 1_048_576,
        SqsManagedSseEnabled: true,
      },
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
  });

  it('keeps failed batches in an encrypted, private bucket that outlives the stack', () => {
    expect(only(created.source, 'AWS::S3::Bucket')).toMatchObject({
      Properties: {
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [
            { ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } },
          ],
        },
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        LifecycleConfiguration: {
          Rules: [
            {
              Status: 'Enabled',
              ExpirationInDays: 90,
              AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
            },
          ],
        },
      },
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
    });
  });

  it.each([
    ['queue', 'AWS::SQS::QueuePolicy', 'sqs:*'],
    ['bucket', 'AWS::S3::BucketPolicy', 's3:*'],
  ])('refuses requests to the %s that are not encrypted in transit', (_, type, action) => {
    const [, policy] = resources(created.source, type)[0] ?? [];

    expect(policy?.Properties['PolicyDocument']).toMatchObject({
      Statement: [
        {
          Effect: 'Deny',
          Principal: { AWS: '*' },
          Action: action,
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
      ],
    });
  });

  it('gives the function exactly the rights it needs', () => {
    const { source } = created;
    const arn = (type: string, prefix = 'Replicator') =>
      getAtt(only(source, type, prefix).id, 'Arn');
    const [twin, state] = [
      tableArn('eu-west-1', 'OrdersTwin'),
      tableArn('eu-west-1', 'ferry-orders-state'),
    ];
    const scanOf = (Resource: unknown, ...attributes: string[]) => ({
      Effect: 'Allow',
      Action: 'dynamodb:Scan',
      Resource,
      Condition: {
        'ForAllValues:StringEquals': { 'dynamodb:Attributes': attributes },
        StringEquals: { 'dynamodb:Select': 'SPECIFIC_ATTRIBUTES' },
      },
    });
    const table = resources(source, 'AWS::DynamoDB::GlobalTable')[0]?.[0] ?? '';
    const bucket = arn('AWS::S3::Bucket');

    expect(statements(source)).toEqual({
      WriteLogs: [
        {
          Effect: 'Allow',
          Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
          Resource: arn('AWS::Logs::LogGroup'),
        },
      ],
      ReadStream: [
        {
          Effect: 'Allow',
          Action: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
          Resource: getAtt(table, 'StreamArn'),
        },
        { Effect: 'Allow', Action: 'dynamodb:ListStreams', Resource: '*' },
      ],
      WriteDestination: [
        {
          Effect: 'Allow',
          Action: ['dynamodb:DeleteItem', 'dynamodb:PutItem'],
          Resource: twin,
        },
        {
          Effect: 'Allow',
          Action: [
            'dynamodb:BatchGetItem',
            'dynamodb:ConditionCheckItem',
            'dynamodb:GetItem',
            'dynamodb:UpdateItem',
          ],
          Resource: state,
        },
      ],
      AdoptFirst: [
        { Effect: 'Allow', Action: 'dynamodb:DescribeTable', Resource: [twin, state] },
        scanOf(twin, '_ferry', 'pk', 'sk'),
        scanOf(state, 'id'),
        {
          Effect: 'Allow',
          Action: 'dynamodb:PutItem',
          Resource: state,
          Condition: {
            'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['orders#control'] },
          },
        },
      ],
      SendDeadLetters: [
        {
          Effect: 'Allow',
          Action: 'sqs:SendMessage',
          Resource: arn('AWS::SQS::Queue', 'ReplicatorDeadLetterQueue'),
        },
      ],
      AnnounceDeletes: [
        {
          Effect: 'Allow',
          Action: 'sqs:SendMessage',
          Resource: arn('AWS::SQS::Queue', 'ReplicatorLookAgainQueue'),
        },
      ],
      StoreFailedBatches: [
        { Effect: 'Allow', Action: 's3:ListBucket', Resource: bucket },
        {
          Effect: 'Allow',
          Action: 's3:PutObject',
          Resource: { 'Fn::Join': ['', [bucket, '/*']] },
        },
      ],
    });
  });

  it.each(['版', '${aws:username}'])(
    'names the reserved attribute %s in no policy, because IAM would refuse or misread it',
    (reservedAttribute) => {
      const { source } = templates({ ...CREATED, reservedAttribute });
      const { Policies } = only(source, 'AWS::IAM::Role', 'Replicator').Properties;

      expect(JSON.stringify(Policies)).not.toContain(reservedAttribute);
      expect(statements(source)['AdoptFirst']).toContainEqual({
        Effect: 'Allow',
        Action: 'dynamodb:Scan',
        Resource: tableArn('eu-west-1', 'OrdersTwin'),
        Condition: { StringEquals: { 'dynamodb:Select': 'SPECIFIC_ATTRIBUTES' } },
      });
    },
  );

  it('lets only Lambda take the role, and attaches no policy from elsewhere', () => {
    const { Properties } = only(created.source, 'AWS::IAM::Role', 'Replicator');

    expect(Properties).not.toHaveProperty('ManagedPolicyArns');
    expect(Properties['AssumeRolePolicyDocument']).toMatchObject({
      Statement: [
        {
          Effect: 'Allow',
          Action: 'sts:AssumeRole',
          Principal: { Service: 'lambda.amazonaws.com' },
        },
      ],
    });
    expect(resources(created.source, 'AWS::IAM::Policy')).toEqual([]);
    expect(resources(created.source, 'AWS::IAM::ManagedPolicy')).toEqual([]);
  });

  it('reads only the given stream of an existing table', () => {
    const { ReadStream } = statements(templates(EXISTING).source);

    expect(ReadStream).toEqual([
      expect.objectContaining({ Resource: STREAM_ARN }),
      expect.objectContaining({ Action: 'dynamodb:ListStreams', Resource: '*' }),
    ]);
  });

  it("uses the tables' own keys, and only through DynamoDB in their Regions", () => {
    const sourceKey = 'arn:aws:kms:us-east-1:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111';
    const twinKey = 'arn:aws:kms:eu-west-1:111122223333:key/44444444-dddd-4ddd-8ddd-444444444444';
    const { ReadStream, WriteDestination } = statements(
      templates({
        ...EXISTING,
        source: { ...EXISTING.source, kmsKeyArn: sourceKey },
        destination: { ...EXISTING.destination, kmsKeyArn: twinKey },
      }).source,
    );

    expect(ReadStream).toHaveLength(3);
    expect(ReadStream?.at(-1)).toEqual(useOfKey(sourceKey, 'us-east-1'));
    expect(WriteDestination).toHaveLength(3);
    expect(WriteDestination?.at(-1)).toEqual(useOfKey(twinKey, 'eu-west-1'));
  });

  it('lets Lambda read the stream from its oldest record, and give up nothing unseen', () => {
    const { source } = created;

    const { Properties } = only(source, 'AWS::Lambda::EventSourceMapping', 'Replicator');

    expect(Properties).toEqual({
      EventSourceArn: expect.anything(),
      FunctionName: { Ref: only(source, 'AWS::Lambda::Function', 'Replicator').id },
      Enabled: true,
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 1_000,
      MaximumBatchingWindowInSeconds: 0,
      ParallelizationFactor: 1,
      MaximumRetryAttempts: -1,
      MaximumRecordAgeInSeconds: 72_000,
      BisectBatchOnFunctionError: true,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      MetricsConfig: { Metrics: ['EventCount'] },
      DestinationConfig: {
        OnFailure: { Destination: getAtt(only(source, 'AWS::S3::Bucket').id, 'Arn') },
      },
    });
  });

  it('takes the event source settings from the configuration, up to batches of 10,000', () => {
    const app = appOf({
      ...CREATED,
      eventSource: {
        batchSize: 10_000,
        maxBatchingWindowSeconds: 5,
        parallelizationFactor: 10,
        retryAttempts: 3,
        maxRecordAgeSeconds: 3_600,
      },
    });

    const template = app.synth().getStackByName('ferry-orders-source')
      .template as typeof created.source;
    expect(
      only(template, 'AWS::Lambda::EventSourceMapping', 'Replicator').Properties,
    ).toMatchObject({
      BatchSize: 10_000,
      MaximumBatchingWindowInSeconds: 5,
      ParallelizationFactor: 10,
      MaximumRetryAttempts: 3,
      MaximumRecordAgeInSeconds: 3_600,
    });
  });

  it('starts reading only when the role and its rights are there', () => {
    const { source } = created;
    const [role, replicate, mapping] = [
      only(source, 'AWS::IAM::Role', 'Replicator'),
      only(source, 'AWS::Lambda::Function', 'Replicator'),
      only(source, 'AWS::Lambda::EventSourceMapping', 'Replicator'),
    ];

    expect(mapping.Properties['FunctionName']).toEqual({ Ref: replicate.id });
    expect(replicate.Properties['Role']).toEqual(getAtt(role.id, 'Arn'));
    expect(role.Properties['Policies']).toHaveLength(7);
  });

  it("names the handler's metrics with their dimensions", () => {
    const stack = new Stack(emptyApp(), 'Stack', { env: { region: 'us-east-1' } });
    const replication = new Replication(stack, 'Default', { config: replicationOf(EXISTING) });

    const { metricStat } = replication.metricReplicationLatency().toMetricConfig();

    expect(metricStat).toMatchObject({
      namespace: 'Ferry',
      metricName: 'ReplicationLatency',
      statistic: 'p99',
    });
    expect(metricStat?.dimensions?.map(({ name }) => name).toSorted()).toEqual(
      METRIC_DIMENSIONS.toSorted(),
    );
    expect(
      Object.fromEntries(metricStat?.dimensions?.map(({ name, value }) => [name, value]) ?? []),
    ).toEqual({ Replication: 'orders', SourceRegion: 'us-east-1', ReceivingRegion: 'eu-west-1' });
  });

  it('refuses to be far from its stream', () => {
    const stack = new Stack(emptyApp(), 'Stack', { env: { region: 'eu-west-1' } });
    const replication = replicationOf(EXISTING);

    expect(
      () => new StreamReplicator(stack, 'Replicator', { replication, streamArn: STREAM_ARN }),
    ).toThrow(
      'The replicator of orders must be in us-east-1, beside its stream; its stack is in eu-west-1.',
    );
  });
});

describe('alarms', () => {
  const { source } = created;
  const ref = (type: string) => ({ Ref: only(source, type, 'Replicator').id });
  const alarms = resources(source, 'AWS::CloudWatch::Alarm').map(
    ([, { Properties }]) => Properties,
  );
  const ofQueue = [
    {
      Name: 'QueueName',
      Value: getAtt(only(source, 'AWS::SQS::Queue', 'ReplicatorDeadLetterQueue').id, 'QueueName'),
    },
  ];
  const lookAgainQueue = only(source, 'AWS::SQS::Queue', 'ReplicatorLookAgainQueue').id;
  const ofLookAgain = [{ Name: 'QueueName', Value: getAtt(lookAgainQueue, 'QueueName') }];
  const ofLookAgainMapping = [
    {
      Name: 'EventSourceMappingUUID',
      Value: { Ref: only(source, 'AWS::Lambda::EventSourceMapping', 'LookAgain').id },
    },
  ];
  const ofReplication = [
    { Name: 'ReceivingRegion', Value: 'eu-west-1' },
    { Name: 'Replication', Value: 'orders' },
    { Name: 'SourceRegion', Value: 'us-east-1' },
  ];
  const ofFunction = [{ Name: 'FunctionName', Value: ref('AWS::Lambda::Function') }];
  const ofMapping = [
    { Name: 'EventSourceMappingUUID', Value: ref('AWS::Lambda::EventSourceMapping') },
  ];
  const alarmOf = (what: string) =>
    alarms.find(({ AlarmName }) => AlarmName === `ferry-orders-${what}`);

  it.each([
    ['dead-letters', 'AWS/SQS', 'ApproximateNumberOfMessagesVisible', ofQueue, 'Maximum', 1, 1],
    ['records-held', 'Ferry', 'HeldRecords', ofReplication, 'Sum', 1, 1],
    ['revenants', 'Ferry', 'Revenants', ofReplication, 'Sum', 1, 1],
    // An hour beyond the delay of a function that may run for a minute.
    [
      'look-again-age',
      'AWS/SQS',
      'ApproximateAgeOfOldestMessage',
      ofLookAgain,
      'Maximum',
      3_600 + 125,
      1,
    ],
    ['look-again-failing', 'AWS/Lambda', 'FailedInvokeEventCount', ofLookAgainMapping, 'Sum', 1, 8],
    ['destination-denied', 'Ferry', 'DestinationDenied', ofReplication, 'Sum', 1, 2],
    ['destination-unreachable', 'Ferry', 'DestinationUnreachable', ofReplication, 'Sum', 1, 3],
    [
      'batches-given-up',
      'AWS/Lambda',
      'OnFailureDestinationDeliveredEventCount',
      ofMapping,
      'Sum',
      1,
      1,
    ],
    ['destination-throttled', 'Ferry', 'DestinationThrottles', ofReplication, 'Sum', 1, 3],
    ['batches-lost', 'AWS/Lambda', 'DroppedEventCount', ofMapping, 'Sum', 1, 1],
    ['deliveries-failed', 'AWS/Lambda', 'DestinationDeliveryFailures', ofFunction, 'Sum', 1, 1],
    ['records-waiting', 'Ferry', 'OldestUnappliedAge', ofReplication, 'Maximum', 3_600_000, 1],
    ['records-expiring', 'Ferry', 'OldestUnappliedAge', ofReplication, 'Maximum', 43_200_000, 1],
    ['iterator-waiting', 'AWS/Lambda', 'IteratorAge', ofFunction, 'Maximum', 3_600_000, 1],
    ['iterator-expiring', 'AWS/Lambda', 'IteratorAge', ofFunction, 'Maximum', 43_200_000, 1],
    ['function-errors', 'AWS/Lambda', 'Errors', ofFunction, 'Sum', 1, 3],
    ['function-throttled', 'AWS/Lambda', 'Throttles', ofFunction, 'Sum', 1, 3],
  ])(
    'ring for %s',
    (what, Namespace, MetricName, Dimensions, Statistic, Threshold, DatapointsToAlarm) => {
      expect(alarmOf(what)).toMatchObject({
        Namespace,
        MetricName,
        Dimensions,
        Statistic,
        Threshold,
        DatapointsToAlarm,
        Period: 60,
      });
    },
  );

  it('ring for the p99 latency, as configured', () => {
    expect(alarmOf('latency-high')).toMatchObject({
      MetricName: 'ReplicationLatency',
      ExtendedStatistic: 'p99',
      Threshold: 60_000,
      DatapointsToAlarm: 3,
    });
  });

  it('are summed up in one, which tells nobody twice', () => {
    const summary = only(source, 'AWS::CloudWatch::CompositeAlarm').Properties;
    const rule = JSON.stringify(summary['AlarmRule']);

    expect(summary).toMatchObject({ AlarmName: 'ferry-orders-degraded' });
    expect(summary).not.toHaveProperty('AlarmActions');
    for (const [id] of resources(source, 'AWS::CloudWatch::Alarm')) expect(rule).toContain(id);
  });

  it('tell the e-mail address of the configuration', () => {
    const alarms = { email: 'oncall@example.com', latencySeconds: 5, runbook: 'https://x.test/r' };
    const { source: called } = templates({ ...CREATED, alarms });

    expect(only(called, 'AWS::SNS::Subscription').Properties).toMatchObject({
      Protocol: 'email',
      Endpoint: 'oncall@example.com',
    });
    const latency = resources(called, 'AWS::CloudWatch::Alarm').find(
      ([, { Properties }]) => Properties['AlarmName'] === 'ferry-orders-latency-high',
    )?.[1].Properties;
    expect(latency).toMatchObject({
      Threshold: 5_000,
      AlarmDescription: expect.stringMatching(/ https:\/\/x\.test\/r#latency-high$/) as string,
    });
  });

  it('look for longer where an invocation may take long', () => {
    const { source: slow } = templates({ ...BEATING, function: { timeoutSeconds: 835 } });
    const periods = (name: string) =>
      resources(slow, 'AWS::CloudWatch::Alarm').find(
        ([, { Properties }]) => Properties['AlarmName'] === `ferry-orders-${name}`,
      )?.[1].Properties['EvaluationPeriods'];

    expect(periods('function-errors')).toBe(75);
    // Nobody but the heartbeat's own function decides how often it beats.
    expect(periods('heartbeat-missing')).toBe(5);
  });

  it('all look at some minutes, go to the topic, and do not ring for a quiet table', () => {
    expect(alarms).toHaveLength(18);
    for (const alarm of alarms) {
      // A message that fails comes back every six minutes: ten times an hour.
      const isOfMessages = alarm['AlarmName'] === 'ferry-orders-look-again-failing';
      expect(alarm).toMatchObject({
        EvaluationPeriods: isOfMessages ? 60 : 10,
        ComparisonOperator: 'GreaterThanOrEqualToThreshold',
        TreatMissingData: 'notBreaching',
        AlarmActions: [{ Ref: only(source, 'AWS::SNS::Topic').id }],
        OKActions: [{ Ref: only(source, 'AWS::SNS::Topic').id }],
      });
    }
  });

  it('go to a topic that is told of, and not encrypted with a key that CloudWatch may not use', () => {
    const topic = only(created.source, 'AWS::SNS::Topic');

    expect(topic.Properties).toEqual({ TopicName: 'ferry-orders-alarms' });
    expect(created.source.Outputs?.['AlarmTopicArn']).toMatchObject({ Value: { Ref: topic.id } });
  });

  it('may publish to the topic, and nobody may without TLS', () => {
    const Resource = { Ref: only(created.source, 'AWS::SNS::Topic').id };
    const { Properties } = only(created.source, 'AWS::SNS::TopicPolicy');
    const place = [{ Ref: 'AWS::Partition' }, ':cloudwatch:us-east-1:', { Ref: 'AWS::AccountId' }];
    const alarmsArn = { 'Fn::Join': ['', ['arn:', ...place, ':alarm:ferry-orders-*']] };

    expect(Properties).toMatchObject({
      Topics: [Resource],
      PolicyDocument: {
        Statement: [
          {
            Effect: 'Deny',
            Principal: '*',
            Action: 'sns:Publish',
            Resource,
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          },
          {
            Effect: 'Allow',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Action: 'sns:Publish',
            Resource,
            Condition: { ArnLike: { 'aws:SourceArn': alarmsArn } },
          },
        ],
      },
    });
  });
});
