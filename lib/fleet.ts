// The replications from one account and Region: one topic for their alarms, one alarm that sums these up, and one
// dashboard with a row for each replication. The stacks of the sources are deployed first: this alarm needs theirs.

import { Annotations, type App, Stack } from 'aws-cdk-lib';
import { AlarmRule, CompositeAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import { Key } from 'aws-cdk-lib/aws-kms';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { FLEET } from '../src/config/fleet.ts';
import { alarmTopicName } from '../src/config/names.ts';
import type { FleetConfig, ReplicationConfig } from '../src/config/schema.ts';
import { dashboardName, dashboardUrl } from './alarm-text.ts';
import { createAlarmTopic } from './alarm-topic.ts';
import { createFleetDashboard } from './fleet-dashboard.ts';
import { arnHere } from './policies.ts';
import { alarmName, DEGRADED } from './replication-alarms.ts';

interface Deployed {
  readonly replication: ReplicationConfig;
  /** Of its source. */
  readonly stack: Stack;
}

/** The topic of the fleet in the account and Region of `stack`, by its name: the topic is created later. */
export function fleetTopic(stack: Stack): ITopic {
  return Topic.fromTopicArn(stack, 'FleetTopic', arnHere(stack, 'sns', alarmTopicName(FLEET)));
}

/** Adds a stack for each account and Region of a source. */
export function addFleets(app: App, fleet: FleetConfig, deployed: readonly Deployed[]): void {
  const places = new Map<string, Deployed[]>();
  for (const one of deployed) {
    const { account, region } = one.replication.source;
    const id = ['ferry', FLEET, ...(account === undefined ? [] : [account]), region].join('-');
    places.set(id, [...(places.get(id) ?? []), one]);
  }
  for (const [id, members] of places) addFleet(app, id, fleet, members);
}

function addFleet(app: App, id: string, fleet: FleetConfig, members: readonly Deployed[]): void {
  const replications = members.map(({ replication }) => replication);
  const { account, region } = replications[0]?.source ?? {};
  const stack = new Stack(app, id, {
    // Of one account. It stays if the file gets accounts: the names in the stack are taken.
    stackName: ['ferry', FLEET, region].join('-'),
    env: { ...(region && { region }), ...(account && { account }) },
    description: `Ferry: all replications from ${region}`,
  });
  for (const member of members) stack.addStackDependency(member.stack);
  createTopic(stack, fleet);
  createSummary(stack, replications);
  createFleetDashboard(stack, replications);
}

function createTopic(stack: Stack, { email, kmsKeyArn }: FleetConfig): void {
  const topic = createAlarmTopic(stack, {
    topicName: alarmTopicName(FLEET),
    alarmNames: 'ferry-*',
    sid: 'AlarmsOfTheFleet',
    masterKey: kmsKeyArn === undefined ? undefined : Key.fromKeyArn(stack, 'TopicKey', kmsKeyArn),
  });
  if (email !== undefined) topic.addSubscription(new EmailSubscription(email));
  if (kmsKeyArn === undefined) return;
  Annotations.of(stack).addInfo(
    `The policy of ${kmsKeyArn} must let cloudwatch.amazonaws.com use it. docs/customer-keys.md has the statements.`,
  );
}

/** By names, because ARNs of a hundred alarms are too long for a rule. Without an action: each alarm notifies already. */
function createSummary(
  stack: Stack,
  replications: readonly ReplicationConfig[],
): CompositeAlarm | undefined {
  const names = replications
    .filter(({ alarms }) => alarms.enabled)
    .map(({ name }) => `ALARM("${alarmName(name, DEGRADED.anchor)}")`);
  if (names.length === 0) return undefined;
  const dashboard = dashboardName(FLEET);
  const place = dashboardUrl(stack.region, dashboard) ?? `${dashboard} in ${stack.region}`;
  return new CompositeAlarm(stack, 'Degraded', {
    compositeAlarmName: alarmName(FLEET, DEGRADED.anchor),
    alarmDescription: `Fleet degraded: an alarm of a replication from ${stack.region} fires. First: Run ferry status. It lists the replications, the worst first. Dashboard: ${place}`,
    alarmRule: AlarmRule.fromString(names.join(' OR ')),
  });
}
