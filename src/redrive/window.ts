// Messages and objects that are redriven together. What became of their dead letters is counted here.

import type { ControlRow } from '../model/control-row.ts';
import { BATCH_KEYS_MAX } from '../model/read-request.ts';
import { retryingQueue } from '../pacing/retrying.ts';
import type { TwinWriter, LookAgainQueue } from '../ports.ts';
import { parseDeadLetters } from './dead-letter.ts';
import { deleteFinal } from './delete-final.ts';
import { redriveLetters } from './lanes.ts';
import type { RedriveContext } from './context.ts';
import type { Load } from './load.ts';
import type { Redriven } from './outcome.ts';
import { addOutcome, newOutcomes } from './report.ts';
import { atOnce, type Run } from './run.ts';

/** Redrives messages or objects together, and removes those whose records are all final. */
export async function redriveLoads(loads: readonly Load[], run: Run): Promise<void> {
  const { options, report, taken } = run;
  const found = loads.reduce((sum, load) => sum + load.found, 0);
  const after = taken.records + found;
  if (options.stop.aborted || (!options.apply && options.decide !== true)) report.left += found;
  else {
    const outcomes = await redriveSelected(loads, run);
    const counted = options.apply ? report : (report.would ??= newOutcomes());
    for (const outcome of outcomes) addOutcome(outcome, counted);
    if (options.apply) await deleteFinal(loads, outcomes, report);
    else report.left += found;
  }
  taken.records = after;
}

async function redriveSelected(loads: readonly Load[], run: Run): Promise<Redriven[]> {
  const { context, options, pace, unknown } = run;
  const control = await run.control();
  const letters = loads.flatMap((load) =>
    isSameOrder(load.control, control)
      ? load.letters
      : parseDeadLetters(load.letters, control, context.rules),
  );
  const ports = options.apply ? { lookAgain: announcing(run) } : pretending(context);
  return redriveLetters(letters, {
    context: { ...context, control, ...ports },
    pace,
    unknown,
    stop: options.stop,
    readTogether: atOnce(run, BATCH_KEYS_MAX),
    isCurrent: async () => isSameOrder(control, await run.control()),
    onItem(item) {
      run.taken.records += item.records;
      options.onItem?.(item);
      options.onProgress(run.report, run.taken);
    },
  });
}

/**
 * One that fails would leave all deletes of a window undone. What was deleted before a stop is announced, too, at
 * the first try or not at all.
 */
function announcing({ context, options: { stop } }: Run): LookAgainQueue {
  const { lookAgain, clock, random } = context;
  const retrying = retryingQueue(lookAgain, { clock, random, stop });
  return { announce: (body) => (stop.aborted ? lookAgain : retrying).announce(body) };
}

const written: TwinWriter = { write: async () => ({ kind: 'written' }) };

/** In the places of what is written to: every write would be done, every delete announced. */
const PRETENDING = { twinWriter: written, lookAgain: { announce: async () => undefined } };

const keptNowhere = { put: async () => undefined };

function pretending({ strandedTo, twoWay }: RedriveContext) {
  const near = twoWay && { ...twoWay.nearSide, nearWriter: written, bucket: keptNowhere };
  return {
    ...PRETENDING,
    ...(strandedTo && { strandedTo: keptNowhere }),
    ...(twoWay && near && { twoWay: { ...twoWay, nearSide: near, isDryRun: true } }),
  };
}

/** Whether both give every record the same place. */
function isSameOrder(a: ControlRow, b: ControlRow): boolean {
  if (a === b) return true;
  const orderOf = ({ sinceMs, reserved, destinationId, ledgerId, epochs }: ControlRow) =>
    JSON.stringify([sinceMs, reserved, destinationId, ledgerId, epochs]);
  return orderOf(a) === orderOf(b);
}
