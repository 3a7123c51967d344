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

/**
 * @param table as DescribeTable has it: brought up to date about every six hours, so that it may say 0 of
 *   a table that is not empty.
 * @param beforeStream whether each copy is one plain put.
 */
export function estimateCopy(
  table: { readonly items: number; readonly sizeBytes: number },
  sample: readonly Item[],
  beforeStream = false,
): CopyEstimate {
  const sizes = sample.map((item) => itemSizeBytes(item));
  const sampled = sizes.reduce((sum, size) => sum + size, 0);
  const items = Math.max(table.items, sample.length);
  const averageBytes = sample.length === 0 ? 0 : sampled / sample.length;
  const unitsOf = (sizeBytes: number) =>
    beforeStream ? writeUnits(sizeBytes) : copyUnits([{ sizeBytes }]);
  const perItem = sizes.map((size) => unitsOf(size + RESERVED_BYTES));
  const write = (items * perItem.reduce((sum, units) => sum + units, 0)) / (sample.length || 1);
  const read = items === 0 ? 0 : readUnits(Math.max(table.sizeBytes, items * averageBytes));
  return {
    items,
    averageBytes: Math.round(averageBytes),
    readUnits: Math.ceil(read),
    writeUnits: Math.ceil(write),
    dollars: dollars({ read, write }),
  };
}
