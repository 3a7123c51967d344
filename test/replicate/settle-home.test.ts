// Batches of a table whose items have homes: what was made here is replicated, and of the rest it is known who
// made it.

import { describe, expect, it } from 'vitest';
import { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import { invocation, serviceError } from '../fixtures/replication.ts';
import { changed } from '../fixtures/switched.ts';
import { at, byFerry, carry, HOMES, rowOf, rulesWith } from '../fixtures/two-way.ts';

const [ONE, TWO, THREE] = [at(1, 2), at(2, 2), at(3, 2)];
type Facts = Parameters<typeof changed>[0];
const record = (facts: Facts) => changed({ id: 'eu#1', ...facts });
const inserted = (id: string, sequenceNumber: string) =>
  changed({ id, sequenceNumber, eventName: 'INSERT', attributes: byFerry(TWO) });
const KEPT = { twoWay: { ...HOMES, losers: 'keep' } } as const;

describe('a record', () => {
  const remembered = [rowOf('eu#1', { d: TWO })];

  it.each<[string, Facts, object]>([
    ['made at home is replicated', { id: 'us#1', before: {} }, { applied: 1 }],
    ['of Ferry needs nothing', { attributes: byFerry(TWO), before: byFerry(ONE) }, { own: 1 }],
    ['of an application is a stray', { before: byFerry(ONE) }, { stray: 1 }],
    [
      'of a delete that is remembered is own',
      { eventName: 'REMOVE', before: byFerry(TWO) },
      { own: 1 },
    ],
    [
      'of a delete that is not is a stray',
      { eventName: 'REMOVE', before: byFerry(THREE) },
      { stray: 1 },
    ],
  ])('%s', async (_, facts, counts) => {
    const { summary, far, near } = await carry([record(facts)], {
      twoWay: HOMES,
      rows: remembered,
    });

    expect(summary).toMatchObject({ counts, retried: 0, batchItemFailures: [] });
    expect(far).toHaveLength('applied' in counts ? 1 : 0);
    expect(near).toEqual([]);
  });

  it('that makes no sense is put aside, wherever its home is', async () => {
    const { dynamodb, ...rest } = record({ before: {} }) as { dynamodb: object };

    const { summary } = await carry([{ ...rest, dynamodb: { ...dynamodb, NewImage: 5 } }], {
      twoWay: HOMES,
    });

    expect(summary.counts).toMatchObject({ 'dead-lettered': 1 });
  });
});

describe('an insert of Ferry', () => {
  it.each<[string, string, number]>([
    ['above the delete that is remembered stays', ONE, 0],
    ['with its very version stays', TWO, 0],
    ['below it came late, and is taken away', THREE, 1],
  ])('%s', async (_, d, revenants) => {
    const { summary, near } = await carry([inserted('eu#1', '1')], {
      twoWay: HOMES,
      rows: [rowOf('eu#1', { d })],
    });

    expect(summary).toMatchObject({ counts: { own: 1 }, twoWay: { revenants }, retried: 0 });
    expect(summary.causes).toEqual(revenants > 0 ? { revenant: 1 } : {});
    const removal = {
      operation: 'DeleteItem',
      input: { ConditionExpression: '#f.#v < :d', ExpressionAttributeValues: { ':d': { S: d } } },
    };
    expect(near).toMatchObject(revenants > 0 ? [removal] : []);
  });

  it('that replaces a stray may be late, too', async () => {
    const late = record({ attributes: byFerry(TWO), before: {} });

    const { summary, near } = await carry([late], {
      twoWay: HOMES,
      rows: [rowOf('eu#1', { d: THREE })],
    });

    expect(summary).toMatchObject({ counts: { own: 1 }, twoWay: { revenants: 1 } });
    expect(near).toHaveLength(1);
  });

  it('is looked at with a hundred others in one request', async () => {
    const batch = Array.from({ length: 250 }, (_, index) =>
      inserted(`eu#${index}`, String(index + 1)),
    );

    const { summary, reads } = await carry(batch, { twoWay: HOMES });

    expect(summary.counts.own).toBe(250);
    expect(reads).toHaveLength(3);
  });

  it('that cannot be looked at is unfinished, and what needs no look is not', async () => {
    const batch = [
      record({ sequenceNumber: '1', before: byFerry(ONE) }),
      inserted('eu#2', '2'),
      changed({ id: 'us#1', sequenceNumber: '3', before: {} }),
    ];

    const { summary, far } = await carry(batch, {
      twoWay: HOMES,
      rows: serviceError('AccessDeniedException'),
    });

    expect(summary.batchItemFailures).toEqual([{ itemIdentifier: '2' }]);
    expect(summary.counts.stray).toBe(1);
    expect(far).toHaveLength(1);
  });

  it('that cannot be taken away is unfinished', async () => {
    const { summary } = await carry([inserted('eu#1', '1')], {
      twoWay: HOMES,
      rows: [rowOf('eu#1', { d: THREE })],
      near: () => Promise.reject(serviceError('AccessDeniedException')),
    });

    expect(summary).toMatchObject({ retried: 1, causes: { 'unfinished.denied': 1 } });
    expect(summary.failures.denied).toBe(0);
  });
});

describe('a stray', () => {
  const stray = record({
    sequenceNumber: '5',
    attributes: { n: { N: '1' } },
    before: byFerry(ONE),
  });

  it('is kept, if that is wanted', async () => {
    const { objects, summary } = await carry([stray], KEPT);

    const [body = ''] = objects.values();
    expect(JSON.parse(body)).toMatchObject({
      kind: 'stray',
      lost: { n: { N: '1' } },
      won: byFerry(ONE),
      wonVersion: ONE,
    });
    expect(summary.causes).toEqual({ stray: 1 });
    expect((await carry([stray], { twoWay: HOMES })).objects.size).toBe(0);
  });

  it('is kept whatever its time', async () => {
    const { objects, summary } = await carry(
      [record({ createdAtSeconds: 1e300, before: {} })],
      KEPT,
    );

    expect([...objects.keys()]).toEqual([expect.stringMatching(/^losers\/1970-01-01\//)]);
    expect(summary).toMatchObject({ counts: { stray: 1 }, retried: 0 });
  });

  it('that cannot be kept is unfinished; what was made at home is written before', async () => {
    const { summary, far } = await carry(
      [stray, changed({ id: 'us#1', sequenceNumber: '6', before: {} })],
      {
        ...KEPT,
        bucket: serviceError('AccessDenied'),
      },
    );

    expect(summary).toMatchObject({ batchItemFailures: [{ itemIdentifier: '5' }], retried: 2 });
    expect(far).toHaveLength(1);
  });
});

describe('a batch is held', () => {
  it('without old images', async () => {
    const { summary, logged, far } = await carry([record({})], { twoWay: HOMES });

    expect(summary).toMatchObject({ held: 1, batchItemFailures: [{}] });
    expect(logged).toContainEqual(expect.objectContaining({ event: 'batch.held' }));
    expect(far).toEqual([]);
  });

  it('by throwing, where the other direction was not opened', async () => {
    const context = { ...invocation(), rules: rulesWith(HOMES) };

    await expect(replicateBatch([record({ before: {} })], context)).rejects.toThrow(
      /other direction/,
    );
  });
});
