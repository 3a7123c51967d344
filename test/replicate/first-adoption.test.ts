// The first control row, against a real engine: written only where nothing shows that Ferry has written
// before, and only once.

import { DeleteTableCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Item } from '../../src/model/attribute-value.ts';
import { clockVersion } from '../../src/model/clock-version.ts';
import { controlKey } from '../../src/model/control-item.ts';
import { versionOf } from '../../src/model/guard.ts';
import { adoptFirst, readControl } from '../../src/replicate/first-adoption.ts';
import { useEngine } from '../fixtures/engine.ts';
import { SETTINGS, STREAM_ARN } from '../fixtures/records.ts';
import { scriptedReader } from '../fixtures/replication.ts';

const engine = useEngine();
const TWIN = SETTINGS.destinationTable;
const STATE = SETTINGS.stateTable;

beforeEach(async () => {
  const { client } = engine();
  for (const [table, key] of [
    [TWIN, 'pk'],
    [STATE, 'id'],
  ] as const) {
    await client.send(new DeleteTableCommand({ TableName: table })).catch(() => undefined);
    await engine().createTable(table, [{ name: key, type: 'S' }]);
  }
});

const put = (table: string, item: Item) =>
  engine().client.send(new PutItemCommand({ TableName: table, Item: item }));
const adoption = { rules: SETTINGS, streamArn: STREAM_ARN, tag: 'me', nowMs: 7 };
const stored = () => engine().get(STATE, controlKey(SETTINGS));
const version = { S: versionOf({ epoch: 1, labelMs: 5 }, '7') };

describe('a first adoption', () => {
  it('names the stream, the attribute and the ids of both tables', async () => {
    const found = await adoptFirst(adoption, engine());

    expect(found).toMatchObject({
      kind: 'row',
      row: {
        revision: 1,
        tag: 'me',
        reserved: '_ferry',
        sinceMs: 7,
        destinationId: await engine().twinReader.tableId(TWIN),
        ledgerId: await engine().twinReader.tableId(STATE),
        epochs: [{ n: 1, region: 'us-east-1', fromMs: 7, streams: [STREAM_ARN] }],
      },
    });
    expect(await readControl(SETTINGS, engine().twinReader)).toEqual(found);
  });

  it('takes a twin that holds items of others, but no versions', async () => {
    await put(TWIN, { pk: { S: 'a' } });

    expect(await adoptFirst(adoption, engine())).toMatchObject({ kind: 'row' });
  });

  it.each<[string, string, Item]>([
    ['the twin shows a version', TWIN, { pk: { S: 'a' }, _ferry: { M: { v: version } } }],
    ['the state table has a tombstone', STATE, { id: { S: 'orders#x' }, d: version }],
    ['the state table has a row of any kind', STATE, { id: { S: 'orders#backfill' } }],
  ])('is not done where %s', async (_, table, item) => {
    await put(table, item);

    expect(await adoptFirst(adoption, engine())).toEqual({ kind: 'missing' });
    expect(await stored()).toBeUndefined();
  });

  describe('where both tables are written', () => {
    const by = (mode: 'home' | 'stamped', epoch: number) => ({
      ...adoption,
      rules: { ...SETTINGS, twoWay: { mode, epoch } },
    });
    const stamp = (epoch: number, o?: Item['o']) => {
      const v = { S: clockVersion({ epoch, ms: 9, counter: 0, origin: 2, unique: '9' }) };
      return { pk: { S: 'a' }, _ferry: { M: { v, ...(o && { o }) } } };
    };

    it('opens the epoch of the configuration', async () => {
      expect(await adoptFirst(by('home', 3), engine())).toMatchObject({
        row: { epochs: [{ n: 3 }] },
      });
    });

    it('takes a twin that applications have stamped, and a ledger of deletes there', async () => {
      await put(TWIN, stamp(2));
      await put(STATE, { id: { S: 'orders#x' }, d: version });

      expect(await adoptFirst(by('stamped', 2), engine())).toMatchObject({
        row: { epochs: [{ n: 2 }] },
      });
    });

    it.each<[string, Item, ReturnType<typeof by>]>([
      ['in another epoch', stamp(1), by('stamped', 2)],
      ['where each item has a home', stamp(2), by('home', 2)],
      ['by Ferry, for an application', stamp(2, { S: 'us-east-1' }), by('stamped', 2)],
    ])('is not done where the twin was stamped %s', async (_, item, adopting) => {
      await put(TWIN, item);

      expect(await adoptFirst(adopting, engine())).toEqual({ kind: 'missing' });
    });
  });

  it('takes the row of somebody who was faster', async () => {
    const [mine, theirs] = await Promise.all([
      adoptFirst(adoption, engine()),
      adoptFirst({ ...adoption, tag: 'them' }, engine()),
    ]);

    expect(mine).toEqual(theirs);
    expect(await readControl(SETTINGS, engine().twinReader)).toEqual(mine);
  });

  it('does not replace a row that is there', async () => {
    const before = await adoptFirst(adoption, engine());

    expect(await adoptFirst({ ...adoption, tag: 'late', nowMs: 9 }, engine())).toEqual(before);
  });

  it('reads consistently, and no more of an item than the one attribute', async () => {
    const twinReader = scriptedReader(() => ({ items: [], unprocessed: [] }));

    await adoptFirst(adoption, { twinReader, twinWriter: engine().twinWriter });

    const scans = twinReader.requests.filter(({ operation }) => operation === 'Scan');
    expect(scans.map(({ input }) => input)).toMatchObject([
      { TableName: STATE, ConsistentRead: true, ExpressionAttributeNames: { '#a': 'id' } },
      { TableName: TWIN, ConsistentRead: true, ExpressionAttributeNames: { '#a': '_ferry' } },
    ]);
    for (const { input } of scans) expect(input).toMatchObject({ ProjectionExpression: '#a' });
  });
});
