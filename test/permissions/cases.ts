// The configurations whose policies are tested: each way to reach the destination, with and without keys.

import { parseConfig } from '../../src/config/config.ts';
import type { Config } from '../../src/config/schema.ts';

const [ONE, OTHER] = ['111122223333', '444455556666'];
const KEYS = { partitionKey: { name: 'pk', type: 'S' } };
const STREAM = `arn:aws:dynamodb:us-east-1:${ONE}:table/Orders/stream/2026-01-31T12:00:00.000`;
const EVERYTHING = {
  heartbeat: { key: { pk: 'ferry-heartbeat' } },
  bulk: true,
  reconcile: { repair: true },
};

const existing = {
  name: 'orders',
  source: { region: 'us-east-1', table: 'Orders', streamArn: STREAM },
  destination: { region: 'eu-west-1', table: 'OrdersTwin' },
};
const created = {
  name: 'orders',
  source: { region: 'us-east-1', table: 'Orders', create: true, ...KEYS },
  destination: { region: 'eu-west-1', table: 'OrdersTwin', create: true, ...KEYS },
};
const twoAccounts = {
  ...existing,
  source: { ...existing.source, account: ONE },
  destination: { ...existing.destination, account: OTHER },
};
const china = {
  ...created,
  source: { ...created.source, account: ONE },
  destination: {
    ...created.destination,
    region: 'cn-north-1',
    account: OTHER,
    credentials: { secret: `arn:aws:secretsmanager:us-east-1:${ONE}:secret:ferry/china-AbCdEf` },
  },
};
const key = (region: string, account: string, digit: number) =>
  `arn:aws:kms:${region}:${account}:key/${String(digit).repeat(8)}-aaaa-4aaa-8aaa-111111111111`;
const encryption = {
  kmsKeyArn: key('us-east-1', ONE, 1),
  deadLetterQueue: key('us-east-1', ONE, 2),
  onFailureBucket: key('us-east-1', ONE, 3),
};

const hash = (digit: number) => ({
  attribute: 'email',
  secret: `arn:aws:secretsmanager:us-east-1:${ONE}:secret:ferry/hash-AbCdEf`,
  versionId: `${String(digit).repeat(8)}-aaaa-4aaa-8aaa-111111111111`,
  kmsKeyArn: key('us-east-1', ONE, digit),
});

const bothWays = (mode: 'home' | 'stamped') => ({
  direction: 'both',
  heartbeat: { key: { pk: 'ferry-heartbeat' } },
  twoWay: {
    mode,
    losers: 'keep',
    ...(mode === 'home' && {
      home: {
        rules: [{ attribute: 'pk', prefix: 'eu#', region: 'eu-west-1' }],
        otherwise: 'us-east-1',
      },
    }),
  },
});
const stamped = bothWays('stamped');

const KINESIS = {
  region: 'us-east-1',
  table: 'Orders',
  kinesisStreamArn: `arn:aws:kinesis:us-east-1:${ONE}:stream/order-changes`,
  kinesisRetentionHours: 168,
};

const REPLICATIONS: Readonly<Record<string, object>> = {
  'one account': { ...existing, ...EVERYTHING },
  'one account that is not named': { ...created, tombstones: 'strict' },
  'operator roles of one account': {
    ...existing,
    source: { ...existing.source, account: ONE },
    destination: { ...existing.destination, account: ONE },
    operatorRole: true,
  },
  'two accounts': { ...twoAccounts, alarms: { email: 'oncall@example.com' } },
  'two accounts with operator roles and keys': {
    ...twoAccounts,
    ...EVERYTHING,
    operatorRole: true,
    source: { ...twoAccounts.source, kmsKeyArn: key('us-east-1', ONE, 4) },
    destination: { ...twoAccounts.destination, kmsKeyArn: key('eu-west-1', OTHER, 5) },
    encryption: { ...encryption, destinationKmsKeyArn: key('eu-west-1', OTHER, 6) },
  },
  'one account, with switching': { ...created, ...EVERYTHING, switching: {} },
  'two accounts with operator roles, keys and switching': {
    ...twoAccounts,
    operatorRole: true,
    source: { ...twoAccounts.source, kmsKeyArn: key('us-east-1', ONE, 4) },
    destination: { ...twoAccounts.destination, kmsKeyArn: key('eu-west-1', OTHER, 5) },
    encryption: {
      kmsKeyArn: key('us-east-1', ONE, 1),
      destinationKmsKeyArn: key('eu-west-1', OTHER, 6),
    },
    switching: {
      streamArn: `arn:aws:dynamodb:eu-west-1:${OTHER}:table/OrdersTwin/stream/2026-01-31T12:00:00.000`,
      operatorRoles: [`arn:aws:iam::${ONE}:role/oncall`],
    },
  },
  'both directions with homes, in one account': { ...created, ...bothWays('home') },
  'both directions with stamps, in two accounts with keys': {
    ...twoAccounts,
    ...stamped,
    source: { ...twoAccounts.source, kmsKeyArn: key('us-east-1', ONE, 4) },
    destination: { ...twoAccounts.destination, kmsKeyArn: key('eu-west-1', OTHER, 5) },
    encryption: {
      kmsKeyArn: key('us-east-1', ONE, 1),
      destinationKmsKeyArn: key('eu-west-1', OTHER, 6),
    },
    twoWay: {
      ...stamped.twoWay,
      streamArn: `arn:aws:dynamodb:eu-west-1:${OTHER}:table/OrdersTwin/stream/2026-01-31T12:00:00.000`,
    },
  },
  'both directions with stamps, in two partitions': {
    ...china,
    ...stamped,
    twoWay: {
      ...stamped.twoWay,
      credentials: {
        secret: `arn:aws-cn:secretsmanager:cn-north-1:${OTHER}:secret:ferry/america-AbCdEf`,
      },
    },
  },
  'another partition': { ...china, ...EVERYTHING },
  'another partition with a key, a profile and operator roles': {
    ...china,
    operatorRole: true,
    destination: {
      ...china.destination,
      profile: 'china',
      credentials: { ...china.destination.credentials, kmsKeyArn: key('us-east-1', ONE, 7) },
    },
  },
  'hashes of a projection, and letters without records': {
    ...existing,
    ...EVERYTHING,
    source: { ...existing.source, account: ONE },
    destination: { ...existing.destination, account: ONE },
    operatorRole: true,
    deadLetters: 'projected',
    projection: {
      attributes: {
        hash: [hash(1), { ...hash(1), attribute: 'phone' }, { ...hash(2), attribute: 'name' }],
      },
    },
  },
  'a Kinesis stream': { ...existing, ...EVERYTHING, source: KINESIS },
  'a Kinesis stream with keys and operator roles, and letters without records': {
    ...existing,
    source: { ...KINESIS, account: ONE, kinesisKmsKeyArn: key('us-east-1', ONE, 8) },
    destination: { ...existing.destination, account: ONE },
    operatorRole: true,
    deadLetters: 'projected',
  },
  'within China': {
    ...created,
    ...EVERYTHING,
    source: { ...created.source, region: 'cn-north-1' },
    destination: { ...created.destination, region: 'cn-northwest-1' },
  },
};

/** By name. */
export const CASES: ReadonlyArray<readonly [string, Config]> = [
  ...Object.entries(REPLICATIONS).map(
    ([name, replication]) => [name, parseConfig({ replications: [replication] })] as const,
  ),
  [
    'a fleet',
    parseConfig({
      fleet: { email: 'oncall@example.com' },
      replications: [
        { ...existing, ...EVERYTHING },
        {
          ...created,
          name: 'carts',
          source: { ...created.source, table: 'Carts' },
          destination: { ...created.destination, table: 'CartsTwin' },
          dashboard: false,
        },
        {
          ...created,
          name: 'users',
          alarms: { enabled: false },
          source: { ...created.source, region: 'eu-west-1', table: 'Users' },
          destination: { ...created.destination, region: 'us-east-1', table: 'UsersTwin' },
        },
      ],
    }),
  ],
];
