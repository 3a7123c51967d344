import { describe, expect, it } from 'vitest';
import { type Pair, preflight } from '../../src/status/preflight.ts';
import type { KeyAttribute } from '../../src/config/schema.ts';
import type { TableFacts } from '../../src/model/table-facts.ts';

const NOW_MS = Date.parse('2026-02-02T12:00:00Z');
const facts = (side: string): TableFacts => ({
  region: side,
  table: 'Orders',
  arn: `arn of ${side}`,
  replicaRegions: [],
  status: 'ACTIVE',
  keys: [{ name: 'pk', type: 'S' }],
  stream: {
    arn: 'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000',
    viewType: 'NEW_IMAGE',
  },
  indexes: [],
  billing: 'on-demand',
  items: 0,
  sizeBytes: 0,
});
const look = (
  source: Partial<TableFacts> = {},
  destination: Partial<TableFacts> = {},
  pair: Partial<Pair> = {},
) =>
  preflight({
    source: { ...facts('source'), ...source },
    destination: { ...facts('destination'), ...destination },
    sample: [],
    reservedAttribute: '_ferry',
    nowMs: NOW_MS,
    ...pair,
  })
    // A fact of every pair with a stream.
    .filter(({ subject }) => subject !== 'stream-age')
    .map(({ severity, subject }) => `${severity} ${subject}`);

const index = (name: string, type: 'S' | 'N') => ({
  name: 'by',
  keys: [{ name, type }],
  partitionKeys: 1,
  local: false,
  projection: 'ALL',
  included: [],
});
const pk = { name: 'pk', type: 'S' } as const;
const sk = { name: 'sk', type: 'N' } as const;
const slow = { readUnits: 5, writeUnits: 5 };

describe('preflight', () => {
  it.each<[string, Partial<TableFacts>, Partial<TableFacts>, string[]]>([
    ['nothing of a pair that fits', {}, {}, []],
    ['one table for two', { arn: 'x' }, { arn: 'x' }, ['error same-table']],
    [
      'one table by two names of its endpoint',
      { arn: 'x', id: '1', endpoint: 'http://127.0.0.1:8000' },
      { arn: 'x', id: '1', endpoint: 'http://localhost:8000/' },
      ['error same-table'],
    ],
    ['not two tables of emulators', { arn: 'x', id: '1' }, { arn: 'x', id: '2' }, []],
    [
      'one Region and name by two endpoints',
      { region: 'one', endpoint: 'http://a' },
      { region: 'one', endpoint: 'http://b' },
      ['error same-table'],
    ],
    [
      'not one Region and name in two accounts',
      { region: 'one', arn: 'arn:aws:dynamodb:one:111122223333:table/Orders' },
      { region: 'one', arn: 'arn:aws:dynamodb:one:444455556666:table/Orders' },
      [],
    ],
    ['a table in the making', { status: 'CREATING' }, {}, ['error not-active']],
    ['not of one that changes', { status: 'UPDATING' }, {}, []],
    ['another key name', {}, { keys: [{ name: 'id', type: 'S' }] }, ['error key-schema']],
    ['another key type', {}, { keys: [{ name: 'pk', type: 'N' }] }, ['error key-schema']],
    [
      'a sort key more',
      {},
      { keys: [...facts('').keys, { name: 'sk', type: 'S' }] },
      ['error key-schema'],
    ],
    ['no stream', { stream: undefined }, {}, ['error stream']],
    ['not the destination’s', {}, { stream: undefined }, []],
    [
      'a stream without new images',
      { stream: { arn: '', viewType: 'KEYS_ONLY' } },
      {},
      ['error stream-view'],
    ],
    ['expiry of the source', { timeToLiveAttribute: 'ttl' }, {}, ['note ttl']],
    [
      'expiry on both sides',
      { timeToLiveAttribute: 'ttl' },
      { timeToLiveAttribute: 'ttl' },
      ['warning ttl'],
    ],
    ['expiry of the twin alone', {}, { timeToLiveAttribute: 'ttl' }, ['warning ttl']],
    ['own keys', { kmsKeyArn: 'a' }, { kmsKeyArn: 'b' }, ['note encryption', 'note encryption']],
    ['an index of the twin alone', {}, { indexes: [index('day', 'S')] }, ['warning index']],
    [
      'an index with another type',
      { indexes: [index('day', 'S')] },
      { indexes: [index('day', 'N')] },
      ['warning index'],
    ],
    [
      'not one that both have',
      { indexes: [index('day', 'S')] },
      { indexes: [index('day', 'S')] },
      [],
    ],
    ['not one of the source alone', { indexes: [index('day', 'S')] }, {}, []],
    ['a twin with less capacity', {}, { billing: slow }, ['warning capacity']],
    ['not one with as much', { billing: slow }, { billing: slow }, []],
    [
      'replicas of one global table',
      { region: 'us-east-1', replicaRegions: ['eu-west-1'] },
      { region: 'eu-west-1', replicaRegions: [] },
      ['error global-table'],
    ],
    [
      'a copy of a global table',
      { region: 'us-east-1', replicaRegions: ['eu-west-1'] },
      { region: 'eu-west-1', table: 'Copy' },
      ['warning source-replica'],
    ],
    [
      'a copy to a global table',
      { region: 'us-east-1' },
      { region: 'eu-west-1', table: 'Copy', replicaRegions: ['eu-west-1', 'us-east-1'] },
      ['warning destination-replica'],
    ],
    [
      'replicas of two global tables',
      { replicaRegions: ['one'] },
      { replicaRegions: ['two'] },
      ['warning source-replica', 'warning destination-replica'],
    ],
    [
      'a twin that refuses transactions',
      {},
      { replicaRegions: ['one', 'two'], isStronglyConsistent: true },
      ['error strong-destination'],
    ],
    [
      'a strongly consistent source',
      { replicaRegions: ['one', 'two'], isStronglyConsistent: true },
      {},
      ['note source-replica'],
    ],
    ['not a table that lists only itself', { replicaRegions: ['source'] }, {}, []],
    [
      'a reserved attribute that is a key',
      { keys: [...facts('').keys, { name: '_ferry', type: 'S' }] },
      { keys: [...facts('').keys, { name: '_ferry', type: 'S' }] },
      ['error reserved-key', 'error reserved-key'],
    ],
    [
      'a reserved attribute that is a key of an index of the twin',
      { indexes: [index('day', 'S')] },
      { indexes: [index('_ferry', 'S')] },
      ['error reserved-key', 'warning index'],
    ],
    [
      'a reserved attribute that is a key of an index of the source',
      { indexes: [index('_ferry', 'N')] },
      {},
      ['error reserved-key'],
    ],
    ['items at the destination', {}, { items: 7 }, ['warning occupied']],
  ])('tells of %s', (_, source, destination, expected) => {
    expect(look(source, destination)).toEqual(expected);
  });

  it.each([
    ['CREATING', 'Wait until the table is ACTIVE.'],
    ['INACCESSIBLE_ENCRYPTION_CREDENTIALS', 'Allow it to use the key again.'],
    ['ARCHIVED', 'Restore the table from its backup.'],
    ['DELETING', 'Name another table'],
  ])('does not ask people to wait for what will not come: %s', (status, advice) => {
    const [found] = preflight({
      source: { ...facts('s'), status },
      destination: facts('d'),
      sample: [],
      reservedAttribute: '_ferry',
      nowMs: NOW_MS,
    });

    expect(found?.advice).toContain(advice);
  });

  it('reads what a sample of items says', () => {
    const large = { pk: { S: 'a' }, text: { S: 'x'.repeat(400 * 1024 - 30) } };

    expect(look({}, {}, { sample: [large] })).toEqual(['warning item-size']);
    expect(look({}, {}, { sample: [{ pk: { S: 'a' }, _ferry: { S: 'mine' } }] })).toEqual([
      'warning reserved-attribute',
    ]);
    const legacy = { 'aws:rep:updatetime': { N: '1' }, 'aws:rep:deleting': { BOOL: false } };
    expect(look({}, {}, { sample: [{ pk: { S: 'a' }, ...legacy }] })).toEqual([
      'warning replica-attributes',
    ]);
  });

  it('names the table and every index whose key has the reserved attribute', () => {
    const [found] = preflight({
      source: facts('source'),
      destination: {
        ...facts('destination'),
        indexes: [
          { ...index('_ferry', 'S'), name: 'first' },
          { ...index('day', 'S'), name: 'second' },
          { ...index('_ferry', 'N'), name: 'third' },
        ],
      },
      sample: [],
      reservedAttribute: '_ferry',
      nowMs: NOW_MS,
    });

    expect(found?.says).toBe(
      'The reserved attribute "_ferry" is a key attribute of destination/Orders, in its index first and its index third.',
    );
    expect(found?.advice).toContain('Set "reservedAttribute" to a name');
  });

  it.each<[string, Pair['heartbeatKey'], readonly KeyAttribute[], string[]]>([
    ['the source’s own', { pk: { S: 'beat' } }, [pk], []],
    ['both of the source’s, in any order', { sk: { N: '0' }, pk: { S: 'a' } }, [pk, sk], []],
    ['none, because there is no heartbeat', undefined, [pk, sk], []],
    ['one of the source’s', { pk: { S: 'beat' } }, [pk, sk], ['error heartbeat-key']],
    ['of another type', { pk: { N: '1' } }, [pk], ['error heartbeat-key']],
    ['of another name', { id: { S: 'beat' } }, [pk], ['error heartbeat-key']],
    ['a text for bytes', { pk: { S: 'beat' } }, [{ ...pk, type: 'B' }], ['error heartbeat-key']],
  ])('compares the heartbeat’s key with the source’s: %s', (_, heartbeatKey, keys, expected) => {
    expect(look({ keys }, { keys }, { heartbeatKey })).toEqual(expected);
  });

  it('knows the configured keys from the keys that the tables have', () => {
    const keys = (source?: string, destination?: string) =>
      look({ kmsKeyArn: 'a' }, { kmsKeyArn: 'b' }, { configuredKeys: { source, destination } });
    const notes = ['note encryption', 'note encryption'];

    expect(keys('a', 'b')).toEqual(notes);
    expect(keys('a', 'c')).toEqual(['error other-key', ...notes]);
    expect(keys('c', 'd')).toEqual(['error other-key', 'error other-key', ...notes]);
    expect(keys()).toEqual(notes);
    // Keys of AWS need no permission.
    expect(look({}, {}, { configuredKeys: { source: 'a', destination: 'b' } })).toEqual([]);
  });

  it('knows the configured stream from a later one', () => {
    expect(look({}, {}, { configuredStreamArn: 'another' })).toEqual(['error other-stream']);
    expect(look({}, {}, { configuredStreamArn: facts('').stream?.arn })).toEqual([]);
    expect(look({}, {}, { destinationStreamArn: 'another' })).toEqual(['error other-stream']);
  });

  const hash = {
    attribute: 'day',
    secret: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:ferry/hash-AbCdEf',
    versionId: '11111111-aaaa-4aaa-8aaa-111111111111',
  };
  const keepItems = { attribute: 'tenant', exists: true };
  const module = '/projections/orders.mjs';
  const { arn = '' } = facts('').stream ?? {};
  const viewed = (viewType: string) => ({ stream: { arn, viewType } });
  const ttl = (timeToLiveAttribute?: string) => ({ timeToLiveAttribute });
  const indexed = { indexes: [index('day', 'S')] };
  const numbered = { indexes: [index('day', 'N')] };

  it.each<[string, Pair['projection'], Partial<TableFacts>, Partial<TableFacts>, string[]]>([
    ['nothing of old images that are there', { keepItems }, viewed('NEW_AND_OLD_IMAGES'), {}, []],
    ['nothing of old images that nothing needs', { attributes: { drop: ['a'] } }, {}, {}, []],
    ['missing old images', { keepItems }, {}, {}, ['error projection-stream']],
    [
      'missing old images that a module may need',
      { module },
      {},
      {},
      ['warning projection-stream'],
    ],
    ['missing new images of a module', { module }, viewed('OLD_IMAGE'), {}, ['error stream-view']],
    ['a missing stream', { keepItems }, { stream: undefined }, {}, ['error stream']],
    ['a key that is dropped', { attributes: { drop: ['pk'] } }, {}, {}, ['error projection-key']],
    [
      'a new name that is a key',
      { attributes: { rename: { a: 'pk' } } },
      {},
      {},
      ['error projection-key'],
    ],
    [
      'a key that is set',
      { attributes: { set: { pk: { S: '' } } } },
      {},
      {},
      ['error projection-key'],
    ],
    ['nothing of a key that is kept', { attributes: { keepOnly: ['a'] } }, {}, {}, []],
    [
      'an index key that is dropped',
      { attributes: { drop: ['day'] } },
      indexed,
      indexed,
      ['warning projection-index'],
    ],
    [
      'an index key that is not kept',
      { attributes: { keepOnly: ['a'] } },
      indexed,
      indexed,
      ['warning projection-index'],
    ],
    [
      'an index key that is renamed',
      { attributes: { rename: { day: 'a' } } },
      indexed,
      indexed,
      ['warning projection-index'],
    ],
    [
      'an index key that is hashed',
      { attributes: { hash } },
      numbered,
      numbered,
      ['warning projection-index'],
    ],
    ['nothing of an index of the source', { attributes: { drop: ['day'] } }, indexed, {}, []],
    ['nothing of what is inside a map', { attributes: { drop: ['day.a'] } }, indexed, indexed, []],
    [
      'nothing of an index key that is kept',
      { attributes: { keepOnly: ['day'] } },
      indexed,
      indexed,
      [],
    ],
    [
      'nothing of a name that another attribute gets',
      { attributes: { drop: ['day'], rename: { a: 'day' } } },
      indexed,
      indexed,
      [],
    ],
    [
      'nothing of an index key that is set',
      { attributes: { keepOnly: ['a'], set: { day: { S: 'x' } } } },
      indexed,
      indexed,
      [],
    ],
    [
      'nothing of what only a module knows',
      { module },
      { ...viewed('NEW_AND_OLD_IMAGES'), ...indexed },
      indexed,
      [],
    ],
    [
      'an expiry that is dropped',
      { attributes: { drop: ['ttl'] } },
      ttl('ttl'),
      ttl('ttl'),
      ['warning projection-ttl'],
    ],
    [
      'an expiry of the source alone',
      { attributes: { drop: ['ttl'] } },
      ttl('ttl'),
      {},
      ['note ttl'],
    ],
  ])('tells of a projection and %s', (_, projection, source, destination, expected) => {
    expect(look(source, destination, { projection })).toEqual(expected);
  });

  it('says what becomes of the items that expire', () => {
    const said = (attributes: object, from: string, to: string) =>
      preflight({
        source: { ...facts('s'), ...ttl(from) },
        destination: { ...facts('d'), ...ttl(to) },
        sample: [],
        reservedAttribute: '_ferry',
        nowMs: NOW_MS,
        projection: { attributes },
      })
        .filter(({ subject }) => subject.endsWith('ttl'))
        .map(({ says, advice }) => `${says} ${advice}`);
    const renamed = { rename: { ttl: 'until' } };

    expect(said({ drop: ['ttl'] }, 'ttl', 'ttl')).toEqual([
      'The projection drops "ttl", by which items of d/Orders expire. Items of the twin then do not expire. Ferry replicates the deletes of expired items if "ttlDeletes" is "replicate", the default.',
    ]);
    expect(said(renamed, 'ttl', 'ttl')).toEqual([
      expect.stringContaining('The projection renames "ttl", by which items of d/Orders expire.'),
    ]);
    expect(said(renamed, 'ttl', 'until')).toEqual([
      expect.stringContaining('Items expire by "ttl" on both sides, which is "until" on the twin.'),
    ]);
    expect(said(renamed, 'ttl', 'other')).toEqual([
      expect.stringContaining('The twin would lose items that the source has.'),
    ]);
    expect(said({ drop: ['a'] }, 'ttl', 'ttl')).toEqual([
      expect.stringContaining('Items expire by "ttl" on both sides. Replicating'),
    ]);
  });

  it('names what a projection cannot do, and what to do instead', () => {
    const found = preflight({
      source: { ...facts('s'), indexes: numbered.indexes },
      destination: { ...facts('d'), indexes: numbered.indexes },
      sample: [],
      reservedAttribute: '_ferry',
      nowMs: NOW_MS,
      projection: { keepItems, attributes: { drop: ['pk'], hash } },
    });
    const said = found.map(({ subject, says, advice }) => `${subject}: ${says} ${advice}`);

    expect(said).toEqual([
      'projection-key: The projection does not fit s/Orders: projection.attributes.drop.0 must not be about a key attribute, which stays as it is, got "pk". Key attributes cannot be dropped, hashed, renamed or set. Correct the projection.',
      expect.stringMatching(
        /^projection-stream: .* "keepItems" leaves items out, so Ferry needs old images, too\..*StreamViewType=NEW_AND_OLD_IMAGES`/,
      ),
      'projection-index: The projection hashes "day", which is a key of the index by of d/Orders. A hash is of type S, and the key of the index is of type N: the twin rejects the items, and they become dead letters.',
      expect.stringContaining('stream-age'),
    ]);
  });

  it('needs old images of both streams where either table can become the source', () => {
    const both = { stream: { arn: 'a', viewType: 'NEW_AND_OLD_IMAGES' } };
    const ttl = { timeToLiveAttribute: 'ttl' };
    const isSwitched = true;

    expect(look(both, both, { isSwitched })).toEqual([]);
    expect(look({}, both, { isSwitched })).toEqual(['error switching-stream']);
    expect(look(both, {}, { isSwitched })).toEqual(['error switching-stream']);
    expect(look(both, { stream: undefined }, { isSwitched })).toEqual(['error switching-stream']);
    expect(look({ stream: undefined }, both, { isSwitched })).toEqual(['error stream']);
    expect(look({ ...both, ...ttl }, both, { isSwitched })).toEqual(['note ttl']);
    expect(look({ ...both, ...ttl }, { ...both, ...ttl }, { isSwitched })).toEqual(['warning ttl']);
    const [missing] = preflight({
      source: { ...facts('s'), ...both },
      destination: { ...facts('d'), stream: undefined },
      sample: [],
      reservedAttribute: '_ferry',
      nowMs: NOW_MS,
      isSwitched,
    });
    expect(missing).toMatchObject({
      says: 'd/Orders has no stream.',
      advice:
        'With "switching", Ferry reads both streams, and needs their old images, too. Enable it with new and old images: `aws dynamodb update-table --region d --table-name Orders --stream-specification StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES`.',
    });
  });

  it('puts errors first, and says of each what to do', () => {
    const found = preflight({
      source: { ...facts('s'), timeToLiveAttribute: 'ttl', stream: undefined },
      destination: { ...facts('d'), items: 5 },
      sample: [],
      reservedAttribute: '_ferry',
      nowMs: NOW_MS,
    });

    expect(found.map(({ severity }) => severity)).toEqual(['error', 'warning', 'note']);
    expect(
      found.filter(({ says, advice }) => !says.endsWith('.') || !advice.endsWith('.')),
    ).toEqual([]);
  });

  it('says from when on the stream tells', () => {
    const old = preflight({
      source: facts('s'),
      destination: facts('d'),
      sample: [],
      reservedAttribute: '_ferry',
      nowMs: NOW_MS,
    });

    // A stream keeps a day.
    expect(old[0]?.says).toContain('2026-02-01T12:00:00.000Z');
  });
});

describe('what protects the twin', () => {
  const found = (pointInTimeRecovery: boolean | string, deletionProtection: boolean | string) =>
    look({}, {}, { protection: { pointInTimeRecovery, deletionProtection } });

  it.each<[string, boolean | string, boolean | string, string[]]>([
    ['nothing where both are on', true, true, []],
    [
      'each that is off',
      false,
      false,
      ['warning point-in-time-recovery', 'warning deletion-protection'],
    ],
    [
      'each that is not known',
      'access was denied',
      'access was denied',
      ['note point-in-time-recovery', 'note deletion-protection'],
    ],
  ])('says %s', (_, recovery, deletion, findings) => {
    expect(found(recovery, deletion)).toEqual(findings);
  });

  it('says nothing where the endpoint has no backups', () => {
    expect(look({}, {}, { protection: undefined })).toEqual([]);
  });

  it('says how to enable it', () => {
    const protection = { pointInTimeRecovery: false, deletionProtection: 'access was denied' };
    const [off, unknown] = preflight({
      source: facts('source'),
      destination: { ...facts('eu-west-1'), stream: undefined },
      sample: [],
      reservedAttribute: '_ferry',
      nowMs: NOW_MS,
      protection,
    }).filter(({ subject }) => /recovery|protection/.test(subject));

    expect(off?.advice).toContain(
      'aws dynamodb update-continuous-backups --region eu-west-1 --table-name Orders --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true',
    );
    expect(unknown?.says).toContain('access was denied');
  });
});
