// Changes the control row by compare-and-set, and tries again if another command was faster: everything else in it
// stays as it is by then.

import { FerryError } from '../errors.ts';
import { putControlRow } from '../model/control-item.ts';
import { type ControlRow, type FoundControl } from '../model/control-row.ts';
import type { LedgerRules } from '../model/rules.ts';
import { retry, type RetryContext } from '../pacing/retry.ts';
import type { TwinWriter } from '../ports.ts';

export interface RowPlace extends RetryContext {
  readonly rules: LedgerRules;
  readonly twinWriter: TwinWriter;
  /** The row as it is now, consistently read. */
  readonly readRow: () => Promise<FoundControl>;
}

/** The row changes seldom: so many changes in a row are a fault. */
const TRIES_MAX = 5;

/**
 * @param change undefined where the row is as it should be.
 * @returns the row that is there now.
 * @throws FerryError `control.outrun`, or what a request throws.
 */
export async function changeRow(
  change: (row: ControlRow) => ControlRow | undefined,
  { rules, twinWriter, readRow, ...retries }: RowPlace,
): Promise<FoundControl> {
  for (let attempt = 1; attempt <= TRIES_MAX; attempt += 1) {
    const found = await retry(readRow, retries);
    const row = found.kind === 'row' ? change(found.row) : undefined;
    if (row === undefined) return found;
    // A refusal may be of this run's own row, whose answer was lost: the next round reads it.
    const reply = await retry(() => twinWriter.write(putControlRow(row, rules)), retries);
    if (reply.kind === 'written') return { kind: 'row', row };
  }
  throw new FerryError(`The control row of ${rules.replication} changes all the time.`, {
    code: 'control.outrun',
    hint: 'See who changes it, and run the command again.',
  });
}
