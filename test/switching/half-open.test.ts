// A switch back is killed while both copies are closed, and then its target is lost: it may have been opened. The other
// Region is opened alone, and the rejoin copes with either case. On real engines, with the functions of both directions.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newestEpoch } from '../../src/model/control-row.ts';
import { newSwitch, nextStep } from '../../src/switching/next-step.ts';
import type { SwitchPorts } from '../../src/switching/ports.ts';
import { runStranded } from '../../src/switching/stranded-run.ts';
import type { StepResult, SwitchRequest, SwitchResult } from '../../src/switching/step.ts';
import { idleMs, LostWorld } from './lost-world.ts';

let world: LostWorld;
beforeEach(async () => {
  world = await LostWorld.open();
  const { east } = world;
  for (const id of ['same', 'changed', 'both']) await east.put(id, { value: { S: 'old' } });
  await run({ kind: 'switch' }, { onStep: bothWays });
});
afterEach(() => world.close());

const REQUEST = { apply: true, by: 'test', accepted: [], proof: 'tail' as const };
const LOST = { kind: 'lost', evenIfHalfOpen: true } as const;

interface RunOptions {
  readonly until?: string;
  readonly onStep?: (step: StepResult) => Promise<void>;
  readonly ports?: SwitchPorts;
}

/** Until it has a result, or comes to a phase: then the operator is dead. */
async function run(
  request: Partial<SwitchRequest> & Pick<SwitchRequest, 'kind'>,
  { until, onStep, ports = world.ports() }: RunOptions = {},
): Promise<SwitchResult | undefined> {
  const state = newSwitch({ ...REQUEST, ...request }, ports.random);
  for (let steps = 1; steps < 500; steps += 1) {
    const step = await nextStep(state, ports);
    if (step.result !== undefined) return step.result;
    if (step.phase === until) return undefined;
    await onStep?.(step);
    world.pass(idleMs(step));
  }
  throw new Error('it does not end');
}

function failbackPorts(): SwitchPorts {
  const { east, west } = world;
  const directions = { drained: west.direction(east), back: east.direction(west) };
  return { ...world.ports(), target: east.side(), old: west.side(), ...directions };
}

/** Each function also sees what the other one has written, so that its records have their times. */
async function bothWays(): Promise<void> {
  const { east, west } = world;
  await east.replicate(west);
  await west.replicate(east);
  await east.replicate(west);
}

/** eu-west-1 is active in epoch 2, and the switch back to us-east-1 is killed when it comes to a phase. */
async function killFailback(until: string): Promise<void> {
  await run({ kind: 'switch' }, { ports: failbackPorts(), until, onStep: bothWays });
}

async function codeOf(request: Parameters<typeof run>[0], options?: RunOptions) {
  return run(request, options).then(
    (result) => result?.kind,
    (error: { readonly code?: string }) => error.code,
  );
}

async function strandedClasses() {
  const classes: Record<string, string | undefined> = {};
  const report = await runStranded(
    { action: 'list', apply: true },
    { row: await world.west.row(), ports: world.ports() },
    {
      onWrite: (write) => void (classes[write.key['pk']?.S ?? ''] = write.class),
      onUnreadable: () => undefined,
    },
  );
  return { classes, report };
}

/** The epochs of both copies, with the times of each that its own Region's records are judged by. */
async function requireSameEpochs(): Promise<void> {
  const [there, here] = [await world.west.row(), await world.east.row()];
  const shape = ({ epochs }: typeof there) => epochs.map(({ n, region, end }) => [n, region, end]);
  expect(shape(here)).toEqual(shape(there));
  expect(newestEpoch(here)).toEqual(newestEpoch(there));
  for (const { closing, switch: record } of [here, there])
    expect([closing, record]).toEqual([undefined, undefined]);
}

describe('failover --source-lost of a half-open switch', () => {
  it('is refused without --even-if-half-open, and a dry run says what would be assumed', async () => {
    await killFailback('waiting');
    world.isLost = true;
    const before = await world.west.row();

    expect(await codeOf({ kind: 'lost' })).toBe('switching.half-open');
    const preview = await run({ ...LOST, apply: false });

    const sinceMs = before.switch?.fencedAtMs;
    expect(sinceMs).toBeGreaterThan(0);
    expect(preview).toMatchObject({ kind: 'lost-preview', newest: [], halfOpen: { sinceMs } });
    expect(await world.west.row()).toEqual(before);
  });

  it('opens the second next epoch, and none of its own records is between two epochs', async () => {
    await killFailback('waiting');
    world.isLost = true;
    const beganMs = world.now();

    const result = await run(LOST);

    const row = await world.west.row();
    expect(row.epochs.slice(1)).toMatchObject([
      { n: 2, region: 'eu-west-1', end: 'drained' },
      { n: 3, region: 'us-east-1', end: 'lost' },
      { n: 4, region: 'eu-west-1', streams: [world.west.streamArn] },
    ]);
    const [two, three, four] = row.epochs.slice(1);
    expect([two?.toMs, three?.fromMs, three?.toMs]).toEqual([
      four?.fromMs,
      four?.fromMs,
      four?.fromMs,
    ]);
    expect((four?.fromMs ?? 0) - beganMs).toBeGreaterThanOrEqual(21_000);
    expect([row.closing, row.switch, world.west.isFenced]).toEqual([undefined, undefined, false]);
    expect(result).toMatchObject({
      kind: 'switched',
      proof: { epochs: { ended: 3, opened: 4 }, rpo: { proven: false } },
    });
    const seconds = result?.kind === 'switched' ? (result.proof.rpo.seconds ?? 0) : 0;
    expect(seconds).toBeGreaterThan(0);
  });

  it('keeps both directions refused until the rejoin, whatever is asked for', async () => {
    const { east, west } = world;
    await killFailback('waiting');
    world.isLost = true;
    await run(LOST);
    await west.put('changed', { value: { S: 'newer' } });
    world.isLost = false;

    await west.replicate(east);
    await east.replicate(west);

    expect((await east.get('changed'))?.['value']).toEqual({ S: 'old' });
    expect(await codeOf({ kind: 'switch' }, { ports: failbackPorts() })).toBe('switching.lost');
    expect(await codeOf({ kind: 'switch' })).toBe('already');
    expect(await codeOf({ kind: 'lost' })).toBe('already');
  });

  it.each(['fencing', 'opening', 'admitting', 'releasing'])(
    'is taken over by another run when it was killed before %s',
    async (phase) => {
      await killFailback('looking-again');
      world.isLost = true;
      await run(LOST, { until: phase });
      const takenOverMs = world.now();

      const result = await run(LOST);

      expect(result).toMatchObject({ kind: 'switched', proof: { epochs: { opened: 4 } } });
      const row = await world.west.row();
      expect(row.epochs.map(({ n, end }) => [n, end]).slice(1)).toEqual([
        [2, 'drained'],
        [3, 'lost'],
        [4, undefined],
      ]);
      const isOpened = ['admitting', 'releasing'].includes(phase);
      expect(newestEpoch(row).fromMs - takenOverMs >= 21_000).toBe(!isOpened);
      expect([row.closing, row.switch, world.west.isFenced]).toEqual([undefined, undefined, false]);
    },
  );
});

describe('rejoin of a Region that had been opened', () => {
  /** Its copy was opened, and applications write there; the other one has not learned of it. */
  async function lose(): Promise<void> {
    const { east, west } = world;
    await killFailback('telling');
    await east.put('new', { value: { S: 'late' } });
    await east.put('both', { value: { S: 'late' } });
    world.isLost = true;
    await run(LOST);
    await west.put('changed', { value: { S: 'newer' } });
    await west.put('both', { value: { S: 'newer' } });
    world.isLost = false;
  }

  it.each([undefined, 'waiting', 'telling', 'classing', 'releasing'])(
    'strands its writes, and makes both sides equal (killed before: %s)',
    async (until) => {
      await lose();
      if (until !== undefined) await run({ kind: 'rejoin' }, { until, onStep: bothWays });

      const result = await run({ kind: 'rejoin' }, { onStep: bothWays });
      await bothWays();

      expect(result).toMatchObject({ kind: 'rejoined', undecided: 1, left: [] });
      const { east, west } = world;
      expect(await east.items()).toEqual(await west.items());
      expect((await east.get('both'))?.['value']).toEqual({ S: 'newer' });
      expect(await east.get('new')).toBeUndefined();
      await requireSameEpochs();
      const { classes } = await strandedClasses();
      expect(classes).toEqual({ new: 'stranded', both: 'overtaken', changed: 'overtaken' });
    },
  );
});

describe('rejoin of a Region that had not been opened', () => {
  /** Something got through the fence once the audit had ended: the next look would have found it. */
  async function lose(): Promise<void> {
    const { west } = world;
    await killFailback('waiting');
    west.isFenced = false;
    await west.put('both', { value: { S: 'leaked' } });
    west.isFenced = true;
    world.isLost = true;
    await run(LOST);
    await west.put('changed', { value: { S: 'newer' } });
    world.isLost = false;
  }

  it.each([undefined, 'closing', 'telling', 'repairing'])(
    'strands nothing, and brings what it lacks (killed before: %s)',
    async (until) => {
      await lose();
      if (until !== undefined) await run({ kind: 'rejoin' }, { until, onStep: bothWays });

      const result = await run({ kind: 'rejoin' }, { onStep: bothWays });
      await bothWays();

      expect(result).toMatchObject({ kind: 'rejoined', undecided: 0, left: [] });
      const { east, west } = world;
      expect(await east.items()).toEqual(await west.items());
      expect((await east.get('both'))?.['value']).toEqual({ S: 'leaked' });
      await requireSameEpochs();
      expect((await strandedClasses()).classes).toEqual({});
      // And the next switch is an ordinary one.
      await run({ kind: 'switch' }, { ports: failbackPorts(), onStep: bothWays });
      expect(newestEpoch(await east.row())).toMatchObject({ n: 5, region: 'us-east-1' });
    },
  );
});
