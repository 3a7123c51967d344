// The simulated DynamoDB answers as a real engine does: the same requests of Ferry's, in the same random
// order, get the same answers from both, and leave the same items behind.

import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { decideResynchronization } from '../../src/resync/resynchronization.ts';
import { canonicalItem } from '../../src/model/attribute-value.ts';
import { floorOf } from '../../src/model/guard.ts';
import { GuardedPut } from '../../src/model/guarded-put.ts';
import type { PutRecord, RemoveRecord } from '../../src/model/stream-record.ts';
import { failureBound, keepLedgerRow, ledgerRowKey } from '../../src/model/ledger-row.ts';
import { guardedDelete, putTransaction, tombstone } from '../../src/model/tombstone.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import type { Item } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import { SETTINGS, streamRecord } from '../fixtures/records.ts';
import { MemoryDynamoDb, tableWith } from './memory-dynamodb.ts';
import { toWriteReply } from './ports.ts';

const RUNS = 60;
const NOW_MS = 1_769_860_801_500;
const target = { ...SETTINGS, destinationTable: 'simulated-twin' };
const engine = useEngine();
beforeAll(async () => {
  await engine().createTable(target.destinationTable, [{ name: 'pk', type: 'S' }]);
});

const step = fc.record({
  kind: fc.constantFrom(
    'insert',
    'update',
    'checked put',
    'delete',
    'bound',
    'keep',
    'repair',
    'look',
  ),
  sequenceNumber: fc.integer({ min: 1, max: 9 }).map(String),
  /** What a repair finds at the source. */
  isThere: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

let runs = 0;

it('answers Ferry’s requests as a real engine does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const id = `item-${(runs += 1)}`;
      const db = memory();
      for (const one of steps) {
        for (const request of requestsOf(one, id, db)) {
          const simulated = toWriteReply(db.execute(request, undefined), request);
          expect(simulated).toEqual(await engine().twinWriter.write(request));
        }
      }
      const twin = await engine().get(target.destinationTable, { pk: { S: id } });
      expect(textOf(db.get(target.destinationTable, id))).toBe(textOf(twin));
    }),
    { numRuns: RUNS },
  );
});

function textOf(item: Item | undefined): string {
  return item === undefined ? 'nothing' : canonicalItem(item);
}

function memory(): MemoryDynamoDb {
  return new MemoryDynamoDb({
    tables: {
      [target.destinationTable]: tableWith('pk'),
      [target.stateTable]: tableWith('id'),
    },
    now: () => NOW_MS,
    isExpired: () => false,
    isInvalid: () => false,
    onChange: () => undefined,
  });
}

function requestsOf({ kind, sequenceNumber, isThere }: Step, id: string, db: MemoryDynamoDb) {
  const put = streamRecord({ id, sequenceNumber, eventName: 'MODIFY' }) as PutRecord;
  const removal = streamRecord({ id, sequenceNumber, eventName: 'REMOVE' }) as RemoveRecord;
  switch (kind) {
    case 'insert':
      return [new GuardedPut(put, target, 'free')];
    case 'update':
      return [new GuardedPut(put, target, 'older-item')];
    case 'checked put':
      return [putTransaction(put, target)];
    case 'delete':
      return [tombstone(removal, target, NOW_MS), guardedDelete(removal, target)];
    case 'bound':
      return [failureBound(put, put.version, target, NOW_MS)];
    case 'keep':
      return [keepLedgerRow(put, target, NOW_MS)];
    case 'look':
      return [lookedAt(removal)];
    case 'repair':
      return repairOf(put, isThere, db);
  }
}

/** What looking again deletes. */
function lookedAt({ key, version }: RemoveRecord): WriteRequest {
  return {
    operation: 'DeleteItem',
    input: {
      TableName: target.destinationTable,
      Key: key,
      ConditionExpression: '#f.#v < :d',
      ExpressionAttributeNames: { '#f': target.reservedAttribute, '#v': 'v' },
      ExpressionAttributeValues: { ':d': { S: version } },
    },
  };
}

function repairOf({ key, keyText }: PutRecord, isThere: boolean, db: MemoryDynamoDb) {
  const row = ledgerRowKey(target, keyText)['id']?.S ?? '';
  const states = {
    source: isThere ? { ...key, repaired: { BOOL: true } } : undefined,
    twin: db.get(target.destinationTable, key['pk']?.S ?? ''),
    ledgerRow: db.get(target.stateTable, row),
  };
  const floor = floorOf({ epoch: 1, labelMs: 1 });
  const decision = decideResynchronization({
    epoch: 1,
    key,
    keyText,
    floor,
    states,
    rules: target,
    nowMs: NOW_MS,
  });
  return 'request' in decision ? [decision.request] : [];
}
