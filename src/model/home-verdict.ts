// A change of a table whose items have homes -> who made it, and whether it is replicated.

import { homeOf } from './home.ts';
import type { StreamRules } from './rules.ts';
import { type Author, authorOf } from './stray.ts';
import type { StreamRecord } from './stream-record.ts';
import type { HomeModeRules } from './rules.ts';

/** `push`: made at home. `check`: an insert of Ferry's, which may have come late. The others as authors. */
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
  return author === 'ferry' && record.eventName === 'INSERT' ? 'check' : author;
}

function isAtHome(
  { key, createdAtSeconds }: StreamRecord,
  { home, region, sinceMs }: HomeModeRules,
): boolean {
  if (homeOf(key, home) !== region) return false;
  return sinceMs === undefined || (createdAtSeconds ?? 0) * 1000 >= sinceMs;
}
