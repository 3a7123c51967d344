// The simulated DynamoDB answers as a real engine does: the same requests of Ferry's, in the same random
// order, get the same answers from both, and leave the same items behind.

import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { resynchronizationRequests } from '../../src/core/resynchronization.ts';
import { canonicalItem } from '../../src/core/attribute-value.ts';
import { floorOf } from '../../src/core/ordering-guard.ts';
import {
  failureBound,
  keepStateRow,
  stateRowKey,
  toWriteRequests,
  type WriteRequest,
} from '../../src/core/write-request.ts';
import type { Item } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import { SETTINGS, streamRecord } from '../fixtures/records.ts';
import { MemoryDynamoDb } from './memory-dynamodb.ts';
import { toWriteReply } from './ports.ts';

const RUNS = 60;
const NOW_MS = 1_769_860_801_500;
const target = { ...SETTINGS, destinationTable: 'simulated-twin' };
const engine = useEngine();
beforeAll(async () => {
  await engine().createTable(target.destinationTable, [{ name: 'pk', type: 'S' }]);
});

const step = fc.record({
  kind: fc.constantFrom('put', 'late put', 'delete', 'bound', 'keep', 'repair'),
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
          expect(simulated).toEqual(await engine().destination.write(request));
        }
      }
      const twin = await engine().get(target.destinationTable, { pk: { S: id } });
      expect(textOf(db.get(target.destinationTable, id))).toBe(textOf(twin));
    }),
    { numRuns: RUNS },
  );
}, 60_000);

function textOf(item: Item | undefined): string {
  return item === undefined ? 'nothing' : canonicalItem(item);
}

function memory(): MemoryDynamoDb {
  return new MemoryDynamoDb({
    keyAttributes: { [target.destinationTable]: 'pk', [target.stateTable]: 'id' },
    isExpired: () => false,
    isInvalid: () => false,
    onChange: () => undefined,
  });
}

function requestsOf({ kind, sequenceNumber, isThere }: Step, id: string, db: MemoryDynamoDb) {
  const eventName = kind === 'delete' ? 'REMOVE' : 'MODIFY';
  const record = streamRecord({ id, sequenceNumber, eventName });
  const rules = { target, nowMs: NOW_MS, arrival: 'in-order' } as const;
  switch (kind) {
    case 'late put':
      return toWriteRequests(record, { ...rules, arrival: 'out-of-order' });
    case 'bound':
      return [failureBound(record, record.version, target, NOW_MS)];
    case 'keep':
      return [keepStateRow(record, target, NOW_MS)];
    case 'repair':
      return repairOf(record, isThere, db);
    case 'put':
    case 'delete':
      return toWriteRequests(record, rules);
  }
}

function repairOf(
  record: ReturnType<typeof streamRecord>,
  isThere: boolean,
  db: MemoryDynamoDb,
): WriteRequest[] {
  const { key, keyText } = record;
  const row = stateRowKey(target, keyText)['id']?.S ?? '';
  const states = {
    source: isThere ? { ...key, repaired: { BOOL: true } } : undefined,
    twin: db.get(target.destinationTable, key['pk']?.S ?? ''),
    stateRow: db.get(target.stateTable, row),
  };
  return resynchronizationRequests({
    key,
    keyText,
    floor: floorOf({ epoch: 1, labelMs: 1 }),
    states,
    target,
    nowMs: NOW_MS,
  });
}
