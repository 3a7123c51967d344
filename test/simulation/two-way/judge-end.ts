// What must hold when everything has been handled: both tables are equal, and the largest version is there.

import type { Version } from '../../../src/model/guard.ts';
import { SECOND } from '../plan.ts';
import { clockErrorMs } from './histories.ts';
import type { Act, ItemHistory } from './history.ts';
import { contentOf, shortVersion, versionOf } from './judge.ts';
import { SIDES, type TwoWayWorld } from './world.ts';

/** One line for each problem: a kind, and what is wrong. */
export function* endProblems(world: TwoWayWorld): Generator<string> {
  for (const item of world.judge.items.values()) {
    if (item.isLost) continue;
    if (world.plan.mode === 'home') yield* homeProblems(item, world);
    else yield* stampedProblems(item, world);
  }
}

function* homeProblems(item: ItemHistory, world: TwoWayWorld): Generator<string> {
  if (item.isStray || item.hasSkipped) return;
  const home = world.homeOf(item.key);
  const [there, away] = [home, home === 'east' ? ('west' as const) : ('east' as const)].map(
    (side) => contentOf(world.itemIn(side, item.key)),
  );
  if (there !== away) yield `equal: ${item.key} is ${there} at home, and ${away} away from it`;
  const last = item.inOrder().findLast(({ side, atMs }) => side === world.homeOf(item.key, atMs));
  if (last === undefined) return;
  const wanted = last.kind === 'put' ? last.id : undefined;
  if (there !== wanted) yield `home: ${item.key} is ${there} at home, which has written ${wanted}`;
}

function* stampedProblems(item: ItemHistory, world: TwoWayWorld): Generator<string> {
  const [east, west] = SIDES.map((side) => world.itemIn(side, item.key));
  const deleted = deletedVersion(item, world);
  const largest = item.largest();
  if (item.isStray && !isSettled(world, [largest, deleted])) return;
  const hasDelete = item.inOrder().some(({ kind }) => kind !== 'put');
  // A version that goes without a delete may be undercut by a slow clock.
  if (item.hasSkipped && item.falls.length > 0) return;
  const [a, b] = [east, west].map((one) =>
    one === undefined ? 'nothing' : `${contentOf(one)} at ${versionOf(one)}`,
  );
  if (a !== b) yield `equal: ${item.key} is ${a} in the east, and ${b} in the west`;
  if (deleted !== '' && !hasDelete) yield `deleted: ${item.key}, and no application has deleted it`;
  const isThere = east !== undefined;
  if (!isThere && !hasDelete) yield `absent: ${item.key}, which no application has deleted`;
  if (item.hasSkipped) return;
  if (isThere !== largest > deleted || (isThere && versionOf(east) !== largest))
    yield `largest: ${item.key} is ${a}, with ${shortVersion(largest)} put and ${shortVersion(deleted || undefined)} deleted`;
  yield* fallProblems(item, deleted);
  yield* lostProblems(item, contentOf(east), world);
}

/** Where a new epoch has begun, everything of an older one is older. */
function isSettled({ plan }: TwoWayWorld, [put, deleted]: readonly [Version, Version]): boolean {
  return plan.kind === 'epoch' && put > deleted && put.startsWith('0002');
}

function deletedVersion({ key }: ItemHistory, world: TwoWayWorld): Version {
  return SIDES.reduce((high, side) => {
    const found = world.row(side, key)?.['d']?.S ?? '';
    return found > high ? found : high;
  }, '');
}

function* fallProblems({ key, falls }: ItemHistory, deleted: Version): Generator<string> {
  for (const { side, version } of falls)
    if (version >= deleted) yield `fall: ${key} in the ${side} to ${version}, above every delete`;
}

/** What comes after another write, seen or by the clock, does not lose to it. */
function* lostProblems(
  item: ItemHistory,
  content: string | undefined,
  world: TwoWayWorld,
): Generator<string> {
  const acts = item.inOrder();
  const found = acts.find(({ id }) => id === content);
  const seenBy =
    found?.count === 1 && acts.find(({ seen, kind }) => seen.has(found.id) && kind !== 'expire');
  // Where a slow clock has put an item again below a delete, a put that has seen it through a merge may be below that, too.
  if (seenBy && !item.isCopiedEarly)
    yield `causal: ${item.key} is ${content}, which ${seenBy.id} had seen`;
  const last = acts.at(-1);
  // A stamp of an older epoch is older, whenever it was made.
  if (last === undefined || world.plan.kind === 'epoch' || !isLater(last, acts, world)) return;
  if (last.id !== content) yield `later: ${item.key} is ${content}, and ${last.id} came later`;
}

function isLater(last: Act, acts: readonly Act[], world: TwoWayWorld): boolean {
  if (last.kind !== 'put' || !last.isStamped || last.expires || last.count > 1) return false;
  const errorMs = 2 * clockErrorMs(world.plan) + SECOND + 100;
  return acts.every(
    (one) =>
      one === last || (one.kind === 'expire' ? one.atMs : one.atMs + errorMs) < last.stampedAtMs,
  );
}

/** What was merged is equal, whatever has been before. */
export function* mergeProblems(world: TwoWayWorld): Generator<string> {
  for (const { key, isStray, isLost, isLostAgain } of world.judge.items.values()) {
    if ((!isStray && !isLost) || isLostAgain) continue;
    const [east, west] = SIDES.map((side) => contentOf(world.itemIn(side, key)));
    if (east !== west) yield `merged: ${key} is ${east} in the east, and ${west} in the west`;
  }
}

/** Contents of both tables, by key and side. */
export function contentsOf(world: TwoWayWorld): Map<string, string> {
  const contents = new Map<string, string>();
  for (const key of world.judge.items.keys())
    for (const side of SIDES) {
      const found = contentOf(world.itemIn(side, key));
      if (found !== undefined) contents.set(`${key} in the ${side}`, found);
    }
  return contents;
}

/** In rare cases, the winner of an old conflict changes: it is counted. */
export function* redeliveryProblems(
  world: TwoWayWorld,
  before: ReadonlyMap<string, string>,
): Generator<string> {
  const after = contentsOf(world);
  for (const key of world.judge.items.keys()) {
    const item = world.judge.item(key);
    if (item.isLost || item.isStray || item.hasSkipped) continue;
    const isSame = SIDES.every(
      (side) => before.get(`${key} in the ${side}`) === after.get(`${key} in the ${side}`),
    );
    if (isSame) continue;
    if (world.plan.mode === 'home') yield `redelivered: ${key} is not what it was before`;
    else world.note('redelivery has changed a winner');
  }
}
