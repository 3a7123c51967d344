// What is found of two tables that applications write.

import { describe, expect, it } from 'vitest';
import type { TableFacts } from '../../src/model/table-facts.ts';
import { type Pair, preflight } from '../../src/status/preflight.ts';

const facts = (region: string, more: Partial<TableFacts> = {}): TableFacts => ({
  region,
  table: 'Orders',
  arn: `arn of ${region}`,
  replicaRegions: [],
  status: 'ACTIVE',
  keys: [
    { name: 'pk', type: 'S' },
    { name: 'sk', type: 'N' },
  ],
  stream: { arn: `stream of ${region}`, viewType: 'NEW_AND_OLD_IMAGES' },
  indexes: [],
  billing: 'on-demand',
  items: 1_000,
  sizeBytes: 0,
  ...more,
});
const HOME = { mode: 'home', ttlDeletes: 'replicate', homeAttributes: ['pk', 'pk'] } as const;
const STAMPED = { mode: 'stamped', ttlDeletes: 'replicate', homeAttributes: [] } as const;
type Side = Partial<TableFacts>;

function found(bothWays: Pair['bothWays'], source: Side = {}, destination: Side = {}, more = {}) {
  const all = preflight({
    source: facts('us-east-1', source),
    destination: facts('eu-west-1', destination),
    sample: [],
    reservedAttribute: '_ferry',
    nowMs: 0,
    bothWays,
    ...more,
  });
  return all.map(({ severity, subject, advice }) => `${severity} ${subject}: ${advice}`);
}

describe('of a pair that is written on both sides', () => {
  it.each([
    ['home', HOME],
    ['stamped', STAMPED],
  ])('nothing is found where it fits, also where both have items: %s', (_, bothWays) => {
    expect(found(bothWays)).toEqual([]);
  });

  const old = { stream: { arn: 'a', viewType: 'NEW_IMAGE' } };
  it.each<[string, Side, Side, RegExp]>([
    [
      'the source lacks',
      old,
      {},
      /^error both-streams: With "direction": "both", Ferry reads both/,
    ],
    ['the destination lacks', {}, old, /^error both-streams: .* enable it again: `aws/],
    [
      'the destination has no stream',
      {},
      { stream: undefined },
      /^error both-streams: .* Enable it/,
    ],
    [
      'the source has no stream',
      { stream: undefined },
      {},
      /^error stream: Enable it with new and old/,
    ],
  ])('both streams need both images: %s', (_, source, destination, says) => {
    expect(found(STAMPED, source, destination)).toEqual([expect.stringMatching(says)]);
  });

  it('each stream is the one that the configuration names', () => {
    const named = { configuredStreamArn: 'other', destinationStreamArn: 'another' };

    expect(found(HOME, {}, {}, named)).toEqual([
      expect.stringMatching(/^error other-stream/),
      expect.stringMatching(/^error other-stream/),
    ]);
  });

  it.each(['sk', 'country'])('the home is in a key attribute of type S, and not in %s', (name) => {
    const bothWays = { ...HOME, homeAttributes: ['pk', name] };

    expect(found(bothWays)).toEqual([
      'error home-key: The home of an item must not change, and a delete must tell it: name a key attribute of type S in "twoWay.home.rules".',
    ]);
  });

  const ttl = { timeToLiveAttribute: 'ttl' };
  const skip = { ttlDeletes: 'skip' } as const;
  it.each<[string, Pair['bothWays'], Side, Side, RegExp[]]>([
    ['on both sides, replicated', HOME, ttl, ttl, [/^warning ttl: .* Set "ttlDeletes" to "skip"/]],
    ['on both sides, replicated', STAMPED, ttl, ttl, [/^warning ttl: .* without effect/]],
    ['on both sides, skipped', { ...HOME, ...skip }, ttl, ttl, []],
    ['on both sides, skipped', { ...STAMPED, ...skip }, ttl, ttl, []],
    ['by two attributes', STAMPED, ttl, { timeToLiveAttribute: 'x' }, [/^warning ttl: Each side/]],
    ['of the source alone', HOME, ttl, {}, [/whose home is eu-west-1 stay there, .* us-east-1\./]],
    [
      'of the destination alone',
      HOME,
      {},
      ttl,
      [/home is us-east-1 stay there, .* in eu-west-1\./],
    ],
    ['of one side', STAMPED, ttl, {}, [/^note ttl: Ferry replicates the deletes/]],
    ['of one side, skipped', { ...STAMPED, ...skip }, {}, ttl, [/^warning ttl: .* us-east-1\/Ord/]],
  ])('time to live %s', (_, bothWays, source, destination, says) => {
    expect(found(bothWays, source, destination)).toEqual(
      says.map((one) => expect.stringMatching(one) as string),
    );
  });

  it('a global table is written through one of its replicas', () => {
    const replicas = { replicaRegions: ['ap-south-1'] };

    expect(found(HOME, {}, replicas)).toEqual([
      expect.stringMatching(/^warning destination-replica: .* write to this replica only\.$/),
    ]);
  });

  it('items of before the stream are copied, or merged', () => {
    const arn =
      'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000';
    const source = { stream: { arn, viewType: 'NEW_AND_OLD_IMAGES' } };

    expect(found(HOME, source)).toEqual([expect.stringContaining('`ferry backfill` copies them')]);
    expect(found(STAMPED, source)).toEqual([expect.stringContaining('`ferry merge` makes both')]);
  });
});
