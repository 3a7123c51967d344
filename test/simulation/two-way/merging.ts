// What an operator does about items that strays or lost records have left unequal: a merge of each.

import { floorOf, requireSeries } from '../../../src/model/guard.ts';
import { type MergeContext, mergeKey } from '../../../src/merge/merge-key.ts';
import { type BySide, bothSides } from '../../../src/merge/sides.ts';
import type { ItemReader } from '../../../src/ports.ts';
import { destinationHealth } from '../../../src/replicate/destination-health.ts';
import { toWriteReply } from '../ports.ts';
import type { Side } from '../switching/plan.ts';
import type { TwoWayWorld } from './world.ts';

const SIDE_OF: BySide<Side> = { 1: 'east', 2: 'west' };

/** Each item for which the rules promise nothing else. Faults are over by then. */
export async function mergeUnequal(world: TwoWayWorld): Promise<void> {
  if (world.mutation.mergesNothing === true) return;
  const context = contextOf(world);
  for (const item of world.judge.items.values()) {
    if (!item.isStray && !item.isLost) continue;
    const [key, keyText] = [world.keys.keyOf(item.key), world.keys.textOf(item.key)];
    const result = await mergeKey({ key, keyText }, context, { prefer: 1 });
    world.note(`merge: ${result.kind}`);
    world.tell(() => `merge of ${item.key}: ${JSON.stringify(result)}`);
  }
}

function contextOf(world: TwoWayWorld): MergeContext {
  const { db, functions, scheduler, plan } = world;
  const clock = { now: () => Math.floor(scheduler.now()), sleep: () => Promise.resolve() };
  const reader = (table: string): ItemReader => ({
    get: (key) => Promise.resolve(db.get(table, db.nameOf(table, key))),
  });
  const rulesTo = bothSides((side) => functions[SIDE_OF[side] === 'east' ? 'west' : 'east'].rules);
  const sides = bothSides((side) => ({
    rules: rulesTo[side],
    health: destinationHealth(),
    table: reader(rulesTo[side].destinationTable),
    ledger: reader(rulesTo[side].stateTable),
    twinWriter: {
      write: (request: Parameters<typeof toWriteReply>[1]) =>
        Promise.resolve(toWriteReply(db.execute(request, { merge: true }), request)),
    },
  }));
  const { twoWay } = functions.east.rules;
  const epoch = twoWay?.epoch ?? 1;
  const directions = bothSides((side) => ({
    floor: floorOf(requireSeries(world.regions[SIDE_OF[side]].stream.arn, epoch)),
    epoch,
  }));
  const regions = bothSides((side) => world.regions[SIDE_OF[side]].name);
  return {
    clock,
    random: world.random('merge'),
    remainingMs: () => Infinity,
    sides,
    heartbeats: new Set(['beat', 'beat-back'].map((name) => world.keys.textOf(name))),
    mode:
      plan.mode === 'home' && twoWay?.mode === 'home'
        ? { mode: 'home', home: twoWay.home, regions, directions }
        : { mode: 'stamped', epoch },
  };
}
