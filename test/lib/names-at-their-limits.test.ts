// Every text of the schema at its longest, and every option on: the stacks are synthesized with all checks of
// the CDK and of cdk-nag, and each name and description is as short as its service wants it.

import { rmSync } from 'node:fs';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, describe, expect, it } from 'vitest';
import { fit } from '../../lib/fit.ts';
import { ENVIRONMENT_BYTES_MAX, functionEnvironment } from '../../lib/function-environment.ts';
import { parseConfig } from '../../src/config/config.ts';
import { readDeployment } from '../../src/config/function-variable.ts';
import { appOf, stackOf, temporary } from './stack-templates.ts';

afterAll(() => rmSync(temporary, { recursive: true }));

const NAME = `n${'-'.repeat(28)}n`;
const ACCOUNT = '111122223333';
const [FROM, TO] = ['ap-southeast-1', 'ap-northeast-1'];
const text = (letter: string, length = 255) => letter.repeat(length);
const KEY_ID = 'mrk-1234567890123456789012345678901';
const kmsKeyArn = (region: string, digit = 9) =>
  `arn:aws:kms:${region}:${ACCOUNT}:key/${KEY_ID}${digit}`;
const streamArn = (table: string) =>
  `arn:aws:dynamodb:${FROM}:${ACCOUNT}:table/${table}/stream/2026-01-31T12:00:00.000`;

/** A key of its own for each resource: statements about different keys cannot be merged. */
const encryption = {
  kmsKeyArn: kmsKeyArn(FROM, 0),
  destinationKmsKeyArn: kmsKeyArn(TO, 0),
  deadLetterQueue: kmsKeyArn(FROM, 1),
  lookAgainQueue: kmsKeyArn(FROM, 2),
  onFailureBucket: kmsKeyArn(FROM, 3),
  alarmTopic: kmsKeyArn(FROM, 4),
  logGroups: kmsKeyArn(FROM, 5),
  functions: kmsKeyArn(FROM, 6),
  stateTable: kmsKeyArn(TO, 7),
};

/** All options that do not depend on how the tables come about. */
const options = (tombstones: string) => ({
  name: NAME,
  stateTable: text('Z'),
  bulk: true,
  tombstones,
  encryption,
  reservedAttribute: text('r'),
  timestampAttribute: text('t'),
  alarms: {
    email: `${text('e', 64)}@${text('d', 189)}`,
    runbook: `https://${text('é', 492)}`,
  },
});
const endpoint = `https://${text('h', 247)}`;
const existing = (tombstones: string) => ({
  ...options(tombstones),
  source: {
    region: FROM,
    table: text('S'),
    streamArn: streamArn(text('S')),
    kmsKeyArn: kmsKeyArn(FROM),
    endpoint,
  },
  destination: { region: TO, table: text('D'), kmsKeyArn: kmsKeyArn(TO), endpoint },
  heartbeat: { key: { [text('p')]: text('v'), [text('s')]: text('w') } },
});
const keys = (letter: string) => ({
  partitionKey: { name: text(letter), type: 'S' },
  sortKey: { name: text('s'), type: 'S' },
});
const created = (tombstones: string, letter = 'p') => ({
  ...options(tombstones),
  source: { region: FROM, table: text('S'), create: true, ...keys(letter) },
  destination: { region: TO, table: text('D'), create: true, ...keys(letter) },
  heartbeat: { key: { [text(letter)]: 'ferry-heartbeat', [text('s')]: 'beat' } },
});
const ascii = { reservedAttribute: '_ferry', timestampAttribute: 'at' };

/** What AWS documents for each, in characters. */
const LIMITS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'AWS::CloudWatch::Alarm': { AlarmName: 255, AlarmDescription: 1_024 },
  'AWS::CloudWatch::CompositeAlarm': {
    AlarmName: 255,
    AlarmDescription: 1_024,
    AlarmRule: 10_240,
  },
  'AWS::CloudWatch::Dashboard': { DashboardName: 255 },
  'AWS::DynamoDB::GlobalTable': { TableName: 255 },
  'AWS::IAM::Role': { Description: 1_000, RoleName: 64 },
  'AWS::Lambda::Function': { FunctionName: 64, Description: 256 },
  'AWS::Logs::LogGroup': { LogGroupName: 512 },
  'AWS::SNS::Subscription': { Endpoint: 254 },
  'AWS::SNS::Topic': { TopicName: 256 },
  'AWS::SQS::Queue': { QueueName: 80 },
  'AWS::StepFunctions::StateMachine': { StateMachineName: 80 },
};
const ROLE_POLICIES_MAX = 10_240;

interface TemplateJson {
  readonly Description: string;
  readonly Resources: Record<string, { Type: string; Properties: Record<string, unknown> }>;
  readonly Outputs?: Record<string, { readonly Description?: string }>;
}

/** The two templates, once the whole app has been synthesized with every check. */
function templatesOf(replication: object): TemplateJson[] {
  const app = appOf(replication);
  app.synth();
  return [`ferry-${NAME}-source`, `ferry-${NAME}-destination`].map(
    (id) => Template.fromStack(stackOf(app, id)).toJSON() as TemplateJson,
  );
}

const PSEUDO: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws-us-gov',
  'AWS::AccountId': ACCOUNT,
  'AWS::URLSuffix': 'amazonaws.com.cn',
  'AWS::Region': 'us-gov-east-1',
};

/** As CloudFormation resolves it at the longest: a name of 64 characters, an ARN of 130, a stream's of its table. */
function resolved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolved);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [[name, inner] = ['', undefined]] = entries;
  if (name === 'Ref') return PSEUDO[String(inner)] ?? text('x', 130);
  if (name === 'Fn::Join') {
    const [separator, parts] = inner as [string, unknown[]];
    return parts.map((part) => String(resolved(part))).join(separator);
  }
  if (name === 'Fn::GetAtt') {
    const [, attribute] = inner as [string, string];
    return attribute === 'StreamArn' ? streamArn(text('S')) : text('x', 130);
  }
  return Object.fromEntries(entries.map(([key, member]) => [key, resolved(member)]));
}

function resourcesOf(template: TemplateJson) {
  return Object.entries(template.Resources).map(([id, { Type, Properties }]) => {
    const properties = resolved(Properties) as Record<string, unknown>;
    return { id, type: Type, properties };
  });
}

/** Zero for what CloudFormation names by itself. */
function lengthOf(property: unknown): number {
  if (property === undefined) return 0;
  if (typeof property !== 'string') throw new Error('A name or description is a text.');
  return property.length;
}

function tooLong(template: TemplateJson): string[] {
  return resourcesOf(template).flatMap(({ id, type, properties }) =>
    Object.entries(LIMITS[type] ?? {})
      .filter(([name, max]) => lengthOf(properties[name]) > max)
      .map(([name]) => `${id}.${name}`),
  );
}

const CASES: [string, object][] = [
  ['existing tables, checked', existing('checked')],
  ['existing tables, strict', existing('strict')],
  ['created tables, checked', created('checked')],
  ['created tables, strict', created('strict')],
  ['key attributes beyond ASCII', { ...created('checked', '鍵'), ...ascii, stateTable: 'state' }],
  [
    'reserved and time stamp attributes beyond ASCII',
    {
      ...existing('checked'),
      reservedAttribute: text('版'),
      timestampAttribute: text('時'),
      heartbeat: { key: { id: 'ferry-heartbeat' } },
    },
  ],
];

describe.each(CASES)('every text at its longest, with %s', (_, replication) => {
  const templates = templatesOf(replication);
  const [source] = templates;
  const all = templates.flatMap(resourcesOf);

  it('is synthesized with all functions, alarms and the state machine', () => {
    const count = (type: string) => all.filter((one) => one.type === type).length;

    expect(count('AWS::Lambda::Function')).toBe(
      (replication as { tombstones: string }).tombstones === 'checked' ? 4 : 3,
    );
    expect(count('AWS::StepFunctions::StateMachine')).toBe(1);
    expect(count('AWS::SNS::Subscription')).toBe(1);
    expect(count('AWS::CloudWatch::Alarm')).toBeGreaterThan(15);
  });

  it('gives no name or description that is longer than its service takes', () => {
    expect(templates.flatMap(tooLong)).toEqual([]);
    for (const { Description, Outputs = {} } of templates) {
      expect(Buffer.byteLength(Description)).toBeLessThanOrEqual(512);
      for (const output of Object.values(Outputs)) {
        expect(output.Description?.length).toBeLessThanOrEqual(1_024);
      }
    }
    expect(all.map(({ id }) => id.length).filter((length) => length > 255)).toEqual([]);
  });

  it('tells in each description which replication and which Region it is about', () => {
    for (const { Description } of templates) expect(Description).toContain(`Ferry ${NAME}: `);
    expect(source?.Description).toMatch(new RegExp(`\\(${TO}\\)$`));
    const replicate = all.find(
      ({ properties }) => properties['FunctionName'] === `ferry-${NAME}-replicate`,
    );
    expect(replicate?.properties['Description']).toMatch(
      new RegExp(`^Ferry ${NAME}: writes changes of S+.*D+ \\(${TO}\\)$`),
    );
  });

  it('describes roles in the letters that IAM takes, and keeps their policies in its size', () => {
    const roles = all.filter(({ type }) => type === 'AWS::IAM::Role');

    expect(roles.length).toBeGreaterThan(3);
    for (const { properties } of roles) {
      expect(properties['Description']).toMatch(/^[\t\n\r -~¡-ÿ]*$/);
      const policies = (properties['Policies'] ?? []) as { PolicyDocument: object }[];
      const json = policies.map(({ PolicyDocument }) => JSON.stringify(PolicyDocument)).join('');
      expect(json).toMatch(/^[ -ÿ]*$/);
      expect(json.length).toBeLessThanOrEqual(ROLE_POLICIES_MAX);
    }
  });

  it('gives each function an environment that Lambda takes, and that the function reads', () => {
    const environments = all
      .filter(({ type }) => type === 'AWS::Lambda::Function')
      .map(({ properties: { Environment } }) => (Environment as { Variables: object }).Variables);

    for (const variables of environments) {
      expect(Buffer.byteLength(JSON.stringify(variables))).toBeLessThanOrEqual(
        ENVIRONMENT_BYTES_MAX,
      );
      const { replication: read } = readDeployment(variables as Record<string, string>);
      expect(read.name).toBe(NAME);
      expect(read.tombstones).toBe((replication as { tombstones: string }).tombstones);
    }
  });

  it('tags nothing, so that no tag is too long', () => {
    expect(all.filter(({ properties }) => 'Tags' in properties).map(({ id }) => id)).toEqual([]);
  });
});

it('refuses texts that together are longer than a function’s environment, before anything is deployed', () => {
  const everything = {
    ...existing('checked'),
    reservedAttribute: text('版'),
    timestampAttribute: text('時'),
  };

  expect(() => appOf(everything)).toThrow(
    /^The settings of n-+n need \d+ bytes in the environment of ferry-n-+n-[a-z-]+; Lambda takes 4096\.$/,
  );
});

describe('the rules of a projection in a function’s environment', () => {
  const environment = (projection: object) => {
    const source = { region: FROM, table: 'Orders', streamArn: streamArn('Orders') };
    const destination = { region: TO, table: 'Orders' };
    const [replication] = parseConfig({
      replications: [{ name: 'orders', source, destination, projection }],
    }).replications;
    if (replication === undefined) throw new Error('no replication');
    const places = { deadLetterQueueUrl: 'https://queue', onFailureBucket: 'bucket' };
    const deployed = { lookAgainQueueUrl: 'https://queue', projectionDigest: '0'.repeat(64) };
    return functionEnvironment('ferry-orders-replicate', {
      replication,
      streamArn: streamArn('Orders'),
      ...places,
      ...deployed,
    });
  };
  const dropping = (count: number) => ({
    attributes: { drop: Array.from({ length: count }, (_, index) => `attribute-${index}`) },
  });

  it('are read as they are, also where the other settings are shortened for them', () => {
    for (const count of [1, 80, 165]) {
      const variables = environment(dropping(count));

      expect(Buffer.byteLength(JSON.stringify(variables))).toBeLessThan(ENVIRONMENT_BYTES_MAX);
      expect(readDeployment(variables).replication.projection).toEqual(dropping(count));
    }
    expect(environment(dropping(165))['FERRY_REPLICATION']).not.toContain('latencySeconds');
  });

  it('are refused where they are too long, with what to do', () => {
    expect(() => environment(dropping(300))).toThrow(
      expect.objectContaining({
        code: 'config.invalid',
        message: expect.stringMatching(
          /^The settings of orders need \d+ bytes .* Lambda takes 4096\.$/,
        ),
        hint: expect.stringContaining('a projection, whose rules a module can have instead'),
      }),
    );
    const module = `/${'long/'.repeat(190)}orders.mjs`;
    expect(readDeployment(environment({ module })).replication.projection).toEqual({
      module: 'orders.mjs',
    });
  });
});

describe('fit', () => {
  it.each([
    ['abcdefghij', 10, 'abcdefghij'],
    ['abcdefghijk', 10, 'abcd...ijk'],
    ['abcdefghijk', 9, 'abc...ijk'],
    ['', 4, ''],
  ])('makes of "%s" at most %i characters', (long, max, short) => {
    expect(fit(long, max)).toBe(short);
    expect(fit(long, max).length).toBeLessThanOrEqual(max);
  });
});
