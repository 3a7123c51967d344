// A copy that its ledger row refused -> the item as the source has it by now. It may have been written again
// since its delete, or the twin may have been made anew: leaving it out would lose it.

import type { Copy, CopyPlan } from './copy.ts';
import { destinationHealth } from '../replicate/destination-health.ts';
import { FerryError, namedError } from '../errors.ts';
import type { TtlDeletes } from '../config/handler-settings.ts';
import type { TwinWriter, ItemReader, LookAgainQueue } from '../ports.ts';
import { retry, type RetryContext } from '../pacing/retry.ts';
import {
  CONTENDED,
  LATER_EPOCH,
  resynchronizeKey,
  type ResynchronizationContext,
} from '../resync/resynchronize-key.ts';

/** What it needs beside the plan of the copies. */
export interface ResynchronizingCopies {
  readonly twin: ItemReader;
  readonly ledger: ItemReader;
  /** Deletes are announced there, with "checked" tombstones. */
  readonly lookAgain: LookAgainQueue;
  /** The newest of the control row. */
  readonly epoch: number;
  readonly ttlDeletes: TtlDeletes;
}

interface CopyingContext extends ResynchronizingCopies, CopyPlan, RetryContext {
  readonly source: ItemReader;
  readonly twinWriter: TwinWriter;
}

export type CopiedKey =
  | { readonly kind: 'copied' | 'present' | 'deleted'; readonly written: boolean }
  | { readonly kind: 'rejected'; readonly reason: string; readonly written: false }
  /** Something newer came by each time. */
  | { readonly kind: 'again' };

/** @throws what repeating cannot help, or the reason of `stop`: the page is copied again then. */
export async function resynchronizeCopy(
  { key, keyText }: Copy,
  context: CopyingContext,
): Promise<CopiedKey> {
  const { floor, ttlDeletes, stop } = context;
  const keepsExtraneous = ttlDeletes === 'skip';
  const result = await resynchronizeKey(
    { key, keyText, floor, keepsExtraneous },
    patiently(context),
  );
  stop.throwIfAborted();
  if (result.kind === 'equal') {
    const { changed: written, found } = result;
    if (!found) return { kind: 'deleted', written };
    return { kind: written ? 'copied' : 'present', written };
  }
  const { why, failure } = result;
  if (why === CONTENDED) return { kind: 'again' };
  if (why === LATER_EPOCH)
    throw new FerryError(`An item of this backfill has been ${why}.`, {
      code: 'control.stream',
      hint: 'Run it again: it compares the source with the control row.',
    });
  if (failure?.kind === 'rejected')
    return { kind: 'rejected', reason: `${why}: ${failure.message}`, written: false };
  throw namedError(failure?.name ?? 'Error', failure?.message ?? why);
}

/** Each request is compare-and-set, or does no harm when repeated. */
function patiently(context: CopyingContext): ResynchronizationContext {
  const { source, twin, ledger, twinWriter, lookAgain } = context;
  const again = <T>(action: () => Promise<T>) => retry(action, context);
  const { clock, random, epoch, rules } = context;
  return {
    clock,
    random,
    epoch,
    rules,
    source: { get: (key) => again(() => source.get(key)) },
    twin: { get: (key) => again(() => twin.get(key)) },
    ledger: { get: (key) => again(() => ledger.get(key)) },
    twinWriter: { write: (request) => again(() => twinWriter.write(request)) },
    lookAgain: { announce: (body) => again(() => lookAgain.announce(body)) },
    remainingMs: () => Infinity,
    health: destinationHealth(),
  };
}
