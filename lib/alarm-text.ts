// What an alarm means, and what to do first -> its description. An email shows nothing else.

import type { ReplicationConfig } from '../src/config/schema.ts';
import { dashboardUrl } from './console-links.ts';
import { entryTitle } from './runbook-entries.ts';

/** CloudWatch's limit for the description of an alarm. */
export const ALARM_DESCRIPTION_MAX = 1024;

export function alarmDescription(
  { name, source, alarms }: ReplicationConfig,
  { meaning, firstStep, entry }: { meaning: string; firstStep: string; entry: string },
): string {
  const more = `More: ferry status --replication ${name}.`;
  return `${meaning} First: ${firstStep} ${more} Runbook: ${runbookPlace(alarms.runbook, { name, region: source.region, entry })}`;
}

/** A link if the runbook has a URL, else the name of the entry and the dashboard that shows it. */
function runbookPlace(
  runbook: string,
  { name, region, entry }: { name: string; region: string; entry: string },
): string {
  if (isUrl(runbook)) return `${runbook}#${entry}`;
  const url = dashboardUrl(region, dashboardName(name));
  const dashboard = url ?? `the dashboard ${dashboardName(name)} in ${region}`;
  return `"${entryTitle(entry)}" in ${runbook}, and on ${dashboard}`;
}

export function isUrl(runbook: string): boolean {
  return /^https?:/.test(runbook);
}

export function dashboardName(replication: string): string {
  return `ferry-${replication}`;
}
