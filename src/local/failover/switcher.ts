// Switches between the two Regions of a local run, as an operator makes them in the Region that is to be active: the other
// one is behind the faults, and the fence is the application's own.

import { type Credentials, fixedCredentials, sidesOf } from '../../aws/access.ts';
import { openSwitchPorts } from '../../composition/switch-ports.ts';
import type { Side } from '../../config/identity.ts';
import { FerryError } from '../../errors.ts';
import { newestEpoch } from '../../model/control-row.ts';
import { retry } from '../../pacing/retry.ts';
import type { Clock, Random } from '../../ports.ts';
import { readCopy } from '../../switching/copies.ts';
import { newSwitch, nextStep } from '../../switching/next-step.ts';
import type { Fence, SwitchPorts } from '../../switching/ports.ts';
import { proofIn, proofKey, type SwitchProof } from '../../switching/proof.ts';
import type { StepResult, SwitchRequest } from '../../switching/step.ts';
import type { BothDirections } from '../run/local-world.ts';

export interface SwitcherOptions {
  readonly both: BothDirections;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly random: Random;
  /** Lets the application write to a table, or keeps it from writing. */
  readonly admit: (side: Side, mayWrite: boolean) => Promise<void>;
  readonly onStep: (step: StepResult, kind: SwitchRequest['kind']) => void;
}

/** Work on both Regions, from one of them. */
export async function atPorts<Result>(
  target: Side,
  { both, credentials, clock, random, admit }: SwitcherOptions,
  { isLost = false }: { readonly isLost?: boolean },
  use: (ports: SwitchPorts) => Promise<Result>,
): Promise<Result> {
  const replication = replicationAt(target, both);
  const opened = await openSwitchPorts({
    replication,
    target,
    isLost,
    clock,
    random,
    sides: sidesOf(replication, fixedCredentials(credentials)),
    fencedByApplication: true,
    fences: { source: fenceOf('source', admit), destination: fenceOf('destination', admit) },
    environment: {},
    // A switch that has begun comes to its end.
    stop: new AbortController().signal,
  });
  try {
    return await use(opened.ports);
  } finally {
    opened.close();
  }
}

/** As the configuration file of an operator in that Region has it. */
export function replicationAt(target: Side, { outward, back }: BothDirections) {
  const { source, destination, switching, ...rest } = outward.replication;
  if (switching === undefined) throw new Error('a replication that cannot be switched');
  const isDestination = target === 'destination';
  return {
    ...rest,
    source: {
      ...source,
      endpoint: isDestination ? back.faults.endpoint : outward.source.endpoint,
      endpoints: outward.endpoints,
    },
    destination: {
      ...destination,
      endpoint: isDestination ? back.source.endpoint : outward.faults.endpoint,
    },
    switching: { ...switching, endpoints: back.endpoints },
  };
}

function fenceOf(side: Side, admit: SwitcherOptions['admit']): Fence {
  return {
    kind: 'application',
    async set({ fenced }) {
      if (fenced !== undefined) await admit(side, !fenced);
      return 0;
    },
    probe: async () => 'refused',
  };
}

/** A machine that is too busy may not answer in time. */
const RUNS_MAX = 5;

/**
 * Run again where a run fails, as an operator would: it takes the switch over.
 * @returns the proof of the newest epoch, once it is open; of a rejoin, of the one that was open before.
 * @throws FerryError `local.switch.unproven`, or what a step throws again and again.
 */
export async function runSwitch(
  kind: SwitchRequest['kind'],
  target: Side,
  options: SwitcherOptions,
): Promise<SwitchProof | undefined> {
  for (let run = 1; ; run += 1) {
    try {
      return await atPorts(target, options, { isLost: kind === 'lost' }, async (ports) => {
        await runOnce(kind, ports, options);
        const found = await readCopy(ports.target, ports);
        if (found.kind !== 'row') throw new Error(`the copy of the active side is ${found.kind}`);
        const key = proofKey(ports.replication, newestEpoch(found.row).n);
        return proofIn(await retry(() => ports.target.ledger.get(key), ports));
      });
    } catch (error) {
      if (run === RUNS_MAX || error instanceof FerryError) throw error;
    }
  }
}

async function runOnce(
  kind: SwitchRequest['kind'],
  ports: SwitchPorts,
  { clock, random, onStep }: SwitcherOptions,
): Promise<void> {
  const request = { kind, apply: true, by: 'ferry local', accepted: [], proof: 'tail' } as const;
  const state = newSwitch(request, random);
  for (;;) {
    const step = await nextStep(state, ports);
    onStep(step, kind);
    const { result, waitMs } = step;
    if (result?.kind === 'unproven' || result?.kind === 'cancelled')
      throw new FerryError(`The switch did not come to its end: ${result.why}.`, {
        code: 'local.switch.unproven',
        hint: 'Run it again.',
      });
    if (result !== undefined) return;
    await clock.sleep(waitMs);
  }
}
