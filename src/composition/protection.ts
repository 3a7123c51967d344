// What protects the twin from loss, as far as it can be read: no command fails because it is not known.

import type { Access } from '../aws/access.ts';
import { hasPointInTimeRecovery, isDeletionProtected } from '../aws/table-facts.ts';
import { whatHappened } from '../failures/what-happened.ts';
import type { Protection } from '../model/table-facts.ts';

/** @returns undefined where the endpoint has no backups, as most emulators. Never rejects. */
export async function protectionOf(access: Access, table: string): Promise<Protection | undefined> {
  const [pointInTimeRecovery, deletionProtection] = await Promise.all([
    recoveryOf(access, table),
    isDeletionProtected(access, table).catch(whatHappened),
  ]);
  return pointInTimeRecovery === undefined
    ? undefined
    : { pointInTimeRecovery, deletionProtection };
}

/** Alike, of point-in-time recovery alone. */
export function recoveryOf(access: Access, table: string): Promise<boolean | string | undefined> {
  return hasPointInTimeRecovery(access, table).catch(whatHappened);
}
