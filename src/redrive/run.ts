// What the parts of a redrive share: its report, its copy of the control row, and when it ends.

import type { ControlRow } from '../model/control-row.ts';
import type { RedriveFilter } from '../model/failure-message.ts';
import { BATCH_KEYS_MAX } from '../model/read-request.ts';
import type { TwinWriter, LookAgainQueue, MessageQueue } from '../ports.ts';
import { retry } from '../pacing/retry.ts';
import { type Pace, paceOf } from '../pacing/pace.ts';
import type { RecordContext } from './item.ts';
import type { Load, UnpackContext } from './unpack.ts';
import { type RedrivenItem, redriveRecords } from './lanes.ts';
import { newOutcomes, newReport, type Outcomes, type RedriveReport } from './report.ts';
import { inParallel } from '../pacing/in-parallel.ts';

export interface RedriveContext extends RecordContext, UnpackContext {
  readonly queue: MessageQueue;
  /** Reads the control row again. @default the one of the context is taken to stay as it is */
  readonly readControl?: (() => Promise<ControlRow>) | undefined;
}

export interface RedriveOptions {
  /** Without it, nothing is changed. */
  readonly apply: boolean;
  /** Without `apply`: whether to say what would become of each record, for which the tables are read. */
  readonly decide?: boolean;
  readonly filter: RedriveFilter;
  /** Records at most. */
  readonly limit: number;
  /** Records per second at most. */
  readonly recordsPerSecond: number;
  /** For how long messages are hidden from others while this run works on them. */
  readonly hiddenSeconds: number;
  readonly stop: AbortSignal;
  readonly onProgress: (report: RedriveReport, taken: Taken) => void;
  /** Told what became of each item, or would. */
  readonly onItem?: ((item: RedrivenItem) => void) | undefined;
}

/** What has had its turn. */
interface Taken {
  records: number;
  /** Of objects. */
  bytes: number;
}

export interface Run {
  readonly context: RedriveContext;
  readonly options: RedriveOptions;
  readonly report: RedriveReport;
  readonly taken: Taken;
  readonly pace: Pace;
  /** Items with a write that was given up and may still be applied. */
  readonly unknown: Set<string>;
  /** The control row, read again when the copy is old. */
  readonly control: () => Promise<ControlRow>;
  /** Whether the destination is down, or was when somebody asked: what was passed over then is left. */
  readonly isDown: () => boolean;
}

export function newRun(context: RedriveContext, options: RedriveOptions): Run {
  return {
    context,
    options,
    report: newReport(),
    taken: { records: 0, bytes: 0 },
    pace: paceOf(options.recordsPerSecond, context.clock),
    unknown: new Set(),
    control: controlOf(context),
    isDown: lastingly(() => context.health.isDown()),
  };
}

/** A destination that answers again does not bring back what has been passed over. */
function lastingly(isSo: () => boolean): () => boolean {
  let was = false;
  return () => (was ||= isSo());
}

/** A third of what an adoption reckons with. */
const CONTROL_LIFE_MS = 20_000;

function controlOf({ control, readControl, clock }: RedriveContext): Run['control'] {
  let copy = { row: Promise.resolve(control), readAtMs: clock.now() };
  return () => {
    const nowMs = clock.now();
    const ageMs = nowMs - copy.readAtMs;
    // One read for all that ask.
    if (readControl !== undefined && (ageMs > CONTROL_LIFE_MS || ageMs < 0))
      copy = { row: readControl(), readAtMs: nowMs };
    return copy.row;
  };
}

export function isOver({ options, report, isDown }: Run): boolean {
  return isDown() || options.stop.aborted || report.matched >= options.limit;
}

/** What a rate allows in a second: no more is taken in hand at once. */
export function atOnce({ options }: Run, most: number): number {
  return Math.max(1, Math.min(most, Math.floor(options.recordsPerSecond)));
}

const REMOVALS_AT_ONCE = 16;

/** Redrives messages or objects together, and removes those whose records are all final. */
export async function redriveLoads(loads: readonly Load[], run: Run): Promise<void> {
  const { taken } = run;
  const after = loads.reduce((sum, { own }) => sum + own, taken.records);
  await settleLoads(loads, run);
  taken.records = after;
}

async function settleLoads(loads: readonly Load[], run: Run): Promise<void> {
  const { options, report } = run;
  const own = loads.reduce((sum, load) => sum + load.own, 0);
  if (options.stop.aborted || (!options.apply && options.decide !== true)) {
    report.left += own;
    return;
  }
  const isFinal = await redriveChosen(loads, run);
  if (!options.apply) {
    report.left += own;
    return;
  }
  let first = 0;
  const removals = loads.flatMap(({ chosen, own: count, all, remove }) => {
    const final = isFinal.slice(first, first + chosen.length).filter(Boolean).length;
    first += chosen.length;
    report.left += count - final;
    return final === all ? [remove] : [];
  });
  await inParallel(removals, REMOVALS_AT_ONCE);
}

async function redriveChosen(loads: readonly Load[], run: Run): Promise<boolean[]> {
  const { context, options, pace, unknown } = run;
  const control = await run.control();
  return redriveRecords(
    loads.flatMap(({ chosen }) => chosen),
    {
      context: {
        ...context,
        control,
        ...(options.apply ? { lookAgain: persistent(run) } : PRETENDING),
      },
      report: outcomesOf(run),
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
    },
  );
}

/** Of a run that only looks, what would become of the records. */
function outcomesOf({ options, report }: Run): Outcomes {
  return options.apply ? report : (report.would ??= newOutcomes());
}

/**
 * One that fails would leave all deletes of a window undone; announcing twice is harmless. What was deleted
 * before a stop is announced, too, at the first try or not at all.
 */
function persistent({ context, options: { stop } }: Run): LookAgainQueue {
  const { lookAgain, clock, random } = context;
  return {
    announce: (body) =>
      stop.aborted
        ? lookAgain.announce(body)
        : retry(() => lookAgain.announce(body), { clock, random, stop }),
  };
}

const written: TwinWriter = { write: async () => ({ kind: 'written' }) };

/** In the places of what is written to: every write would be done, every delete announced. */
const PRETENDING = { destination: written, lookAgain: { announce: async () => undefined } };

/** Whether both give every record the same place. */
function isSameOrder(a: ControlRow, b: ControlRow): boolean {
  if (a === b) return true;
  const orderOf = ({ sinceMs, reserved, destinationId, ledgerId, epochs }: ControlRow) =>
    JSON.stringify([sinceMs, reserved, destinationId, ledgerId, epochs]);
  return orderOf(a) === orderOf(b);
}
