// Templates for accounts, partitions, fan-out, chains and fleets: what each has, what it must not have, and that the
// AwsSolutions rules find nothing in it.

import { rmSync } from 'node:fs';
import { type App, CfnWaitConditionHandle, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { afterAll, describe, expect, it } from 'vitest';
import { buildApp } from '../../lib/app.ts';
import { addFleets } from '../../lib/fleet.ts';
import { parseConfig } from '../../src/config/config.ts';
import { keyPolicies } from '../../src/permissions/key-policy.ts';
import { parseDashboardBody } from '../fixtures/dashboard/dashboard-body.ts';
import {
  CREATED,
  emptyApp,
  only,
  replicationOf,
  resources,
  stackOf,
  STREAM_ARN,
  type TemplateJson,
  temporary,
  violations,
} from './stack-templates.ts';

afterAll(() => rmSync(temporary, { recursive: true }));

const [A, B] = ['111122223333', '444455556666'];
const KEYS = { partitionKey: CREATED.source.partitionKey, sortKey: CREATED.source.sortKey };
const BEAT = { heartbeat: { key: { pk: 'ferry-heartbeat', sk: 0 } } };

const ACCOUNTS = {
  ...CREATED,
  ...BEAT,
  bulk: true,
  source: { ...CREATED.source, account: A },
  destination: { ...CREATED.destination, account: B },
};
const TO_CHINA = {
  ...CREATED,
  ...BEAT,
  bulk: true,
  destination: {
    ...CREATED.destination,
    region: 'cn-north-1',
    credentials: { secret: `arn:aws:secretsmanager:us-east-1:${A}:secret:ferry/china-AbCdEf` },
  },
};
const IN = (source: string, destination: string) => ({
  ...CREATED,
  ...BEAT,
  bulk: true,
  source: { ...CREATED.source, region: source },
  destination: { ...CREATED.destination, region: destination },
});
const IN_CHINA = IN('cn-north-1', 'cn-northwest-1');
const FROM_CHINA = {
  ...IN('cn-north-1', 'eu-west-1'),
  destination: {
    ...CREATED.destination,
    credentials: {
      secret: `arn:aws-cn:secretsmanager:cn-north-1:${A}:secret:ferry/world-AbCdEf`,
    },
  },
};
/** A second destination of the same source. */
const SECOND = {
  name: 'second',
  source: { region: 'us-east-1', table: 'Orders' },
  destination: { region: 'ap-south-1', table: 'OrdersTwin', create: true, ...KEYS },
};
/** From the twin on. */
const ONWARD = {
  name: 'onward',
  source: { region: 'eu-west-1', table: 'OrdersTwin' },
  destination: { region: 'ap-south-1', table: 'OrdersCopy', create: true, ...KEYS },
};

function built(file: object): App {
  const app = emptyApp();
  buildApp(app, parseConfig(file));
  return app;
}

function stacks(app: App): Stack[] {
  return app.node.children.filter((one): one is Stack => Stack.isStack(one));
}

function templateOf(app: App, id: string): TemplateJson {
  return Template.fromStack(stackOf(app, id)).toJSON() as TemplateJson;
}

/** Stacks of the app that must be deployed before each, as the CDK knows it. */
function orderOf(app: App): Record<string, string[]> {
  const names = stacks(app).map(({ stackName }) => stackName);
  return Object.fromEntries(
    app
      .synth()
      .stacks.map(({ stackName, dependencies }) => [
        stackName,
        dependencies.map(({ id }) => id).filter((id) => names.includes(id)),
      ]),
  );
}

function infosOf(app: App, id: string): string[] {
  return Annotations.fromStack(stackOf(app, id))
    .findInfo('*', Match.anyValue())
    .map(({ entry }) => entry.data as string);
}

const replications = (...all: object[]) => ({ replications: all });

describe('the AwsSolutions checks find nothing with', () => {
  it.each([
    ['two accounts', replications(ACCOUNTS)],
    ['aws to aws-cn', replications(TO_CHINA)],
    ['aws-cn to aws', replications(FROM_CHINA)],
    ['aws-cn to aws-cn', replications(IN_CHINA)],
    ['AWS GovCloud', replications(IN('us-gov-west-1', 'us-gov-east-1'))],
    ['a fan-out', replications(CREATED, SECOND)],
    ['a chain', replications(CREATED, ONWARD)],
    ['a fleet', { fleet: {}, replications: [CREATED, SECOND, ONWARD] }],
  ])('%s', (_, file) => {
    const app = built(file);

    app.synth();

    expect(violations(app)).toEqual([]);
  });
});

describe('two accounts', () => {
  const app = built(replications(ACCOUNTS));

  it('have each stack in the account of its side, the destination first', () => {
    const environments = app
      .synth()
      .stacks.map(({ stackName, environment: { account, region } }) => [
        stackName,
        account,
        region,
      ]);

    expect(environments).toEqual([
      ['ferry-orders-destination', B, 'eu-west-1'],
      ['ferry-orders-source', A, 'us-east-1'],
    ]);
    expect(orderOf(app)).toEqual({
      'ferry-orders-destination': [],
      'ferry-orders-source': ['ferry-orders-destination'],
    });
  });

  it('pass no value from stack to stack', () => {
    const text = JSON.stringify(stacks(app).map(({ stackName }) => templateOf(app, stackName)));

    expect(text).not.toContain('Fn::ImportValue');
  });

  it('leave the metrics of the twin out of the dashboard, and say so', () => {
    const { Properties } = only(
      templateOf(app, 'ferry-orders-source'),
      'AWS::CloudWatch::Dashboard',
    );

    expect(JSON.stringify(Properties)).not.toContain('AWS/DynamoDB');
    expect(infosOf(app, 'ferry-orders-source')).toContainEqual(
      expect.stringContaining('no metrics of the twin'),
    );
  });
});

describe('two partitions', () => {
  it.each([
    ['aws to aws-cn', TO_CHINA],
    ['aws-cn to aws', FROM_CHINA],
  ])('%s: no stack waits for another, because each has its own command', (_, replication) => {
    expect(orderOf(built(replications(replication)))).toEqual({
      'ferry-orders-destination': [],
      'ferry-orders-source': [],
    });
  });

  it('leave the metrics of the twin out of the dashboard', () => {
    const app = built(replications(TO_CHINA));
    const { Properties } = only(
      templateOf(app, 'ferry-orders-source'),
      'AWS::CloudWatch::Dashboard',
    );

    expect(JSON.stringify(Properties)).not.toContain('AWS/DynamoDB');
  });

  it.each([
    ['aws to aws-cn', TO_CHINA, /arn:aws:(?!secretsmanager)/],
    ['aws-cn to aws', FROM_CHINA, /arn:aws:/],
    ['aws-cn to aws-cn', IN_CHINA, /arn:aws:/],
    ['in GovCloud', IN('us-gov-west-1', 'us-gov-east-1'), /arn:aws:/],
    ['in the European Sovereign Cloud', IN('eusc-de-east-1', 'eusc-de-east-1'), /arn:aws:/],
  ])('%s: name no other partition in an ARN or a host', (_, replication, literal) => {
    const distinct = { ...replication, destination: { ...replication.destination, table: 'Twin' } };
    const app = built(replications(distinct));
    const text = stacks(app).map(({ stackName }) => JSON.stringify(templateOf(app, stackName)));

    for (const template of text) expect(template).not.toMatch(literal);
  });
});

describe.each([
  ['aws-cn', IN_CHINA, { tracing: false, json: true, bytes: 262_144 }],
  [
    'aws-us-gov',
    IN('us-gov-west-1', 'us-gov-east-1'),
    { tracing: true, json: false, bytes: 1_048_576 },
  ],
])('in %s', (_, replication, { tracing, json, bytes }) => {
  const app = built(replications(replication));
  const source = templateOf(app, 'ferry-orders-source');
  const alarmNames = resources(source, 'AWS::CloudWatch::Alarm').map(([, { Properties }]) =>
    String(Properties['AlarmName']),
  );

  it('the dead-letter queue gets what Lambda gives up', () => {
    const queue = only(source, 'AWS::SQS::Queue', 'ReplicatorDeadLetterQueue');
    const mapping = only(source, 'AWS::Lambda::EventSourceMapping', 'Replicator');

    expect(mapping.Properties['DestinationConfig']).toEqual({
      OnFailure: { Destination: { 'Fn::GetAtt': [queue.id, 'Arn'] } },
    });
    expect(mapping.Properties['MaximumRecordAgeInSeconds']).toBe(43_200);
    expect(queue.Properties['MaximumMessageSize']).toBe(bytes);
    expect(JSON.stringify(only(source, 'AWS::IAM::Role', 'Replicator').Properties)).toMatch(
      new RegExp(`"sqs:SendMessage"[^}]*"Fn::GetAtt":\\["${queue.id}","Arn"\\]`),
    );
  });

  it('no mapping has metrics, and no alarm or graph shows them', () => {
    const mappings = resources(source, 'AWS::Lambda::EventSourceMapping');

    expect(mappings.length).toBeGreaterThan(1);
    for (const [, { Properties }] of mappings)
      expect(Properties).not.toHaveProperty('MetricsConfig');
    expect(JSON.stringify(source)).not.toContain('EventSourceMappingUUID');
    expect(alarmNames).not.toContain('ferry-orders-batches-given-up');
    expect(alarmNames).not.toContain('ferry-orders-batches-lost');
    expect(infosOf(app, 'ferry-orders-source')).toEqual(
      expect.arrayContaining([
        expect.stringContaining('batches-given-up and batches-lost are left out'),
        expect.stringContaining('does not store the records that it gives up'),
      ]),
    );
  });

  it('other alarms stand in for them', () => {
    const failing = resources(source, 'AWS::CloudWatch::Alarm').find(
      ([, { Properties }]) => Properties['AlarmName'] === 'ferry-orders-look-again-failing',
    );

    expect(JSON.stringify(failing)).toContain('IF(received > 2 * FILL(deleted, 0), 1, 0)');
    expect(alarmNames).toContain('ferry-orders-deliveries-failed');
  });

  it('alarms speak of the queue, and of half the time until records are given up', () => {
    const alarm = (name: string) =>
      resources(source, 'AWS::CloudWatch::Alarm').find(
        ([, { Properties }]) => Properties['AlarmName'] === `ferry-orders-${name}`,
      )?.[1].Properties;

    expect(alarm('dead-letters')?.['AlarmDescription']).toContain('pointers to batches');
    expect(alarm('deliveries-failed')?.['AlarmDescription']).toContain('to the dead-letter queue');
    expect(alarm('records-expiring')).toMatchObject({
      Threshold: 6 * 3_600_000,
      AlarmDescription: expect.stringContaining('for 6 hours') as string,
    });
    const descriptions = resources(source, 'AWS::CloudWatch::Alarm').map(([, { Properties }]) =>
      String(Properties['AlarmDescription']),
    );
    for (const text of descriptions)
      expect(text.replace(/Runbook: .*/, '')).not.toContain('bucket');
  });

  it('tracing, logs and prices are as the partition has them', () => {
    const machine = only(source, 'AWS::StepFunctions::StateMachine').Properties;
    const logging = resources(source, 'AWS::Lambda::Function').map(
      ([, { Properties }]) => (Properties['LoggingConfig'] as { LogFormat: string }).LogFormat,
    );

    expect(machine['TracingConfiguration']).toEqual(tracing ? { Enabled: true } : undefined);
    expect(JSON.stringify(source).includes('xray:')).toBe(tracing);
    expect([...new Set(logging)]).toEqual([json ? 'JSON' : 'Text']);
    expect(JSON.stringify(source).includes('US dollars')).toBe(false);
  });
});

it('no alarm leads to a dashboard that is switched off', () => {
  const template = templateOf(
    built(replications({ ...CREATED, dashboard: false })),
    'ferry-orders-source',
  );
  const alarms = ['AWS::CloudWatch::Alarm', 'AWS::CloudWatch::CompositeAlarm'].flatMap((type) =>
    resources(template, type),
  );

  expect(alarms.length).toBeGreaterThan(10);
  for (const [, { Properties }] of alarms)
    expect(Properties['AlarmDescription']).toMatch(/Runbook: "[^"]+" in docs\/runbook\.md$/);
});

describe('a fan-out', () => {
  const app = built(replications(CREATED, SECOND));

  it('takes the stream from the stack that creates the source', () => {
    const { Outputs = {} } = templateOf(app, 'ferry-orders-source');
    const table = only(templateOf(app, 'ferry-orders-source'), 'AWS::DynamoDB::GlobalTable').id;
    const exported = Object.values(Outputs).find(
      ({ Value }) =>
        JSON.stringify(Value) === JSON.stringify({ 'Fn::GetAtt': [table, 'StreamArn'] }),
    );
    const mapping = only(
      templateOf(app, 'ferry-second-source'),
      'AWS::Lambda::EventSourceMapping',
      'Replicator',
    );

    expect(mapping.Properties['EventSourceArn']).toEqual({
      'Fn::ImportValue': (exported as { Export?: { Name: string } } | undefined)?.Export?.Name,
    });
    expect(orderOf(app)['ferry-second-source']?.toSorted()).toEqual([
      'ferry-orders-source',
      'ferry-second-destination',
    ]);
  });

  it('creates the source once', () => {
    expect(resources(templateOf(app, 'ferry-second-source'), 'AWS::DynamoDB::GlobalTable')).toEqual(
      [],
    );
  });

  it('reads the given stream if there is one', () => {
    const given = built(
      replications(
        { ...CREATED, source: { ...SECOND.source, streamArn: STREAM_ARN } },
        { ...SECOND, source: { ...SECOND.source, streamArn: STREAM_ARN } },
      ),
    );

    for (const name of ['orders', 'second'])
      expect(
        only(
          templateOf(given, `ferry-${name}-source`),
          'AWS::Lambda::EventSourceMapping',
          'Replicator',
        ).Properties['EventSourceArn'],
      ).toBe(STREAM_ARN);
  });
});

describe('a chain', () => {
  const key = 'arn:aws:kms:eu-west-1:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111';
  const keyed = { ...CREATED, destination: { ...CREATED.destination, kmsKeyArn: key } };
  const app = built(replications(keyed, ONWARD));

  it('gives a twin that is a source a stream of new images, and no other twin', () => {
    const twin = (name: string, logicalId: string) =>
      only(templateOf(app, `ferry-${name}-destination`), 'AWS::DynamoDB::GlobalTable', logicalId);

    expect(twin('orders', 'TwinTable').Properties['StreamSpecification']).toEqual({
      StreamViewType: 'NEW_IMAGE',
    });
    expect(twin('onward', 'TwinTable').Properties).not.toHaveProperty('StreamSpecification');
  });

  it('reads that stream, by the key of the twin, after the stack that creates it', () => {
    const template = templateOf(app, 'ferry-onward-source');
    const mapping = only(template, 'AWS::Lambda::EventSourceMapping', 'Replicator');

    expect(mapping.Properties['EventSourceArn']).toEqual({
      'Fn::ImportValue': expect.stringMatching(
        /^ferry-orders-destination:ExportsOutputFnGetAttTwinTable.*StreamArn/,
      ) as string,
    });
    expect(JSON.stringify(only(template, 'AWS::IAM::Role', 'Replicator').Properties)).toContain(
      key,
    );
    expect(orderOf(app)['ferry-onward-source']?.toSorted()).toEqual([
      'ferry-onward-destination',
      'ferry-orders-destination',
    ]);
  });
});

describe('a fleet', () => {
  const quiet = {
    ...SECOND,
    alarms: { enabled: false },
    dashboard: false,
  };
  const mine = 'arn:aws:sns:eu-west-1:111122223333:mine';
  const app = built({
    fleet: { email: 'oncall@example.com' },
    replications: [CREATED, quiet, { ...ONWARD, alarms: { topicArn: mine } }],
  });
  const here = templateOf(app, 'ferry-fleet-us-east-1');

  it('has a stack for each Region of a source, after their stacks', () => {
    expect(stacks(app).map(({ stackName }) => stackName)).toEqual(
      expect.arrayContaining(['ferry-fleet-us-east-1', 'ferry-fleet-eu-west-1']),
    );
    expect(orderOf(app)['ferry-fleet-us-east-1']).toEqual(
      expect.arrayContaining(['ferry-orders-source', 'ferry-second-source']),
    );
  });

  it('has a stack for each account, whose name stays when a file gets accounts', () => {
    const two = built({
      fleet: {},
      replications: [
        ACCOUNTS,
        {
          ...ACCOUNTS,
          name: 'others',
          source: { ...ACCOUNTS.source, account: B, table: 'Others' },
          destination: { ...ACCOUNTS.destination, table: 'Others' },
        },
      ],
    });

    expect(
      two
        .synth()
        .stacks.filter(({ stackName }) => stackName.startsWith('ferry-fleet'))
        .map(({ id, stackName, environment: { account } }) => [id, stackName, account]),
    ).toEqual([
      [`ferry-fleet-${A}-us-east-1`, 'ferry-fleet-us-east-1', A],
      [`ferry-fleet-${B}-us-east-1`, 'ferry-fleet-us-east-1', B],
    ]);
  });

  it('lets every alarm notify its one topic', () => {
    const topics = ['orders', 'second'].flatMap((name) =>
      resources(templateOf(app, `ferry-${name}-source`), 'AWS::CloudWatch::Alarm').map(
        ([, { Properties }]) => [Properties['AlarmActions'], Properties['OKActions']],
      ),
    );
    const topic = {
      'Fn::Join': [
        '',
        [
          'arn:',
          { Ref: 'AWS::Partition' },
          ':sns:us-east-1:',
          { Ref: 'AWS::AccountId' },
          ':ferry-fleet-alarms',
        ],
      ],
    };

    expect(topics.length).toBeGreaterThan(10);
    for (const actions of topics.flat()) expect(actions).toEqual([topic]);
    expect(only(here, 'AWS::SNS::Topic').Properties['TopicName']).toBe('ferry-fleet-alarms');
    expect(JSON.stringify(templateOf(app, 'ferry-orders-source'))).not.toContain('AWS::SNS::');
  });

  it('lets a replication have a topic of its own', () => {
    const alarms = resources(templateOf(app, 'ferry-onward-source'), 'AWS::CloudWatch::Alarm');

    expect(alarms.length).toBeGreaterThan(10);
    for (const [, { Properties }] of alarms) expect(Properties['AlarmActions']).toEqual([mine]);
  });

  it('tells its address, and lets only CloudWatch publish, for Ferry’s alarms', () => {
    expect(only(here, 'AWS::SNS::Subscription').Properties).toMatchObject({
      Protocol: 'email',
      Endpoint: 'oncall@example.com',
    });
    const { PolicyDocument } = only(here, 'AWS::SNS::TopicPolicy').Properties;
    expect(PolicyDocument).toMatchObject({
      Statement: [
        { Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
        {
          Effect: 'Allow',
          Principal: { Service: 'cloudwatch.amazonaws.com' },
          Action: 'sns:Publish',
          Condition: {
            ArnLike: {
              'aws:SourceArn': {
                'Fn::Join': ['', expect.arrayContaining([':alarm:ferry-*'])],
              },
            },
          },
        },
      ],
    });
  });

  it('sums up the alarms that are there', () => {
    expect(only(here, 'AWS::CloudWatch::CompositeAlarm').Properties).toMatchObject({
      AlarmName: 'ferry-fleet-degraded',
      AlarmRule: 'ALARM("ferry-orders-degraded")',
    });
    const second = templateOf(app, 'ferry-second-source');
    expect(resources(second, 'AWS::CloudWatch::Alarm')).toEqual([]);
    expect(resources(second, 'AWS::CloudWatch::CompositeAlarm')).toEqual([]);
    expect(resources(second, 'AWS::CloudWatch::Dashboard')).toEqual([]);
    expect(Object.keys(second.Outputs ?? {})).not.toContain('AlarmTopicArn');
  });

  it('has a key of its own for the topic', () => {
    const kmsKeyArn = 'arn:aws:kms:us-east-1:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111';
    const keyed = built({ fleet: { kmsKeyArn }, replications: [CREATED] });

    expect(
      only(templateOf(keyed, 'ferry-fleet-us-east-1'), 'AWS::SNS::Topic').Properties[
        'KmsMasterKeyId'
      ],
    ).toBe(kmsKeyArn);
  });

  it('needs a key that CloudWatch may use for Ferry’s alarms', () => {
    const kmsKeyArn = 'arn:aws:kms:us-east-1:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111';
    const config = parseConfig({ fleet: { kmsKeyArn }, replications: [CREATED] });

    expect([...keyPolicies(config.replications, A, undefined, config.fleet)]).toMatchObject([
      [
        kmsKeyArn,
        [
          {
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Condition: {
              ArnLike: { 'aws:SourceArn': [`arn:aws:cloudwatch:us-east-1:${A}:alarm:ferry-*`] },
            },
          },
        ],
      ],
    ]);
  });

  it('needs no key for a topic that a replication does not have', () => {
    const kmsKeyArn = 'arn:aws:kms:us-east-1:111122223333:key/mrk-1111aaaa1111aaaa1111aaaa1111aaaa';
    const servicesOf = (alarms: object) => {
      const keyed = replicationOf({ ...CREATED, encryption: { kmsKeyArn }, alarms });
      return JSON.stringify([...keyPolicies([keyed], A).values()]);
    };

    expect(servicesOf({})).toContain('cloudwatch.amazonaws.com');
    expect(servicesOf({ enabled: false })).not.toContain('cloudwatch.amazonaws.com');
    expect(servicesOf({ topicArn: mine.replace('eu-west-1', 'us-east-1') })).not.toContain(
      'cloudwatch.amazonaws.com',
    );
  });

  it('shows a row for each replication, which links to its own dashboard', () => {
    const { widgets } = parseDashboardBody(
      only(here, 'AWS::CloudWatch::Dashboard').Properties['DashboardBody'],
    );
    const texts = widgets.flatMap((one) => (one.type === 'text' ? [one.properties.markdown] : []));

    expect(texts.slice(1)).toEqual([
      '## [orders](https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#dashboards/dashboard/ferry-orders): Orders to OrdersTwin (eu-west-1)',
      '## second: Orders to OrdersTwin (ap-south-1)',
    ]);
    expect(widgets).toHaveLength(1 + 2 * 4);
  });

  it('stays below the limits of CloudWatch with 100 replications of the longest names', () => {
    const names = Array.from({ length: 100 }, (_, index) =>
      `n${'x'.repeat(26)}${index}`.slice(0, 30),
    );
    const { replications: members } = parseConfig({
      fleet: {},
      replications: names.map((name) => ({
        name,
        source: { region: 'us-east-1', table: name, streamArn: STREAM_ARN.replace('Orders', name) },
        destination: { region: 'eu-west-1', table: name },
      })),
    });
    const fleet = emptyApp();
    const stack = new Stack(fleet, 'Sources', { env: { region: 'us-east-1' } });
    new CfnWaitConditionHandle(stack, 'Something').overrideLogicalId('Something');
    addFleets(
      fleet,
      {},
      members.map((replication) => ({ replication, stack })),
    );
    const template = templateOf(fleet, 'ferry-fleet-us-east-1');
    const rule = String(only(template, 'AWS::CloudWatch::CompositeAlarm').Properties['AlarmRule']);
    const { widgets } = parseDashboardBody(
      only(template, 'AWS::CloudWatch::Dashboard').Properties['DashboardBody'],
    );
    const metrics = widgets.flatMap((one) => (one.type === 'metric' ? one.properties.metrics : []));

    expect(rule.match(/ALARM/g)).toHaveLength(100);
    expect(rule.length).toBeLessThanOrEqual(10_240);
    expect(widgets.length).toBeLessThanOrEqual(500);
    expect(metrics.length).toBeLessThanOrEqual(500);
  });
});

describe('the configuration of a fleet', () => {
  it.each([
    [
      'a replication with the name of the fleet',
      { replications: [{ ...CREATED, name: 'fleet' }] },
      'replications.0.name must not be "fleet"',
    ],
    [
      'an address for a topic that the replication does not have',
      { replications: [{ ...CREATED, alarms: { email: 'a@example.com' } }] },
      'replications.0.alarms.email is for a topic of the replication',
    ],
    [
      'an address in the defaults, once',
      {
        defaults: { alarms: { email: 'a@example.com' } },
        replications: [CREATED, { ...SECOND }],
      },
      'defaults.alarms.email is for a topic of the replication',
    ],
    [
      'an address for a topic that somebody else has',
      {
        replications: [
          {
            ...CREATED,
            alarms: {
              email: 'a@example.com',
              topicArn: 'arn:aws:sns:us-east-1:111122223333:oncall',
            },
          },
        ],
      },
      'subscribe the address to that topic',
    ],
    [
      'a topic in another Region',
      {
        replications: [
          { ...CREATED, alarms: { topicArn: 'arn:aws:sns:eu-west-1:111122223333:oncall' } },
        ],
      },
      'alarms.topicArn must be a topic in us-east-1, got one in eu-west-1',
    ],
    [
      'a key in another Region',
      {
        fleet: {
          kmsKeyArn: 'arn:aws:kms:eu-west-1:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111',
        },
        replications: [CREATED],
      },
      'fleet.kmsKeyArn must be a key in us-east-1, got one in eu-west-1',
    ],
  ])('refuses %s', (_, file, message) => {
    expect(() => parseConfig({ fleet: {}, ...file })).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(
          new RegExp(`^ferry\\.json has 1 problem:[^]*${message.replaceAll(/[.()"]/g, '\\$&')}`),
        ) as string,
      }),
    );
  });

  it('lets a replication be called fleet where there is none', () => {
    expect(parseConfig({ replications: [{ ...CREATED, name: 'fleet' }] })).toBeDefined();
  });
});
