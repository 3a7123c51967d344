// What a run with --apply needs before it begins, tried by its dry run, which goes on without it.

import { environmentEndpoint } from '../aws/endpoints.ts';
import { openBulk } from '../composition/bulk-setup.ts';
import { type LookAgainSetup, openLookAgain } from '../composition/look-again.ts';
import type { ReplicationConfig } from '../config/config.ts';
import { FerryError } from '../errors.ts';
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
  const open = () => openBulk(replication, environmentEndpoint('S3', io.environment));
  await tryForRun(async () => (await open()).close(), { replication, io });
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
    io.err(`With --apply, the command would end before it begins: ${error.message}`);
    if (error.hint !== undefined) io.err(`Hint: ${error.hint}`);
  }
}
