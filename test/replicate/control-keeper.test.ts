// The function's copy of the control row: old enough to be cheap, young enough to be safe, and never the
// reason why a record is applied that should have been held back.

import { describe, expect, it } from 'vitest';
import type { Item } from '../../src/model/attribute-value.ts';
import { putControlRow } from '../../src/model/control-item.ts';
import { type ControlRow, nextEpoch, withPause } from '../../src/model/control-row.ts';
import { versionOf } from '../../src/model/guard.ts';
import { ANSWER_MARGIN_MS, HELD_ANSWER_MS, REQUEST_TIMEOUT_MS } from '../../src/config/names.ts';
import type { StreamRules } from '../../src/model/rules.ts';
import { controlKeeper } from '../../src/replicate/control-keeper.ts';
import type { LogEvent } from '../../src/ports.ts';
import { SETTINGS, STREAM_ARN } from '../fixtures/records.ts';
import { STAMPED } from '../fixtures/two-way.ts';
import { controlRow, scriptedReader, serviceError } from '../fixtures/replication.ts';

const OTHER_STREAM =
  'arn:aws:dynamodb:us-east-1:111122223333:table/OrdersCopy/stream/2024-01-01T00:00:00.000';
const LATER_STREAM = STREAM_ARN.replace('2026-01-31', '2026-03-01');
const identity = {
  region: 'us-east-1',
  streamArn: OTHER_STREAM,
  reserved: '_ferry',
  destinationId: 'id-of-Orders',
  ledgerId: 'id-of-ferry-orders-state',
  tag: 'cli',
  nowMs: 1,
};
const repointed = nextEpoch(controlRow(), identity);

function itemOf(row: ControlRow): Item {
  return (putControlRow(row, SETTINGS).input as { Item?: Item }).Item ?? {};
}

interface World {
  /** The control row. */
  item: Item | undefined;
  nowMs: number;
  /** What the twin's first page has. */
  twin: readonly Item[];
  /** Errors of the next reads, in order; undefined where one succeeds. */
  failures: Array<Error | undefined>;
  /** How long each request takes. */
  requestMs: number;
}

function keeperOver(
  item: Item | undefined,
  settings: StreamRules = { ...SETTINGS, streamArn: STREAM_ARN },
) {
  const world: World = { item, nowMs: 1_000_000, twin: [], failures: [], requestMs: 0 };
  const logged: LogEvent[] = [];
  const take = async () => {
    const endMs = world.nowMs + world.requestMs;
    await Promise.resolve();
    world.nowMs = Math.max(world.nowMs, endMs);
  };
  const scripts = scriptedReader(async ({ operation, input }) => {
    await take();
    const failure = world.failures.shift();
    if (failure !== undefined) throw failure;
    if (operation === 'GetItem')
      return { items: world.item === undefined ? [] : [world.item], unprocessed: [] };
    const isTwin = 'TableName' in input && input.TableName === SETTINGS.destinationTable;
    return { items: isTwin ? world.twin : [], unprocessed: [] };
  });
  const twinReader = {
    ...scripts,
    async tableId(table: string) {
      await take();
      return scripts.tableId(table);
    },
  };
  const keeper = controlKeeper({
    rules: settings,
    twinReader,
    twinWriter: {
      async write(request) {
        await take();
        world.item = (request.input as { Item?: Item }).Item;
        return { kind: 'written' };
      },
    },
    clock: {
      now: () => world.nowMs,
      sleep: async (ms) => {
        world.nowMs += ms;
      },
    },
    random: { next: () => 0.5 },
    log: (event) => logged.push(event),
  });
  /** With a time limit as short as a configuration may have it. */
  const admit = (...streamArns: string[]) => {
    const endMs = world.nowMs + 30_000;
    return keeper.admit(new Set(streamArns), () => endMs - world.nowMs);
  };
  const reads = () => twinReader.requests.length;
  return { world, logged, admit, reads };
}

describe('a batch is admitted', () => {
  it('under the row that lists its stream, with versions of its epoch', async () => {
    const { admit } = keeperOver(itemOf(repointed));

    const admission = await admit(OTHER_STREAM);

    expect(admission).toMatchObject({ kind: 'admitted', row: repointed });
    if (admission.kind !== 'admitted') throw new Error('held');
    expect(admission.seriesOf(OTHER_STREAM)).toMatchObject({ epoch: 2 });
  });

  it('of a later stream of a listed table', async () => {
    expect(await keeperOver(itemOf(controlRow())).admit(LATER_STREAM)).toMatchObject({
      kind: 'admitted',
    });
  });
});

describe('a batch is held back', () => {
  it.each<[string, Item | undefined, string, RegExp]>([
    ['of an unknown stream', itemOf(controlRow()), OTHER_STREAM, /does not know the stream/],
    ['of an ended epoch', itemOf(repointed), STREAM_ARN, /has ended/],
    [
      'under another reserved attribute',
      itemOf({ ...controlRow(), reserved: '_old' }),
      STREAM_ARN,
      /another reserved attribute/,
    ],
    [
      'while the replication is paused, although something invokes the function',
      itemOf(withPause(controlRow(), { sinceMs: 5, oldestMs: 4 }, 'cli')),
      STREAM_ARN,
      /is paused/,
    ],
    [
      'under another format',
      { ...itemOf(controlRow()), format: { N: '3' } },
      STREAM_ARN,
      /its format is 3/,
    ],
  ])('%s', async (_, item, streamArn, why) => {
    expect(await keeperOver(item).admit(streamArn)).toEqual({
      kind: 'held',
      why: expect.stringMatching(why) as string,
    });
  });

  it('where only one of its records is of another stream', async () => {
    const { admit } = keeperOver(itemOf(controlRow()));

    expect(await admit(STREAM_ARN, OTHER_STREAM)).toMatchObject({ kind: 'held' });
  });

  it('where the row cannot be read, and admitted once it can', async () => {
    const { admit, world } = keeperOver(itemOf(controlRow()));
    world.failures = [serviceError('AccessDeniedException')];

    expect(await admit(STREAM_ARN)).toMatchObject({
      kind: 'held',
      why: expect.stringMatching(/cannot be read/) as string,
    });
    expect(await admit(STREAM_ARN)).toMatchObject({ kind: 'admitted' });
  });

  it('where the row cannot be read again when its copy is old', async () => {
    const { admit, world } = keeperOver(itemOf(controlRow()));
    await admit(STREAM_ARN);
    world.nowMs += 61_000;
    world.failures = [serviceError('TimeoutError')];

    expect(await admit(STREAM_ARN)).toMatchObject({ kind: 'held' });
  });

  it('not where a throttled read succeeds on another try', async () => {
    const { admit, world } = keeperOver(itemOf(controlRow()));
    world.failures = [serviceError('ThrottlingException'), serviceError('ThrottlingException')];

    expect(await admit(STREAM_ARN)).toMatchObject({ kind: 'admitted' });
  });
});

describe('the row is read', () => {
  it('once a minute, however many batches there are', async () => {
    const { admit, world, reads } = keeperOver(itemOf(controlRow()));

    for (let second = 0; second <= 120; second += 1) {
      await admit(STREAM_ARN);
      world.nowMs += 1_000;
    }

    expect(reads()).toBe(2);
  });

  it('again after a minute, so that nobody writes under one that was replaced', async () => {
    const { admit, world } = keeperOver(itemOf(controlRow()));
    await admit(STREAM_ARN);
    world.item = itemOf(repointed);

    world.nowMs += 60_000;
    expect(await admit(STREAM_ARN)).toMatchObject({ kind: 'admitted' });
    world.nowMs += 1;
    expect(await admit(STREAM_ARN)).toMatchObject({ kind: 'held' });
  });

  it('again within seconds while the replication is paused, so that a resume shows at once', async () => {
    const { admit, world } = keeperOver(
      itemOf(withPause(controlRow(), { sinceMs: 5, oldestMs: 4 }, 'cli')),
    );
    await admit(STREAM_ARN);
    world.item = itemOf(controlRow());
    world.nowMs += 2_001;

    expect(await admit(STREAM_ARN)).toMatchObject({ kind: 'admitted' });
  });

  it('again for a stream that its copy does not know, so that an adoption shows at once', async () => {
    const { admit, world } = keeperOver(itemOf(controlRow()));
    await admit(STREAM_ARN);
    world.item = itemOf(repointed);
    world.nowMs += 2_001;

    expect(await admit(OTHER_STREAM)).toMatchObject({ kind: 'admitted' });
  });

  it('again within seconds while its epoch is not that of both directions, for the same', async () => {
    const twoWay = { ...STAMPED, epoch: 2 };
    const settings = { ...SETTINGS, streamArn: STREAM_ARN, twoWay };
    const { admit, world } = keeperOver(itemOf(controlRow()), settings);
    expect(await admit(STREAM_ARN)).toMatchObject({
      kind: 'held',
      why: 'the control row has epoch 1, and the configuration epoch 2',
    });
    world.item = itemOf(repointed);
    world.nowMs += 2_001;

    expect(await admit(OTHER_STREAM)).toMatchObject({ kind: 'admitted' });
  });

  it('at most every two seconds for a stream that nobody knows', async () => {
    const { admit, world, reads } = keeperOver(itemOf(controlRow()));

    for (let tenth = 0; tenth < 100; tenth += 1) {
      await admit(OTHER_STREAM);
      world.nowMs += 100;
    }

    expect(reads()).toBeLessThanOrEqual(5);
  });

  it('again where the clock was set back, because an age cannot be told then', async () => {
    const { admit, world, reads } = keeperOver(itemOf(controlRow()));
    await admit(STREAM_ARN);
    world.nowMs -= 1_000;

    await admit(STREAM_ARN);

    expect(reads()).toBe(2);
  });
});

describe('without a row', () => {
  const version = { M: { v: { S: versionOf({ epoch: 1, labelMs: 5 }, '7') } } };

  it('the function writes the first one for the stream of its own settings', async () => {
    const { admit, world, logged } = keeperOver(undefined);

    expect(await admit(STREAM_ARN)).toMatchObject({ kind: 'admitted' });
    expect(world.item).toMatchObject({ revision: { N: '1' } });
    expect(logged).toContainEqual({ event: 'control.adopted' });
  });

  it('the function never does so for the stream of a batch', async () => {
    const { admit } = keeperOver(undefined);

    expect(await admit(OTHER_STREAM)).toMatchObject({
      kind: 'held',
      why: expect.stringMatching(/does not know/) as string,
    });
  });

  it('the function does not know which stream to adopt without a setting', async () => {
    const { admit, world } = keeperOver(undefined, { ...SETTINGS, streamArn: undefined });

    expect(await admit(STREAM_ARN)).toMatchObject({ kind: 'held' });
    expect(world.item).toBeUndefined();
  });

  it('the function holds where the twin has versions, and reads the twin once a minute at most', async () => {
    const { admit, world, reads } = keeperOver(undefined);
    world.twin = [{ _ferry: version }];

    for (let second = 0; second < 60; second += 1) {
      expect(await admit(STREAM_ARN)).toMatchObject({
        kind: 'held',
        why: expect.stringContaining('ferry adopt') as string,
      });
      world.nowMs += 1_000;
    }

    // The control row every two seconds or so, and one look at both tables.
    expect(reads()).toBeLessThanOrEqual(30 + 4);
    expect(world.item).toBeUndefined();
  });

  it('the function adopts in the same invocation where looking was throttled at first', async () => {
    const { admit, world } = keeperOver(undefined);
    world.failures = [undefined, serviceError('ThrottlingException')];

    expect(await admit(STREAM_ARN)).toMatchObject({ kind: 'admitted' });
  });

  it('the function adopts with the next batch where looking failed', async () => {
    const { admit, world } = keeperOver(undefined);
    world.failures = [undefined, serviceError('TimeoutError')];

    expect(await admit(STREAM_ARN)).toMatchObject({
      kind: 'held',
      why: expect.stringMatching(/cannot be read/) as string,
    });
    expect(await admit(STREAM_ARN)).toMatchObject({ kind: 'admitted' });
  });
});

describe('a slow destination', () => {
  const leastLeftMs = HELD_ANSWER_MS + ANSWER_MARGIN_MS;

  it.each([undefined, itemOf(controlRow())])(
    'that throttles slowly leaves time to answer (row: %j)',
    async (item) => {
      const { admit, world } = keeperOver(item);
      world.requestMs = REQUEST_TIMEOUT_MS - 100;
      world.failures = Array.from({ length: 20 }, (_, index) =>
        // Tries end late: each gets as far as it can.
        item === undefined && index % 3 < 2 ? undefined : serviceError('ThrottlingException'),
      );
      const startMs = world.nowMs;

      expect(await admit(STREAM_ARN)).toMatchObject({ kind: 'held' });
      expect(30_000 - (world.nowMs - startMs)).toBeGreaterThanOrEqual(leastLeftMs);
    },
  );

  it('is adopted within one invocation, though each request takes four seconds', async () => {
    const { admit, world } = keeperOver(undefined);
    world.requestMs = 4_000;

    expect(await admit(STREAM_ARN)).toMatchObject({ kind: 'admitted' });
  });
});
