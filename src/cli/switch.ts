// One switch of one replication, for every command that switches: opens both sides, goes on step by step, and prints how
// it ended. It may be stopped at any step: another run goes on.

import { systemRandom, systemClock } from '../aws/system-clock.ts';
import { activeDirection, readCopies } from '../composition/active-direction.ts';
import { type OpenSwitch, openSwitchPorts, requireSwitching } from '../composition/switch-ports.ts';
import type { Side } from '../config/identity.ts';
import { activeRegion } from '../model/active-region.ts';
import { sleep } from '../pacing/sleep.ts';
import { newSwitch, nextStep } from '../switching/next-step.ts';
import { exitCodeOf, type StepResult, type SwitchRequest } from '../switching/step.ts';
import { type Call, printResult, titleOf, untilInterrupted, withOpen } from './call.ts';
import { EXIT, type Io } from './output.ts';
import { switchProgress } from './switch-progress.ts';
import { switchFacts, switchLines } from './switch-result.ts';

export const SWITCH_HINT =
  'If the switch has begun, run the same command again, which goes on, or run it with --cancel.';

export interface Switching {
  /** As people type it. */
  readonly command: string;
  readonly target: Side;
  readonly request: SwitchRequest;
  readonly fencedByApplication: boolean;
}

export function runSwitch(call: Call, switching: Switching): Promise<number> {
  const { request, fencedByApplication, target } = switching;
  const isLost = request.kind === 'lost';
  return withOpen(openFor(call, { target, fencedByApplication, isLost }), async (opened) => {
    if (request.kind === 'switch' || request.kind === 'drain') await opened.check();
    return goThrough(call, switching, opened);
  });
}

/** @throws FerryError as `openSwitchPorts` does. */
export function openFor(
  { replication, sides, io }: Call,
  place: Pick<Parameters<typeof openSwitchPorts>[0], 'target' | 'fencedByApplication' | 'isLost'>,
): Promise<OpenSwitch> {
  requireSwitching(replication);
  const { clock = systemClock, environment, interrupted: stop } = io;
  return openSwitchPorts({
    ...place,
    replication,
    sides,
    environment,
    clock,
    random: systemRandom,
    stop,
  });
}

async function goThrough(call: Call, switching: Switching, { ports }: OpenSwitch): Promise<number> {
  const { io, replication } = call;
  const { command, request } = switching;
  const state = newSwitch(request, ports.random);
  const tell = switchProgress(ports, request.kind, io);
  let latest: StepResult | undefined;
  const result = await untilInterrupted(io, async () => {
    for (;;) {
      latest = await nextStep(state, ports);
      tell(latest);
      if (latest.result !== undefined) return latest.result;
      await sleep(latest.waitMs, ports);
    }
  });
  if (result === undefined) return stopped(switching, latest, io);
  const operation = command.replace('ferry ', '');
  printResult(call, { operation, apply: request.apply, ...switchFacts(result) }, [
    titleOf(replication),
    ...switchLines(result, command),
  ]);
  return exitCodeOf({ result, asked: request });
}

/** Phases in which nothing has been changed yet. */
const UNCHANGED = ['checking', 'ahead', 'measuring', 'claiming'];

function stopped({ command, request }: Switching, latest: StepResult | undefined, io: Io): number {
  const phase = latest?.phase ?? 'checking';
  io.err(
    !request.apply || UNCHANGED.includes(phase)
      ? 'Stopped. Nothing was changed.'
      : `Stopped at "${phase}". What was refused stays refused. Run \`${command} --apply\` again to go on, or with --cancel to undo it.`,
  );
  return EXIT.differences;
}

/** The side that is active now, whether or not the other one answers. */
export async function activeSide({ replication, sides, io }: Call): Promise<Side> {
  requireSwitching(replication);
  const state = activeRegion(await readCopies(replication, sides, io.interrupted));
  return activeDirection(replication, state) === 'out' ? 'source' : 'destination';
}

export const otherSide = (side: Side): Side => (side === 'source' ? 'destination' : 'source');

/** A failover activates the destination of the configuration, a failback its source. */
export const TARGETS = { failover: 'destination', failback: 'source' } as const satisfies Record<
  string,
  Side
>;

export type SwitchCommand = keyof typeof TARGETS;
