// From which side a difference is judged where both tables are written, and where an application has written what is not
// replicated.

import { describe, expect, it } from 'vitest';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { versionOf } from '../../src/model/guard.ts';
import type { HomeModeRules, StampedModeRules, TwoWayRules } from '../../src/model/rules.ts';
import type { Item } from '../../src/ports.ts';
import { judged } from '../../src/verify/judge-both.ts';
import { SETTINGS } from '../fixtures/records.ts';

const keyOf = (pk: string) => ({ pk: { S: pk } });
const BEAT = canonicalKey(keyOf('beat'));
const common = {
  epoch: 1,
  region: 'us-east-1',
  losers: 'count',
  near: SETTINGS,
  otherHeartbeatKeyText: canonicalKey(keyOf('beat-back')),
} as const;
const HOMES: HomeModeRules = {
  ...common,
  mode: 'home',
  home: {
    rules: [{ attribute: 'pk', prefix: 'eu#', region: 'eu-west-1' }],
    otherwise: 'us-east-1',
  },
};
const STAMPED: StampedModeRules = { ...common, mode: 'stamped', origin: 1 };
const _ferry = { M: { v: { S: versionOf({ epoch: 1, labelMs: 1 }, '7') } } };

function judge(pk: string, twoWay: TwoWayRules, sides: { source?: Item; destination?: Item }) {
  const { source, destination } = sides;
  const kind =
    source === undefined ? 'extraneous' : destination === undefined ? 'missing' : 'different';
  const difference = { key: keyOf(pk), kind, attributes: [], source, destination } as const;
  const rules = { reservedAttribute: '_ferry', heartbeatKeyText: BEAT, twoWay };
  const found = judged(difference, rules);
  return [found.kind, found.home, ...found.strays];
}

const plain: Item = { a: { S: '1' } };
const ofFerry: Item = { ...plain, _ferry };

describe('a difference', () => {
  it.each<[string, string, { source?: Item; destination?: Item }, unknown[]]>([
    ['lost on its way', 'us#1', { source: plain }, ['missing', 'source']],
    ['lost on its way back', 'eu#1', { destination: plain }, ['missing', 'destination']],
    ['left behind', 'us#1', { destination: ofFerry }, ['extraneous', 'source']],
    ['left behind at the source', 'eu#1', { source: ofFerry }, ['extraneous', 'destination']],
    [
      'written elsewhere',
      'us#1',
      { source: plain, destination: plain },
      ['different', 'source', 'destination'],
    ],
    [
      'written elsewhere, too',
      'eu#1',
      { source: plain, destination: plain },
      ['different', 'destination', 'source'],
    ],
    ['new elsewhere', 'eu#1', { source: plain }, ['extraneous', 'destination', 'source']],
    ['the heartbeat', 'beat', { source: plain }, ['missing', 'source']],
    ['the heartbeat of the other', 'beat-back', { destination: plain }, ['missing', 'destination']],
  ])('%s is judged from the home', (_, pk, sides, expected) => {
    expect(judge(pk, HOMES, sides)).toEqual(expected);
  });

  it.each<[string, string, { source?: Item; destination?: Item }, unknown[]]>([
    ['stamped at the source', 'eu#1', { source: ofFerry }, ['missing', undefined]],
    ['stamped at the destination', 'us#1', { destination: ofFerry }, ['extraneous', undefined]],
    [
      'not stamped',
      'us#1',
      { source: ofFerry, destination: plain },
      ['different', undefined, 'destination'],
    ],
    [
      'not stamped on either side',
      'us#1',
      { source: plain, destination: plain },
      ['different', undefined, 'source', 'destination'],
    ],
    ['the heartbeat', 'beat', { source: plain }, ['missing', 'source']],
  ])('%s is no more right on one side with stamped writes', (_, pk, sides, expected) => {
    expect(judge(pk, STAMPED, sides)).toEqual(expected);
  });
});
