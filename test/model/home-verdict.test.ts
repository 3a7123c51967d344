import { describe, expect, it } from 'vitest';
import { homeVerdict } from '../../src/model/home-verdict.ts';
import { streamRecord } from '../fixtures/records.ts';
import { changed } from '../fixtures/switched.ts';
import { at, byFerry, HOMES, SECOND } from '../fixtures/two-way.ts';

const RULES = { reservedAttribute: '_ferry', heartbeatKeyText: undefined, twoWay: HOMES };
const [ONE, TWO] = [at(1, 2), at(2, 2)];
type Facts = Parameters<typeof changed>[0];

const verdictOn = (facts: Facts, rules: Parameters<typeof homeVerdict>[2] = RULES) =>
  homeVerdict(streamRecord(facts), changed(facts), rules);

describe('a change of an item that is at home here', () => {
  it.each<[string, Facts]>([
    ['a put', { id: 'us#1' }],
    ['a put that keeps a version', { id: 'us#1', attributes: byFerry(ONE), before: byFerry(ONE) }],
    ['a delete', { id: 'us#1', eventName: 'REMOVE' }],
    ['an expiry', { id: 'us#1', eventName: 'REMOVE', expired: true }],
  ])('is replicated: %s', (_, facts) => {
    expect(verdictOn(facts)).toBe('push');
  });

  it.each([
    [SECOND - 1, 'application'],
    [SECOND, 'push'],
  ])('before its home moved here it was foreign: %i', (createdAtSeconds, verdict) => {
    const twoWay = { ...HOMES, sinceMs: SECOND * 1000 };

    expect(verdictOn({ id: 'us#1', createdAtSeconds }, { ...RULES, twoWay })).toBe(verdict);
  });
});

describe('a change of an item that is at home there', () => {
  it.each<[string, Facts, string]>([
    ['an insert of Ferry may be late', { eventName: 'INSERT', attributes: byFerry(ONE) }, 'check'],
    ['a larger version is Ferry’s', { attributes: byFerry(TWO), before: byFerry(ONE) }, 'ferry'],
    [
      'one that Ferry puts over a stray may be, too',
      { attributes: byFerry(ONE), before: {} },
      'check',
    ],
    [
      'a stamp without a Region is of an application’s plug-in',
      { attributes: { _ferry: { M: { v: { S: TWO } } } }, before: byFerry(ONE) },
      'application',
    ],
    ['no version is an application’s', { before: byFerry(ONE) }, 'application'],
    [
      'a version that was kept is an application’s',
      { attributes: byFerry(ONE), before: byFerry(ONE) },
      'application',
    ],
    ['the ledger tells of a delete', { eventName: 'REMOVE', before: byFerry(ONE) }, 'deleter'],
    ['an expiry is Ferry’s', { eventName: 'REMOVE', expired: true, before: {} }, 'ferry'],
  ])('%s', (_, facts, verdict) => {
    expect(verdictOn({ id: 'eu#1', ...facts })).toBe(verdict);
  });
});

describe('a heartbeat', () => {
  const { keyText } = streamRecord({ id: 'eu#beat' });

  it.each([
    ['of this direction is at home here', { heartbeatKeyText: keyText }, 'push'],
    [
      'of the other one is Ferry’s',
      { twoWay: { ...HOMES, otherHeartbeatKeyText: keyText } },
      'ferry',
    ],
  ])('%s', (_, rules, verdict) => {
    expect(verdictOn({ id: 'eu#beat', eventName: 'INSERT' }, { ...RULES, ...rules })).toBe(verdict);
  });
});
