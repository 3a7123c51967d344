// What the state machines of bulk runs may do, and the rule that starts one of them: one entry for each need.

import { servicesAt } from '../config/partition-services.ts';
import { allowing, type Arns } from './arns.ts';
import type { Needs } from './statement.ts';

/** Of a state machine whose map runs in a distributed way. */
export function runnerNeeds(region: string, arns: Pick<Arns, 'of'>): Needs {
  const { tracing } = servicesAt(region);
  const allow = allowing(arns);
  return {
    InvokeFunction: [allow('bulkFunction', ['lambda:InvokeFunction'])],
    RunSegments: [
      allow('stateMachine', ['states:StartExecution']),
      allow('executions', ['states:DescribeExecution', 'states:StopExecution']),
      // If an operator redrives a run, Step Functions redrives its failed segments by this role.
      allow('segments', ['states:RedriveExecution']),
    ],
    WriteLogs: [allow('anything', LOG_DELIVERY)],
    ...(tracing && { WriteTraces: [allow('anything', TRACING)] }),
  };
}

/** Of the rule of comparisons on a schedule. */
export function ruleNeeds(arns: Pick<Arns, 'of'>): Needs {
  return { StartRun: [allowing(arns)('stateMachine', ['states:StartExecution'])] };
}

// The actions that Step Functions documents for each; none of them knows a resource.
const LOG_DELIVERY = [
  'logs:CreateLogDelivery',
  'logs:GetLogDelivery',
  'logs:UpdateLogDelivery',
  'logs:DeleteLogDelivery',
  'logs:ListLogDeliveries',
  'logs:PutResourcePolicy',
  'logs:DescribeResourcePolicies',
  'logs:DescribeLogGroups',
];
const TRACING = [
  'xray:PutTraceSegments',
  'xray:PutTelemetryRecords',
  'xray:GetSamplingRules',
  'xray:GetSamplingTargets',
];
