// Letters whose turn comes soon -> what twin, ledger and source have of their items, a hundred keys a request. A batch is
// no snapshot, and need not be: each item is written only if it is still as it was read.

import type { Replay } from './replay.ts';
import type { ItemStates } from '../resync/resynchronization.ts';
import { BATCH_KEYS_MAX } from '../model/read-request.ts';
import { LEDGER_ATTRIBUTES } from '../config/names.ts';
import { canonicalKey } from '../model/attribute-value.ts';
import { ledgerRowKey } from '../model/ledger-row.ts';
import type { Item } from '../ports.ts';
import type { RetryContext } from '../pacing/retry.ts';
import { type FoundItems, batchGetItems } from '../resync/batch-get-items.ts';
import type { RecordContext } from './context.ts';
import { decide, type ReadBefore, type TwinStates } from './item.ts';
import type { PlacedLetter } from './place.ts';

/** By the canonical texts of keys; items that could not be read this way are absent. */
export type ReadLanes = ReadonlyMap<string, ReadBefore>;

/**
 * @param letters at most 100, each with another key.
 * @throws as `batchGetItems` does.
 */
export async function readLanes(
  letters: readonly PlacedLetter[],
  context: RecordContext,
  stop: AbortSignal,
): Promise<ReadLanes> {
  if (letters.length > BATCH_KEYS_MAX) throw new Error(`${letters.length} letters are too many`);
  const retries = { clock: context.clock, random: context.random, stop };
  const decisions = await decideAll(letters, context, retries);
  const states = await readSources(
    letters.filter((letter) => needsSource(letter, decisions.get(letter.keyText))),
    context,
    retries,
  );
  const aheadOf = ({ keyText }: PlacedLetter): ReadBefore => ({
    decision: decisions.get(keyText),
    states: states.get(keyText),
  });
  return new Map(letters.map((letter) => [letter.keyText, aheadOf(letter)]));
}

function needsSource({ record, asksSource }: PlacedLetter, decision: Replay | undefined): boolean {
  return record === undefined || asksSource || decision?.kind === 'resynchronize';
}

/** Of the records whose place in the order is known. */
async function decideAll(
  letters: readonly PlacedLetter[],
  context: RecordContext,
  retries: RetryContext,
): Promise<ReadonlyMap<string, Replay>> {
  const placed = letters.filter(({ record, asksSource }) => record !== undefined && !asksSource);
  // Of an item that is replaced as a whole, nothing is needed but its version.
  const keyNames = Object.keys(letters[0]?.key ?? {});
  const attributes = [...keyNames, context.rules.reservedAttribute];
  const found = await readTwins(placed, context, retries, attributes);
  return joined(placed, ({ keyText, record }) => {
    const states = found.get(keyText);
    return states && record && decide(record, states, context);
  });
}

/** @param attributes of the twin's items. @default all */
async function readTwins(
  letters: readonly PlacedLetter[],
  context: RecordContext,
  retries: RetryContext,
  attributes?: readonly string[],
): Promise<ReadonlyMap<string, TwinStates>> {
  const keys = letters.map(({ key }) => key);
  const twins = await batchGetItems({ keys, attributes }, context.twin, retries);
  // Last: a delete between the two is seen there.
  const rows = await readRows(letters, context, retries);
  return joined(letters, ({ keyText }) => {
    if (!twins.has(keyText) || !rows.has(keyText)) return undefined;
    return { twin: twins.get(keyText), ledgerRow: rows.get(keyText) };
  });
}

async function readSources(
  letters: readonly PlacedLetter[],
  context: RecordContext,
  retries: RetryContext,
): Promise<ReadonlyMap<string, ItemStates>> {
  const twins = await readTwins(letters, context, retries);
  // Last: a change after this read has a stream record above what is written here, and will win.
  const keys = letters.map(({ key }) => key);
  const sources = await batchGetItems({ keys }, context.source, retries);
  return joined(letters, ({ keyText }) => {
    const states = twins.get(keyText);
    return states && sources.has(keyText) ? { ...states, source: sources.get(keyText) } : undefined;
  });
}

const ROW_ATTRIBUTES = [LEDGER_ATTRIBUTES.id, LEDGER_ATTRIBUTES.deleted, LEDGER_ATTRIBUTES.failed];

/** By the keys of the letters. */
async function readRows(
  letters: readonly PlacedLetter[],
  { rules, ledger }: RecordContext,
  retries: RetryContext,
): Promise<FoundItems> {
  const keys = letters.map(({ keyText }) => ledgerRowKey(rules, keyText));
  const rows = await batchGetItems({ keys, attributes: ROW_ATTRIBUTES }, ledger, retries);
  const found = new Map<string, Item | undefined>();
  for (const [index, { keyText }] of letters.entries()) {
    const text = canonicalKey(keys[index] ?? {});
    if (rows.has(text)) found.set(keyText, rows.get(text));
  }
  return found;
}

function joined<T>(
  letters: readonly PlacedLetter[],
  of: (letter: PlacedLetter) => T | undefined,
): ReadonlyMap<string, T> {
  return new Map(
    letters.flatMap((letter) => {
      const value = of(letter);
      return value === undefined ? [] : [[letter.keyText, value] as const];
    }),
  );
}
