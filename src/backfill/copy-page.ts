// One page of source items -> transactions that copy them, repeated until each item has a result. Before the stream,
// plain puts. A page that has become too old is given up.

import {
  type Copy,
  copyPut,
  copyRequest,
  type CopyResult,
  copyResults,
  copyUnits,
  toCopy,
  toGroups,
} from './copy.ts';
import { type CopyCounts, noCounts } from './checkpoint.ts';
import { writeUnits } from '../model/capacity.ts';
import { classifyFailure, retryDelayMs } from '../model/write-failure.ts';
import type { CancellationReason, Item } from '../ports.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import { retry } from '../pacing/retry.ts';
import type { BackfillContext, RejectedCopy } from './context.ts';
import { resynchronizeAtPace } from './resynchronize-copy.ts';

/**
 * A copy is safe as long as every delete since its read is remembered: for 15 days. An hour leaves room
 * for machines that sleep and clocks that jump.
 */
const PAGE_LIFE_MS = 60 * 60 * 1000;
/** Before the stream: for so long after the copy's end, another process may still hold a page of it. */
export const PLAIN_PAGE_LIFE_MS = 60_000;
const GROUPS_AT_ONCE = 4;
/** Before the stream: of one page. */
const PUTS_AT_ONCE = 32;

interface Page {
  readonly context: BackfillContext;
  readonly counts: CopyCounts;
  readonly rejected: RejectedCopy[];
  readonly expiresAtMs: number;
}

export interface CopiedPage {
  /** What became of the items, and what it took. */
  readonly counts: Readonly<CopyCounts>;
  /** Some items had to be left: the page is to be read again, and only its units count. */
  readonly expired: boolean;
}

export interface PageToCopy {
  readonly items: readonly Item[];
  readonly readAtMs: number;
  /** Only the copy writes to the twin. */
  readonly beforeStream: boolean;
}

export async function copyPage(
  { items, readAtMs, beforeStream }: PageToCopy,
  context: BackfillContext,
): Promise<CopiedPage> {
  const { source, onRejected } = context;
  const counts = { ...noCounts(), items: items.length };
  const expiresAtMs = readAtMs + (beforeStream ? PLAIN_PAGE_LIFE_MS : PAGE_LIFE_MS);
  const page: Page = { context, counts, rejected: [], expiresAtMs };
  const copies = items.map((item) => toCopy(source.keyOf(item), item, context));
  if (beforeStream) {
    const tasks = copies.map((copy) => () => putCopy(copy, page));
    await inParallel(tasks, PUTS_AT_ONCE);
  } else {
    const tasks = toGroups(copies).map((group) => () => copyGroup(group, page));
    await inParallel(tasks, GROUPS_AT_ONCE);
  }
  const { copied, present, deleted, rejected } = counts;
  const expired = copied + present + deleted + rejected < items.length;
  // A page that is read again reports its rejected items then.
  if (!expired) page.rejected.forEach(onRejected);
  return { counts, expired };
}

async function copyGroup(group: readonly Copy[], page: Page): Promise<void> {
  const { clock, random, stop, writePace } = page.context;
  let open = group;
  for (let attempt = 1; open.length > 0; attempt += 1) {
    await writePace.take(copyUnits(open), stop);
    stop.throwIfAborted();
    const results = await sendGroup(open, page);
    if (results === 'expired') return;
    if (results === 'invalid') return copyHalves(open, page);
    const again = await settle(open, results, page);
    // None was rejected: items of the same transactions are busy, or the table is.
    if (again.length === open.length) await clock.sleep(retryDelayMs(attempt, random.next()));
    open = again;
  }
}

/** Counts what has a result. @returns the others. */
async function settle(
  open: readonly Copy[],
  results: readonly CopyResult[],
  page: Page,
): Promise<Copy[]> {
  const again: Copy[] = [];
  for (const [index, copy] of open.entries()) {
    const result = results[index] ?? 'again';
    if (result === 'again') again.push(copy);
    else if (result !== 'doubtful') page.counts[result] += 1;
    else if (!(await isResynchronized(copy, page))) again.push(copy);
  }
  return again;
}

/** @returns whether its result has been counted. */
async function isResynchronized(copy: Copy, page: Page): Promise<boolean> {
  const { context, counts, rejected } = page;
  const result = await resynchronizeAtPace(copy, context, counts);
  if (result.kind === 'again') return false;
  if (result.kind === 'rejected') rejected.push(result.rejected);
  counts[result.kind] += 1;
  counts.resynchronized += 1;
  return true;
}

/** `invalid` where the service refuses the whole without saying which item is to blame. */
async function sendGroup(
  open: readonly Copy[],
  page: Page,
): Promise<CopyResult[] | 'invalid' | 'expired'> {
  const { transactions, writePace } = page.context;
  const taken = copyUnits(open);
  let spent = taken;
  try {
    const request = copyRequest(open, page.context);
    const reply = await retry(
      inTime(page, () => transactions.transact(request)),
      page.context,
    );
    if (reply.kind === 'expired') {
      spent = 0;
      return 'expired';
    }
    if (reply.kind === 'written') {
      spent = reply.writeUnits;
      return open.map(() => 'copied');
    }
    const results = copyResults(reply.reasons);
    for (const [index, result] of results.entries()) {
      const { key } = open[index] ?? {};
      const reason = rejection(reply.reasons.slice(index * 2, index * 2 + 2));
      if (result === 'rejected' && key) page.rejected.push({ key, reason });
    }
    return results;
  } catch (error) {
    const reason = rejectionIn(error);
    const [only] = open;
    if (only === undefined || open.length > 1) return 'invalid';
    page.rejected.push({ key: only.key, reason });
    return ['rejected'];
  } finally {
    writePace.spend(spent - taken);
    page.counts.writeUnits += spent;
  }
}

/** Asked before every try, because throttling may last for longer than the page. */
function inTime<T>({ context, expiresAtMs }: Page, action: () => Promise<T>) {
  return async () => (context.clock.now() > expiresAtMs ? EXPIRED : action());
}

const EXPIRED = { kind: 'expired' } as const;

/** The reasons of a copy's two parts that are to blame. */
function rejection(parts: readonly CancellationReason[]): string {
  const reasons = parts.filter(({ code }) => code !== 'None');
  return reasons.map(({ code, message }) => `${code}: ${message}`).join('; ');
}

/** @throws `error` where it does not reject the request for good. */
function rejectionIn(error: unknown): string {
  const { kind, name, message } = classifyFailure(error);
  if (kind !== 'rejected') throw error;
  return `${name}: ${message}`;
}

/** Finds the item to blame, in a few more tries. */
async function copyHalves(open: readonly Copy[], page: Page): Promise<void> {
  const middle = Math.ceil(open.length / 2);
  await copyGroup(open.slice(0, middle), page);
  await copyGroup(open.slice(middle), page);
}

/** Where an item is, it is an earlier try's. */
async function putCopy(copy: Copy, page: Page): Promise<void> {
  const { context, counts, rejected } = page;
  const { twinWriter, writePace, stop, rules } = context;
  const units = writeUnits(copy.sizeBytes);
  await writePace.take(units, stop);
  stop.throwIfAborted();
  const request = { operation: 'PutItem', input: copyPut(copy, rules) } as const;
  try {
    const put = inTime(page, () => twinWriter.write(request));
    const { kind } = await retry(put, context);
    if (kind === 'expired') return writePace.spend(-units);
    counts[kind === 'written' ? 'copied' : 'present'] += 1;
  } catch (error) {
    rejected.push({ key: copy.key, reason: rejectionIn(error) });
    counts.rejected += 1;
  }
  counts.writeUnits += units;
}
