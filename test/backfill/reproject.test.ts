// A backfill of a twin that another projection wrote, against a real engine: what is copied, rewritten, removed and left
// alone; what happens in between; and which projection the control row names in the end.

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import { dynamoDbReader } from '../../src/aws/dynamodb-reader.ts';
import { dynamoDbTransactions } from '../../src/aws/dynamodb-table.ts';
import { backfill, backfillProgress, continueSegment } from '../../src/backfill/backfill.ts';
import type { BackfillRun } from '../../src/backfill/checkpoint.ts';
import type { BackfillContext, RejectedCopy } from '../../src/backfill/context.ts';
import { projectionOf } from '../../src/backfill/projection.ts';
import { reprojectionOf } from '../../src/backfill/reproject-page.ts';
import { finishBackfill, openBackfill, planBackfill } from '../../src/backfill/run.ts';
import { LEDGER_ATTRIBUTES } from '../../src/config/names.ts';
import type { ProjectionConfig, TtlDeletes } from '../../src/config/schema.ts';
import { seededRandom } from '../../src/local/seeded-random.ts';
import { parseAnnouncement } from '../../src/model/announcement.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { parseControlRow, putControlRow } from '../../src/model/control-item.ts';
import { firstRow, nextEpoch, withPause, withProjection } from '../../src/model/control-row.ts';
import { floorOf, versionOf } from '../../src/model/guard.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import type { Projection } from '../../src/model/projection.ts';
import type { WriteRules } from '../../src/model/rules.ts';
import { withoutStamp } from '../../src/model/twin-item.ts';
import { paceOf } from '../../src/pacing/pace.ts';
import type { Clock, Item, ReadableTable } from '../../src/ports.ts';
import { projectedTable } from '../../src/projection/projected-table.ts';
import { rulesProjection } from '../../src/projection/rules-projection.ts';
import { isInOrder } from '../../src/redrive/replay.ts';
import { controlKey } from '../../src/model/control-item.ts';
import { useEngine } from '../fixtures/engine.ts';
import { SETTINGS, STREAM_ARN } from '../fixtures/records.ts';
import { NOW_MS } from '../fixtures/replication.ts';
import { contents, putAll } from '../fixtures/two-regions.ts';

const LABEL_MS = Date.parse('2026-01-31T12:00:00.000Z');
const FLOOR = floorOf({ epoch: 1, labelMs: LABEL_MS });
const version = (sequenceNumber: string) =>
  versionOf({ epoch: 1, labelMs: LABEL_MS }, sequenceNumber);
const stamp = (sequenceNumber: string) => ({
  _ferry: { M: { v: { S: version(sequenceNumber) }, o: { S: 'us-east-1' } } },
});

const KEEPS_EU: ProjectionConfig = {
  keepItems: { attribute: 'country', equals: { S: 'eu' } },
  attributes: { drop: ['email'] },
};
const keepsEu = rulesProjection(KEEPS_EU);
const dropsEmail = rulesProjection({ attributes: { drop: ['email'] } });
const OTHER = 'e'.repeat(64);

const item = (id: string, country = 'eu') => ({
  pk: { S: id },
  country: { S: country },
  email: { S: `${id}@example.com` },
});
const projected = (id: string) => ({ pk: { S: id }, country: { S: 'eu' } });

const engine = useEngine();
let scenes = 0;

describe('what becomes of an item that is kept', () => {
  const content = projected('a');
  const keyText = canonicalKey({ pk: { S: 'a' } });

  it.each([
    ['nothing', [[keyText, undefined]], 'copy'],
    ['the same', [[keyText, { ...content, ...stamp('7') }]], 'present'],
    ['another content', [[keyText, { ...item('a'), ...stamp('7') }]], 'rewrite'],
    ['what a batch could not read', [], 'rewrite'],
  ] as const)('where the twin has %s', (_, twins, wanted) => {
    const found = new Map<string, Item | undefined>(twins);

    expect(reprojectionOf({ content, keyText }, found, SETTINGS)).toBe(wanted);
  });
});

describe('the projection of a new run', () => {
  it.each([
    ['none anywhere', { wanted: undefined, written: undefined, isAsked: false }, {}],
    ['the same', { wanted: OTHER, written: OTHER, isAsked: false }, { projection: OTHER }],
    [
      'the first',
      { wanted: OTHER, written: undefined, isAsked: false },
      { projection: OTHER, reproject: true },
    ],
    [
      'another one, as asked',
      { wanted: OTHER, written: 'd', isAsked: true },
      { projection: OTHER, reproject: true },
    ],
    [
      'none any more, as asked',
      { wanted: undefined, written: 'd', isAsked: true },
      { reproject: true },
    ],
    [
      'the same, as asked',
      { wanted: OTHER, written: OTHER, isAsked: true },
      { projection: OTHER, reproject: true },
    ],
  ])('%s', (_, wish, wanted) => {
    expect(projectionOf(wish)).toEqual(wanted);
  });

  it.each([OTHER, undefined])(
    'has to be asked for where the twin has another one: %s',
    (wanted) => {
      expect(() => projectionOf({ wanted, written: 'd', isAsked: false })).toThrow(
        expect.objectContaining({
          code: 'backfill.projection-changed',
          hint: expect.stringContaining('--reproject') as string,
        }),
      );
    },
  );
});

describe('a backfill that reprojects', () => {
  it('copies, rewrites and removes what differs, and nothing else', async () => {
    const scene = await sceneOf(keepsEu, [
      ...['missing', 'equal', 'raw', 'entered'].map((id) => item(id)),
      item('left', 'us'),
      item('never', 'us'),
    ]);
    await scene.putTwin({ ...projected('equal'), ...stamp('5') });
    await scene.putTwin({ ...item('raw'), ...stamp('6') });
    await scene.putTwin({ ...item('left', 'us'), ...stamp('7') });
    // Deleted at the source while the function skipped what it leaves out.
    await scene.putTwin({ ...item('gone', 'us'), ...stamp('8') });
    // Not Ferry's: without a source item to replace it, or left out.
    await scene.putTwin(item('foreign'));
    await scene.putTwin(item('never', 'us'));

    const progress = await scene.run();

    expect(progress).toMatchObject({ items: 6, copied: 2, present: 1, rewritten: 1, leftOut: 2 });
    expect(progress).toMatchObject({ removed: 3, deleted: 0, rejected: 0, resynchronized: 5 });
    expect(progress).toMatchObject({ totalSegments: 4, segmentsDone: 4 });
    expect(await scene.twinContents()).toEqual(
      Object.fromEntries([
        ...['missing', 'equal', 'raw', 'entered'].map((id) => [id, projected(id)] as const),
        ['foreign', item('foreign')] as const,
      ]),
    );
    expect(await scene.versionOf('equal')).toBe(version('5'));
    expect(await scene.versionOf('raw')).toBe(`${version('6')}~`);
    expect(await scene.tombstoneOf('left')).toBe(`${version('7')}~`);
    expect(scene.announced.flatMap(keysIn).toSorted()).toEqual(['gone', 'left', 'never']);
    expect(await scene.written()).toBe(keepsEu.digest);

    const again = await scene.run();

    expect(again).toMatchObject({ present: 4, leftOut: 2, copied: 0, rewritten: 0, removed: 0 });
    expect(again.writeUnits).toBe(0);
  });

  it.each([dropsEmail, undefined])(
    'removes what an earlier projection left behind, though nothing is left out now',
    async (projection) => {
      const scene = await sceneOf(projection, [item('raw')]);
      await scene.putTwin({ ...item('raw'), ...stamp('6') });
      // Deleted at the source while another projection left it out, which was never completed.
      await scene.putTwin({ ...item('gone', 'us'), ...stamp('7') });

      expect(await scene.run()).toMatchObject({ removed: 1, totalSegments: 4 });
      expect(Object.keys(await scene.twinContents())).toEqual(['raw']);
    },
  );

  it('makes a whole copy again where the projection was removed', async () => {
    const scene = await sceneOf(undefined, [item('a'), item('b', 'us')]);
    await scene.claim(keepsEu.digest);
    await scene.putTwin({ ...projected('a'), ...stamp('6') });

    expect(await scene.run()).toMatchObject({ copied: 1, rewritten: 1, leftOut: 0 });

    expect(await scene.twinContents()).toEqual({ a: item('a'), b: item('b', 'us') });
    expect(await scene.control()).not.toHaveProperty('projection');
  });

  it.each<[TtlDeletes, string[]]>([
    ['skip', ['expired']],
    ['replicate', []],
  ])('removes what is left out; what may have expired, by the policy: %s', async (ttl, kept) => {
    const scene = await sceneOf(keepsEu, [item('left', 'us')]);
    for (const id of ['left', 'expired']) await scene.putTwin({ ...item(id), ...stamp('6') });

    await scene.run({ ttlDeletes: ttl });

    expect(Object.keys(await scene.twinContents())).toEqual(kept);
  });

  it('leaves what is not Ferry’s, if it is to be kept', async () => {
    const scene = await sceneOf(keepsEu, [item('foreign'), item('left', 'us')]);
    const foreign = [item('foreign'), item('left')];
    for (const one of foreign) await scene.putTwin(one);
    const rules = { ...scene.context().rules, unversionedItems: 'keep' as const };

    const progress = await scene.run({ rules });

    expect(progress).toMatchObject({ present: 1, leftOut: 1, rewritten: 0, removed: 0 });
    expect(await scene.twinContents()).toEqual({ foreign: foreign[0], left: foreign[1] });
  });

  it('ends above what is remembered of deletes and failures', async () => {
    const ids = ['raw', 'absent', 'left'];
    const scene = await sceneOf(keepsEu, [item('raw'), item('absent'), item('left', 'us')]);
    await scene.putTwin({ ...item('raw'), ...stamp('6') });
    await scene.putTwin({ ...item('left'), ...stamp('6') });
    for (const id of ids) await scene.putLedgerRow(id, LEDGER_ATTRIBUTES.failed, version('9'));

    await scene.run();

    expect(await scene.versionOf('raw')).toBe(`${version('9')}~`);
    expect(await scene.versionOf('absent')).toBe(`${version('9')}~`);
    expect(await scene.tombstoneOf('left')).toBe(`${version('9')}~`);
  });

  it('never writes over what the stream has brought in between', async () => {
    const scene = await sceneOf(keepsEu, [item('enters', 'us'), item('leaves'), item('changes')]);
    for (const id of ['enters', 'leaves', 'changes'])
      await scene.putTwin({ ...item(id), ...stamp('6') });
    const { source } = scene.context();
    // Once the pages are read, before their items are looked at again.
    let isChanged = false;
    const meanwhile: ReadableTable = {
      ...source,
      async get(key) {
        if (!isChanged) {
          isChanged = true;
          await scene.putSource([item('enters'), item('leaves', 'us')]);
          await scene.putTwin({ ...projected('enters'), ...stamp('20') });
          await scene.putTwin({ ...projected('changes'), ...stamp('20') });
        }
        return source.get(key);
      },
    };

    await scene.run({ source: meanwhile });

    expect(await scene.twinContents()).toEqual({
      enters: projected('enters'),
      changes: projected('changes'),
    });
    expect(await scene.versionOf('enters')).toBe(version('20'));
    expect(await scene.versionOf('changes')).toBe(version('20'));
  });

  it('rejects an item that the projection fails for, and goes on', async () => {
    const renames = rulesProjection({
      keepItems: { attribute: 'country', equals: { S: 'eu' } },
      attributes: { rename: { email: 'country' } },
    });
    const scene = await sceneOf(renames, [item('fails'), { pk: { S: 'left' } }]);
    await scene.putTwin({ ...item('fails'), ...stamp('6') });

    expect(await scene.run()).toMatchObject({ items: 2, rejected: 1, leftOut: 1, removed: 0 });

    expect(scene.rejected).toMatchObject([
      { key: { pk: { S: 'fails' } }, reason: 'ProjectionNameTaken' },
    ]);
    expect(await scene.twinContents()).toEqual({ fails: item('fails') });
    // The twin has what another projection wrote.
    expect(await scene.written()).toBeUndefined();
  });

  it('rejects an item that the projection fails for by the time it is rewritten', async () => {
    const renames = rulesProjection({ attributes: { rename: { email: 'mail' } } });
    const scene = await sceneOf(renames, [item('fails'), item('other')]);
    for (const id of ['fails', 'other']) await scene.putTwin({ ...item(id), ...stamp('6') });
    const { twin } = scene.context();
    const meanwhile: ReadableTable = {
      ...twin,
      async get(key) {
        await scene.putSource([{ ...item('fails'), mail: { S: 'taken' } }]);
        return twin.get(key);
      },
    };

    expect(await scene.run({ twin: meanwhile })).toMatchObject({ rejected: 1, rewritten: 1 });
    expect(scene.rejected).toMatchObject([{ reason: 'ProjectionNameTaken' }]);
  });
});

describe('its run', () => {
  it('goes on where it was stopped, and ends once, whichever command works on it', async () => {
    const items = Array.from({ length: 40 }, (_, index) =>
      item(`item-${index}`, index % 4 === 0 ? 'us' : 'eu'),
    );
    const scene = await sceneOf(keepsEu, items);
    for (const { pk } of items) await scene.putTwin({ ...item(pk.S), ...stamp('6') });
    const stop = new AbortController();
    const { source } = scene.context();
    let pages = 0;
    const stopping: ReadableTable = {
      ...source,
      async scan(position) {
        if ((pages += 1) === 3) stop.abort(new Error('killed'));
        return source.scan(position);
      },
    };
    const run = await scene.open();

    await expect(
      scene.resume(run, { source: stopping, stop: stop.signal, pageItems: 5 }),
    ).rejects.toThrow('killed');

    expect(await scene.control()).not.toHaveProperty('projection');
    const done = (await backfillProgress(run, scene.context())).progress;
    expect(done.rewritten).toBeGreaterThan(0);
    expect(await scene.open()).toEqual(run);
    const both = await Promise.all([scene.resume(run), scene.resume(run)]);
    for (const progress of both) expect(progress).toMatchObject({ items: 40, leftOut: 10 });
    expect(Object.keys(await scene.twinContents())).toHaveLength(30);
    expect(await scene.written()).toBe(keepsEu.digest);
  });

  it('is done segment by segment, in a bulk run', async () => {
    const scene = await sceneOf(keepsEu, [item('raw'), item('left', 'us')]);
    for (const id of ['raw', 'left']) await scene.putTwin({ ...item(id), ...stamp('6') });
    const run = await scene.open();
    const { open } = await backfillProgress(run, scene.context());

    for (const segment of open)
      expect(await continueSegment(run, segment, scene.context())).toBe(true);
    await finishBackfill(run, { rejected: 0 }, scene.context());

    expect(open).toEqual([0, 1, 2, 3]);
    expect(await scene.twinContents()).toEqual({ raw: projected('raw') });
    expect(await scene.written()).toBe(keepsEu.digest);
  });

  it('is not gone on with by another projection', async () => {
    const scene = await sceneOf(keepsEu, [item('a')]);
    const run = await scene.open();
    const other = { rules: { ...scene.context().rules, projection: dropsEmail } };
    const wanted = { code: 'backfill.projection-changed' };

    const fresh = { ...run, run: 'fresh', projection: dropsEmail.digest };
    await expect(planBackfill(fresh, false, scene.context())).rejects.toMatchObject(wanted);
    await expect(scene.resume(run, other)).rejects.toMatchObject(wanted);
    await expect(continueSegment(run, 0, scene.context(other))).rejects.toMatchObject(wanted);
    expect(await planBackfill(fresh, true, scene.context())).toMatchObject({ resumed: false });
    expect((await scene.twinContents())['a']).toBeUndefined();
  });

  it('does not go on as a plain copy, nor a plain copy as this', async () => {
    const scene = await sceneOf(keepsEu, [item('a')]);
    const { reproject: _, ...plain } = await scene.open();

    expect(await planBackfill(plain, false, scene.context())).toMatchObject({
      resumed: true,
      run: { reproject: true },
    });
    await openBackfill({ ...plain, run: 'plain' }, true, scene.context());
    await expect(
      planBackfill({ ...plain, reproject: true }, false, scene.context()),
    ).rejects.toMatchObject({ code: 'backfill.mode-changed' });
  });

  it('writes no more once another run has taken its place', async () => {
    const scene = await sceneOf(keepsEu, [item('a')]);
    const run = await scene.open();
    await openBackfill({ ...run, run: 'another' }, true, scene.context());

    await expect(scene.resume(run)).rejects.toMatchObject({ code: 'backfill.superseded' });
    await finishBackfill(run, { rejected: 0 }, scene.context());

    expect(await scene.twinContents()).toEqual({});
    expect(await scene.control()).not.toHaveProperty('projection');
  });
});

describe('a copy without comparing', () => {
  it('writes no more once another run has taken its place: it may be of another projection', async () => {
    const scene = await sceneOf(keepsEu, [item('a')]);
    await scene.claim(keepsEu.digest);
    const run = await scene.open({ reproject: undefined });
    await openBackfill({ ...run, run: 'another', reproject: true }, true, scene.context());

    await expect(scene.resume(run)).rejects.toMatchObject({ code: 'backfill.superseded' });

    expect(await scene.twinContents()).toEqual({});
  });
});

describe('the control row in the end', () => {
  it('keeps everything else, also what another command changes at the same moment', async () => {
    const scene = await sceneOf(keepsEu, [item('a')]);
    const paused = { sinceMs: 5_000, oldestMs: 4_000 };
    const { ledger } = scene.context();
    let isPaused = false;
    const racing = {
      async get(key: Item) {
        const row = await ledger.get(key);
        if (key['id']?.S?.endsWith('#control') === true && !isPaused) {
          isPaused = true;
          await scene.putControl(withPause(await scene.control(), paused, 'pause'));
        }
        return row;
      },
    };

    await scene.run({ ledger: racing });

    expect(await scene.control()).toMatchObject({
      paused,
      projection: keepsEu.digest,
      revision: 3,
    });
  });

  it('lets a redrive ask the source about what was put aside before, also where the digest is the same', async () => {
    const scene = await sceneOf(dropsEmail, [item('a')]);
    await scene.claim(dropsEmail.digest);

    await scene.run();

    const control = await scene.control();
    expect(control.projection).toBe(dropsEmail.digest);
    expect(
      isInOrder({ streamArn: STREAM_ARN, failedAtMs: NOW_MS - 1 }, control, NOW_MS, SETTINGS),
    ).toBe(false);
  });

  it('stays as it is where another epoch has been opened: the twin may be another one', async () => {
    const scene = await sceneOf(keepsEu, [item('a')]);
    const run = await scene.open();
    await scene.putControl(nextEpoch(await scene.control(), { ...IDENTITY, destinationId: 'new' }));

    await expect(finishBackfill(run, { rejected: 0 }, scene.context())).rejects.toMatchObject({
      code: 'control.stream',
    });

    expect(await scene.control()).not.toHaveProperty('projection');
  });

  it('is of the copy before the stream, too', async () => {
    const scene = await sceneOf(keepsEu, [item('a'), item('left', 'us')]);
    const run = await scene.open({ beforeStream: true });

    expect(await scene.resume(run)).toMatchObject({ copied: 1, leftOut: 1, totalSegments: 2 });

    expect(await scene.written()).toBe(keepsEu.digest);
    expect(await scene.versionOf('a')).toBe(FLOOR);
  });
});

const IDENTITY = {
  region: 'us-east-1',
  streamArn: STREAM_ARN,
  reserved: '_ferry',
  destinationId: 'twin-1',
  ledgerId: 'ledger-1',
  tag: 'cli-1',
  nowMs: 1_000,
};

function keysIn(body: string): string[] {
  const { deletes } = parseAnnouncement(body) as { deletes: ReadonlyArray<{ key: Item }> };
  return deletes.map(({ key }) => key['pk']?.S ?? '');
}

/** A source with `items`, an empty twin, a control row without a projection, and what a backfill needs. */
async function sceneOf(projection: Projection | undefined, items: readonly Item[]) {
  const name = `reproject-${(scenes += 1)}`;
  const sourceTable = `${name}-source`;
  const rules: WriteRules = {
    ...SETTINGS,
    replication: name,
    destinationTable: `${name}-twin`,
    projection,
  };
  const columns = [{ name: 'pk', type: 'S' as const }];
  await engine().createTable(sourceTable, columns);
  await engine().createTable(rules.destinationTable, columns);
  const put = (table: string, one: Item) =>
    engine().client.send(new PutItemCommand({ TableName: table, Item: { ...one } }));
  const reader = (table: string, key = 'pk') =>
    dynamoDbReader(engine().client, { table, keyAttributes: [key] });
  const rejected: RejectedCopy[] = [];
  const announced: string[] = [];
  const putSource = (all: readonly Item[]) => putAll(engine(), sourceTable, all);
  const putControl = async (row: Parameters<typeof putControlRow>[0]) => {
    const { kind } = await engine().twinWriter.write(putControlRow(row, rules));
    expect(kind).toBe('written');
  };
  const control = async () => {
    const found = parseControlRow(await engine().get(rules.stateTable, controlKey(rules)));
    if (found.kind !== 'row') throw new Error(`the control row is ${found.kind}`);
    return found.row;
  };
  const ledgerRow = (id: string) =>
    engine().get(rules.stateTable, ledgerRowKey(rules, canonicalKey({ pk: { S: id } })));
  const twin = () => contents(engine(), rules.destinationTable);
  await putSource(items);
  await putControl(firstRow(IDENTITY));

  const context = (parts: Partial<BackfillContext> = {}): BackfillContext => {
    const clock = virtualClock();
    return {
      rules,
      floor: FLOOR,
      clock,
      random: seededRandom(scenes),
      stop: new AbortController().signal,
      source: projectedTable(reader(sourceTable), rules),
      twin: reader(rules.destinationTable),
      lookAgain: { announce: async (body) => void announced.push(body) },
      epoch: 1,
      ttlDeletes: 'replicate',
      transactions: dynamoDbTransactions(engine().client),
      twinWriter: engine().twinWriter,
      ledger: reader(rules.stateTable, LEDGER_ATTRIBUTES.id),
      readPace: paceOf(Infinity, clock),
      writePace: paceOf(Infinity, clock),
      pageItems: 1_000,
      onRejected: (one) => rejected.push(one),
      ...parts,
    };
  };
  let runs = 0;
  const open = async (parts: Partial<BackfillRun> = {}) => {
    const fresh = {
      run: `${name}-${(runs += 1)}`,
      totalSegments: 2,
      streamArn: STREAM_ARN,
      destination: 'twin',
      startedAt: new Date(NOW_MS).toISOString(),
      ...projectionOf({ wanted: projection?.digest, written: undefined, isAsked: true }),
      ...parts,
    };
    return (await openBackfill(fresh, false, context())).run;
  };
  const resume = (run: BackfillRun, parts: Partial<BackfillContext> = {}) =>
    backfill(run, context(parts), { workers: 2, onProgress: () => undefined });

  return {
    context,
    open,
    resume,
    rejected,
    announced,
    putSource,
    putControl,
    control,
    run: async (parts: Partial<BackfillContext> = {}) => resume(await open(), parts),
    putTwin: (one: Item) => put(rules.destinationTable, one),
    putLedgerRow: (id: string, name: string, text: string) =>
      put(rules.stateTable, {
        ...ledgerRowKey(rules, canonicalKey({ pk: { S: id } })),
        [name]: { S: text },
      }),
    claim: async (digest: string) => putControl(withProjection(await control(), digest, 'test')),
    written: async () => (await control()).projection,
    versionOf: async (id: string) => (await twin()).get(id)?.['_ferry']?.M?.['v']?.S,
    tombstoneOf: async (id: string) => (await ledgerRow(id))?.[LEDGER_ATTRIBUTES.deleted]?.S,
    twinContents: async () =>
      Object.fromEntries([...(await twin())].map(([id, one]) => [id, withoutStamp(one, rules)])),
  };
}

function virtualClock(): Clock {
  let nowMs = NOW_MS;
  return { now: () => nowMs, sleep: async (ms) => void (nowMs += ms) };
}
