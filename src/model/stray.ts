// A change of a table while it was the twin -> who made it: Ferry, or an application by mistake. What an item has in
// the reserved attribute says little, since applications keep it in updates.

import type { Item } from './attribute-value.ts';
import { type Version, versionIn } from './guard.ts';
import type { StreamRules } from './rules.ts';
import type { StreamRecord } from './stream-record.ts';

/** `deleter`: of a delete, the ledger beside the table tells. */
export type Author = 'ferry' | 'application' | 'deleter';

/** @param raw the record as Lambda delivered it: the twin's stream has old images. */
export function authorOf(
  record: StreamRecord,
  raw: unknown,
  {
    reservedAttribute,
    heartbeatKeyText,
  }: Pick<StreamRules, 'reservedAttribute' | 'heartbeatKeyText'>,
): Author {
  if (record.keyText === heartbeatKeyText) return 'ferry';
  // The twin's own TTL: no application has written.
  if (record.eventName === 'REMOVE') return record.expired ? 'ferry' : 'deleter';
  const version = versionIn(record.newImage[reservedAttribute]);
  if (version === undefined) return 'application';
  const before = oldVersion(raw, reservedAttribute);
  // Ferry writes nothing but a newer version over an older one.
  return before !== undefined && version <= before ? 'application' : 'ferry';
}

/** The version of the item before the change; undefined where it had none, or where the stream has no old images. */
export function oldVersion(raw: unknown, reservedAttribute: string): Version | undefined {
  const { dynamodb } = raw as { readonly dynamodb?: { readonly OldImage?: Item } };
  return versionIn(dynamodb?.OldImage?.[reservedAttribute]);
}

/** Ferry remembers a delete before it is done. */
export function isRemembered(before: Version | undefined, deleted: Version | undefined): boolean {
  return deleted !== undefined && deleted >= (before ?? '');
}
