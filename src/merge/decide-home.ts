// An item that has a home, as it was read on both sides -> the write that makes the other side equal to its home. Pure.

import { homeOf, type HomeRules } from '../model/home.ts';
import { type Version, versionIn } from '../model/guard.ts';
import type { Item } from '../model/attribute-value.ts';
import { findDiscrepancy } from '../model/discrepancy.ts';
import type { Origin } from '../model/rules.ts';
import { decideResynchronization } from '../resync/resynchronization.ts';
import type { MergeDecision, MergePlan, MergeStep } from './decision.ts';
import { type BySide, type MergeStates, otherSide } from './sides.ts';

/** Of the direction whose source a side is. */
interface HomeDirection {
  /** Below every record of its stream. */
  readonly floor: Version;
  /** The newest of its control row. */
  readonly epoch: number;
}

export interface HomePlan extends MergePlan {
  readonly home: HomeRules;
  readonly regions: BySide<string>;
  readonly directions: BySide<HomeDirection>;
}

export function homeSide({
  key,
  home,
  regions,
}: Pick<HomePlan, 'key' | 'home' | 'regions'>): Origin {
  return homeOf(key, home) === regions[1] ? 1 : 2;
}

/** @param states the home read last: what changes later there has a record of its own, which will win. */
export function decideHome(states: MergeStates, plan: HomePlan): MergeDecision {
  const at = homeSide(plan);
  const away = otherSide(at);
  const { key, keyText, nowMs } = plan;
  const decision = decideResynchronization({
    ...plan.directions[at],
    key,
    keyText,
    nowMs,
    rules: plan.rules[away],
    states: {
      source: states[at].item,
      twin: states[away].item,
      ledgerRow: states[away].row,
    },
  });
  switch (decision.kind) {
    case 'put':
      return { kind: 'copied', steps: [stepOf(decision.request, states, plan)] };
    case 'delete':
      return { kind: 'removed', steps: [stepOf(decision.request, states, plan)] };
    case 'later-epoch':
      return { kind: 'later-epoch' };
    case 'equal':
    case 'kept':
    case 'unexpected':
      return { kind: 'equal', steps: [] };
  }
}

function stepOf(request: MergeStep['request'], states: MergeStates, plan: HomePlan): MergeStep {
  const away = otherSide(homeSide(plan));
  const [lost, won] = [states[away].item, states[otherSide(away)].item];
  if (lost === undefined || !isLoss(lost, won, plan, away)) return { at: away, request };
  const { reservedAttribute } = plan.rules[away];
  const versions = { lostVersion: versionIn(lost[reservedAttribute]), wonVersion: undefined };
  return { at: away, request, loss: { at: away, what: { kind: 'stray', lost, won, ...versions } } };
}

/** Of a record that failed, the same contents are written again. */
function isLoss(lost: Item, won: Item | undefined, { rules }: HomePlan, away: Origin): boolean {
  return findDiscrepancy(won, lost, rules[away]) !== undefined;
}
