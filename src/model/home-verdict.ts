// A change of a table whose items have homes -> who made it, and whether it is replicated.

import { homeOf } from './home.ts';
import type { HomeModeRules, StreamRules } from './rules.ts';
import { type Author, authorOf, oldVersion } from './stray.ts';
import type { StreamRecord } from './stream-record.ts';

/**
 * `push`: made at home. `check`: a put of Ferry's that may have come late, on an empty place or over a stray. The others
 * as authors.
 */
export type HomeVerdict = 'push' | 'check' | Author;

/** @param raw the record as Lambda delivered it: the stream has old images. */
export function homeVerdict(
  record: StreamRecord,
  raw: unknown,
  rules: Pick<StreamRules, 'reservedAttribute' | 'heartbeatKeyText'> & {
    readonly twoWay: HomeModeRules;
  },
): HomeVerdict {
  const { twoWay, reservedAttribute } = rules;
  if (record.keyText === rules.heartbeatKeyText) return 'push';
  if (record.keyText === twoWay.otherHeartbeatKeyText) return 'ferry';
  if (isAtHome(record, twoWay)) return 'push';
  const author = authorOf(record, raw, { reservedAttribute, heartbeatKeyText: undefined });
  if (author !== 'ferry' || record.eventName === 'REMOVE') return author;
  // An application with the plug-in stamps, too, but does not say from which Region a write came.
  if (record.newImage[reservedAttribute]?.M?.['o'] === undefined) return 'application';
  // A stray has no version: whatever comes late replaces it, below a delete, too.
  const isGuarded = oldVersion(raw, reservedAttribute) !== undefined;
  return record.eventName === 'INSERT' || !isGuarded ? 'check' : 'ferry';
}

function isAtHome(
  { key, createdAtSeconds }: StreamRecord,
  { home, region, sinceMs }: HomeModeRules,
): boolean {
  if (homeOf(key, home) !== region) return false;
  return sinceMs === undefined || (createdAtSeconds ?? 0) * 1000 >= sinceMs;
}
