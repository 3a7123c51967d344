// What must have been kept of writes that have lost: nothing where the winner had seen them, nothing of a history
// without concurrent writes, and one loser of two concurrent puts.

import { parseLoser, type Loser } from '../../../src/model/loser.ts';
import type { Act } from './history.ts';
import { contentOf } from './judge.ts';
import { SIDES, type TwoWayWorld } from './world.ts';

export function* loserProblems(world: TwoWayWorld): Generator<string> {
  const { plan, judge } = world;
  const losers = losersOf(world);
  for (const loser of losers) yield* falseAlarm(loser, world);
  if (plan.kind === 'sequential') {
    if (judge.conflicts > 0) yield `conflict: ${judge.conflicts} of writes one after the other`;
    yield* sequenceProblems(world);
  }
  if (plan.kind === 'pair') yield* pairProblems(world, losers);
}

function losersOf({ functions }: TwoWayWorld): Loser[] {
  return SIDES.flatMap((side) =>
    [...functions[side].places.objects].flatMap(([name, body]) => {
      if (!name.startsWith('losers/')) return [];
      const found = parseLoser(body);
      if (found.kind !== 'loser') throw new Error(`an object ${name}: ${found.problem}`);
      return found.loser.kind === 'stray' ? [] : [found.loser];
    }),
  );
}

function* falseAlarm(loser: Loser, world: TwoWayWorld) {
  const { kind, keyText, key, lost, won, sequenceNumber } = loser;
  // While the record of the winner lags, a merge cannot know what that one had seen.
  if (sequenceNumber.startsWith('merge-')) return;
  const item = world.judge.item(key['pk']?.S ?? '');
  // What has expired and is skipped leaves no trace that a later put could have seen.
  if (kind !== 'replaced' || item.isStray || item.isLost || item.hasSkipped) return;
  if (item.isCopiedEarly) return;
  const [first, winner] = [contentOf(lost), contentOf(won)];
  const act = item.acts.get(winner ?? '');
  if (item.acts.get(first ?? '')?.count !== 1) return;
  if (act?.count === 1 && act.seen.has(first ?? ''))
    yield `alarm: ${first} of ${keyText} has lost to ${winner}, which had seen it`;
}

/** The last write wins. */
function* sequenceProblems(world: TwoWayWorld): Generator<string> {
  for (const item of world.judge.items.values()) {
    const last = item.inOrder().at(-1);
    const wanted = last?.kind === 'put' ? last.id : undefined;
    const found = contentOf(world.itemIn('east', item.key));
    if (found !== wanted) yield `last: ${item.key} is ${found}, and not ${wanted}`;
  }
}

function* pairProblems(world: TwoWayWorld, losers: readonly Loser[]): Generator<string> {
  for (const item of world.judge.items.values()) {
    const [first, second] = item.inOrder().slice(-2);
    if (first === undefined || second === undefined || !isPair(first, second)) continue;
    const found = losers.filter(({ key }) => key['pk']?.S === item.key);
    const there = contentOf(world.itemIn('east', item.key));
    const wanted = there === first.id ? second.id : first.id;
    const names = found.map(({ lost }) => contentOf(lost));
    if (names.length !== 1 || names[0] !== wanted)
      yield `losers: of ${first.id} and ${second.id}, ${names.join(' and ') || 'none'} is kept`;
  }
}

function isPair(first: Act, second: Act): boolean {
  const isConcurrent = !first.seen.has(second.id) && !second.seen.has(first.id);
  return first.kind === 'put' && second.kind === 'put' && isConcurrent;
}
