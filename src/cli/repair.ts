// `ferry repair`: makes the items of a report equal to the source's items, and never overwrites a newer one.

import { givenName, otherName } from '../config/directions.ts';
import { repairContext } from '../composition/pair-work.ts';
import { homeSideOf } from '../model/home-side.ts';
import type { Item } from '../ports.ts';
import { repair } from '../verify/repair.ts';
import { wrongOption } from './arguments.ts';
import { exitCode, onReplication, untilInterrupted } from './call.ts';
import { type Command, numberOption } from './command.ts';
import { EXIT, grouped } from './output.ts';
import { ITEMS_MAX, requireYes, yesOption } from './large-change.ts';
import { itemList, printRepaired } from './repair-result.ts';
import { replicationOptions } from './replication.ts';
import { keysOfReport } from './report-file.ts';
import { type WritingCall, writingToPair } from './run-needs.ts';
import { lookAgainOption, settleMsOf, settleOption } from './work-options.ts';

export const repairCommand: Command = {
  name: 'repair',
  options: {
    ...replicationOptions,
    report: { value: 'FILE', help: 'report of `ferry verify`' },
    apply: { help: 'write the repairs' },
    ...yesOption,
    rate: numberOption('ITEMS_PER_SECOND', [1, 100_000], 'maximum writes per second', 100),
    settle: settleOption('time for which an item must be unchanged'),
    limit: numberOption(
      'N',
      [0, 1_000_000],
      'maximum number of repaired items to list, and of other items',
      20,
    ),
    ...lookAgainOption,
    json: { help: 'print the result as one line of JSON' },
  },
  async run(options, io) {
    const path = options.text('report');
    if (path === undefined) {
      throw wrongOption(
        '`ferry repair` needs the report of `ferry verify`.',
        'Run `ferry verify` first. Then name its report with --report.',
      );
    }
    const run = writingToPair(options, CONCURRENCY, (call) => repairListed({ ...call, path }));
    return onReplication({ options, io }, HINT, run, 'active');
  },
};

const HINT = 'Repaired items stay repaired. Run the command again for the others.';
const CONCURRENCY = 16;

type RepairCall = WritingCall & { readonly path: string };

async function repairListed(call: RepairCall): Promise<number> {
  const { options, io } = call;
  const apply = options.has('apply');
  const elsewhere = { items: 0 };
  const items = itemList(options.integer('limit') ?? 0);
  const context = repairContext(call, {
    itemsPerSecond: options.integer('rate'),
    settleMs: settleMsOf(options),
  });
  const report = await untilInterrupted(io, () =>
    repair(agreedKeys(call, elsewhere), context, {
      apply,
      onProgress: (progress) => {
        const { looked, put, deleted } = progress;
        call.note?.(progress);
        io.status(`${grouped(looked)} read  ${grouped(put + deleted)} to repair`);
      },
      onItem: (item) => items.add(item),
    }),
  );
  if (report === undefined) {
    io.err('Stopped. Run the command again for the others: it skips repaired items.');
    return EXIT.differences;
  }
  if (!apply) await requireYes(call, listed(report.looked));
  printRepaired({ ...call, apply, report, items, elsewhere: elsewhere.items });
  const { put, deleted, inFlight, left } = report;
  return exitCode(left + inFlight + (apply ? 0 : put + deleted) === 0);
}

/**
 * With `--apply`, counted before the first of them is repaired.
 * @throws UsageError where there are too many without --yes.
 */
async function* agreedKeys(call: RepairCall, elsewhere: Elsewhere): AsyncGenerator<Item> {
  const keys = carriedKeys(call, elsewhere);
  const first: Item[] = [];
  while (call.options.has('apply') && first.length <= ITEMS_MAX) {
    const next = await keys.next();
    if (next.done === true) break;
    first.push(next.value);
  }
  if (first.length > ITEMS_MAX) await requireYes(call, await extentOf(first, keys, call));
  yield* first;
  yield* keys;
}

/** With --yes, the others are not read ahead: there may be millions. */
async function extentOf(first: readonly Item[], others: AsyncIterable<Item>, call: RepairCall) {
  let items = first.length;
  if (call.options.has('yes')) return { items, text: 'the report lists them' };
  for await (const _ of others) items += 1;
  return listed(items);
}

/** Items of the report that are at home on the other side. */
interface Elsewhere {
  items: number;
}

/** Where each item has a home, those whose home is the source: the other direction repairs the others. */
async function* carriedKeys(call: RepairCall, elsewhere: Elsewhere): AsyncGenerator<Item> {
  const { twoWay, ...rules } = call.pair.rules;
  for await (const key of listedKeys(call)) {
    const isCarried = twoWay?.mode !== 'home' || homeSideOf(key, { ...rules, twoWay }) === 'source';
    if (isCarried) yield key;
    else elsewhere.items += 1;
  }
}

function listed(items: number) {
  return { items, text: `the report lists ${grouped(items)}` };
}

function listedKeys({ io, replication, direction, pair, path }: RepairCall) {
  const more = (why: string) => io.err(`${why} There may be more differences.`);
  return keysOfReport(path, {
    replication: givenName(replication),
    otherDirection: replication.twoWay && otherName(replication),
    direction,
    keys: pair.facts.source.keys,
    onUnfinished: () => more('The verify that wrote this report did not finish.'),
    onPartial: (scope) =>
      more(`This report covers only ${scope === 'sample' ? 'a sample' : 'one item'}.`),
  });
}
