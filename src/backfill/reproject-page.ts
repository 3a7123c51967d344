// One page of a backfill that compares. Of the source: what the twin lacks is copied, and what it has otherwise is
// rewritten. Of the twin: what the projected source does not have is removed. Both never over anything newer.

import { canonicalKey, type Item } from '../model/attribute-value.ts';
import { itemSizeBytes, readUnits } from '../model/capacity.ts';
import { findDiscrepancy } from '../model/discrepancy.ts';
import { BATCH_KEYS_MAX } from '../model/read-request.ts';
import type { TwinRules } from '../model/rules.ts';
import { retryDelayMs } from '../model/write-failure.ts';
import { inParallel, mapInParallel } from '../pacing/in-parallel.ts';
import type { ItemReader, ScanPage } from '../ports.ts';
import { batchGetItems, type FoundItems } from '../resync/batch-get-items.ts';
import { type CopyCounts, noCounts } from './checkpoint.ts';
import type { BackfillContext } from './context.ts';
import { type CopiedPage, copyPage, type PageToCopy } from './copy-page.ts';
import { type CopiedKey, type KeyToCopy, resynchronizeAtPace } from './resynchronize-copy.ts';

/** What becomes of an item that the source has, and the projection keeps. */
export type Reprojection = 'copy' | 'present' | 'rewrite';

/** @param twins what was found of the twin. */
export function reprojectionOf(
  { content, keyText }: { readonly content: Item; readonly keyText: string },
  twins: FoundItems,
  rules: TwinRules,
): Reprojection {
  // Read alone, it may show what a batch could not.
  if (!twins.has(keyText)) return 'rewrite';
  const kind = findDiscrepancy(content, twins.get(keyText), rules);
  if (kind === undefined) return 'present';
  return kind === 'missing' ? 'copy' : 'rewrite';
}

/** What the twin has of the keys, read together, at the pace of the reads. */
export async function readTogether(
  keys: readonly Item[],
  reader: ItemReader,
  context: Pick<BackfillContext, 'clock' | 'random' | 'stop' | 'readPace'>,
  counts: Pick<CopyCounts, 'readUnits'>,
): Promise<FoundItems> {
  const { readPace, stop } = context;
  const found = await mapInParallel(chunks(keys), READS_AT_ONCE, async (keys) => {
    await readPace.ready(stop);
    const items = await batchGetItems({ keys }, reader, context);
    const units = [...items.values()].reduce((sum, item) => sum + unitsOf(item), 0);
    readPace.spend(units);
    counts.readUnits += units;
    return items;
  });
  return new Map(found.flatMap((items) => [...items]));
}

const READS_AT_ONCE = 4;
const WRITES_AT_ONCE = 8;

/** Where nothing is, a consistent read takes a unit, too. */
function unitsOf(item: Item | undefined): number {
  return Math.max(1, readUnits(item === undefined ? 0 : itemSizeBytes(item)));
}

function chunks(keys: readonly Item[]): Item[][] {
  const count = Math.ceil(keys.length / BATCH_KEYS_MAX);
  return Array.from({ length: count }, (_, index) =>
    keys.slice(index * BATCH_KEYS_MAX, (index + 1) * BATCH_KEYS_MAX),
  );
}

/** Of the source. */
export async function reprojectPage(
  { items, readAtMs }: Pick<PageToCopy, 'items' | 'readAtMs'>,
  context: BackfillContext,
): Promise<CopiedPage> {
  const { source, twin, rules } = context;
  const read = { readUnits: 0 };
  const found = items.map((content) => keyed(source.keyOf(content), content));
  const keys = found.map(({ key }) => key);
  const twins = await readTogether(keys, twin, context, read);
  const decided = found.map((item) => ({ ...item, todo: reprojectionOf(item, twins, rules) }));
  const toCopy = decided.filter(({ todo }) => todo === 'copy').map(({ content }) => content);
  const copied = await copyPage({ items: toCopy, readAtMs, beforeStream: false }, context);
  const counts = { ...copied.counts, readUnits: read.readUnits };
  if (copied.expired) return { counts, expired: true };
  counts.present += decided.filter(({ todo }) => todo === 'present').length;
  const toRewrite = decided
    .filter(({ todo }) => todo === 'rewrite')
    .map((item) => ({
      ...item,
      sizeBytes: Math.max(item.sizeBytes, itemSizeBytes(twins.get(item.keyText) ?? {})),
    }));
  await resynchronizeAll(toRewrite, { context, counts }, (result) => {
    if (result.kind === 'rejected') context.onRejected(result.rejected);
    counts[result.kind === 'copied' ? 'rewritten' : result.kind] += 1;
  });
  return { counts, expired: false };
}

/** Of the twin. Where the projection of the source's item fails, the source's page has told it. */
export async function removePage(
  { items, unreadable }: Pick<ScanPage, 'items' | 'unreadable'>,
  context: BackfillContext,
): Promise<CopiedPage> {
  const { source, twin, rules } = context;
  const counts = noCounts();
  // What Ferry has not written, no earlier projection has left behind.
  const isOwn = (item: Item) => rules.reservedAttribute in item;
  const all = [
    ...items.map((item) => ({ ...keyed(twin.keyOf(item), item), keepsExtraneous: !isOwn(item) })),
    ...unreadable.map(({ key }) => keyed(key, {})),
  ];
  const keys = all.map(({ key }) => key);
  const sources = await readTogether(keys, source, context, counts);
  const isInDoubt = ({ keyText }: KeyToCopy) => sources.get(keyText) === undefined;
  await resynchronizeAll(all.filter(isInDoubt), { context, counts }, (result) => {
    if (result.kind === 'deleted' && result.written) counts.removed += 1;
    if (result.kind !== 'rejected' || result.rejected.detail !== undefined) return;
    context.onRejected(result.rejected);
    counts.items += 1;
    counts.rejected += 1;
  });
  return { counts, expired: false };
}

function keyed(key: Item, content: Item) {
  return { key, keyText: canonicalKey(key), content, sizeBytes: itemSizeBytes(content) };
}

type Result = Exclude<CopiedKey, { readonly kind: 'again' }>;

/** Each until it has a result. */
async function resynchronizeAll(
  all: readonly KeyToCopy[],
  { context, counts }: { readonly context: BackfillContext; readonly counts: CopyCounts },
  onResult: (result: Result) => void,
): Promise<void> {
  const { clock, random, stop } = context;
  const tasks = all.map((item) => async () => {
    for (let attempt = 1; ; attempt += 1) {
      stop.throwIfAborted();
      const result = await resynchronizeAtPace(item, context, counts);
      if (result.kind === 'again') {
        await clock.sleep(retryDelayMs(attempt, random.next()));
        continue;
      }
      counts.resynchronized += 1;
      onResult(result);
      return;
    }
  });
  await inParallel(tasks, WRITES_AT_ONCE);
}
