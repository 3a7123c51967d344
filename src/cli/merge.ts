// `ferry merge`: makes both tables of a replication in both directions equal, item by item: its first sync, and its
// repair.

import { systemClock } from '../aws/system-clock.ts';
import type { MergeChoice } from '../merge/decision.ts';
import { changedItems, type MergeReport, mergeTables } from '../merge/merge-tables.ts';
import { segmentCount } from '../verify/segment-count.ts';
import { type Command, numberOption } from './command.ts';
import { ITEMS_MAX, requireYes, yesOption } from './large-change.ts';
import { choiceOf, choiceOptions, refuseChoice } from './merge-choice.ts';
import { type BothCall, onBothDirections } from './merge-directions.ts';
import { factsOf } from './merge-result.ts';
import { runMerge } from './merge-run.ts';
import { counted, grouped } from './output.ts';
import { progressReporter } from './progress.ts';
import { replicationOptions } from './replication.ts';
import { settleOption, unitsOption, workersOf, workersOption } from './work-options.ts';

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
  const { options } = call;
  requireChoices(call);
  return runMerge(call, {
    readUnits: options.integer('read-units'),
    skips: 'merged',
    extentOf: (report) => extentOf(changedItems(report)),
    run(opened, onItem) {
      const { source, destination } = opened.pair.facts;
      const workers = workersOf(options);
      const total = segmentCount(Math.max(source.sizeBytes, destination.sizeBytes), workers);
      return mergeTables(opened, {
        apply: options.has('apply'),
        choice,
        workers,
        segments: Array.from({ length: total }, (_, segment) => segment),
        totalSegments: total,
        agreed: agreementOf(call),
        onItem,
        onProgress: progressOf(call, Math.max(source.items, destination.items)),
      });
    },
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
