// Client and destination on a core each, as far as the machine can: a Lambda of 1,769 MiB has one core.

import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Of Linux; its name is an argument below. */
const PIN = 'taskset';
const canPin =
  availableParallelism() > 1 && spawnSync(PIN, ['--version'], { stdio: 'ignore' }).status === 0;

export const pinning = canPin
  ? 'client on one core, destination on another'
  : `not pinned to cores: ${PIN} is missing, or there is only one core`;

/** The command that runs `command` on core `number`. */
export function onCore(
  number: 0 | 1,
  command: readonly [string, ...string[]],
): readonly [string, ...string[]] {
  return canPin ? [PIN, '--cpu-list', String(number), ...command] : command;
}

/** Moves a process that runs. */
export function moveToCore(number: 0 | 1, pid: number): void {
  if (canPin) spawnSync(PIN, ['--all-tasks', '--pid', '--cpu-list', String(number), String(pid)]);
}
