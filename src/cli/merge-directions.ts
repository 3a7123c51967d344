// A command about both directions of a replication at once, whichever of its two names is given.

import { operatorSides } from '../composition/operator-access.ts';
import type { MergeDirection } from '../composition/merge.ts';
import { otherDirection } from '../config/directions.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { BySide } from '../merge/sides.ts';
import { wrongOption } from './arguments.ts';
import { aboutReplication, type Call, type GivenCall } from './call.ts';
import { selectedPair } from './replication.ts';

export interface BothCall extends Call {
  /** By the side that is the source of each. */
  readonly directions: BySide<MergeDirection>;
}

interface BothWork {
  readonly hint: string;
  readonly run: (call: BothCall) => Promise<number>;
}

/** @throws UsageError where the replication has one direction. */
export async function onBothDirections(given: GivenCall, work: BothWork): Promise<number> {
  const replication = await selectedPair(given.options);
  requireBoth(replication, given);
  const { hint } = work;
  return aboutReplication(replication, given, {
    hint,
    async run(call) {
      const { options, io, sides } = call;
      const back = otherDirection(replication);
      const needs = { apply: options.has('apply'), environment: io.environment };
      const backSides = await operatorSides(back, needs);
      const directions = {
        1: { replication, sides },
        2: { replication: back, sides: backSides },
      };
      return work.run({ ...call, directions });
    },
  });
}

function requireBoth({ name, twoWay }: ReplicationConfig, { options }: GivenCall): void {
  if (twoWay !== undefined) return;
  throw wrongOption(
    `ferry ${options.command} is for replications with "direction": "both", and ${name} has one direction.`,
    'For one direction, use `ferry verify` and `ferry repair`.',
  );
}
