// What a switch does, in the words of the progress lines and of the live page.

import { APPLICATION_QUIET_MS, CLOSE_WAIT_MS } from '../../config/names.ts';
import type { SwitchPhase } from '../../switching/step.ts';

const seconds = (ms: number) => `${Math.round(ms / 1000)} s`;

export const PHRASES: Readonly<Partial<Record<SwitchPhase, string>>> = {
  ahead: 'Compares the twin with the stream, beside the traffic.',
  claiming: 'Claims both copies of the control row.',
  fencing: 'Has the application refuse writes.',
  auditing: `Reads the stream to its end, and looks up every key. Nothing new may come for ${seconds(APPLICATION_QUIET_MS)}.`,
  letters: 'Asks for dead letters and failed batches.',
  closing: 'Closes both copies of the control row: nobody may write.',
  waiting: `Waits ${seconds(CLOSE_WAIT_MS)}, until no lease is valid and no request is under way.`,
  'looking-again': 'Looks again at the stream, and at every key.',
  reopening: 'Has found something, and audits once more.',
  opening: 'Opens the next epoch.',
  telling: 'Tells the other Region.',
  'catching-up': 'Compares both tables, saves what differs, and waits for the way back.',
  classing: 'Says of each difference whether it has arrived, is stranded or overtaken.',
  repairing: 'Makes the old table as the active one is.',
};
