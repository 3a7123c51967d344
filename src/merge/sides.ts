// What a merge reads and writes: an item and its ledger row on both sides of a replication in both directions. A side
// is known by its number: 1 is the source of the configuration file, 2 the destination.

import type { Item } from '../model/attribute-value.ts';
import { type LedgerRowKey, ledgerRowKey } from '../model/ledger-row.ts';
import type { Origin, WriteRules } from '../model/rules.ts';
import type { ItemReader, ObjectStore } from '../ports.ts';
import type { SendContext } from '../replicate/send.ts';

export type BySide<T> = Readonly<Record<Origin, T>>;

/** One side: its table, and the ledger beside it. */
export interface MergeSide extends Pick<SendContext, 'twinWriter' | 'health'> {
  /** What writes to this side obey: those of the direction whose destination it is. */
  readonly rules: WriteRules;
  readonly table: ItemReader;
  readonly ledger: ItemReader;
  /** What loses here is kept there. @default it is only counted */
  readonly bucket?: Pick<ObjectStore, 'put'> | undefined;
}

/** As one side was read: the item before its ledger row. */
export interface SideState {
  readonly item: Item | undefined;
  readonly row: Item | undefined;
}

export type MergeStates = BySide<SideState>;

export const SIDES = [1, 2] as const;
/** As the configuration names them. */
export const SIDE_NAMES = { 1: 'source', 2: 'destination' } as const;

export function otherSide(side: Origin): Origin {
  return side === 1 ? 2 : 1;
}

export function bothSides<T>(of: (side: Origin) => T): BySide<T> {
  return { 1: of(1), 2: of(2) };
}

/** @throws what a read throws. */
export async function readSide(
  { key, keyText }: LedgerRowKey,
  { rules, table, ledger }: Pick<MergeSide, 'rules' | 'table' | 'ledger'>,
): Promise<SideState> {
  const item = await table.get(key);
  const row = await ledger.get(ledgerRowKey(rules, keyText));
  return { item, row };
}
