// How a put is written: what it demands of its place, and who is asked whether its item was deleted.

import { describe, expect, it } from 'vitest';
import { toLanes } from '../../src/model/lanes.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import { applyLane, type WriteOutcome } from '../../src/replicate/apply-lane.ts';
import { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import { lambdaRecord, type RecordFacts, SETTINGS, streamRecord } from '../fixtures/records.ts';
import { invocation, isPutOf, NOW_MS, scripted, serviceError } from '../fixtures/replication.ts';

const SKIP = { ...SETTINGS, ttlDeletes: 'skip' as const };
const STRICT = { ...SETTINGS, tombstones: 'strict' as const };

/** `update` demands an older item, `insert` a free place; a transaction asks the ledger row, too. */
function formOf({ operation, input }: WriteRequest): string {
  if (operation === 'TransactWriteItems') return 'transaction';
  if (operation !== 'PutItem') return operation;
  return input.ConditionExpression?.startsWith('attribute_exists(#pk)') ? 'update' : 'insert';
}

async function formsOf(
  records: ReadonlyArray<RecordFacts>,
  { settings = SETTINGS, destination: twinWriter = scripted(() => ({ kind: 'written' })) } = {},
) {
  const numbered = records.map((facts, index) =>
    lambdaRecord({ sequenceNumber: String(index + 1), ...facts }),
  );
  const { counts } = await replicateBatch(numbered, invocation({ twinWriter, rules: settings }));
  return { forms: twinWriter.requests.map(formOf), counts };
}

const insert = { eventName: 'INSERT' };
const modify = { eventName: 'MODIFY' };
const remove = { eventName: 'REMOVE' };
const expiry = { eventName: 'REMOVE', expired: true };

describe('a put demands that an older item is there', () => {
  it.each([
    ['if it is a MODIFY', [modify]],
    ['if it is a MODIFY that stands for others', [modify, modify]],
    ['if it is a MODIFY behind a skipped expiry', [insert, expiry, modify], ['insert', 'update']],
  ])('%s', async (_, records, expected = ['update']) => {
    expect((await formsOf(records, { settings: SKIP })).forms).toEqual(expected);
  });
});

describe('a put demands no item', () => {
  it.each([
    ['if it is an INSERT', [insert]],
    ['if an INSERT is among the records that it stands for', [insert, modify, modify]],
    ['if an INSERT and its delete are', [modify, remove, insert, modify]],
  ])('%s', async (_, records) => {
    expect((await formsOf(records)).forms).toEqual(['insert']);
  });

  it('and is a transaction at once where deleted items must never show', async () => {
    expect((await formsOf([insert], { settings: STRICT })).forms).toEqual(['transaction']);
    expect((await formsOf([modify], { settings: STRICT })).forms).toEqual(['update']);
  });
});

describe('an update of an item that is not there', () => {
  const emptyPlace = (deleted: boolean) =>
    scripted(({ operation }) => {
      if (operation === 'PutItem') return { kind: 'refused', by: 'item' };
      return deleted ? { kind: 'refused', by: 'ledger-row' } : { kind: 'written' };
    });

  it('asks the ledger row, and is applied where no delete is remembered', async () => {
    const { forms, counts } = await formsOf([modify], { destination: emptyPlace(false) });

    expect(forms).toEqual(['update', 'transaction']);
    expect(counts.applied).toBe(1);
  });

  it('is superseded where one is', async () => {
    const { forms, counts } = await formsOf([modify], { destination: emptyPlace(true) });

    expect(forms).toEqual(['update', 'transaction']);
    expect(counts.superseded).toBe(1);
  });

  it('is not asked about where a newer item stands there', async () => {
    const v = { S: `0001.9999999999999.${'1'.padStart(40, '0')}` };
    const destination = scripted(() => ({
      kind: 'refused',
      by: 'item',
      item: { pk: { S: 'order-1' }, _ferry: { M: { v } } },
    }));

    const { forms, counts } = await formsOf([modify], { destination });

    expect(forms).toEqual(['update']);
    expect(counts.superseded).toBe(1);
  });
});

describe('the newest earlier record takes the place of one that is rejected', () => {
  const rejecting = (...numbers: string[]) =>
    scripted((request) => {
      if (numbers.some((number) => isPutOf(request, number)))
        throw serviceError('ValidationException');
      return { kind: 'written' };
    });

  it('and is an update only if no INSERT is among those that it stands for itself', async () => {
    const newer = await formsOf([insert, modify, modify], { destination: rejecting('3') });
    const reborn = await formsOf([modify, modify, remove, insert], {
      destination: rejecting('4'),
    });
    const updated = await formsOf([modify, modify, modify], { destination: rejecting('3') });

    expect(newer.forms.slice(0, 2)).toEqual(['insert', 'insert']);
    expect(reborn.forms.slice(0, 3)).toEqual(['insert', 'UpdateItem', 'DeleteItem']);
    expect(updated.forms.slice(0, 2)).toEqual(['update', 'update']);
  });

  it('and a skipped expiry between them is not crossed', async () => {
    const { counts } = await formsOf([insert, expiry, insert], {
      destination: rejecting('3'),
      settings: SKIP,
    });

    expect(counts).toMatchObject({ applied: 1, skipped: 1, 'dead-lettered': 1 });
  });
});

describe('applyLane', () => {
  it('reaches nothing behind what is unfinished', async () => {
    const records = [insert, expiry, insert].map((facts, position) =>
      streamRecord({ ...facts, sequenceNumber: String(position + 1) }, position),
    );
    const untouched: WriteOutcome = { kind: 'unfinished', why: 'behind' };
    const outcomes = records.map(() => untouched);
    const written: string[] = [];
    const [lane] = toLanes(records, 'skip');
    if (lane === undefined) throw new Error('no lane');

    await applyLane(
      lane,
      async ({ sequenceNumber }) => {
        written.push(sequenceNumber);
        return { kind: 'unfinished', why: 'unknown' };
      },
      outcomes,
    );

    expect(written).toEqual(['1']);
    expect(outcomes).toEqual([
      { kind: 'unfinished', why: 'unknown' },
      { kind: 'skipped' },
      untouched,
    ]);
  });
});

it('takes an insert of up to 30 seconds for a young one, by when its batch was begun', async () => {
  const at = (ageMs: number) => ({ ...insert, createdAtSeconds: (NOW_MS - ageMs) / 1000 });
  const asked: number[] = [];
  for (const ageMs of [0, 30_000, 30_001]) {
    const context = invocation();
    await replicateBatch([lambdaRecord(at(ageMs))], {
      ...context,
      twinReader: {
        ...context.twinReader,
        async read() {
          asked.push(ageMs);
          return { items: [], unprocessed: [] };
        },
      },
    });
  }

  expect(asked).toEqual([30_001]);
});
