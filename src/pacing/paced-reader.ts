// A table whose every read is held to a rate and repeated while it is throttled, for long work.

import { itemSizeBytes, readUnits } from '../model/capacity.ts';
import type { ReadableTable } from '../ports.ts';
import { retry, type RetryContext } from './retry.ts';
import type { Pace } from './pace.ts';

/** @throws the reason of `retries.stop` when the work is stopped. */
export function pacedReader(
  table: ReadableTable,
  pace: Pace,
  retries: RetryContext,
): ReadableTable {
  const read = async <T>(action: () => Promise<T>, unitsOf: (result: T) => number) => {
    await pace.ready(retries.stop);
    const result = await retry(action, retries);
    pace.spend(unitsOf(result));
    return result;
  };
  return {
    keyOf: (item) => table.keyOf(item),
    scan: (position) =>
      read(
        () => table.scan(position),
        (page) => page.readUnits,
      ),
    get: (key) =>
      read(
        () => table.get(key),
        (item) => readUnits(item === undefined ? 0 : itemSizeBytes(item)),
      ),
    leavesOut: (key) =>
      read(
        async () => (await table.leavesOut?.(key)) ?? false,
        () => readUnits(0),
      ),
  };
}
