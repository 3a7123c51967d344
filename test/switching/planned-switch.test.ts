// Planned switches on two real engines: there and back, killed at every step, taken over, cancelled, and with what is not
// proven.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newestEpoch } from '../../src/model/control-row.ts';
import { type SwitchState, newSwitch, nextStep } from '../../src/switching/next-step.ts';
import { FerryError } from '../../src/errors.ts';
import type { TwinWriter } from '../../src/ports.ts';
import type { FenceWish, SwitchPorts, SwitchSide } from '../../src/switching/ports.ts';
import { proofIn, proofKey } from '../../src/switching/proof.ts';
import type { StepResult, SwitchRequest, SwitchResult } from '../../src/switching/step.ts';
import { serviceError } from '../fixtures/replication.ts';
import { idleMs, LostWorld, type Place } from './lost-world.ts';

const DONE: SwitchRequest = {
  kind: 'switch',
  apply: true,
  by: 'arn:aws:iam::111122223333:role/operator',
  accepted: [],
  proof: 'tail',
};

let world: LostWorld;
beforeAll(async () => {
  world = await LostWorld.open();
});
afterAll(() => world.close());

const sides = () => [world.east, world.west] as const;

async function activePlace(): Promise<Place> {
  const [east, west] = sides();
  return newestEpoch(await west.row()).region === west.region ? west : east;
}

function portsTo(target: Place, parts: Partial<SwitchPorts> = {}): SwitchPorts {
  const [east, west] = sides();
  const old = target === east ? west : east;
  return {
    ...world.ports(),
    target: target.side(),
    old: old.side(),
    drained: old.direction(target),
    back: target.direction(old),
    ...parts,
  };
}

interface Driven {
  readonly state: SwitchState;
  readonly ports: SwitchPorts;
  readonly steps: StepResult[];
}

function begin(target: Place, request: Partial<SwitchRequest> = {}, parts = {}): Driven {
  const ports = portsTo(target, parts);
  return { state: newSwitch({ ...DONE, ...request }, ports.random), ports, steps: [] };
}

/** By shard: where the records begin that have not been seen. */
const unseen = new Map<string, string>();

/** The records so far were written by now. */
async function seeStreams(): Promise<void> {
  for (const place of sides()) {
    const stream = place.stream();
    for (const { shardId } of await stream.shards()) {
      const name = `${place.region} ${shardId}`;
      const from = unseen.get(name) ?? (await stream.open(shardId));
      const { nextIterator } = await stream.read(from, 1_000);
      if (nextIterator !== undefined) unseen.set(name, nextIterator);
    }
  }
}

/** @returns undefined where it was left alone after so many steps. */
async function drive(
  { state, ports, steps }: Driven,
  { stepsMax = 400, before }: { stepsMax?: number; before?: (phase: string) => Promise<void> } = {},
): Promise<SwitchResult | undefined> {
  for (let step = 1; step <= stepsMax; step += 1) {
    await before?.(state.work?.phase ?? 'checking');
    await seeStreams();
    const answer = await nextStep(state, ports);
    steps.push(answer);
    if (answer.result !== undefined) return answer.result;
    world.pass(idleMs(answer));
  }
  if (stepsMax === 400) throw new Error(`no end: ${steps.map(({ phase }) => phase).join(' ')}`);
  return undefined;
}

async function switchTo(target: Place, request: Partial<SwitchRequest> = {}) {
  const driven = begin(target, request);
  const result = await drive(driven);
  return { result, phases: new Set(driven.steps.map(({ phase }) => phase)) };
}

async function expectSwitchedTo(target: Place, epoch: number) {
  const [east, west] = sides();
  const other = target === east ? west : east;
  for (const place of sides()) {
    const row = await place.row();
    expect(newestEpoch(row)).toMatchObject({ n: epoch, region: target.region });
    expect(row).not.toHaveProperty('switch');
    expect(row).not.toHaveProperty('closing');
  }
  expect([target.isFenced, other.isFenced]).toEqual([false, true]);
  expect(target.fences.findLast(({ inboundRefused }) => inboundRefused !== undefined)).toEqual({
    inboundRefused: true,
  });
  expect(other.fences.findLast(({ inboundRefused }) => inboundRefused !== undefined)).toEqual({
    inboundRefused: false,
  });
  expect(await west.items()).toEqual(await east.items());
}

describe('a failover and a failback', () => {
  it('apply what has not arrived, prove it, and open the other Region', async () => {
    const [east, west] = sides();
    await east.put('arrived', { n: { N: '1' } });
    await east.put('gone');
    await east.replicate(west);
    await east.delete('gone');
    await east.put('late', { n: { N: '2' } });

    const { result } = await switchTo(west);

    if (result?.kind !== 'switched') throw new Error(JSON.stringify(result));
    expect(result.proof).toMatchObject({
      replication: 'orders',
      from: 'us-east-1',
      to: 'eu-west-1',
      epochs: { ended: 1, opened: 2 },
      records: 4,
      keys: 3,
      applied: 2,
      rpo: { seconds: 0, proven: true },
      lookedAgain: { keys: 3, differences: 0 },
      fence: 'policy',
    });
    // 30 s of denials, and 24 s behind both closed copies.
    expect(result.proof.rtoSeconds).toBeGreaterThanOrEqual(54);
    await expectSwitchedTo(west, 2);
    expect(Object.keys(await west.items())).toEqual(['arrived', 'late']);
    const row = await west.engine.get('ferry-orders-state', proofKey('orders', 2));
    expect(proofIn(row)).toEqual(result.proof);
    const { epochs } = await west.row();
    expect(epochs[0]).toMatchObject({ end: 'drained', toMs: epochs[1]?.fromMs });
  });

  it('exit at once where there is nothing to do', async () => {
    const [, west] = sides();

    const { result, phases } = await switchTo(west);

    expect(result).toEqual({ kind: 'already', active: 'eu-west-1', epoch: 2 });
    expect([...phases]).toEqual(['done']);
  });

  it('carry back what was written at the other side', async () => {
    const [east, west] = sides();
    await west.put('arrived', { n: { N: '10' } });
    await west.delete('late');
    await west.put('new', { n: { N: '3' } });
    await west.replicate(east);

    const { result } = await switchTo(east);

    expect(result).toMatchObject({ kind: 'switched', proof: { keys: 3, applied: 0 } });
    await expectSwitchedTo(east, 3);
    expect((await east.get('arrived'))?.['n']).toEqual({ N: '10' });
  });
});

describe('a dry run', () => {
  it('changes nothing, and says what is behind', async () => {
    const [east, west] = sides();
    await east.put('dry', { n: { N: '1' } });
    const before = await Promise.all(sides().map((place) => place.row()));

    const { result } = await switchTo(west, { apply: false });

    if (result?.kind !== 'preview') throw new Error(JSON.stringify(result));
    expect(result.preview).toMatchObject({ from: 'us-east-1', to: 'eu-west-1' });
    expect(result.preview.counts.behind).toBe(1);
    expect(result.preview.expectedOutageMs).toBeGreaterThanOrEqual(54_000);
    expect(await Promise.all(sides().map((place) => place.row()))).toEqual(before);
    expect(east.isFenced).toBe(false);
  });
});

describe('what is in the way', () => {
  it('is refused before anything is changed', async () => {
    const [east, west] = sides();
    east.letters = { letters: [letterOf('7')], batches: 2, lost: 1 };
    const before = await Promise.all(sides().map((place) => place.row()));

    const { result } = await switchTo(west);

    expect(result).toMatchObject({
      kind: 'unproven',
      why: '1 open dead letter, 2 batches in the on-failure bucket, 1 of them lost',
    });
    expect(await Promise.all(sides().map((place) => place.row()))).toEqual(before);
    east.letters = { letters: [], batches: 0, lost: 0 };
  });

  it('keeps the fence where a letter has come meanwhile, until the operator cancels', async () => {
    const [east, west] = sides();
    const driven = begin(west);

    const result = await drive(driven, {
      before: async (phase) => {
        if (phase === 'auditing') east.letters = { letters: [letterOf('8')], batches: 0, lost: 0 };
      },
    });

    expect(result).toMatchObject({
      kind: 'unproven',
      open: { letters: [{ sequenceNumber: '8' }] },
    });
    expect(east.isFenced).toBe(true);
    east.letters = { letters: [], batches: 0, lost: 0 };
    const cancelled = await switchTo(west, { kind: 'cancel' });
    expect(cancelled.result).toMatchObject({ kind: 'cancelled', active: 'us-east-1' });
    await expectUnchanged(3);
  });

  it('cancels where the fence does not hold', async () => {
    const [, west] = sides();
    const ports = portsTo(west);
    const fence = { ...ports.old.fence, probe: async () => 'writable' as const };
    const driven = begin(west, {}, { old: { ...ports.old, fence } });

    const result = await drive(driven);

    expect(result).toMatchObject({ kind: 'cancelled', why: expect.stringContaining('not hold') });
    await expectUnchanged(3);
  });

  it('ends where the twin denies writes, and does not wait for them behind the fence', async () => {
    const [east, west] = sides();
    const direction = east.direction(west);
    const write = async () => {
      throw serviceError('AccessDeniedException');
    };
    await east.put('denied');
    const driven = begin(west, {}, { drained: { ...direction, twinWriter: { write } } });

    await expect(drive(driven)).rejects.toMatchObject({
      code: 'switching.denied',
      message: 'Writes to eu-west-1 are denied: AccessDeniedException.',
    });

    expect(await drive(begin(west, { kind: 'cancel' }))).toMatchObject({ kind: 'cancelled' });
  });

  it('cancels when the time-out has passed', async () => {
    const [east, west] = sides();
    const driven = begin(west, { timeoutMs: 60_000 });

    const result = await drive(driven, {
      before: async (phase) => {
        // The fence leaks.
        if (phase === 'looking-again') await leak(east);
      },
    });

    expect(result).toMatchObject({ kind: 'cancelled', why: expect.stringContaining('time-out') });
    await expectUnchanged(3);
  });
});

async function expectUnchanged(epoch: number) {
  const [east] = sides();
  for (const place of sides()) {
    const row = await place.row();
    expect(newestEpoch(row).n).toBe(epoch);
    expect(row).not.toHaveProperty('switch');
    expect(row).not.toHaveProperty('closing');
  }
  expect(east.isFenced).toBe(false);
}

async function leak(place: Place) {
  place.isFenced = false;
  await place.put(`leaked-${world.aheadMs}`);
  place.isFenced = true;
}

const letterOf = (sequenceNumber: string, pk?: string) => ({
  sequenceNumber,
  key: pk === undefined ? undefined : { pk: { S: pk } },
  reason: 'ValidationException',
});

describe('the last look', () => {
  it('finds a late request that has undone a delete, and audits again', async () => {
    const [east, west] = sides();
    await east.put('undone', { n: { N: '1' } });
    await east.replicate(west);
    const item = await west.get('undone');
    await east.delete('undone');
    await east.replicate(west);
    let isLate = true;

    const driven = begin(west);
    const result = await drive(driven, {
      before: async (phase) => {
        if (phase !== 'waiting' || !isLate) return;
        isLate = false;
        await west.engine.twinWriter.write({
          operation: 'PutItem',
          input: { TableName: 'Orders', Item: { ...item } },
        });
      },
    });

    expect(result).toMatchObject({ kind: 'switched' });
    expect(driven.steps.map(({ phase }) => phase)).toContain('reopening');
    await expectSwitchedTo(west, 4);
    expect(await west.get('undone')).toBeUndefined();
  });

  it('finds a write that the fence has let through', async () => {
    const [east, west] = sides();
    let leaks = 1;
    const driven = begin(east);

    const result = await drive(driven, {
      before: async (phase) => {
        if (phase !== 'waiting' || leaks-- !== 1) return;
        await leak(west);
      },
    });

    expect(result).toMatchObject({ kind: 'switched' });
    expect(driven.steps.map(({ phase }) => phase)).toContain('reopening');
    await expectSwitchedTo(east, 5);
  });
});

describe('accepted letters', () => {
  it('excuse their own record, and are repaired from the new side', async () => {
    const [east, west] = sides();
    await east.put('poison', { n: { N: '1' } });
    await east.replicate(west);
    await east.put('poison', { n: { N: '2' } });
    const sequenceNumber = await newestSequenceNumber(east, 'poison');
    east.letters = { letters: [letterOf(sequenceNumber, 'poison')], batches: 0, lost: 0 };

    const { result } = await switchTo(west, { accepted: [sequenceNumber] });

    expect(result).toMatchObject({
      kind: 'switched',
      proof: { lettersAccepted: [sequenceNumber] },
      left: [],
    });
    await expectSwitchedTo(west, 6);
    expect((await east.get('poison'))?.['n']).toEqual({ N: '1' });
    const kept: string[] = [];
    for await (const page of east.bucket.list('accepted-letters/0005/'))
      for (const { key } of page) kept.push((await east.bucket.get(key)) ?? '');
    expect(kept).toEqual([expect.stringContaining('"N":"2"')]);
    east.letters = { letters: [], batches: 0, lost: 0 };
  });

  it('excuse no newer record of their key', async () => {
    const [east, west] = sides();
    await west.put('poison', { n: { N: '3' } });
    const sequenceNumber = await newestSequenceNumber(west, 'poison');
    await west.put('poison', { n: { N: '4' } });
    west.letters = { letters: [letterOf(sequenceNumber, 'poison')], batches: 0, lost: 0 };

    const { result } = await switchTo(east, { accepted: [sequenceNumber] });

    expect(result).toMatchObject({ kind: 'switched' });
    expect((await east.get('poison'))?.['n']).toEqual({ N: '4' });
    await expectSwitchedTo(east, 7);
    west.letters = { letters: [], batches: 0, lost: 0 };
  });
});

async function newestSequenceNumber(place: Place, pk: string): Promise<string> {
  const stream = place.stream();
  const found: string[] = [];
  for (const { shardId } of await stream.shards()) {
    const { records } = await stream.read(await stream.open(shardId), 1_000);
    for (const { dynamodb } of records)
      if (dynamodb?.Keys?.['pk']?.S === pk) found.push(dynamodb.SequenceNumber ?? '');
  }
  return found.at(-1) ?? '';
}

describe('two runs', () => {
  it('the later one takes the switch over, and the earlier one ends', async () => {
    const [, west] = sides();
    const earlier = begin(west);
    await drive(earlier, { stepsMax: 8 });
    const later = begin(west);
    await drive(later, { stepsMax: 3 });

    await expect(drive(earlier)).rejects.toMatchObject({ code: 'switching.taken' });
    expect(await drive(later)).toMatchObject({ kind: 'switched' });
    await expectSwitchedTo(west, 8);
  });

  it('the switch to another Region belongs to its own run', async () => {
    const [east, west] = sides();
    const first = begin(east);
    await drive(first, { stepsMax: 8 });

    await expect(drive(begin(west))).rejects.toMatchObject({ code: 'switching.taken' });
    expect(await drive(first)).toMatchObject({ kind: 'switched' });
    await expectSwitchedTo(east, 9);
  });

  it('one that has claimed at the same moment does not go on', async () => {
    const [, west] = sides();
    const [first, second] = [begin(west), begin(west)];
    const isAt = (phase: string) => (driven: Driven) => driven.state.work?.phase === phase;
    for (const driven of [first, second])
      while (!isAt('claiming')(driven)) await drive(driven, { stepsMax: 1 });
    await drive(first, { stepsMax: 1 });

    await expect(drive(second)).rejects.toMatchObject({ code: 'switching.taken' });
    expect(await drive(first)).toMatchObject({ kind: 'switched' });
    await expectSwitchedTo(west, 10);
  });

  it('one that waits for the policy while another takes over leaves the policy alone', async () => {
    const [east] = sides();
    await drive(begin(east), { stepsMax: 8 });
    const asked: FenceWish[] = [];
    const side = east.side();
    const set = async (wish: FenceWish) => 3_000 * asked.push(wish);
    const waiting = begin(east, {}, { target: { ...side, fence: { ...side.fence, set } } });
    while (asked.length === 0) await drive(waiting, { stepsMax: 1 });
    await drive(begin(east), { stepsMax: 3 });

    await expect(drive(waiting)).rejects.toMatchObject({ code: 'switching.taken' });

    expect(asked).toEqual([{ inboundRefused: false }]);
    expect(await drive(begin(east, { kind: 'cancel' }))).toMatchObject({ kind: 'cancelled' });
  });
});

describe('a drain', () => {
  it('proves, stays fenced, and is gone on from or cancelled', async () => {
    const [east, west] = sides();
    await west.put('drained', { n: { N: '1' } });

    const { result } = await switchTo(east, { kind: 'drain' });

    expect(result).toMatchObject({
      kind: 'drained',
      proof: { epochs: { ended: 10 }, rpo: { proven: true } },
    });
    expect(west.isFenced).toBe(true);
    expect((await west.row()).switch).toMatchObject({ step: 'drained' });
    expect((await west.row()).closing).toBeUndefined();
    expect((await switchTo(east)).result).toMatchObject({ kind: 'switched' });
    await expectSwitchedTo(east, 11);
  });
});

describe('tables without markers', () => {
  it('are compared behind the fence', async () => {
    const [east, west] = sides();
    // No record of the stream tells of it any more.
    await west.engine.twinWriter.write({
      operation: 'DeleteItem',
      input: { TableName: 'Orders', Key: { pk: { S: 'drained' } } },
    });
    const direction = east.direction(west);
    const writes: object[] = [];
    const twinWriter: TwinWriter = {
      async write(request) {
        if (writes.push(request) === 1) throw serviceError('TimeoutError');
        return direction.twinWriter.write(request);
      },
    };
    const driven = begin(west, {}, { markers: false, drained: { ...direction, twinWriter } });

    const result = await drive(driven);

    expect(writes.length).toBeGreaterThan(1);

    expect(result).toMatchObject({ kind: 'switched', proof: { applied: 1 } });
    const items = Object.keys(await east.items()).length;
    expect(result).toMatchObject({ proof: { compared: { items, destinationItems: items } } });
    await expectSwitchedTo(west, 12);
  });
});

describe('a replication that is behind', () => {
  it('catches up before writes are refused', async () => {
    const { active, target } = await nextTarget();
    await active.put('old-one');
    world.pass(120_000);
    const driven = begin(target);
    let looks = 0;

    const result = await drive(driven, {
      before: async (phase) => {
        if (phase === 'ahead' && (looks += 1) === 5) await active.replicate(target);
      },
    });

    expect(looks).toBeGreaterThanOrEqual(5);
    expect(result).toMatchObject({ kind: 'switched', proof: { applied: 0 } });
  });

  it('is waited for as long as it makes progress', async () => {
    const { active, target } = await nextTarget();
    await active.put('older');
    world.pass(120_000);
    const driven = begin(target);

    const beganMs = world.now();
    let claimedMs = 0;

    const result = await drive(driven, {
      before: async (phase) => {
        if (phase === 'claiming') claimedMs ||= world.now();
      },
    });

    expect(result).toMatchObject({ kind: 'switched', proof: { applied: 1 } });
    expect(claimedMs - beganMs).toBeGreaterThanOrEqual(25_000);
  });
});

describe('a fence of the application', () => {
  it('is believed after ten quiet seconds behind the markers', async () => {
    const { active, target } = await nextTarget();
    const ports = portsTo(target);
    const fence = { kind: 'application', set: async () => 0, probe: probeOfNone } as const;
    const driven = begin(target, {}, { old: { ...ports.old, fence } });
    let writes = 3;

    const result = await drive(driven, {
      before: async (phase) => {
        if (phase === 'auditing' && writes-- > 0) await active.put(`unquiet-${writes}`);
      },
    });

    if (result?.kind !== 'switched') throw new Error(JSON.stringify(result));
    expect(result.proof).toMatchObject({ fence: 'application', keys: expect.any(Number) });
    expect(driven.steps.map(({ phase }) => phase)).not.toContain('probing');
    expect(result.proof.rtoSeconds).toBeGreaterThanOrEqual(34);
    expect(await target.items()).toEqual(await active.items());
    active.isFenced = true;
    active.fences.push({ inboundRefused: false });
  });
});

async function probeOfNone(): Promise<never> {
  throw new Error('an application has no fence to probe');
}

describe('a side without a copy', () => {
  it('gets one before the switch claims', async () => {
    const other = await LostWorld.open();
    const shared = world;
    world = other;
    try {
      await other.east.engine.twinWriter.write({
        operation: 'DeleteItem',
        input: { TableName: 'ferry-orders-back-state', Key: { id: { S: 'orders-back#control' } } },
      });
      await other.east.put('first');

      const { result } = await switchTo(other.west);

      expect(result).toMatchObject({ kind: 'switched', proof: { keys: 1, applied: 1 } });
      await expectSwitchedTo(other.west, 2);
      const tableId = await other.east.engine.twinReader.tableId('Orders');
      expect((await other.east.row()).destinationId).toBe(tableId);
    } finally {
      world = shared;
      await other.close();
    }
  });
});

/** Of a process that is gone: nothing is tried again. */
const KILLED = new FerryError('The process has been killed.', { code: 'killed' });

/** Changes of rows, markers and policies: after so many, the run is killed before it hears of the last one. */
function mortal(ports: SwitchPorts, changesMax: number): SwitchPorts {
  let changes = 0;
  const counted =
    <Args extends readonly unknown[], T>(change: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      if (changes === changesMax) throw KILLED;
      const answer = await change(...args);
      changes += 1;
      if (changes === changesMax) throw KILLED;
      return answer;
    };
  const side = ({ writer, fence, ...rest }: SwitchSide): SwitchSide => ({
    ...rest,
    writer: { write: counted((request) => writer.write(request)) },
    fence: { ...fence, set: counted((wish, id) => fence.set(wish, id)) },
  });
  return { ...ports, target: side(ports.target), old: side(ports.old) };
}

/** @returns whether it was killed. */
async function driveToDeath(driven: Driven): Promise<boolean> {
  try {
    await drive(driven);
    return false;
  } catch (error) {
    if (error === KILLED) return true;
    throw error;
  }
}

async function nextTarget() {
  const active = await activePlace();
  return { active, target: active === world.east ? world.west : world.east };
}

describe('a run that is killed', () => {
  it('after any change is taken over by the next one', async () => {
    let { n: epoch } = newestEpoch(await world.west.row());
    let isKilled = true;
    for (let changes = 1; isKilled; changes += 1) {
      const { active, target } = await nextTarget();
      await active.put(`killed-${changes}`);
      isKilled = await driveToDeath(begin(target, {}, mortal(portsTo(target), changes)));
      const { result } = await switchTo(target);

      epoch += 1;
      const kinds = isKilled ? ['switched', 'finished', 'already'] : ['already'];
      expect(kinds).toContain(result?.kind);
      await expectSwitchedTo(target, epoch);
    }
    expect(epoch).toBeGreaterThan(25);
  }, 300_000);

  it('after any change before the opening can be cancelled', async () => {
    const { active, target } = await nextTarget();
    const { n } = newestEpoch(await active.row());
    for (let changes = 1; ; changes += 1) {
      await driveToDeath(begin(target, {}, mortal(portsTo(target), changes)));
      if (newestEpoch(await target.row()).n > n) break;
      const { result } = await switchTo(target, { kind: 'cancel' });

      expect(result).toMatchObject({ kind: 'cancelled', active: active.region });
      for (const place of sides()) {
        const row = await place.row();
        expect(newestEpoch(row).n).toBe(n);
        expect(row).not.toHaveProperty('switch');
        expect(row).not.toHaveProperty('closing');
      }
      expect(active.isFenced).toBe(false);
    }
    // Too late.
    await expect(switchTo(target, { kind: 'cancel' })).rejects.toMatchObject({
      code: 'switching.opened',
    });
    expect((await switchTo(target)).result).toMatchObject({ kind: 'switched' });
    await expectSwitchedTo(target, n + 1);
  }, 300_000);
});
