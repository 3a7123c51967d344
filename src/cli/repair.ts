// `ferry repair`: make the items that a report lists equal to the source's, never over anything newer.

import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { requireControl } from '../composition/control.ts';
import { openLookAgain } from '../composition/look-again.ts';
import { openTablePair, streamOf, type TablePair } from '../composition/table-pair.ts';
import type { ReplicationConfig } from '../config/config.ts';
import { type ControlRow, newestEpoch } from '../model/control-row.ts';
import { floorIn } from '../redrive/replay.ts';
import { UsageError } from '../errors.ts';
import type { LookAgainQueue } from '../ports.ts';
import { pacedReader } from '../pacing/paced-reader.ts';
import { paceOf } from '../pacing/pace.ts';
import { repair, type RepairContext, type RepairReport } from '../verify/repair.ts';
import type { Command, ParsedOptions } from './command.ts';
import { lookAgainOption, lookAgainUrl } from './look-again-option.ts';
import { EXIT, grouped, type Io } from './output.ts';
import { itemList, printRepaired } from './repair-result.ts';
import { replicationFrom, replicationOptions } from './replication.ts';
import { keysOfReport } from './report-file.ts';
import { checkLookAgain } from './run-needs.ts';
import { explained } from './service-errors.ts';

export const repairCommand: Command = {
  name: 'repair',
  options: {
    ...replicationOptions,
    report: { value: 'FILE', help: 'the report of `ferry verify`' },
    apply: { help: 'do it' },
    rate: {
      value: 'ITEMS_PER_SECOND',
      range: [1, 100_000],
      default: '100',
      help: 'items per second to write at most',
    },
    settle: {
      value: 'SECONDS',
      range: [0, 3_600],
      default: '10',
      help: 'time for which an item must not have changed: more than the twin is behind',
    },
    limit: {
      value: 'N',
      range: [0, 1_000_000],
      default: '20',
      help: 'items to list at most of those that are repaired, and of those that are not',
    },
    ...lookAgainOption,
    json: { help: 'print the result as one line of JSON' },
  },
  async run(options, io) {
    const queueUrl = lookAgainUrl(options);
    const path = options.text('report');
    if (path === undefined) {
      throw new UsageError('repair needs the report of a verify.', {
        code: 'usage.options',
        hint: 'Run `ferry verify` first, and give the file that it names with --report.',
      });
    }
    const replication = replicationFrom(options.text('config') ?? '', options);
    return explained({ hint: HINT, replications: [replication] }, async () => {
      const pair = await openTablePair({ replication, concurrency: WRITES_AT_ONCE, writes: true });
      try {
        const apply = options.has('apply');
        const streamArn = streamOf(pair);
        const control = await requireControl(pair, { apply, streamArn }, retryContext(io));
        const lookAgain = await openLookAgain({ replication, queueUrl, apply });
        if (!apply) await checkLookAgain({ replication, queueUrl }, io);
        const call = { options, io, replication, pair, path };
        return await repairListed({ ...call, streamArn, control, lookAgain });
      } finally {
        pair.close();
      }
    });
  },
};

const HINT = 'What was repaired stays repaired: run it again for the rest.';
const WRITES_AT_ONCE = 16;

interface Call {
  readonly options: ParsedOptions;
  readonly io: Io;
  readonly replication: ReplicationConfig;
  readonly pair: TablePair;
  readonly path: string;
  readonly streamArn: string;
  readonly control: ControlRow;
  readonly lookAgain: LookAgainQueue;
}

async function repairListed(call: Call): Promise<number> {
  const { options, io, replication, pair, path } = call;
  const keys = keysOfReport(path, {
    replication: replication.name,
    keys: pair.facts.source.keys,
    onUnfinished: () =>
      io.err('The verify behind this report did not end: there may be more differences.'),
    onPartial: (scope) =>
      io.err(
        `This report is of ${scope === 'sample' ? 'a sample' : 'one item'}: there may be more differences.`,
      ),
  });
  const items = itemList(options.integer('limit') ?? 0);
  const apply = options.has('apply');
  let latest: RepairReport | undefined;
  try {
    latest = await repair(keys, contextOf(call), {
      apply,
      onProgress(report) {
        latest = report;
        const { looked, put, deleted } = report;
        io.status(`looked at ${grouped(looked)}  to fix ${grouped(put + deleted)}`);
      },
      onItem: (item) => items.add(item),
    });
  } catch (error) {
    if (error !== io.interrupted.reason) throw error;
    io.err('Stopped. Run it again for the rest: what is repaired is left alone.');
    return EXIT.differences;
  }
  const json = options.has('json');
  printRepaired({ io, replication, apply, json, report: latest, items });
  const { put, deleted, inFlight } = latest;
  const undone = latest.left + inFlight + (apply ? 0 : put + deleted);
  return undone > 0 ? EXIT.differences : EXIT.done;
}

function retryContext({ interrupted }: Io) {
  return { clock: systemClock, random: systemRandom, stop: interrupted };
}

function contextOf({ options, io, pair, streamArn, control, lookAgain }: Call): RepairContext {
  const retries = retryContext(io);
  const unlimited = paceOf(Infinity, systemClock);
  return {
    ...retries,
    rules: pair.rules,
    source: pacedReader(pair.source, unlimited, retries),
    twin: pacedReader(pair.twin, unlimited, retries),
    ledger: pair.ledger,
    twinWriter: pair.twinWriter,
    // No Lambda ends this.
    remainingMs: () => Infinity,
    settleMs: 1000 * (options.integer('settle') ?? 0),
    lookAgain,
    epoch: newestEpoch(control).n,
    floor: floorIn(control, [streamArn]),
    pace: paceOf(options.integer('rate') ?? Infinity, systemClock),
  };
}
