// `ferry adopt` of a replication that can be switched: both copies of the control row, one beside each table.

import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CLOSE_WAIT_MS } from '../../src/config/names.ts';
import type { Clock } from '../../src/ports.ts';
import {
  A,
  B,
  openSwitchedRegions,
  type SwitchedRegions,
  switchRecord,
} from '../fixtures/switched-regions.ts';

/** Its waits take no time. */
class Hurried implements Clock {
  sleptMs = 0;
  onSleep: () => Promise<void> = async () => undefined;
  now = () => Date.now() + this.sleptMs;
  async sleep(ms: number) {
    await this.onSleep();
    this.sleptMs += ms;
  }
}

let clock: Hurried;
let regions: SwitchedRegions;
beforeEach(async () => {
  clock = new Hurried();
  regions = await openSwitchedRegions(clock);
});
afterEach(() => regions.close());

const adopt = (...args: string[]) => regions.ferry('adopt', ...args);
const copies = async () => [await regions.copy(regions.a), await regions.copy(regions.b)] as const;

describe('the first adoption', () => {
  it('is refused to every other command', async () => {
    const { exitCode, err } = await regions.ferry('backfill', '--apply');

    expect(exitCode).toBe(1);
    expect(err).toContain('Neither Region has a control row of orders.');
    expect(err).toContain('Hint: Run `ferry adopt --config');
    expect(await copies()).toEqual([undefined, undefined]);
  });

  it('shows both copies, and writes none', async () => {
    const { exitCode, out } = await adopt();

    expect(exitCode).toBe(3);
    expect(out).toContain('because neither Region has a control row');
    expect(await copies()).toEqual([undefined, undefined]);
  });

  it('writes both, each with the tables of its own side', async () => {
    const { a, b } = regions;

    const { exitCode, out } = await adopt('--apply');

    expect(exitCode).toBe(0);
    expect(out).toContain(`Epoch 1 is open for the stream ${a.streamArn}.`);
    const [beside, there] = await copies();
    expect(beside?.epochs).toEqual([
      expect.objectContaining({ n: 1, region: A, streams: [a.streamArn] }),
    ]);
    expect(there?.epochs).toEqual(beside?.epochs);
    expect(there?.destinationId).toBe(await b.engine.twinReader.tableId('Orders'));
    expect(beside?.destinationId).toBe(await a.engine.twinReader.tableId('Orders'));
    expect(beside?.ledgerId).toBe(await a.engine.twinReader.tableId('ferry-orders-back-state'));
    expect(await adopt()).toMatchObject({ exitCode: 0 });
  });

  it('opens an epoch above the versions of either side', async () => {
    const { a } = regions;
    const v = `0007.${'1'.padStart(13, '0')}.${'5'.padStart(40, '0')}`;
    const Item = { pk: { S: 'old' }, _ferry: { M: { v: { S: v } } } };
    await a.engine.client.send(new PutItemCommand({ TableName: 'Orders', Item }));

    await adopt('--apply');

    expect((await copies()).map((row) => row?.epochs.map(({ n }) => n))).toEqual([[8], [8]]);
  });
});

describe('a copy that is missing', () => {
  it('is completed without an epoch, and without a pause', async () => {
    await regions.write({}, [regions.b]);

    const shown = await adopt('--json');
    const done = await adopt('--apply');

    expect(shown.exitCode).toBe(3);
    expect(JSON.parse(shown.out)).toMatchObject({
      direction: 'out',
      why: 'us-east-1 has no control row',
      copies: { destination: { epoch: 1, written: false }, source: { epoch: 1, written: true } },
    });
    expect(done).toMatchObject({ exitCode: 0 });
    expect(done.err).toContain(
      'Completing both copies of the control row, because us-east-1 has no control row.',
    );
    const [beside, there] = await copies();
    expect(beside?.epochs).toEqual(there?.epochs);
    expect([beside?.revision, there?.revision]).toEqual([1, 1]);
    expect(clock.sleptMs).toBe(0);
  });
});

describe('another epoch', () => {
  it('closes both copies for longer than a lease before it is opened', async () => {
    await regions.write();
    const seen: unknown[] = [];
    clock.onSleep = async () => {
      seen.push((await copies()).map((row) => row?.closing));
    };

    const { exitCode } = await adopt('--again', '--apply');

    expect(exitCode).toBe(0);
    expect(seen[0]).toEqual([true, true]);
    expect(clock.sleptMs).toBeGreaterThanOrEqual(CLOSE_WAIT_MS);
    for (const row of await copies()) {
      expect(row?.epochs.map(({ n, end }) => [n, end])).toEqual([
        [1, 'adopted'],
        [2, undefined],
      ]);
      expect(row?.closing).toBeUndefined();
    }
  });

  it('is finished by the next run where one was killed between the copies', async () => {
    const { a, b } = regions;
    await regions.write({ epochs: [regions.epoch(1, a)], closing: true }, [a]);
    const epochs = [
      regions.epoch(1, a, { toMs: 9, end: 'adopted' }),
      regions.epoch(2, a, { fromMs: 9 }),
    ];
    await regions.write({ epochs }, [b]);

    const refused = await regions.ferry('backfill', '--apply');
    const { exitCode, err } = await adopt('--apply');

    expect(refused.exitCode).toBe(3);
    expect(refused.err).toContain('an epoch is being opened, or `ferry adopt');
    expect(exitCode).toBe(0);
    expect(err).toContain('because an adoption has not ended');
    const [beside, there] = await copies();
    expect(beside?.epochs).toEqual(there?.epochs);
    expect(beside?.closing).toBeUndefined();
  });

  it('is refused while a switch holds a copy', async () => {
    await regions.write({ record: switchRecord() }, [regions.b]);
    await regions.write({ epochs: [regions.epoch(1, regions.a)] }, [regions.a]);

    const shown = await adopt('--again');
    const applied = await adopt('--again', '--apply');

    expect(shown).toMatchObject({ exitCode: 1 });
    expect(shown.err).toContain(`alice is switching the replication to ${B}.`);
    expect(applied).toMatchObject({ exitCode: 3 });
    expect(applied.err).toContain('orders cannot be written to now: alice has been switching it');
    expect((await regions.copy(regions.b))?.revision).toBe(1);
  });

  it('does not hide that a Region was lost', async () => {
    const { a, b } = regions;
    await regions.write({ epochs: [regions.epoch(1, a)] }, [a]);
    const lost = [
      regions.epoch(1, a, { toMs: 9, end: 'lost' }),
      regions.epoch(2, b, { fromMs: 9 }),
    ];
    await regions.write({ epochs: lost }, [b]);

    const shown = await adopt();
    const applied = await adopt('--apply');

    expect(shown.err).toContain('If a Region was lost, run `ferry rejoin');
    expect(applied).toMatchObject({ exitCode: 3 });
    expect(applied.err).toContain(
      'us-east-1 was lost at 1970-01-01T00:00:00Z, and has not rejoined orders.',
    );
    expect((await regions.copy(a))?.epochs).toHaveLength(1);
  });
});

it('says which copy has been deleted', async () => {
  const { a, b, epoch } = regions;
  await regions.write({
    epochs: [epoch(1, a, { toMs: 9, end: 'drained' }), epoch(2, b, { fromMs: 9 })],
  });
  const Key = { id: { S: 'orders-back#control' } };
  await a.engine.client.send(new DeleteItemCommand({ TableName: 'ferry-orders-back-state', Key }));

  const { exitCode, err } = await adopt();

  expect(exitCode).toBe(3);
  expect(err).toContain(
    'the control row in eu-west-1 says that eu-west-1 is active (epoch 2), and there is none in us-east-1',
  );
});
