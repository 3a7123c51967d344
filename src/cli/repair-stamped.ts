// `ferry repair` with stamped writes: neither side is the right one, so the listed items are merged.

import type { MergeChoice } from '../merge/decision.ts';
import { mergeListed } from '../merge/merge-listed.ts';
import { changedItems } from '../merge/merge-tables.ts';
import type { BothCall } from './merge-directions.ts';
import { factsOf } from './merge-result.ts';
import { runMerge } from './merge-run.ts';
import { grouped } from './output.ts';
import { agreedKeys, listed } from './repair-keys.ts';

export interface StampedRepair extends BothCall {
  /** Of the report. */
  readonly path: string;
  readonly choice: MergeChoice;
}

export function mergeReported(call: StampedRepair): Promise<number> {
  const { options, io, choice } = call;
  return runMerge(call, {
    skips: 'repaired',
    extentOf: (report) => listed(report.compared.items, call.replication),
    run(opened, onItem) {
      const keys = agreedKeys({ ...call, pair: opened.pair }, { items: 0 });
      return mergeListed(keys, opened, {
        apply: options.has('apply'),
        choice,
        onItem,
        onProgress(now) {
          call.note?.(factsOf(now));
          io.status(`${grouped(now.compared.items)} read  ${grouped(changedItems(now))} to change`);
        },
      });
    },
  });
}
