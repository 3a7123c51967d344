// The run of a backfill, as the ledger has it: found, begun, noted and finished.

import { retentionMs, retentionText } from '../config/record-age.ts';
import { FerryError } from '../errors.ts';
import { retry, type RetryContext } from '../pacing/retry.ts';
import type { ItemReader } from '../ports.ts';
import {
  type BackfillRun,
  type CopyCounts,
  parseRun,
  runKey,
  runRow,
  unreadable,
} from './checkpoint.ts';
import type { BackfillContext } from './context.ts';
import { claimProjection, isReprojecting, requireSameProjection } from './projection.ts';

/** Where runs are stored. */
type RunPlace = Pick<BackfillContext, 'rules' | 'ledger' | 'twinWriter' | 'retention'> &
  RetryContext;

/**
 * @returns undefined where there is none.
 * @throws FerryError `backfill.unreadable`.
 */
export async function storedRun({
  rules,
  ledger,
  ...retries
}: RetryContext & {
  readonly rules: Pick<BackfillContext['rules'], 'replication'>;
  readonly ledger: ItemReader;
}): Promise<BackfillRun | undefined> {
  const row = await retry(() => ledger.get(runKey(rules)), retries);
  const run = parseRun(row);
  if (row !== undefined && run === undefined) throw unreadable(row);
  return run;
}

/**
 * A backfill that has begun and not ended: what a switch asks before it begins.
 * @throws as `storedRun` does.
 */
export async function unfinishedBackfill(
  place: Parameters<typeof storedRun>[0],
): Promise<BackfillRun | undefined> {
  const run = await storedRun(place);
  return run?.finishedAt === undefined ? run : undefined;
}

/** How long the stream still has every change since `startedAt`. */
export function streamLeftMs(
  startedAt: string,
  { clock, retention = {} }: Pick<BackfillContext, 'clock' | 'retention'>,
): number {
  return Date.parse(startedAt) + retentionMs(retention) - clock.now();
}

/**
 * The unfinished run, if there is one, or the new one: what a dry run shows, and a run opens. Changes nothing.
 * @throws FerryError `backfill.stream-changed`, `backfill.destination-changed`, `backfill.mode-changed`,
 *   `backfill.projection-changed`, `backfill.too-late` or `backfill.unreadable`.
 */
export async function planBackfill(
  fresh: BackfillRun,
  restart: boolean,
  context: RunPlace,
): Promise<{ run: BackfillRun; resumed: boolean }> {
  const known = restart ? undefined : await unfinishedBackfill(context);
  if (known === undefined) return { run: fresh, resumed: false };
  requireSameTables(known, fresh);
  requireSameMode(known, fresh, context);
  requireSameProjection(known, fresh.projection);
  return { run: known, resumed: true };
}

/**
 * The run that `planBackfill` finds, begun.
 * @throws as it does, and FerryError `backfill.started-twice`.
 */
export async function openBackfill(
  fresh: BackfillRun,
  restart: boolean,
  context: RunPlace,
): Promise<{ run: BackfillRun; resumed: boolean }> {
  const planned = await planBackfill(fresh, restart, context);
  if (planned.resumed) return planned;
  const overwrite = restart ? 'always' : 'unless-under-way';
  const row = runRow(fresh, context.rules, { nowMs: context.clock.now(), overwrite });
  const { kind } = await retry(() => context.twinWriter.write(row), context);
  if (kind === 'written') return planned;
  throw new FerryError('Another backfill of this replication has just been started.', {
    code: 'backfill.started-twice',
    hint: 'Wait for its end, or stop it and run the command again: it goes on from there.',
  });
}

function requireSameTables(known: BackfillRun, fresh: BackfillRun): void {
  const hint = 'Begin anew with --restart.';
  if (known.streamArn !== fresh.streamArn) {
    throw new FerryError(
      `The unfinished backfill of ${known.startedAt} began with the stream ${known.streamArn}; the table's stream is now ${fresh.streamArn}.`,
      { code: 'backfill.stream-changed', hint },
    );
  }
  if (known.destination === fresh.destination) return;
  throw new FerryError(
    `The unfinished backfill of ${known.startedAt} copied to another table: ${known.destination}; the destination is now ${fresh.destination}.`,
    { code: 'backfill.destination-changed', hint },
  );
}

/** Once the stream is applied, puts without a check of the ledger row could bring back deleted items. */
function requireSameMode(known: BackfillRun, fresh: BackfillRun, place: RunPlace): void {
  const { beforeStream = false, startedAt } = known;
  if (beforeStream !== (fresh.beforeStream ?? false)) {
    const began = beforeStream ? 'before the stream' : 'beside the stream';
    throw new FerryError(`The unfinished backfill of ${startedAt} began ${began}.`, {
      code: 'backfill.mode-changed',
      hint: beforeStream
        ? 'Go on with --before-stream, or begin anew with --restart.'
        : 'Go on without --before-stream, or begin anew with --restart.',
    });
  }
  // Another way round: what is compared is copied, too.
  if (isReprojecting(fresh) && !isReprojecting(known))
    throw new FerryError(
      `The unfinished backfill of ${startedAt} does not compare what the twin has already.`,
      { code: 'backfill.mode-changed', hint: 'Begin anew with --restart.' },
    );
  if (!beforeStream || streamLeftMs(startedAt, place) >= 0) return;
  throw new FerryError(
    `The unfinished backfill before the stream of ${startedAt} began more than ${retentionText(place.retention ?? {})} ago; the stream no longer has the changes since.`,
    { code: 'backfill.too-late', hint: 'Begin anew with --restart.' },
  );
}

/** Stores which execution works on the run, so that the next command follows it instead of starting another. */
export async function noteExecution(
  run: BackfillRun,
  execution: string,
  context: RunPlace,
): Promise<void> {
  const nowMs = context.clock.now();
  const row = runRow({ ...run, execution }, context.rules, { nowMs, overwrite: 'if-own' });
  await retry(() => context.twinWriter.write(row), context);
}

/**
 * For when all segments are done: the next run begins anew then. If a later run has been started meanwhile, the row is
 * the later run's, and stays as it is.
 * @param rejected items that the twin has as they were: then this projection has not written all of it.
 * @throws FerryError as `claimProjection` does.
 */
export async function finishBackfill(
  run: BackfillRun,
  { rejected }: Pick<CopyCounts, 'rejected'>,
  context: RunPlace & Pick<BackfillContext, 'epoch'>,
): Promise<void> {
  // First: a run that is killed in between is not finished, and the next command does the rest.
  const isWhole = run.reproject === true && rejected === 0;
  if (isWhole && (await storedRun(context))?.run === run.run) await claimProjection(run, context);
  const nowMs = context.clock.now();
  const finishedAt = new Date(nowMs).toISOString();
  const row = runRow({ ...run, finishedAt }, context.rules, { nowMs, overwrite: 'if-own' });
  await retry(() => context.twinWriter.write(row), context);
}

/** @throws FerryError `backfill.superseded` where another run has taken its place. */
export async function requireCurrent(run: BackfillRun, context: RunPlace): Promise<void> {
  const current = await storedRun(context);
  // Of two commands that work on a run beside the stream, the slower one does no harm.
  const isOpen = current?.finishedAt === undefined || run.beforeStream !== true;
  if (current?.run === run.run && isOpen) return;
  throw new FerryError(`The backfill ${run.run} is not the current one any more.`, {
    code: 'backfill.superseded',
    hint: 'Another has been started since, or this one has been finished: nothing has to be done.',
  });
}
