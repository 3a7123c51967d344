// What `ferry teardown` lists is what the templates keep: no more, no less.

import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { bothWays } from '../../src/config/directions.ts';
import { type Leftover, leftoversOf } from '../../src/teardown/leftovers.ts';
import {
  appOf,
  BEATING,
  CREATED,
  EXISTING,
  replicationOf,
  stackOf,
  type TemplateJson,
  templates,
} from './stack-templates.ts';

const STAMPED = { twoWay: { mode: 'stamped' } };

const KINDS: Readonly<Record<string, Leftover['kind']>> = {
  'AWS::SQS::Queue': 'queue',
  'AWS::S3::Bucket': 'bucket',
  'AWS::DynamoDB::GlobalTable': 'table',
  'AWS::Logs::LogGroup': 'log group',
};

/** Of everything that a stack keeps: its kind, and its name where it has one. */
function kept(template: ReturnType<typeof templates>['source']): string[] {
  return Object.values(template.Resources)
    .filter(({ DeletionPolicy = 'Delete' }) => DeletionPolicy !== 'Delete')
    .map(({ Type, Properties }) => {
      const { QueueName, TableName, LogGroupName } = Properties;
      const name = QueueName ?? TableName ?? LogGroupName ?? 'generated';
      return `${KINDS[Type] ?? Type} ${JSON.stringify(name)}`;
    })
    .toSorted();
}

describe('everything that the stacks keep', () => {
  it.each([
    ['with tables that the app creates', { ...BEATING, bulk: true }],
    ['with tables that were there', EXISTING],
    ['with strict tombstones', { ...EXISTING, tombstones: 'strict' }],
  ])('is listed, %s', (_, configuration) => {
    const { name, source, destination, stateTable, tombstones } = replicationOf(configuration);
    const buckets = [{ name: 'generated', isCertain: true }];
    const all = leftoversOf({ name, source, destination, stateTable, buckets });
    const stacks = templates(configuration);

    const listed = (stack: string) =>
      all
        .filter((one) => one.stack.endsWith(stack))
        // An earlier deployment may have left it.
        .filter((one) => tombstones === 'checked' || one.what !== 'look-again queue')
        .map((one) => `${one.kind} ${JSON.stringify(one.name)}`)
        .toSorted();
    expect(listed('-source')).toEqual(kept(stacks.source));
    expect(listed('-destination')).toEqual(kept(stacks.destination));
  });

  it.each([
    ['switching', { ...CREATED, switching: {} }, 'a look-again queue'],
    ['tables that both sides write', { ...CREATED, direction: 'both', ...STAMPED }, undefined],
  ])('is listed in both directions, with %s', (_, configuration, hasQueue) => {
    const replication = replicationOf(configuration);
    const app = appOf(configuration);
    const buckets = [{ name: 'generated', isCertain: true }];
    const all = bothWays(replication)
      .flatMap((one) => leftoversOf({ ...one, buckets }))
      .filter(({ what }) => hasQueue !== undefined || what !== 'look-again queue');

    const named = ({ kind, name }: Leftover) => `${kind} ${JSON.stringify(name)}`;
    for (const stack of ['source', 'destination', 'back-source', 'back-destination']) {
      const id = `ferry-orders-${stack}`;
      const template = Template.fromStack(stackOf(app, id)).toJSON() as TemplateJson;
      const listed = all.filter((one) => one.stack === id).map(named);
      expect(listed.toSorted()).toEqual(kept(template));
    }
    const switches = hasQueue ? ['ferry-switch-us-east-1', 'ferry-switch-eu-west-1'] : [];
    for (const stack of switches)
      expect(kept(Template.fromStack(stackOf(app, stack)).toJSON() as TemplateJson)).toEqual([]);
  });

  it('does not have a bucket with a name of its own, which is why it is looked for', () => {
    const { source } = templates(EXISTING);
    const [id, bucket] =
      Object.entries(source.Resources).find(([, { Type }]) => Type === 'AWS::S3::Bucket') ?? [];

    expect(bucket?.Properties['BucketName']).toBeUndefined();
    expect(id?.toLowerCase()).toMatch(/^replicatoronfailure/);
  });
});
