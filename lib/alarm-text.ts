// What an alarm means, and what to do first -> its description. An email shows nothing else.

import { Token } from 'aws-cdk-lib';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import type { AlarmRule } from '../src/alarms/rule.ts';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { entryTitle } from './runbook-entries.ts';

/** CloudWatch's limit for the description of an alarm. */
export const ALARM_DESCRIPTION_MAX = 1024;

/** Ends with a link if the runbook has a URL, else with the name of the entry and the dashboard that shows it. */
export function alarmDescription(
  { name, source: { region }, alarms, dashboard: hasDashboard }: ReplicationConfig,
  rule: Pick<AlarmRule, 'anchor' | 'runbook' | 'meaning' | 'firstStep'>,
): string {
  const { anchor, runbook: entry = anchor, meaning, firstStep } = rule;
  const dashboard = dashboardName(name);
  const url = dashboardUrl(region, dashboard) ?? `the dashboard ${dashboard} in ${region}`;
  const andThere = hasDashboard ? `, and on ${url}` : '';
  const place = isUrl(alarms.runbook)
    ? `${alarms.runbook}#${entry}`
    : `"${entryTitle(entry)}" in ${alarms.runbook}${andThere}`;
  return `${meaning} First: ${firstStep} More: ferry status --replication ${name}. Runbook: ${place}`;
}

export function isUrl(runbook: string): boolean {
  return /^https?:/.test(runbook);
}

export function dashboardName(replication: string): string {
  return `ferry-${replication}`;
}

const CONSOLES: Readonly<Record<string, string>> = {
  aws: 'console.aws.amazon.com',
  'aws-cn': 'console.amazonaws.cn',
  'aws-us-gov': 'console.amazonaws-us-gov.com',
};

/** Undefined where the console is not known: in a Region that only a deployment knows, and in some partitions. */
export function dashboardUrl(region: string, dashboardName: string): string | undefined {
  if (Token.isUnresolved(region)) return undefined;
  // A Region that is newer than this release of the CDK has no known partition. New ones are in `aws`.
  const console = CONSOLES[RegionInfo.get(region).partition ?? 'aws'];
  if (console === undefined) return undefined;
  return `https://${region}.${console}/cloudwatch/home?region=${region}#dashboards/dashboard/${dashboardName}`;
}
