// Heartbeats on two tables of a real engine; the twin's is written by hand, in the place of replication.

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dynamoDbReader } from '../../src/aws/dynamodb-reader.ts';
import { beat, type BeatContext } from '../../src/heartbeat/beat.ts';
import type { Item } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import { serviceError } from '../fixtures/replication.ts';

const engine = useEngine();
const PERIOD_MS = 60_000;
const START_MS = 1_769_860_800_000;
let key: Item;
let nowMs: number;

beforeAll(async () => {
  for (const table of ['Orders', 'OrdersTwin'])
    await engine().createTable(table, [{ name: 'pk', type: 'S' }]);
});
beforeEach(({ task }) => {
  key = { pk: { S: task.id } };
  nowMs = START_MS;
});

const readerOf = (table: string) =>
  dynamoDbReader(engine().client, { table, keyAttributes: ['pk'] });
const put = (table: string, item: Item) =>
  engine().client.send(new PutItemCommand({ TableName: table, Item: item }));
const context = (parts: Partial<BeatContext> = {}): BeatContext => ({
  key,
  source: readerOf('Orders'),
  twin: readerOf('OrdersTwin'),
  table: 'Orders',
  writer: engine().twinWriter,
  clock: { now: () => nowMs, sleep: async () => undefined },
  periodMs: PERIOD_MS,
  reservedAttribute: '_ferry',
  ...parts,
});

/** What a replication would do. */
async function replicate(): Promise<void> {
  const item = await engine().get('Orders', key);
  if (item !== undefined) await put('OrdersTwin', item);
}

/** One heartbeat a minute. */
async function beats(count: number): Promise<number[]> {
  const ages: number[] = [];
  for (let done = 0; done < count; done += 1) {
    ages.push(await beat(context()));
    nowMs += PERIOD_MS;
  }
  return ages;
}

describe('a heartbeat', () => {
  it('leaves an item alone that is none, and says so', async () => {
    await put('Orders', { ...key, balance: { N: '100' } });

    await expect(beat(context())).rejects.toMatchObject({ code: 'heartbeat.key-taken' });

    expect(await engine().get('Orders', key)).toEqual({ ...key, balance: { N: '100' } });
  });

  it('writes the first item ever, and tells of nothing that is late', async () => {
    expect(await beat(context())).toBe(0);

    expect(await engine().get('Orders', key)).toEqual({
      ...key,
      writtenAt: { N: String(START_MS) },
      firstWrittenAt: { N: String(START_MS) },
    });
  });

  it('tells of nothing that is late while each has arrived before the next', async () => {
    for (let minute = 0; minute < 3; minute += 1) {
      expect(await beat(context())).toBe(0);
      await replicate();
      nowMs += PERIOD_MS;
    }

    expect(await engine().get('Orders', key)).toMatchObject({
      writtenAt: { N: String(START_MS + 2 * PERIOD_MS) },
      firstWrittenAt: { N: String(START_MS) },
    });
  });

  it('tells the age of the oldest that has not arrived, until all have', async () => {
    await beats(1);
    await replicate();

    // The first of these finds that the one before has arrived; the next ones find none.
    expect(await beats(4)).toEqual([0, PERIOD_MS, 2 * PERIOD_MS, 3 * PERIOD_MS]);
    await replicate();
    expect(await beats(1)).toEqual([0]);
  });

  it('tells how old the first ever is where the twin has never had one', async () => {
    expect(await beats(4)).toEqual([0, PERIOD_MS, 2 * PERIOD_MS, 3 * PERIOD_MS]);
  });
});

it('only looks where another replication brings the heartbeats: its source is the twin of that one', async () => {
  const brought = { ...key, writtenAt: { N: String(START_MS) }, _ferry: { M: { v: { S: '1' } } } };
  await put('Orders', brought);
  await put('OrdersTwin', { ...brought, writtenAt: { N: String(START_MS - PERIOD_MS) } });

  expect(await beats(3)).toEqual([0, PERIOD_MS, 2 * PERIOD_MS]);

  expect(await engine().get('Orders', key)).toEqual(brought);
});

describe('a heartbeat that cannot do all of its work', () => {
  const broken = (name: string) => ({ get: () => Promise.reject(serviceError(name)) });

  it('is written where the twin cannot be read, and says why', async () => {
    const twin = broken('ResourceNotFoundException');

    await expect(beat(context({ twin }))).rejects.toThrow(
      expect.objectContaining({ name: 'ResourceNotFoundException' }),
    );

    expect(await engine().get('Orders', key)).toMatchObject({ writtenAt: { N: `${START_MS}` } });
  });

  it('is not written where the source cannot be read: its first time would be lost', async () => {
    await beats(1);
    const source = broken('AccessDeniedException');

    await expect(beat(context({ source }))).rejects.toThrow(
      expect.objectContaining({ name: 'AccessDeniedException' }),
    );

    expect(await engine().get('Orders', key)).toMatchObject({ writtenAt: { N: `${START_MS}` } });
  });

  it('says so where it cannot be written', async () => {
    const write = () => Promise.reject(serviceError('ThrottlingException'));

    await expect(beat(context({ writer: { write } }))).rejects.toThrow(
      expect.objectContaining({ name: 'ThrottlingException' }),
    );
  });
});

describe('a heartbeat of a replication that can be switched', () => {
  const brought = () => ({
    ...key,
    writtenAt: { N: String(START_MS - PERIOD_MS) },
    firstWrittenAt: { N: String(START_MS - PERIOD_MS) },
    _ferry: { M: { v: { S: 'some version' } } },
  });

  it('is written while its Region is active, also over one that the other direction brought', async () => {
    await put('Orders', brought());
    const turn = async () => ({ isActive: true, writer: engine().twinWriter });

    expect(await beat(context({ turn }))).toBe(PERIOD_MS);

    expect(await engine().get('Orders', key)).toEqual({
      ...key,
      writtenAt: { N: String(START_MS) },
      firstWrittenAt: { N: String(START_MS - PERIOD_MS) },
    });
  });

  it.each([
    ['is not written while a switch holds the copies, and tells its age', true, PERIOD_MS],
    ['is not written while the other Region is active, and has no age', false, 0],
  ])('%s', async (_, isActive, ageMs) => {
    await put('Orders', brought());

    expect(await beat(context({ turn: async () => ({ isActive, writer: undefined }) }))).toBe(
      ageMs,
    );

    expect(await engine().get('Orders', key)).toEqual(brought());
  });
});
