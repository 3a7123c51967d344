// One bounded piece of a switch: the commands, the switch function and local mode call it until an answer has a result.
// All that lasts is in the copies of the control row: a run that is killed is taken over by another, which claims the
// record and audits again.

import { audit, askForLetters, auditAhead, compare } from './auditing.ts';
import { check } from './checking.ts';
import { cancel, claim, probeFence, raiseFence, release, unfence } from './fencing.ts';
import { admit, close, lookAgain, open, reopen, repairAccepted, tell, wait } from './opening.ts';
import { nextLostStep } from './lost.ts';
import { nextRejoinStep } from './rejoin.ts';
import type { SwitchPorts } from './ports.ts';
import type { Phase, SwitchState } from './run.ts';
import type { StepResult, SwitchPhase } from './step.ts';

export { newSwitch, type SwitchState } from './run.ts';

/** Of a planned switch. */
const PHASES: Readonly<Partial<Record<SwitchPhase, Phase>>> = {
  ahead: auditAhead,
  claiming: claim,
  fencing: raiseFence,
  probing: probeFence,
  auditing: audit,
  comparing: compare,
  letters: askForLetters,
  closing: close,
  waiting: wait,
  'looking-again': lookAgain,
  reopening: reopen,
  opening: open,
  admitting: admit,
  telling: tell,
  repairing: repairAccepted,
  releasing: release,
  cancelling: cancel,
  unfencing: unfence,
};

/**
 * @throws UsageError `switching.taken` for the switch of another run, FerryError where the copies or the fence cannot be
 *   used, or what a request throws: another run may take over then.
 */
export async function nextStep(state: SwitchState, ports: SwitchPorts): Promise<StepResult> {
  ports.stop.throwIfAborted();
  if (state.request.kind === 'lost') return nextLostStep(state, ports);
  if (state.request.kind === 'rejoin') return nextRejoinStep(state, ports);
  const { work } = state;
  if (work === undefined) return check(state, ports);
  const phase = PHASES[work.phase];
  if (phase === undefined) throw new Error(`a switch that is ${work.phase}`);
  return phase(work, ports);
}
