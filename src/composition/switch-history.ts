// The line that the function `ferry-switch` adds to the history of each table that it has switched, or has failed to.

import type { HistoryEntry } from '../history/entry.ts';
import type { LayerTask } from '../switching/layers.ts';
import { logLine } from './function-output.ts';
import { historyHomes, keepInHistory } from './history.ts';
import type { FunctionSwitch, SwitchPlace } from './switch-function.ts';

export type SwitchEnding = Pick<HistoryEntry, 'outcome' | 'counts' | 'result' | 'error'>;

interface Switched {
  readonly task: LayerTask;
  /** ARN of the execution. */
  readonly run: string;
  readonly startedAtMs: number;
}

interface Here extends Pick<SwitchPlace, 'region' | 'environment' | 'clock'> {
  /** Of the function. */
  readonly arn: string;
}

/** In this Region, unless only the other one takes it. What cannot be written is logged. */
export async function keepSwitch(
  { task, run, startedAtMs }: Switched,
  { replication, sides }: Pick<FunctionSwitch, 'replication' | 'sides'>,
  ending: SwitchEnding,
  { region, environment, clock, arn }: Here,
): Promise<void> {
  const { operation, sourceLost, fencedByApplication, acceptedLetters } = task;
  const homes = historyHomes(replication, sides, environment);
  const isHere = ({ access }: (typeof homes)[number]) => access.region === region;
  const problem = await keepInHistory(
    {
      startedAt: new Date(startedAtMs).toISOString(),
      endedAt: new Date(clock.now()).toISOString(),
      by: arn,
      command: operation,
      replication: task.replication,
      options: {
        ...(sourceLost && { 'source-lost': true }),
        ...(fencedByApplication && { 'fenced-by-application': true }),
        ...(acceptedLetters.length > 0 && { 'accept-letters': true }),
        execution: run,
      },
      ...ending,
    },
    homes.toSorted((a, b) => Number(isHere(b)) - Number(isHere(a))),
  );
  if (problem !== undefined) logLine({ event: 'history.unwritten', problem });
}
