// A Region is lost while its applications write on, and comes back: on real engines, with the functions of both
// directions. What was written there is arrived, stranded or overtaken, and nothing of it is lost.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Item } from '../../src/model/attribute-value.ts';
import { newestEpoch } from '../../src/model/control-row.ts';
import { decisionKey } from '../../src/model/stranded-class.ts';
import { FerryError, UsageError } from '../../src/errors.ts';
import { newSwitch, nextStep } from '../../src/switching/next-step.ts';
import type { SwitchPorts } from '../../src/switching/ports.ts';
import { countUndecided, recordOf, type StrandedWrite } from '../../src/switching/stranded.ts';
import {
  runStranded,
  type StrandedOutcome,
  type StrandedRequest,
} from '../../src/switching/stranded-run.ts';
import {
  exitCodeOf,
  type StepResult,
  type SwitchRequest,
  type SwitchResult,
} from '../../src/switching/step.ts';
import { raisedActive } from '../../src/tally/tally-row.ts';
import { idleMs, LostWorld } from './lost-world.ts';

let world: LostWorld;
beforeEach(async () => {
  world = await LostWorld.open();
});
afterEach(() => world.close());

const REQUEST = { apply: true, by: 'test', accepted: [], proof: 'tail' as const };

/** Until it has a result, or `until` says so: then the operator is dead. */
async function run(
  request: Partial<SwitchRequest> & Pick<SwitchRequest, 'kind'>,
  { until, onStep, ports = world.ports() }: RunOptions = {},
): Promise<SwitchResult | undefined> {
  const state = newSwitch({ ...REQUEST, ...request }, ports.random);
  for (let steps = 1; steps < 500; steps += 1) {
    const step = await nextStep(state, ports);
    if (step.result !== undefined) return step.result;
    if (until?.(step) === true) return undefined;
    await onStep?.(step);
    world.pass(idleMs(step));
  }
  throw new Error('it does not end');
}

interface RunOptions {
  readonly until?: (step: StepResult) => boolean;
  readonly onStep?: (step: StepResult) => Promise<void>;
  readonly ports?: SwitchPorts;
}

/** The way back runs beside the rejoin, as its function does. */
const wayBack = async () => world.west.replicate(world.east);

function failbackPorts(): SwitchPorts {
  const { east, west } = world;
  return {
    ...world.ports(),
    target: east.side(),
    old: west.side(),
    drained: west.direction(east),
    back: east.direction(west),
  };
}

/** us-east-1 is lost with what it has not replicated yet, and eu-west-1 is opened. */
async function lose(): Promise<void> {
  const { east, west } = world;
  await east.put('same', { value: { S: 'old' } });
  await east.put('stranded', { value: { S: 'old' } });
  await east.put('overtaken', { value: { S: 'old' } });
  await east.put('deleted', { value: { S: 'old' } });
  await east.replicate(west);
  world.isLost = true;
  await east.put('stranded', { value: { S: 'late' } });
  await east.put('overtaken', { value: { S: 'late' } });
  await run({ kind: 'lost' });
}

/** Applications write on at both sides, and do not know of each other. */
async function writeOn(): Promise<void> {
  const { east, west } = world;
  await east.put('new', { value: { S: 'late' } });
  await east.delete('deleted');
  await west.put('overtaken', { value: { S: 'newer' } });
  await west.put('west', { value: { S: 'newer' } });
}

async function comeBack(): Promise<SwitchResult | undefined> {
  world.isLost = false;
  return run({ kind: 'rejoin' }, { onStep: wayBack });
}

async function strandedRun(request: Partial<StrandedRequest> = {}, ports = world.ports()) {
  const found: Array<{ write: StrandedWrite; outcome: StrandedOutcome | undefined }> = [];
  const row = await world.west.row();
  const report = await runStranded(
    { action: 'list', apply: true, ...request },
    { row, ports },
    {
      onWrite: (write, _place, outcome) => void found.push({ write, outcome }),
      onUnreadable: () => undefined,
    },
  );
  const classes = found.map(({ write }) => [write.key['pk']?.S, write.class] as const);
  return { report, found, classes: Object.fromEntries(classes) };
}

describe('failover --source-lost', () => {
  it('opens the target alone, after all requests of the other Region are dead', async () => {
    await world.east.put('a', { value: { S: '1' } });
    await world.east.replicate(world.west);
    world.isLost = true;
    const beganMs = world.now();

    const result = await run({ kind: 'lost' });

    const row = await world.west.row();
    expect(row.epochs).toMatchObject([
      { n: 1, region: 'us-east-1', end: 'lost' },
      { n: 2, region: 'eu-west-1', streams: [world.west.streamArn] },
    ]);
    expect(row.closing).toBeUndefined();
    expect(row.switch).toBeUndefined();
    const opened = newestEpoch(row);
    expect(opened.fromMs).toBe(row.epochs[0]?.toMs);
    expect(opened.fromMs - beganMs).toBeGreaterThanOrEqual(21_000);
    // Behind the fence of the function, before the wait; and applications come in at the end only.
    expect(world.west.fences).toEqual([{ inboundRefused: true }, { fenced: false }]);
    expect(result).toMatchObject({
      kind: 'switched',
      proof: { from: 'us-east-1', to: 'eu-west-1', epochs: { ended: 1, opened: 2 } },
    });
    const proof = result?.kind === 'switched' ? result.proof : undefined;
    expect(proof?.rpo.proven).toBe(false);
    expect(proof?.rpo.seconds).toBeGreaterThanOrEqual(0);
    expect(proof?.rpo.seconds).toBeLessThan(60);
  });

  it('is refused while DynamoDB answers there, unless the operator says so', async () => {
    await expect(run({ kind: 'lost' })).rejects.toThrow(UsageError);
    const before = await world.west.row();
    expect(before.revision).toBe(1);

    const result = await run({ kind: 'lost', evenIfReachable: true });

    expect(result?.kind).toBe('switched');
  });

  it.each([
    ['AccessDeniedException', 400, 'switching.reachable'],
    ['ThrottlingException', 400, 'switching.reachable'],
    ['ServiceUnavailable', 503, 'lost-preview'],
    ['TimeoutError', undefined, 'lost-preview'],
    // Nothing was sent, so that nothing is known.
    ['CredentialsProviderError', undefined, 'switching.unasked'],
    ['CredentialsUnavailable', undefined, 'switching.unasked'],
  ])('takes %s (%s) for %s', async (name, httpStatusCode, expected) => {
    const ports = world.ports();
    const read = () =>
      Promise.reject(Object.assign(new Error(name), { name, $metadata: { httpStatusCode } }));
    const answering = {
      ...ports,
      old: { ...ports.old, reader: { ...ports.old.reader, read } },
    };

    const result = await run({ kind: 'lost', apply: false }, { ports: answering }).then(
      (found) => found?.kind,
      (error: UsageError) => error.code,
    );

    expect(result).toBe(expected);
  });

  it('opens the target also where its stream cannot be read for the estimate', async () => {
    world.isLost = true;
    const ports = world.ports();
    const shards = () => Promise.reject(Object.assign(new Error(), { name: 'AccessDenied' }));
    const target = { ...ports.target, stream: { ...ports.target.stream, shards } };

    const result = await run({ kind: 'lost' }, { ports: { ...ports, target } });

    expect(result).toMatchObject({ kind: 'switched', proof: { rpo: { seconds: null } } });
    expect((await world.west.row()).closing).toBeUndefined();
  });

  it('shows when the newest changes have arrived, and changes nothing, without --apply', async () => {
    const { east, west } = world;
    await east.put('a');
    const writtenMs = world.now();
    await east.replicate(west);
    world.isLost = true;

    const result = await run({ kind: 'lost', apply: false });

    if (result?.kind !== 'lost-preview') throw new Error(`it is ${result?.kind}`);
    const newest = Math.max(...result.newest.map(({ atMs = 0 }) => atMs));
    expect(Math.abs(newest - writtenMs)).toBeLessThan(30_000);
    expect(result.newest.every(({ isWhole }) => isWhole)).toBe(true);
    expect((await west.row()).revision).toBe(1);
    expect(west.fences).toEqual([]);
  });

  it.each(['closing', 'fencing', 'waiting', 'opening', 'admitting', 'releasing'])(
    'is taken over by another run when it was killed before %s',
    async (phase) => {
      world.isLost = true;
      const ports = world.ports();
      const dead = newSwitch({ ...REQUEST, kind: 'lost' }, ports.random);
      for (let step = await nextStep(dead, ports); step.phase !== phase; ) {
        world.pass(step.waitMs);
        step = await nextStep(dead, ports);
      }
      const takenOverMs = world.now();

      const result = await run({ kind: 'lost' });

      expect(['switched', 'finished']).toContain(result?.kind);
      const row = await world.west.row();
      expect(row.epochs).toHaveLength(2);
      expect(row.epochs[0]).toMatchObject({ n: 1, end: 'lost' });
      expect([row.closing, row.switch]).toEqual([undefined, undefined]);
      expect(world.west.fences.at(-1)).toEqual({ fenced: false });
      const isOpened = ['admitting', 'releasing'].includes(phase);
      // A close of a dead operator is not gone on from: the whole wait begins again.
      expect(newestEpoch(row).fromMs - takenOverMs >= 21_000).toBe(!isOpened);
      // What the dead one sends late is refused.
      await expect(nextStep(dead, ports)).rejects.toThrow(UsageError);
      expect(await world.west.row()).toEqual(row);
    },
  );

  it('takes over a planned switch that has lost its source', async () => {
    const planned = newSwitch({ ...REQUEST, kind: 'switch' }, { next: () => 0.3 });
    const ports = world.ports();
    let { phase } = await nextStep(planned, ports);
    while (phase !== 'probing') ({ phase } = await nextStep(planned, ports));
    world.isLost = true;

    const result = await run({ kind: 'lost' });

    expect(result?.kind).toBe('switched');
    expect((await world.west.row()).epochs.map(({ end }) => end)).toEqual(['lost', undefined]);
    world.isLost = false;
    await expect(nextStep(planned, ports)).rejects.toThrow(/holds the replication|has ended/);
  });

  it.each([
    ['probing', 'finished'],
    ['letters', 'finished'],
    ['waiting', 'may have opened us-east-1'],
  ])(
    'knows of a failback that has lost its target before %s whether it was opened: %s',
    async (phase, expected) => {
      const { east, west } = world;
      world.isLost = true;
      await run({ kind: 'lost' });
      world.isLost = false;
      await run({ kind: 'rejoin' }, { onStep: wayBack });
      await run(
        { kind: 'switch' },
        { ports: failbackPorts(), until: (step) => step.phase === phase },
      );
      world.isLost = true;
      const before = await west.row();

      const result = await run({ kind: 'lost' }).then(
        ({ kind } = { kind: 'already', active: '', epoch: 0 }) => kind,
        (error: Error) => error.message,
      );

      expect(result).toContain(expected);
      const row = await west.row();
      expect(row.epochs).toEqual(before.epochs);
      const isTaken = expected === 'finished';
      expect([row.switch === undefined, west.isFenced]).toEqual([isTaken, !isTaken]);
      expect(east.isFenced).toBe(true);
    },
  );

  it('says so where the target is active already', async () => {
    world.isLost = true;
    await run({ kind: 'lost' });

    const again = await run({ kind: 'lost' });

    expect(again).toEqual({ kind: 'already', active: 'eu-west-1', epoch: 2 });
  });
});

describe('rejoin', () => {
  it('keeps every write of the lost Region, and makes both sides equal', async () => {
    await lose();
    await writeOn();

    const result = await comeBack();

    const { east, west } = world;
    expect(await east.items()).toEqual(await west.items());
    expect(result).toMatchObject({ kind: 'rejoined', undecided: 3 });
    expect(east.isFenced).toBe(true);
    const [there, here] = [await west.row(), await east.row()];
    expect(here.epochs[1]).toEqual(there.epochs[1]);
    // In the Region that was lost, its epoch has ended with the fence, not when the other side was opened.
    expect(here.epochs[0]?.end).toBe('lost');
    expect(here.epochs[0]?.toMs).toBeGreaterThan(there.epochs[0]?.toMs ?? Infinity);
    for (const { closing, switch: record } of [here, there])
      expect([closing, record]).toEqual([undefined, undefined]);
  });

  it('classes what differs before the repair takes its traces away', async () => {
    await lose();
    await writeOn();
    await comeBack();
    // Its function comes late with what it had kept.
    await world.east.replicate(world.west);

    const { report, classes, found } = await strandedRun();

    expect(classes).toEqual({
      stranded: 'stranded',
      new: 'stranded',
      deleted: 'stranded',
      overtaken: 'overtaken',
      west: 'overtaken',
    });
    expect(report).toMatchObject({ stranded: 3, overtaken: 2, undecided: 3, unreadable: 0 });
    const write = found.find(({ write: { key } }) => key['pk']?.S === 'stranded')?.write;
    expect(write?.item?.lost?.['value']).toEqual({ S: 'late' });
    expect(write?.item?.active?.['value']).toEqual({ S: 'old' });
    const place = { ...PLACE, bucket: world.east.bucket };
    expect(write && (await recordOf(write, place))?.newImage?.['value']).toEqual({ S: 'late' });
  });

  it('has nothing to do where no Region was lost, and nothing more where it has ended', async () => {
    await expect(run({ kind: 'rejoin' })).rejects.toThrow('nothing to rejoin');
    await lose();
    await comeBack();

    expect(await run({ kind: 'rejoin' })).toMatchObject({ kind: 'already', epoch: 2 });
  });

  it('shows what was lost without --apply, and changes nothing', async () => {
    await lose();
    world.isLost = false;

    const result = await run({ kind: 'rejoin', apply: false });

    expect(result).toMatchObject({ kind: 'rejoin-preview', region: 'us-east-1', epoch: 1 });
    expect((await world.east.row()).revision).toBe(1);
  });

  it.each([
    ['fencing', 1],
    ['probing', 1],
    ['closing', 1],
    ['waiting', 1],
    ['comparing', 1],
    ['telling', 1],
    ['catching-up', 1],
    ['catching-up', 2],
    ['classing', 1],
    ['repairing', 1],
    ['releasing', 1],
  ])('is gone on with when it was killed before %s (%i)', async (phase, times) => {
    await lose();
    await writeOn();
    world.isLost = false;
    let seen = 0;
    const until = (step: StepResult) => step.phase === phase && (seen += 1) === times;
    await run({ kind: 'rejoin' }, { until, onStep: wayBack });

    const result = await run({ kind: 'rejoin' }, { onStep: wayBack });

    expect(seen).toBe(times);
    expect(result).toMatchObject({ kind: 'rejoined', undecided: 3 });
    expect(await world.east.items()).toEqual(await world.west.items());
    const { classes } = await strandedRun();
    expect(Object.values(classes).filter((one) => one === 'stranded')).toHaveLength(3);
    expect(classes['overtaken']).toBe('overtaken');
  });

  it.each(['comparing', 'classing'])(
    'keeps what was found when a run that slept while %s wakes up after another one has ended',
    async (phase) => {
      await lose();
      await writeOn();
      world.isLost = false;
      const ports = world.ports();
      let sleep: (() => Promise<unknown>) | undefined;
      const get = async (key: Item) => {
        const item = await ports.target.table.get(key);
        const asleep = sleep;
        sleep = undefined;
        await asleep?.();
        return item;
      };
      const target = { ...ports.target, table: { ...ports.target.table, get } };
      const sleeper = newSwitch({ ...REQUEST, kind: 'rejoin' }, ports.random);
      for (let step = await nextStep(sleeper, ports); step.phase !== phase; ) {
        await wayBack();
        world.pass(step.waitMs);
        step = await nextStep(sleeper, ports);
      }
      sleep = () => run({ kind: 'rejoin' }, { onStep: wayBack });

      await expect(nextStep(sleeper, { ...ports, target })).rejects.toThrow(UsageError);

      const { report, classes } = await strandedRun();
      expect(report).toMatchObject({ stranded: 3, unclassed: 0, undecided: 3 });
      expect(classes['overtaken']).toBe('overtaken');
    },
  );

  it('ends where the fence does not hold, and nothing is changed behind it', async () => {
    await lose();
    world.isLost = false;
    const ports = world.ports();
    const leaking: SwitchPorts = {
      ...ports,
      old: { ...ports.old, fence: { ...ports.old.fence, probe: async () => 'writable' } },
    };

    const result = await run({ kind: 'rejoin' }, { ports: leaking });

    expect(result).toMatchObject({ kind: 'unproven' });
    expect((await world.east.row()).epochs[0]?.end).toBeUndefined();
  });

  it('waits for the redrive of what the way back has put aside', async () => {
    await lose();
    await writeOn();
    world.isLost = false;
    world.west.letters = { letters: [], batches: 2, lost: 0 };

    const held = await run({ kind: 'rejoin' }, { onStep: wayBack });

    expect(held).toMatchObject({ kind: 'unproven', open: { batches: 2 } });
    world.west.letters = { letters: [], batches: 0, lost: 0 };
    expect(await run({ kind: 'rejoin' }, { onStep: wayBack })).toMatchObject({ kind: 'rejoined' });
  });

  it('goes on without accepted letters of the way back, and names what it cannot repair', async () => {
    await lose();
    await writeOn();
    await world.west.put('poison', { value: { S: 'newer' } });
    world.isLost = false;
    const key = { pk: { S: 'poison' } };
    const sequenceNumber = await world.west.poison('poison');
    const letter = { sequenceNumber, key, reason: 'ValidationException' };
    world.west.letters = { letters: [letter], batches: 0, lost: 0 };
    const ports = world.ports();
    const write: typeof ports.old.writer.write = async (request) =>
      JSON.stringify(request.input).includes('"poison"')
        ? Promise.reject(Object.assign(new Error('too large'), { name: 'ValidationException' }))
        : ports.old.writer.write(request);
    const refusing = { ...ports, old: { ...ports.old, writer: { ...ports.old.writer, write } } };

    const held = await run({ kind: 'rejoin' }, { onStep: wayBack });
    const accepted = [sequenceNumber];
    const result = await run({ kind: 'rejoin', accepted }, { onStep: wayBack, ports: refusing });

    expect(held).toMatchObject({ kind: 'unproven', open: { letters: [letter] } });
    expect(result).toMatchObject({ kind: 'rejoined', left: [{ key }] });
    const asked = { ...REQUEST, kind: 'rejoin' } as const;
    expect(result && exitCodeOf({ result, asked })).toBe(3);
    expect(await world.east.get('poison')).toBeUndefined();
    expect((await world.east.row()).switch).toBeUndefined();
  });

  it('repairs the item of an accepted letter from the active side', async () => {
    await lose();
    await world.west.put('poison', { value: { S: 'newer' } });
    world.isLost = false;
    const accepted = [await world.west.poison('poison')];

    const result = await run({ kind: 'rejoin', accepted }, { onStep: wayBack });

    expect(result).toMatchObject({ kind: 'rejoined', left: [] });
    expect((await world.east.get('poison'))?.['value']).toEqual({ S: 'newer' });
  });

  it('names items that cannot be read, and leaves them as they are', async () => {
    await lose();
    await writeOn();
    world.isLost = false;
    const ports = world.ports();
    const isStrange = ({ pk }: Item) => pk?.S === 'stranded';
    const strange = () => new FerryError('no __proto__', { code: 'item.unreadable' });
    const { table } = ports.old;
    const unreadable: typeof table = {
      keyOf: (item) => table.keyOf(item),
      get: (key) => (isStrange(key) ? Promise.reject(strange()) : table.get(key)),
      async scan(position) {
        const page = await table.scan(position);
        const lost = page.items
          .filter(isStrange)
          .map(({ pk }) => ({ key: { pk }, reason: 'lost' }));
        const items = page.items.filter((item) => !isStrange(item));
        return { ...page, items, unreadable: lost as typeof page.unreadable };
      },
    };
    const strangePorts = { ...ports, old: { ...ports.old, table: unreadable } };

    const result = await run({ kind: 'rejoin' }, { onStep: wayBack, ports: strangePorts });

    expect(result).toMatchObject({ kind: 'rejoined', left: [{ key: { pk: { S: 'stranded' } } }] });
    expect((await world.east.get('stranded'))?.['value']).toEqual({ S: 'late' });
    expect(await world.east.get('new')).toBeUndefined();
  });

  it('is refused while another run holds the replication', async () => {
    await lose();
    world.isLost = false;
    const ports = world.ports();
    const first = newSwitch({ ...REQUEST, kind: 'rejoin' }, ports.random);
    let { phase } = await nextStep(first, ports);
    while (phase !== 'probing') ({ phase } = await nextStep(first, ports));
    await run({ kind: 'rejoin' }, { until: (step) => step.phase === 'probing' });

    await expect(nextStep(first, ports)).rejects.toThrow(UsageError);
  });
});

const PLACE = { replication: 'orders', epoch: 1, onUnreadable: () => undefined };

describe('with a tally in a third Region', () => {
  const key = (id: string) => ({ pk: { S: id } });
  const writeCounted = async (id: string) => {
    const n = await world.tallyIn(world.east).begin(key(id));
    await world.east.put(id, { _tally: { N: `${n}` } });
  };

  it('refuses the lost Region at once, and knows what has begun there and not arrived', async () => {
    const { east, west } = world;
    await world.openTally();
    await writeCounted('arrived');
    await writeCounted('changed');
    await east.replicate(west);
    world.isLost = true;
    await writeCounted('changed');
    await writeCounted('new');
    const seen: string[] = [];
    const onStep = async ({ phase }: StepResult) => {
      const refused = await world
        .tallyIn(east)
        .begin(key('tried'))
        .then(
          () => 'counted',
          ({ name }: Error) => name,
        );
      seen.push(`${phase}: ${refused}`);
    };

    const result = await run({ kind: 'lost' }, { onStep });

    expect(seen[0]).toBe('closing: counted');
    expect(seen.slice(1).every((one) => one.endsWith(': TallyRefused'))).toBe(true);
    expect(result).toMatchObject({ proof: { tally: { rows: 4, quarantined: 3 } } });
    const tally = world.tallyIn(west);
    const stale = await Promise.all(
      ['arrived', 'changed', 'new'].map((id) => tally.isStale(key(id))),
    );
    expect(stale).toEqual([false, true, true]);
  });

  it('changes nothing where the third Region knows of a later epoch', async () => {
    await world.openTally();
    const { tally } = world;
    const later = { replication: 'orders', epoch: 7, region: 'us-east-1' };
    await tally?.writer.write({ operation: 'PutItem', input: raisedActive(tally.table, later) });
    world.isLost = true;

    await expect(run({ kind: 'lost' })).rejects.toThrow('later epoch than 2');

    expect((await world.west.row()).revision).toBe(1);
  });

  it('lets the active Region in also where a planned switch to it was killed before it said so', async () => {
    const { east, west } = world;
    await world.openTally();
    await run({ kind: 'switch' }, { until: ({ phase }) => phase === 'admitting' });
    world.isLost = true;

    expect(await run({ kind: 'lost' })).toMatchObject({ kind: 'finished', epoch: 2 });

    expect(await world.tallyIn(west).begin(key('a'))).toBeGreaterThan(0);
    await expect(world.tallyIn(east).begin(key('a'))).rejects.toThrow('Another Region');
  });

  it('lets an item go when the active side has its write, or the operator has dropped it', async () => {
    const { east, west } = world;
    await world.openTally();
    world.isLost = true;
    await writeCounted('replayed');
    await writeCounted('dropped');
    await run({ kind: 'lost' });
    await comeBack();
    const tally = world.tallyIn(west);
    const stale = () => Promise.all(['replayed', 'dropped'].map((id) => tally.isStale(key(id))));
    expect(await stale()).toEqual([true, true]);

    await strandedRun({ action: 'replay', key: key('replayed') });
    expect(await stale()).toEqual([false, true]);
    await strandedRun({ action: 'drop', key: key('dropped') });
    expect(await stale()).toEqual([false, false]);

    const back = await run({ kind: 'switch' }, { ports: failbackPorts(), onStep: wayBack });
    expect(back?.kind).toBe('switched');
    expect(await world.tallyIn(east).begin(key('replayed'))).toBeGreaterThan(0);
    await expect(tally.begin(key('replayed'))).rejects.toThrow('Another Region than eu-west-1');
  });
});

describe('stranded writes', () => {
  beforeEach(async () => {
    await lose();
    await writeOn();
    await comeBack();
  });

  it('are replayed as an application would write them, and then decided', async () => {
    const { report } = await strandedRun({ action: 'replay' });

    expect(report).toMatchObject({ replayed: 3, left: 0, undecided: 0 });
    const { east, west } = world;
    expect(await west.get('stranded')).toEqual({ pk: { S: 'stranded' }, value: { S: 'late' } });
    expect(await west.get('new')).toEqual({ pk: { S: 'new' }, value: { S: 'late' } });
    expect(await west.get('deleted')).toBeUndefined();
    await west.replicate(east);
    expect(await east.items()).toEqual(await west.items());
    const again = await strandedRun({ action: 'replay' });
    expect(again.report).toMatchObject({ replayed: 0, left: 0, undecided: 0 });
    expect(await countUndecided(await west.row(), world.ports())).toBe(0);
  });

  it('hold up a failback until they are decided', async () => {
    const { east, west } = world;
    const ports = failbackPorts();

    const held = await run({ kind: 'switch' }, { ports });

    expect(held).toMatchObject({ kind: 'unproven', open: { stranded: 3 } });
    expect(held?.kind === 'unproven' && held.why).toContain('3 stranded writes');
    expect(west.isFenced).toBe(false);
    await strandedRun({ action: 'drop' });
    const back = await run({ kind: 'switch' }, { ports, onStep: wayBack });
    expect(back).toMatchObject({ kind: 'switched', proof: { rpo: { seconds: 0, proven: true } } });
    expect([east.isFenced, west.isFenced]).toEqual([false, true]);
    expect(await east.items()).toEqual(await west.items());
  });

  it('are not replayed by a clock that was set back, and by a lease that has ended', async () => {
    const [nowMs, ports] = [world.now(), world.ports()];
    const clock = { ...ports.clock, now: () => nowMs };
    const monotonicMs = () => (world.aheadMs += 10_000);

    await expect(
      strandedRun({ action: 'replay' }, { ...ports, clock, monotonicMs }),
    ).rejects.toThrow('read too slowly');

    expect(await world.west.get('stranded')).toMatchObject({ value: { S: 'old' } });
  });

  it('change nothing without --apply', async () => {
    const before = await world.west.items();

    const { report } = await strandedRun({ action: 'replay', apply: false });

    expect(report).toMatchObject({ replayed: 3, left: 0 });
    expect(await world.west.items()).toEqual(before);
    expect(await countUndecided(await world.west.row(), world.ports())).toBe(3);
  });

  it('are left where the active side has been written since, until one is chosen', async () => {
    await world.west.put('stranded', { value: { S: 'written since' } });

    const { report, found } = await strandedRun({ action: 'replay' });

    expect(report).toMatchObject({ replayed: 2, left: 1, undecided: 1 });
    expect(found.find(({ outcome }) => outcome?.kind === 'left')?.outcome).toEqual({
      kind: 'left',
      why: 'the active side has written it since it was compared',
    });
    expect((await world.west.get('stranded'))?.['value']).toEqual({ S: 'written since' });
    const chosen = await strandedRun({ action: 'replay', key: { pk: { S: 'stranded' } } });
    expect(chosen.report).toMatchObject({ replayed: 1, undecided: 0 });
    expect((await world.west.get('stranded'))?.['value']).toEqual({ S: 'late' });
  });

  it('are not put a second time by a run after one that was killed before its decision', async () => {
    const { report: first } = await strandedRun({ action: 'replay' });
    const { found } = await strandedRun();
    for (const { write } of found)
      await world.east.bucket.delete(decisionKey(1, write.keyText, 'replayed'));
    await world.west.put('new', { value: { S: 'written since' } });

    const { report } = await strandedRun({ action: 'replay' });

    expect(first.replayed).toBe(3);
    expect(report).toMatchObject({ replayed: 2, left: 1, undecided: 1 });
    expect((await world.west.get('new'))?.['value']).toEqual({ S: 'written since' });
  });

  it('are dropped, and stay in the bucket', async () => {
    const { report } = await strandedRun({ action: 'drop' });

    expect(report).toMatchObject({ dropped: 3, undecided: 0 });
    const { classes, found } = await strandedRun();
    expect(Object.keys(classes)).toHaveLength(5);
    expect(found.filter(({ write }) => write.decision === 'dropped')).toHaveLength(3);
    expect((await world.west.get('stranded'))?.['value']).toEqual({ S: 'old' });
    const late = await strandedRun({ action: 'replay' });
    expect(late.report).toMatchObject({ replayed: 0, undecided: 0 });
  });

  it('that cannot be read are named, and count as undecided', async () => {
    await strandedRun({ action: 'drop' });
    await world.east.bucket.put('stranded/0001/compared/broken.jsonl', '{"format":7}\n');

    expect((await strandedRun()).report.unreadable).toBe(1);
    expect(await countUndecided(await world.west.row(), world.ports())).toBe(1);
  });
});
