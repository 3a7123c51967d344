// A difference between two tables that are both written -> from which side it is judged, and where an application has
// written what is not replicated: elsewhere than at the item's home, or without a stamp.

import type { Discrepancy } from '../model/discrepancy.ts';
import { versionIn } from '../model/guard.ts';
import { heartbeatSideOf, homeSideOf } from '../model/home-side.ts';
import type { StreamRules, TwoWayRules } from '../model/rules.ts';
import type { Difference } from './confirm-differences.ts';
import type { Side } from './segment-join.ts';

export interface Judged {
  /** The side whose item is right. Absent with stamped writes, where both may be. */
  readonly home?: Side | undefined;
  /** Sides that have the item without a version. */
  readonly strays: readonly Side[];
}

export type JudgingRules = Pick<StreamRules, 'reservedAttribute' | 'heartbeatKeyText'> & {
  readonly twoWay: TwoWayRules;
};

const SIDES = ['source', 'destination'] as const;

/** With `home`, its kind is as seen from there: `missing` is what only the home has. */
export function judged(difference: Difference, rules: JudgingRules): Difference & Judged {
  const { twoWay, reservedAttribute } = rules;
  const isUnversioned = (side: Side) =>
    difference[side] !== undefined &&
    versionIn(difference[side]?.[reservedAttribute]) === undefined;
  const unversioned = SIDES.filter(isUnversioned);
  const home =
    twoWay.mode === 'home'
      ? homeSideOf(difference.key, { ...rules, twoWay })
      : heartbeatSideOf(difference.key, rules);
  const strays = unversioned.filter((side) => side !== home);
  if (home === undefined) return { ...difference, strays };
  const kind = home === 'source' ? difference.kind : SEEN_FROM_THERE[difference.kind];
  return { ...difference, kind, home, strays };
}

const SEEN_FROM_THERE: Readonly<Record<Discrepancy, Discrepancy>> = {
  missing: 'extraneous',
  different: 'different',
  extraneous: 'missing',
};
