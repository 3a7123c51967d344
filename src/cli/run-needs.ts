// A command that writes to the twin, opened: what it needs is there before it starts. A dry run tries it, and continues
// without it.

import { type LookAgainSetup, openLookAgain } from '../composition/look-again.ts';
import { openPairWriting, type PairWriting, retriesUntil } from '../composition/pair-work.ts';
import { openTablePair, streamOf } from '../composition/table-pair.ts';
import { FerryError } from '../errors.ts';
import { openBulk } from '../composition/bulk-setup.ts';
import { type Call, type GivenCall, onReplication, withOpen } from './call.ts';
import type { Io } from './output.ts';
import { withStory } from './service-errors.ts';
import { onReplications } from './several.ts';
import { queueUrlOf } from './work-options.ts';

export type WritingCall = Call & PairWriting;

interface WritingNeeds {
  readonly hint: string;
  /** Requests to the destination at the same time. */
  readonly concurrency: number;
  /** Whether the command may be about several replications. @default false */
  readonly several?: boolean;
}

export async function onPairWriting(
  given: GivenCall,
  { hint, concurrency, several = false }: WritingNeeds,
  run: (call: WritingCall) => Promise<number>,
): Promise<number> {
  const { options } = given;
  const queueUrl = queueUrlOf('look-again-queue-url', options);
  const runOne = (call: Call) => {
    const { replication, sides, io } = call;
    const opening = openTablePair({ replication, sides, concurrency, writes: true });
    return withOpen(opening, async (pair) => {
      const apply = options.has('apply');
      const setup = { replication, sides, pair, streamArn: streamOf(pair), queueUrl, apply };
      const writing = await openPairWriting({ ...setup, retries: retriesUntil(io.interrupted) });
      if (!apply) await checkLookAgain({ replication, sides, queueUrl }, io);
      return run({ ...call, ...writing });
    });
  };
  return several
    ? onReplications(given, { hint, forOne: ['look-again-queue-url'], run: runOne })
    : onReplication(given, hint, runOne);
}

function checkLookAgain(setup: Omit<LookAgainSetup, 'apply'>, io: Pick<Io, 'err'>): Promise<void> {
  return tryForRun(() => openLookAgain({ ...setup, apply: true }), { ...setup, io });
}

/** The state machine, and the bucket for its reports. */
export function checkBulk({ replication, sides, io }: Call): Promise<void> {
  return tryForRun(async () => (await openBulk(replication, sides)).close(), { replication, io });
}

async function tryForRun(
  open: () => Promise<unknown>,
  { replication, io }: Pick<Call, 'replication'> & { readonly io: Pick<Io, 'err'> },
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
