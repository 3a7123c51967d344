// What a deployment makes of a projection: streams with old images, rights to the keys of hashes, and letters
// without records.

import { rmSync } from 'node:fs';
import { Aws, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { AttributeType, StreamViewType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { afterAll, describe, expect, it } from 'vitest';
import { Replication, type ReplicationProps } from '../../lib/index.ts';
import {
  appOf,
  CHINA,
  CREATED,
  emptyApp,
  EXISTING,
  getAtt,
  only,
  resources,
  stackOf,
  statements,
  tableNamed,
  type TemplateJson,
  templates,
  temporary,
  violations,
} from './stack-templates.ts';

afterAll(() => rmSync(temporary, { recursive: true }));

const keepItems = { attribute: 'country', equals: { S: 'de' } };
const attributes = { drop: ['email'] };
const GOV = {
  ...CREATED,
  source: { ...CREATED.source, region: 'us-gov-west-1' },
  destination: { ...CREATED.destination, region: 'us-gov-east-1' },
};

describe('a table that the app creates', () => {
  const viewOf = (template: TemplateJson, table: string) =>
    tableNamed(template, table).Properties['StreamSpecification'];

  it.each([
    ['no projection', undefined, 'NEW_IMAGE'],
    ['a projection of attributes', { attributes }, 'NEW_IMAGE'],
    ['a projection that leaves items out', { keepItems }, 'NEW_AND_OLD_IMAGES'],
  ])('has in its stream what %s needs', (_, projection, view) => {
    const { source } = templates({ ...CREATED, ...(projection && { projection }) });

    expect(viewOf(source, 'Orders')).toEqual({ StreamViewType: view });
  });

  const table = (app: ReturnType<typeof appOf>, stack: string, name: string) =>
    viewOf(Template.fromStack(stackOf(app, stack)).toJSON() as TemplateJson, name);

  it('has old images where only one of its readers leaves items out', () => {
    const other = { ...CREATED.destination, table: 'Other' };
    const reader = { name: 'other', source: placeOnly(CREATED.source), destination: other };

    const app = appOf(CREATED, { ...reader, projection: { keepItems } });

    expect(table(app, 'ferry-orders-source', 'Orders')).toEqual({
      StreamViewType: 'NEW_AND_OLD_IMAGES',
    });
  });

  it.each([
    ['the next replication leaves items out', { projection: { keepItems } }, 'NEW_AND_OLD_IMAGES'],
    ['the next replication does not', { projection: { attributes } }, 'NEW_IMAGE'],
  ])('as a twin has old images if %s', (_, settings, StreamViewType) => {
    const source = placeOnly(CREATED.destination);
    const destination = { region: 'ap-south-1', table: 'OrdersCopy' };

    const app = appOf(CREATED, { name: 'onward', source, destination, ...settings });

    expect(table(app, 'ferry-orders-destination', 'OrdersTwin')).toEqual({ StreamViewType });
  });
});

function placeOnly({ region, table }: { region: string; table: string }) {
  return { region, table };
}

describe('a source table of the app', () => {
  it('is refused without old images where keepItems needs them', () => {
    expect(() => replicate({ projection: { keepItems } }, StreamViewType.NEW_IMAGE)).toThrow(
      'Stack/Orders: projection.keepItems needs old images. source has a stream of NEW_IMAGE, which lacks old images.',
    );
    const kept = replicate({ projection: { keepItems } }, StreamViewType.NEW_AND_OLD_IMAGES);
    expect(kept.config.projection).toEqual({ keepItems });
    expect(
      replicate({ projection: { attributes } }, StreamViewType.NEW_IMAGE).alarms,
    ).toBeDefined();
  });
});

it('is refused where it changes a key attribute of a table of the app', () => {
  const projection = { attributes: { drop: ['email', 'pk'] } };

  expect(() => replicate({ projection }, StreamViewType.NEW_IMAGE)).toThrow(
    'Stack/Orders: projection.attributes.drop.1 must not be about a key attribute, which stays as it is, got "pk"',
  );
});

it('is refused where only the deployment will know a rule of it, because it has a digest', () => {
  const set = { account: { S: Aws.ACCOUNT_ID } };

  expect(() =>
    replicate({ projection: { attributes: { set } } }, StreamViewType.NEW_IMAGE),
  ).toThrow('Stack/Orders: projection has a value that only the deployment will know');
});

function replicate(props: Partial<ReplicationProps>, stream: StreamViewType): Replication {
  const stack = new Stack(emptyApp(), 'Stack', { env: { region: 'us-east-1' } });
  const partitionKey = { name: 'pk', type: AttributeType.STRING };
  const source = new Table(stack, 'Table', { partitionKey, stream });
  const destination = { region: 'eu-west-1', tableName: 'OrdersTwin' };
  return new Replication(stack, 'Orders', { source, destination, ...props });
}

describe('the keys of hashes', () => {
  const secret = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:ferry/hash-AbCdEf';
  const [first, second] = ['1', '2'].map(
    (digit) => `${digit.repeat(8)}-aaaa-4aaa-8aaa-111111111111`,
  );
  const kmsKeyArn = 'arn:aws:kms:us-east-1:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111';
  const hash = [
    { attribute: 'email', secret, versionId: first, kmsKeyArn },
    { attribute: 'phone', secret, versionId: first, kmsKeyArn },
    { attribute: 'name', secret, versionId: second },
  ];
  const hashing = { ...EXISTING, bulk: true, projection: { attributes: { hash } } };
  const read = (versionId: string | undefined) => ({
    Effect: 'Allow',
    Action: 'secretsmanager:GetSecretValue',
    Resource: secret,
    Condition: { StringEquals: { 'secretsmanager:VersionId': versionId } },
  });

  it('are read in their versions only, by the functions that open the projection', () => {
    const { source } = templates({ ...hashing, heartbeat: { key: { pk: 'ferry-heartbeat' } } });

    expect(statements(source)['ReadHashKeys']).toEqual([
      read(first),
      read(second),
      {
        Effect: 'Allow',
        Action: 'kms:Decrypt',
        Resource: kmsKeyArn,
        Condition: {
          StringEquals: { 'kms:ViaService': ['secretsmanager.us-east-1.amazonaws.com'] },
        },
      },
    ]);
    const readers = resources(source, 'AWS::IAM::Role').filter(([, { Properties }]) =>
      JSON.stringify(Properties).includes('GetSecretValue'),
    );
    expect(readers.map(([id]) => id.replace(/Role.*/, ''))).toEqual(['Replicator', 'BulkRuns']);
  });

  it('are not asked for without a hash', () => {
    const { source } = templates({ ...EXISTING, projection: { attributes } });

    expect(JSON.stringify(source)).not.toContain('GetSecretValue');
  });
});

describe('projected dead letters', () => {
  const { source } = templates({ ...CREATED, bulk: true, deadLetters: 'projected' });
  const text = (resource: object) => JSON.stringify(resource);

  it('have pointers to batches that Lambda gives up in the dead-letter queue', () => {
    const queue = only(source, 'AWS::SQS::Queue', 'ReplicatorDeadLetterQueue');

    expect(only(source, 'AWS::Lambda::EventSourceMapping', 'Replicator').Properties).toMatchObject({
      DestinationConfig: { OnFailure: { Destination: getAtt(queue.id, 'Arn') } },
      MaximumRecordAgeInSeconds: 12 * 3_600,
      MetricsConfig: { Metrics: ['EventCount'] },
    });
  });

  it('leave the bucket to reports: the replicate function cannot write to it', () => {
    const bucket = only(source, 'AWS::S3::Bucket');
    const rights = statements(source);

    expect(rights).not.toHaveProperty('StoreFailedBatches');
    expect(text(rights)).not.toContain('s3:');
    expect(text(rights)).not.toContain(bucket.id);
    expect(text(only(source, 'AWS::IAM::Role', 'BulkRunsRole'))).toContain('"StoreReports"');
  });

  it('say in alarms and dashboard that the queue has the pointers', () => {
    const alarm = (name: string) =>
      String(
        only(source, 'AWS::CloudWatch::Alarm', `Alarms${name}`).Properties['AlarmDescription'],
      );

    expect(alarm('batchesgivenup')).toContain(
      'Lambda gave up batches, and sent pointers to them to the dead-letter queue. Redrive at once',
    );
    expect(alarm('batcheslost')).toContain('to write to the dead-letter queue');
    expect(alarm('deliveriesfailed')).toContain('to the dead-letter queue');
    expect(text(only(source, 'AWS::CloudWatch::Dashboard'))).toContain('given up to the queue');
  });

  it.each([
    ['aws', CREATED, 'With projected dead letters, Lambda does not store the records'],
    ['aws-cn', CHINA, 'In cn-north-1, Lambda does not store the records'],
  ])('tell at synthesis what is missing in %s, and why', (_, replication, reason) => {
    const app = appOf({ ...replication, deadLetters: 'projected' });
    const infos = Annotations.fromStack(stackOf(app, 'ferry-orders-source')).findInfo(
      '*',
      Match.stringLikeRegexp(reason),
    );

    expect(infos).toHaveLength(1);
  });
});

describe('in every partition', () => {
  it.each([
    ['aws', CREATED],
    ['aws-cn', CHINA],
    ['aws-us-gov', GOV],
  ])('%s, cdk-nag finds nothing', (_, replication) => {
    const app = appOf({
      ...replication,
      bulk: true,
      deadLetters: 'projected',
      projection: { keepItems, attributes },
    });

    app.synth();

    expect(violations(app)).toEqual([]);
  });
});
