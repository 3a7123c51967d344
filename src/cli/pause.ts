// `ferry pause`: stop replicating on purpose. It shows what it would do and until when it is safe, and does it
// only with --apply.

import { randomBytes } from 'node:crypto';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { openPausePlace, type PausePlace } from '../composition/pause-place.ts';
import { readVitals } from '../composition/read-vitals.ts';
import type { ReplicationConfig } from '../config/config.ts';
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
import type { Command, ParsedOptions } from './command.ts';
import { EXIT, type Io } from './output.ts';
import {
  alarmLines,
  deploymentLines,
  horizonLines,
  type Lag,
  mappingLines,
  pauseJson,
  switchReporter,
  titleOf,
} from './pause-result.ts';
import { replicationFrom, replicationOptions } from './replication.ts';
import { explained } from './service-errors.ts';

export const pauseCommand: Command = {
  name: 'pause',
  options: {
    ...replicationOptions,
    apply: { help: 'do it: disable the event source mapping, and wait until it is disabled' },
    json: { help: 'print the result as one line of JSON' },
  },
  async run(options, io) {
    const replication = replicationFrom(options.text('config') ?? '', options);
    return atPausePlace({ options, io, replication }, run);
  },
};

/** Of a pause or a resume. */
export interface PauseCall {
  readonly options: ParsedOptions;
  readonly io: Io;
  readonly replication: ReplicationConfig;
  readonly place: PausePlace;
}

/** Runs a pause or a resume where the replication is deployed. */
export function atPausePlace(
  call: Omit<PauseCall, 'place'>,
  run: (call: PauseCall) => Promise<number>,
): Promise<number> {
  const { replication } = call;
  return explained({ hint: HINT, replications: [replication] }, async () => {
    const place = await openPausePlace(replication);
    try {
      return await run({ ...call, place });
    } finally {
      place.close();
    }
  });
}

const HINT = 'Running it again is safe; `ferry status` shows what is done.';

/** What a pause and a resume share. */
export function pauseContext({ io, place }: Pick<PauseCall, 'io' | 'place'>): PauseContext {
  return {
    ...place,
    clock: io.clock ?? systemClock,
    random: systemRandom,
    stop: io.interrupted,
    tag: `cli-${randomBytes(6).toString('hex')}`,
    onStep: switchReporter(io),
  };
}

async function run(call: PauseCall): Promise<number> {
  const { options, replication } = call;
  const context = pauseContext(call);
  const all = await retry(() => context.mappings.list(), context);
  const { paused: found, obstacle } = await notedNow(context);
  const isDone = found !== undefined && all.every(({ state }) => state === 'Disabled');
  const lag = found === undefined ? await lagNow(replication, context.clock.now()) : undefined;
  const planned = found ?? pauseFrom(pausedSince(all, context.clock.now()), lag?.lagMs ?? 0);
  if (!options.has('apply') || isDone)
    return printPlan({ ...call, all, lag, paused: planned, isDone, obstacle });
  return stopIt(call, { lag, context });
}

interface Noted {
  /** Undefined where nobody has paused it. */
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

/** Not knowing it is no reason to refuse a pause. */
async function lagNow(replication: ReplicationConfig, nowMs: number): Promise<Lag> {
  try {
    return { lagMs: backlogOf(await readVitals(replication, nowMs), 0).ageMs };
  } catch (error) {
    return { lagMs: undefined, why: whatHappened(error) };
  }
}

interface Plan extends PauseCall {
  readonly all: readonly EventSource[];
  readonly lag: Lag | undefined;
  readonly paused: Paused;
  readonly isDone: boolean;
  /** Why the pause could not be noted. */
  readonly obstacle: string | undefined;
}

function printPlan({ options, io, replication, obstacle, ...plan }: Plan): number {
  const { all, lag, paused, isDone } = plan;
  if (obstacle !== undefined) io.err(unnotable(obstacle));
  if (options.has('json')) {
    io.out(pauseJson(replication, { paused }, { apply: false, lag, all }));
    return isDone ? EXIT.done : EXIT.differences;
  }
  const lines = [
    titleOf(replication),
    ...mappingLines(all),
    isDone
      ? `It is paused since ${utcTime(paused.sinceMs)}. There is nothing to do.`
      : `It would disable the mapping, and wait until it is disabled.${obstacle === undefined ? ' It would note the pause in the control row.' : ''}`,
    ...horizonLines(paused, replication, lag),
    ...alarmLines(replication),
    ...(obstacle === undefined ? deploymentLines(replication) : []),
    ...(isDone ? [] : ['Nothing was changed. With --apply it does so.']),
  ];
  for (const line of lines) io.out(line);
  return isDone ? EXIT.done : EXIT.differences;
}

async function stopIt(
  call: PauseCall,
  { lag, context }: { readonly lag: Lag | undefined; readonly context: PauseContext },
): Promise<number> {
  try {
    const result = await pause(lag?.lagMs ?? 0, context);
    const all = await retry(() => context.mappings.list(), context);
    return printPaused({ ...call, lag, all }, result);
  } catch (error) {
    if (error !== call.io.interrupted.reason) throw error;
    call.io.err('Stopped. The mapping may be disabled, without a note of the pause. Run it again.');
    return EXIT.differences;
  }
}

function printPaused(
  { options, io, replication, lag, all }: Omit<Plan, 'paused' | 'isDone' | 'obstacle'>,
  result: PauseResult,
): number {
  const { paused, mark } = result;
  if (options.has('json')) io.out(pauseJson(replication, result, { apply: true, lag, all }));
  else {
    io.out(titleOf(replication));
    const lines = [
      `Paused since ${utcTime(paused.sinceMs)}.`,
      ...horizonLines(paused, replication, lag),
      ...alarmLines(replication),
      ...(mark.kind === 'marked' ? deploymentLines(replication) : []),
      'To go on: `ferry resume --apply`.',
    ];
    for (const line of lines) io.out(line);
  }
  if (mark.kind === 'marked') return EXIT.done;
  io.err(unnoted(mark.why));
  return EXIT.differences;
}

function unnoted(why: string): string {
  return `The pause could not be noted in the control row: ${why}. \`ferry status\` does not know it, and a deployment that changes the mapping resumes it. Do not deploy, or run \`ferry pause --apply\` again first.`;
}

/** In a dry run, nothing was tried but to read the row. */
function unnotable(why: string): string {
  return `A pause can only be noted in the control row of the destination; at the moment, ${why}. With --apply, the mapping is disabled all the same. Without the note, \`ferry status\` does not know the pause, and a deployment that changes the mapping resumes it.`;
}
