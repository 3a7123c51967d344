// Ledger rows must outlive every dead letter: a tombstone that is forgotten earlier lets an old put bring its
// item back. What is stored on a real engine, read row by row.

import { beforeAll, describe, expect, it } from 'vitest';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import type { TwinWriter } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import { lambdaRecord, SETTINGS } from '../fixtures/records.ts';
import { invocation, NOW_MS, serviceError } from '../fixtures/replication.ts';

const engine = useEngine();
beforeAll(() => engine().createTable(SETTINGS.destinationTable, [{ name: 'pk', type: 'S' }]));

const DAY_MS = 86_400_000;
const expiryAfter = (ms: number) => String(Math.floor((NOW_MS + ms) / 1000) + 15 * 86_400);

let ids = 0;
const newId = () => `item-${(ids += 1)}`;

const ledgerRowOf = (id: string) => {
  const keyText = canonicalKey({ pk: { S: id } });
  return engine().get(SETTINGS.stateTable, ledgerRowKey(SETTINGS, keyText));
};

/** Delivers a record `afterMs` after NOW_MS; a put is refused as one that can never be stored. */
async function deliver(record: object, afterMs = 0, rules = SETTINGS) {
  const twinWriter: TwinWriter = {
    async write(request) {
      if (request.operation === 'PutItem') throw serviceError('ValidationException');
      return engine().twinWriter.write(request);
    },
  };
  const clock = { now: () => NOW_MS + afterMs, sleep: async () => undefined };
  const { counts } = await replicateBatch([record], invocation({ twinWriter, clock, rules }));
  return counts;
}

const rejected = (id: string, sequenceNumber: string) => lambdaRecord({ id, sequenceNumber });
const deleted = (id: string, sequenceNumber: string) =>
  lambdaRecord({ id, sequenceNumber, eventName: 'REMOVE' });

describe('a ledger row lives 15 days from', () => {
  it('the delete that it remembers', async () => {
    const id = newId();

    expect(await deliver(deleted(id, '5'))).toMatchObject({ applied: 1 });

    const row = await ledgerRowOf(id);
    expect(row).toMatchObject({ expiresAt: { N: expiryAfter(0) } });
    expect(row?.['key']).toEqual({ S: canonicalKey({ pk: { S: id } }) });
    expect(row).not.toHaveProperty('f');
  });

  it('the dead letter whose version it remembers', async () => {
    const id = newId();

    expect(await deliver(rejected(id, '5'))).toMatchObject({ 'dead-lettered': 1 });

    const row = await ledgerRowOf(id);
    expect(row).toMatchObject({ expiresAt: { N: expiryAfter(0) } });
    expect(row?.['key']).toEqual({ S: canonicalKey({ pk: { S: id } }) });
    expect(row).not.toHaveProperty('d');
  });

  it.each([
    ['newer', '6'],
    ['older', '4'],
  ])('the latest dead letter, also if its record is %s than the first', async (_, second) => {
    const id = newId();
    await deliver(rejected(id, '5'));

    expect(await deliver(rejected(id, second), 3 * DAY_MS)).toMatchObject({ 'dead-lettered': 1 });

    const row = await ledgerRowOf(id);
    expect(row).toMatchObject({ expiresAt: { N: expiryAfter(3 * DAY_MS) } });
    expect(row?.['f']?.S?.endsWith(`0${second === '6' ? '6' : '5'}`)).toBe(true);
  });

  it('the latest delete', async () => {
    const id = newId();
    await deliver(deleted(id, '5'));

    await deliver(deleted(id, '6'), 3 * DAY_MS);

    expect(await ledgerRowOf(id)).toMatchObject({ expiresAt: { N: expiryAfter(3 * DAY_MS) } });
  });

  it('the latest of both, and keeps what it knew', async () => {
    const id = newId();
    await deliver(rejected(id, '5'));

    await deliver(deleted(id, '6'), 3 * DAY_MS);

    const row = await ledgerRowOf(id);
    expect(row).toMatchObject({ expiresAt: { N: expiryAfter(3 * DAY_MS) } });
    expect([row?.['f']?.S?.endsWith('05'), row?.['d']?.S?.endsWith('06')]).toEqual([true, true]);
  });
});

it.each([
  ['a delete', deleted],
  ['a dead letter', rejected],
])(
  'a ledger row of %s lives as long as the source keeps changes, and longer',
  async (_, change) => {
    const [id, rules] = [newId(), { ...SETTINGS, tombstoneLifeSeconds: 366 * 86_400 }];

    await deliver(change(id, '5'), 0, rules);

    const expected = String(Math.floor(NOW_MS / 1000) + 366 * 86_400);
    expect(await ledgerRowOf(id)).toMatchObject({ expiresAt: { N: expected } });
  },
);
