// `ferry repair`: makes the items of a report equal to the source's items, and never overwrites a newer one.

import {
  openPairWriting,
  type PairWriting,
  repairContext,
  retriesUntil,
} from '../composition/pair-work.ts';
import { openTablePair, streamOf } from '../composition/table-pair.ts';
import { repair } from '../verify/repair.ts';
import { wrongOption } from './arguments.ts';
import { type Call, exitCode, onReplication, untilInterrupted, withOpen } from './call.ts';
import type { Command } from './command.ts';
import { lookAgainOption, lookAgainUrl } from './look-again-option.ts';
import { EXIT, grouped } from './output.ts';
import { itemList, printRepaired } from './repair-result.ts';
import { replicationOptions } from './replication.ts';
import { keysOfReport } from './report-file.ts';
import { checkLookAgain } from './run-needs.ts';

export const repairCommand: Command = {
  name: 'repair',
  options: {
    ...replicationOptions,
    report: { value: 'FILE', help: 'report of `ferry verify`' },
    apply: { help: 'write the repairs' },
    rate: {
      value: 'ITEMS_PER_SECOND',
      range: [1, 100_000],
      default: '100',
      help: 'maximum writes per second',
    },
    settle: {
      value: 'SECONDS',
      range: [0, 3_600],
      default: '10',
      help: 'time for which an item must be unchanged; use more than the replication latency',
    },
    limit: {
      value: 'N',
      range: [0, 1_000_000],
      default: '20',
      help: 'maximum number of repaired items to list, and of other items',
    },
    ...lookAgainOption,
    json: { help: 'print the result as one line of JSON' },
  },
  async run(options, io) {
    const queueUrl = lookAgainUrl(options);
    const path = options.text('report');
    if (path === undefined) {
      throw wrongOption(
        '`ferry repair` needs the report of `ferry verify`.',
        'Run `ferry verify` first. Then name its report with --report.',
      );
    }
    return onReplication({ options, io }, HINT, (call) => {
      const { replication } = call;
      const opening = openTablePair({ replication, concurrency: WRITES_AT_ONCE, writes: true });
      return withOpen(opening, async (pair) => {
        const apply = options.has('apply');
        const setup = { replication, pair, streamArn: streamOf(pair), queueUrl, apply };
        const writing = await openPairWriting({ ...setup, retries: retriesUntil(io.interrupted) });
        if (!apply) await checkLookAgain({ replication, queueUrl }, io);
        return repairListed({ ...call, ...writing, path });
      });
    });
  },
};

const HINT = 'Repaired items stay repaired. Run the command again for the others.';
const WRITES_AT_ONCE = 16;

type RepairCall = Call & PairWriting & { readonly path: string };

async function repairListed(call: RepairCall): Promise<number> {
  const { options, io } = call;
  const apply = options.has('apply');
  const items = itemList(options.integer('limit') ?? 0);
  const context = repairContext(call, {
    itemsPerSecond: options.integer('rate'),
    settleMs: 1000 * (options.integer('settle') ?? 0),
  });
  const report = await untilInterrupted(io, () =>
    repair(listedKeys(call), context, {
      apply,
      onProgress: ({ looked, put, deleted }) =>
        io.status(`${grouped(looked)} read  ${grouped(put + deleted)} to repair`),
      onItem: (item) => items.add(item),
    }),
  );
  if (report === undefined) {
    io.err('Stopped. Run the command again for the others: it skips repaired items.');
    return EXIT.differences;
  }
  printRepaired({ ...call, apply, report, items });
  const { put, deleted, inFlight, left } = report;
  return exitCode(left + inFlight + (apply ? 0 : put + deleted) === 0);
}

function listedKeys({ io, replication, pair, path }: RepairCall) {
  const more = (why: string) => io.err(`${why} There may be more differences.`);
  return keysOfReport(path, {
    replication: replication.name,
    keys: pair.facts.source.keys,
    onUnfinished: () => more('The verify that wrote this report did not finish.'),
    onPartial: (scope) =>
      more(`This report covers only ${scope === 'sample' ? 'a sample' : 'one item'}.`),
  });
}
