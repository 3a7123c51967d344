// What "direction": "both" adds to the templates: a second replication beside the destination, streams with both images,
// and a place for what has lost.

import { rmSync } from 'node:fs';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, describe, expect, it } from 'vitest';
import { buildApp } from '../../lib/app.ts';
import { Replication } from '../../lib/replication.ts';
import { alarmRules } from '../../src/alarms/alarm-rules.ts';
import { parseConfig } from '../../src/config/config.ts';
import { parseDashboardBody } from '../fixtures/dashboard/dashboard-body.ts';
import {
  BEATING,
  emptyApp,
  only,
  replicationOf,
  resources,
  stackOf,
  STREAM_ARN,
  tableNamed,
  temporary,
  type TemplateJson,
  violations,
} from './stack-templates.ts';

afterAll(() => rmSync(temporary, { recursive: true }));

const STAMPED = {
  ...BEATING,
  direction: 'both',
  twoWay: { mode: 'stamped', losers: 'keep' },
};
const HOME = {
  ...STAMPED,
  twoWay: {
    mode: 'home',
    home: {
      rules: [{ attribute: 'pk', prefix: 'eu#', region: 'eu-west-1' }],
      otherwise: 'us-east-1',
    },
  },
};

const app = emptyApp();
buildApp(app, parseConfig({ fleet: {}, replications: [STAMPED] }));
const stacks = app.node.children.map(({ node }) => node.id).filter((id) => id.startsWith('ferry-'));
const templateOf = (stack: string) =>
  Template.fromStack(stackOf(app, stack)).toJSON() as TemplateJson;
const [source, back] = ['ferry-orders-source', 'ferry-orders-back-source'].map(templateOf) as [
  TemplateJson,
  TemplateJson,
];
const [twin, ledger] = ['ferry-orders-destination', 'ferry-orders-back-destination'].map(
  templateOf,
) as [TemplateJson, TemplateJson];

describe('both directions', () => {
  it('have a pair of stacks each, and none waits for itself', () => {
    const needs = (name: string) =>
      stackOf(app, name)
        .dependencies.map(({ node }) => node.id)
        .filter((id) => !id.startsWith('ferry-fleet'))
        .toSorted();
    const destinations = ['ferry-orders-back-destination', 'ferry-orders-destination'];

    expect(stacks.toSorted()).toEqual([
      'ferry-fleet-eu-west-1',
      'ferry-fleet-us-east-1',
      ...destinations.slice(0, 1),
      'ferry-orders-back-source',
      ...destinations.slice(1),
      'ferry-orders-source',
    ]);
    expect(needs('ferry-orders-source')).toEqual(destinations);
    expect(needs('ferry-orders-back-source')).toEqual([...destinations, 'ferry-orders-source']);
    for (const name of destinations) expect(needs(name)).toEqual([]);
  });

  it('have one stream each, with both images, and one state table each', () => {
    const images = { StreamViewType: 'NEW_AND_OLD_IMAGES' };
    const tables = (template: TemplateJson) =>
      resources(template, 'AWS::DynamoDB::GlobalTable').map(
        ([, { Properties }]) => Properties['TableName'],
      );

    expect([source, twin, back, ledger].map(tables)).toEqual([
      ['Orders'],
      ['ferry-orders-state', 'OrdersTwin'],
      [],
      ['ferry-orders-back-state'],
    ]);
    expect(tableNamed(source, 'Orders').Properties['StreamSpecification']).toEqual(images);
    expect(tableNamed(twin, 'OrdersTwin').Properties['StreamSpecification']).toEqual(images);
    expect(tableNamed(ledger, 'ferry-orders-back-state').Properties).toMatchObject({
      Replicas: [{ Region: 'us-east-1' }],
    });
  });

  it('have no queue and no function that looks at deletes again', () => {
    for (const template of [source, back]) {
      const names = resources(template, 'AWS::Lambda::Function').map(([, { Properties }]) =>
        String(Properties['FunctionName']).replace(/^ferry-orders(-back)?-/, ''),
      );

      expect(names.toSorted()).toEqual(['heartbeat', 'replicate']);
      expect(resources(template, 'AWS::SQS::Queue')).toHaveLength(1);
    }
  });

  it('keep what has lost for 30 days, where it is kept', () => {
    for (const template of [source, back])
      expect(only(template, 'AWS::S3::Bucket').Properties).toMatchObject({
        LifecycleConfiguration: {
          Rules: [
            { ExpirationInDays: 90, Status: 'Enabled' },
            { Prefix: 'losers/', ExpirationInDays: 30, Status: 'Enabled' },
          ],
        },
      });
  });

  it('show the writes of both sides on their dashboards', () => {
    const { widgets } = parseDashboardBody(
      only(source, 'AWS::CloudWatch::Dashboard').Properties['DashboardBody'],
    );
    const graph = widgets.find(({ properties }) =>
      JSON.stringify(properties).includes('Writes of both sides'),
    );

    for (const name of ['OwnRecords', 'StrayWrites', 'Revenants', 'Conflicts', 'FutureStamps'])
      expect(JSON.stringify(graph)).toContain(`"${name}"`);
    expect(JSON.stringify(widgets)).toContain('Stray: an application wrote it without a stamp.');
    expect(JSON.stringify(widgets)).toContain('## Both directions');
  });

  it('are found clean by the AwsSolutions rules', () => {
    app.synth();

    expect(violations(app)).toEqual([]);
  });
});

describe('the first stray write', () => {
  it.each([
    ['stamped', STAMPED, 'An application has written to Orders in us-east-1 without a stamp.'],
    ['home', HOME, 'An application has written items to Orders in us-east-1 whose home is the'],
  ])('fires an alarm with "mode": "%s"', (_, replication, meaning) => {
    const rules = alarmRules(replicationOf(replication));
    const rule = rules.find(({ anchor }) => anchor === 'stray-writes');

    expect(rule).toMatchObject({
      metric: { name: 'StrayWrites', statistic: 'Sum' },
      threshold: 1,
      minutes: 1,
      runbook: 'both-directions',
    });
    expect(rule?.meaning).toContain(meaning);
  });

  it('is all that is added to the alarms, and deletes are not looked at again', () => {
    const anchors = (replication: object) =>
      alarmRules(replicationOf(replication)).map(({ anchor }) => anchor);
    const ofOneWay = anchors(BEATING).filter((anchor) => !/^(look-again|revenants)/.test(anchor));

    expect(anchors(STAMPED).filter((anchor) => anchor !== 'stray-writes')).toEqual(ofOneWay);
  });
});

it.each([{ direction: 'both' }, { twoWay: STAMPED.twoWay }])(
  'is not for props of a construct: %j',
  (more) => {
    const stack = new Stack(emptyApp(), 'Stack', { env: { region: 'us-east-1' } });
    const table = { tableArn: STREAM_ARN.replace(/\/stream.*/, ''), streamArn: STREAM_ARN };
    const props = { source: table, destination: { region: 'eu-west-1', tableName: 'Orders' } };

    expect(() => new Replication(stack, 'Orders', { ...props, ...more })).toThrow(
      `Stack/Orders: ${Object.keys(more)[0]} needs the stacks of a configuration file`,
    );
  },
);
