// The facts of two tables -> the errors, risks and notes of the pair, before it is replicated.

import type { Finding, Pair } from './finding.ts';
import { heartbeatKeys, indexes, keySchema, reservedKey } from './key-findings.ts';
import { otherStream, streamAge, streamOff, streamView } from './stream-findings.ts';
import {
  capacity,
  encryption,
  globalTable,
  headroom,
  notActive,
  occupied,
  otherKey,
  reserved,
  sameTable,
  timeToLive,
} from './table-findings.ts';

export type { Finding, Pair } from './finding.ts';

/** Errors first. */
export function preflight(pair: Pair): Finding[] {
  const found = CHECKS.flatMap((check) => check(pair));
  const rank = { error: 0, warning: 1, note: 2 };
  return found.toSorted((a, b) => rank[a.severity] - rank[b.severity]);
}

const CHECKS: ReadonlyArray<(pair: Pair) => Finding[]> = [
  sameTable,
  globalTable,
  notActive,
  keySchema,
  reservedKey,
  heartbeatKeys,
  streamOff,
  streamView,
  otherStream,
  streamAge,
  timeToLive,
  encryption,
  otherKey,
  indexes,
  capacity,
  headroom,
  reserved,
  occupied,
];
