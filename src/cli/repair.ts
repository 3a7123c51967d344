// `ferry repair`: makes the items of a report equal to the source's items, and never overwrites a newer one.

import { repairContext } from '../composition/pair-work.ts';
import { repair } from '../verify/repair.ts';
import { wrongOption } from './arguments.ts';
import { aboutReplication, exitCode, untilInterrupted } from './call.ts';
import { type Command, numberOption } from './command.ts';
import { requireYes, yesOption } from './large-change.ts';
import { choiceOf, choiceOptions, refuseChoice } from './merge-choice.ts';
import { onBothDirections } from './merge-directions.ts';
import { EXIT, grouped } from './output.ts';
import { agreedKeys, listed } from './repair-keys.ts';
import { itemList, printRepaired } from './repair-result.ts';
import { mergeReported } from './repair-stamped.ts';
import { replicationOptions, selectedReplication } from './replication.ts';
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
    ...choiceOptions,
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
    const choice = choiceOf(options);
    const replication = await selectedReplication(options);
    if (replication.twoWay?.mode === 'stamped')
      return onBothDirections(
        { options, io },
        { hint: HINT, run: (call) => mergeReported({ ...call, path, choice }) },
      );
    refuseChoice(options, 'Here, the item of the source wins.', 'Leave it out.');
    const run = writingToPair(options, CONCURRENCY, (call) => repairListed({ ...call, path }));
    return aboutReplication(replication, { options, io }, { hint: HINT, run, direction: 'active' });
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
  if (!apply) await requireYes(call, listed(report.looked, call.replication));
  printRepaired({ ...call, apply, report, items, elsewhere: elsewhere.items });
  const { put, deleted, inFlight, left } = report;
  return exitCode(left + inFlight + (apply ? 0 : put + deleted) === 0);
}
