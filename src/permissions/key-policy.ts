// What the policies of customer managed keys must allow. The app cannot change them, because it knows a key by its
// ARN only. docs/customer-keys.md and `npm run key-policy` show these statements to the key's owner.

import { topicArnOf } from '../config/alarm-topic.ts';
import { keyOf } from '../config/encryption-keys.ts';
import { bulkName, historyGroup, reconcileName } from '../config/names.ts';
import { partitionOf } from '../config/partition.ts';
import { hashRules } from '../config/projection-settings.ts';
import type { FleetConfig, ReplicationConfig } from '../config/schema.ts';
import { keyActions, type KeyedService, viaService } from './key-use.ts';

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

/**
 * By the ARN of the key: what its policy must allow, for all these replications together.
 * @param account of the sides for which none is configured.
 */
export function keyPolicies(
  replications: readonly ReplicationConfig[],
  account: string,
  partitionAt = partitionOf,
  fleet?: FleetConfig,
): ReadonlyMap<string, readonly KeyPolicyStatement[]> {
  const uses = [...replications.flatMap(keyUses), ...fleetKeyUses(fleet, replications)];
  const keys = [...new Set(uses.map(({ keyArn }) => keyArn))];
  return new Map(
    keys.map((key) => {
      const ofKey = uses.filter(({ keyArn }) => keyArn === key);
      const owner = ofKey.find((use) => use.account !== undefined)?.account ?? account;
      return [key, statements(ofKey, owner, partitionAt)];
    }),
  );
}

export interface KeyUse {
  readonly keyArn: string;
  readonly region: string;
  readonly side: 'source' | 'destination';
  /** Of the roles and services that use it. */
  readonly account: string | undefined;
  /** The service that uses the key: with the permissions of its caller, or its service principal for logs and alarms. */
  readonly service: KeyedService | 'cloudwatch';
  /** Whether a deployment makes the service keep a grant to the key. */
  readonly grants?: boolean;
  /** Of logs and alarms: patterns of what is encrypted, as ARNs end. */
  readonly resources?: readonly string[];
}

/** The key of the fleet's topic is in the one Region of all sources. */
function fleetKeyUses(
  fleet: FleetConfig | undefined,
  [first]: readonly ReplicationConfig[],
): KeyUse[] {
  if (fleet?.kmsKeyArn === undefined || first === undefined) return [];
  const { region, account } = first.source;
  const resources = ['alarm:ferry-*'];
  return [
    { keyArn: fleet.kmsKeyArn, region, side: 'source', account, service: 'cloudwatch', resources },
  ];
}

/** What a replication does with each of its keys. */
export function keyUses(replication: ReplicationConfig): KeyUse[] {
  const { name, source, destination, tombstones, bulk, reconcile, alarms } = replication;
  const hasTopic = alarms.enabled && topicArnOf(replication) === undefined;
  const here = { side: 'source', region: source.region, account: source.account } as const;
  const { region, account } = destination;
  const there = { side: 'destination', region, account } as const;
  const machines = [...(bulk ? [bulkName(name)] : []), ...(reconcile ? [reconcileName(name)] : [])];
  const logGroups = [
    `log-group:/aws/lambda/ferry-${name}-*`,
    `log-group:${historyGroup(name)}`,
    ...machines.map((machine) => `log-group:/aws/vendedlogs/states/${machine}`),
  ];
  const use = (
    keyArn: string | undefined,
    service: KeyUse['service'],
    more: Partial<KeyUse> = {},
  ): KeyUse[] => (keyArn === undefined ? [] : [{ keyArn, ...here, service, ...more }]);
  return [
    ...use(source.kmsKeyArn, 'dynamodb', { grants: source.create }),
    ...use(source.kinesisKmsKeyArn, 'kinesis'),
    ...use(destination.kmsKeyArn, 'dynamodb', { ...there, grants: destination.create }),
    ...use(destination.credentials?.kmsKeyArn, 'secretsmanager'),
    ...hashRules(replication).flatMap(({ kmsKeyArn }) => use(kmsKeyArn, 'secretsmanager')),
    ...use(keyOf(replication, 'stateTable'), 'dynamodb', { ...there, grants: true }),
    ...use(keyOf(replication, 'functions'), 'lambda', { grants: true }),
    ...use(keyOf(replication, 'deadLetterQueue'), 'sqs'),
    ...(tombstones === 'checked' ? use(keyOf(replication, 'lookAgainQueue'), 'sqs') : []),
    ...use(keyOf(replication, 'onFailureBucket'), 's3'),
    ...use(keyOf(replication, 'logGroups'), 'logs', { resources: logGroups }),
    ...(hasTopic
      ? use(keyOf(replication, 'alarmTopic'), 'cloudwatch', {
          resources: [`alarm:ferry-${name}-*`],
        })
      : []),
  ];
}

/** What DynamoDB and Lambda need from the caller that creates a table or a function with a key. */
export const DEPLOYMENT_ACTIONS = [
  'kms:CreateGrant',
  'kms:Decrypt',
  'kms:DescribeKey',
  'kms:Encrypt',
  'kms:GenerateDataKey*',
  'kms:ReEncrypt*',
];
const LOG_ACTIONS = [
  'kms:Decrypt*',
  'kms:Describe*',
  'kms:Encrypt*',
  'kms:GenerateDataKey*',
  'kms:ReEncrypt*',
];
const ALARM_ACTIONS = ['kms:Decrypt', 'kms:GenerateDataKey*'];

interface Users {
  /** Without any, the statement is not needed. */
  readonly users: readonly string[];
}

/** @param account to which the app is deployed. */
function statements(
  uses: readonly KeyUse[],
  account: string,
  partitionAt: typeof partitionOf,
): KeyPolicyStatement[] {
  const region = uses[0]?.region ?? '';
  const { name: partition, dnsSuffix } = partitionAt(region);
  const arns = (service: KeyUse['service']) =>
    uses
      .filter((use) => use.service === service)
      .flatMap(({ resources = [] }) => resources)
      .map((resource) => `arn:${partition}:${service}:${region}:${account}:${resource}`);
  const through = (services: readonly KeyedService[]) => ({
    StringEquals: {
      'kms:ViaService': services.flatMap((one) => viaService(one, region, partitionAt)),
    },
  });
  const [services, granted] = [servicesOf(uses), servicesOf(uses.filter(({ grants }) => grants))];
  const [logGroups, alarms] = [arns('logs'), arns('cloudwatch')];
  // The account as a principal lets its IAM policies decide: those of Ferry's roles, and of operators.
  const ofAccount = { AWS: `arn:${partition}:iam::${account}:root` };
  const all: readonly (Omit<KeyPolicyStatement, 'Effect' | 'Resource'> & Users)[] = [
    {
      users: services,
      Sid: 'FerryRolesAndOperators',
      Principal: ofAccount,
      Action: [...new Set(services.flatMap(keyActions))].toSorted(),
      Condition: through(services),
    },
    {
      users: granted,
      Sid: 'FerryDeployments',
      Principal: ofAccount,
      Action: DEPLOYMENT_ACTIONS,
      Condition: through(granted),
    },
    {
      users: logGroups,
      Sid: 'FerryLogs',
      Principal: { Service: `logs.${region}.${dnsSuffix}` },
      Action: LOG_ACTIONS,
      Condition: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': logGroups } },
    },
    {
      users: alarms,
      Sid: 'FerryAlarms',
      Principal: { Service: 'cloudwatch.amazonaws.com' },
      Action: ALARM_ACTIONS,
      Condition: {
        StringEquals: { 'aws:SourceAccount': account },
        ArnLike: { 'aws:SourceArn': alarms },
      },
    },
  ];
  return all
    .filter(({ users }) => users.length > 0)
    .map(({ Sid, Principal, Action, Condition }) => {
      return { Sid, Effect: 'Allow', Principal, Action, Resource: '*', Condition };
    });
}

function servicesOf(uses: readonly KeyUse[]): KeyedService[] {
  const services = uses.flatMap(({ service }) => (service === 'cloudwatch' ? [] : service));
  return [...new Set(services)].toSorted();
}
