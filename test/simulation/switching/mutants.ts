// Broken Ferries that switch, each with one mistake that the protocol warns of. The judge must catch every one.

import type { SwitchMutation } from './mutant.ts';
import { MUTANTS_OF_LOSSES } from './mutants-of-losses.ts';
import { MUTANTS_OF_THE_AUDIT } from './mutants-of-the-audit.ts';
import { MUTANTS_OF_THE_LEASE } from './mutants-of-the-lease.ts';
import { MUTANTS_OF_THE_STEPS } from './mutants-of-the-steps.ts';

export interface SwitchMutant extends SwitchMutation {
  readonly name: string;
  /** A seed that has caught it. */
  readonly caughtBy: number;
  /** Seeds within which it must be caught, whatever the first. */
  readonly seedsMax: number;
}

export const SWITCH_MUTANTS: readonly SwitchMutant[] = [
  ...MUTANTS_OF_THE_LEASE,
  ...MUTANTS_OF_THE_AUDIT,
  ...MUTANTS_OF_THE_STEPS,
  ...MUTANTS_OF_LOSSES,
];
