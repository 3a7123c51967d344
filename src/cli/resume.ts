// `ferry resume`: replicates again after a pause. Without --apply, it shows what it would do.

import { givesUp } from '../config/record-age.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { utcTime } from '../status/pause.ts';
import { retry } from '../pacing/retry.ts';
import { controlNow, planResume, resume, type ResumeResult } from '../switchover/pause.ts';
import type { EventSource } from '../ports.ts';
import { exitCode, printResult, titleOf, untilInterrupted } from './call.ts';
import type { Command } from './command.ts';
import { EXIT } from './output.ts';
import { leftLines, lossLines, mappingLines, resumedLines } from './pause-result.ts';
import { atPausePlace, type PauseCall } from './pause.ts';
import { replicationOptions } from './replication.ts';

export const resumeCommand: Command = {
  name: 'resume',
  options: {
    ...replicationOptions,
    apply: { help: 'enable the event source mapping, and wait until it is enabled' },
    json: { help: 'print the result as one line of JSON' },
  },
  run: (options, io) => atPausePlace({ options, io }, run),
};

async function run(call: PauseCall): Promise<number> {
  const { options, io, context } = call;
  const all = await retry(() => context.mappings.list(), context);
  const planned = planResume(all, await controlNow(context));
  const isEnabled = all.every(({ state }) => state === 'Enabled');
  const isKnown = planned.unreached === undefined;
  const isDone = isKnown && planned.paused === undefined && isEnabled;
  if (!options.has('apply') || isDone) return printPlan(call, { all, planned, isDone });
  const result = await untilInterrupted(io, () => resume(context));
  if (result !== undefined) return printResumed(call, result);
  io.err('Stopped. The mapping may still be disabled. Run the command again.');
  return EXIT.differences;
}

interface Plan {
  readonly all: readonly EventSource[];
  readonly planned: ResumeResult;
  readonly isDone: boolean;
}

function printPlan(call: PauseCall, { all, planned, isDone }: Plan): number {
  const { replication, context } = call;
  const { paused, left, unreached } = planned;
  const mappings = all.map(({ id, state }) => ({ id, state }));
  const pausedSince = sinceOf(planned);
  printResult(call, { apply: false, pausedSince, mappings, ...mappingFacts(planned) }, [
    titleOf(replication),
    ...mappingLines(all),
    ...(paused === undefined
      ? []
      : [
          `The replication is paused since ${pausedSince}.`,
          ...lossLines(paused, replication, context.clock.now()),
        ]),
    ...leftLines(left),
    ...(unreached === undefined ? [] : [unknownPause(unreached)]),
    ...(isDone ? ['The replication is not paused. There is nothing to do.'] : stepLines(planned)),
  ]);
  return exitCode(isDone);
}

function sinceOf({ paused }: ResumeResult): string | null {
  return paused === undefined ? null : utcTime(paused.sinceMs);
}

function mappingFacts({ enabled, left }: ResumeResult): object {
  const ids = (some: readonly EventSource[]) => some.map(({ id }) => id);
  return { enabledMappings: ids(enabled), leftMappings: ids(left) };
}

function stepLines({ paused, enabled }: ResumeResult): string[] {
  const steps = [
    ...(paused === undefined ? [] : ['remove the pause from the control row']),
    ...(enabled.length === 0 ? [] : ['enable the mapping, and wait until it is enabled']),
  ];
  return steps.length === 0
    ? ['Resume would change nothing.']
    : [`Resume would ${steps.join(', ')}. Nothing was changed. --apply makes these changes.`];
}

function printResumed(call: PauseCall, result: ResumeResult): number {
  const { io, replication, context } = call;
  const { left, unreached } = result;
  const facts = { apply: true, pausedSince: sinceOf(result), ...mappingFacts(result) };
  const lines = resumedLines(result, replication, context.clock.now());
  printResult(call, facts, [titleOf(replication), ...lines]);
  if (unreached !== undefined) io.err(unresumed(unreached, replication));
  return exitCode(left.length === 0 && unreached === undefined);
}

function unknownPause(why: string): string {
  return `The control row cannot be read, so it is unknown whether a pause is noted: ${why}.`;
}

function unresumed(why: string, replication: ReplicationConfig): string {
  return `The control row could not be changed: ${why}. It may still have a pause. Then the function holds every record, and Lambda ${givesUp(replication, 'records that are too old')}. When the destination responds again, run \`ferry resume --apply\` again.`;
}
