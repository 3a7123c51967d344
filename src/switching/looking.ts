// Keys of an audit -> what the twin and its ledger have of them, consistently read, many at a time.

import { canonicalKey } from '../model/attribute-value.ts';
import { ledgerRowKey } from '../model/ledger-row.ts';
import { BATCH_KEYS_MAX } from '../model/read-request.ts';
import { mapInParallel } from '../pacing/in-parallel.ts';
import { retry, type RetryContext } from '../pacing/retry.ts';
import type { Item, ItemReader } from '../ports.ts';
import type { TwinStates } from '../redrive/item.ts';
import { batchGetItems } from '../resync/batch-get-items.ts';
import { whyUnreadable } from '../resync/unreadable-item.ts';
import { hasArrived, lastRecordOf } from './arrival.ts';
import type { AuditedKey, AuditMemory } from './audit-memory.ts';
import type { SwitchSide } from './ports.ts';

const BATCHES_AT_ONCE = 16;
/** Of one piece of work. */
const LOOKS_MAX = 10_000;

type Place = Pick<SwitchSide, 'table' | 'ledger' | 'rules'>;

/**
 * Looks at the keys that are behind, those first that were looked at the longest ago.
 * @param isThere what counts as arrived.
 * @returns those that still are.
 * @throws what a read throws and repeating cannot help.
 */
export async function lookAtBehind(
  audit: AuditMemory,
  target: Place,
  retries: RetryContext,
  isThere = hasArrived,
): Promise<readonly AuditedKey[]> {
  const entries = [...audit.behind].slice(0, LOOKS_MAX).flatMap((keyText) => {
    const entry = audit.keys.get(keyText);
    return entry === undefined ? [] : [entry];
  });
  const batches = chunks(entries, BATCH_KEYS_MAX);
  const left = await mapInParallel(batches, BATCHES_AT_ONCE, async (batch) => {
    const states = await statesOf(batch, target, retries);
    const place = { audit, target, isThere };
    return batch.filter((entry) => !settle(entry, states.get(entry.keyText), place));
  });
  return left.flat();
}

interface Settling {
  readonly audit: AuditMemory;
  readonly target: Place;
  readonly isThere: typeof hasArrived;
}

/** @returns whether it has arrived. */
function settle(
  entry: AuditedKey,
  states: TwinStates | undefined,
  { audit, target, isThere }: Settling,
): boolean {
  const { record, arrived } = entry;
  const last = record === undefined ? arrived : lastRecordOf(record, target.rules);
  if (last !== undefined && states !== undefined && isThere(last, states, target.rules)) {
    audit.arrived(entry, last);
    return true;
  }
  entry.looks += 1;
  audit.behind.delete(entry.keyText);
  audit.behind.add(entry.keyText);
  return false;
}

/** Items first: a delete between the two reads is seen in the ledger. What cannot be read is absent. */
async function statesOf(
  entries: readonly AuditedKey[],
  { table, ledger, rules }: Place,
  retries: RetryContext,
): Promise<ReadonlyMap<string, TwinStates>> {
  const rowOf = ({ keyText }: AuditedKey) => ledgerRowKey(rules, keyText);
  const items = await readAll(
    entries.map(({ key }) => key),
    table,
    retries,
  );
  const gone = entries.filter(({ key }) => items.get(canonicalKey(key)) === undefined);
  const ledgerRows = await readAll(gone.map(rowOf), ledger, retries);
  const states = new Map<string, TwinStates>();
  for (const entry of entries) {
    const text = canonicalKey(entry.key);
    const ledgerRow = ledgerRows.get(canonicalKey(rowOf(entry)));
    if (items.has(text)) states.set(entry.keyText, { twin: items.get(text), ledgerRow });
  }
  return states;
}

async function readAll(
  keys: readonly Item[],
  reader: ItemReader,
  retries: RetryContext,
): Promise<ReadonlyMap<string, Item | undefined>> {
  const found = new Map(await batchGetItems({ keys }, reader, retries));
  for (const key of keys) {
    const text = canonicalKey(key);
    if (found.has(text)) continue;
    try {
      found.set(text, await retry(() => reader.get(key), retries));
    } catch (error) {
      if (whyUnreadable(error) === undefined) throw error;
    }
  }
  return found;
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  const count = Math.ceil(all.length / size);
  return Array.from({ length: count }, (_, at) => all.slice(at * size, (at + 1) * size));
}
