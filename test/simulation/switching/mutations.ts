// What mutants of switches are made of: ports that say something else, and steps that are left out.

import type { TwinReader, TwinWriter } from '../../../src/ports.ts';
import type { WriteRequest } from '../../../src/model/write-request.ts';
import type { nextStep } from '../../../src/switching/next-step.ts';
import type { SwitchPorts, SwitchSide } from '../../../src/switching/ports.ts';
import type { SwitchState, SwitchWork } from '../../../src/switching/run.ts';
import type { StepResult, SwitchPhase } from '../../../src/switching/step.ts';
import { isOfControlRow } from '../judge.ts';
import type { Item } from '../memory-dynamodb.ts';
import { unconditional } from '../mutations.ts';
import type { SwitchMutation } from './mutant.ts';
import type { SwitchWorld } from './world.ts';

type Step = NonNullable<SwitchMutation['step']>;

export interface StepMade {
  readonly step: typeof nextStep;
  readonly state: SwitchState;
  readonly work: SwitchWork;
  readonly ports: SwitchPorts;
  readonly world: SwitchWorld;
}

/** Something else in some phases of a run. */
export const inPhases =
  (phases: readonly SwitchPhase[], instead: (made: StepMade) => Promise<StepResult>): Step =>
  (step, state, ports, world) => {
    const { work } = state;
    if (work === undefined || !phases.includes(work.phase)) return step(state, ports);
    return instead({ step, state, work, ports, world });
  };

/** Goes on with another phase, and does nothing. */
export function skipTo(work: SwitchWork, phase: SwitchPhase): Promise<StepResult> {
  work.phase = phase;
  const counts = { shards: 0, records: 0, keys: 0, behind: 0, applied: 0 };
  return Promise.resolve({ phase, counts, waitMs: 0 });
}

export function withSides(
  ports: SwitchPorts,
  change: (side: SwitchSide, name: 'old' | 'target') => SwitchSide,
): SwitchPorts {
  return { ...ports, old: change(ports.old, 'old'), target: change(ports.target, 'target') };
}

export function withoutComparison(request: WriteRequest): WriteRequest {
  if (request.operation !== 'PutItem' || !isOfControlRow(request)) return request;
  return { operation: 'PutItem', input: unconditional(request.input) };
}

/** A reader that finds every copy held by one run. */
export function heldBy(id: string, reader: TwinReader): TwinReader {
  return {
    ...reader,
    async read(request) {
      const reply = await reader.read(request);
      return { ...reply, items: reply.items.map((item) => withId(item, id)) };
    },
  };
}

function withId(item: Item, id: string): Item {
  const held = item['switch']?.M;
  return held === undefined ? item : { ...item, switch: { M: { ...held, id: { S: id } } } };
}

/** A writer that changes the control rows that it writes. */
export function rewriting(writer: TwinWriter, change: (item: Item) => Item): TwinWriter {
  return {
    write(request) {
      if (request.operation !== 'PutItem' || !isOfControlRow(request)) return writer.write(request);
      const Item = change(request.input.Item ?? {});
      return writer.write({ operation: 'PutItem', input: { ...request.input, Item } });
    },
  };
}
