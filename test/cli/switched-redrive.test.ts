// `ferry redrive` of a replication that can be switched: what is put back, what an epoch that has ended makes of a
// letter, and what is kept of a Region that was lost.

import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseStrandedLine } from '../../src/model/stranded.ts';
import { parkLetter } from '../fixtures/parked-letters.ts';
import { lambdaRecord, type RecordFacts } from '../fixtures/records.ts';
import {
  openSwitchedRegions,
  type Side,
  type SwitchedRegions,
  switchRecord,
} from '../fixtures/switched-regions.ts';
import { runHere } from '../fixtures/two-regions.ts';

const NOW_SECONDS = Math.floor(Date.now() / 1000);
/** When B became active. */
const SWITCH_SECONDS = NOW_SECONDS - 100;

let regions: SwitchedRegions;
beforeEach(async () => {
  regions = await openSwitchedRegions();
});
afterEach(() => regions.close());

const switched = (end: 'drained' | 'lost') => [
  regions.epoch(1, regions.a, { toMs: SWITCH_SECONDS * 1000, end }),
  regions.epoch(2, regions.b, { fromMs: SWITCH_SECONDS * 1000 }),
];

let numbers = 1_000;

/** Puts a letter into the queue, as the function of a direction would. */
async function park(replication: string, from: Side, facts: RecordFacts = {}) {
  numbers += 1;
  const record = lambdaRecord({
    streamArn: from.streamArn,
    sequenceNumber: String(numbers),
    createdAtSeconds: SWITCH_SECONDS - 50,
    ...facts,
  });
  await parkLetter(regions.failures, { replication, record });
}

async function redrive(...args: string[]) {
  const { exitCode, out, err } = await regions.ferry(
    'redrive',
    ...regions.places,
    '--json',
    ...args,
  );
  return { exitCode, err, ...(JSON.parse(out) as Record<string, unknown>) };
}

const at = async ({ engine }: Side, pk: string) => engine.get('Orders', { pk: { S: pk } });

describe('the active direction', () => {
  it('puts a letter back under the lease', async () => {
    await regions.write();
    await park('orders', regions.a, { id: 'one', eventName: 'INSERT' });

    expect(await redrive('--apply')).toMatchObject({ exitCode: 0, direction: 'out', applied: 1 });
    expect((await at(regions.b, 'one'))?.['_ferry']?.M?.['v']?.S).toMatch(/^0001\./);
  });

  it('is the way back after a switch, in its epoch', async () => {
    await regions.write({ epochs: switched('drained') });
    await park('orders-back', regions.b, {
      id: 'one',
      eventName: 'INSERT',
      createdAtSeconds: SWITCH_SECONDS + 5,
    });

    expect(await redrive('--apply')).toMatchObject({ exitCode: 0, direction: 'back', applied: 1 });
    expect((await at(regions.a, 'one'))?.['_ferry']?.M?.['v']?.S).toMatch(/^0002\./);
  });

  it('acknowledges what Ferry itself wrote before', async () => {
    await regions.write({ epochs: switched('drained') });
    await park('orders-back', regions.b, { id: 'one', eventName: 'INSERT' });

    expect(await redrive('--apply')).toMatchObject({ exitCode: 0, superseded: 1, applied: 0 });
    expect(await at(regions.a, 'one')).toBeUndefined();
    expect(await regions.failures.queue.size()).toBe(0);
  });

  it('skips the markers of a switch', async () => {
    await regions.write();
    await park('orders', regions.a, { id: 'ferry-marker-abc-0', eventName: 'INSERT' });

    expect(await redrive('--apply')).toMatchObject({ exitCode: 0, skipped: 1 });
    expect(await at(regions.b, 'ferry-marker-abc-0')).toBeUndefined();
  });

  it('writes while a switch goes on, and not once the copies are closed', async () => {
    const record = switchRecord();
    await regions.write({ record });
    await park('orders', regions.a, { id: 'one', eventName: 'INSERT' });

    expect(await redrive('--apply')).toMatchObject({ exitCode: 0, applied: 1 });

    await regions.write({ record, closing: true });
    const { exitCode, err } = await regions.ferry('redrive', ...regions.places, '--apply');
    expect(exitCode).toBe(3);
    expect(err).toContain('orders cannot be written to now: alice has been switching it');
  });
});

describe('a letter of an epoch that has ended', () => {
  it('is superseded where the epoch was drained, and never read from the source again', async () => {
    await regions.write({ epochs: switched('drained') });
    await park('orders', regions.a, { id: 'one', eventName: 'INSERT' });

    const looked = await redrive('--direction', 'out');
    const applied = await redrive('--direction', 'out', '--apply');

    expect(looked).toMatchObject({ exitCode: 3, direction: 'out', would: { superseded: 1 } });
    expect(applied).toMatchObject({ exitCode: 0, superseded: 1, resynchronized: 0, left: 0 });
    expect(await at(regions.b, 'one')).toBeUndefined();
    expect(await regions.failures.queue.size()).toBe(0);
  });

  it('is kept whole where its Region was lost, before it is deleted', async () => {
    await regions.write({ epochs: switched('lost') });
    await park('orders', regions.a, {
      id: 'one',
      eventName: 'INSERT',
      attributes: { text: { S: 'tail' } },
    });

    const looked = await redrive('--direction', 'out');
    expect(looked).toMatchObject({ would: { stranded: 1 } });
    expect(await objects()).toEqual([]);

    const { out } = await regions.ferry(
      'redrive',
      ...regions.places,
      '--direction',
      'out',
      '--apply',
    );

    expect(out).toMatch(/stranded +1/);
    expect(await regions.failures.queue.size()).toBe(0);
    const [key = ''] = await objects();
    const line = (await regions.failures.bucket.get(key))?.trim() ?? '';
    expect(parseStrandedLine(line)).toMatchObject({
      kind: 'entry',
      entry: {
        replication: 'orders',
        epoch: 1,
        key: { pk: { S: 'one' } },
        version: expect.stringMatching(/^0001\./) as string,
        newImage: { pk: { S: 'one' }, text: { S: 'tail' } },
      },
    });
  });

  it('is kept in the epoch that was lost also when the Region is active again', async () => {
    const { a, epoch } = regions;
    const again = epoch(3, a, { fromMs: (SWITCH_SECONDS + 50) * 1000 });
    const [lost, back] = switched('lost');
    const ended = { ...back, toMs: (SWITCH_SECONDS + 50) * 1000, end: 'drained' } as typeof again;
    await regions.write({ epochs: [lost as typeof again, ended, again] });
    await park('orders', a, { id: 'old', eventName: 'INSERT' });
    await park('orders', a, {
      id: 'new',
      eventName: 'INSERT',
      createdAtSeconds: SWITCH_SECONDS + 60,
    });

    expect(await redrive('--apply')).toMatchObject({ direction: 'out', applied: 1, stranded: 1 });
    expect((await at(regions.b, 'new'))?.['_ferry']?.M?.['v']?.S).toMatch(/^0003\./);
    expect((await objects())[0]).toMatch(/^stranded\/0001\/records\//);
  });
});

it('has no other direction where nothing can be switched', async () => {
  const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: [Record<string, unknown>];
  };
  const { switching: _, ...plain } = replications[0];
  writeFileSync(regions.config, JSON.stringify({ replications: [plain] }));
  const run = (direction: string) =>
    runHere(['redrive', '--config', regions.config, '--direction', direction]);

  expect(await run('back')).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining('--direction is for replications with "switching"') as string,
  });
  expect(await run('orders-back')).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining('--direction must be out or back, got "orders-back".') as string,
  });
});

async function objects(): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of regions.failures.bucket.list('stranded/'))
    keys.push(...page.map(({ key }) => key));
  return keys;
}
