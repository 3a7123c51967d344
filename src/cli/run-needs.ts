// A command that writes to the twin, opened: what it needs is there before it starts. A dry run tries it, and continues
// without it.

import { type LookAgainSetup, openLookAgain } from '../composition/look-again.ts';
import { requireDeployedProjection } from '../composition/deployed-projection.ts';
import { operatorProjection } from '../composition/open-projection.ts';
import { openPairWriting, type PairWriting, retriesUntil } from '../composition/pair-work.ts';
import { openTablePair, sourceArnOf } from '../composition/table-pair.ts';
import { FerryError } from '../errors.ts';
import type { TwinRules } from '../model/rules.ts';
import { openBulk } from '../composition/bulk-setup.ts';
import { type Call, withOpen } from './call.ts';
import type { ParsedOptions } from './command.ts';
import type { Io } from './output.ts';
import { withStory } from './service-errors.ts';
import { queueUrlOf } from './work-options.ts';

export type WritingCall = Call & PairWriting;

/**
 * @param concurrency of requests to the destination.
 * @throws UsageError at once, where an option cannot be used.
 */
export function writingToPair(
  options: ParsedOptions,
  concurrency: number,
  run: (call: WritingCall) => Promise<number>,
): (call: Call) => Promise<number> {
  const queueUrl = queueUrlOf('look-again-queue-url', options);
  return (call) => {
    const { replication, sides, io, lease } = call;
    const opening = operatorProjection(replication, sides.source).then((projection) =>
      openTablePair({ replication, sides, concurrency, writes: true, projection, lease }),
    );
    return withOpen(opening, async (pair) => {
      const apply = options.has('apply');
      const streamArn = sourceArnOf(replication, pair);
      const setup = { replication, sides, pair, streamArn, queueUrl, apply };
      const writing = await openPairWriting({ ...setup, retries: retriesUntil(io.interrupted) });
      if (!apply) await checkLookAgain({ replication, sides, queueUrl }, io);
      const asksAnyway = replication.tombstones === 'checked' && queueUrl === undefined;
      await checkProjection({ ...call, rules: pair.rules, control: writing.control, asksAnyway });
      return run({ ...call, ...writing });
    });
  };
}

function checkLookAgain(setup: Omit<LookAgainSetup, 'apply'>, io: Pick<Io, 'err'>): Promise<void> {
  return tryForRun(() => openLookAgain({ ...setup, apply: true }), { ...setup, io });
}

interface ProjectionCheck
  extends Pick<WritingCall, 'replication' | 'sides' | 'options' | 'io' | 'control'> {
  readonly rules: TwinRules;
  /** The function is asked for something else, too. */
  readonly asksAnyway: boolean;
}

/** Of a replication that has never had a projection, the function is asked if it is asked anyway. */
export async function checkProjection(check: ProjectionCheck): Promise<void> {
  const { replication, sides, options, io, rules, control, asksAnyway } = check;
  const digest = rules.projection?.digest;
  if (digest === undefined && control.projection === undefined && !asksAnyway) return;
  const compare = () => requireDeployedProjection(replication, sides.source, digest);
  if (options.has('apply')) await compare();
  else await tryForRun(compare, { replication, io });
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
