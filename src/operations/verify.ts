// Compares two tables and proves each difference by a second look, so that a record still on its way
// is not called one. Holds the keys and items of one table in memory: for tables of modest size.

import { canonicalKey } from '../core/attribute-value.ts';
import { type Discrepancy, findDiscrepancy } from '../core/discrepancy.ts';
import type { Clock, Item, ReadableTable } from '../ports.ts';

export interface VerifyOptions {
  readonly source: ReadableTable;
  readonly destination: ReadableTable;
  readonly reservedAttribute: string;
  readonly clock: Clock;
  /** Time given to records in flight before a difference is believed. */
  readonly confirmAfterMs: number;
}

export interface VerifyReport {
  /** Items of the source table. */
  readonly items: number;
  readonly differences: ReadonlyArray<{ readonly key: Item; readonly kind: Discrepancy }>;
  /** Keys whose source changed during every look at them. */
  readonly unconfirmed: readonly Item[];
}

/** Looks at a suspect; its source may change during any of them. */
const LOOKS_MAX = 5;

export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { items, suspects } = await findSuspects(options);
  const differences: Array<{ key: Item; kind: Discrepancy }> = [];
  let open: readonly Item[] = suspects;
  for (let look = 1; look <= LOOKS_MAX && open.length > 0; look += 1) {
    await options.clock.sleep(options.confirmAfterMs);
    const moving: Item[] = [];
    for (const key of open) {
      const kind = await confirm(key, options);
      if (kind === 'moving') moving.push(key);
      else if (kind !== undefined) differences.push({ key, kind });
    }
    open = moving;
  }
  return { items, differences, unconfirmed: open };
}

async function findSuspects({ source, destination, reservedAttribute }: VerifyOptions): Promise<{
  items: number;
  suspects: Item[];
}> {
  const twins = new Map<string, Item>();
  for await (const page of destination.pages()) {
    for (const item of page) twins.set(canonicalKey(destination.keyOf(item)), item);
  }
  let items = 0;
  const suspects: Item[] = [];
  for await (const page of source.pages()) {
    for (const item of page) {
      items += 1;
      const key = source.keyOf(item);
      const keyText = canonicalKey(key);
      if (findDiscrepancy(item, twins.get(keyText), reservedAttribute) !== undefined)
        suspects.push(key);
      twins.delete(keyText);
    }
  }
  for (const item of twins.values()) suspects.push(destination.keyOf(item));
  return { items, suspects };
}

/** Source, destination, source again: only a difference beside an unchanged source is real. */
async function confirm(
  key: Item,
  { source, destination, reservedAttribute }: VerifyOptions,
): Promise<Discrepancy | 'moving' | undefined> {
  const before = await source.get(key);
  const twin = await destination.get(key);
  const after = await source.get(key);
  const moved = findDiscrepancy(before, after, reservedAttribute) !== undefined;
  return moved ? 'moving' : findDiscrepancy(after, twin, reservedAttribute);
}
