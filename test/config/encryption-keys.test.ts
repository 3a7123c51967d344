// Customer managed keys in a configuration: which key each resource gets, and which keys are refused.

import { describe, expect, it } from 'vitest';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { type KeyedResource, keyOf } from '../../src/config/encryption-keys.ts';
import { partitionOf } from '../../src/config/partition.ts';

const arn = (region: string, last = '1', partition = 'aws') =>
  `arn:${partition}:kms:${region}:111122223333:key/11111111-aaaa-4aaa-8aaa-11111111111${last}`;
const multiRegion = (region: string) =>
  `arn:aws:kms:${region}:111122223333:key/mrk-12345678901234567890123456789012`;

const create = { create: true, partitionKey: { name: 'pk', type: 'S' } };
const stream = (region: string, table: string) =>
  `arn:aws:dynamodb:${region}:111122223333:table/${table}/stream/2026-01-31T12:00:00.000`;

function replication(parts: object = {}) {
  return {
    name: 'orders',
    source: { region: 'us-east-1', table: 'Orders', ...create },
    destination: { region: 'eu-west-1', table: 'Twin', ...create },
    ...parts,
  };
}

function parsed(...replications: object[]): readonly ReplicationConfig[] {
  return parseConfig({ replications }).replications;
}

function only(parts: object): ReplicationConfig {
  const [first] = parsed(replication(parts));
  if (first === undefined) throw new Error('There is no replication.');
  return first;
}

function problemsOf(...replications: object[]): string {
  try {
    parsed(...replications);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

const SOURCE_RESOURCES: readonly KeyedResource[] = [
  'deadLetterQueue',
  'lookAgainQueue',
  'onFailureBucket',
  'alarmTopic',
  'logGroups',
  'functions',
];

describe('the key of a resource', () => {
  it('is none unless a key is named', () => {
    const without = only({});

    for (const resource of [...SOURCE_RESOURCES, 'stateTable'] as const) {
      expect(keyOf(without, resource)).toBeUndefined();
    }
    expect(without.source).not.toHaveProperty('kmsKeyArn');
    expect(without.destination).not.toHaveProperty('kmsKeyArn');
  });

  it('is that of its Region', () => {
    const both = only({
      encryption: { kmsKeyArn: arn('us-east-1'), destinationKmsKeyArn: arn('eu-west-1') },
    });

    for (const resource of SOURCE_RESOURCES) expect(keyOf(both, resource)).toBe(arn('us-east-1'));
    expect(keyOf(both, 'stateTable')).toBe(arn('eu-west-1'));
    expect(both.source.kmsKeyArn).toBe(arn('us-east-1'));
    expect(both.destination.kmsKeyArn).toBe(arn('eu-west-1'));
  });

  it('is the replica of a multi-Region key in the other Region', () => {
    const everywhere = only({ encryption: { kmsKeyArn: multiRegion('us-east-1') } });

    expect(keyOf(everywhere, 'alarmTopic')).toBe(multiRegion('us-east-1'));
    expect(keyOf(everywhere, 'stateTable')).toBe(multiRegion('eu-west-1'));
    expect(everywhere.destination.kmsKeyArn).toBe(multiRegion('eu-west-1'));
  });

  it('is its exception, or none', () => {
    const { encryption, ...rest } = only({
      encryption: {
        kmsKeyArn: arn('us-east-1'),
        destinationKmsKeyArn: arn('eu-west-1'),
        alarmTopic: arn('us-east-1', '2'),
        logGroups: 'none',
        stateTable: 'none',
      },
    });
    const excepted = { encryption: encryption ?? {}, ...rest };

    expect(keyOf(excepted, 'alarmTopic')).toBe(arn('us-east-1', '2'));
    expect(keyOf(excepted, 'logGroups')).toBeUndefined();
    expect(keyOf(excepted, 'stateTable')).toBeUndefined();
    expect(keyOf(excepted, 'functions')).toBe(arn('us-east-1'));
    expect(excepted.destination.kmsKeyArn).toBe(arn('eu-west-1'));
  });

  it('does not reach existing tables, which have a key or have none', () => {
    const { source, destination } = only({
      source: { region: 'us-east-1', table: 'Orders', streamArn: stream('us-east-1', 'Orders') },
      destination: { region: 'eu-west-1', table: 'Twin', kmsKeyArn: arn('eu-west-1', '3') },
      encryption: { kmsKeyArn: multiRegion('us-east-1') },
    });

    expect(source.kmsKeyArn).toBeUndefined();
    expect(destination.kmsKeyArn).toBe(arn('eu-west-1', '3'));
  });

  it('reaches a table that another replication creates', () => {
    const [chained] = parsed(replication({ destination: { region: 'eu-west-1', table: 'Twin' } }), {
      name: 'onward',
      source: { region: 'eu-west-1', table: 'Twin', ...create },
      destination: { region: 'ap-south-1', table: 'Copy', ...create },
      encryption: { kmsKeyArn: multiRegion('eu-west-1') },
    });

    expect(chained?.destination.kmsKeyArn).toBe(multiRegion('eu-west-1'));
    expect(chained?.source.kmsKeyArn).toBeUndefined();
  });
});

describe('a key is refused, with the path of its setting,', () => {
  const existing = {
    source: { region: 'us-east-1', table: 'Orders', streamArn: stream('us-east-1', 'Orders') },
    destination: { region: 'eu-west-1', table: 'Twin' },
  };
  const inChina = {
    source: { region: 'cn-north-1', table: 'Orders', ...create },
    destination: { region: 'cn-northwest-1', table: 'Twin', ...create },
  };

  it.each(SOURCE_RESOURCES)('if "%s" has one of the destination’s Region', (resource) => {
    const encryption = { [resource]: arn('eu-west-1') };

    expect(problemsOf(replication({ encryption }))).toContain(
      `replications.0.encryption.${resource} must be a key in us-east-1, got one in eu-west-1`,
    );
  });

  it.each([
    [
      'if it is of another Region than a created table',
      { source: { ...replication().source, kmsKeyArn: arn('eu-west-1') } },
      'replications.0.source.kmsKeyArn must be a key in us-east-1, got one in eu-west-1',
    ],
    [
      'if it is of another Region than the state table',
      { encryption: { stateTable: arn('us-east-1') } },
      'replications.0.encryption.stateTable must be a key in eu-west-1, got one in us-east-1',
    ],
    [
      'if the destination’s default is of another Region',
      { encryption: { destinationKmsKeyArn: arn('us-east-1') } },
      'replications.0.encryption.destinationKmsKeyArn must be a key in eu-west-1, got one in us-east-1',
    ],
    [
      'with the ARN of its replica if it is a multi-Region key',
      { encryption: { kmsKeyArn: multiRegion('ap-south-1') } },
      `replications.0.encryption.kmsKeyArn must be a key in us-east-1, got one in ap-south-1; name its replica ${multiRegion('us-east-1')}`,
    ],
    [
      'if it is of another partition',
      { ...inChina, encryption: { kmsKeyArn: arn('cn-north-1') } },
      'replications.0.encryption.kmsKeyArn must be a key in the partition aws-cn, as cn-north-1 is, got one in aws',
    ],
    [
      'if it would leave out the tables of the other Region',
      { encryption: { kmsKeyArn: arn('us-east-1') } },
      'replications.0.encryption.destinationKmsKeyArn is required, a key in eu-west-1 for the state table and the destination table: encryption.kmsKeyArn is a key in one other Region',
    ],
    [
      'if it would leave out the state table of the other Region',
      { ...existing, encryption: { kmsKeyArn: arn('us-east-1') } },
      'replications.0.encryption.destinationKmsKeyArn is required, a key in eu-west-1 for the state table:',
    ],
    [
      'if it is not the key of a KMS ARN',
      { encryption: { kmsKeyArn: 'arn:aws:sqs:us-east-1:111122223333:key/1' } },
      'replications.0.encryption.kmsKeyArn: expected the ARN of a customer managed KMS key, not of an alias (for example arn:aws:kms:us-east-1:111122223333:key/',
    ],
    [
      'if it is an alias',
      { encryption: { alarmTopic: 'arn:aws:kms:us-east-1:111122223333:alias/ferry' } },
      'expected the ARN of a customer managed KMS key, not of an alias',
    ],
    [
      'if a policy would read it as a pattern',
      { encryption: { kmsKeyArn: 'arn:aws:kms:us-east-1:111122223333:key/*' } },
      'replications.0.encryption.kmsKeyArn: expected the ARN of a customer managed KMS key, not of an alias (for example arn:aws:kms:us-east-1:111122223333:key/',
    ],
    [
      'if its name is none of a resource',
      { encryption: { queue: arn('us-east-1') } },
      'replications.0.encryption: "queue" is not a setting; known here: kmsKeyArn, destinationKmsKeyArn, deadLetterQueue, lookAgainQueue, onFailureBucket, alarmTopic, logGroups, functions, stateTable',
    ],
  ])('%s', (_, parts, message) => {
    expect(problemsOf(replication(parts))).toContain(message);
  });

  it('unless each table of the other Region has its own', () => {
    expect(
      problemsOf(
        replication({
          destination: { ...replication().destination, kmsKeyArn: arn('eu-west-1') },
          encryption: { kmsKeyArn: arn('us-east-1'), stateTable: 'none' },
        }),
      ),
    ).toBe('');
  });

  it.each([
    ['another', arn('eu-west-1', '4'), arn('eu-west-1', '4')],
    ['none', undefined, 'none'],
  ])('if the table is created with %s elsewhere', (_, kmsKeyArn, shown) => {
    const onward = {
      name: 'onward',
      source: { region: 'eu-west-1', table: 'Twin', ...create, ...(kmsKeyArn && { kmsKeyArn }) },
      destination: { region: 'ap-south-1', table: 'Copy', ...create },
    };
    const destination = { region: 'eu-west-1', table: 'Twin', kmsKeyArn: arn('eu-west-1') };

    expect(problemsOf(replication({ destination }), onward)).toContain(
      `replications.0.destination.kmsKeyArn must be the key with which replications.1.source creates the table, ${shown}, got ${arn('eu-west-1')}`,
    );
  });
});

describe('the partition of a Region', () => {
  it('is what the CDK knows, for every Region that it knows', () => {
    const known = RegionInfo.regions.filter(({ partition }) => partition !== undefined);

    expect(known.length).toBeGreaterThan(30);
    const wrong = known.filter(({ name, partition, domainSuffix }) => {
      const found = partitionOf(name);
      return found.name !== partition || found.dnsSuffix !== domainSuffix;
    });
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });

  it('is AWS’s own for a Region that is new', () => {
    expect(partitionOf('zz-new-1')).toEqual({ name: 'aws', dnsSuffix: 'amazonaws.com' });
  });
});
