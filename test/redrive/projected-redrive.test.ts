// A redrive under a projection: records are projected once, and letters that do not have their record are taken from the
// source.

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dynamoDbReader } from '../../src/aws/dynamodb-reader.ts';
import type { HandlerSettings } from '../../src/config/handler-settings.ts';
import { canonicalKey, type Item } from '../../src/model/attribute-value.ts';
import { nextEpoch } from '../../src/model/control-row.ts';
import { parseFailureMessage } from '../../src/model/failure-message.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import { type Projection, ProjectionFailed } from '../../src/model/projection.ts';
import type { ItemReader, TwinWriter } from '../../src/ports.ts';
import { projectedItems } from '../../src/projection/projected-table.ts';
import { rulesProjection } from '../../src/projection/rules-projection.ts';
import { parseDeadLetters } from '../../src/redrive/dead-letter.ts';
import { redrive, type RedriveContext, type RedriveOptions } from '../../src/redrive/redrive.ts';
import { destinationHealth } from '../../src/replicate/destination-health.ts';
import { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import { useEngine } from '../fixtures/engine.ts';
import { type FailurePlaces, failurePlaces } from '../fixtures/failure-places.ts';
import {
  changesOf,
  PROJECTION,
  SECRET,
  sourceItem,
  type State,
  twinContentOf,
  withoutOldImage,
} from '../fixtures/projected-changes.ts';
import { givenUp, lambdaRecord, SETTINGS, STREAM_ARN } from '../fixtures/records.ts';
import { controlRow, invocation, NOW_MS } from '../fixtures/replication.ts';

const [SOURCE, TWIN] = ['projected-source', 'projected-twin'];
type Rules = HandlerSettings & { readonly projection?: Projection };
const WHOLE: Rules = { ...SETTINGS, destinationTable: TWIN, projection: PROJECTION };
const PROJECTED: Rules = { ...WHOLE, deadLetters: 'projected' };

/** As an operator has deployed it by mistake. */
const BROKEN: Projection = {
  digest: '0'.repeat(64),
  filters: true,
  project(item) {
    throw new ProjectionFailed('ProjectionFailed', `it says ${item['email']?.S}`);
  },
};

const engine = useEngine();
beforeAll(async () => {
  await engine().createTable(SOURCE, [{ name: 'pk', type: 'S' }]);
  await engine().createTable(TWIN, [{ name: 'pk', type: 'S' }]);
});
let ids = 0;
let id = '';
beforeEach(() => {
  id = `item-${(ids += 1)}`;
});

async function deliver(records: readonly object[], rules: Rules, places = failurePlaces()) {
  const { deadLetters } = places;
  const { twinWriter, twinReader } = engine();
  const context = invocation({ rules, twinWriter, twinReader, deadLetters });
  expect(await replicateBatch(records, context)).toMatchObject({ batchItemFailures: [] });
  return places;
}

/** Everything that a redrive asks of the tables. */
function counted() {
  const requests: string[] = [];
  const reader = (name: string, table: string): ItemReader => {
    const items = dynamoDbReader(engine().client, { table, keyAttributes: ['pk'] });
    return {
      get: (key) => (requests.push(name), items.get(key)),
      getMany: async (keys, attributes) => {
        requests.push(name);
        return (await items.getMany?.(keys, attributes)) as never;
      },
    };
  };
  const twinWriter: TwinWriter = {
    write: (request) => (requests.push(request.operation), engine().twinWriter.write(request)),
  };
  return { requests, reader, twinWriter };
}

async function run(
  places: FailurePlaces,
  rules: Rules,
  options: Partial<RedriveOptions> = {},
  parts: Partial<RedriveContext> = {},
) {
  const { clock, random, remainingMs } = invocation();
  const { requests, reader, twinWriter } = counted();
  const announced: string[] = [];
  const context: RedriveContext = {
    rules,
    control: controlRow(),
    withoutSource: false,
    lookAgain: { announce: async (body) => void announced.push(body) },
    clock,
    random,
    remainingMs,
    health: destinationHealth(),
    twinWriter,
    queue: places.queue,
    bucket: places.bucket,
    source: projectedItems(reader('source', SOURCE), rules),
    twin: reader('twin', TWIN),
    ledger: reader('ledger', rules.stateTable),
    readRange: async () => 'trimmed',
    ...parts,
  };
  const report = await redrive(context, {
    apply: true,
    filter: {},
    limit: Infinity,
    recordsPerSecond: 1e9,
    hiddenSeconds: 300,
    stop: new AbortController().signal,
    onProgress: () => undefined,
    ...options,
  });
  return { report, requests, announced };
}

async function putSource(state: State, n: number) {
  const Item = sourceItem(id, state, n);
  await engine().client.send(new PutItemCommand({ TableName: SOURCE, Item }));
}

async function twin() {
  const { _ferry: _, ...content } = (await engine().get(TWIN, { pk: { S: id } })) ?? {};
  return Object.keys(content).length === 0 ? undefined : content;
}

async function ledgerRow() {
  return engine().get(SETTINGS.stateTable, ledgerRowKey(SETTINGS, canonicalKey({ pk: { S: id } })));
}

/** The changes of one life, as a batch of the bucket. */
async function batchOf(records: readonly object[], places = failurePlaces()) {
  await places.bucket.put('aws/lambda/m/shard-1/1', givenUp(records));
  return places;
}

describe.each([
  ['whole', WHOLE, 'applied'],
  ['projected', PROJECTED, 'resynchronized'],
] as const)('a %s letter of a projection that failed', (form, rules, outcome) => {
  const broken = { ...rules, projection: BROKEN };

  it('is done once the projection is corrected', async () => {
    await deliver(changesOf(['gone', 'in'], { id }), rules);
    await putSource('in', 1);
    const places = await deliver(changesOf(['in', 'in'], { id, first: 2 }), broken);
    const before = await twin();

    const { report } = await run(places, rules);

    expect(before).toEqual(twinContentOf(id, 'in', 1));
    expect(report).toMatchObject({
      found: 1,
      [outcome]: 1,
      left: 0,
      reasons: { ProjectionFailed: 1 },
    });
    expect(await twin()).toEqual(twinContentOf(id, 'in', 1));
    expect(places.contents().messages).toEqual([]);
  });

  it('stays while it fails, and says so without what the module says', async () => {
    await putSource('in', 1);
    const places = await deliver(changesOf(['gone', 'in'], { id }), broken);
    const before = places.contents();

    const { report } = await run(places, broken);

    expect(report).toMatchObject({ failing: 1, left: 1, failures: { ProjectionFailed: 1 } });
    expect(JSON.stringify(report)).not.toContain(SECRET);
    expect(places.contents()).toEqual(before);
    expect(await twin()).toBeUndefined();
  });

  it('deletes an item that the corrected projection leaves out', async () => {
    await deliver(changesOf(['gone', 'in'], { id }), rules);
    await putSource('out', 2);
    const places = await deliver(changesOf(['in', 'out'], { id, first: 2 }), broken);

    const { report, announced } = await run(places, rules);

    expect(report).toMatchObject({ [outcome]: 1, left: 0 });
    expect(await twin()).toBeUndefined();
    expect(announced).toHaveLength(1);
  });

  it('is superseded, or finds the item as it should be, where the item has changed since', async () => {
    const places = await deliver(changesOf(['gone', 'in'], { id }), broken);
    await deliver(changesOf(['in', 'in'], { id, first: 2 }), rules);
    const changed = await twin();
    await putSource('in', 1);

    const { report } = await run(places, rules);

    expect(report).toMatchObject({ left: 0, failing: 0 });
    expect(report[form === 'whole' ? 'superseded' : 'resynchronized']).toBe(1);
    expect(await twin()).toEqual(changed);
  });

  it('is found by its key, and the letters of others stay', async () => {
    await putSource('in', 1);
    const places = await deliver(changesOf(['gone', 'in'], { id }), broken);
    await deliver(changesOf(['gone', 'in'], { id: 'another', first: 9 }), broken, places);

    const { report } = await run(places, rules, {
      filter: { keyText: canonicalKey({ pk: { S: id } }) },
    });

    expect(report).toMatchObject({ found: 2, matched: 1, resynchronized: 1, left: 1 });
    expect(await twin()).toEqual(twinContentOf(id, 'in', 1));
  });
});

describe('a projected letter', () => {
  const deliverBroken = (states: State[], first = 1) =>
    deliver(changesOf(states, { id, first }), { ...PROJECTED, projection: BROKEN });

  it('has key, version and place, and nothing of the item', async () => {
    const places = await deliverBroken(['in', 'in'], 7);

    const { messages, objects } = places.contents();
    const version = '0001.1769860800000.0000000000000000000000000000000000000007';
    expect(JSON.parse(messages[0] ?? '')).toEqual({
      schemaVersion: 1,
      format: 1,
      replication: 'orders',
      reason: {
        class: 'rejected',
        name: 'ProjectionFailed',
        message: 'The message is not kept in projected dead letters.',
      },
      attempts: [],
      failedAt: new Date(NOW_MS).toISOString(),
      sequenceNumber: '7',
      version,
      key: { pk: { S: id } },
      eventName: 'MODIFY',
      streamArn: STREAM_ARN,
    });
    expect(messages.join('')).not.toContain(SECRET);
    expect(objects).toEqual([]);
  });

  it('leaves behind a version above its own, so that no older letter takes the item back', async () => {
    await putSource('in', 9);
    const older = await deliver(changesOf(['gone', 'in'], { id }), {
      ...WHOLE,
      projection: BROKEN,
    });
    const places = await deliverBroken(['in', 'in'], 5);

    await run(places, PROJECTED);
    const { report } = await run(older, PROJECTED);

    expect(report).toMatchObject({ superseded: 1, left: 0 });
    expect(await twin()).toEqual(twinContentOf(id, 'in', 9));
    const held = (await engine().get(TWIN, { pk: { S: id } }))?.['_ferry']?.M?.['v']?.S ?? '';
    expect(held >= ((await ledgerRow())?.['f']?.S ?? '~')).toBe(true);
  });

  it('stays where the source is lost, and says what it needs', async () => {
    const places = await deliverBroken(['gone', 'in']);

    const { report, requests } = await run(places, PROJECTED, {}, { withoutSource: true });

    expect(report).toMatchObject({ failing: 1, left: 1, failures: { SourceNeeded: 1 } });
    expect(requests).toEqual([]);
  });

  it('stays without a key, and says so', async () => {
    const places = await deliver(
      [{ ...lambdaRecord(), dynamodb: { SequenceNumber: '7', Keys: { [SECRET]: {} } } }],
      PROJECTED,
    );

    const { report } = await run(places, PROJECTED);

    expect(report).toMatchObject({ failing: 1, left: 1, failures: { KeyUnknown: 1 } });
    expect(places.contents().messages.join('')).not.toContain(SECRET);
  });

  it.each(['MODIFY', 'REMOVE'])(
    'of a %s removes what the source does not have, unless it may have expired there',
    async (eventName) => {
      const skip = { ...PROJECTED, ttlDeletes: 'skip' as const };
      await deliver(changesOf(['gone', 'in'], { id }), skip);
      const places = await deliverBroken(['in', 'in'], 5);
      const [body = ''] = places.contents().messages;
      const posted = failurePlaces();
      posted.post(JSON.stringify({ ...(JSON.parse(body) as object), eventName }));

      const { report } = await run(posted, skip);

      expect(report).toMatchObject({ resynchronized: 1, left: 0 });
      expect(await twin()).toEqual(eventName === 'REMOVE' ? undefined : twinContentOf(id, 'in', 1));
    },
  );

  it('keeps what a service says of the item that was sent, which has nothing else', async () => {
    const places = failurePlaces();
    const twinWriter: TwinWriter = {
      async write(request) {
        if (request.operation !== 'PutItem') return { kind: 'written' };
        const message = JSON.stringify(request.input.Item);
        throw Object.assign(new Error(message), { name: 'ValidationException' });
      },
    };
    const { deadLetters } = places;
    const records = changesOf(['gone', 'in'], { id });

    await replicateBatch(records, invocation({ rules: PROJECTED, twinWriter, deadLetters }));

    const [body = ''] = places.contents().messages;
    expect(body).toContain('contact');
    expect(body).not.toContain(SECRET);
  });
});

describe('a batch that Lambda gave up', () => {
  it.each<[string, State[], object]>([
    ['is never kept', ['gone', 'out', 'out', 'gone'], { skipped: 3 }],
    ['was outside, and is deleted', ['out', 'gone'], { skipped: 1 }],
  ])('costs no request of an item that %s', async (_, states, counts) => {
    const places = await batchOf(changesOf(states, { id }));

    const { report, requests, announced } = await run(places, WHOLE);

    expect(report).toMatchObject({ ...counts, left: 0 });
    expect([requests, announced]).toEqual([[], []]);
    expect(places.contents().objects).toEqual([]);
  });

  it.each<[string, State[]]>([
    ['leaves, and stays outside', ['in', 'out', 'out']],
    ['enters and leaves', ['out', 'in', 'out']],
    ['leaves and enters', ['in', 'out', 'in']],
    ['enters', ['out', 'out', 'in']],
    ['is made again outside', ['in', 'gone', 'out']],
  ])('is applied where an item %s', async (_, states) => {
    const [end, last] = [states.at(-1) ?? 'gone', states.length - 1];
    if (states[0] === 'in') await deliver(changesOf(['gone', 'in'], { id }), WHOLE);
    await putSource(end, last);
    const places = await batchOf(changesOf(states, { id, first: 2 }));

    const { report } = await run(places, WHOLE);

    expect(report).toMatchObject({ coalesced: states.length - 2, left: 0, failing: 0 });
    expect(await twin()).toEqual(twinContentOf(id, end, last));
    // The newest decides, also of a delete.
    const newest = String(states.length).padStart(40, '0');
    const deleted = (await ledgerRow())?.['d']?.S?.split('.').at(-1);
    expect(deleted).toBe(end === 'out' ? newest : undefined);
  });

  it('deletes what has expired, where it is made again outside and expiries are skipped', async () => {
    const skip = { ...WHOLE, ttlDeletes: 'skip' as const };
    await deliver(changesOf(['gone', 'in', 'expired'], { id }), skip);
    const places = await batchOf(changesOf(['gone', 'out'], { id, first: 3 }));
    const before = await twin();

    const { report } = await run(places, skip);

    expect(before).toEqual(twinContentOf(id, 'in', 1));
    expect(report).toMatchObject({ applied: 1, left: 0 });
    expect(await twin()).toBeUndefined();
  });

  it('tries the next older record where the projection fails for the newest', async () => {
    await putSource('in', 1);
    const places = await batchOf(changesOf(['gone', 'in', 'broken'], { id }));

    const { report } = await run(places, WHOLE);

    expect(report).toMatchObject({ failing: 1, left: 1, failures: { ProjectionNameTaken: 1 } });
    expect(await twin()).toEqual(twinContentOf(id, 'in', 1));
  });

  it('deletes what is left out, where it is not known whether the twin had it', async () => {
    await deliver(changesOf(['gone', 'in'], { id }), WHOLE);
    await putSource('out', 2);
    const places = await batchOf(changesOf(['out', 'out'], { id, first: 2 }).map(withoutOldImage));

    const { report } = await run(places, WHOLE);

    expect(report).toMatchObject({ applied: 1, left: 0 });
    expect(await twin()).toBeUndefined();
  });

  it('brings back nothing that an earlier projection has left out since', async () => {
    const places = await batchOf(changesOf(['gone', 'in'], { id, first: 1 }));
    // Of the change after it, a projection that kept neither has left no tombstone.
    await putSource('out', 2);

    const { report } = await run(places, WHOLE);

    expect(report).toMatchObject({ resynchronized: 1, left: 0 });
    expect(await twin()).toBeUndefined();
  });

  it('is projected where its records are read from the stream again', async () => {
    await putSource('in', 2);
    const places = failurePlaces();
    const { payload: _, ...noted } = JSON.parse(givenUp([])) as { payload: string };
    places.post(JSON.stringify(noted));
    const records = changesOf(['gone', 'in', 'in'], { id });

    const { report } = await run(places, WHOLE, {}, { readRange: async () => records });

    expect(report).toMatchObject({ found: 2, coalesced: 1, left: 0 });
    expect(await twin()).toEqual(twinContentOf(id, 'in', 2));
    expect(places.contents().messages).toEqual([]);
  });
});

describe('the records of a redrive', () => {
  const swapping = rulesProjection({ attributes: { rename: { a: 'b', b: 'a' } } });
  const records = (attributes: Item) => {
    const message = parseFailureMessage(givenUp([lambdaRecord({ attributes })]), 'orders');
    if (message.kind !== 'records') throw new Error(message.kind);
    return message.records;
  };

  it('are projected once, also where the control row has changed meanwhile', () => {
    const rules = { ...SETTINGS, projection: swapping };
    const control = controlRow();
    const opened = nextEpoch(control, {
      ...control,
      region: SETTINGS.sourceRegion,
      streamArn: STREAM_ARN,
      nowMs: NOW_MS,
    });

    const once = parseDeadLetters(records({ a: { S: 'is b' }, b: { S: 'is a' } }), control, rules);
    const again = parseDeadLetters(once, opened, rules);

    const wanted = { pk: { S: 'order-1' }, a: { S: 'is a' }, b: { S: 'is b' } };
    for (const [letter] of [once, again])
      expect(letter?.parsed.record).toMatchObject({ newImage: wanted });
  });
});
