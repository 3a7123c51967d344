// What an operator does about items that strays or lost records have left unequal: a merge of each.

import { floorOf, requireSeries } from '../../../src/model/guard.ts';
import { type MergeContext, type MergeMode, mergeKey } from '../../../src/merge/merge-key.ts';
import { type BySide, bothSides, type MergeSide } from '../../../src/merge/sides.ts';
import type { ItemReader } from '../../../src/ports.ts';
import { destinationHealth } from '../../../src/replicate/destination-health.ts';
import { toWriteReply } from '../ports.ts';
import type { Side } from '../switching/plan.ts';
import { otherSide, type TwoWayWorld } from './world.ts';

const SIDE_OF: BySide<Side> = { 1: 'east', 2: 'west' };

/** Each item for which the rules promise nothing else. Faults are over by then. */
export async function mergeUnequal(world: TwoWayWorld): Promise<void> {
  if (world.mutation.mergesNothing === true) return;
  const context = withoutFaults(world);
  for (const item of world.judge.items.values()) {
    if (!item.isStray && !item.isLost) continue;
    item.isLostAgain = false;
    const [key, keyText] = [world.keys.keyOf(item.key), world.keys.textOf(item.key)];
    const result = await mergeKey({ key, keyText }, context, { prefer: 1 });
    world.note(`merge: ${result.kind}`);
    world.tell(() => `merge of ${item.key}: ${JSON.stringify(result)}`);
  }
}

/** Every request is done at once. */
function withoutFaults(world: TwoWayWorld): MergeContext {
  const { db, scheduler, regions } = world;
  const reader = (table: string): ItemReader => ({
    get: (key) => Promise.resolve(db.get(table, db.nameOf(table, key))),
  });
  return mergeContext(world, {
    clock: { now: () => Math.floor(scheduler.now()), sleep: () => Promise.resolve() },
    random: world.random('merge'),
    portsAt: (side) => ({
      table: reader(regions[side].table),
      ledger: reader(regions[side].ledger),
      twinWriter: {
        write: (request) =>
          Promise.resolve(toWriteReply(db.execute(request, { merge: request }), request)),
      },
    }),
  });
}

export interface MergeParts extends Pick<MergeContext, 'clock' | 'random'> {
  readonly portsAt: (side: Side) => Pick<MergeSide, 'table' | 'ledger' | 'twinWriter' | 'bucket'>;
}

/** As a command opens it. */
export function mergeContext(world: TwoWayWorld, { portsAt, ...parts }: MergeParts): MergeContext {
  const sides = bothSides((side) => ({
    rules: world.functions[otherSide(SIDE_OF[side])].rules,
    health: destinationHealth(),
    ...portsAt(SIDE_OF[side]),
  }));
  return {
    ...parts,
    sides,
    remainingMs: () => Infinity,
    heartbeats: new Set(['beat', 'beat-back'].map((name) => world.keys.textOf(name))),
    mode: modeOf(world),
  };
}

function modeOf({ plan, functions, regions }: TwoWayWorld): MergeMode {
  const { twoWay } = functions.east.rules;
  const epoch = twoWay?.epoch ?? 1;
  if (plan.mode === 'stamped' || twoWay?.mode !== 'home') return { mode: 'stamped', epoch };
  const directions = bothSides((side) => ({
    floor: floorOf(requireSeries(regions[SIDE_OF[side]].stream.arn, epoch)),
    epoch,
  }));
  return {
    mode: 'home',
    home: twoWay.home,
    regions: bothSides((side) => regions[SIDE_OF[side]].name),
    directions,
  };
}
