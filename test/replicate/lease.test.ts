// The lease: who writes has looked at both copies less than five seconds ago, by whichever clock says more.

import { describe, expect, it } from 'vitest';
import { LEASE_MS } from '../../src/config/names.ts';
import type { Item } from '../../src/model/attribute-value.ts';
import { putControlRow } from '../../src/model/control-item.ts';
import type { ControlRow } from '../../src/model/control-row.ts';
import { endedEpochs, switchedRow } from '../../src/model/switch-rows.ts';
import { classifyFailure } from '../../src/model/write-failure.ts';
import {
  type Lease,
  leasedTransactions,
  leasedWriter,
  LeaseLost,
  switchLease,
} from '../../src/replicate/lease.ts';
import { SETTINGS } from '../fixtures/records.ts';
import { controlRow, scripted, serviceError } from '../fixtures/replication.ts';

const [A, B] = ['us-east-1', 'eu-west-1'];
const FIRST = controlRow();
const closing = switchedRow(FIRST, { tag: 'closed', closing: true });

/** The next epoch, of another Region or of the same one. */
function opened(row: ControlRow, region: string): ControlRow {
  const epochs = endedEpochs(row, 'drained', 1000);
  const n = (epochs.at(-1)?.n ?? 0) + 1;
  const streams = FIRST.epochs[0]?.streams ?? [];
  return switchedRow(row, {
    tag: 'opened',
    epochs: [...epochs, { n, region, fromMs: 1000, streams }],
  });
}
const itemOf = (row: ControlRow) => (putControlRow(row, SETTINGS).input as { Item: Item }).Item;

interface Copy {
  row: ControlRow | undefined;
  /** Of the next reads, in order. */
  failures: Array<Error | undefined>;
}

interface World {
  readonly copies: { readonly source: Copy; readonly destination: Copy };
  wallMs: number;
  monotonicMs: number;
  /** Reads that have begun. */
  reads: number;
  /** Reads wait for it, where it is set. */
  gate: Promise<void> | undefined;
}

function leaseOver(row: ControlRow | undefined = FIRST) {
  const copyOf = (): Copy => ({ row, failures: [] });
  const world: World = {
    copies: { source: copyOf(), destination: copyOf() },
    wallMs: 1_000_000,
    monotonicMs: 5,
    reads: 0,
    gate: undefined,
  };
  const placeOf = (copy: Copy) => ({
    rules: SETTINGS,
    reader: {
      async read() {
        world.reads += 1;
        const { row: seen } = copy;
        const failure = copy.failures.shift();
        await world.gate;
        if (failure !== undefined) throw failure;
        return { items: seen === undefined ? [] : [itemOf(seen)], unprocessed: [] };
      },
      tableId: async () => 'unused',
    },
  });
  const { source, destination } = world.copies;
  const lease = switchLease({
    copies: { source: placeOf(source), destination: placeOf(destination) },
    region: A,
    clock: { now: () => world.wallMs },
    monotonicMs: () => world.monotonicMs,
  });
  const pass = (ms: number, onWallOnly = false) => {
    world.wallMs += ms;
    if (!onWallOnly) world.monotonicMs += ms;
  };
  const setBoth = (next: ControlRow | undefined) => {
    for (const copy of [source, destination]) copy.row = next;
  };
  return { world, lease, pass, setBoth };
}

/** How a write ends that was admitted in an epoch. */
async function write(lease: Lease, epoch = 1): Promise<string> {
  const twinWriter = scripted(() => ({ kind: 'written' }));
  const request = putControlRow(FIRST, SETTINGS);
  try {
    await leasedWriter(twinWriter, lease.permit(epoch)).write(request);
    return `${twinWriter.requests.length} sent`;
  } catch (error) {
    if (!(error instanceof LeaseLost) || twinWriter.requests.length > 0) throw error;
    return error.message;
  }
}
/** Lets no read end until it is opened. */
function gated(world: World): { readonly open: () => void } {
  let open = (): void => undefined;
  world.gate = new Promise((resolve) => {
    open = resolve;
  });
  return { open: () => open() };
}

/** Lets what runs in the background end. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a write starts', () => {
  it('after one look at both copies, and the next ones without any', async () => {
    const { lease, world } = leaseOver();

    for (let writes = 0; writes < 100; writes += 1) expect(await write(lease)).toBe('1 sent');

    expect(world.reads).toBe(2);
  });

  it('when its look is as old as a lease less a millisecond, not when it is older', async () => {
    const { lease, world, pass, setBoth } = leaseOver();
    await lease.look();
    pass(LEASE_MS - 1);
    setBoth(closing);
    const { open } = gated(world);

    expect(await write(lease)).toBe('1 sent');
    pass(1);
    const late = write(lease);
    open();

    expect(await late).toMatch(/is being switched/);
  });

  it.each<[string, (pass: ReturnType<typeof leaseOver>) => void]>([
    ['the sandbox was frozen, and only the wall clock went on', ({ pass }) => pass(LEASE_MS, true)],
    [
      'the wall clock was set back',
      ({ world }) => {
        world.wallMs -= 3_600_000;
        world.monotonicMs += LEASE_MS;
      },
    ],
    [
      'the wall clock was set forth',
      ({ world }) => {
        world.wallMs += 3_600_000;
      },
    ],
  ])('not by an old look, where %s', async (_, happen) => {
    const parts = leaseOver();
    const { lease, world, setBoth } = parts;
    await lease.look();
    setBoth(closing);

    happen(parts);

    expect(await write(lease)).toMatch(/is being switched/);
    expect(world.reads).toBe(4);
  });

  it('in one direction only', async () => {
    const { lease } = leaseOver(opened(FIRST, B));

    expect(await write(lease, 2)).toMatch(/eu-west-1 is active/);
  });

  it.each<[string, (world: World) => void]>([
    [
      'the source’s',
      ({ copies }) => {
        copies.source.row = closing;
      },
    ],
    [
      'the destination’s',
      ({ copies }) => {
        copies.destination.row = closing;
      },
    ],
  ])('not while %s copy alone is closing', async (_, close) => {
    const { lease, world } = leaseOver();
    close(world);

    expect(await write(lease)).toMatch(/is being switched/);
  });

  it('as a transaction does', async () => {
    const { lease, pass, setBoth } = leaseOver();
    let sent = 0;
    const transactions = leasedTransactions(
      {
        transact: async () => {
          sent += 1;
          return { kind: 'written', writeUnits: 1 };
        },
      },
      lease.permit(1),
    );
    await transactions.transact({ TransactItems: [] });
    setBoth(closing);
    pass(LEASE_MS);

    await expect(transactions.transact({ TransactItems: [] })).rejects.toThrow(LeaseLost);

    expect(sent).toBe(1);
  });
});

describe('work of an epoch', () => {
  it('goes on after its copies were closed and opened again', async () => {
    const { lease, pass, setBoth } = leaseOver();
    await lease.look();
    setBoth(closing);
    pass(LEASE_MS);
    await write(lease);
    setBoth(switchedRow(closing, { tag: 'reopened' }));
    pass(LEASE_MS);

    expect(await write(lease)).toBe('1 sent');
  });

  it('does not go on when its Region is active again, in a later epoch', async () => {
    const { lease, pass, setBoth } = leaseOver();
    await lease.look();
    setBoth(opened(opened(FIRST, B), A));
    pass(LEASE_MS);

    expect(await write(lease, 1)).toMatch(/epoch 1 has ended, and epoch 3 is open/);
    expect(await write(lease, 3)).toBe('1 sent');
  });

  it('ends as a write that was surely not sent', () => {
    expect(classifyFailure(new LeaseLost('why'))).toMatchObject({
      kind: 'switching',
      name: 'LeaseLost',
    });
  });
});

describe('the lease is renewed', () => {
  it('in the background, from half its age on, once for many writes', async () => {
    const { lease, world, pass } = leaseOver();
    await lease.look();

    pass(LEASE_MS / 2 - 1);
    await write(lease);
    expect(world.reads).toBe(2);
    pass(1);
    await Promise.all(Array.from({ length: 100 }, () => write(lease)));
    expect(world.reads).toBe(4);
    await settle();
    pass(LEASE_MS / 2 + 1);

    gated(world);
    expect(await write(lease)).toBe('1 sent');
  });

  it('so that a busy sandbox never waits: two reads in two and a half seconds', async () => {
    const { lease, world, pass } = leaseOver();
    await lease.look();

    for (let ms = 0; ms < 60_000; ms += 100) {
      pass(100);
      await write(lease);
      await settle();
    }

    expect(world.reads).toBe(2 + 2 * (60_000 / (LEASE_MS / 2)));
  });

  it('and a failure takes nothing away from what is left of it', async () => {
    const { lease, world, pass } = leaseOver();
    await lease.look();
    world.copies.destination.failures = [serviceError('TimeoutError')];

    pass(LEASE_MS / 2);
    await write(lease);
    await settle();

    expect(await write(lease)).toBe('1 sent');
    expect(await lease.look()).toMatchObject({ consent: { kind: 'open' } });
  });

  it('by no answer that took longer than a lease', async () => {
    const { lease, world, pass } = leaseOver();
    const { open } = gated(world);
    const writing = write(lease);
    const looking = lease.look();
    pass(LEASE_MS);
    open();

    expect(await writing).toMatch(/too slowly/);
    expect(await looking).toMatchObject({
      consent: { kind: 'held', own: FIRST },
      failure: { kind: 'unreachable', name: 'TooSlow' },
    });
  });

  it('and never waits for a read that a frozen sandbox has left behind', async () => {
    const { lease, world, pass } = leaseOver();
    await lease.look();
    pass(LEASE_MS / 2);
    gated(world);
    await write(lease);
    pass(600_000, true);
    world.gate = undefined;

    expect(await write(lease)).toBe('1 sent');
  });

  it('and a late answer does not take the place of a newer one', async () => {
    const { lease, world, pass, setBoth } = leaseOver();
    const { open } = gated(world);
    const late = lease.look();
    world.gate = undefined;
    pass(2_000);
    setBoth(closing);
    await lease.look();
    open();
    await late;

    expect(await write(lease)).toMatch(/is being switched/);
  });
});

describe('what cannot be read', () => {
  it.each(['source', 'destination'] as const)('holds writes: the %s’s copy', async (side) => {
    const { lease, world } = leaseOver();
    world.copies[side].failures = [serviceError('AccessDeniedException')];

    expect(await write(lease)).toMatch(/cannot be read: AccessDeniedException/);
    expect(await lease.look()).toMatchObject({
      consent: { kind: 'held' },
      failure: { kind: 'denied', name: 'AccessDeniedException' },
    });
  });

  it('is read again after a second, not for each of a thousand writes', async () => {
    const { lease, world, pass } = leaseOver();
    world.copies.source.failures = [serviceError('TimeoutError')];
    for (let writes = 0; writes < 1_000; writes += 1) await write(lease);
    expect(world.reads).toBe(2);

    pass(1_000);

    expect(await lease.look()).toMatchObject({ consent: { kind: 'open' } });
  });

  it('leaves the other copy as it is: what has ended stays known', async () => {
    const row = opened(FIRST, B);
    const { lease, world } = leaseOver(row);
    world.copies.destination.failures = [serviceError('TimeoutError')];

    expect(await lease.look()).toMatchObject({ consent: { kind: 'held', own: row } });
  });

  it('is not the same as missing, which holds as well', async () => {
    const { lease, setBoth } = leaseOver();
    setBoth(undefined);

    expect(await write(lease)).toMatch(/is missing/);
    expect(await lease.look()).toMatchObject({ failure: undefined });
  });
});
