// One batch in two invocations at the same time, and batches that come again from the beginning: what the
// twin shows, on a real engine. Each promise stands beside the old rule, which breaks it.

import { beforeAll, describe, expect, it } from 'vitest';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import type { TwinWriter } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import { lookAgainAt } from '../fixtures/look-again.ts';
import { lambdaRecord, type RecordFacts, SETTINGS } from '../fixtures/records.ts';
import { invocation, NOW_MS, serviceError } from '../fixtures/replication.ts';

const TABLE = 'overlapped';
const CHECKED = { ...SETTINGS, destinationTable: TABLE };
const STRICT = { ...CHECKED, tombstones: 'strict' as const };
const YESTERDAY = NOW_MS / 1000 - 86_400;
const engine = useEngine();
beforeAll(() => engine().createTable(TABLE, [{ name: 'pk', type: 'S' }]));

let ids = 0;
const newId = () => `item-${(ids += 1)}`;
const isThere = async (id: string) => (await engine().get(TABLE, { pk: { S: id } })) !== undefined;

type Mutate = (destination: TwinWriter) => TwinWriter;
const asItIs: Mutate = (destination) => destination;

/** The rule of before: a put asks for a free place, and nobody for its delete. */
const plainPuts: Mutate = (destination) => ({
  write(request) {
    if (request.operation !== 'TransactWriteItems') return destination.write(request);
    const input = request.input.TransactItems?.[0]?.Put;
    return destination.write({ operation: 'PutItem', input } as WriteRequest);
  },
});

/**
 * Invocation 1 holds the insert, which is throttled. Its poller is replaced, and invocation 2 is given the
 * insert and its delete, and answers. Then the first one tries again.
 */
async function overlap(
  { settings = CHECKED, mutate = asItIs }: { settings?: typeof CHECKED; mutate?: Mutate },
  facts: RecordFacts = {},
) {
  const id = newId();
  const insert = lambdaRecord({ ...facts, id, eventName: 'INSERT', sequenceNumber: '1' });
  const remove = lambdaRecord({ ...facts, id, eventName: 'REMOVE', sequenceNumber: '2' });
  const twinWriter = mutate(engine().twinWriter);
  let tries = 0;
  const throttledOnce: TwinWriter = {
    async write(request) {
      tries += 1;
      if (tries === 1) throw serviceError('ThrottlingException');
      return twinWriter.write(request);
    },
  };
  let announced: readonly string[] = [];
  const second = async () => {
    const context = invocation({ rules: settings, twinWriter, twinReader: engine().twinReader });
    const { batchItemFailures } = await replicateBatch([insert, remove], context);
    expect(batchItemFailures).toEqual([]);
    announced = context.announced;
  };
  const clock = { now: () => NOW_MS, sleep: second };
  const first = invocation({
    rules: settings,
    twinWriter: throttledOnce,
    clock,
    twinReader: engine().twinReader,
  });
  const { batchItemFailures } = await replicateBatch([insert], first);
  expect({ tries, batchItemFailures }).toEqual({ tries: 2, batchItemFailures: [] });
  return { id, announced };
}

describe('a put that an overlapping invocation sends late', () => {
  it('is taken away again when its delete is looked at, with checked tombstones', async () => {
    const { id, announced } = await overlap({});
    const before = await isThere(id);

    const { removed } = await lookAgainAt(engine(), announced, CHECKED);

    expect({ before, removed, after: await isThere(id) }).toEqual({
      before: true,
      removed: 1,
      after: false,
    });
  });

  it('and stays for good where nobody looks again, as it was before', async () => {
    const { id } = await overlap({});

    await lookAgainAt(engine(), [], CHECKED);

    expect(await isThere(id)).toBe(true);
  });

  it('is never shown with strict tombstones', async () => {
    const { id, announced } = await overlap({ settings: STRICT });

    expect({ there: await isThere(id), announced }).toEqual({ there: false, announced: [] });
  });

  it('and would be if it were put plainly', async () => {
    const { id } = await overlap({ settings: STRICT, mutate: plainPuts });

    expect(await isThere(id)).toBe(true);
  });

  it('and is taken away, too, if it was late already and looked up before its delete', async () => {
    const { id, announced } = await overlap({}, { createdAtSeconds: YESTERDAY });

    await lookAgainAt(engine(), announced, CHECKED);

    expect(await isThere(id)).toBe(false);
  });

  it('and what was written again since is left where it is', async () => {
    const { id, announced } = await overlap({});
    const again = lambdaRecord({ id, eventName: 'INSERT', sequenceNumber: '3' });
    await replicateBatch([again], invocation({ rules: CHECKED, twinWriter: engine().twinWriter }));

    const { removed } = await lookAgainAt(engine(), announced, CHECKED);

    expect({ removed, there: await isThere(id) }).toEqual({ removed: 0, there: true });
  });
});

describe('an update that an overlapping invocation sends late', () => {
  it('finds an empty place, and the tombstone', async () => {
    const id = newId();
    const change = lambdaRecord({ id, sequenceNumber: '2' });
    const records = [lambdaRecord({ id, eventName: 'INSERT', sequenceNumber: '1' }), change];
    const context = invocation({ rules: CHECKED, twinWriter: engine().twinWriter });
    const removal = lambdaRecord({ id, eventName: 'REMOVE', sequenceNumber: '3' });
    await replicateBatch([...records, removal], context);

    const { superseded } = await replicateBatch([change], context);

    expect({ deleted: superseded.deleted, there: await isThere(id) }).toEqual({
      deleted: 1,
      there: false,
    });
  });
});

describe('a replay from the oldest record on', () => {
  const ITEMS = 100;

  /** How many items that were deleted the twin shows while only their inserts have come again. */
  async function shownBy(parts: Parameters<typeof invocation>[0], ageMs = 86_400_000) {
    const names = Array.from({ length: ITEMS }, newId);
    const createdAtSeconds = (NOW_MS - ageMs) / 1000;
    const inserts = names.map((id, index) =>
      lambdaRecord({
        id,
        createdAtSeconds,
        eventName: 'INSERT',
        sequenceNumber: String(index + 1),
      }),
    );
    const deletes = names.map((id, index) =>
      lambdaRecord({
        id,
        createdAtSeconds,
        eventName: 'REMOVE',
        sequenceNumber: String(ITEMS + index + 1),
      }),
    );
    const context = invocation({
      rules: CHECKED,
      twinWriter: engine().twinWriter,
      twinReader: engine().twinReader,
      ...parts,
    });
    await replicateBatch(inserts, context);
    await replicateBatch(deletes, context);
    const rows = await Promise.all(
      names.map((id) =>
        engine().get(SETTINGS.stateTable, ledgerRowKey(SETTINGS, canonicalKey({ pk: { S: id } }))),
      ),
    );
    expect(rows.filter((row) => row?.['d'] !== undefined)).toHaveLength(ITEMS);

    await replicateBatch(inserts, context);

    const shown = await Promise.all(names.map(isThere));
    return shown.filter(Boolean).length;
  }

  it('shows nothing that was deleted, with checked tombstones', async () => {
    expect(await shownBy({})).toBe(0);
  });

  it('and shows all of it if nobody is asked, as it was before', async () => {
    const nobody = {
      ...engine().twinReader,
      read: async () => ({ items: [], unprocessed: [] }),
    };

    expect(await shownBy({ twinReader: nobody })).toBe(ITEMS);
  });

  it('shows nothing if nobody answers', async () => {
    const silent = {
      ...engine().twinReader,
      read: async () => {
        throw serviceError('TimeoutError');
      },
    };

    expect(await shownBy({ twinReader: silent })).toBe(0);
  });

  it('may show what was inserted and deleted within its last 30 seconds, until the delete comes', async () => {
    expect(await shownBy({}, 20_000)).toBe(ITEMS);
  });

  it('shows nothing of that either with strict tombstones', async () => {
    expect(await shownBy({ rules: STRICT }, 20_000)).toBe(0);
  });
});
