// Client and destination on a core each, as far as the machine can: a Lambda of 1,769 MiB has one core.

import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

const canPin =
  availableParallelism() > 1 &&
  spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status === 0;

export const pinning = canPin
  ? 'client on one core, destination on another'
  : 'not pinned to cores: taskset is missing, or there is only one core';

/** The command that runs `command` on core `number`. */
export function onCore(
  number: 0 | 1,
  command: readonly [string, ...string[]],
): readonly [string, ...string[]] {
  return canPin ? ['taskset', '--cpu-list', String(number), ...command] : command;
}
