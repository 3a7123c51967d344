// What a broken Ferry is made of: each part stands in for one of the production code's, without changing it.

import type { ControlKeeper } from '../../../src/replicate/control-keeper.ts';
import type { Lease, LeaseSetup, Permit } from '../../../src/replicate/lease.ts';
import type { replicateBatch } from '../../../src/replicate/replicate-batch.ts';
import type { WriteRequest } from '../../../src/model/write-request.ts';
import type { SwitchState } from '../../../src/switching/run.ts';
import type { StepResult } from '../../../src/switching/step.ts';
import type { nextStep } from '../../../src/switching/next-step.ts';
import type { SwitchPorts } from '../../../src/switching/ports.ts';
import type { Process } from '../process.ts';
import type { DirectionFunction } from './function.ts';
import type { SwitchWorld } from './world.ts';

export interface SwitchMutation {
  /** Another request in the place of the one that Ferry sends. */
  readonly rewrite?: (request: WriteRequest, process: Process, world: SwitchWorld) => WriteRequest;
  readonly lease?: (setup: LeaseSetup, world: SwitchWorld) => LeaseSetup;
  readonly leaseOf?: (lease: Lease, world: SwitchWorld) => Lease;
  readonly control?: (keeper: ControlKeeper, of: DirectionFunction) => ControlKeeper;
  /** Of a command. */
  readonly permit?: (permit: Permit, process: Process) => Permit;
  /** One step of an operator. */
  readonly step?: (
    step: typeof nextStep,
    state: SwitchState,
    ports: SwitchPorts,
    world: SwitchWorld,
  ) => Promise<StepResult>;
  readonly switchPorts?: (ports: SwitchPorts, world: SwitchWorld) => SwitchPorts;
  /** The event source mapping of a direction begins at LATEST when its source is opened. */
  readonly isEnabledLate?: boolean;
  /** Of what was stranded, each item is replayed by name, whatever has become of it. */
  readonly replaysAll?: boolean;
  /** The function stores nothing under stranded/. */
  readonly keepsNothing?: boolean;
  readonly replicate?: (
    replicate: typeof replicateBatch,
    of: DirectionFunction,
  ) => typeof replicateBatch;
}
