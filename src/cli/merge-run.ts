// A run that merges items of both directions, of whole tables or of a report: opened once both are on, printed, and
// counted for its exit code.

import { type OpenMerge, openMerge } from '../composition/merge.ts';
import { mappingsOff } from '../composition/merge-mappings.ts';
import { retriesUntil } from '../composition/pair-work.ts';
import { FerryError } from '../errors.ts';
import { changedItems, type MergedItem, type MergeReport } from '../merge/merge-tables.ts';
import { exitCode, untilInterrupted, withOpen } from './call.ts';
import { requireYes } from './large-change.ts';
import type { BothCall } from './merge-directions.ts';
import { mergedList, printMerged } from './merge-result.ts';
import { EXIT } from './output.ts';
import { settleMsOf } from './work-options.ts';

interface MergeRun {
  readonly readUnits?: number | undefined;
  /** What the next run skips. */
  readonly skips: string;
  readonly run: (opened: OpenMerge, onItem: (item: MergedItem) => void) => Promise<MergeReport>;
  /** Of a dry run: what --apply would be asked about. */
  readonly extentOf: (report: MergeReport) => Parameters<typeof requireYes>[1];
}

/** @returns 3 where the sides are not equal afterwards. */
export async function runMerge(call: BothCall, work: MergeRun): Promise<number> {
  const { options, io, directions } = call;
  const apply = options.has('apply');
  // Before anything can be written.
  if (apply) await requireMappings(call);
  const setup = {
    directions,
    apply,
    settleMs: settleMsOf(options),
    readUnits: work.readUnits,
    itemsPerSecond: options.integer('rate'),
    retries: retriesUntil(io.interrupted),
  };
  return withOpen(openMerge(setup), async (opened) => {
    if (!apply) await requireMappings(call);
    const items = mergedList(options.integer('limit') ?? 0);
    const report = await untilInterrupted(io, () => work.run(opened, (item) => items.add(item)));
    if (report === undefined) {
      io.err(`Stopped. Run the command again for the others: it skips ${work.skips} items.`);
      return EXIT.differences;
    }
    if (!apply) await requireYes(call, work.extentOf(report));
    printMerged({ ...call, apply, report, items });
    const { undecided, inFlight, left } = report;
    return exitCode(undecided + inFlight + left + (apply ? 0 : changedItems(report)) === 0);
  });
}

/** @throws FerryError where one is off, with `--apply`. */
async function requireMappings({ options, io, directions }: BothCall): Promise<void> {
  const problems = await mappingsOff(directions);
  if (problems.length === 0) return;
  const what = `Both directions must be on for a merge. ${problems.join(' ')}`;
  if (!options.has('apply'))
    return io.err(`With --apply, the command would fail before it changes anything: ${what}`);
  throw new FerryError(what, {
    code: 'merge.mapping',
    hint: 'Deploy both directions, or run `ferry resume` for each that is paused. Nothing was changed.',
  });
}
