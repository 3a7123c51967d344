// Follows a bulk run that the state machine executes: waits for its end, and shows its progress.

import { FerryError } from '../errors.ts';
import type { BulkRuns, Clock, Random } from '../ports.ts';
import { retry } from '../pacing/retry.ts';
import { sleep } from '../pacing/sleep.ts';

export interface FollowOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Ends the following; the run goes on. */
  readonly stop: AbortSignal;
  /** Called every few seconds. */
  readonly onTick: () => Promise<void>;
}

const TICK_MS = 5_000;

/** @throws FerryError `bulk.failed`, or the reason of `stop`. */
export async function followBulkRun(
  runs: BulkRuns,
  execution: string,
  { onTick, ...retries }: FollowOptions,
): Promise<void> {
  for (;;) {
    const state = await retry(() => runs.state(execution), retries);
    await retry(onTick, retries);
    if (state.kind === 'succeeded') return;
    if (state.kind === 'failed') throw failed(execution, state.why);
    await sleep(TICK_MS, retries);
  }
}

function failed(execution: string, why: string): FerryError {
  return new FerryError(`The bulk run ${execution} has failed: ${why}`, {
    code: 'bulk.failed',
    hint: 'The logs of the bulk function tell more. Run the command again: a backfill goes on where it was.',
  });
}
