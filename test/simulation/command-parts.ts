// What the commands of an operator have in common, and the workers of a bulk run with them.

import { requireControl } from '../../src/composition/control.ts';
import type { ControlRow } from '../../src/model/control-row.ts';
import { floorIn } from '../../src/redrive/replay.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

/**
 * The control row for a command that writes: read, or written, and compared with the tables.
 * @param streamArn of the source now, or as the command that began the work has found it.
 */
export async function controlFor(
  process: Process,
  world: World,
  streamArn = world.source.stream.arn,
): Promise<ControlRow> {
  const { reader: twinReader, twinWriter } = world.ports(process);
  const target = process.facts.settings;
  const demand = { apply: true, streamArn };
  return requireControl({ rules: target, twinReader, twinWriter }, demand, basics(process, world));
}

/** Below every record of the source's stream, unless a mutant has another idea. */
export function floorFor(
  control: ControlRow,
  world: World,
  streamArn = world.source.stream.arn,
): string {
  const floor = floorIn(control, [streamArn]);
  return world.mutation.floor?.(floor) ?? floor;
}

/** What every command has. */
export function basics(process: Process, world: World) {
  const { random } = process.facts;
  const stop = new AbortController().signal;
  return { clock: world.clockOf(process), random, stop };
}
