// `ferry pause`: stops a replication on purpose. Without --apply, it shows what it would do, and when changes are lost.

import { randomBytes } from 'node:crypto';
import { retriesUntil } from '../composition/pair-work.ts';
import { openPausePlace, type PausePlace } from '../composition/pause-place.ts';
import { readVitals } from '../composition/read-vitals.ts';
import { backlogOf } from '../status/backlog-trend.ts';
import type { FoundControl, Paused } from '../model/control-row.ts';
import { pauseFrom, utcTime } from '../status/pause.ts';
import { readControl } from '../replicate/first-adoption.ts';
import { retry } from '../pacing/retry.ts';
import {
  pause,
  type PauseContext,
  type PauseResult,
  pausedSince,
  unmarkable,
} from '../switchover/pause.ts';
import { whatHappened } from '../failures/what-happened.ts';
import type { EventSource } from '../ports.ts';
import {
  type Call,
  type GivenCall,
  exitCode,
  onReplication,
  printResult,
  titleOf,
  untilInterrupted,
  withOpen,
} from './call.ts';
import type { Command } from './command.ts';
import { EXIT } from './output.ts';
import {
  alarmLines,
  deploymentLines,
  horizonLines,
  insertCheckLines,
  type Lag,
  mappingLines,
  pauseFacts,
  switchReporter,
} from './pause-result.ts';
import { replicationOptions } from './replication.ts';

export const pauseCommand: Command = {
  name: 'pause',
  options: {
    ...replicationOptions,
    apply: { help: 'disable the event source mapping, and wait until it is disabled' },
    json: { help: 'print the result as one line of JSON' },
  },
  run: (options, io) => atPausePlace({ options, io }, run),
};

/** Of a pause or a resume. */
export interface PauseCall extends Call {
  readonly context: PauseContext;
}

/** Runs a pause or a resume where the replication is deployed. */
export function atPausePlace(
  given: GivenCall,
  run: (call: PauseCall) => Promise<number>,
): Promise<number> {
  const work = (call: Call) =>
    withOpen(openPausePlace(call.replication, call.sides), (place) =>
      run({ ...call, context: contextOf(call, place) }),
    );
  return onReplication(given, HINT, work, 'active');
}

const HINT = 'You can safely run the command again. `ferry status` shows what is done.';

function contextOf({ io }: Call, place: PausePlace): PauseContext {
  return {
    ...place,
    ...retriesUntil(io.interrupted, io.clock),
    tag: `cli-${randomBytes(6).toString('hex')}`,
    onStep: switchReporter(io),
  };
}

async function run(call: PauseCall): Promise<number> {
  const { options, context } = call;
  const all = await retry(() => context.mappings.list(), context);
  const { paused: found, obstacle } = await notedNow(context);
  const isDone = found !== undefined && all.every(({ state }) => state === 'Disabled');
  const lag = found === undefined ? await lagNow(call) : undefined;
  const planned = found ?? pauseFrom(pausedSince(all, context.clock.now()), lag?.lagMs ?? 0);
  if (!options.has('apply') || isDone)
    return printPlan({ ...call, all, lag, paused: planned, isDone, obstacle });
  return pauseNow({ ...call, all, lag });
}

interface Noted {
  /** Undefined where it is not paused. */
  readonly paused?: Paused | undefined;
  /** Why a pause could not be noted. */
  readonly obstacle?: string | undefined;
}

async function notedNow({ rules, twinReader }: PauseContext): Promise<Noted> {
  let found: FoundControl;
  try {
    found = await readControl(rules, twinReader);
  } catch (error) {
    return { obstacle: `it could not be read (${whatHappened(error)})` };
  }
  return found.kind === 'row' ? { paused: found.row.paused } : { obstacle: unmarkable(found) };
}

/** A pause is possible without it. */
async function lagNow({ replication, sides, context: { clock } }: PauseCall): Promise<Lag> {
  try {
    return { lagMs: backlogOf(await readVitals(replication, sides, clock.now()), 0).ageMs };
  } catch (error) {
    return { lagMs: undefined, why: whatHappened(error) };
  }
}

interface Seen extends PauseCall {
  readonly all: readonly EventSource[];
  readonly lag: Lag | undefined;
}

interface Plan extends Seen {
  readonly paused: Paused;
  readonly isDone: boolean;
  /** Why the pause could not be noted. */
  readonly obstacle: string | undefined;
}

function printPlan(plan: Plan): number {
  const { io, replication, obstacle, all, lag, paused, isDone } = plan;
  if (obstacle !== undefined) io.err(unnotable(obstacle));
  printResult(plan, pauseFacts(replication, { paused }, { apply: false, lag, all }), [
    titleOf(replication),
    ...mappingLines(all),
    isDone
      ? `The replication is paused since ${utcTime(paused.sinceMs)}. There is nothing to do.`
      : `Pause would disable the mapping, and wait until it is disabled.${obstacle === undefined ? ' Then it would note the pause in the control row.' : ''}`,
    ...horizonLines(paused, replication, lag),
    ...alarmLines(replication),
    ...insertCheckLines(replication),
    ...(obstacle === undefined ? deploymentLines(replication) : []),
    ...(isDone ? [] : ['Nothing was changed. --apply makes these changes.']),
  ]);
  return exitCode(isDone);
}

async function pauseNow(seen: Seen): Promise<number> {
  const { io, lag, context } = seen;
  const result = await untilInterrupted(io, async () => ({
    ...(await pause(lag?.lagMs ?? 0, context)),
    all: await retry(() => context.mappings.list(), context),
  }));
  if (result !== undefined) return printPaused({ ...seen, all: result.all }, result);
  io.err('Stopped. The mapping may be disabled without a note of the pause. Run it again.');
  return EXIT.differences;
}

function printPaused(seen: Seen, result: PauseResult): number {
  const { io, replication, lag, all } = seen;
  const { paused, mark } = result;
  printResult(seen, pauseFacts(replication, result, { apply: true, lag, all }), [
    titleOf(replication),
    `The replication is paused since ${utcTime(paused.sinceMs)}.`,
    ...horizonLines(paused, replication, lag),
    ...alarmLines(replication),
    ...insertCheckLines(replication),
    ...(mark.kind === 'marked' ? deploymentLines(replication) : []),
    'To resume it, run `ferry resume --apply`.',
  ]);
  if (mark.kind === 'marked') return EXIT.done;
  io.err(unnoted(mark.why));
  return EXIT.differences;
}

const WITHOUT_NOTE =
  '`ferry status` does not show the pause, and a deployment that changes the mapping resumes it';

function unnoted(why: string): string {
  return `The pause could not be noted in the control row: ${why}. ${WITHOUT_NOTE}. Do not deploy, or run \`ferry pause --apply\` again first.`;
}

/** In a dry run, nothing was tried but to read the row. */
function unnotable(why: string): string {
  return `The pause cannot be noted in the control row of the destination now: ${why}. --apply disables the mapping anyway. Without the note, ${WITHOUT_NOTE}.`;
}
