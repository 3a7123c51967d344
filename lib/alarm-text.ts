// What an alarm means, and what to do first -> its description, which is all that an email shows of it.

import type { ReplicationConfig } from '../src/config/config.ts';
import { dashboardUrl } from './console-links.ts';
import { entryTitle } from './runbook-entries.ts';

/** Longest description of an alarm that CloudWatch takes. */
export const ALARM_DESCRIPTION_MAX = 1024;

/** What happened, what to do first, and where more is written. Emails show it as it is. */
export function alarmDescription(
  { name, source, alarms }: ReplicationConfig,
  { meaning, firstStep, entry }: { meaning: string; firstStep: string; entry: string },
): string {
  const more = `More: ferry status --replication ${name}.`;
  return `${meaning} First: ${firstStep} ${more} Runbook: ${runbookPlace(alarms.runbook, { name, region: source.region, entry })}`;
}

/** A link where there is one, else the name of the entry on the dashboard, which is in the same account. */
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
