// Late inserts and what the ledger rows of their items remember.

import { describe, expect, it } from 'vitest';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { seriesInEpoch, versionOf } from '../../src/model/guard.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import type { Item, ReadReply } from '../../src/ports.ts';
import { lambdaRecord, SETTINGS, STREAM_ARN } from '../fixtures/records.ts';
import {
  invocation,
  NOW_MS,
  scripted,
  scriptedReader,
  serviceError,
} from '../fixtures/replication.ts';

const YESTERDAY = NOW_MS / 1000 - 86_400;
const lateInsert = (id: string, sequenceNumber: string) =>
  lambdaRecord({ id, sequenceNumber, eventName: 'INSERT', createdAtSeconds: YESTERDAY });
const lateInserts = (count: number) =>
  Array.from({ length: count }, (_, index) => lateInsert(`item-${index}`, String(index + 1)));

/** The ledger row of an item whose delete has the number `sequenceNumber`. */
function deletedRow(id: string, sequenceNumber: string): Item {
  const series = seriesInEpoch(1)(STREAM_ARN);
  if (series === undefined) throw new Error('no label');
  const key = ledgerRowKey(SETTINGS, canonicalKey({ pk: { S: id } }));
  return { ...key, d: { S: versionOf(series, sequenceNumber) } };
}

const NOTHING: ReadReply = { items: [], unprocessed: [] };
const operations = ({ requests }: { requests: readonly WriteRequest[] }) =>
  requests.map(({ operation }) => operation);

describe('a late insert', () => {
  it('of an item that has been deleted since is superseded, and nothing is written', async () => {
    const twinWriter = scripted(() => ({ kind: 'written' }));
    const twinReader = scriptedReader(() => ({ ...NOTHING, items: [deletedRow('a', '2')] }));

    const summary = await replicateBatch(
      [lateInsert('a', '1')],
      invocation({ twinWriter, twinReader }),
    );

    expect(twinWriter.requests).toEqual([]);
    expect(summary).toMatchObject({ counts: { superseded: 1 }, superseded: { deleted: 1 } });
  });

  it.each([
    ['no delete is known', []],
    ['an older one is known', [deletedRow('a', '1')]],
    ['only a dead letter is', [{ ...deletedRow('a', '1'), d: { NULL: true as const } }]],
  ])('is put plainly where %s', async (_, items) => {
    const twinWriter = scripted(() => ({ kind: 'written' }));
    const twinReader = scriptedReader(() => ({ ...NOTHING, items }));

    const { counts } = await replicateBatch(
      [lateInsert('a', '2')],
      invocation({ twinWriter, twinReader }),
    );

    expect(operations(twinWriter)).toEqual(['PutItem']);
    expect(counts.applied).toBe(1);
  });

  it.each(['ThrottlingException', 'TimeoutError', 'AccessDeniedException'])(
    'is a transaction where the answer is %s, which counts for no failed write',
    async (name) => {
      const twinWriter = scripted(() => ({ kind: 'written' }));
      const twinReader = scriptedReader(() => {
        throw serviceError(name);
      });

      const summary = await replicateBatch(
        [lateInsert('a', '1')],
        invocation({ twinWriter, twinReader }),
      );

      expect(operations(twinWriter)).toEqual(['TransactWriteItems']);
      expect(summary.counts.applied).toBe(1);
      expect(Object.values(summary.failures).every((count) => count === 0)).toBe(true);
    },
  );

  it('is a transaction where the service had no capacity for its key alone', async () => {
    const twinWriter = scripted(() => ({ kind: 'written' }));
    const { d: _, ...unprocessed } = deletedRow('b', '1');
    const twinReader = scriptedReader(() => ({ items: [], unprocessed: [unprocessed] }));

    await replicateBatch(
      [lateInsert('a', '1'), lateInsert('b', '2')],
      invocation({ twinWriter, twinReader }),
    );

    expect(operations(twinWriter).toSorted()).toEqual(['PutItem', 'TransactWriteItems']);
  });

  it('is not looked up where every insert is a transaction anyway', async () => {
    const twinReader = scriptedReader(() => NOTHING);
    const settings = { ...SETTINGS, tombstones: 'strict' as const };

    await replicateBatch([lateInsert('a', '1')], invocation({ twinReader, rules: settings }));

    expect(twinReader.requests).toEqual([]);
  });
});

it('asks for a hundred rows a request, once for an item, and of late inserts only', async () => {
  const twinReader = scriptedReader(() => NOTHING);
  const others = [
    lambdaRecord({ id: 'young', eventName: 'INSERT', sequenceNumber: '501' }),
    lambdaRecord({ id: 'changed', createdAtSeconds: YESTERDAY, sequenceNumber: '502' }),
    lambdaRecord({
      id: 'gone',
      eventName: 'REMOVE',
      createdAtSeconds: YESTERDAY,
      sequenceNumber: '503',
    }),
    lambdaRecord({ id: 'item-0', createdAtSeconds: YESTERDAY, sequenceNumber: '504' }),
  ];

  await replicateBatch([...lateInserts(250), ...others], invocation({ twinReader }));

  const asked = twinReader.requests.map(({ input }) => {
    const { RequestItems = {} } = input as { RequestItems?: Record<string, { Keys: Item[] }> };
    return RequestItems[SETTINGS.stateTable]?.Keys.map(({ id }) => id?.S) ?? [];
  });
  expect(asked.map(({ length }) => length)).toEqual([100, 100, 50]);
  expect(new Set(asked.flat()).size).toBe(250);
});

it('lets other items be written while it waits for an answer', async () => {
  const twinWriter = scripted(() => ({ kind: 'written' }));
  let answer: (reply: ReadReply) => void = () => undefined;
  const waiting = new Promise<ReadReply>((resolve) => (answer = resolve));
  const records = [
    lateInsert('late', '1'),
    ...Array.from({ length: 40 }, (_, index) =>
      lambdaRecord({ id: `other-${index}`, sequenceNumber: String(index + 2) }),
    ),
  ];

  const batch = replicateBatch(
    records,
    invocation({ twinWriter, twinReader: scriptedReader(() => waiting) }),
  );
  await new Promise((resolve) => setTimeout(resolve, 0));
  const writtenMeanwhile = twinWriter.requests.length;
  answer(NOTHING);
  await batch;

  expect(writtenMeanwhile).toBe(40);
  expect(twinWriter.requests).toHaveLength(41);
});
