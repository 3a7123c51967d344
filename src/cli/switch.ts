// One switch of one replication, for every command that switches: opens both sides, goes on step by step, and prints how
// it ended. It may be stopped at any step: another run goes on.

import { systemRandom, systemClock } from '../aws/system-clock.ts';
import type { Sides } from '../aws/access.ts';
import { activeDirection, readCopies } from '../composition/active-direction.ts';
import { controlNow } from '../composition/pause-place.ts';
import { otherDirection, outward } from '../config/directions.ts';
import { type OpenSwitch, openSwitchPorts, requireSwitching } from '../composition/switch-ports.ts';
import type { Side } from '../config/identity.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { FerryError, UsageError } from '../errors.ts';
import { activeRegion } from '../model/active-region.ts';
import { sleep } from '../pacing/sleep.ts';
import { newSwitch, nextStep } from '../switching/next-step.ts';
import {
  exitCodeOf,
  type StepResult,
  type SwitchPhase,
  type SwitchRequest,
} from '../switching/step.ts';
import { type Call, printResult, titleOf, untilInterrupted, withOpen } from './call.ts';
import type { ParsedOptions } from './command.ts';
import { EXIT, type Io } from './output.ts';
import { selectedReplication } from './replication.ts';
import { lostOptions } from './switch-options.ts';
import { switchProgress } from './switch-progress.ts';
import { switchFacts, switchLines } from './switch-result.ts';

export const SWITCH_HINT =
  'If the switch has begun, run the same command again, which goes on, or run it with --cancel.';

export interface Switching {
  /** As people type it. */
  readonly command: string;
  readonly target: Side;
  readonly request: SwitchRequest;
  /** @default as the option of the command says */
  readonly fencedByApplication?: boolean | undefined;
}

/** @throws UsageError also where both copies do not allow a switch: nothing has been changed then. */
export async function runSwitch(call: Call, switching: Switching): Promise<number> {
  try {
    return await opened(call, switching);
  } catch (cause) {
    if (!(cause instanceof FerryError) || !REFUSALS.includes(cause.code)) throw cause;
    const { code, message, hint = '' } = cause;
    throw new UsageError(message, { code, hint, cause });
  }
}

/** What both copies of the control row may say. */
const REFUSALS: readonly string[] = [
  'control.stream',
  'control.unreadable',
  'switching.apart',
  'switching.copy',
  'switching.not-adopted',
];

function opened(call: Call, switching: Switching): Promise<number> {
  const { request, target } = switching;
  const promised = call.options.has('fenced-by-application');
  const { fencedByApplication = promised } = switching;
  const isLost = request.kind === 'lost';
  return withOpen(openFor(call, { target, fencedByApplication, isLost }), async (open) => {
    if (request.kind === 'switch' || request.kind === 'drain') await open.check();
    return goThrough(call, switching, open);
  });
}

/** @throws FerryError as `openSwitchPorts` does. */
export function openFor(
  { replication, sides, io }: Call,
  place: Pick<Parameters<typeof openSwitchPorts>[0], 'target' | 'fencedByApplication' | 'isLost'>,
): Promise<OpenSwitch> {
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
  let hasBegun = false;
  const result = await untilInterrupted(io, async () => {
    for (;;) {
      latest = await nextStep(state, ports);
      tell(latest);
      hasBegun ||= request.apply && !UNCHANGED.includes(latest.phase);
      if (latest.result !== undefined) return latest.result;
      await sleep(latest.waitMs, ports);
    }
  });
  if (result === undefined) return stopped(switching, io, hasBegun ? latest?.phase : undefined);
  const operation = command.replace('ferry ', '');
  printResult(call, { operation, apply: request.apply, ...switchFacts(result) }, [
    titleOf(replication),
    ...switchLines(result, { ...switching, hasBegun }),
  ]);
  return exitCodeOf({ result, asked: request });
}

/** Phases in which nothing has been changed yet. */
const UNCHANGED: readonly SwitchPhase[] = ['checking', 'ahead', 'measuring', 'claiming', 'done'];

function stopped({ command, request }: Switching, io: Io, phase?: SwitchPhase): number {
  const { kind } = request;
  const lost = `${lostOptions(request)} `;
  const option = { lost, cancel: '--cancel ', drain: '', switch: '', rejoin: '' }[kind];
  const isUndone = kind === 'drain' || kind === 'switch';
  io.err(
    phase === undefined
      ? 'Stopped. This run has changed nothing.'
      : `Stopped at "${phase}". What was refused stays refused. Run \`${command} ${option}--apply\` again to go on${isUndone ? ', or with --cancel to undo it' : ''}.`,
  );
  return EXIT.differences;
}

/** As the configuration has it, also where a function beside the destination has told it. */
export async function switchableReplication(options: ParsedOptions): Promise<ReplicationConfig> {
  const replication = await selectedReplication(options);
  requireSwitching(replication);
  return outward(replication);
}

/** The side that is active now, whether or not the other one answers. */
export async function activeSide({ replication, sides, io }: Call): Promise<Side> {
  const copies = await readCopies(replication, sides, io.interrupted);
  const isCutOff = copies.every(({ found }) => found.kind === 'unreached');
  // Neither Region answers, and says why.
  if (isCutOff) await controlNow(otherDirection(replication), exchanged(sides));
  const state = activeRegion(copies);
  return activeDirection(replication, state) === 'out' ? 'source' : 'destination';
}

const exchanged = ({ source, destination }: Sides): Sides => ({
  source: destination,
  destination: source,
});

export const otherSide = (side: Side): Side => (side === 'source' ? 'destination' : 'source');

/** A failover activates the destination of the configuration, a failback its source. */
export const TARGETS = { failover: 'destination', failback: 'source' } as const satisfies Record<
  string,
  Side
>;

export type SwitchCommand = keyof typeof TARGETS;
