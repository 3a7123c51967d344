// Batches of a table with stamped writes: what is pushed, looked at, remembered, counted and kept.

import { describe, expect, it } from 'vitest';
import { LATE_REQUEST_MS } from '../../src/config/names.ts';
import { nextVersion } from '../../src/model/clock-version.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import type { WriteReply } from '../../src/ports.ts';
import { serviceError } from '../fixtures/replication.ts';
import { streamRecord } from '../fixtures/records.ts';
import { changed } from '../fixtures/switched.ts';
import {
  at,
  byFerry,
  carry,
  rowOf,
  STAMPED,
  stamped,
  type TwoWaySetup,
  uniqueBy,
} from '../fixtures/two-way.ts';

type Facts = Parameters<typeof changed>[0];
const ID = 'order-1';
const [OURS, OURS_LATER] = [at(1, 1), at(5, 1)];
const [THEIRS, THEIRS_LATER] = [at(2, 2), at(6, 2)];
const KEPT = { ...STAMPED, losers: 'keep' } as const;

/** Their numbers are their places. */
const carried = (batch: readonly Facts[], setup: Partial<TwoWaySetup> = {}) =>
  carry(
    batch.map((facts, index) => changed({ sequenceNumber: String(index + 1), ...facts })),
    { twoWay: STAMPED, ...setup },
  );
/** As the ledger remembers it, whatever the epoch. */
const sequence = (number: string) =>
  streamRecord({ sequenceNumber: number }).version.replace(/^\d{4}/, '0000');
const put = (v: string, before?: object): Facts => ({ attributes: stamped(v), before });
const insert = (v: string): Facts => ({ ...put(v), eventName: 'INSERT' });
const own = (v: string, seen?: string, before?: object): Facts => ({
  attributes: byFerry(v, seen),
  before,
});
const ownInsert = (v: string): Facts => ({ ...own(v), eventName: 'INSERT' });
const remove = (before: object): Facts => ({ eventName: 'REMOVE', before });
const operations = (requests: readonly WriteRequest[]) =>
  requests.map(({ operation }) => operation);
const valuesOf = ({ input }: WriteRequest) =>
  (input as { ExpressionAttributeValues?: Record<string, { S?: string }> })
    .ExpressionAttributeValues ?? {};
const stampIn = (request: WriteRequest | undefined) =>
  (request?.input as { Item?: { _ferry?: object } } | undefined)?.Item?._ferry;
const row = (facts: Readonly<Record<string, string>>) => ({ rows: [rowOf(ID, facts)] });
const REFUSED: WriteReply & { kind: 'refused' } = { kind: 'refused', by: 'item' };

describe('a put of this side', () => {
  it('is pushed with its own version, and with what it had seen', async () => {
    const { summary, far, reads } = await carried([put(OURS_LATER, byFerry(THEIRS))]);

    expect(summary.counts.applied).toBe(1);
    expect(stampIn(far[0])).toMatchObject({ M: { v: { S: OURS_LATER }, b: { S: THEIRS } } });
    expect(reads).toEqual([]);
  });

  it('stands for older ones of its run', async () => {
    const { summary, far } = await carried([
      put(OURS, byFerry(at(0, 2))),
      put(OURS_LATER, stamped(OURS)),
    ]);

    expect(summary.counts).toMatchObject({ applied: 1, coalesced: 1 });
    expect(stampIn(far[0])).toMatchObject({ M: { v: { S: OURS_LATER }, b: { S: at(0, 2) } } });
  });

  it.each<[string, Parameters<typeof row>[0], number]>([
    ['no delete is remembered', {}, 1],
    ['a delete below it is remembered', { d: at(0, 2) }, 1],
    ['it was deleted since', { d: at(9, 1), p: sequence('1') }, 0],
    ['an earlier delete was handled', { d: at(0, 1), p: sequence('0') }, 1],
  ])('on an empty place is pushed where the ledger says so: %s', async (_, facts, pushed) => {
    const { summary, far, near, reads } = await carried([insert(OURS)], row(facts));

    expect(summary.counts).toMatchObject(pushed === 1 ? { applied: 1 } : { superseded: 1 });
    expect([far.length, near.length, reads.length]).toEqual([pushed, 0, 1]);
  });

  it.each<[string, Record<string, string>, string[]]>([
    ['is made there', {}, ['PutItem', 'PutItem']],
    ['is not, where the item was deleted since', { d: at(9, 1), p: sequence('1') }, ['PutItem']],
  ])('of an item that is not on the other side %s', async (_, facts, expected) => {
    const { far, reads } = await carried([put(OURS_LATER, stamped(OURS))], {
      ...row(facts),
      items: [rowOf(ID, facts)],
      far: (__, index) => (index === 0 ? REFUSED : { kind: 'written' }),
    });

    expect(operations(far)).toEqual(expected);
    expect(operations(reads as unknown as WriteRequest[])).toEqual(['GetItem']);
  });

  it('below a delete of the other side is taken away, and no conflict of its own', async () => {
    const { summary, far, near } = await carried([insert(OURS)], row({ d: THEIRS, b: at(0, 1) }));

    expect(summary).toMatchObject({ counts: { superseded: 1 }, twoWay: { conflicts: 0 } });
    expect(near).toMatchObject([
      { operation: 'DeleteItem', input: { ConditionExpression: '#f.#v < :d' } },
    ]);
    expect(far).toEqual([]);
  });

  it('that can never be applied leaves its place to the next one, in its own version', async () => {
    const far = (request: WriteRequest): WriteReply => {
      if (request.operation === 'PutItem' && JSON.stringify(request).includes(OURS_LATER))
        throw serviceError('ValidationException');
      return { kind: 'written' };
    };

    const { summary, letters } = await carried(
      [put(OURS, byFerry(at(0, 2))), put(OURS_LATER, stamped(OURS))],
      { far },
    );

    expect(summary.counts).toMatchObject({ applied: 1 });
    expect(letters).toMatchObject([{ version: OURS_LATER }]);
  });
});

describe('a put of this side below a delete of this side', () => {
  const DELETED = at(4, 1);
  const OURS_EARLIER = at(0, 1);
  /** Beside the digits of its contents. */
  const ABOVE = nextVersion(DELETED, 1, '').slice(0, 25);
  const image = (stamp: object) => ({ pk: { S: ID }, ...stamp });
  const putBackFor = (number: string) => ({
    _ferry: {
      M: {
        v: { S: nextVersion(DELETED, 1, uniqueBy(`${number}0000000000`)) },
        s: { S: sequence(number) },
      },
    },
  });

  it.each<[string, object | undefined, string[]]>([
    ['is stamped again', stamped(OURS), ['UpdateItem']],
    ['is put back over a late one of the other side', byFerry(THEIRS), ['PutItem']],
    ['is left where a later one was put back', putBackFor('2'), []],
    ['is put back over a stray', {}, ['PutItem']],
    ['is put back over what a merge has copied here', byFerry(OURS_EARLIER), ['PutItem']],
    ['is left where it was written since', stamped(OURS_LATER), []],
    ['is left where it was deleted since', undefined, []],
  ])('%s', async (_, found, expected) => {
    const items = [found && image(found)];

    const { summary, near, far } = await carried([insert(OURS)], { ...row({ d: DELETED }), items });

    expect(summary.counts.coalesced).toBe(1);
    expect(operations(near)).toEqual(expected);
    for (const request of near) expect(JSON.stringify(request)).toContain(`"S":"${ABOVE}`);
    expect(far).toEqual([]);
  });

  const other = { total: { N: '9' } };
  it.each<[string, object, 0 | 1]>([
    ['over what was put back for an earlier record', { ...putBackFor('1'), ...other }, 1],
    ['not over the same contents', putBackFor('1'), 0],
    ['not over what was put back for a later one', { ...putBackFor('3'), ...other }, 0],
  ])('is put back above the same delete %s', async (_, found, times) => {
    const items = [image(found)];

    const { near } = await carried([{ ...insert(OURS), id: 'other' }, insert(OURS)], {
      ...row({ d: DELETED }),
      items,
    });

    const stamps = near.filter(({ operation }) => operation === 'PutItem').map(stampIn);
    expect(stamps).toEqual(
      Array.from({ length: times }, () => ({
        M: { v: { S: expect.stringContaining(ABOVE) as string }, s: { S: sequence('2') } },
      })),
    );
  });

  it('is read again where it was written meanwhile', async () => {
    const items = [image(stamped(OURS)), image(stamped(OURS_LATER))];

    const { near, summary } = await carried([insert(OURS)], {
      ...row({ d: DELETED }),
      items,
      near: () => REFUSED,
    });

    expect(near).toHaveLength(1);
    expect(summary.counts.coalesced).toBe(1);
  });

  it('gets one version for each of the contents that its record finds', async () => {
    const found = [{ total: { N: '1' } }, { total: { N: '2' } }, { total: { N: '1' } }];
    const versions = await Promise.all(
      found.map(async (contents) => {
        const items = [image({ ...stamped(OURS), ...contents })];
        const { near } = await carried([insert(OURS)], { ...row({ d: DELETED }), items });
        return valuesOf(near[0] as WriteRequest)[':stamp'];
      }),
    );

    expect(versions[0]).toEqual(versions[2]);
    expect(versions[0]).not.toEqual(versions[1]);
  });

  it('is waited for where it was given up, so that nothing overtakes it', async () => {
    const { summary, near, far, waits } = await carried([insert(OURS), remove(stamped(OURS))], {
      ...row({ d: DELETED }),
      items: [image(stamped(OURS))],
      near: () => {
        throw serviceError('TimeoutError');
      },
    });

    expect(summary.retried).toBe(2);
    expect([near.length, far.length]).toEqual([1, 0]);
    expect(waits).toEqual([LATE_REQUEST_MS]);
  });

  it('is unfinished where it is written again and again', async () => {
    const items = Array.from({ length: 9 }, () => image(stamped(OURS)));

    const { summary } = await carried([insert(OURS)], {
      ...row({ d: DELETED }),
      items,
      near: () => REFUSED,
    });

    expect(summary.retried).toBe(1);
  });
});

describe('a put that a function has stamped', () => {
  const DELETED = at(4, 1);
  const STAMP = nextVersion(at(1, 1), 1, uniqueBy('9'));

  it('is taken away below a delete of this side: it was deleted before it was stamped', async () => {
    const { near, far } = await carried(
      [put(STAMP, byFerry(at(0, 2)))],
      row({ d: DELETED, p: sequence('0') }),
    );

    expect(near).toMatchObject([
      { operation: 'DeleteItem', input: { ConditionExpression: '#f = :f' } },
    ]);
    expect(far).toEqual([]);
  });

  it('is pushed above it', async () => {
    const { far } = await carried([put(STAMP, byFerry(at(0, 2)))], row({ d: at(0, 1) }));

    expect(operations(far)).toEqual(['PutItem']);
  });
});

describe('a write of Ferry', () => {
  it.each<[string, Facts, number, number]>([
    ['over one that it had seen', own(THEIRS_LATER, OURS, stamped(OURS)), 0, 0],
    ['over one that it had not seen', own(THEIRS_LATER, at(0, 1), stamped(OURS)), 1, 1],
    ['over one of its own side', own(THEIRS_LATER, undefined, byFerry(THEIRS)), 0, 0],
  ])('tells a conflict, and writes nothing: %s', async (_, facts, conflicts, read) => {
    const { summary, far, near, reads } = await carried([facts]);

    expect(summary).toMatchObject({ counts: { own: 1 }, twoWay: { conflicts } });
    expect([far, near]).toEqual([[], []]);
    expect(reads).toHaveLength(read);
    expect(summary.causes).toEqual(conflicts === 1 ? { conflict: 1 } : {});
  });

  it.each<[string, Record<string, string>, object | undefined, string[]]>([
    ['is put back', { d: at(8, 1) }, byFerry(THEIRS), ['PutItem']],
    ['is left where it was deleted since', { d: at(8, 1), p: sequence('1') }, byFerry(THEIRS), []],
    ['is left where another one is above the delete', { d: at(8, 1) }, stamped(at(9, 1)), []],
    ['is stamped where it was written since', { d: at(8, 1) }, stamped(OURS_LATER), ['UpdateItem']],
    ['is left below a delete of the other side', { d: at(8, 2) }, byFerry(THEIRS), []],
  ])('below a delete of this side: what it has replaced %s', async (_, facts, found, expected) => {
    const items = [{ pk: { S: ID }, ...found }];

    const { near } = await carried([own(THEIRS, at(0, 1), stamped(OURS))], {
      ...row(facts),
      items,
    });

    expect(operations(near)).toEqual(expected);
  });

  it.each<[string, Facts, Record<string, string>, { near: string[]; far: string[] }]>([
    ['above what was deleted stays', ownInsert(THEIRS), { d: OURS }, { near: [], far: [] }],
    [
      'below a delete of its side is taken away',
      ownInsert(THEIRS),
      { d: THEIRS_LATER },
      { near: ['DeleteItem'], far: [] },
    ],
    [
      'below a delete of this side is taken away here alone',
      ownInsert(THEIRS),
      { d: OURS_LATER, b: OURS },
      { near: ['DeleteItem'], far: [] },
    ],
    [
      'that a merge has copied back is of no application, and taken away',
      ownInsert(OURS),
      { d: OURS_LATER, b: OURS },
      { near: ['DeleteItem'], far: [] },
    ],
    [
      'over an item without a version is looked at, too',
      own(THEIRS, undefined, {}),
      { d: THEIRS_LATER },
      { near: ['DeleteItem'], far: [] },
    ],
  ])('on an empty place %s', async (_, facts, remembered, expected) => {
    const { summary, near, far } = await carried([facts], row(remembered));

    expect({ near: operations(near), far: operations(far) }).toEqual(expected);
    expect(summary).toMatchObject({
      counts: { own: 1 },
      twoWay: { revenants: expected.near.length },
    });
  });

  it('cannot be final where it cannot be taken away', async () => {
    const { summary } = await carried([ownInsert(THEIRS)], {
      ...row({ d: OURS_LATER }),
      near: () => Promise.reject(serviceError('AccessDeniedException')),
    });

    expect(summary).toMatchObject({ retried: 1, twoWay: { revenants: 0 } });
  });
});

describe('a delete', () => {
  const VERSION = nextVersion(at(1_500, 1), 1, uniqueBy('1'));

  it('of this side is remembered here, then there, and then done there', async () => {
    const { summary, near, far } = await carried([remove(stamped(at(1_500, 1)))]);

    expect(summary.counts.applied).toBe(1);
    expect(operations(near)).toEqual(['UpdateItem']);
    expect(valuesOf(near[0] as WriteRequest)).toMatchObject({
      ':v': { S: VERSION },
      ':b': { S: at(1_500, 1) },
      ':p': { S: sequence('1') },
    });
    expect(operations(far)).toEqual(['UpdateItem', 'DeleteItem']);
    expect(valuesOf(far[0] as WriteRequest)).toMatchObject({
      ':v': { S: VERSION },
      ':b': { S: at(1_500, 1) },
    });
    expect(valuesOf(far[0] as WriteRequest)).not.toHaveProperty(':p');
  });

  const TWICE = nextVersion(nextVersion(OURS_LATER, 1, ''), 1, uniqueBy('1'));
  const atItsSecond = (version: string) => new RegExp(`^0001\\.1769860800000\\.000001${version}`);
  it.each<[string, Facts, Record<string, string>, RegExp | string]>([
    ['the second of its record', remove({}), {}, atItsSecond('0')],
    ['what it had seen', remove(byFerry(THEIRS)), {}, nextVersion(THEIRS, 1, uniqueBy('1'))],
    ['what was put back above an older delete of this side', remove({}), { d: OURS_LATER }, TWICE],
    [
      'the same, where it has seen one with the time of that',
      remove(stamped(nextVersion(OURS_LATER, 1, uniqueBy('0')))),
      { d: OURS_LATER },
      TWICE,
    ],
    ['its second, where a later put was put aside', remove({}), { f: THEIRS }, atItsSecond('0')],
    [
      'nothing but what it had seen, where it is an expiry',
      { ...remove(stamped(OURS)), expired: true },
      {},
      nextVersion(OURS, 1, uniqueBy('1')),
    ],
  ])('of this side is as late as %s', async (_, facts, remembered, version) => {
    const { near } = await carried([facts], row(remembered));

    const { ':v': v } = valuesOf(near[0] as WriteRequest);
    expect(v?.S).toMatch(version);
  });

  it.each<[string, Facts, Record<string, string>, number | undefined]>([
    ['that had seen the item', remove(stamped(OURS)), { d: THEIRS, b: OURS }, 0],
    ['that had not seen the item', remove(stamped(OURS)), { d: THEIRS, b: at(0, 1) }, 1],
    ['of an item of its own side', remove(byFerry(THEIRS)), { d: THEIRS_LATER, b: OURS }, 0],
    ['of an item without a version', remove({}), { d: THEIRS, b: OURS }, 0],
    ['of a later epoch, of an item without a version', remove({}), { d: at(9, 2, 2) }, 0],
    ['that is older than the item', remove(stamped(OURS_LATER)), { d: THEIRS }, undefined],
    ['of an older epoch, of an item without a version', remove({}), { d: at(9, 2, 0) }, undefined],
  ])(
    'is Ferry’s, or of this side: by what is remembered, %s',
    async (_, facts, remembered, conflicts) => {
      const { summary, near, far } = await carried([facts], row(remembered));

      const counts = conflicts === undefined ? { applied: 1 } : { own: 1 };
      expect(summary).toMatchObject({ counts, twoWay: { conflicts: conflicts ?? 0 } });
      expect(near.length + far.length).toBe(conflicts === undefined ? 3 : 0);
    },
  );

  it.each<[string, Record<string, string>, number]>([
    ['is pushed again', { d: OURS_LATER, b: OURS }, 2],
    ['has nothing to push where the other side has deleted since', { d: THEIRS_LATER }, 0],
  ])('that was handled before %s', async (_, remembered, pushed) => {
    const { near, far } = await carried(
      [remove(stamped(OURS))],
      row({ ...remembered, p: sequence('1') }),
    );

    expect([near.length, far.length]).toEqual([0, pushed]);
  });

  it.each<[string, Record<string, { S: string }>, { near: number; far: number }]>([
    ['one of the other side that took it', { d: { S: THEIRS_LATER } }, { near: 1, far: 0 }],
    ['an older one of the other side', { d: { S: at(0, 2) } }, { near: 2, far: 2 }],
    ['a newer one of this side', { d: { S: OURS_LATER } }, { near: 2, far: 2 }],
    ['a later record', { d: { S: THEIRS }, p: { S: sequence('2') } }, { near: 1, far: 0 }],
    ['this record', { d: { S: OURS_LATER }, p: { S: sequence('1') } }, { near: 1, far: 2 }],
  ])('is decided again where the ledger knows by then %s', async (_, item, expected) => {
    const { summary, near, far } = await carried([remove(stamped(OURS))], {
      near: (__, index) =>
        index === 0 ? { ...REFUSED, by: 'ledger-row', item } : { kind: 'written' },
    });

    expect({ near: near.length, far: far.length }).toEqual(expected);
    expect(summary.retried).toBe(0);
  });

  it('comes again where the ledger learns of another one each time', async () => {
    const { summary, near } = await carried([remove(stamped(OURS))], {
      near: (_, index) => ({ ...REFUSED, by: 'ledger-row', item: { d: { S: at(index + 1, 1) } } }),
    });

    expect([near.length, summary.retried]).toEqual([5, 1]);
  });

  it('of an item below a delete of this side is no later than that one', async () => {
    const { near, far } = await carried([remove(byFerry(THEIRS))], row({ d: OURS_LATER, b: OURS }));

    // And above what was put back over it meanwhile.
    const above = nextVersion(nextVersion(OURS_LATER, 1, uniqueBy('1')), 1, uniqueBy('1'));
    for (const request of [...near, far[0]])
      expect(valuesOf(request as WriteRequest)).toMatchObject({ ':v': { S: above } });
  });

  it('by policy is skipped', async () => {
    const { summary, near, far } = await carried([{ ...remove(stamped(OURS)), expired: true }], {
      rules: { ttlDeletes: 'skip' },
    });

    expect(summary.counts.skipped).toBe(1);
    expect([near, far]).toEqual([[], []]);
  });

  it('before an insert of the same batch has the row read again', async () => {
    const { summary, reads, far } = await carried([remove(stamped(OURS)), insert(OURS_LATER)]);

    expect(summary.counts.applied).toBe(2);
    expect(reads.map(({ operation }) => operation)).toEqual(['BatchGetItem', 'GetItem']);
    expect(operations(far)).toEqual(['UpdateItem', 'DeleteItem', 'PutItem']);
  });
});

describe('an unfinished run', () => {
  it('is reported by its first record, also where that needed nothing, and is counted once', async () => {
    const batch = [
      own(THEIRS, at(0, 1), stamped(OURS)),
      put(OURS_LATER, byFerry(THEIRS)),
      { ...own(THEIRS, at(0, 1), stamped(OURS)), id: 'other' },
    ];

    const { summary } = await carried(batch, {
      far: () => Promise.reject(serviceError('ProvisionedThroughputExceededException')),
    });

    expect(summary.batchItemFailures).toEqual([{ itemIdentifier: '1' }]);
    expect(summary).toMatchObject({ retried: 3, twoWay: { conflicts: 0 } });
  });

  it('lets nothing of its item overtake it', async () => {
    const { summary, near } = await carried([put(OURS, byFerry(at(0, 2))), remove(stamped(OURS))], {
      far: () => Promise.reject(serviceError('AccessDeniedException')),
    });

    expect(summary.retried).toBe(2);
    expect(near).toEqual([]);
  });

  it('where the ledger cannot be read is one; runs that need no look are not', async () => {
    const batch = [{ ...put(OURS, byFerry(at(0, 2))), id: 'other' }, insert(OURS)];

    const { summary } = await carried(batch, { rows: serviceError('AccessDeniedException') });

    expect(summary).toMatchObject({
      counts: { applied: 1 },
      batchItemFailures: [{ itemIdentifier: '2' }],
      failures: { denied: 0 },
    });
  });
});

describe('what has lost', () => {
  const conflict = own(THEIRS_LATER, at(0, 1), stamped(OURS));

  it.each<[string, Facts, Record<string, string>, object]>([
    [
      'is replaced',
      conflict,
      {},
      { kind: 'replaced', lostVersion: OURS, wonVersion: THEIRS_LATER },
    ],
    [
      'is removed',
      remove(stamped(OURS)),
      { d: THEIRS, b: at(0, 1) },
      { kind: 'removed', lostVersion: OURS },
    ],
    ['is a stray', { before: stamped(OURS) }, {}, { kind: 'stray', wonVersion: OURS }],
  ])('%s, and kept if that is wanted', async (_, facts, remembered, expected) => {
    const { objects } = await carried([facts], { ...row(remembered), twoWay: KEPT });

    expect([...objects.values()].map((body) => JSON.parse(body) as unknown)).toMatchObject([
      expected,
    ]);
    expect((await carried([facts], row(remembered))).objects.size).toBe(0);
  });

  it('is unfinished until it is kept', async () => {
    const { summary } = await carried([conflict], {
      twoWay: KEPT,
      bucket: serviceError('SlowDown'),
    });

    expect(summary).toMatchObject({ retried: 1, twoWay: { conflicts: 0 } });
  });
});

describe('a later epoch', () => {
  it('holds everything from its first record on', async () => {
    const batch = [
      { ...put(OURS, byFerry(at(0, 2))), id: 'other' },
      put(at(0, 1, 2), {}),
      { before: stamped(OURS), id: 'third' },
    ];

    const { summary, logged } = await carried(batch);

    expect(summary).toMatchObject({ counts: { applied: 1, stray: 0 }, held: 2, retried: 2 });
    expect(logged).toContainEqual(expect.objectContaining({ event: 'batch.held' }));
  });
});
