// What a copy of a table will take, from what the service tells of the table and a sample of its items.

import type { Item } from '../model/attribute-value.ts';
import { copyUnits } from './copy.ts';
import { dollars, itemSizeBytes, readUnits, writeUnits } from '../model/capacity.ts';

export interface CopyEstimate {
  readonly items: number;
  readonly averageBytes: number;
  readonly readUnits: number;
  /** Without those of the destination's indexes. */
  readonly writeUnits: number;
  readonly dollars: number;
}

/** Version, write time and Region, under the attribute's name. */
const RESERVED_BYTES = 100;

export interface CopyOptions {
  /** Each copy is one plain put. */
  readonly beforeStream?: boolean;
  /** Items of the sample that are not written. */
  readonly others?: number;
  /** Both tables are read, and compared. */
  readonly readsTwin?: boolean;
}

/**
 * @param table as DescribeTable has it: brought up to date about every six hours, so that it may say 0 of
 *   a table that is not empty.
 * @param sample items that are written.
 */
export function estimateCopy(
  table: { readonly items: number; readonly sizeBytes: number },
  sample: readonly Item[],
  { beforeStream = false, others = 0, readsTwin = false }: CopyOptions = {},
): CopyEstimate {
  const sizes = sample.map((item) => itemSizeBytes(item));
  const sampledBytes = sizes.reduce((sum, size) => sum + size, 0);
  const sampled = sample.length + others;
  const items = Math.max(table.items, sampled);
  const averageBytes = sample.length === 0 ? 0 : sampledBytes / sample.length;
  const unitsOf = (sizeBytes: number) =>
    beforeStream ? writeUnits(sizeBytes) : copyUnits([{ sizeBytes }]);
  const perItem = sizes.map((size) => unitsOf(size + RESERVED_BYTES));
  const write = (items * perItem.reduce((sum, units) => sum + units, 0)) / (sampled || 1);
  const ofSource = items === 0 ? 0 : readUnits(Math.max(table.sizeBytes, items * averageBytes));
  // Each table is scanned, and the other one read item by item, with a unit where nothing is.
  const compared = 2 * (ofSource + items * Math.max(1, readUnits(averageBytes)));
  const read = readsTwin ? compared : ofSource;
  return {
    items,
    averageBytes: Math.round(averageBytes),
    readUnits: Math.ceil(read),
    writeUnits: Math.ceil(write),
    dollars: dollars({ read, write }),
  };
}
