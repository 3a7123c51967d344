import { describe, expect, it } from 'vitest';
import { clockVersion, uniqueOf } from '../../src/model/clock-version.ts';
import { stampedRecord } from '../../src/model/stamped-record.ts';
import { streamRecord } from '../fixtures/records.ts';
import { changed } from '../fixtures/switched.ts';
import { at, byFerry, SECOND, stamped, STAMPED } from '../fixtures/two-way.ts';

const RULES = {
  reservedAttribute: '_ferry',
  heartbeatKeyText: undefined,
  ttlDeletes: 'replicate',
  twoWay: { ...STAMPED, epoch: 2 },
} as const;
type Rules = Parameters<typeof stampedRecord>[2];
type Facts = Parameters<typeof changed>[0];

const [OURS, OURS_LATER] = [at(1, 1, 2), at(3, 1, 2)];
const [THEIRS, THEIRS_LATER] = [at(2, 2, 2), at(4, 2, 2)];
const [OLD, FUTURE] = [at(9, 1, 1), at(0, 1, 3)];

const on = (facts: Facts, rules: Rules = RULES) =>
  stampedRecord(streamRecord(facts), changed(facts), rules);

describe('a put', () => {
  it.each<[string, Facts, string]>([
    ['stamped here is pushed', { attributes: stamped(OURS) }, 'push'],
    [
      'over an older one, too',
      { attributes: stamped(OURS_LATER), before: byFerry(THEIRS) },
      'push',
    ],
    ['stamped there is own', { attributes: byFerry(THEIRS), before: stamped(OURS) }, 'own'],
    ['stamped here and copied back from there is own', { attributes: byFerry(OURS) }, 'own'],
    ['stamped as there, but not by Ferry, is a stray', { attributes: stamped(THEIRS) }, 'stray'],
    ['without a version is a stray', { before: stamped(OURS) }, 'stray'],
    ['with another text is a stray', { attributes: stamped('7') }, 'stray'],
    [
      'that keeps its version is a stray',
      { attributes: stamped(OURS), before: stamped(OURS) },
      'stray',
    ],
    ['that goes back is a stray', { attributes: stamped(OURS), before: byFerry(THEIRS) }, 'stray'],
    ['of an older epoch is a stray', { attributes: stamped(OLD) }, 'stray'],
    ['of an older epoch by Ferry is own', { attributes: byFerry(OLD) }, 'own'],
    ['of a later epoch holds', { attributes: stamped(FUTURE) }, 'later-epoch'],
    ['over one of a later epoch holds', { before: stamped(FUTURE) }, 'later-epoch'],
  ])('%s', (_, facts, verdict) => {
    expect(on(facts).verdict).toBe(verdict);
  });

  it('has the version of its stamp, has seen what it replaces, and keeps its place in the stream', () => {
    const { record, sequence, before, held } = on({
      attributes: stamped(OURS_LATER),
      before: byFerry(THEIRS),
    });

    expect(record).toMatchObject({ version: OURS_LATER, seen: THEIRS, isAhead: false });
    expect([before, held]).toEqual([THEIRS, OURS_LATER]);
    expect(sequence).toBe(streamRecord().version.replace(/^\d{4}/, '0000'));
  });

  it('of Ferry tells what it had seen', () => {
    expect(
      on({ attributes: byFerry(THEIRS_LATER, OURS), before: stamped(OURS_LATER) }),
    ).toMatchObject({
      verdict: 'own',
      before: OURS_LATER,
      seen: OURS,
    });
  });

  it.each<[string, Facts, boolean]>([
    ['an insert', { eventName: 'INSERT', attributes: stamped(OURS) }, true],
    ['over an item without a version', { attributes: stamped(OURS), before: {} }, true],
    ['over one of an older epoch', { attributes: stamped(OURS), before: byFerry(OLD) }, true],
    ['over one of this epoch', { attributes: stamped(OURS_LATER), before: byFerry(THEIRS) }, false],
  ])('may be on a place that was empty: %s', (_, facts, isNew) => {
    expect(on(facts).isNew).toBe(isNew);
  });

  it.each([
    [6_000, false],
    [6_001, true],
  ])('whose stamp is %i ms after its second is ahead: %s', (ms, isAhead) => {
    expect(on({ attributes: stamped(at(ms, 1, 2)) }).record).toMatchObject({ isAhead });
  });
});

describe('a delete', () => {
  const remove = { eventName: 'REMOVE', sequenceNumber: '77' } as const;
  const versionAt = (ms: number) =>
    clockVersion({ epoch: 2, ms, counter: 0, origin: 1, unique: uniqueOf('77') });

  it.each<[string, Facts, object]>([
    ['has the version of its second', remove, { version: versionAt(SECOND * 1000) }],
    [
      'at a fraction of one, too',
      { ...remove, createdAtSeconds: SECOND + 0.1239 },
      { version: versionAt(SECOND * 1000 + 123) },
    ],
    [
      'at a time that makes no sense, has the least of its epoch',
      { ...remove, createdAtSeconds: 1e300 },
      { version: versionAt(0) },
    ],
    [
      'an expiry has the least of its epoch',
      { ...remove, expired: true },
      { version: versionAt(0) },
    ],
  ])('%s', (_, facts, record) => {
    expect(on({ ...facts, before: stamped(OURS) })).toMatchObject({
      verdict: 'delete',
      before: OURS,
      isNew: false,
      record,
    });
  });

  it.each<[string, Facts, Partial<Rules>, string]>([
    ['of an expiry is skipped by policy', { expired: true }, { ttlDeletes: 'skip' }, 'skip'],
    ['by an application is not', {}, { ttlDeletes: 'skip' }, 'delete'],
    ['of an item of a later epoch holds', { before: stamped(FUTURE) }, {}, 'later-epoch'],
  ])('%s', (_, facts, rules, verdict) => {
    expect(on({ ...remove, ...facts }, { ...RULES, ...rules }).verdict).toBe(verdict);
  });

  it('knows the version of an older epoch', () => {
    expect(on({ ...remove, before: byFerry(OLD) }).before).toBe(OLD);
  });
});

describe('a heartbeat', () => {
  const { keyText, version } = streamRecord({ id: 'beat' });

  it.each(['INSERT', 'MODIFY'])(
    'of this direction is pushed as in one direction: %s',
    (eventName) => {
      const one = on({ id: 'beat', eventName }, { ...RULES, heartbeatKeyText: keyText });

      expect(one).toMatchObject({ verdict: 'push', isHeartbeat: true, isNew: false });
      expect(one.record.version).toBe(version);
    },
  );

  it('of the other direction is own', () => {
    const twoWay = { ...RULES.twoWay, otherHeartbeatKeyText: keyText };

    expect(on({ id: 'beat', eventName: 'REMOVE' }, { ...RULES, twoWay }).verdict).toBe('own');
  });
});
