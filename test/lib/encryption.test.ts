// Customer managed keys in the templates: which resource has which key, and which role may use it for what.

import { rmSync } from 'node:fs';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, describe, expect, it } from 'vitest';
import { keyPolicies, type KeyPolicyStatement } from '../../src/permissions/key-policy.ts';
import { appOf, BEATING, EXISTING, replicationOf, stackOf, temporary } from './stack-templates.ts';

afterAll(() => rmSync(temporary, { recursive: true }));

const ACCOUNT = '111122223333';

interface Place {
  readonly partition: string;
  readonly from: string;
  readonly to: string;
  /** Endings that `kms:ViaService` may have there. */
  readonly suffixes: readonly string[];
}

const AWS: Place = {
  partition: 'aws',
  from: 'us-east-1',
  to: 'eu-west-1',
  suffixes: ['amazonaws.com'],
};
const PLACES: [string, Place][] = [
  ['AWS', AWS],
  [
    'China',
    {
      partition: 'aws-cn',
      from: 'cn-north-1',
      to: 'cn-northwest-1',
      suffixes: ['amazonaws.com', 'amazonaws.com.cn'],
    },
  ],
  [
    'GovCloud',
    {
      partition: 'aws-us-gov',
      from: 'us-gov-west-1',
      to: 'us-gov-east-1',
      suffixes: ['amazonaws.com'],
    },
  ],
];

const KEY_IDS = {
  all: '11111111-aaaa-4aaa-8aaa-111111111111',
  own: '22222222-bbbb-4bbb-8bbb-222222222222',
  source: '33333333-cccc-4ccc-8ccc-333333333333',
  twin: '44444444-dddd-4ddd-8ddd-444444444444',
  everywhere: 'mrk-12345678901234567890123456789012',
};
const arn = (region: string, id: keyof typeof KEY_IDS, partition = 'aws') =>
  `arn:${partition}:kms:${region}:${ACCOUNT}:key/${KEY_IDS[id]}`;
const SOURCE_KEY = arn(AWS.from, 'all');
const DESTINATION_KEY = arn(AWS.to, 'all');

/** With every option that adds a resource. */
function everything(encryption: object | undefined, { from, to }: Place = AWS) {
  return {
    ...BEATING,
    source: { ...BEATING.source, region: from },
    destination: { ...BEATING.destination, region: to },
    bulk: true,
    alarms: { email: 'oncall@example.com' },
    ...(encryption && { encryption }),
  };
}

interface Statement {
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: Record<string, Record<string, string[]>>;
}

interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
}

/** Of both stacks, once the app has been synthesized with every check. */
function resourcesOf(replication: object): [id: string, resource: Resource][] {
  const app = appOf(replication);
  app.synth();
  return ['source', 'destination'].flatMap((side) =>
    Object.entries(
      (Template.fromStack(stackOf(app, `ferry-orders-${side}`)).toJSON() as never)[
        'Resources'
      ] as Record<string, Resource>,
    ),
  );
}

/** Where each type of resource has its key. */
const KEY_PATHS: Readonly<Record<string, string>> = {
  'AWS::SQS::Queue': 'KmsMasterKeyId',
  'AWS::S3::Bucket':
    'BucketEncryption.ServerSideEncryptionConfiguration.0.ServerSideEncryptionByDefault.KMSMasterKeyID',
  'AWS::SNS::Topic': 'KmsMasterKeyId',
  'AWS::Logs::LogGroup': 'KmsKeyId',
  'AWS::Lambda::Function': 'KmsKeyArn',
  'AWS::DynamoDB::GlobalTable': 'Replicas.0.SSESpecification.KMSMasterKeyId',
};

function memberAt(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce((found, name) => (found as Record<string, unknown> | undefined)?.[name], value);
}

/** By name, or by type where it has no name: the key. */
function keysIn(resources: [string, Resource][]): Record<string, unknown> {
  return Object.fromEntries(
    resources.flatMap(([, { Type, Properties }]) => {
      const path = KEY_PATHS[Type];
      if (path === undefined) return [];
      const name = ['QueueName', 'TopicName', 'LogGroupName', 'FunctionName', 'TableName'].find(
        (property) => property in Properties,
      );
      const label = Type.includes('Function') ? 'function ' : '';
      return [
        [label + String(name === undefined ? Type : Properties[name]), memberAt(Properties, path)],
      ];
    }),
  );
}

const NAMES = {
  deadLetterQueue: ['ferry-orders-dead-letters'],
  lookAgainQueue: ['ferry-orders-look-again'],
  onFailureBucket: ['AWS::S3::Bucket'],
  alarmTopic: ['ferry-orders-alarms'],
  logGroups: [
    '/aws/lambda/ferry-orders-bulk',
    '/aws/lambda/ferry-orders-heartbeat',
    '/aws/lambda/ferry-orders-look-again',
    '/aws/lambda/ferry-orders-replicate',
    '/aws/vendedlogs/states/ferry-orders-bulk',
    '/ferry/orders/history',
  ],
  functions: ['bulk', 'heartbeat', 'look-again', 'replicate'].map(
    (name) => `function ferry-orders-${name}`,
  ),
  stateTable: ['ferry-orders-state'],
};
const ALL_NAMES = [...Object.values(NAMES).flat(), 'Orders', 'OrdersTwin'];
const IN_DESTINATION = ['ferry-orders-state', 'OrdersTwin'];

/** What roles may do with keys, one key at a time, by the role's description. */
function roleStatements(resources: [string, Resource][]): [role: string, statement: Statement][] {
  return resources
    .filter(([, { Type }]) => Type === 'AWS::IAM::Role')
    .flatMap(([, { Properties }]) => {
      const policies = Properties['Policies'] as { PolicyDocument: { Statement: Statement[] } }[];
      const role = String(Properties['Description']).replace('Ferry orders: ', '');
      return policies
        .flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
        .filter(({ Action }) => [Action].flat().some((action) => action.startsWith('kms:')))
        .flatMap((statement) =>
          [statement.Resource]
            .flat()
            .map((key): [string, Statement] => [role, { ...statement, Resource: key }]),
        );
    });
}

describe('without "encryption"', () => {
  const resources = resourcesOf(everything(undefined));

  it('nothing has a customer key, and no role may use one', () => {
    const keys = keysIn(resources);

    expect(Object.keys(keys).toSorted()).toEqual(ALL_NAMES.toSorted());
    expect(Object.values(keys).filter((key) => key !== undefined)).toEqual([]);
    expect(roleStatements(resources)).toEqual([]);
    expect(JSON.stringify(resources)).not.toContain('kms:');
  });

  it('no key policy has to allow anything', () => {
    expect(keyPolicies([replicationOf(everything(undefined))], ACCOUNT).size).toBe(0);
  });
});

describe('with a key for each Region', () => {
  const resources = resourcesOf(
    everything({ kmsKeyArn: SOURCE_KEY, destinationKmsKeyArn: DESTINATION_KEY }),
  );

  it('everything that is created has the key of its Region', () => {
    const wanted = ALL_NAMES.map((name) => [
      name,
      IN_DESTINATION.includes(name) ? DESTINATION_KEY : SOURCE_KEY,
    ]);

    expect(keysIn(resources)).toEqual(Object.fromEntries(wanted));
  });

  it('the bucket asks KMS once for many objects', () => {
    const [, bucket] = resources.find(([, { Type }]) => Type === 'AWS::S3::Bucket') ?? [];

    expect(bucket?.Properties['BucketEncryption']).toEqual({
      ServerSideEncryptionConfiguration: [
        {
          BucketKeyEnabled: true,
          ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: SOURCE_KEY },
        },
      ],
    });
  });

  it('each role may use a key for its own work, through the service alone', () => {
    const rights = roleStatements(resources).flatMap(([role, statement]) => {
      const services = statement.Condition?.['StringEquals']?.['kms:ViaService'] ?? [];
      const actions = [statement.Action].flat().map((action) => action.replace('kms:', ''));
      const side = statement.Resource === SOURCE_KEY ? AWS.from : AWS.to;
      expect([SOURCE_KEY, DESTINATION_KEY]).toContain(statement.Resource);
      return services.map((service) => {
        expect(service).toMatch(new RegExp(`^[a-z0-9]+\\.${side}\\.amazonaws\\.com$`));
        return `${role}: ${actions.join(' ')} by ${service.replace('.amazonaws.com', '')}`;
      });
    });

    expect(rights.toSorted()).toEqual([
      'the function for segments of backfill, verify and redrive: Decrypt DescribeKey by dynamodb.eu-west-1',
      'the function for segments of backfill, verify and redrive: Decrypt DescribeKey by dynamodb.us-east-1',
      'the function for segments of backfill, verify and redrive: Decrypt GenerateDataKey by logs.us-east-1',
      'the function for segments of backfill, verify and redrive: Decrypt GenerateDataKey by sqs.us-east-1',
      'the function for segments of backfill, verify and redrive: Decrypt by lambda.us-east-1',
      'the function for segments of backfill, verify and redrive: Decrypt by s3.us-east-1',
      'the function for segments of backfill, verify and redrive: GenerateDataKey by s3.us-east-1',
      'the function that looks at deletes again: Decrypt DescribeKey by dynamodb.eu-west-1',
      'the function that looks at deletes again: Decrypt GenerateDataKey by logs.us-east-1',
      'the function that looks at deletes again: Decrypt by lambda.us-east-1',
      'the function that looks at deletes again: Decrypt by sqs.us-east-1',
      'the heartbeat function: Decrypt DescribeKey by dynamodb.eu-west-1',
      'the heartbeat function: Decrypt DescribeKey by dynamodb.us-east-1',
      'the heartbeat function: Decrypt GenerateDataKey by logs.us-east-1',
      'the heartbeat function: Decrypt by lambda.us-east-1',
      'the replicate function: Decrypt DescribeKey by dynamodb.eu-west-1',
      'the replicate function: Decrypt DescribeKey by dynamodb.us-east-1',
      'the replicate function: Decrypt GenerateDataKey by logs.us-east-1',
      'the replicate function: Decrypt GenerateDataKey by sqs.us-east-1',
      'the replicate function: Decrypt GenerateDataKey by sqs.us-east-1',
      'the replicate function: Decrypt by lambda.us-east-1',
      'the replicate function: GenerateDataKey by s3.us-east-1',
    ]);
  });
});

describe('exceptions', () => {
  const all = { kmsKeyArn: SOURCE_KEY, destinationKmsKeyArn: DESTINATION_KEY };

  it.each(Object.entries(NAMES))('"%s" has its own key, and nothing else has', (name, named) => {
    const own = arn(name === 'stateTable' ? AWS.to : AWS.from, 'own');

    const resources = resourcesOf(everything({ ...all, [name]: own }));

    const withOwn = Object.entries(keysIn(resources)).filter(([, key]) => key === own);
    expect(withOwn.map(([resource]) => resource).toSorted()).toEqual(named.toSorted());
    const usedByRoles = roleStatements(resources).some(([, { Resource }]) => Resource === own);
    // CloudWatch uses its key as itself alone.
    expect(usedByRoles).toBe(name !== 'alarmTopic');
  });

  it.each(Object.entries(NAMES))('"%s": "none" leaves it to its service', (name, named) => {
    const keys = keysIn(resourcesOf(everything({ ...all, [name]: 'none' })));

    const without = Object.entries(keys).filter(([, key]) => key === undefined);
    expect(without.map(([resource]) => resource).toSorted()).toEqual(named.toSorted());
  });

  it.each(Object.entries(NAMES))('"%s" alone may have a key', (name, named) => {
    const own = arn(name === 'stateTable' ? AWS.to : AWS.from, 'own');

    const keys = keysIn(resourcesOf(everything({ [name]: own })));

    const withKey = Object.entries(keys).filter(([, key]) => key !== undefined);
    expect(withKey.map(([resource]) => resource).toSorted()).toEqual(named.toSorted());
  });

  it('a table that is created has the key that it names, and roles may use it', () => {
    const [one, other] = [arn(AWS.from, 'source'), arn(AWS.to, 'twin')];
    const replication = everything(all);

    const resources = resourcesOf({
      ...replication,
      source: { ...replication.source, kmsKeyArn: one },
      destination: { ...replication.destination, kmsKeyArn: other },
    });

    expect(keysIn(resources)).toMatchObject({
      Orders: one,
      OrdersTwin: other,
      'ferry-orders-state': DESTINATION_KEY,
    });
    const usable = roleStatements(resources)
      .filter(([role]) => role === 'the replicate function')
      .map(([, { Resource }]) => Resource);
    expect(usable).toEqual(expect.arrayContaining([one, other, DESTINATION_KEY]));
  });

  it('an existing table keeps its key, and roles may use only the one that it names', () => {
    const tableKey = arn(AWS.to, 'twin');
    const resources = resourcesOf({
      ...EXISTING,
      destination: { ...EXISTING.destination, kmsKeyArn: tableKey },
      encryption: all,
    });

    const byDynamoDB = roleStatements(resources)
      .filter(([role]) => role === 'the replicate function')
      .filter(([, one]) => JSON.stringify(one.Condition).includes('dynamodb.'))
      .map(([, { Resource }]) => Resource);
    expect(new Set(byDynamoDB)).toEqual(new Set([tableKey, DESTINATION_KEY]));
  });
});

it('one multi-Region key is enough: the other Region uses its replica', () => {
  const keys = keysIn(resourcesOf(everything({ kmsKeyArn: arn(AWS.from, 'everywhere') })));

  expect(new Set(Object.values(keys))).toEqual(
    new Set([arn(AWS.from, 'everywhere'), arn(AWS.to, 'everywhere')]),
  );
  expect(keys['ferry-orders-state']).toBe(arn(AWS.to, 'everywhere'));
});

it('one key is enough within one Region', () => {
  const keys = keysIn(resourcesOf(everything({ kmsKeyArn: SOURCE_KEY }, { ...AWS, to: AWS.from })));

  expect([...new Set(Object.values(keys))]).toEqual([SOURCE_KEY]);
});

describe.each(PLACES)('in %s', (_, place) => {
  const { partition, from, to, suffixes } = place;
  const replication = everything(
    {
      kmsKeyArn: arn(from, 'all', partition),
      destinationKmsKeyArn: arn(to, 'all', partition),
    },
    place,
  );
  const resources = resourcesOf(replication);
  const policies = keyPolicies([replicationOf(replication)], ACCOUNT);
  const statementsOf = (key: string) => policies.get(key) ?? [];
  const through = (key: string) =>
    statementsOf(key).find(({ Sid }) => Sid === 'FerryRolesAndOperators');

  it('a condition on the service holds with each ending that KMS may see', () => {
    const found = roleStatements(resources).map(
      ([, { Condition }]) => Condition?.['StringEquals']?.['kms:ViaService'] ?? [],
    );

    expect(found.length).toBeGreaterThan(10);
    for (const services of found) {
      const [service] = String(services[0]).split('.');
      expect(['dynamodb', 'lambda', 'logs', 's3', 'sqs']).toContain(service);
      const region = services[0]?.split('.')[1];
      expect(services).toEqual(suffixes.map((suffix) => `${service}.${region}.${suffix}`));
    }
  });

  it('the key policies allow all that the roles may ask for', () => {
    for (const [, { Action, Resource, Condition }] of roleStatements(resources)) {
      const allowed = through(String(Resource));
      expect(allowed?.Principal).toEqual({ AWS: `arn:${partition}:iam::${ACCOUNT}:root` });
      expect(allowed?.Action).toEqual(expect.arrayContaining([Action].flat()));
      expect(allowed?.Condition['StringEquals']?.['kms:ViaService']).toEqual(
        expect.arrayContaining(Condition?.['StringEquals']?.['kms:ViaService'] ?? []),
      );
    }
  });

  it('the key policies let CloudWatch Logs encrypt each log group', () => {
    const { Principal, Condition } = statement(statementsOf(arn(from, 'all', partition)), 'Logs');
    const groups = resources
      .filter(([, { Type }]) => Type === 'AWS::Logs::LogGroup')
      .map(
        ([, { Properties }]) =>
          `arn:${partition}:logs:${from}:${ACCOUNT}:log-group:${String(Properties['LogGroupName'])}`,
      );

    expect(Principal).toEqual({ Service: `logs.${from}.${suffixes.at(-1)}` });
    expect(groups).toHaveLength(6);
    const patterns = Condition['ArnLike']?.['kms:EncryptionContext:aws:logs:arn'] ?? [];
    expect(groups.filter((group) => !isLike(group, patterns))).toEqual([]);
  });

  it('the key policies let each alarm reach the topic, and no other account’s alarms', () => {
    const { Principal, Condition } = statement(statementsOf(arn(from, 'all', partition)), 'Alarms');
    const alarms = resources
      .filter(([, { Type }]) => Type === 'AWS::CloudWatch::Alarm')
      .map(
        ([, { Properties }]) =>
          `arn:${partition}:cloudwatch:${from}:${ACCOUNT}:alarm:${String(Properties['AlarmName'])}`,
      );

    expect(Principal).toEqual({ Service: 'cloudwatch.amazonaws.com' });
    expect(Condition['StringEquals']).toEqual({ 'aws:SourceAccount': ACCOUNT });
    expect(alarms.length).toBeGreaterThan(15);
    const patterns = Condition['ArnLike']?.['aws:SourceArn'] ?? [];
    expect(alarms.filter((alarm) => !isLike(alarm, patterns))).toEqual([]);
  });

  it('the key of the destination’s Region is for DynamoDB alone', () => {
    const statements = statementsOf(arn(to, 'all', partition));

    expect(statements.map(({ Sid }) => Sid)).toEqual([
      'FerryRolesAndOperators',
      'FerryDeployments',
    ]);
    for (const { Condition } of statements) {
      expect(Condition['StringEquals']?.['kms:ViaService']).toEqual(
        suffixes.map((suffix) => `dynamodb.${to}.${suffix}`),
      );
    }
  });
});

function statement(all: readonly KeyPolicyStatement[], what: string): KeyPolicyStatement {
  const found = all.find(({ Sid }) => Sid === `Ferry${what}`);
  if (found === undefined) throw new Error(`The key policy says nothing about ${what}.`);
  return found;
}

function isLike(text: string, patterns: string | readonly string[]): boolean {
  return [patterns]
    .flat()
    .some((pattern) => new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(text));
}

describe('the app says what the owner of a key must allow', () => {
  const infos = (replication: object) =>
    stackOf(appOf(replication), 'ferry-orders-source')
      .node.findChild('Default')
      .node.metadata.filter(({ type }) => type === 'aws:cdk:info')
      .map(({ data }) => String(data));

  it('where a service uses the key as itself', () => {
    const [info, ...others] = infos(
      everything({ kmsKeyArn: SOURCE_KEY, destinationKmsKeyArn: DESTINATION_KEY }),
    );

    expect(others).toEqual([]);
    expect(info).toContain(
      `The policy of ${SOURCE_KEY} must let logs.us-east-1.amazonaws.com and cloudwatch.amazonaws.com use it. docs/customer-keys.md has the statements.`,
    );
  });

  it('and nothing where there is no such key', () => {
    expect(infos(everything(undefined))).toEqual([]);
    expect(infos(everything({ deadLetterQueue: SOURCE_KEY }))).toEqual([]);
  });
});

it('a key that several replications share has one policy for them all', () => {
  const encryption = { kmsKeyArn: SOURCE_KEY, destinationKmsKeyArn: DESTINATION_KEY };
  const other = {
    ...everything(encryption),
    name: 'carts',
    source: { ...BEATING.source, table: 'Carts' },
    destination: { ...BEATING.destination, table: 'CartsTwin' },
  };

  const policies = keyPolicies(
    [replicationOf(everything(encryption)), replicationOf(other)],
    ACCOUNT,
  );

  expect([...policies.keys()].toSorted()).toEqual([DESTINATION_KEY, SOURCE_KEY].toSorted());
  const [logs, alarms] = ['Logs', 'Alarms'].map((what) =>
    JSON.stringify(statement(policies.get(SOURCE_KEY) ?? [], what)),
  );
  for (const name of ['orders', 'carts']) {
    expect(logs).toContain(`/aws/lambda/ferry-${name}-*`);
    expect(alarms).toContain(`:alarm:ferry-${name}-*`);
  }
});
