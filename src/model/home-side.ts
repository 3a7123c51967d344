// The key of an item -> on which side of a direction it is at home: `source`, where this direction carries its changes,
// or `destination`, where the other one does. In both modes, each heartbeat is at home where it is written.

import { canonicalKey, type Item } from './attribute-value.ts';
import { homeOf } from './home.ts';
import type { HomeModeRules, StreamRules, TwoWayRules } from './rules.ts';

type HomeSide = 'source' | 'destination';

interface HeartbeatRules extends Pick<StreamRules, 'heartbeatKeyText'> {
  readonly twoWay: Pick<TwoWayRules, 'otherHeartbeatKeyText'>;
}

interface HomeSideRules extends HeartbeatRules {
  readonly twoWay: Pick<HomeModeRules, 'home' | 'region' | 'otherHeartbeatKeyText'>;
}

export function homeSideOf(key: Item, rules: HomeSideRules): HomeSide {
  const { home, region } = rules.twoWay;
  const other = () => (homeOf(key, home) === region ? 'source' : 'destination');
  return heartbeatSideOf(key, rules) ?? other();
}

/** @returns undefined of an item that is no heartbeat. */
export function heartbeatSideOf(
  key: Item,
  { heartbeatKeyText, twoWay: { otherHeartbeatKeyText } }: HeartbeatRules,
): HomeSide | undefined {
  if (heartbeatKeyText === undefined && otherHeartbeatKeyText === undefined) return undefined;
  const text = canonicalKey(key);
  if (text === heartbeatKeyText) return 'source';
  return text === otherHeartbeatKeyText ? 'destination' : undefined;
}
