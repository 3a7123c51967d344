// What a run with --apply needs before it starts. A dry run tries it, and continues without it.

import { type LookAgainSetup, openLookAgain } from '../composition/look-again.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { FerryError } from '../errors.ts';
import { openBulkOf } from './bulk.ts';
import type { Io } from './output.ts';
import { withStory } from './service-errors.ts';

export async function checkLookAgain(
  setup: Omit<LookAgainSetup, 'apply'>,
  io: Pick<Io, 'err'>,
): Promise<void> {
  await tryForRun(() => openLookAgain({ ...setup, apply: true }), { ...setup, io });
}

/** The state machine, and the bucket for its reports. */
export async function checkBulk(replication: ReplicationConfig, io: Io): Promise<void> {
  await tryForRun(async () => (await openBulkOf({ replication, io })).close(), { replication, io });
}

async function tryForRun(
  open: () => Promise<unknown>,
  { replication, io }: { readonly replication: ReplicationConfig; readonly io: Pick<Io, 'err'> },
): Promise<void> {
  try {
    await open();
  } catch (cause) {
    const error = withStory(cause, { hint: '', replications: [replication] });
    if (!(error instanceof FerryError)) throw error;
    io.err(`With --apply, the command would fail before it changes anything: ${error.message}`);
    if (error.hint !== undefined) io.err(`Hint: ${error.hint}`);
  }
}
