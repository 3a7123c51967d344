// One page of source items -> transactions that copy them, repeated until each item has a result. Gives
// the page up when it has become too old to be written.

import {
  type Copy,
  type CopyPlan,
  copyRequest,
  type CopyResult,
  copyResults,
  copyUnits,
  toCopy,
  toGroups,
} from '../core/backfill-copy.ts';
import { type CopyCounts, noCounts } from '../core/backfill-checkpoint.ts';
import { classifyFailure, retryDelayMs } from '../core/write-failure.ts';
import type { TtlDeletes } from '../handler-settings.ts';
import type {
  CancellationReason,
  DestinationTable,
  Item,
  ItemReader,
  LookAgainQueue,
  ReadableTable,
  TransactionWriter,
} from '../ports.ts';
import { inParallel } from './in-parallel.ts';
import { insist, type Patience } from './insist.ts';
import type { Pace } from './pace.ts';

export interface CopyContext extends CopyPlan, Patience {
  readonly source: ReadableTable;
  readonly twin: ItemReader;
  readonly stateTable: ItemReader;
  readonly transactions: TransactionWriter;
  readonly destination: DestinationTable;
  /** Deletes of re-synchronised keys are announced there, with "checked" tombstones. */
  readonly lookAgain: LookAgainQueue;
  /** The newest of the control row. */
  readonly epoch: number;
  readonly ttlDeletes: TtlDeletes;
  readonly writePace: Pace;
  /** Told once of every item that the destination will never take as it is, when its page is done. */
  readonly onRejected: (rejected: RejectedCopy) => void;
}

export interface RejectedCopy {
  readonly key: Item;
  /** The error's name, and what it says. */
  readonly reason: string;
}

/**
 * A copy is safe as long as every delete since its read is remembered: for 15 days. An hour leaves room
 * for machines that sleep and clocks that jump.
 */
const PAGE_LIFE_MS = 60 * 60 * 1000;
const GROUPS_AT_ONCE = 4;

interface Page {
  readonly context: CopyContext;
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

export async function copyPage(
  items: readonly Item[],
  readAtMs: number,
  context: CopyContext,
): Promise<CopiedPage> {
  const { source, onRejected } = context;
  const counts = { ...noCounts(), items: items.length };
  const page: Page = { context, counts, rejected: [], expiresAtMs: readAtMs + PAGE_LIFE_MS };
  const copies = items.map((item) => toCopy(source.keyOf(item), item, context));
  const tasks = toGroups(copies).map((group) => () => copyGroup(group, page));
  await inParallel(tasks, GROUPS_AT_ONCE);
  const { copied, present, deleted, rejected } = counts;
  const expired = copied + present + deleted + rejected < items.length;
  // Not of a page that is read again: it may be told of the same items then.
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
    for (const result of results) if (result !== 'again') page.counts[result] += 1;
    const again = open.filter((_, index) => results[index] === 'again');
    // Nobody was refused for good: the neighbours are busy, or the table is.
    if (again.length === open.length) await clock.sleep(retryDelayMs(attempt, random.next()));
    open = again;
  }
}

/** `invalid` where the service refuses the whole without saying which item is to blame. */
async function sendGroup(
  open: readonly Copy[],
  page: Page,
): Promise<CopyResult[] | 'invalid' | 'expired'> {
  const { transactions, writePace, clock } = page.context;
  const taken = copyUnits(open);
  let spent = taken;
  try {
    const request = copyRequest(open, page.context);
    // Before every try, because throttling may last for longer than the page.
    const inTime = async () =>
      clock.now() > page.expiresAtMs ? EXPIRED : transactions.transact(request);
    const reply = await insist(inTime, page.context);
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
    const { kind, name, message } = classifyFailure(error);
    if (kind !== 'rejected') throw error;
    const [only] = open;
    if (only === undefined || open.length > 1) return 'invalid';
    page.rejected.push({ key: only.key, reason: `${name}: ${message}` });
    return ['rejected'];
  } finally {
    writePace.spend(spent - taken);
    page.counts.writeUnits += spent;
  }
}

/** The reasons of a copy's two parts, without the one that says nothing. */
function rejection(parts: readonly CancellationReason[]): string {
  const said = parts.filter(({ code }) => code !== 'None');
  return said.map(({ code, message }) => `${code}: ${message}`).join('; ');
}

const EXPIRED = { kind: 'expired' } as const;

/** Finds the item to blame, in a few more tries. */
async function copyHalves(open: readonly Copy[], page: Page): Promise<void> {
  const middle = Math.ceil(open.length / 2);
  await copyGroup(open.slice(0, middle), page);
  await copyGroup(open.slice(middle), page);
}
