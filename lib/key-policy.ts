// What the policies of customer managed keys must allow. The app cannot change them, because it knows a key by its
// ARN only. Docs and `npm run key-policy` show these statements to the key's owner.

import type { ReplicationConfig } from '../src/config/schema.ts';
import { keyOf } from '../src/config/encryption-keys.ts';
import { bulkName } from '../src/config/names.ts';
import {
  ENVIRONMENT_KEY_ACTIONS,
  type KeyedService,
  LOG_KEY_ACTIONS,
  REQUEST_KEY_ACTIONS,
  TABLE_KEY_ACTIONS,
  viaService,
} from './key-grants.ts';
import { partitionAt } from './policies.ts';

export interface KeyPolicyStatement {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Principal: { readonly AWS: string } | { readonly Service: string };
  readonly Action: readonly string[];
  /** In the policy of a key: this key. */
  readonly Resource: '*';
  readonly Condition: Readonly<
    Record<string, Readonly<Record<string, string | readonly string[]>>>
  >;
}

/** By the ARN of the key: what its policy must allow, for all these replications together. */
export function keyPolicies(
  replications: readonly ReplicationConfig[],
  account: string,
): ReadonlyMap<string, readonly KeyPolicyStatement[]> {
  const uses = replications.flatMap(keyUses);
  const keys = [...new Set(uses.map(({ keyArn }) => keyArn))];
  return new Map(
    keys.map((keyArn) => {
      const ofKey = uses.filter((use) => use.keyArn === keyArn);
      return [keyArn, statements(ofKey, { account, region: ofKey[0]?.region ?? '' })];
    }),
  );
}

interface KeyUse {
  readonly keyArn: string;
  readonly region: string;
  /** The service that uses the key: with the permissions of its caller, or its service principal for logs and alarms. */
  readonly service: KeyedService | 'cloudwatch';
  /** Whether a deployment makes the service keep a grant to the key. */
  readonly grants?: boolean;
  /** Of logs and alarms: patterns of what is encrypted, as ARNs end. */
  readonly resources?: readonly string[];
}

function keyUses(replication: ReplicationConfig): KeyUse[] {
  const { name, source, destination } = replication;
  const logGroups = [
    `log-group:/aws/lambda/ferry-${name}-*`,
    ...(replication.bulk ? [`log-group:/aws/vendedlogs/states/${bulkName(name)}`] : []),
  ];
  const { region } = destination;
  const stateKey = keyOf(replication, 'stateTable');
  const uses: (Omit<KeyUse, 'keyArn' | 'region'> & {
    keyArn: string | undefined;
    region?: string;
  })[] = [
    { keyArn: source.kmsKeyArn, service: 'dynamodb', grants: source.create },
    { keyArn: destination.kmsKeyArn, region, service: 'dynamodb', grants: destination.create },
    { keyArn: stateKey, region, service: 'dynamodb', grants: true },
    { keyArn: keyOf(replication, 'functions'), service: 'lambda', grants: true },
    { keyArn: keyOf(replication, 'deadLetterQueue'), service: 'sqs' },
    ...(replication.tombstones === 'checked'
      ? [{ keyArn: keyOf(replication, 'lookAgainQueue'), service: 'sqs' as const }]
      : []),
    { keyArn: keyOf(replication, 'onFailureBucket'), service: 's3' },
    { keyArn: keyOf(replication, 'logGroups'), service: 'logs', resources: logGroups },
    {
      keyArn: keyOf(replication, 'alarmTopic'),
      service: 'cloudwatch',
      resources: [`alarm:ferry-${name}-*`],
    },
  ];
  return uses.flatMap(({ keyArn, ...use }) =>
    keyArn === undefined ? [] : { keyArn, region: source.region, ...use },
  );
}

interface Place {
  /** To which the app is deployed. */
  readonly account: string;
  readonly region: string;
}

function statements(uses: readonly KeyUse[], place: Place): KeyPolicyStatement[] {
  const through = (some: readonly KeyUse[]) =>
    [...new Set(some.map(({ service }) => service))]
      .filter((service) => service !== 'cloudwatch')
      .toSorted();
  const resources = (service: KeyUse['service']) =>
    uses.filter((use) => use.service === service).flatMap((use) => use.resources ?? []);
  const [services, granted] = [through(uses), through(uses.filter(({ grants }) => grants))];
  return [
    ...(services.length === 0 ? [] : [forRoles(services, place)]),
    ...(granted.length === 0 ? [] : [forDeployments(granted, place)]),
    ...(resources('logs').length === 0 ? [] : [forLogs(resources('logs'), place)]),
    ...(resources('cloudwatch').length === 0 ? [] : [forAlarms(resources('cloudwatch'), place)]),
  ];
}

/** The account as a principal lets its IAM policies decide: those of Ferry's roles, and of operators. */
function ofAccount({ account, region }: Place): KeyPolicyStatement['Principal'] {
  return { AWS: `arn:${partitionAt(region).name}:iam::${account}:root` };
}

const ROLE_ACTIONS: Readonly<Record<KeyedService, readonly string[]>> = {
  dynamodb: TABLE_KEY_ACTIONS,
  lambda: ENVIRONMENT_KEY_ACTIONS,
  logs: LOG_KEY_ACTIONS,
  s3: [...REQUEST_KEY_ACTIONS.putObject, ...REQUEST_KEY_ACTIONS.getObject],
  sqs: [...REQUEST_KEY_ACTIONS.sendMessage, ...REQUEST_KEY_ACTIONS.receiveMessage],
};

function forRoles(services: readonly KeyedService[], place: Place): KeyPolicyStatement {
  const actions = services.flatMap((service) => ROLE_ACTIONS[service]);
  return {
    Sid: 'FerryRolesAndOperators',
    Effect: 'Allow',
    Principal: ofAccount(place),
    Action: [...new Set(actions)].toSorted(),
    Resource: '*',
    Condition: {
      StringEquals: {
        'kms:ViaService': services.flatMap((service) => viaService(service, place.region)),
      },
    },
  };
}

/** What DynamoDB and Lambda need from the caller that creates a table or a function with a key. */
function forDeployments(services: readonly KeyedService[], place: Place): KeyPolicyStatement {
  return {
    ...forRoles(services, place),
    Sid: 'FerryDeployments',
    Action: [
      'kms:CreateGrant',
      'kms:Decrypt',
      'kms:DescribeKey',
      'kms:Encrypt',
      'kms:GenerateDataKey*',
      'kms:ReEncrypt*',
    ],
  };
}

function forLogs(logGroups: readonly string[], { account, region }: Place): KeyPolicyStatement {
  const { name, dnsSuffix } = partitionAt(region);
  const arns = logGroups.map((group) => `arn:${name}:logs:${region}:${account}:${group}`);
  return {
    Sid: 'FerryLogs',
    Effect: 'Allow',
    Principal: { Service: `logs.${region}.${dnsSuffix}` },
    Action: [
      'kms:Decrypt*',
      'kms:Describe*',
      'kms:Encrypt*',
      'kms:GenerateDataKey*',
      'kms:ReEncrypt*',
    ],
    Resource: '*',
    Condition: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': arns } },
  };
}

function forAlarms(alarms: readonly string[], { account, region }: Place): KeyPolicyStatement {
  const { name } = partitionAt(region);
  const arns = alarms.map((alarm) => `arn:${name}:cloudwatch:${region}:${account}:${alarm}`);
  return {
    Sid: 'FerryAlarms',
    Effect: 'Allow',
    Principal: { Service: 'cloudwatch.amazonaws.com' },
    Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
    Resource: '*',
    Condition: {
      StringEquals: { 'aws:SourceAccount': account },
      ArnLike: { 'aws:SourceArn': arns },
    },
  };
}
