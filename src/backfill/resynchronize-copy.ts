// A copy that its ledger row refused -> the item as the source has it by now. It may have been written again
// since its delete, or the twin may have been made anew: leaving it out would lose it.

import type { BackfillContext } from './context.ts';
import type { Copy } from './copy.ts';
import { destinationHealth } from '../replicate/destination-health.ts';
import { FerryError, namedError } from '../errors.ts';
import { retryingQueue, retryingReader, retryingTable } from '../pacing/retrying.ts';
import {
  CONTENDED,
  LATER_EPOCH,
  resynchronizeKey,
  type ResynchronizationContext,
} from '../resync/resynchronize-key.ts';

export type CopiedKey =
  | { readonly kind: 'copied' | 'present' | 'deleted'; readonly written: boolean }
  | { readonly kind: 'rejected'; readonly reason: string; readonly written: false }
  /** Something newer came by each time. */
  | { readonly kind: 'again' };

/** @throws what repeating cannot help, or the reason of `stop`: the page is copied again then. */
export async function resynchronizeCopy(
  { key, keyText }: Copy,
  context: BackfillContext,
): Promise<CopiedKey> {
  const { floor, ttlDeletes, stop } = context;
  const keepsExtraneous = ttlDeletes === 'skip';
  const result = await resynchronizeKey(
    { key, keyText, floor, keepsExtraneous },
    withRetries(context),
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
function withRetries(context: BackfillContext): ResynchronizationContext {
  const { clock, random, epoch, rules, source, twin, ledger, twinWriter, lookAgain } = context;
  return {
    clock,
    random,
    epoch,
    rules,
    source: retryingReader(source, context),
    twin: retryingReader(twin, context),
    ledger: retryingReader(ledger, context),
    twinWriter: retryingTable(twinWriter, context),
    lookAgain: retryingQueue(lookAgain, context),
    remainingMs: () => Infinity,
    health: destinationHealth(),
  };
}
