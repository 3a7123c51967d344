// A dry run of a repair makes the decisions of the run: for every state of source, twin and ledger row, on a
// real engine, it tells what the run then does.

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, expect, it } from 'vitest';
import { dynamoDbReader } from '../../src/aws/dynamodb-reader.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { floorOf, versionOf } from '../../src/model/guard.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import { FerryError } from '../../src/errors.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { paceOf } from '../../src/pacing/pace.ts';
import { repair, type RepairContext, type RepairedItem } from '../../src/verify/repair.ts';
import { LATER_EPOCH } from '../../src/resync/resynchronize-key.ts';
import type { Item, ItemReader } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import { SETTINGS } from '../fixtures/records.ts';

const LABEL_MS = 1_769_860_800_000;
const SOURCE = 'dry-source';
const base = { ...SETTINGS, destinationTable: 'dry-twin' };
const engine = useEngine();
beforeAll(async () => {
  for (const table of [SOURCE, base.destinationTable])
    await engine().createTable(table, [{ name: 'pk', type: 'S' }]);
});

const put = (table: string, item: Item) =>
  engine().client.send(new PutItemCommand({ TableName: table, Item: { ...item } }));
const at = (epoch: number, sequenceNumber: string) =>
  versionOf({ epoch, labelMs: LABEL_MS }, sequenceNumber);
const reserved = (version: string) => ({ _ferry: { M: { v: { S: version } } } });

const SOURCES = [undefined, 'new'];
const TWINS: ReadonlyArray<readonly [string, Item | undefined]> = [
  ['no twin', undefined],
  ['an equal twin', { value: { S: 'new' }, ...reserved(at(1, '7')) }],
  ['an older twin', { value: { S: 'old' }, ...reserved(at(1, '7')) }],
  ['a twin of its own', { value: { S: 'old' } }],
  ['a twin of a later epoch', { value: { S: 'old' }, ...reserved(at(2, '1')) }],
];
const ROWS: ReadonlyArray<readonly [string, Item]> = [
  ['no row', {}],
  ['an older delete', { d: { S: at(1, '5') } }],
  ['a newer delete', { d: { S: at(1, '9') } }],
  ['a failure', { f: { S: at(1, '9') } }],
  ['a delete of a later epoch', { d: { S: at(2, '1') } }],
];

/** An item for each combination, named after it. */
async function plant(policy: ReplicationConfig['unversionedItems']): Promise<Item[]> {
  const keys: Item[] = [];
  for (const value of SOURCES) {
    for (const [twinName, twin] of TWINS) {
      for (const [rowName, row] of ROWS) {
        const key = { pk: { S: `${policy}: ${value} beside ${twinName} and ${rowName}` } };
        keys.push(key);
        if (value !== undefined) await put(SOURCE, { ...key, value: { S: value } });
        if (twin !== undefined) await put(base.destinationTable, { ...key, ...twin });
        if (Object.keys(row).length > 0)
          await put(base.stateTable, { ...ledgerRowKey(base, canonicalKey(key)), ...row });
      }
    }
  }
  return keys;
}

interface Run {
  readonly policy: ReplicationConfig['unversionedItems'];
  readonly apply: boolean;
  readonly parts?: Partial<RepairContext>;
}

async function run(keys: readonly Item[], { policy, apply, parts = {} }: Run) {
  const reader = (table: string): ItemReader =>
    dynamoDbReader(engine().client, { table, keyAttributes: ['pk'] });
  let nowMs = LABEL_MS;
  const clock = {
    now: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
    },
  };
  const told: string[] = [];
  async function* listed() {
    yield* keys;
  }
  const report = await repair(
    listed(),
    {
      rules: { ...base, unversionedItems: policy },
      source: reader(SOURCE),
      twin: reader(base.destinationTable),
      ledger: reader(base.stateTable),
      twinWriter: engine().twinWriter,
      epoch: 1,
      lookAgain: { announce: async () => undefined },
      clock,
      random: { next: () => 0.5 },
      remainingMs: () => Infinity,
      settleMs: 10_000,
      stop: new AbortController().signal,
      floor: floorOf({ epoch: 1, labelMs: LABEL_MS }),
      pace: paceOf(Infinity, clock),
      ...parts,
    },
    { apply, onProgress: () => undefined, onItem: (item) => told.push(lineOf(item)) },
  );
  return { report, told: told.toSorted() };
}

function lineOf(item: RepairedItem): string {
  const name = item.key['pk']?.S ?? '';
  switch (item.kind) {
    case 'put':
    case 'deleted':
      return `${name}: ${item.kind} ${[item.difference.kind, ...item.difference.attributes].join(' ')}`;
    case 'left':
      return `${name}: left, ${item.why}`;
    case 'in-flight':
      return `${name}: in flight`;
  }
}

it.each<ReplicationConfig['unversionedItems']>(['keep', 'replace'])(
  'tells of every item what the run does then: unversioned items, %s',
  async (policy) => {
    const keys = await plant(policy);

    const dry = await run(keys, { policy, apply: false });
    const unchanged = await run(keys, { policy, apply: false });
    const real = await run(keys, { policy, apply: true });

    expect(unchanged).toEqual(dry);
    expect(real).toEqual(dry);
    const { looked, equal, put: written, deleted, inFlight, left } = dry.report;
    expect(equal + written + deleted + inFlight + left).toBe(looked);
    expect(dry.told).toHaveLength(looked - equal);
    // Every decision has been made at least once.
    expect([equal, written, deleted, left].every((count) => count > 0)).toBe(true);
    expect(dry.told.filter((line) => line.includes('unversionedItems')).length > 0).toBe(
      policy === 'keep',
    );
    expect(dry.told.some((line) => line.includes(LATER_EPOCH))).toBe(true);
  },
);

it('counts a key once that is listed twice', async () => {
  const key = { pk: { S: 'twice' } };
  await put(SOURCE, key);

  const { report, told } = await run([key, key], { policy: 'replace', apply: true });

  expect(report).toMatchObject({ looked: 1, equal: 0, put: 1, left: 0 });
  expect(told).toEqual(['twice: put missing']);
});

it.each([false, true])(
  'leaves an item that becomes unreadable after the look, and goes on: apply %s',
  async (apply) => {
    const [odd, fine] = [{ pk: { S: `odd ${apply}` } }, { pk: { S: `fine ${apply}` } }];
    for (const key of [odd, fine]) await put(SOURCE, key);
    const source = dynamoDbReader(engine().client, { table: SOURCE, keyAttributes: ['pk'] });
    let reads = 0;
    const changing: ItemReader = {
      async get(key) {
        if (key['pk']?.S === odd.pk.S && (reads += 1) > 4)
          throw new FerryError('no __proto__', { code: 'item.unreadable' });
        return source.get(key);
      },
    };

    const parts = { source: changing };
    const { report, told } = await run([odd, fine], { policy: 'replace', apply, parts });

    expect(report).toMatchObject({ looked: 2, put: 1, left: 1 });
    expect(told.filter((line) => line.includes('__proto__'))).toHaveLength(1);
  },
);
