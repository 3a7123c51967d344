// The constructs in other people's apps: what they take, what they refuse, and that they work wherever a construct
// of the CDK should.

import { readFileSync, rmSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import {
  type App,
  Aspects,
  CfnParameter,
  CfnResource,
  Duration,
  PermissionsBoundary,
  Stack,
  type StackProps,
  Stage,
  Tags,
  Validations,
} from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Repository } from 'aws-cdk-lib/aws-codecommit';
import { AttributeType, StreamViewType, Table, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import {
  ManagedPolicy,
  PermissionsBoundary as RoleBoundary,
  Role,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import {
  CodePipeline,
  CodePipelineSource,
  type IFileSetProducer,
  ShellStep,
} from 'aws-cdk-lib/pipelines';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, describe, expect, it } from 'vitest';
import {
  Replication,
  ReplicationDestination,
  type ReplicationProps,
  type SourceTable,
} from '../../lib/index.ts';
import { COMMANDS } from '../../src/permissions/operator-needs.ts';
import { readDeployment } from '../../src/config/function-variable.ts';
import { emptyApp, EXISTING, replicationOf, STREAM_ARN, temporary } from './stack-templates.ts';

afterAll(() => rmSync(temporary, { recursive: true }));

const TABLE_ARN = 'arn:aws:dynamodb:us-east-1:111122223333:table/Orders';
const source: SourceTable = { tableArn: TABLE_ARN, streamArn: STREAM_ARN };
const destination = { region: 'eu-west-1', tableName: 'OrdersTwin' };
const partitionKey = { name: 'pk', type: AttributeType.STRING };
const US = { env: { region: 'us-east-1' } };
const EU = { env: { region: 'eu-west-1' } };
const BULKY = { bulk: true, heartbeatKey: { pk: 'ferry-heartbeat' } };
const keyArn = (region: string) =>
  `arn:aws:kms:${region}:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111`;

function stackIn(props: StackProps = US, app: App | Stage = emptyApp(), id = 'Stack'): Stack {
  return new Stack(app, id, props);
}

function ordersTable(stack: Stack, id = 'Table'): TableV2 {
  return new TableV2(stack, id, {
    partitionKey,
    dynamoStream: StreamViewType.NEW_IMAGE,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
  });
}

function replicate(stack: Stack, props: Partial<ReplicationProps> = {}, id = 'Orders') {
  return new Replication(stack, id, { source, destination, ...props });
}

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DependsOn?: readonly string[];
}

function resourcesIn(stack: Stack, type = ''): Resource[] {
  const { Resources } = Template.fromStack(stack).toJSON() as {
    Resources: Record<string, Resource>;
  };
  return Object.values(Resources).filter(({ Type }) => Type.startsWith(type));
}

function onlyIn(stack: Stack, type: string): Resource {
  const [resource, ...others] = resourcesIn(stack, type);
  if (resource === undefined || others.length > 0) throw new Error(`Expected one ${type}.`);
  return resource;
}

describe('the configuration of a construct', () => {
  it('is the same as that of a file with the same settings', () => {
    const key = (id: string, region: string) => Key.fromKeyArn(stack, id, keyArn(region));
    const stack = stackIn();

    const { config } = replicate(stack, {
      name: 'orders',
      source: { ...source, encryptionKey: key('SourceKey', 'us-east-1') },
      destination: {
        ...destination,
        stateTableName: 'Tombstones',
        encryptionKey: key('TwinKey', 'eu-west-1'),
        stateTableKey: key('StateKey', 'eu-west-1'),
      },
      encryption: { key: key('AllKey', 'us-east-1'), functions: key('FnKey', 'us-east-1') },
      alarms: {
        email: 'oncall@example.com',
        latency: Duration.minutes(2),
        runbook: 'https://x.test',
      },
      ...BULKY,
      tombstones: 'strict',
      systemicRejections: 'dead-letter',
      ttlDeletes: 'skip',
      unversionedItems: 'keep',
      reservedAttribute: '_v',
      timestampAttribute: 'at',
      batchSize: 500,
      maxBatchingWindow: Duration.seconds(5),
      parallelizationFactor: 4,
      retryAttempts: 7,
      maxRecordAge: Duration.hours(6),
      enabled: false,
      memorySize: 1_024,
      timeout: Duration.minutes(2),
      concurrency: 50,
      httpClient: 'sdk',
      logRetention: RetentionDays.ONE_WEEK,
    });

    expect(config).toEqual(
      replicationOf({
        ...EXISTING,
        source: { ...EXISTING.source, kmsKeyArn: keyArn('us-east-1') },
        destination: { ...EXISTING.destination, kmsKeyArn: keyArn('eu-west-1') },
        stateTable: 'Tombstones',
        encryption: {
          kmsKeyArn: keyArn('us-east-1'),
          functions: keyArn('us-east-1'),
          stateTable: keyArn('eu-west-1'),
        },
        alarms: { email: 'oncall@example.com', latencySeconds: 120, runbook: 'https://x.test' },
        bulk: true,
        heartbeat: { key: BULKY.heartbeatKey },
        tombstones: 'strict',
        systemicRejections: 'dead-letter',
        ttlDeletes: 'skip',
        unversionedItems: 'keep',
        reservedAttribute: '_v',
        timestampAttribute: 'at',
        eventSource: {
          batchSize: 500,
          maxBatchingWindowSeconds: 5,
          parallelizationFactor: 4,
          retryAttempts: 7,
          maxRecordAgeSeconds: 21_600,
          enabled: false,
        },
        function: {
          memoryMiB: 1_024,
          timeoutSeconds: 120,
          concurrency: 50,
          httpClient: 'sdk',
          logRetentionDays: 7,
        },
      }),
    );
  });

  it('has every default of a file', () => {
    const { config } = replicate(stackIn());

    expect(config).toEqual(replicationOf({ ...EXISTING, encryption: { stateTable: 'none' } }));
  });

  it.each([
    ['Orders', 'orders'],
    ['OrdersCopy', 'orders-copy'],
    ['orders-2', 'orders-2'],
  ])('has a name by the id %s: %s', (id, name) => {
    expect(replicate(stackIn(), {}, id).config.name).toBe(name);
  });
});

describe('a source table', () => {
  const ATTRIBUTES = { tableArn: TABLE_ARN, tableStreamArn: STREAM_ARN };
  const stream = { partitionKey, stream: StreamViewType.NEW_AND_OLD_IMAGES };
  const getAtt = { 'Fn::GetAtt': [Match.stringLikeRegexp('^Table'), 'StreamArn'] };

  it.each<[string, (stack: Stack) => ReplicationProps['source'], unknown, unknown]>([
    ['with ARNs', () => source, 'Orders', STREAM_ARN],
    [
      'that is imported',
      (stack) => Table.fromTableAttributes(stack, 'T', ATTRIBUTES),
      'Orders',
      STREAM_ARN,
    ],
    [
      'that is imported as TableV2',
      (stack) => TableV2.fromTableAttributes(stack, 'T', ATTRIBUTES),
      'Orders',
      STREAM_ARN,
    ],
    [
      'that is imported by name',
      (stack) =>
        Table.fromTableAttributes(stack, 'T', { tableName: 'Orders', tableStreamArn: STREAM_ARN }),
      'Orders',
      STREAM_ARN,
    ],
    [
      'of the stack',
      (stack) => new Table(stack, 'Table', stream),
      { Ref: expect.stringMatching(/^Table/) as string },
      getAtt,
    ],
    [
      'of the stack, as TableV2',
      (stack) => ordersTable(stack),
      { Ref: expect.stringMatching(/^Table/) as string },
      getAtt,
    ],
  ])('%s is read by its stream', (_, tableOf, name, streamArn) => {
    const stack = stackIn();

    const { config } = replicate(stack, { source: tableOf(stack) });

    expect(stack.resolve(config.source.table)).toEqual(name);
    Template.fromStack(stack).hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: streamArn,
      StartingPosition: 'TRIM_HORIZON',
    });
  });

  it('of another stack in the Region is read across the stacks', () => {
    const app = emptyApp();
    const tables = stackIn(US, app, 'Tables');
    const stack = stackIn(US, app);

    replicate(stack, { source: ordersTable(tables) });

    app.synth();
    expect(stack.dependencies).toContain(tables);
  });

  const noStream = 'Stack/Orders: source has no stream.';
  it.each<[string, (stack: Stack) => ReplicationProps['source'], string]>([
    ['without a stream', (stack) => new Table(stack, 'T', { partitionKey }), noStream],
    ['of a name alone', (stack) => Table.fromTableName(stack, 'T', 'Orders'), noStream],
    [
      'with a stream of keys only',
      (stack) => new Table(stack, 'T', { partitionKey, stream: StreamViewType.KEYS_ONLY }),
      'Stack/Orders: source has a stream of KEYS_ONLY, which lacks new images.',
    ],
    [
      'with a stream of old images',
      (stack) => new TableV2(stack, 'T', { partitionKey, dynamoStream: StreamViewType.OLD_IMAGE }),
      'Stack/Orders: source has a stream of OLD_IMAGE, which lacks new images.',
    ],
    [
      'with the stream of another table',
      () => ({ ...source, tableArn: TABLE_ARN.replace('Orders', 'Carts') }),
      'source.streamArn must be a stream of Carts, got one of Orders',
    ],
  ])('%s is refused', (_, tableOf, problem) => {
    const stack = stackIn();

    expect(() => replicate(stack, { source: tableOf(stack) })).toThrow(problem);
  });
});

describe('a wrong prop is refused by its name', () => {
  it.each<[Partial<ReplicationProps>, string]>([
    [{ batchSize: 0 }, '  batchSize must be >= 1, got 0'],
    [
      { maxRecordAge: Duration.seconds(5) },
      '  maxRecordAge (in seconds) must be 60 to 82800, got 5',
    ],
    [{ memorySize: 64 }, '  memorySize must be >= 128, got 64'],
    [{ logRetention: RetentionDays.INFINITE }, '  logRetention (in days) must be one of 1, 3, 5'],
    [{ name: 'Orders!' }, '  name: expected 1 to 30 lower-case letters'],
    [
      { destination: { ...destination, tableName: 'a' } },
      '  destination.tableName: expected a DynamoDB table name',
    ],
    [
      { destination: { ...destination, stateTableName: 'OrdersTwin' } },
      '  destination.stateTableName must be a table that nothing else uses',
    ],
    [
      { alarms: { latency: Duration.days(2) } },
      '  alarms.latency (in seconds) must be <= 86400, got 172800',
    ],
    [
      { reservedAttribute: 'at', timestampAttribute: 'at' },
      '  timestampAttribute must differ from reservedAttribute',
    ],
    [
      { destination: { ...destination, region: 'us-east-1', tableName: 'Orders' } },
      'must not lead back to its source',
    ],
    [{ timeout: Duration.minutes(15) }, '  timeout (in seconds) must be at most'],
  ])('%j', (props, problem) => {
    expect(() => replicate(stackIn(), props)).toThrow(problem);
    expect(() => replicate(stackIn(), props)).toThrow(/^Stack\/Orders has 1 problem:\n/);
  });

  it('also in a Region that the source is not in', () => {
    expect(() => replicate(stackIn(EU))).toThrow('must be in us-east-1, beside its stream');
  });

  it('also where the Region of the destination is that of another stack without one', () => {
    const app = emptyApp();
    const twin = new ReplicationDestination(stackIn({}, app, 'Twin'), 'Orders', destination);

    expect(() => replicate(stackIn(US, app), { destination: twin })).toThrow(
      'Stack/Orders: destination has no Region.',
    );
  });
});

/** As a deployment in us-east-1 resolves it. */
function deployed(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[kind, content] = ['', '']] = Object.entries(value as object) as [string, unknown][];
  const pseudo = { 'AWS::Region': 'us-east-1', 'AWS::AccountId': '111122223333' };
  if (kind === 'Ref') return pseudo[content as keyof typeof pseudo] ?? String(content);
  if (kind === 'Fn::Join') return (content as [string, unknown[]])[1].map(deployed).join('');
  const [id, attribute] = content as [string, string];
  if (attribute === 'StreamArn') return STREAM_ARN.replace('Orders', id);
  return attribute === 'Arn' ? keyArn('us-east-1') : id;
}

describe('a stack without a Region', () => {
  const stack = stackIn({});
  const [key, table] = [new Key(stack, 'Key'), ordersTable(stack)];
  const replication = replicate(stack, { source: table, encryption: { key }, ...BULKY });
  const template = Template.fromStack(stack);

  it('takes its Region and partition from the deployment', () => {
    const text = JSON.stringify(template.toJSON());

    expect(text).not.toMatch(/arn:aws|xx-token|token-|Token\[/);
    // The dashboard's prices are those of us-east-1.
    expect(text.replaceAll('prices of us-east-1', '')).not.toContain('us-east-1');
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'ferry-orders-latency-high',
      Dimensions: Match.arrayWith([{ Name: 'SourceRegion', Value: { Ref: 'AWS::Region' } }]),
    });
  });

  it('tells each function its replication, as it will be', () => {
    const functions = Object.values(template.findResources('AWS::Lambda::Function'));

    expect(functions).toHaveLength(4);
    for (const { Properties } of functions) {
      const [variable] = Object.values(Properties.Environment.Variables as object);
      const { replication: read } = readDeployment({ FERRY_REPLICATION: deployed(variable) });
      expect(read).toMatchObject({
        name: 'orders',
        source: {
          region: 'us-east-1',
          table: stack.getLogicalId(table.node.defaultChild as CfnResource),
        },
        destination: { region: 'eu-west-1', table: 'OrdersTwin' },
        encryption: { kmsKeyArn: keyArn('us-east-1') },
      });
    }
  });

  it('may write to a Region that is known, in whichever partition it is deployed', () => {
    const there = stackIn({});
    const destinationThere = { region: 'cn-northwest-1', tableName: 'OrdersTwin' };
    replicate(there, { source: ordersTable(there), destination: destinationThere });

    const policies = resourcesIn(there, 'AWS::IAM::Role').map(({ Properties }) =>
      JSON.stringify(Properties['Policies']),
    );
    expect(policies).toHaveLength(2);
    for (const text of policies) expect(text).toContain(':dynamodb:cn-northwest-1:');
  });

  it('names Region and table of the source as values of the deployment', () => {
    expect(stack.resolve(replication.config.source.region)).toEqual({ Ref: 'AWS::Region' });
  });
});

describe('cdk-nag finds nothing', () => {
  it.each([
    ['in the Region of the source', US],
    ['without a Region', {}],
  ])('in two replications of one stack %s', (_, props) => {
    const app = emptyApp();
    const stack = stackIn(props, app);
    const table = ordersTable(stack);
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

    replicate(stack, { source: table, ...BULKY });
    replicate(stack, { source: table, destination: { ...destination, tableName: 'Copy' } }, 'Copy');

    expect(() => app.synth()).not.toThrow();
    const names = resourcesIn(stack, 'AWS::Lambda::Function').map((one) =>
      String(one.Properties['FunctionName']),
    );
    expect(names.toSorted()).toEqual([
      'ferry-copy-look-again',
      'ferry-copy-replicate',
      'ferry-orders-bulk',
      'ferry-orders-heartbeat',
      'ferry-orders-look-again',
      'ferry-orders-replicate',
    ]);
  });
});

describe('a destination of the app', () => {
  const twinOf = (stack: Stack) =>
    new ReplicationDestination(stack, 'Twin', {
      name: 'orders',
      tableName: 'OrdersTwin',
      partitionKey,
    });

  it('is refused with a sort key alone, which would create no twin', () => {
    const props = { name: 'orders', tableName: 'OrdersTwin', sortKey: partitionKey };

    expect(() => new ReplicationDestination(stackIn({}), 'Twin', props)).toThrow(
      'Twin: sortKey needs a partitionKey, with which the twin is created.',
    );
  });

  it('is refused in another account', () => {
    const app = emptyApp();
    const place = (account: string, region: string) => ({ env: { account, region } });
    const stack = stackIn(place('111122223333', 'us-east-1'), app);
    const elsewhere = stackIn(place('444455556666', 'eu-west-1'), app, 'Twin');
    const twin = new ReplicationDestination(elsewhere, 'Orders', destination);

    expect(() => replicate(stack, { destination: twin })).toThrow(
      'destination is in account 444455556666, and source in 111122223333. Two accounts need a configuration file: ferry.json can name both.',
    );
  });

  it('is deployed before the stack of the source', () => {
    const app = emptyApp();
    const [twins, stack] = [stackIn(EU, app, 'Twins'), stackIn(US, app)];

    const { config } = replicate(stack, { destination: twinOf(twins) });

    expect(config).toMatchObject({
      destination: { region: 'eu-west-1', table: 'OrdersTwin' },
      stateTable: 'ferry-orders-state',
    });
    app.synth();
    expect(stack.dependencies).toEqual([twins]);
    const names = resourcesIn(twins, 'AWS::DynamoDB').map((table) =>
      String(table.Properties['TableName']),
    );
    expect(names.toSorted()).toEqual(['OrdersTwin', 'ferry-orders-state']);
  });

  it.each([
    ['us-east-1', US],
    ['no particular Region', {}],
  ])('in the same stack is created before the function, in %s', (_, props) => {
    const stack = stackIn(props);

    replicate(stack, { source: ordersTable(stack), destination: twinOf(stack) });

    const [replicator] = resourcesIn(stack, 'AWS::Lambda::EventSourceMapping');
    expect(replicator?.DependsOn).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^TwinStateTable/),
        expect.stringMatching(/^TwinTwinTable/),
      ]),
    );
  });

  it('can be a table that exists, with keys of its own', () => {
    const stack = stackIn(EU);
    const stateTableKey = new Key(stack, 'Key');

    const twin = new ReplicationDestination(stack, 'Twin', {
      name: 'orders',
      tableName: 'OrdersTwin',
      stateTableName: 'Tombstones',
      stateTableKey,
    });

    expect(twin.twin).toBeUndefined();
    const tables = resourcesIn(stack, 'AWS::DynamoDB');
    expect(tables.map((table) => table.Properties['TableName'])).toEqual(['Tombstones']);
    expect(JSON.stringify(tables)).toContain('"KMSMasterKeyId":{"Fn::GetAtt":["Key');
  });
});

/** Both stacks of one environment. */
class Orders extends Stage {
  readonly source = new Stack(this, 'Source', US);

  constructor(app: App | Stack, id: string) {
    super(app, id, { env: { account: '111122223333', region: 'us-east-1' } });
    const twins = new Stack(this, 'Twins', EU);
    const twin = new ReplicationDestination(twins, 'Orders', {
      tableName: 'OrdersTwin',
      partitionKey,
    });
    replicate(this.source, { source: ordersTable(this.source), destination: twin, ...BULKY });
  }
}

describe('stages', () => {
  it('may hold one replication each, with the same name', () => {
    const app = emptyApp();
    const stages = [new Orders(app, 'Beta'), new Orders(app, 'Production')];

    app.synth();

    for (const { source: stack } of stages) {
      expect(resourcesIn(stack, 'AWS::Lambda::EventSourceMapping')).toHaveLength(2);
    }
  });

  it('may be stages of a pipeline, which publishes the functions', () => {
    const stack = stackIn({ env: { account: '111122223333', region: 'us-east-1' } });
    const repository = new Repository(stack, 'Repository', { repositoryName: 'orders' });
    // The CDK's own classes do not fit its interfaces with exactOptionalPropertyTypes.
    const input = CodePipelineSource.codeCommit(repository, 'main') as IFileSetProducer;
    const commands = ['npx cdk synth'];
    const synth = new ShellStep('Synth', { input, commands }) as IFileSetProducer;
    const pipeline = new CodePipeline(stack, 'Pipeline', { synth });

    pipeline.addStage(new Orders(stack, 'Beta'));

    const { Properties } = onlyIn(stack, 'AWS::CodePipeline::Pipeline');
    const stages = Properties['Stages'] as {
      Name: string;
      Actions: { Name: string; RunOrder: number }[];
    }[];
    const actions = (name: string) => stages.find(({ Name }) => Name === name)?.Actions ?? [];
    expect(actions('Assets').length).toBeGreaterThan(3);
    const order = actions('Beta').map(({ Name, RunOrder }) => [Name, RunOrder] as const);
    const ordered = order.toSorted(([, a], [, b]) => a - b).map(([Name]) => Name);
    expect(ordered[0]).toBe('Twins.Prepare');
    expect(ordered.at(-1)).toBe('Source.Deploy');
  });
});

describe('what applies to a whole app applies to a replication', () => {
  const core = { ...US, permissionsBoundary: PermissionsBoundary.fromName('Boundary') };
  const boundary = (stack: Stack) =>
    RoleBoundary.of(stack).apply(ManagedPolicy.fromManagedPolicyName(stack, 'B', 'Boundary'));
  it.each<[string, StackProps, (stack: Stack) => void]>([
    ['of the core', core, () => undefined],
    ['of IAM', US, boundary],
  ])('permissions boundaries %s are on each role', (_, props, apply) => {
    const stack = stackIn(props);
    apply(stack);

    replicate(stack, BULKY);

    const roles = resourcesIn(stack, 'AWS::IAM::Role');
    expect(roles).toHaveLength(5);
    for (const { Properties } of roles) {
      expect(JSON.stringify(Properties['PermissionsBoundary'])).toContain(':policy/Boundary');
    }
    expect(resourcesIn(stack, 'AWS::IAM::Policy')).toEqual([]);
  });

  it('tags and other aspects reach each resource', () => {
    const app = emptyApp();
    const stack = stackIn(US, app);
    const visited: string[] = [];
    replicate(stack, BULKY);

    Tags.of(app).add('team', 'orders');
    Aspects.of(app).add({
      visit: (node) => {
        if (CfnResource.isCfnResource(node)) visited.push(node.cfnResourceType);
      },
    });

    const tagged = resourcesIn(stack).filter(({ Properties }) =>
      JSON.stringify(Properties['Tags'])?.includes('team'),
    );
    expect(new Set(tagged.map(({ Type }) => Type)).size).toBeGreaterThan(6);
    expect(visited.length).toBe(resourcesIn(stack).length);
  });
});

describe('alarms', () => {
  it('go to a given topic, which keeps its policy', () => {
    const stack = stackIn();
    const topic = new Topic(stack, 'OnCall');

    replicate(stack, { alarms: { topic, email: 'oncall@example.com' } });

    const ref = stack.resolve(topic.topicArn) as object;
    for (const { Properties } of resourcesIn(stack, 'AWS::CloudWatch::Alarm')) {
      expect(Properties).toMatchObject({ AlarmActions: [ref], OKActions: [ref] });
    }
    expect(resourcesIn(stack, 'AWS::SNS::Topic')).toHaveLength(1);
    expect(resourcesIn(stack, 'AWS::SNS::TopicPolicy')).toEqual([]);
    expect(resourcesIn(stack, 'AWS::SNS::Subscription')).toHaveLength(1);
  });

  it('can be left out, and added later', () => {
    const replication = replicate(stackIn(), { alarms: false });
    const topic = Topic.fromTopicArn(
      replication,
      'OnCall',
      'arn:aws:sns:us-east-1:111122223333:oncall',
    );
    const alarms = () => resourcesIn(Stack.of(replication), 'AWS::CloudWatch::Alarm').length;
    expect(replication.alarms).toBeUndefined();

    replication.addAlarms({ topic });

    expect(replication.alarms?.topic).toBe(topic);
    expect(alarms()).toBe(replication.alarms?.alarms.length);
  });
});

describe('customer managed keys', () => {
  const services = ['logs.us-east-1.amazonaws.com', 'cloudwatch.amazonaws.com'];

  it('of the app let the services use them that must', () => {
    const stack = stackIn();
    const key = new Key(stack, 'Key');

    const replication = replicate(stack, { encryption: { key } });

    const { Properties } = onlyIn(stack, 'AWS::KMS::Key');
    const { Statement } = Properties['KeyPolicy'] as {
      Statement: { Principal: { Service?: string } }[];
    };
    expect(Statement.flatMap(({ Principal }) => Principal.Service ?? [])).toEqual(services);
    expect(replication.node.metadata).toEqual([]);
  });

  it('of others are named, with what their owner must allow', () => {
    const stack = stackIn();

    const replication = replicate(stack, {
      encryption: { key: Key.fromKeyArn(stack, 'Key', keyArn('us-east-1')) },
    });

    expect(replication.node.metadata.map(({ data }) => String(data))).toEqual([
      expect.stringContaining(`must let ${services.join(' and ')} use it`),
    ]);
  });

  it('are not asked for CloudWatch where the topic is not Ferry’s', () => {
    const stack = stackIn();
    const [key, topic] = [new Key(stack, 'Key'), new Topic(stack, 'OnCall')];

    replicate(stack, { encryption: { key }, alarms: { topic } });

    expect(JSON.stringify(resourcesIn(stack, 'AWS::KMS::Key'))).not.toContain('cloudwatch');
  });
});

describe('other replications of the app', () => {
  const onward = {
    source: {
      tableArn: 'arn:aws:dynamodb:eu-west-1:111122223333:table/OrdersTwin',
      streamArn: STREAM_ARN.replace('us-east-1', 'eu-west-1').replace('Orders', 'OrdersTwin'),
    },
    destination: { region: 'us-east-1', tableName: 'Orders' },
  };

  it.each<[string, Partial<ReplicationProps>, StackProps, string]>([
    [
      'the same name',
      { name: 'orders', destination: { ...destination, tableName: 'Copy' } },
      US,
      'name must be unique, got "orders", which is also name of Stack/Orders',
    ],
    [
      'the same twin',
      {},
      US,
      'destination must have one source only, got eu-west-1/OrdersTwin, which is also destination of Stack/Orders',
    ],
    ['a way back to the source', onward, EU, 'must not lead back to its source'],
  ])('must not have %s', (_, props, place, problem) => {
    const app = emptyApp();
    replicate(stackIn(US, app));

    expect(() => replicate(stackIn(place, app, 'Other'), props, 'Others')).toThrow(problem);
  });

  it('must not have a way back to a table that the app names', () => {
    const stack = stackIn();
    const named = new TableV2(stack, 'Table', {
      tableName: 'Orders',
      partitionKey,
      dynamoStream: StreamViewType.NEW_IMAGE,
    });

    expect(() =>
      replicate(stack, {
        source: named,
        destination: { region: 'us-east-1', tableName: 'Orders' },
      }),
    ).toThrow('must not lead back to its source, got a way from us-east-1/Orders to itself');
  });

  it('are not compared across accounts, where names and tables are others', () => {
    const app = emptyApp();
    const place = (account: string) => ({ env: { account, region: 'us-east-1' } });

    replicate(stackIn(place('111122223333'), app, 'Beta'));

    expect(() => replicate(stackIn(place('444455556666'), app, 'Production'))).not.toThrow();
  });
});

it('grants a redrive what `ferry redrive --apply` asks for, and no more', () => {
  const stack = stackIn();
  const replication = replicate(stack, {
    destination: {
      ...destination,
      encryptionKey: Key.fromKeyArn(stack, 'Key', keyArn('eu-west-1')),
    },
  });
  const operator = new Role(stack, 'Operator', {
    assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
  });

  const grant = replication.grantRedrive(operator);

  expect(grant.success).toBe(true);
  const { always = [], apply = [] } = COMMANDS.find(({ command }) => command === 'redrive') ?? {};
  // Here, Lambda stores the batches that it gives up, so that no stream has to be read, and nothing is hashed.
  const needs = [...always, ...apply].filter((need) => !/ (stream|kinesis|hashSecret)$/.test(need));
  const wanted = needs.map((need) => need.split(' ')[0] ?? '');
  const { Properties } = onlyIn(stack, 'AWS::IAM::Policy');
  const { Statement } = Properties['PolicyDocument'] as {
    Statement: { Action: string | string[]; Resource: unknown }[];
  };
  expect([...new Set(Statement.flatMap(({ Action }) => Action))].toSorted()).toEqual(
    [...new Set([...wanted, 'kms:Decrypt', 'kms:DescribeKey'])].toSorted(),
  );
  expect(Statement.filter(({ Resource }) => Resource === '*')).toEqual([]);
});

it('has metrics with the statistics that tell most, unless others are asked for', () => {
  const replication = replicate(stackIn());
  const [seconds, sum] = [Duration.minutes(1), { statistic: 'Sum', period: Duration.minutes(1) }];

  const look = ({ metricName, statistic, period }: ReturnType<Replication['metric']>) =>
    `${metricName} ${statistic} ${period.toSeconds()}`;

  expect(look(replication.metricReplicationLatency())).toBe('ReplicationLatency p99 300');
  expect(look(replication.metricReplicationLatency({ statistic: 'p50', period: seconds }))).toBe(
    'ReplicationLatency p50 60',
  );
  expect(look(replication.metricOldestUnappliedAge())).toBe('OldestUnappliedAge Maximum 300');
  expect(look(replication.metricAppliedRecords(sum))).toBe('AppliedRecords Sum 60');
  expect(look(replication.metricDeadLetters())).toBe(
    'ApproximateNumberOfMessagesVisible Maximum 300',
  );
  expect(look(replication.metric('Revenants'))).toBe('Revenants Sum 300');
});

describe('the samples of docs/constructs.md', () => {
  const document = readFileSync('docs/constructs.md', 'utf8');
  const samples = [...document.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => [code]);

  it('are five', () => {
    expect(samples).toHaveLength(5);
  });

  it.each(samples)('can be synthesized: %s', (code) => {
    const app = emptyApp();
    const [stack, twinStack] = [stackIn(US, app), stackIn(EU, app, 'Twins')];
    const constructs = { Duration, Replication, ReplicationDestination, Table, stack, twinStack };
    const names = { tableArn: TABLE_ARN, tableStreamArn: STREAM_ARN, tableName: 'OrdersTwin' };
    const given = {
      partitionKey,
      source: ordersTable(stack, 'Source'),
      twin: new ReplicationDestination(twinStack, 'Given', { tableName: 'OrdersTwin' }),
      key: new Key(stack, 'Key'),
      topic: new Topic(stack, 'OnCall'),
      operators: new Role(stack, 'Operators', {
        assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
      }),
    };

    runInNewContext(code, { ...constructs, ...names, ...given });

    expect(() => app.synth()).not.toThrow();
  });
});

describe('what accounts and partitions have, in constructs', () => {
  it('takes a Region that only the deployment knows to be in the partition of the source', () => {
    const stack = stackIn({ env: { region: 'cn-north-1' } });
    const region = new CfnParameter(stack, 'Region').valueAsString;
    const [tableArn = '', streamArn = ''] = [TABLE_ARN, STREAM_ARN].map((arn) =>
      arn.replace('arn:aws:dynamodb:us-east-1', 'arn:aws-cn:dynamodb:cn-north-1'),
    );

    const { config } = replicate(stack, {
      source: { tableArn, streamArn },
      destination: { region, tableName: 'OrdersTwin' },
    });

    expect(config.destination.region).toBe(region);
    expect(config.eventSource.maxRecordAgeSeconds).toBe(43_200);
  });

  it('gives a twin that is a source a stream for the next replication', () => {
    const app = emptyApp();
    const there = stackIn(EU, app, 'There');
    const far = stackIn({ env: { region: 'ap-south-1' } }, app, 'Far');
    const tableName = 'OrdersTwin';
    const first = new ReplicationDestination(there, 'Orders', {
      tableName,
      partitionKey,
      isSource: true,
    });
    if (first.twin === undefined) throw new Error('There is no twin.');
    const onward = new ReplicationDestination(far, 'Onward', { tableName, partitionKey });

    const { config } = replicate(
      there,
      { source: first.twin, destination: onward, dashboard: false },
      'Onward2',
    );

    expect(config.source.table).toBe(tableName);
    Template.fromStack(there).hasResourceProperties('AWS::DynamoDB::GlobalTable', {
      TableName: tableName,
      StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
    });
    Template.fromStack(there).resourceCountIs('AWS::CloudWatch::Dashboard', 0);
  });

  it('runs all functions on the given runtime and architecture', () => {
    const stack = stackIn();
    replicate(stack, {
      ...BULKY,
      runtime: Runtime.NODEJS_22_X,
      architecture: Architecture.X86_64,
    });

    const functions = Object.values(
      Template.fromStack(stack).findResources('AWS::Lambda::Function'),
    ).map(({ Properties }) => Properties as { Runtime: string; Architectures: string[] });
    expect(functions).toHaveLength(4);
    for (const { Runtime: runtime, Architectures } of functions)
      expect([runtime, ...Architectures]).toEqual(['nodejs22.x', 'x86_64']);
  });
});
