// `ferry merge`: makes both tables of a replication in both directions equal, item by item: its first sync, and its
// repair.

import { systemClock } from '../aws/system-clock.ts';
import { openMerge } from '../composition/merge.ts';
import { mappingsOff } from '../composition/merge-mappings.ts';
import { retriesUntil } from '../composition/pair-work.ts';
import { FerryError } from '../errors.ts';
import type { MergeChoice } from '../merge/decision.ts';
import { changedItems, type MergeReport, mergeTables } from '../merge/merge-tables.ts';
import { segmentCount } from '../verify/segment-count.ts';
import { exitCode, untilInterrupted, withOpen } from './call.ts';
import { type Command, numberOption } from './command.ts';
import { ITEMS_MAX, requireYes, yesOption } from './large-change.ts';
import { choiceOf, choiceOptions, refuseChoice } from './merge-choice.ts';
import { type BothCall, onBothDirections } from './merge-directions.ts';
import { factsOf, mergedList, printMerged } from './merge-result.ts';
import { counted, EXIT, grouped } from './output.ts';
import { progressReporter } from './progress.ts';
import { replicationOptions } from './replication.ts';
import { settleMsOf, settleOption, unitsOption, workersOf, workersOption } from './work-options.ts';

export const mergeCommand: Command = {
  name: 'merge',
  options: {
    ...replicationOptions,
    apply: { help: 'write the items that differ' },
    ...yesOption,
    ...choiceOptions,
    rate: numberOption('ITEMS_PER_SECOND', [1, 100_000], 'maximum items to write per second', 100),
    workers: workersOption('table segments to compare at the same time'),
    'read-units': unitsOption('maximum read capacity to use on each side, in RCU'),
    settle: settleOption('time for which an item must be unchanged on both sides'),
    limit: numberOption(
      'N',
      [0, 1_000_000],
      'maximum number of changed items to list, and of other items',
      20,
    ),
    json: { help: 'print the result as one line of JSON' },
  },
  async run(options, io) {
    const choice = choiceOf(options);
    return onBothDirections(
      { options, io },
      { hint: HINT, run: (call) => mergeBoth(call, choice) },
    );
  },
};

const HINT = 'Merged items stay merged. Run the command again for the others.';

async function mergeBoth(call: BothCall, choice: MergeChoice): Promise<number> {
  const { options, io, directions } = call;
  requireChoices(call);
  const apply = options.has('apply');
  const setup = {
    directions,
    apply,
    settleMs: settleMsOf(options),
    readUnits: options.integer('read-units'),
    itemsPerSecond: options.integer('rate'),
    retries: retriesUntil(io.interrupted),
  };
  return withOpen(openMerge(setup), async (opened) => {
    await requireMappings(call);
    const items = mergedList(options.integer('limit') ?? 0);
    const { source, destination } = opened.pair.facts;
    const workers = workersOf(options);
    const total = segmentCount(Math.max(source.sizeBytes, destination.sizeBytes), workers);
    const report = await untilInterrupted(io, () =>
      mergeTables(opened, {
        apply,
        choice,
        workers,
        segments: Array.from({ length: total }, (_, segment) => segment),
        totalSegments: total,
        agreed: agreementOf(call),
        onItem: (item) => items.add(item),
        onProgress: progressOf(call, Math.max(source.items, destination.items)),
      }),
    );
    if (report === undefined) {
      io.err('Stopped. Run the command again for the others: it skips merged items.');
      return EXIT.differences;
    }
    const changed = changedItems(report);
    if (!apply) await requireYes(call, extentOf(changed));
    printMerged({ ...call, apply, report, items });
    const { undecided, inFlight, left } = report;
    return exitCode(undecided + inFlight + left + (apply ? 0 : changed) === 0);
  });
}

/** @throws UsageError where each item has a home, which decides. */
function requireChoices({ options, replication: { name, twoWay } }: BothCall): void {
  if (twoWay?.mode !== 'home') return;
  refuseChoice(
    options,
    `In ${name}, each item has a home, and the item there wins.`,
    'Leave it out. To keep an item that has been written elsewhere, write it at its home first.',
  );
}

/** @throws FerryError where one is off, with `--apply`. */
export async function requireMappings({ options, io, directions }: BothCall): Promise<void> {
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

/** Nothing is changed before it is known that few items differ; with --yes, the way back is said first. */
function agreementOf(call: BothCall) {
  return {
    itemsMax: ITEMS_MAX,
    onMore: () =>
      requireYes(call, {
        items: ITEMS_MAX + 1,
        text: 'the tables differ in more',
        tables: ['source', 'destination'],
      }),
  };
}

function extentOf(items: number) {
  const tables = ['source', 'destination'] as const;
  return { items, text: `the tables differ in ${grouped(items)}`, tables };
}

function progressOf(call: BothCall, expected: number): (report: MergeReport) => void {
  const { io, note } = call;
  const show = progressReporter(io, systemClock, 'items');
  return (report) => {
    note?.(factsOf(report));
    show({
      done: report.compared.items,
      expected,
      facts: [counted(changedItems(report), 'change'), `${grouped(report.undecided)} undecided`],
    });
  };
}
