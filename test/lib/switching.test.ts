// What "switching" adds to the templates: the way back as a replication of its own, one state machine in each Region,
// control rows that only operators and switches can write, and nothing that a partition lacks.

import { rmSync } from 'node:fs';
import { type App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, describe, expect, it } from 'vitest';
import { buildApp } from '../../lib/app.ts';
import { Replication } from '../../lib/replication.ts';
import { parseConfig } from '../../src/config/config.ts';
import { otherDirection } from '../../src/config/directions.ts';
import { deploymentIn } from '../fixtures/deployment.ts';
import {
  appOf,
  CHINA,
  CREATED,
  emptyApp,
  EXISTING,
  getAtt,
  only,
  replicationOf,
  resources,
  stackOf,
  STREAM_ARN,
  tableArn,
  tableNamed,
  temporary,
  type TemplateJson,
  violations,
} from './stack-templates.ts';

afterAll(() => rmSync(temporary, { recursive: true }));

const A = 'us-east-1';
const B = 'eu-west-1';
const SWITCHED = {
  ...CREATED,
  bulk: true,
  heartbeat: { key: { pk: 'ferry-heartbeat', sk: 0 } },
  switching: {},
};
const ONE = '111122223333';
const OTHER = '444455556666';
const TWO_ACCOUNTS = {
  ...EXISTING,
  source: { ...EXISTING.source, account: ONE },
  destination: { ...EXISTING.destination, account: OTHER },
  operatorRole: true,
  switching: {
    streamArn: `arn:aws:dynamodb:eu-west-1:${OTHER}:table/OrdersTwin/stream/2026-01-02T03:04:05.678`,
  },
};

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: Readonly<Record<string, unknown>>;
}

const templateOf = (app: App, stack: string) =>
  Template.fromStack(stackOf(app, stack)).toJSON() as TemplateJson;

const app = appOf(SWITCHED);
const source = templateOf(app, 'ferry-orders-source');
const back = templateOf(app, 'ferry-orders-back-source');

/** By the descriptions of all roles of a template. */
function statementsByRole(template: TemplateJson): Map<string, readonly Statement[]> {
  return new Map(
    resources(template, 'AWS::IAM::Role').map(([, { Properties }]) => {
      const policies = Properties['Policies'] as ReadonlyArray<{
        PolicyDocument: { Statement: readonly Statement[] };
      }>;
      const all = policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
      return [String(Properties['Description']), all] as const;
    }),
  );
}

const functionNamed = (template: TemplateJson, name: string) =>
  resources(template, 'AWS::Lambda::Function').find(
    ([, { Properties }]) => Properties['FunctionName'] === name,
  )?.[1].Properties ?? {};

describe('the way back', () => {
  it('has stacks of its own, and none of the stacks waits for itself', () => {
    const names = app.node.children.map(({ node }) => node.id);
    const needs = (name: string) =>
      stackOf(app, name)
        .dependencies.map(({ node }) => node.id)
        .toSorted();

    expect(names.filter((name) => name.startsWith('ferry-')).toSorted()).toEqual([
      'ferry-orders-back-destination',
      'ferry-orders-back-source',
      'ferry-orders-destination',
      'ferry-orders-source',
      'ferry-switch-eu-west-1',
      'ferry-switch-us-east-1',
    ]);
    const ledgers = ['ferry-orders-back-destination', 'ferry-orders-destination'];
    expect(needs('ferry-orders-source')).toEqual(ledgers);
    expect(needs('ferry-orders-back-source')).toEqual([...ledgers, 'ferry-orders-source']);
    for (const name of [...ledgers, `ferry-switch-${A}`, `ferry-switch-${B}`])
      expect(needs(name)).toEqual([]);
  });

  it('has everything that a replication has, beside the twin', () => {
    const types = (template: TemplateJson) =>
      Object.values(template.Resources)
        .map(({ Type }) => Type)
        .filter((type) => type !== 'AWS::DynamoDB::GlobalTable')
        .toSorted();

    expect(stackOf(app, 'ferry-orders-back-source').region).toBe(B);
    expect(types(back)).toEqual(types(source));
    expect(deploymentIn(functionNamed(back, 'ferry-orders-back-replicate')).replication).toEqual(
      // Of these, a deployment knows no more than a file has.
      JSON.parse(JSON.stringify(otherDirection(replicationOf(SWITCHED)))),
    );
  });

  it('reads the stream of the twin from its beginning, always', () => {
    for (const template of [source, back]) {
      const mapping = only(template, 'AWS::Lambda::EventSourceMapping', 'Replicator');
      expect(mapping.Properties).toMatchObject({
        Enabled: true,
        StartingPosition: 'TRIM_HORIZON',
      });
    }
  });

  it('has streams with both images, and a state table in the Region of the source', () => {
    const images = { StreamViewType: 'NEW_AND_OLD_IMAGES' };
    const twin = templateOf(app, 'ferry-orders-destination');
    const ledger = templateOf(app, 'ferry-orders-back-destination');

    expect(tableNamed(source, 'Orders').Properties['StreamSpecification']).toEqual(images);
    expect(tableNamed(twin, 'OrdersTwin').Properties['StreamSpecification']).toEqual(images);
    expect(tableNamed(ledger, 'ferry-orders-back-state').Properties).toMatchObject({
      Replicas: [{ Region: A }],
    });
    expect(resources(ledger, 'AWS::DynamoDB::GlobalTable')).toHaveLength(1);
    expect(resources(back, 'AWS::DynamoDB::GlobalTable')).toEqual([]);
  });

  it('has its own alarms in its own Region, whatever topic the others have', () => {
    const topicArn = `arn:aws:sns:us-east-1:${ONE}:oncall`;
    const topics = appOf({ ...SWITCHED, alarms: { topicArn } });

    const [there, here] = ['ferry-orders-source', 'ferry-orders-back-source'].map((stack) =>
      templateOf(topics, stack),
    ) as [TemplateJson, TemplateJson];

    expect(resources(there, 'AWS::SNS::Topic')).toEqual([]);
    expect(only(here, 'AWS::SNS::Topic').Properties['TopicName']).toBe('ferry-orders-back-alarms');
    for (const template of [source, back])
      for (const alarm of ['stray-writes', 'control-unreadable', 'records-held'])
        expect(
          resources(template, 'AWS::CloudWatch::Alarm').filter(([, { Properties }]) =>
            String(Properties['AlarmName']).endsWith(alarm),
          ),
        ).toHaveLength(1);
  });

  it('keeps stranded writes for 90 days, like all that is in the bucket', () => {
    for (const template of [source, back])
      expect(only(template, 'AWS::S3::Bucket').Properties['LifecycleConfiguration']).toEqual({
        Rules: [expect.objectContaining({ ExpirationInDays: 90, Status: 'Enabled' })],
      });
  });

  it('is left out of a replication that cannot be switched', () => {
    const without = appOf(CREATED);

    expect(without.node.children.map(({ node }) => node.id)).not.toContain(
      'ferry-orders-back-source',
    );
    expect(JSON.stringify(templateOf(without, 'ferry-orders-source'))).not.toContain('-back');
  });
});

describe('the control rows', () => {
  const ledgers = [tableArn(B, 'ferry-orders-state'), tableArn(A, 'ferry-orders-back-state')];
  const WRITES = /^dynamodb:(PutItem|UpdateItem|DeleteItem|BatchWriteItem|PartiQL\w+|\*)$/;

  /** Who may write any row of a ledger, and who any row but the control row. */
  function writers(templates: readonly TemplateJson[]) {
    const found = { all: new Set<string>(), others: new Set<string>() };
    for (const [role, statements] of templates.flatMap((one) => [...statementsByRole(one)])) {
      for (const { Action, Resource, Condition } of statements) {
        const onLedger = [Resource].flat().some((one) => isLedger(one));
        if (!onLedger || ![Action].flat().some((action) => WRITES.test(action))) continue;
        const excluded = Condition?.['ForAllValues:StringNotEquals'];
        const isControl = /^\{"dynamodb:LeadingKeys":\["orders(-back)?#control"\]\}$/;
        const isKept = isControl.test(JSON.stringify(excluded) ?? '');
        (isKept ? found.others : found.all).add(role);
      }
    }
    return { all: [...found.all].toSorted(), others: [...found.others].toSorted() };
  }

  const isLedger = (resource: unknown) =>
    ledgers.some((ledger) => JSON.stringify(ledger) === JSON.stringify(resource)) ||
    /:table\/ferry-orders-(back-)?state/.test(JSON.stringify(resource));

  it('are written by switches alone, where operators have roles of their own', () => {
    const all = app.node.children
      .filter(({ node }) => node.id.startsWith('ferry-'))
      .map(({ node }) => templateOf(app, node.id));

    expect(writers(all)).toEqual({
      all: [
        'Ferry orders-back: what a switch does beside the source',
        'Ferry orders: what a switch does beside the source',
      ],
      others: [
        'Ferry orders-back: the function for segments of backfill, verify and redrive',
        'Ferry orders-back: the replicate function',
        'Ferry orders: the function for segments of backfill, verify and redrive',
        'Ferry orders: the replicate function',
      ],
    });
  });

  it('are written by no role that a function of another account can assume', () => {
    const two = appOf(TWO_ACCOUNTS);
    const all = two.node.children
      .filter(({ node }) => node.id.startsWith('ferry-'))
      .map(({ node }) => templateOf(two, node.id));

    expect(writers(all)).toEqual({
      all: [
        `Ferry orders-back: commands in account ${OTHER}`,
        'Ferry orders-back: all commands',
        'Ferry orders-back: what a switch does beside the source',
        `Ferry orders: commands in account ${ONE}`,
        'Ferry orders: all commands',
        'Ferry orders: what a switch does beside the source',
      ].toSorted(),
      others: [
        `Ferry orders-back: what writes the twin in account ${OTHER}`,
        `Ferry orders: what writes the twin in account ${ONE}`,
      ].toSorted(),
    });
    // Also of the way back, whose twin is in the account of the source.
    const writer = all
      .flatMap((one) => resources(one, 'AWS::IAM::Role'))
      .find(([, { Properties }]) => Properties['RoleName'] === 'ferry-orders-back-writer');
    expect(JSON.stringify(writer)).not.toContain('operator');
  });

  it('are read in both Regions by every function', () => {
    for (const [template, other] of [
      [source, ledgers[1]],
      [back, ledgers[0]],
    ] as const)
      for (const [role, statements] of statementsByRole(template)) {
        if (!/(function|segments|again)\b/.test(role) || /state machine/.test(role)) continue;
        const reads = statements.filter(({ Action }) =>
          [Action].flat().includes('dynamodb:GetItem'),
        );
        expect([role, JSON.stringify(reads)]).toEqual([
          role,
          expect.stringContaining(JSON.stringify(other)) as string,
        ]);
      }
  });
});

describe('the roles of a switch', () => {
  it('are trusted to operators and to the switch functions of both Regions, by name', () => {
    const operatorRoles = [`arn:aws:iam::${ONE}:role/oncall`];
    const named = templateOf(
      appOf({ ...SWITCHED, switching: { operatorRoles } }),
      'ferry-orders-source',
    );
    const trust = (prefix: string) =>
      JSON.stringify(only(named, 'AWS::IAM::Role', prefix).Properties['AssumeRolePolicyDocument']);

    for (const role of ['SwitchRole', 'ProbeRole']) {
      for (const name of ['role/oncall', `role/ferry-switch-${A}`, `role/ferry-switch-${B}`])
        expect(trust(role)).toContain(name);
      expect(trust(role)).toContain('aws:PrincipalArn');
    }
    expect(trust('ProbeRole')).toContain('role/ferry-orders-switch');
  });

  it('let a probe put its item into its table, and do nothing else', () => {
    for (const [template, table] of [
      [source, tableArn(A, 'Orders')],
      [back, tableArn(B, 'OrdersTwin')],
    ] as const) {
      const all = statementsByRole(template);
      const role = [...all].find(([name]) => name.endsWith('whether the source takes writes'));
      const Condition = {
        'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['ferry-probe'] },
      };
      expect(role?.[1]).toEqual([
        { Effect: 'Allow', Action: 'dynamodb:PutItem', Resource: table, Condition },
      ]);
    }
  });

  it('have names, which the fence exempts', () => {
    const names = resources(back, 'AWS::IAM::Role').flatMap(
      ([, { Properties }]) => Properties['RoleName'] ?? [],
    );

    expect(names.map(String).toSorted()).toEqual([
      'ferry-orders-back-bulk',
      'ferry-orders-back-heartbeat',
      'ferry-orders-back-look-again',
      'ferry-orders-back-probe',
      'ferry-orders-back-replicate',
      'ferry-orders-back-switch',
    ]);
  });

  it('have policies that IAM takes', () => {
    const ofOne = {
      ...SWITCHED,
      source: { ...SWITCHED.source, account: ONE },
      destination: { ...SWITCHED.destination, account: ONE },
      operatorRole: true,
    };
    for (const one of [ofOne, { ...SWITCHED, ...TWO_ACCOUNTS, bulk: true }]) {
      const made = appOf(one);
      const templates = made.node.children
        .filter(({ node }) => node.id.startsWith('ferry-'))
        .map(({ node }) => templateOf(made, node.id));
      for (const [, { Properties }] of templates.flatMap((all) =>
        resources(all, 'AWS::IAM::Role'),
      )) {
        // Of all inline policies of a role, without white space. References are longer than what they stand for.
        const { Description, Policies } = Properties;
        const length = JSON.stringify(Policies).length;
        expect([Description, length < 10_240, length]).toEqual([Description, true, length]);
      }
    }
  });
});

describe.each([
  [A, B, 'FailbackDynamoDB', 'orders'],
  [B, A, 'PlannedFailoverDynamoDB', 'orders-back'],
])('in %s', (region, other, type, direction) => {
  const template = templateOf(app, `ferry-switch-${region}`);
  const variable = (name: string) => {
    const { Variables } = functionNamed(template, name)['Environment'] as {
      Variables: { FERRY_SWITCH: unknown };
    };
    return JSON.stringify(Variables.FERRY_SWITCH).replaceAll('\\', '');
  };

  it('is one state machine, and the functions that belong to it', () => {
    const [[id] = []] = resources(template, 'AWS::StepFunctions::StateMachine');

    expect(only(template, 'AWS::StepFunctions::StateMachine').Properties).toMatchObject({
      StateMachineName: 'ferry-switch',
      TracingConfiguration: { Enabled: true },
      LoggingConfiguration: { IncludeExecutionData: false },
    });
    expect(id).toBeDefined();
    expect(functionNamed(template, 'ferry-switch')).toMatchObject({
      Timeout: 900,
      MemorySize: 1_024,
    });
    expect(variable('ferry-switch')).toContain(`{"${other}":["${direction}"]}`);
    expect(variable('ferry-region-switch')).toContain(`"target":"${region}"`);
    expect(variable('ferry-region-switch')).toContain(`{"1":{"${type}":["orders"]}}`);
    expect(variable('ferry-lost-region-switch')).toContain('UnplannedFailoverDynamoDB');
  });

  it('has a function that may assume the roles of a switch, and nothing else', () => {
    const roles = statementsByRole(template);
    const actions = (role: string) =>
      (roles.get(role) ?? [])
        .flatMap(({ Action }) => Action)
        .filter((one) => !one.startsWith('logs:'));

    expect(actions('Ferry: the function that switches')).toEqual(['sts:AssumeRole']);
    const assumed = JSON.stringify(roles.get('Ferry: the function that switches'));
    for (const name of ['role/ferry-orders-switch', 'role/ferry-orders-back-switch'])
      expect(assumed).toContain(name);
    for (const name of ['ferry-region-switch', 'ferry-lost-region-switch'])
      expect(actions(`Ferry: the function ${name}`).toSorted()).toEqual([
        'states:DescribeExecution',
        'states:ListExecutions',
        'states:StartExecution',
      ]);
    const invoked = roles
      .get('Ferry: the state machine that switches many tables')
      ?.filter(({ Action }) => Action === 'lambda:InvokeFunction');
    expect(invoked).toHaveLength(1);
    expect(JSON.stringify(invoked)).toContain(':function:ferry-switch"');
  });
});

it('refuses the stack of another configuration file, by the name of a replication of its own', () => {
  const { Parameters, Rules } = templateOf(app, `ferry-switch-${B}`) as TemplateJson & {
    readonly Parameters: Readonly<Record<string, { readonly Default?: string }>>;
    readonly Rules: Readonly<Record<string, { readonly Assertions: ReadonlyArray<object> }>>;
  };

  // A deployment keeps the value that the parameter has got from the first one.
  expect(Parameters['SwitchOf']?.Default).toBe('orders');
  expect(Rules['OwnFile']?.Assertions).toMatchObject([
    { Assert: { 'Fn::Contains': [['orders'], { Ref: 'SwitchOf' }] } },
  ]);
});

it('puts replications into the layers that they name', () => {
  const carts = {
    ...CREATED,
    name: 'carts',
    source: { ...CREATED.source, table: 'Carts' },
    destination: { ...CREATED.destination, table: 'CartsTwin' },
    switching: { layer: 7 },
  };
  const two = appOf(SWITCHED, carts);
  const template = templateOf(two, `ferry-switch-${B}`);

  const { Variables } = functionNamed(template, 'ferry-region-switch')['Environment'] as {
    Variables: object;
  };

  expect(JSON.stringify(Variables).replaceAll('\\', '')).toContain(
    '{"1":{"PlannedFailoverDynamoDB":["orders"]},"7":{"PlannedFailoverDynamoDB":["carts"]}}',
  );
});

it('is not for props of a construct, which has one direction', () => {
  const stack = new Stack(emptyApp(), 'Stack', { env: { region: A } });
  const source = { tableArn: STREAM_ARN.replace(/\/stream.*/, ''), streamArn: STREAM_ARN };
  const props = { source, destination: { region: B, tableName: 'Orders' }, switching: {} };

  expect(() => new Replication(stack, 'Orders', props)).toThrow(
    'Stack/Orders: switching needs the stacks of a configuration file',
  );
});

describe('all of it', () => {
  it.each([
    ['in one account', SWITCHED],
    ['in two accounts', { ...TWO_ACCOUNTS, bulk: true }],
    ['in China', { ...CHINA, bulk: true, switching: {} }],
  ])('is clean %s', (_, replication) => {
    const clean = appOf(replication);

    clean.synth();

    expect(violations(clean)).toEqual([]);
  });

  it('needs nothing that China lacks', () => {
    const china = appOf({ ...CHINA, bulk: true, switching: {} });

    for (const region of ['cn-north-1', 'cn-northwest-1']) {
      const template = templateOf(china, `ferry-switch-${region}`);
      const machine = only(template, 'AWS::StepFunctions::StateMachine').Properties;
      expect(machine['TracingConfiguration']).toBeUndefined();
      expect(JSON.stringify(template)).not.toContain('arn:aws:');
      expect(JSON.stringify(template)).not.toContain('xray:');
    }
  });

  it('has a topic and a dashboard in each Region, with a fleet', () => {
    const fleet = emptyApp();
    buildApp(fleet, parseConfig({ fleet: {}, replications: [SWITCHED] }));

    for (const region of [A, B])
      expect(
        only(templateOf(fleet, `ferry-fleet-${region}`), 'AWS::SNS::Topic').Properties['TopicName'],
      ).toBe('ferry-fleet-alarms');
    for (const stack of ['ferry-orders-source', 'ferry-orders-back-source'])
      expect(resources(templateOf(fleet, stack), 'AWS::SNS::Topic')).toEqual([]);
  });

  it('uses the keys of the customer in both directions', () => {
    const key = (region = '') =>
      `arn:aws:kms:${region}:${ONE}:key/11111111-aaaa-4aaa-8aaa-111111111111`;
    const encryption = { kmsKeyArn: key(A), destinationKmsKeyArn: key(B) };
    const keyed = appOf({ ...SWITCHED, encryption });

    const there = templateOf(keyed, 'ferry-orders-back-source');
    const ledger = templateOf(keyed, 'ferry-orders-back-destination');

    expect(JSON.stringify(there)).not.toContain(`"KmsMasterKeyId":"${key(A)}"`);
    expect(only(there, 'AWS::SQS::Queue', 'ReplicatorDead').Properties['KmsMasterKeyId']).toBe(
      key(B),
    );
    expect(JSON.stringify(tableNamed(ledger, 'ferry-orders-back-state'))).toContain(key(A));
    const switching = [...statementsByRole(there)].find(([role]) => /switch does/.test(role));
    expect(JSON.stringify(switching)).toContain(key(B));
    keyed.synth();
    expect(violations(keyed)).toEqual([]);
  });

  it('gives the function of a direction its role by name', () => {
    const [id] = resources(source, 'AWS::IAM::Role').find(
      ([, { Properties }]) => Properties['RoleName'] === 'ferry-orders-replicate',
    ) ?? [''];

    expect(functionNamed(source, 'ferry-orders-replicate')['Role']).toEqual(getAtt(id, 'Arn'));
  });
});
