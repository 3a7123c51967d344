// `ferry resume`: replicate again after a pause. It shows what it would do, and does it only with --apply.

import { utcTime } from '../status/pause.ts';
import { retry } from '../pacing/retry.ts';
import {
  controlNow,
  type PauseContext,
  planResume,
  resume,
  type ResumeResult,
} from '../switchover/pause.ts';
import type { EventSource } from '../ports.ts';
import type { Command } from './command.ts';
import { EXIT } from './output.ts';
import { leftLines, lossLines, mappingLines, resumedLines, titleOf } from './pause-result.ts';
import { atPausePlace, type PauseCall, pauseContext } from './pause.ts';
import { replicationFrom, replicationOptions } from './replication.ts';

export const resumeCommand: Command = {
  name: 'resume',
  options: {
    ...replicationOptions,
    apply: { help: 'do it: enable the event source mapping, and wait until it is enabled' },
    json: { help: 'print the result as one line of JSON' },
  },
  async run(options, io) {
    const replication = replicationFrom(options.text('config') ?? '', options);
    return atPausePlace({ options, io, replication }, run);
  },
};

async function run(call: PauseCall): Promise<number> {
  const context = pauseContext(call);
  const all = await retry(() => context.mappings.list(), context);
  const planned = planResume(all, await controlNow(context));
  const isEnabled = all.every(({ state }) => state === 'Enabled');
  const isKnown = planned.unreached === undefined;
  const isDone = isKnown && planned.paused === undefined && isEnabled;
  if (!call.options.has('apply') || isDone)
    return printPlan(call, { all, planned, isDone }, context);
  return goOn(call, context);
}

interface Plan {
  readonly all: readonly EventSource[];
  readonly planned: ResumeResult;
  readonly isDone: boolean;
}

function printPlan(
  { options, io, replication }: PauseCall,
  { all, planned, isDone }: Plan,
  { clock }: PauseContext,
): number {
  const { paused, enabled, left } = planned;
  if (options.has('json')) {
    const pausedSince = paused === undefined ? null : utcTime(paused.sinceMs);
    const mappings = all.map(({ id, state }) => ({ id, state }));
    const ids = (some: readonly EventSource[]) => some.map(({ id }) => id);
    const facts = { pausedSince, mappings, enabledMappings: ids(enabled), leftMappings: ids(left) };
    io.out(JSON.stringify({ replication: replication.name, apply: false, ...facts }));
    return isDone ? EXIT.done : EXIT.differences;
  }
  const lines = [
    titleOf(replication),
    ...mappingLines(all),
    ...(paused === undefined ? [] : [`It is paused since ${utcTime(paused.sinceMs)}.`]),
    ...(paused === undefined ? [] : lossLines(paused, replication, clock.now())),
    ...leftLines(left),
    ...(planned.unreached === undefined ? [] : [unknownPause(planned.unreached)]),
    ...(isDone ? ['It is not paused. There is nothing to do.'] : stepLines(planned)),
  ];
  for (const line of lines) io.out(line);
  return isDone ? EXIT.done : EXIT.differences;
}

/** What it would do. */
function stepLines({ paused, enabled }: ResumeResult): string[] {
  const steps = [
    ...(paused === undefined ? [] : ['take the pause out of the control row']),
    ...(enabled.length === 0 ? [] : ['enable the mapping, and wait until it is enabled']),
  ];
  return steps.length === 0
    ? ['It would change nothing.']
    : [`It would ${steps.join(', ')}. Nothing was changed. With --apply it does so.`];
}

async function goOn(call: PauseCall, context: PauseContext): Promise<number> {
  try {
    return printResumed(call, await resume(context), context.clock.now());
  } catch (error) {
    if (error !== call.io.interrupted.reason) throw error;
    call.io.err('Stopped. The mapping may still be disabled. Run it again.');
    return EXIT.differences;
  }
}

function printResumed(
  { options, io, replication }: PauseCall,
  result: ResumeResult,
  nowMs: number,
): number {
  const { paused, enabled, left } = result;
  if (options.has('json')) {
    const ids = (all: readonly EventSource[]) => all.map(({ id }) => id);
    const pausedSince = paused === undefined ? null : utcTime(paused.sinceMs);
    const facts = { pausedSince, enabledMappings: ids(enabled), leftMappings: ids(left) };
    io.out(JSON.stringify({ replication: replication.name, apply: true, ...facts }));
  } else {
    io.out(titleOf(replication));
    for (const line of resumedLines(result, replication, nowMs)) io.out(line);
  }
  if (result.unreached !== undefined) io.err(unresumed(result.unreached));
  return left.length === 0 && result.unreached === undefined ? EXIT.done : EXIT.differences;
}

function unknownPause(why: string): string {
  return `The control row cannot be read, so that it is not known whether a pause is written down: ${why}.`;
}

function unresumed(why: string): string {
  return `The control row could not be changed: ${why}. A pause may still be written down there. Then the function holds every record, and Lambda puts what gets too old into the on-failure bucket. When the destination answers again, run \`ferry resume --apply\` again.`;
}
