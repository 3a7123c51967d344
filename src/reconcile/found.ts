// What the reports of a run's segments add up to, and the differences that they list.

import { PartChain, reportLines, segmentFailure } from '../bulk/reports.ts';
import type { PartLinks } from '../bulk/task.ts';
import type { Item, ObjectStore } from '../ports.ts';
import { addReport, differences, newReport, type VerifyReport } from '../verify/verify.ts';
import { rangesOf } from './plan.ts';
import type { Counts, Run } from './task.ts';

export type Found =
  | { readonly kind: 'whole'; readonly counts: Counts }
  /** Nothing is proved. A sentence without its full stop. */
  | { readonly kind: 'incomplete'; readonly why: string };

/** @throws FerryError where a report cannot be read. */
export async function addUp(run: Run, bucket: ObjectStore): Promise<Found> {
  const sum = newReport();
  const projections = new Set<unknown>();
  const chain = new PartChain();
  for await (const { line } of reportLines(run.run, bucket)) {
    if (line?.kind !== 'summary') continue;
    const summary = line.summary as Partial<VerifyReport> & PartLinks & { projection?: string };
    addReport(sum, summary);
    chain.add(summary);
    projections.add(summary.projection);
  }
  if (sum.segmentsDone !== rangesOf(run.task))
    return { kind: 'incomplete', why: await whyIncomplete(run, sum, bucket) };
  if (!chain.isWhole)
    return { kind: 'incomplete', why: 'a report is lost, or another try has replaced it' };
  if (projections.size > 1)
    return {
      kind: 'incomplete',
      why: 'the function was deployed with another projection meanwhile',
    };
  return { kind: 'whole', counts: countsOf(sum, run) };
}

async function whyIncomplete(run: Run, sum: VerifyReport, bucket: ObjectStore): Promise<string> {
  const { Error: error, Cause: cause } = run.error ?? {};
  const why = (await segmentFailure(run.run, bucket)) ?? [error, cause].filter(Boolean).join(': ');
  const compared = `${sum.segmentsDone} of ${rangesOf(run.task)} ranges were compared`;
  return why === '' ? compared : `${why} (${compared})`;
}

function countsOf(sum: VerifyReport, { task }: Run): Counts {
  const { items, destinationItems, leftOut, inFlight, unreadable, largestSegmentItems } = sum;
  const found = differences(sum);
  return {
    items,
    destinationItems,
    leftOut,
    ranges: rangesOf(task),
    rangesTotal: task.totalSegments,
    largestRange: largestSegmentItems,
    differences: found,
    inFlight,
    unreadable,
    repaired: 0,
    // What cannot be read has not been compared, and may well not be at the twin.
    left: found + unreadable,
  };
}

/** Keys of the differences, always in the same order: few enough to be repaired. */
export async function differingKeys(run: Run, bucket: ObjectStore): Promise<Item[]> {
  const keys: Item[] = [];
  for await (const { line } of reportLines(run.run, bucket))
    if (line?.kind === 'key' && line.difference !== undefined) keys.push(line.key);
  return keys;
}
