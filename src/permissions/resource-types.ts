// What CloudFormation calls for each type of resource in the templates, and which types a stack has.
//
// Source: the `handlers` of each type in CloudFormation's registry (August 2026), as `aws cloudformation describe-type
// --type RESOURCE --type-name NAME` prints them. Left out are calls for properties that no template of Ferry sets,
// such as a VPC, and calls that delete what a stack keeps: tables and buckets.

import { isOtherAccount } from '../config/accounts.ts';
import { topicArnOf } from '../config/alarm-topic.ts';
import { isBackName } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';

/** By what a stack is about, as ARNs name it. */
export type StackPart =
  | 'tables'
  | 'roles'
  | 'policies'
  | 'functions'
  | 'mappings'
  | 'rules'
  | 'logGroups'
  | 'queues'
  | 'buckets'
  | 'topics'
  | 'alarms'
  | 'dashboards'
  | 'stateMachines'
  | 'code'
  | 'version'
  | 'anything';

type Call = `${StackPart} ${string}:${string}`;

export const RESOURCE_TYPES: Readonly<Record<string, readonly Call[]>> = {
  'AWS::DynamoDB::GlobalTable': [
    'tables dynamodb:CreateTable UpdateTable Describe* UpdateContinuousBackups UpdateTimeToLive GetResourcePolicy ListTagsOfResource TagResource UntagResource',
    'anything application-autoscaling:Describe*',
  ],
  'AWS::IAM::Role': [
    'roles iam:CreateRole GetRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy DeleteRole PutRolePolicy GetRolePolicy DeleteRolePolicy ListRolePolicies ListAttachedRolePolicies TagRole UntagRole',
  ],
  'AWS::IAM::ManagedPolicy': [
    'policies iam:CreatePolicy GetPolicy DeletePolicy CreatePolicyVersion GetPolicyVersion DeletePolicyVersion ListPolicyVersions ListEntitiesForPolicy',
  ],
  'AWS::Lambda::Function': [
    'functions lambda:CreateFunction GetFunction UpdateFunctionCode UpdateFunctionConfiguration DeleteFunction GetFunctionCodeSigningConfig GetFunctionRecursionConfig GetFunctionScalingConfig GetRuntimeManagementConfig ListTags TagResource UntagResource',
    'roles iam:PassRole',
    'code s3:GetObject GetObjectVersion',
  ],
  'AWS::Lambda::EventSourceMapping': [
    // IAM knows no resource for the first.
    'anything lambda:CreateEventSourceMapping',
    'mappings lambda:GetEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping ListTags TagResource UntagResource',
  ],
  'AWS::Lambda::EventInvokeConfig': [
    'functions lambda:PutFunctionEventInvokeConfig GetFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig',
  ],
  'AWS::Lambda::Permission': ['functions lambda:AddPermission GetPolicy RemovePermission'],
  'AWS::Events::Rule': [
    'rules events:PutRule DescribeRule DeleteRule PutTargets RemoveTargets ListTargetsByRule ListTagsForResource TagResource UntagResource',
  ],
  'AWS::Logs::LogGroup': [
    'logGroups logs:CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy AssociateKmsKey DisassociateKmsKey DescribeIndexPolicies GetDataProtectionPolicy ListTagsForResource TagResource UntagResource',
    'anything logs:DescribeLogGroups DescribeResourcePolicies',
  ],
  'AWS::SQS::Queue': [
    'queues sqs:CreateQueue GetQueueAttributes GetQueueUrl SetQueueAttributes DeleteQueue ListQueueTags TagQueue UntagQueue',
  ],
  'AWS::SQS::QueuePolicy': ['queues sqs:SetQueueAttributes'],
  'AWS::S3::Bucket': [
    'buckets s3:CreateBucket ListBucket PutBucketPublicAccessBlock PutEncryptionConfiguration PutLifecycleConfiguration PutBucketTagging GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac GetBucketCORS GetBucketLogging GetBucketMetadataTableConfiguration GetBucketNotification GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPublicAccessBlock GetBucketTagging GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration GetIntelligentTieringConfiguration GetInventoryConfiguration GetLifecycleConfiguration GetMetricsConfiguration GetReplicationConfiguration ListTagsForResource TagResource UntagResource',
  ],
  'AWS::S3::BucketPolicy': ['buckets s3:GetBucketPolicy PutBucketPolicy DeleteBucketPolicy'],
  'AWS::SNS::Topic': [
    'topics sns:CreateTopic GetTopicAttributes SetTopicAttributes DeleteTopic GetDataProtectionPolicy ListSubscriptionsByTopic ListTagsForResource TagResource UntagResource',
  ],
  'AWS::SNS::TopicPolicy': ['topics sns:SetTopicAttributes'],
  'AWS::SNS::Subscription': [
    'topics sns:Subscribe GetSubscriptionAttributes SetSubscriptionAttributes Unsubscribe',
  ],
  'AWS::CloudWatch::Alarm': [
    'alarms cloudwatch:PutMetricAlarm DeleteAlarms ListTagsForResource TagResource UntagResource',
    'anything cloudwatch:DescribeAlarms',
  ],
  'AWS::CloudWatch::CompositeAlarm': [
    'alarms cloudwatch:PutCompositeAlarm DeleteAlarms ListTagsForResource TagResource UntagResource',
    'anything cloudwatch:DescribeAlarms',
  ],
  'AWS::CloudWatch::Dashboard': [
    'dashboards cloudwatch:PutDashboard GetDashboard DeleteDashboards ListTagsForResource TagResource UntagResource',
  ],
  'AWS::StepFunctions::StateMachine': [
    'stateMachines states:CreateStateMachine DescribeStateMachine UpdateStateMachine DeleteStateMachine ListTagsForResource TagResource UntagResource',
    'roles iam:PassRole',
  ],
};

/** In the stack of every source. */
const ALWAYS = [
  'AWS::IAM::Role',
  'AWS::Logs::LogGroup',
  'AWS::Lambda::Function',
  'AWS::Lambda::EventSourceMapping',
  'AWS::SQS::Queue',
  'AWS::SQS::QueuePolicy',
  'AWS::S3::Bucket',
  'AWS::S3::BucketPolicy',
];

function topicTypes(email: string | undefined): string[] {
  const subscription = email === undefined ? [] : ['AWS::SNS::Subscription'];
  return ['AWS::SNS::Topic', 'AWS::SNS::TopicPolicy', ...subscription];
}

/** @param isOfFleet whether the alarms go to the topic of a fleet. */
export function sourceTypes(replication: ReplicationConfig, isOfFleet: boolean): string[] {
  const { name, source, alarms, dashboard, bulk, heartbeat, reconcile } = replication;
  const hasTopic = alarms.enabled && topicArnOf(replication) === undefined && !isOfFleet;
  return [
    ...(source.create && !isBackName(name) ? ['AWS::DynamoDB::GlobalTable'] : []),
    ...ALWAYS,
    ...(alarms.enabled ? ['AWS::CloudWatch::Alarm', 'AWS::CloudWatch::CompositeAlarm'] : []),
    ...(hasTopic ? topicTypes(alarms.email) : []),
    ...(dashboard ? ['AWS::CloudWatch::Dashboard'] : []),
    ...(bulk || reconcile ? ['AWS::StepFunctions::StateMachine'] : []),
    ...(heartbeat || reconcile ? ['AWS::Events::Rule'] : []),
    ...(heartbeat ? ['AWS::Lambda::Permission', 'AWS::Lambda::EventInvokeConfig'] : []),
  ];
}

export function destinationTypes(replication: ReplicationConfig): string[] {
  const { credentials } = replication.destination;
  return [
    'AWS::DynamoDB::GlobalTable',
    ...(isOtherAccount(replication) ? ['AWS::IAM::Role'] : []),
    ...(credentials === undefined ? [] : ['AWS::IAM::ManagedPolicy']),
  ];
}

/** Of the stack that switches, in one account and Region. */
export const SWITCH_TYPES = [
  'AWS::IAM::Role',
  'AWS::Logs::LogGroup',
  'AWS::Lambda::Function',
  'AWS::StepFunctions::StateMachine',
];

/** Of the stack of a fleet in one account and Region, with these replications. */
export function fleetTypes(
  replications: readonly ReplicationConfig[],
  email: string | undefined,
): string[] {
  const isAlarmed = replications.some(({ alarms }) => alarms.enabled);
  return [
    ...topicTypes(email),
    ...(isAlarmed ? ['AWS::CloudWatch::CompositeAlarm'] : []),
    'AWS::CloudWatch::Dashboard',
  ];
}
