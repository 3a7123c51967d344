// Opening an epoch: nothing that was decided under the old row can land after it, nobody's row is written
// over, and whatever interrupts it, it can be run again.

import { describe, expect, it } from 'vitest';
import type { Item } from '../../src/model/attribute-value.ts';
import { parseControlRow, putControlRow } from '../../src/model/control-item.ts';
import { type ControlRow, firstRow, newestEpoch, nextEpoch } from '../../src/model/control-row.ts';
import { versionOf } from '../../src/model/guard.ts';
import { adopt, type AdoptContext, type AdoptStep } from '../../src/switchover/adopt.ts';
import type { EventSource, EventSources, ReadableTable } from '../../src/ports.ts';
import { SETTINGS, STREAM_ARN } from '../fixtures/records.ts';
import { controlRow, scriptedReader, serviceError } from '../fixtures/replication.ts';
import { switchRecord } from '../fixtures/switched-regions.ts';

const START_MS = 1_769_860_800_000;
const SETTLE_MS = 125_000;
const OTHER_STREAM =
  'arn:aws:dynamodb:us-east-1:111122223333:table/OrdersCopy/stream/2024-01-01T00:00:00.000';
const PLAIN = { again: false, asIs: false };
const AGAIN = { again: true, asIs: false };
const AS_IS = { again: false, asIs: true };

const enabled = (streamArn = STREAM_ARN, id = 'a1b2'): EventSource => ({
  id,
  state: 'Enabled',
  lastResult: 'OK',
  streamArn,
});

interface Scene {
  readonly row?: ControlRow;
  readonly streamArn?: string;
  readonly destinationId?: string;
  readonly mappings?: readonly EventSource[];
  readonly twin?: readonly Item[];
  readonly ledger?: readonly Item[];
  /** Called before each write of the row. */
  readonly beforeWrite?: (world: World, attempt: number) => void;
  /** Called after each write of the row: throws where its answer is lost. */
  readonly afterWrite?: (attempt: number) => void;
  readonly onSleep?: (world: World) => void;
}

interface World {
  row: Item | undefined;
  mappings: EventSource[];
  nowMs: number;
}

/** A replication in memory: its control row, its mappings, and a clock that moves while somebody sleeps. */
function replication(scene: Scene = {}) {
  const world: World = {
    row: scene.row && rowItem(scene.row),
    mappings: [...(scene.mappings ?? [enabled()])],
    nowMs: START_MS,
  };
  const steps: AdoptStep[] = [];
  const events: string[] = [];
  const stop = new AbortController();
  let writes = 0;
  const context: AdoptContext = {
    rules: SETTINGS,
    identity: {
      region: 'us-east-1',
      streamArn: scene.streamArn ?? STREAM_ARN,
      reserved: '_ferry',
      destinationId: scene.destinationId ?? 'id-of-Orders',
      ledgerId: 'id-of-ferry-orders-state',
      tag: 'this-run',
    },
    twinReader: scriptedReader(() => ({ items: world.row ? [world.row] : [], unprocessed: [] })),
    twinWriter: {
      async write(request) {
        writes += 1;
        scene.beforeWrite?.(world, writes);
        const { Item: item = {} } = request.input as { Item?: Item };
        const before = Number(item['revision']?.N) - 1;
        if ((world.row === undefined ? 0 : Number(world.row['revision']?.N)) !== before)
          return { kind: 'refused', by: 'item', item: world.row };
        world.row = item;
        events.push(`${world.nowMs - START_MS}: row`);
        scene.afterWrite?.(writes);
        return { kind: 'written' };
      },
    },
    twin: table(scene.twin),
    ledger: table(scene.ledger),
    mappings: lambdaOf(world, events),
    settleMs: SETTLE_MS,
    workers: 2,
    onStep: (step) => steps.push(structuredClone(step)),
    clock: {
      now: () => world.nowMs,
      sleep: async (ms) => {
        world.nowMs += ms;
        world.mappings = world.mappings.map((one) => ({ ...one, state: settled(one.state) }));
        scene.onSleep?.(world);
      },
    },
    random: { next: () => 0.5 },
    stop: stop.signal,
  };
  const found = () => parseControlRow(world.row);
  return { context, world, steps, events, stop, found };
}

function rowItem(row: ControlRow): Item {
  return (putControlRow(row, SETTINGS).input as { Item?: Item }).Item ?? {};
}

function settled(state: string): string {
  return { Disabling: 'Disabled', Enabling: 'Enabled' }[state] ?? state;
}

function lambdaOf(world: World, events: string[]): EventSources {
  return {
    list: async () => world.mappings,
    async setEnabled(id, on) {
      events.push(`${world.nowMs - START_MS}: ${on ? 'enable' : 'disable'} ${id}`);
      const state = on ? 'Enabling' : 'Disabling';
      world.mappings = world.mappings.map((one) => (one.id === id ? { ...one, state } : one));
    },
  };
}

/** One item a page, all of them in the first segment. */
function table(items: readonly Item[] = []): ReadableTable {
  return {
    keyOf: (item) => item,
    get: async () => undefined,
    async scan({ segment, after }) {
      const at = Number(after?.['at']?.N ?? 0);
      const page = segment === 0 ? items.slice(at, at + 1) : [];
      const isLast = segment !== 0 || at + 1 >= items.length;
      const next = isLast ? undefined : { at: { N: String(at + 1) } };
      return { items: page, unreadable: [], next, readUnits: 1 };
    },
  };
}

const versioned = (epoch: number, labelMs = START_MS - 1_000_000): Item => ({
  pk: { S: 'a' },
  _ferry: { M: { v: { S: versionOf({ epoch, labelMs }, '7') } } },
});

describe('a source that was pointed at another table', () => {
  const scene = { row: controlRow(), streamArn: OTHER_STREAM, mappings: [enabled(OTHER_STREAM)] };

  it('gets the next epoch, whose age begins after everything old has landed', async () => {
    const { context, found } = replication(scene);

    const row = await adopt(PLAIN, context);

    expect(found()).toEqual({ kind: 'row', row });
    expect(row).toMatchObject({ revision: 2, tag: 'this-run' });
    expect(row.sinceMs).toBeGreaterThanOrEqual(START_MS + SETTLE_MS);
    expect(row.epochs.map(({ n, streams }) => [n, streams])).toEqual([
      [1, [STREAM_ARN]],
      [2, [OTHER_STREAM]],
    ]);
  });

  it('is paused first, for as long as an old write may still land, and goes on in the end', async () => {
    const { context, events, world } = replication(scene);

    await adopt(PLAIN, context);

    // Two seconds until Lambda says that it is disabled.
    expect(events).toEqual(['0: disable a1b2', '127000: row', '127000: enable a1b2']);
    expect(world.mappings[0]?.state).toBe('Enabling');
  });

  it('leaves alone a mapping that was disabled before, and one whose stream may not write', async () => {
    const mappings = [
      { ...enabled(OTHER_STREAM, 'new'), state: 'Disabled' },
      enabled(STREAM_ARN, 'old'),
    ];
    const { context, events, steps } = replication({ ...scene, mappings });

    await adopt(PLAIN, context);

    expect(events).toEqual(['0: disable old', '127000: row']);
    expect(steps.at(-1)).toMatchObject({ kind: 'leave-disabled', mapping: { id: 'old' } });
  });

  it('waits all the same where all mappings are disabled: nobody knows for how long', async () => {
    const mappings = [{ ...enabled(OTHER_STREAM), state: 'Disabled' }];
    const { context, events } = replication({ ...scene, mappings });

    await adopt(PLAIN, context);

    expect(events).toEqual(['125000: row']);
  });

  it('has nothing to wait for where no function is deployed', async () => {
    const { context, events } = replication(scene);

    await adopt(PLAIN, { ...context, mappings: undefined });

    expect(events).toEqual(['0: row']);
  });

  it('writes no row while a mapping is on that somebody has enabled meanwhile', async () => {
    const enable = (world: World) => {
      if (world.nowMs - START_MS > 60_000) world.mappings = [enabled(OTHER_STREAM)];
    };
    const { context, found } = replication({ ...scene, onSleep: enable });

    await expect(adopt(PLAIN, context)).rejects.toMatchObject({ code: 'adopt.mapping-busy' });

    expect(found()).toEqual({ kind: 'row', row: controlRow() });
  });

  it('gives up on a mapping that never becomes disabled', async () => {
    const stuck = (world: World) => {
      world.mappings = [{ ...enabled(OTHER_STREAM), state: 'Disabling' }];
    };
    const { context } = replication({ ...scene, onSleep: stuck });

    await expect(adopt(PLAIN, context)).rejects.toMatchObject({
      code: 'mapping.busy',
      message: 'The event source mapping a1b2 is Disabling after ten minutes, not Disabled.',
    });
  });

  it('can be interrupted while it waits, and run again', async () => {
    const { context, stop, found, steps } = replication(scene);
    const onStep = (step: AdoptStep) => {
      steps.push(step);
      if (step.kind === 'settling' && step.leftMs < 100_000) stop.abort(new Error('Ctrl-C'));
    };

    await expect(adopt(PLAIN, { ...context, onStep })).rejects.toThrow('Ctrl-C');
    expect(found()).toEqual({ kind: 'row', row: controlRow() });
    expect(steps.filter(({ kind }) => kind === 'disable')).toHaveLength(1);

    const row = await adopt(PLAIN, { ...context, stop: new AbortController().signal });
    expect(row.epochs).toHaveLength(2);
  });
});

describe('writing the row', () => {
  const scene = { row: controlRow(), streamArn: OTHER_STREAM };

  it('knows its own row where the answer was lost', async () => {
    const lost = (attempt: number) => {
      if (attempt === 1) throw serviceError('TimeoutError');
    };
    const { context, found } = replication({ ...scene, afterWrite: lost });

    const row = await adopt(PLAIN, context);

    expect(found()).toEqual({ kind: 'row', row });
  });

  it('never replaces a row that somebody else has written meanwhile', async () => {
    const theirs = nextEpoch(controlRow(), {
      region: 'us-east-1',
      streamArn: `${STREAM_ARN}9`,
      reserved: '_ferry',
      destinationId: 'theirs',
      ledgerId: 'theirs',
      tag: 'another-run',
      nowMs: START_MS,
    });
    const faster = (world: World) => {
      world.row = rowItem(theirs);
    };
    const { context, found } = replication({ ...scene, beforeWrite: faster });

    await expect(adopt(PLAIN, context)).rejects.toMatchObject({ code: 'adopt.outrun' });

    expect(found()).toEqual({ kind: 'row', row: theirs });
  });

  it('takes the row of another run that has done the same while this one waited', async () => {
    const done = nextEpoch(controlRow(), { ...identityOf(OTHER_STREAM), tag: 'another-run' });
    const other = (world: World) => {
      if (world.nowMs - START_MS > 60_000) world.row = rowItem(done);
    };
    const { context, events } = replication({ ...scene, onSleep: other });

    expect(await adopt(PLAIN, context)).toEqual(done);
    expect(events.filter((event) => event.endsWith('row'))).toEqual([]);
  });
});

function identityOf(streamArn: string) {
  return {
    region: 'us-east-1',
    streamArn,
    reserved: '_ferry',
    destinationId: 'id-of-Orders',
    ledgerId: 'id-of-ferry-orders-state',
    tag: 'test',
    nowMs: START_MS,
  };
}

describe('a row that is as it should be', () => {
  it('is left alone, and nothing is paused', async () => {
    const { context, events } = replication({ row: controlRow() });

    expect(await adopt(PLAIN, context)).toEqual(controlRow());
    expect(events).toEqual([]);
  });

  it('gets another epoch where it is asked for', async () => {
    const { context } = replication({ row: controlRow() });

    expect((await adopt(AGAIN, context)).epochs.map(({ n }) => n)).toEqual([1, 2]);
  });

  it('gets another epoch for a twin made anew', async () => {
    const { context } = replication({ row: controlRow(), destinationId: 'made-anew' });

    expect(await adopt(PLAIN, context)).toMatchObject({ destinationId: 'made-anew', revision: 2 });
  });
});

describe('another table than the one that was adopted', () => {
  it.each<[string, Scene]>([
    ['a twin that another replication has written', { twin: [versioned(5)] }],
    [
      'a state table from before its latest epochs',
      { ledger: [{ id: { S: 'x' }, d: { S: versionOf({ epoch: 5, labelMs: 1 }, '7') } }] },
    ],
  ])('gets an epoch above all of its versions: %s', async (_, tables) => {
    const { context } = replication({ ...tables, row: controlRow(), destinationId: 'other' });

    const row = await adopt(PLAIN, context);

    expect(row).toMatchObject({ revision: 2, destinationId: 'other' });
    expect(row.epochs.map(({ n }) => n)).toEqual([1, 6]);
  });
});

describe('two copies of the row', () => {
  it('are left to a switch that has claimed them while the tables were read', async () => {
    const there = replication({ row: controlRow(), destinationId: 'made-anew' });
    const here = replication({ row: controlRow() });
    const claimed = { ...rowOf(there), revision: 3, switch: switchRecord() };
    const onStep = ({ kind }: AdoptStep) => {
      if (kind === 'reading') there.world.row = rowItem(claimed);
    };
    const regions = { there: 'eu-west-1', beside: 'us-east-1' };
    const context = { ...there.context, onStep, beside: { ...here.context, regions } };

    await expect(adopt(PLAIN, context)).rejects.toMatchObject({ code: 'adopt.refused' });

    expect(there.found()).toEqual({ kind: 'row', row: claimed });
    expect(newestEpoch(rowOf(here)).n).toBe(1);
  });

  it('are left to an epoch that was opened while the tables were read', async () => {
    const worlds = [{ destinationId: 'made-anew' }, {}].map((scene) =>
      replication({ ...scene, row: controlRow() }),
    );
    const [there, here] = worlds as [(typeof worlds)[0], (typeof worlds)[0]];
    const switched = { ...nextEpoch(controlRow(), identityOf(STREAM_ARN)), revision: 9 };
    const onStep = ({ kind }: AdoptStep) => {
      if (kind === 'reading') for (const { world } of worlds) world.row = rowItem(switched);
    };
    const regions = { there: 'eu-west-1', beside: 'us-east-1' };
    const context = { ...there.context, onStep, beside: { ...here.context, regions } };

    await expect(adopt(PLAIN, context)).rejects.toMatchObject({ code: 'adopt.outrun' });

    expect(worlds.map(rowOf)).toEqual([switched, switched]);
  });
});

function rowOf({ found }: ReturnType<typeof replication>): ControlRow {
  const copy = found();
  if (copy.kind !== 'row') throw new Error(copy.kind);
  return copy.row;
}

describe('what is refused, before anything is paused', () => {
  it.each<[string, Item | undefined, typeof PLAIN, RegExp]>([
    [
      'another reserved attribute',
      rowItem({ ...controlRow(), reserved: '_old' }),
      PLAIN,
      /versions in the attribute "_old"; the configuration says "_ferry"/,
    ],
    [
      'a row of another format',
      { ...rowItem(controlRow()), format: { N: '3' } },
      AGAIN,
      /its format is 3/,
    ],
    [
      '--as-is over a row that does not know the stream',
      rowItem(controlRow(OTHER_STREAM)),
      AS_IS,
      /There is a control row already/,
    ],
  ])('%s', async (_, row, choice, problem) => {
    const { context, world, events } = replication();
    world.row = row;

    await expect(adopt(choice, context)).rejects.toMatchObject({
      code: 'adopt.refused',
      message: expect.stringMatching(problem) as string,
    });

    expect(world.row).toBe(row);
    expect(events).toEqual([]);
  });
});

describe('without a control row', () => {
  it('opens the epoch above every version of the twin, wherever it is', async () => {
    const twin = [versioned(1), { pk: { S: 'plain' } }, versioned(4), versioned(2)];
    const { context, steps } = replication({ twin });

    const row = await adopt(PLAIN, context);

    expect(row).toMatchObject({ revision: 1, epochs: [{ n: 5, streams: [STREAM_ARN] }] });
    expect(steps.findLast(({ kind }) => kind === 'reading')).toMatchObject({
      survey: { items: 4, versioned: 3, highestEpoch: 4 },
    });
  });

  it('opens it above every tombstone and failure bound, too', async () => {
    const v = (epoch: number) => ({ S: versionOf({ epoch, labelMs: START_MS }, '7') });
    const ledger = [
      { id: { S: 'x' }, d: v(3) },
      { id: { S: 'y' }, f: v(6) },
    ];
    const { context } = replication({ twin: [versioned(1)], ledger });

    expect(await adopt(PLAIN, context)).toMatchObject({ epochs: [{ n: 7 }] });
  });

  it('reads only once nothing can be written any more', async () => {
    const { context, steps } = replication({ twin: [versioned(1)] });

    await adopt(PLAIN, context);

    const kinds = steps.map(({ kind }) => kind);
    expect(kinds.indexOf('reading')).toBeGreaterThan(kinds.lastIndexOf('settling'));
  });

  it('opens the first epoch where nothing has a version', async () => {
    const { context } = replication({ twin: [{ pk: { S: 'plain' } }] });

    expect(await adopt(PLAIN, context)).toMatchObject({ epochs: [{ n: 1 }] });
  });
});

describe('a running replication that is upgraded', () => {
  const labelMs = Date.UTC(2026, 0, 31, 12);

  it('goes on in epoch 1, and is not paused', async () => {
    const { context, events } = replication({ twin: [versioned(1, labelMs), versioned(1, 5)] });

    const row = await adopt(AS_IS, context);

    expect(row).toMatchObject({ revision: 1, epochs: [{ n: 1, streams: [STREAM_ARN] }] });
    expect(events).toEqual(['0: row']);
  });

  it.each<[string, Scene, RegExp]>([
    ['another epoch', { twin: [versioned(1, labelMs), versioned(2, labelMs)] }, /version 0002\./],
    ['a later label', { twin: [versioned(1, labelMs + 1)] }, /cannot have written/],
    [
      'a tombstone with a later label',
      {
        twin: [versioned(1, labelMs)],
        ledger: [{ d: { S: versionOf({ epoch: 1, labelMs: labelMs + 1 }, '7') } }],
      },
      /cannot have written/,
    ],
    ['items of which none has a version', { twin: [{ pk: { S: 'a' } }] }, /none with a version/],
  ])('fails where it meets %s', async (_, scene, problem) => {
    const { context, found } = replication(scene);

    await expect(adopt(AS_IS, context)).rejects.toMatchObject({
      code: 'adopt.refused',
      message: expect.stringMatching(problem) as string,
    });
    expect(found()).toEqual({ kind: 'missing' });
  });

  it('has nothing to do the second time', async () => {
    const { context, events } = replication({ row: firstRow(identityOf(STREAM_ARN)) });

    await adopt(AS_IS, context);

    expect(events).toEqual([]);
  });
});
