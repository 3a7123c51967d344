// Items whose turn comes soon -> what twin, state table and source have of them, a hundred keys a request.
// A batch is no snapshot, and need not be: what is written is written only if it is still as it was read.

import type { Replay } from './replay.ts';
import type { ItemStates } from '../resync/resynchronization.ts';
import { BATCH_KEYS_MAX } from '../model/read-request.ts';
import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import { canonicalKey } from '../model/attribute-value.ts';
import { ledgerRowKey } from '../model/write-request.ts';
import type { Item } from '../ports.ts';
import type { RetryContext } from '../pacing/retry.ts';
import { type FoundItems, batchGetItems } from './batch-get-items.ts';
import type { RecordContext } from './context.ts';
import { decide, type ReadBefore, type TwinStates } from './item.ts';
import type { PlacedLetter } from './place.ts';

/** By the canonical texts of keys; items that could not be read this way are absent. */
export type ReadLanes = ReadonlyMap<string, ReadBefore>;

/**
 * @param items at most 100, each with another key.
 * @throws as `batchGetItems` does.
 */
export async function readLanes(
  items: readonly PlacedLetter[],
  context: RecordContext,
  stop: AbortSignal,
): Promise<ReadLanes> {
  if (items.length > BATCH_KEYS_MAX) throw new Error(`${items.length} items are too many`);
  const retries = { clock: context.clock, random: context.random, stop };
  const decisions = await decideAll(items, context, retries);
  const states = await readSources(
    items.filter((item) => needsSource(item, decisions.get(item.keyText))),
    context,
    retries,
  );
  const aheadOf = ({ keyText }: PlacedLetter): ReadBefore => ({
    decision: decisions.get(keyText),
    states: states.get(keyText),
  });
  return new Map(items.map((item) => [item.keyText, aheadOf(item)]));
}

function needsSource({ record, asksSource }: PlacedLetter, decision: Replay | undefined): boolean {
  return record === undefined || asksSource || decision?.kind === 'resynchronize';
}

/** Of the records whose place in the order is known. */
async function decideAll(
  items: readonly PlacedLetter[],
  context: RecordContext,
  retries: RetryContext,
): Promise<ReadonlyMap<string, Replay>> {
  const placed = items.filter(({ record, asksSource }) => record !== undefined && !asksSource);
  const found = await readTwins(placed, context, retries);
  return joined(placed, ({ keyText, record }) => {
    const states = found.get(keyText);
    return states && record && decide(record, states, context);
  });
}

/** Of an item that is replaced as a whole, nothing is needed but its version. */
async function readTwins(
  items: readonly PlacedLetter[],
  context: RecordContext,
  retries: RetryContext,
): Promise<ReadonlyMap<string, TwinStates>> {
  const keyNames = Object.keys(items[0]?.key ?? {});
  const attributes = [...keyNames, context.rules.reservedAttribute];
  const keys = items.map(({ key }) => key);
  const twins = await batchGetItems({ keys, attributes }, context.twin, retries);
  // Last: a delete between the two is seen there.
  const rows = await readRows(items, context, retries);
  return joined(items, ({ keyText }) => {
    if (!twins.has(keyText) || !rows.has(keyText)) return undefined;
    return { twin: twins.get(keyText), ledgerRow: rows.get(keyText) };
  });
}

async function readSources(
  items: readonly PlacedLetter[],
  context: RecordContext,
  retries: RetryContext,
): Promise<ReadonlyMap<string, ItemStates>> {
  const keys = items.map(({ key }) => key);
  const twins = await batchGetItems({ keys }, context.twin, retries);
  const rows = await readRows(items, context, retries);
  // Last: a change after this read has a stream record above what is written here, and will win.
  const sources = await batchGetItems({ keys }, context.source, retries);
  return joined(items, ({ keyText }) => {
    if (!twins.has(keyText) || !rows.has(keyText) || !sources.has(keyText)) return undefined;
    return {
      twin: twins.get(keyText),
      ledgerRow: rows.get(keyText),
      source: sources.get(keyText),
    };
  });
}

const ROW_ATTRIBUTES = [LEDGER_ATTRIBUTES.id, LEDGER_ATTRIBUTES.deleted, LEDGER_ATTRIBUTES.failed];

/** By the keys of the items. */
async function readRows(
  items: readonly PlacedLetter[],
  { rules, ledger }: RecordContext,
  retries: RetryContext,
): Promise<FoundItems> {
  const keys = items.map(({ keyText }) => ledgerRowKey(rules, keyText));
  const rows = await batchGetItems({ keys, attributes: ROW_ATTRIBUTES }, ledger, retries);
  const found = new Map<string, Item | undefined>();
  for (const [index, { keyText }] of items.entries()) {
    const text = canonicalKey(keys[index] ?? {});
    if (rows.has(text)) found.set(keyText, rows.get(text));
  }
  return found;
}

function joined<T>(
  items: readonly PlacedLetter[],
  of: (item: PlacedLetter) => T | undefined,
): ReadonlyMap<string, T> {
  return new Map(
    items.flatMap((item) => {
      const value = of(item);
      return value === undefined ? [] : [[item.keyText, value] as const];
    }),
  );
}
