// One item merged on real tables, while applications write to it between the requests of the merge.

import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, beforeEach, expect, it } from 'vitest';
import { dynamoDbReader } from '../../src/aws/dynamodb-reader.ts';
import { mergeKey, type MergeContext, type MergeMode } from '../../src/merge/merge-key.ts';
import type { MergeChoice } from '../../src/merge/decision.ts';
import { bothSides } from '../../src/merge/sides.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { clockVersion } from '../../src/model/clock-version.ts';
import { floorOf } from '../../src/model/guard.ts';
import { ledgerRowKey, raisedVersion } from '../../src/model/ledger-row.ts';
import { parseLoser } from '../../src/model/loser.ts';
import type { Origin } from '../../src/model/rules.ts';
import type { Item } from '../../src/ports.ts';
import { destinationHealth } from '../../src/replicate/destination-health.ts';
import { useEngine } from '../fixtures/engine.ts';
import { SETTINGS } from '../fixtures/records.ts';
import { invocation, NOW_MS } from '../fixtures/replication.ts';

const RULES = {
  1: { ...SETTINGS, replication: 'orders-back', destinationTable: 'one', stateTable: 'state-one' },
  2: { ...SETTINGS, replication: 'orders', destinationTable: 'two', stateTable: 'state-two' },
};
const STAMPED: MergeMode = { mode: 'stamped', epoch: 1 };
const floor = floorOf({ epoch: 1, labelMs: 5 });
const HOME: MergeMode = {
  mode: 'home',
  home: {
    rules: [{ attribute: 'pk', prefix: 'eu#', region: 'eu-west-1' }],
    otherwise: 'us-east-1',
  },
  regions: { 1: 'us-east-1', 2: 'eu-west-1' },
  directions: { 1: { floor, epoch: 1 }, 2: { floor, epoch: 1 } },
};

const engine = useEngine();
beforeAll(async () => {
  for (const table of ['one', 'two'])
    await engine().createTable(table, [{ name: 'pk', type: 'S' }]);
  for (const table of ['state-one', 'state-two'])
    await engine().createTable(table, [{ name: 'id', type: 'S' }]);
});

let items = 0;
let key: Item;
beforeEach(() => {
  key = { pk: { S: `item-${(items += 1)}` } };
});
const row = () => ({ key, keyText: canonicalKey(key) });

const v = (ms: number, origin: Origin) =>
  clockVersion({ epoch: 1, ms: NOW_MS + ms, counter: 0, origin, unique: '9' });
const put = async (side: Origin, x: string, version?: string) => {
  const stamp = version === undefined ? {} : { _ferry: { M: { v: { S: version } } } };
  const TableName = RULES[side].destinationTable;
  const Item = { ...key, x: { S: x }, ...stamp };
  await engine().client.send(new PutItemCommand({ TableName, Item }));
};
const remove = async (side: Origin) => {
  const TableName = RULES[side].destinationTable;
  await engine().client.send(new DeleteItemCommand({ TableName, Key: { ...key } }));
};
/** What a function does that has handled a delete. */
const remember = async (side: Origin, version: string) => {
  const raise = { ...row(), attribute: 'd', version };
  await engine().twinWriter.write(raisedVersion(raise, RULES[side], NOW_MS));
};
const held = async (side: Origin) => {
  const item = await engine().get(RULES[side].destinationTable, key);
  return item && `${item['x']?.S ?? ''} ${item['_ferry']?.M?.['v']?.S ?? 'without'}`;
};
const deleted = async (side: Origin) =>
  (await engine().get(RULES[side].stateTable, ledgerRowKey(RULES[side], row().keyText)))?.['d']?.S;

interface Setup {
  readonly mode?: MergeMode;
  readonly choice?: MergeChoice;
  /** Happens before each write, with its number. */
  readonly meanwhile?: (count: number) => Promise<void>;
  readonly heartbeats?: ReadonlySet<string>;
  readonly keeps?: boolean;
}

async function merge(setup: Setup = {}) {
  const { mode = STAMPED, choice, meanwhile, heartbeats = new Set(), keeps = true } = setup;
  const { clock, random, remainingMs } = invocation();
  const kept = new Map<string, string>();
  let writes = 0;
  const reader = (table: string, name: string) =>
    dynamoDbReader(engine().client, { table, keyAttributes: [name] });
  const sides: MergeContext['sides'] = bothSides((side) => ({
    rules: RULES[side],
    table: reader(RULES[side].destinationTable, 'pk'),
    ledger: reader(RULES[side].stateTable, 'id'),
    twinWriter: {
      async write(request) {
        writes += 1;
        await meanwhile?.(writes);
        return engine().twinWriter.write(request);
      },
    },
    health: destinationHealth(),
    bucket: keeps
      ? { put: async (object, body) => void kept.set(`${side}:${object}`, body) }
      : undefined,
  }));
  const context = { sides, mode, heartbeats, clock, random, remainingMs };
  const result = await mergeKey(row(), context, choice);
  return { result, writes, kept };
}

it('copies the winner with its own version, once', async () => {
  await put(1, 'new', v(2, 1));
  await put(2, 'old', v(1, 1));

  const first = await merge();
  const second = await merge();

  expect(first.result).toEqual({ kind: 'copied', at: [2], losses: 0 });
  expect([await held(1), await held(2)]).toEqual([`new ${v(2, 1)}`, `new ${v(2, 1)}`]);
  expect([second.result.kind, second.writes]).toEqual(['equal', 0]);
});

it('starts over if the other side is written meanwhile, and the newest wins on both', async () => {
  await put(1, 'new', v(2, 1));
  await put(2, 'old', v(1, 2));

  const { result } = await merge({
    meanwhile: async (count) => (count === 1 ? put(2, 'newest', v(3, 2)) : undefined),
  });

  expect(result).toEqual({ kind: 'copied', at: [1], losses: 1 });
  expect([await held(1), await held(2)]).toEqual([`newest ${v(3, 2)}`, `newest ${v(3, 2)}`]);
});

it('does not bring an item back whose delete arrives meanwhile', async () => {
  await put(1, 'gone', v(2, 1));

  const { result } = await merge({
    async meanwhile(count) {
      if (count > 1) return;
      await remove(1);
      await remember(1, v(3, 1));
      await remember(2, v(3, 1));
    },
  });

  expect(result.kind).toBe('equal');
  expect([await held(1), await held(2)]).toEqual([undefined, undefined]);
});

it('is unfinished while something newer comes by at every attempt', async () => {
  await put(1, 'new', v(2, 1));

  const { result, writes } = await merge({ meanwhile: (count) => put(2, 'old', v(-count, 2)) });

  expect(result).toEqual({ kind: 'unfinished', why: 'newer changes came by', losses: 0 });
  expect(writes).toBe(10);
  expect(await held(2)).toBe(`old ${v(-10, 2)}`);
});

it('gives the preferred item a version, unless an application has given it one meanwhile', async () => {
  await put(1, 'ours');
  await put(2, 'theirs');

  const contended = await merge({
    choice: { prefer: 1 },
    meanwhile: async (count) => (count === 1 ? put(1, 'newer', v(5, 1)) : undefined),
  });

  expect(contended.result).toEqual({ kind: 'copied', at: [2], losses: 1 });
  expect([await held(1), await held(2)]).toEqual([`newer ${v(5, 1)}`, `newer ${v(5, 1)}`]);
});

it('leaves it to the stream to carry such a version, below those of all applications', async () => {
  await put(1, 'ours');
  await put(2, 'theirs');

  const { result } = await merge({ choice: { prefer: 1 } });

  expect(result).toEqual({ kind: 'stamped', at: [1], losses: 1 });
  expect(await held(1)).toMatch(/^ours 0001\.0{13}\.000001/);
  expect(await held(2)).toBe('theirs without');
});

it('writes nothing where nothing tells which one is newer', async () => {
  await put(1, 'ours');
  await put(2, 'theirs');

  const { result, writes } = await merge();

  expect([result.kind, writes]).toEqual(['undecided', 0]);
});

it('removes what is below a delete, and both sides remember it', async () => {
  await put(2, 'gone', v(1, 2));
  await remember(1, v(2, 1));

  const { result } = await merge();

  expect(result).toEqual({ kind: 'removed', at: [2], losses: 0 });
  expect([await held(2), await deleted(2)]).toEqual([undefined, v(2, 1)]);
});

it('changes nothing on a side that only forgot the delete', async () => {
  await put(1, 'gone', v(1, 1));
  await remember(1, v(2, 2));

  const { result } = await merge();

  expect(result).toEqual({ kind: 'removed', at: [1], losses: 0 });
  expect(await deleted(2)).toBe(v(2, 2));
});

it('counts what has lost by an attempt that was refused half way', async () => {
  await put(1, 'stray');
  await put(2, 'gone', v(1, 1));
  await remember(1, v(2, 2));
  await remember(2, v(2, 2));

  const again = await merge({
    meanwhile: async (count) => (count === 2 ? put(2, 'again', v(3, 2)) : undefined),
  });

  expect(again.result).toEqual({ kind: 'copied', at: [1], losses: 1 });
  expect(await held(1)).toBe(`again ${v(3, 2)}`);

  await put(1, 'stray');
  await put(2, 'gone', v(1, 1));
  await remember(1, v(4, 2));
  await remember(2, v(4, 2));
  const gone = await merge({
    meanwhile: async (count) => (count === 2 ? remove(2) : undefined),
  });
  expect(gone.result).toEqual({ kind: 'removed', at: [1], losses: 1 });
});

it('gives an item a version above the delete of its own side', async () => {
  await put(1, 'again', v(1, 1));
  await remember(1, v(2, 1));

  const { result } = await merge();

  expect(result.kind).toBe('stamped');
  expect(((await held(1)) ?? '') > `again ${v(2, 1)}`).toBe(true);
});

it('keeps what loses before it is overwritten', async () => {
  await put(1, 'new', v(2, 1));
  await put(2, 'lost', v(1, 2));
  const killed = merge({ meanwhile: () => Promise.reject(new Error('killed')) });
  expect(await killed.then(({ kept }) => kept.size)).toBe(1);

  const { kept } = await merge();

  const [[place, body] = ['', '']] = [...kept];
  expect(place).toMatch(/^2:losers\/2026-01-31\/[0-9a-f]{32}\/merge-[0-9a-f]{34}\.json$/);
  const found = parseLoser(body);
  expect(found.kind === 'loser' && found.loser).toMatchObject({
    replication: 'orders-back',
    kind: 'replaced',
    keyText: row().keyText,
    lost: { x: { S: 'lost' } },
    lostVersion: v(1, 2),
    wonVersion: v(2, 1),
  });
});

it('can be ended at any request and repeated', async () => {
  for (const end of [1, 2]) {
    key = { pk: { S: `killed-${end}` } };
    await put(1, 'again', v(1, 1));
    await put(2, 'theirs', v(0, 2));
    await remember(1, v(2, 1));
    const meanwhile = async (count: number) => {
      if (count === end) throw new Error('killed');
    };
    await merge({ meanwhile });

    await merge();
    await merge();

    expect(await held(1), `ended at ${end}`).toBe(await held(2));
    expect(await held(2)).toMatch(/^again /);
  }
});

it('leaves heartbeats alone', async () => {
  await put(1, 'beat');

  const { result } = await merge({ heartbeats: new Set([row().keyText]) });

  expect(result.kind).toBe('equal');
  expect(await held(1)).toBe('beat without');
});

it('makes the other side equal to the home, above all that is there', async () => {
  await put(1, 'home');
  await put(2, 'stray', v(9, 2));

  const { result, kept } = await merge({ mode: HOME });

  expect(result).toEqual({ kind: 'copied', at: [2], losses: 1 });
  expect(await held(2)).toBe(`home ${v(9, 2)}~`);
  expect([...kept.values()].map((body) => (JSON.parse(body) as { kind: string }).kind)).toEqual([
    'stray',
  ]);
});

it('removes what the home does not have, by the key of the item', async () => {
  key = { pk: { S: 'eu#1' } };
  await put(1, 'stray');

  const { result } = await merge({ mode: HOME, keeps: false });

  expect(result).toEqual({ kind: 'removed', at: [1], losses: 1 });
  expect([await held(1), await deleted(1)]).toEqual([undefined, `${floor}~`]);
});
