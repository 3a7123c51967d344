// Keys of a verify report -> both sides of each item made equal. Only an item that still differs while both sides stand
// still is merged. Safe to stop, to repeat and to run twice.

import type { Item } from '../ports.ts';
import { confirmDifferences } from '../verify/confirm-differences.ts';
import { batchesOf } from '../verify/repair.ts';
import {
  countingLeft,
  mergeOne,
  type MergeReport,
  type MergeTablesOptions,
  newMergeReport,
  type TablesContext,
} from './merge-tables.ts';

export type MergeListedOptions = Pick<
  MergeTablesOptions,
  'apply' | 'choice' | 'onItem' | 'onProgress'
>;

/** @returns a report: its `compared` counts the keys. */
export async function mergeListed(
  keys: AsyncIterable<Item>,
  context: TablesContext,
  options: MergeListedOptions,
): Promise<MergeReport> {
  const report = newMergeReport();
  const { compare } = context;
  for await (const batch of batchesOf(keys)) {
    compare.stop.throwIfAborted();
    const suspects = batch.map((key) => ({ key, side: 'source' }) as const);
    await confirmDifferences(suspects, {
      ...compare,
      onDifference: ({ key }) => mergeOne(key, { report, context, options }),
      ...countingLeft(report, options),
    });
    report.compared.items += batch.length;
    report.compared.destinationItems += batch.length;
    options.onProgress(report);
  }
  return report;
}
