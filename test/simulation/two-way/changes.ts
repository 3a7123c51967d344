// What operators change in a world: the epoch, and the homes of all items.

import { SECOND } from '../plan.ts';
import { SIDES, type TwoWayWorld } from './world.ts';

/** Longer than an invocation, and than what it gave up takes to land. */
const SETTLE_MS = 130 * SECOND;

/** Hosts first, one after the other; then each direction is paused, adopted and deployed. */
export async function raiseEpoch(world: TwoWayWorld): Promise<void> {
  const { scheduler } = world;
  const random = world.random('epoch');
  world.note('epoch raised');
  for (const host of world.hosts.all()) {
    host.epoch = 2;
    world.tell(() => `a host stamps with epoch 2`);
    await scheduler.sleep(random.next() * 3 * SECOND);
  }
  for (const side of SIDES) {
    await scheduler.sleep(random.next() * 20 * SECOND);
    await adopted(world, side);
  }
}

async function adopted(world: TwoWayWorld, side: (typeof SIDES)[number]): Promise<void> {
  const { mapping } = world.regions[side];
  mapping?.pause();
  await world.scheduler.sleep(SETTLE_MS);
  world.openEpoch(side);
  world.functions[side].deploy({ epoch: 2 });
  world.tell(() => `epoch 2 of the ${side}`);
  mapping?.resume();
}

/** Fence, drain, redeploy; then the applications write at the new homes. */
export async function moveHomes(world: TwoWayWorld): Promise<void> {
  const { scheduler } = world;
  world.note('homes moved');
  world.isFenced = true;
  world.tell(() => 'applications are fenced');
  if (world.mutation.movesAtOnce !== true)
    for (let quiet = 0; quiet < 8; ) {
      await scheduler.sleep(10 * SECOND);
      quiet = world.isQuiet() ? quiet + 1 : 0;
    }
  // Times of records are whole seconds.
  const movedMs = Math.ceil(scheduler.now() / SECOND + 1) * SECOND;
  for (const side of SIDES) world.functions[side].deploy({ epoch: 1, movedMs });
  world.movedMs = movedMs;
  world.tell(() => `all homes are on the other side since ${new Date(movedMs).toISOString()}`);
  await scheduler.sleep(movedMs - scheduler.now() + 10);
  world.isFenced = false;
  for (const go of world.whenOpened.splice(0)) go();
}
