// A redrive under way: its report, its copy of the control row, and when it ends.

import type { ControlRow } from '../model/control-row.ts';
import { type Pace, paceOf } from '../pacing/pace.ts';
import type { RedriveContext, RedriveOptions, Taken } from './context.ts';
import { newReport, type RedriveReport } from './report.ts';

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
  /** Whether the destination is down, or was at an earlier call: what was passed over then is left. */
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

/** A third of the age that an adoption allows for. */
const CONTROL_LIFE_MS = 20_000;

function controlOf({ control, readControl, clock }: RedriveContext): Run['control'] {
  let copy = { row: Promise.resolve(control), readAtMs: clock.now() };
  return () => {
    const nowMs = clock.now();
    const ageMs = nowMs - copy.readAtMs;
    // Concurrent callers share one read.
    if (readControl !== undefined && (ageMs > CONTROL_LIFE_MS || ageMs < 0))
      copy = { row: readControl(), readAtMs: nowMs };
    return copy.row;
  };
}

export function isOver({ options, report, isDown }: Run): boolean {
  return isDown() || options.stop.aborted || report.matched >= options.limit;
}

/** What the rate allows in a second: no more is taken in hand at once. */
export function atOnce({ options }: Run, most: number): number {
  return Math.max(1, Math.min(most, Math.floor(options.recordsPerSecond)));
}
