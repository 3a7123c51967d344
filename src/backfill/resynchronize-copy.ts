// A copy that its ledger row refused -> the item as the source has it by now. It may have been written again
// since its delete, or the twin may have been made anew: leaving it out would lose it.

import type { BackfillContext, RejectedCopy } from './context.ts';
import type { CopyCounts } from './checkpoint.ts';
import { type Copy, copyUnits } from './copy.ts';
import { destinationHealth } from '../replicate/destination-health.ts';
import { FerryError, namedError } from '../errors.ts';
import { retryingQueue, retryingReader, retryingTable } from '../pacing/retrying.ts';
import {
  CONTENDED,
  LATER_EPOCH,
  resynchronizeKey,
  type ResynchronizationContext,
} from '../resync/resynchronize-key.ts';
import { whyUnreadable } from '../resync/unreadable-item.ts';

export type CopiedKey =
  | { readonly kind: 'copied' | 'present' | 'deleted'; readonly written: boolean }
  | { readonly kind: 'rejected'; readonly rejected: RejectedCopy; readonly written: false }
  /** Something newer came by each time. */
  | { readonly kind: 'again' };

/** With the larger of the sizes that the source's and the twin's item have. */
export interface KeyToCopy extends Omit<Copy, 'item'> {
  /** The twin keeps an item that the source does not have. @default as skipped expiries ask for it */
  readonly keepsExtraneous?: boolean;
}

/**
 * As fast as writes may be, and with what it takes in `counts`.
 * @throws what repeating cannot help, or the reason of `stop`: the page is copied again then.
 */
export async function resynchronizeAtPace(
  copy: KeyToCopy,
  context: BackfillContext,
  counts: Pick<CopyCounts, 'writeUnits'>,
): Promise<CopiedKey> {
  const { writePace, stop } = context;
  const units = copyUnits([copy]);
  await writePace.take(units, stop);
  const result = await resynchronizeCopy(copy, context);
  const spent = result.kind === 'again' || !result.written ? 0 : units;
  writePace.spend(spent - units);
  counts.writeUnits += spent;
  return result;
}

async function resynchronizeCopy(
  { key, keyText, keepsExtraneous = false }: KeyToCopy,
  context: BackfillContext,
): Promise<CopiedKey> {
  const { floor, ttlDeletes, stop } = context;
  const keeps = keepsExtraneous || ttlDeletes === 'skip';
  const item = { key, keyText, floor, keepsExtraneous: keeps };
  const result = await resynchronizeKey(item, withRetries(context)).catch(unreadable);
  stop.throwIfAborted();
  const rejectedFor = (why: Omit<RejectedCopy, 'key'>) =>
    ({ kind: 'rejected', rejected: { key, ...why }, written: false }) as const;
  if (result.kind === 'unreadable') return rejectedFor(result.why);
  if (result.kind === 'equal') {
    const { changed: written, found, kept } = result;
    if (!found && kept !== true) return { kind: 'deleted', written };
    return { kind: written ? 'copied' : 'present', written };
  }
  const { why, failure } = result;
  if (why === CONTENDED) return { kind: 'again' };
  if (why === LATER_EPOCH)
    throw new FerryError(`An item of this backfill has been ${why}.`, {
      code: 'control.stream',
      hint: 'Run it again: it compares the source with the control row.',
    });
  if (failure?.kind === 'rejected') return rejectedFor({ reason: `${why}: ${failure.message}` });
  throw namedError(failure?.name ?? 'Error', failure?.message ?? why);
}

/** The item has changed since its page was read. */
function unreadable(error: unknown) {
  const why = whyUnreadable(error);
  if (why === undefined) throw error;
  return { kind: 'unreadable', why } as const;
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
