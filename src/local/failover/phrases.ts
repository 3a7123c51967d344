// What a switch does, in the words of the progress lines and of the live page.

import { APPLICATION_QUIET_MS } from '../../config/names.ts';
import type { SwitchPhase, SwitchRequest } from '../../switching/step.ts';

const PHRASES: Readonly<Partial<Record<SwitchPhase, string>>> = {
  ahead: 'Compares the twin with the stream, beside the traffic.',
  claiming: 'Claims both copies of the control row.',
  fencing: 'Has the application of the old side refuse writes.',
  auditing: `Reads the stream to its end, and looks up every key. Nothing new may come for ${APPLICATION_QUIET_MS / 1000} s.`,
  letters: 'Asks for dead letters and failed batches.',
  closing: 'Closes the control row: no function may write.',
  waiting: 'Waits until no lease is valid and no request is under way.',
  'looking-again': 'Looks again at the stream, and at every key.',
  reopening: 'Has found something, and audits once more.',
  opening: 'Opens the next epoch.',
  telling: 'Tells the other Region.',
  comparing: 'Compares both tables, and saves every item that differs.',
  'catching-up': 'Waits until the way back has caught up.',
  classing: 'Says of each difference whether it has arrived, is stranded or overtaken.',
  repairing: 'Makes the old table as the active one is.',
};

/** @returns undefined where there is nothing to tell. */
export function phraseOf(phase: SwitchPhase, kind: SwitchRequest['kind']): string | undefined {
  // A Region that is lost has no fence.
  return kind === 'lost' && phase === 'fencing' ? undefined : PHRASES[phase];
}
