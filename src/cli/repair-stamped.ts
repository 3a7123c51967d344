// `ferry repair` with stamped writes: neither side is the right one, so the listed items are merged.

import { openMerge } from '../composition/merge.ts';
import { retriesUntil } from '../composition/pair-work.ts';
import type { MergeChoice } from '../merge/decision.ts';
import { mergeListed } from '../merge/merge-listed.ts';
import { changedItems } from '../merge/merge-tables.ts';
import { exitCode, untilInterrupted, withOpen } from './call.ts';
import { requireYes } from './large-change.ts';
import type { BothCall } from './merge-directions.ts';
import { requireMappings } from './merge.ts';
import { factsOf, mergedList, printMerged } from './merge-result.ts';
import { EXIT, grouped } from './output.ts';
import { agreedKeys, listed } from './repair-keys.ts';
import { settleMsOf } from './work-options.ts';

export interface StampedRepair extends BothCall {
  /** Of the report. */
  readonly path: string;
  readonly choice: MergeChoice;
}

export async function mergeReported(call: StampedRepair): Promise<number> {
  const { options, io, directions, choice } = call;
  const apply = options.has('apply');
  await requireMappings(call);
  const setup = {
    directions,
    apply,
    settleMs: settleMsOf(options),
    itemsPerSecond: options.integer('rate'),
    retries: retriesUntil(io.interrupted),
  };
  return withOpen(openMerge(setup), async (opened) => {
    const items = mergedList(options.integer('limit') ?? 0);
    const keys = agreedKeys({ ...call, pair: opened.pair }, { items: 0 });
    const report = await untilInterrupted(io, () =>
      mergeListed(keys, opened, {
        apply,
        choice,
        onItem: (item) => items.add(item),
        onProgress(now) {
          call.note?.(factsOf(now));
          io.status(`${grouped(now.compared.items)} read  ${grouped(changedItems(now))} to change`);
        },
      }),
    );
    if (report === undefined) {
      io.err('Stopped. Run the command again for the others: it skips repaired items.');
      return EXIT.differences;
    }
    if (!apply) await requireYes(call, listed(report.compared.items, call.replication));
    printMerged({ ...call, apply, report, items });
    const { undecided, inFlight, left } = report;
    return exitCode(undecided + inFlight + left + (apply ? 0 : changedItems(report)) === 0);
  });
}
