// The first control row, against a real engine: written only where nothing shows that Ferry has written
// before, and only once.

import { DeleteTableCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Item } from '../../src/model/attribute-value.ts';
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
