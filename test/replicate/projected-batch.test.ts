// Batches under a projection that items enter and leave: which requests they cost, and what the twin has after every
// delivery that Lambda could produce.

import { beforeAll, describe, expect, it } from 'vitest';
import { parseAnnouncement } from '../../src/model/announcement.ts';
import { type Projection, ProjectionFailed } from '../../src/model/projection.ts';
import { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import { TAIL_MS, WRITE_TIME_MS } from '../../src/config/names.ts';
import { useEngine } from '../fixtures/engine.ts';
import {
  changesOf,
  PROJECTION,
  type State,
  twinContentOf,
  withoutOldImage,
} from '../fixtures/projected-changes.ts';
import { lambdaRecord, SETTINGS } from '../fixtures/records.ts';
import { invocation, NOW_MS, scripted, scriptedReader } from '../fixtures/replication.ts';

const RULES = { ...SETTINGS, projection: PROJECTION };
const SKIP = { ...RULES, ttlDeletes: 'skip' as const };

/** A destination that takes everything, and notes operations and versions. */
function recording() {
  const twinWriter = scripted(() => ({ kind: 'written' }));
  const operations = () =>
    twinWriter.requests.map((request) => {
      const [, sequenceNumber] = /\.0*([1-9]\d*)"/.exec(JSON.stringify(request)) ?? [];
      return `${request.operation} ${sequenceNumber}`;
    });
  return { twinWriter, operations };
}

describe('the requests of a batch', () => {
  it.each<[string, State[], string[], object]>([
    ['is never kept', ['gone', 'out', 'out', 'gone'], [], { skipped: 3 }],
    ['was outside, and is deleted', ['out', 'gone'], [], { skipped: 1 }],
    ['enters', ['out', 'in'], ['PutItem 1'], { applied: 1 }],
    ['changes', ['in', 'in'], ['PutItem 1'], { applied: 1 }],
    ['leaves', ['in', 'out'], ['UpdateItem 1', 'DeleteItem 1'], { applied: 1 }],
    [
      'leaves, and stays outside',
      ['in', 'out', 'out', 'out'],
      ['UpdateItem 3', 'DeleteItem 3'],
      { applied: 1, coalesced: 2 },
    ],
    [
      'leaves, and is deleted outside',
      ['in', 'out', 'gone'],
      ['UpdateItem 2', 'DeleteItem 2'],
      { applied: 1, coalesced: 1 },
    ],
    [
      'enters and leaves',
      ['out', 'in', 'out'],
      ['UpdateItem 2', 'DeleteItem 2'],
      { applied: 1, coalesced: 1 },
    ],
    ['leaves and enters', ['in', 'out', 'in'], ['PutItem 2'], { applied: 1, coalesced: 1 }],
    [
      'is deleted and made again outside',
      ['in', 'gone', 'out'],
      ['UpdateItem 2', 'DeleteItem 2'],
      { applied: 1, coalesced: 1 },
    ],
    [
      'fails in the middle, and changes on',
      ['in', 'in', 'broken', 'in'],
      ['PutItem 3', 'UpdateItem 2'],
      { applied: 1, coalesced: 1, 'dead-lettered': 1 },
    ],
    [
      'fails in the middle, and leaves',
      ['in', 'broken', 'out'],
      ['UpdateItem 2', 'DeleteItem 2', 'UpdateItem 1'],
      { applied: 1, 'dead-lettered': 1 },
    ],
    [
      'fails in the end',
      ['in', 'in', 'broken'],
      ['PutItem 1', 'UpdateItem 2'],
      { applied: 1, 'dead-lettered': 1 },
    ],
    [
      'fails outside',
      ['out', 'out', 'broken'],
      ['UpdateItem 2'],
      { skipped: 1, 'dead-lettered': 1 },
    ],
  ])('whose item %s', async (_, states, operations, counts) => {
    const destination = recording();
    const twinReader = scriptedReader(() => ({ items: [], unprocessed: [] }));
    const context = invocation({ rules: RULES, twinWriter: destination.twinWriter, twinReader });

    const summary = await replicateBatch(changesOf(states), context);

    expect(destination.operations()).toEqual(operations);
    expect(summary).toMatchObject({ batchItemFailures: [], counts });
    expect(twinReader.requests).toEqual([]);
  });

  it.each<[string, State[], string[], object]>([
    ['expires inside', ['in', 'expired'], [], { skipped: 1 }],
    ['expires outside', ['out', 'expired'], [], { skipped: 1 }],
    // The twin may still have the item that has expired.
    [
      'is changed, expires, and is made again outside',
      ['in', 'in', 'expired', 'out', 'out'],
      ['PutItem 1', 'UpdateItem 4', 'DeleteItem 4'],
      { applied: 2, coalesced: 1, skipped: 1 },
    ],
    [
      'is made outside, and deleted',
      ['gone', 'out', 'gone'],
      ['UpdateItem 2', 'DeleteItem 2'],
      { applied: 1, coalesced: 1 },
    ],
    ['changes outside', ['out', 'out'], [], { skipped: 1 }],
    [
      'is outside, expires, and is made again inside',
      ['out', 'out', 'expired', 'in'],
      ['PutItem 3'],
      { applied: 1, skipped: 2 },
    ],
    [
      'leaves, and expires outside',
      ['in', 'out', 'expired'],
      ['UpdateItem 1', 'DeleteItem 1'],
      { applied: 1, skipped: 1 },
    ],
  ])('whose item %s, where expiries are skipped', async (_, states, operations, counts) => {
    const destination = recording();
    const context = invocation({ rules: SKIP, twinWriter: destination.twinWriter });

    const summary = await replicateBatch(changesOf(states), context);

    expect(destination.operations()).toEqual(operations);
    expect(summary).toMatchObject({ batchItemFailures: [], counts });
  });

  it('makes an item that enters like a new one, and one that stays like an old one', async () => {
    const { twinWriter } = recording();

    for (const before of ['out', 'in'] as const)
      await replicateBatch(changesOf([before, 'in']), invocation({ rules: RULES, twinWriter }));

    const conditions = twinWriter.requests.map(
      ({ input }) => (input as { ConditionExpression?: string }).ConditionExpression,
    );
    expect(conditions[0]).toContain('attribute_not_exists(#pk) OR');
    expect(conditions[1]).toContain('attribute_exists(#pk) AND');
  });

  it('looks up the tombstone of an item that enters late', async () => {
    const twinReader = scriptedReader(() => ({ items: [], unprocessed: [] }));
    const late = { createdAtSeconds: NOW_MS / 1000 - 600 };
    const context = invocation({ rules: RULES, twinReader });

    await replicateBatch(changesOf(['out', 'in'], late), context);

    expect(twinReader.requests).toHaveLength(1);
  });

  it('announces an item that leaves, and none that was never kept', async () => {
    const context = invocation({ rules: RULES });

    await replicateBatch(
      [
        ...changesOf(['in', 'out', 'out'], { id: 'leaving', first: 1 }),
        ...changesOf(['gone', 'out', 'gone'], { id: 'outside', first: 3 }),
      ],
      context,
    );

    const deletes = context.announced.flatMap((body) => parseAnnouncement(body)?.deletes ?? []);
    expect(deletes.map(({ key }) => key)).toEqual([{ pk: { S: 'leaving' } }]);
    expect(deletes[0]?.version).toMatch(/\.0{39}2$/);
  });

  it('writes to the end of the time where nothing is deleted', async () => {
    const twinWriter = scripted(() => ({ kind: 'written' }));
    // Enough for a write, and not for announcements or letters after it.
    const remainingMs = () => WRITE_TIME_MS + TAIL_MS - 1;
    const batch = (states: State[]) => [
      ...changesOf(['in', 'in'], { id: 'changed', first: 1 }),
      ...changesOf(states, { id: 'other', first: 2 }),
    ];
    const run = (states: State[]) =>
      replicateBatch(batch(states), invocation({ rules: RULES, twinWriter, remainingMs }));

    expect((await run(['out', 'out'])).counts).toMatchObject({ applied: 1, skipped: 1 });
    expect((await run(['in', 'out'])).counts).toMatchObject({ applied: 0 });
  });
});

describe('figures under a projection', () => {
  it('measure latency from the stamp of the source, also where the twin does not have it', async () => {
    const rules = { ...RULES, timestampAttribute: 'email' };
    const record = lambdaRecord({
      attributes: { country: { S: 'de' }, email: { N: String(NOW_MS - 42) } },
    });

    const summary = await replicateBatch([record], invocation({ rules }));

    expect(summary).toMatchObject({ latenciesMs: [42], timestampFallbacks: 0 });
  });

  it('have no latency of what is left out', async () => {
    const summary = await replicateBatch(changesOf(['gone', 'out']), invocation({ rules: RULES }));

    expect(summary).toMatchObject({ latenciesMs: [], retried: 0, causes: {} });
  });
});

describe('a projection that fails for everything', () => {
  const SAID = 'SAIDMARK';
  const failing: Projection = {
    digest: '0'.repeat(64),
    filters: true,
    project() {
      throw new ProjectionFailed('ProjectionFailed', SAID);
    },
  };
  const rules = { ...SETTINGS, projection: failing };
  const batch = (count: number) =>
    Array.from({ length: count }, (_, index) =>
      lambdaRecord({ id: `order-${index}`, sequenceNumber: String(index + 1) }),
    );

  it('is held, with nothing put aside and nothing of it in the log', async () => {
    const context = invocation({ rules });

    const summary = await replicateBatch(batch(200), context);

    expect(summary).toMatchObject({ held: 200, batchItemFailures: [{ itemIdentifier: '1' }] });
    expect(context.letters).toEqual([]);
    expect(context.logged).toContainEqual({
      event: 'batch.held',
      why: 'nearly everything is rejected: ProjectionFailed',
    });
    expect(JSON.stringify(context.logged)).not.toContain(SAID);
  });

  it('is put aside record by record where the configuration says so', async () => {
    const context = invocation({ rules: { ...rules, systemicRejections: 'dead-letter' } });

    const { counts } = await replicateBatch(batch(200), context);

    expect(counts['dead-lettered']).toBe(200);
    expect(context.letters[0]).toMatchObject({
      reason: { name: 'ProjectionFailed', message: SAID },
    });
    expect(context.logged).toContainEqual({
      event: 'batch.troubled',
      retried: 0,
      causes: { 'dead-lettered.ProjectionFailed': 200 },
      errors: {},
    });
  });

  it('leaves what is deleted to be deleted', async () => {
    const destination = recording();
    const context = invocation({ rules, twinWriter: destination.twinWriter });

    await replicateBatch([lambdaRecord({ eventName: 'REMOVE', sequenceNumber: '7' })], context);

    expect(destination.operations()).toEqual(['UpdateItem 7', 'DeleteItem 7']);
  });
});

describe('a stream of NEW_IMAGE', () => {
  it.each<[string, State[]]>([
    ['leaves', ['in', 'out']],
    ['stays outside', ['out', 'out']],
  ])('is held where an item %s: it is not known whether the twin had it', async (_, states) => {
    const destination = recording();
    const context = invocation({ rules: RULES, twinWriter: destination.twinWriter });
    const records = [
      ...changesOf(['gone', 'in'], { id: 'other', first: 1 }),
      ...changesOf(states, { first: 2 }),
    ].map(withoutOldImage);

    const summary = await replicateBatch(records, context);

    expect(summary).toMatchObject({ held: 2, batchItemFailures: [{ itemIdentifier: '1' }] });
    expect(destination.operations()).toEqual([]);
    expect(context.logged).toContainEqual({
      event: 'batch.held',
      why: 'the projection leaves items out, which needs a stream of NEW_AND_OLD_IMAGES',
      records: 2,
    });
  });

  it('goes on with what is made outside, and deletes what may have been there', async () => {
    const destination = recording();
    const context = invocation({ rules: RULES, twinWriter: destination.twinWriter });
    const records = [
      ...changesOf(['gone', 'out'], { id: 'made', first: 1 }),
      ...changesOf(['out', 'gone'], { id: 'deleted', first: 2 }),
    ].map(withoutOldImage);

    const { counts } = await replicateBatch(records, context);

    expect(counts).toMatchObject({ applied: 1, skipped: 1 });
    expect(destination.operations()).toEqual(['UpdateItem 2', 'DeleteItem 2']);
  });
});

describe('the twin', () => {
  const TWIN = 'projected-twin';
  const engine = useEngine();
  beforeAll(() => engine().createTable(TWIN, [{ name: 'pk', type: 'S' }]));

  const LIVES: State[][] = [
    ['gone', 'in', 'out', 'out'],
    ['gone', 'out', 'in', 'out', 'in'],
    ['gone', 'out', 'out', 'gone', 'in'],
    ['gone', 'in', 'out', 'gone', 'out'],
    ['gone', 'in', 'gone', 'out', 'in'],
    ['gone', 'in', 'in', 'out', 'in'],
    ['gone', 'in', 'expired', 'out', 'out'],
    ['gone', 'out', 'broken', 'out', 'in'],
    ['gone', 'in', 'broken', 'out', 'out'],
    ['gone', 'in', 'out', 'broken', 'gone'],
  ];
  let lives = 0;

  /** All ways in which bisecting could part `length` records into batches. */
  const partings = (length: number) =>
    Array.from({ length: 2 ** (length - 1) }, (_, bits) => {
      const ends = Array.from({ length }, (_record, index) => index + 1);
      return ends.filter((end) => end === length || (bits >> (end - 1)) % 2 === 1);
    });

  async function deliver(records: readonly object[], tombstones: 'checked' | 'strict') {
    const { twinWriter, twinReader } = engine();
    const rules = { ...RULES, destinationTable: TWIN, tombstones };
    const context = invocation({ rules, twinWriter, twinReader });
    const { batchItemFailures } = await replicateBatch(records, context);
    expect(batchItemFailures).toEqual([]);
  }

  async function contentAt(id: string) {
    const { _ferry: _, ...content } = (await engine().get(TWIN, { pk: { S: id } })) ?? {};
    return Object.keys(content).length === 0 ? undefined : content;
  }

  describe.each(['checked', 'strict'] as const)('with %s tombstones', (tombstones) => {
    it.each(LIVES.map((life) => [life.join(' '), life] as const))(
      'is the projection of the source after %s, however it is delivered, and again',
      async (_, life) => {
        for (const ends of partings(life.length - 1)) {
          const id = `item-${(lives += 1)}`;
          // No insert is young: the exceptions of "checked" have tests of their own.
          const records = changesOf(life, { id, createdAtSeconds: NOW_MS / 1000 - 600 });
          const wanted = twinContentOf(id, life.at(-1) ?? 'gone', life.length - 1);
          let from = 0;
          for (const end of ends) {
            await deliver(records.slice(from, end), tombstones);
            from = end;
          }
          expect([ends, await contentAt(id)]).toEqual([ends, wanted]);
          for (const end of records.keys()) {
            await deliver(records.slice(0, end + 1), tombstones);
            expect([ends, end, await contentAt(id)]).toEqual([ends, end, wanted]);
          }
        }
      },
    );
  });
});
