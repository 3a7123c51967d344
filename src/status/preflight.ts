// The facts of two tables -> the errors, risks and notes of the pair, before it is replicated.

import { BOTH_WAYS_CHECKS } from './both-ways-findings.ts';
import type { Finding, Pair } from './finding.ts';
import { KEY_CHECKS } from './key-findings.ts';
import { KINESIS_CHECKS } from './kinesis-findings.ts';
import { PROTECTION_CHECKS } from './protection.ts';
import { REPLICA_CHECKS } from './replica-findings.ts';
import { STREAM_CHECKS } from './stream-findings.ts';
import { TABLE_CHECKS } from './table-findings.ts';

export type { Finding, Pair } from './finding.ts';

/** Errors first. */
export function preflight(pair: Pair): Finding[] {
  const found = CHECKS.flatMap((check) => check(pair));
  const rank = { error: 0, warning: 1, note: 2 };
  return found.toSorted((a, b) => rank[a.severity] - rank[b.severity]);
}

const CHECKS = [
  ...TABLE_CHECKS,
  ...REPLICA_CHECKS,
  ...KEY_CHECKS,
  ...BOTH_WAYS_CHECKS,
  ...STREAM_CHECKS,
  ...KINESIS_CHECKS,
  ...PROTECTION_CHECKS,
];
