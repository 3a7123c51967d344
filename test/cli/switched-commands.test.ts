// What commands do with a replication that can be switched, against two real engines: which direction they are about,
// and what they write while a switch goes on.

import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unfinishedBackfill } from '../../src/backfill/run.ts';
import { otherDirection } from '../../src/config/directions.ts';
import { functionVariables } from '../../src/config/function-variable.ts';
import { writeRules } from '../../src/composition/write-rules.ts';
import { resume } from '../../src/switchover/pause.ts';
import { retriesUntil } from '../../src/composition/pair-work.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import type { ItemReader } from '../../src/ports.ts';
import { putAll, runHere } from '../fixtures/two-regions.ts';
import {
  openSwitchedRegions,
  type Side,
  type SwitchedRegions,
  switchRecord,
} from '../fixtures/switched-regions.ts';

let regions: SwitchedRegions;
beforeEach(async () => {
  regions = await openSwitchedRegions();
});
afterEach(() => regions.close());

const put = (side: Side, pk: string, text: string) =>
  side.engine.client.send(
    new PutItemCommand({ TableName: 'Orders', Item: { pk: { S: pk }, text: { S: text } } }),
  );
const textAt = async (side: Side, pk: string) =>
  (await side.engine.get('Orders', { pk: { S: pk } }))?.['text']?.S;
/** B is active in epoch 2. */
const switched = () => [
  regions.epoch(1, regions.a, { toMs: 1_000, end: 'drained' as const }),
  regions.epoch(2, regions.b, { fromMs: 1_000 }),
];
const json = (out: string) => JSON.parse(out) as object;

describe('the direction of a command', () => {
  it('is the one of the configuration before a switch', async () => {
    const { a, b } = regions;
    await regions.write();
    await put(a, 'one', 'of A');

    const { exitCode, out, err } = await regions.ferry('backfill', '--apply', '--json');

    expect(err).toContain('Direction out: us-east-1/Orders to eu-west-1/Orders.');
    expect(exitCode).toBe(0);
    expect(json(out)).toMatchObject({ replication: 'orders', direction: 'out', copied: 1 });
    expect(await textAt(b, 'one')).toBe('of A');
  });

  it('is the way back once the other Region is active', async () => {
    const { a, b } = regions;
    await regions.write({ epochs: switched() });
    await put(b, 'one', 'of B');

    const verified = await regions.ferry(
      'verify',
      '--settle',
      '0',
      '--json',
      '--report',
      join(regions.directory, 'd.jsonl'),
    );
    const copied = await regions.ferry('backfill', '--apply', '--json');

    expect(verified.err).toContain('Direction back: eu-west-1/Orders to us-east-1/Orders.');
    expect(json(verified.out)).toMatchObject({
      replication: 'orders',
      direction: 'back',
      missing: 1,
    });
    expect(copied.exitCode).toBe(0);
    expect(await textAt(a, 'one')).toBe('of B');
    expect((await a.engine.get('Orders', { pk: { S: 'one' } }))?.['_ferry']?.M?.['v']?.S).toMatch(
      /^0002\./,
    );
  });

  it('is not known where the copies say different things', async () => {
    const { a, b } = regions;
    await regions.write({ epochs: [regions.epoch(1, a)] }, [a]);
    await regions.write({ epochs: switched() }, [b]);

    const { exitCode, err } = await regions.ferry('verify');

    expect(exitCode).toBe(3);
    expect(err).toContain(
      'It is not known which Region is active: the control row in eu-west-1 says that eu-west-1 is active (epoch 2), and the control row in us-east-1 says that us-east-1 is active (epoch 1).',
    );
  });
});

it('is not known where a copy is of another release', async () => {
  const { b } = regions;
  await regions.write();
  const Key = { id: { S: 'orders#control' } };
  const Item = { ...(await b.engine.get('ferry-orders-state', Key)), format: { N: '9' } };
  await b.engine.client.send(new PutItemCommand({ TableName: 'ferry-orders-state', Item }));

  const { exitCode, err } = await regions.ferry('verify');

  expect(exitCode).toBe(3);
  expect(err).toContain(
    'It is not known which Region is active: the control row in eu-west-1 cannot be read: its format is 9; this release reads 1 and 2.',
  );
});

it('is that of the replication also where its way back is named', async () => {
  const { b, failures, lambda } = regions;
  await regions.write();
  lambda.variables = functionVariables({
    replication: otherDirection(regions.replication),
    streamArn: b.streamArn,
    deadLetterQueueUrl: failures.queueUrl,
    onFailureBucket: failures.bucketName,
    lookAgainQueueUrl: failures.lookAgainQueueUrl,
  });
  const args = ['--deployed', 'eu-west-1/orders-back', '--key', '{"pk":{"S":"one"}}', '--json'];

  const { out, err } = await runHere(['verify', '--settle', '0', ...args]);

  expect(err).toContain('Direction out: us-east-1/Orders to eu-west-1/Orders.');
  expect(json(out)).toMatchObject({ replication: 'orders', direction: 'out', found: false });
});

describe('a switch that goes on', () => {
  it.each(['backfill', 'pause', 'resume'])('refuses %s before anything', async (command) => {
    await regions.write({ record: switchRecord({ step: 'audited' }) });
    await put(regions.a, 'one', 'of A');

    const { exitCode, err } = await regions.ferry(command, '--apply');

    expect(exitCode).toBe(3);
    expect(err).toContain(
      'orders cannot be written to now: alice has been switching it to eu-west-1 since 2026-01-31T14:02:00Z (audited).',
    );
    expect(await textAt(regions.b, 'one')).toBeUndefined();
  });

  it('ends a backfill, which the next switch sees until it has gone on and ended', async () => {
    const { a, b } = regions;
    await regions.write();
    await putAll(a.engine, 'Orders', items(300));

    const copying = regions.ferry('backfill', '--apply', '--workers', '1', '--write-units', '100');
    await until(async () => (await count(b)) > 0);
    await regions.write({ record: switchRecord({ step: 'closed' }), closing: true });
    const { exitCode, out, err } = await copying;
    const copied = await count(b);

    expect(exitCode).toBe(3);
    expect(err).toContain(
      'Nothing more is written in this direction: the direction is being switched.',
    );
    expect(err).toContain('Hint: Nothing is lost. Run the command again when `ferry status');
    expect(out).toContain('copied');
    expect(copied).toBeLessThan(300);
    expect(await backfillOf(b)).toMatchObject({ streamArn: a.streamArn });
    await regions.write();
    expect(await regions.ferry('backfill', '--apply')).toMatchObject({ exitCode: 0 });
    expect(await count(b)).toBe(300);
    expect(await backfillOf(b)).toBeUndefined();
  });

  it('ends a repair that is under way', async () => {
    const { a, b } = regions;
    await regions.write();
    await putAll(a.engine, 'Orders', items(60));
    const report = join(regions.directory, 'differences.jsonl');
    await regions.ferry('verify', '--settle', '0', '--report', report);

    const args = ['--report', report, '--settle', '0', '--rate', '5', '--apply'];
    const repairing = regions.ferry('repair', ...args);
    await until(async () => (await count(b)) > 0);
    await regions.write({ record: switchRecord({ step: 'closed' }), closing: true });
    const { exitCode, err } = await repairing;

    expect(exitCode).toBe(3);
    expect(err).toContain(
      'Nothing more is written in this direction: the direction is being switched.',
    );
    expect(await count(b)).toBeLessThan(60);
  });

  it('is not overwritten by a resume that began before it', async () => {
    const { b } = regions;
    const mapping = { id: 'a1b2', state: 'Enabled', lastResult: 'OK', streamArn: 's' };
    await regions.write({ record: switchRecord() });

    const resuming = resume({
      ...retriesUntil(new AbortController().signal),
      rules: writeRules(b.inbound),
      twinReader: b.engine.twinReader,
      twinWriter: b.engine.twinWriter,
      mappings: { list: async () => [mapping], setEnabled: async () => undefined },
      onStep: () => undefined,
      tag: 'test',
    });

    await expect(resuming).rejects.toMatchObject({
      code: 'switching.lease',
      message: 'The control row cannot be changed now: alice is switching it.',
    });
    expect((await regions.copy(b))?.revision).toBe(1);
  });

  it('does not stop a command that only looks', async () => {
    await regions.write({ record: switchRecord({ step: 'closed' }), closing: true });
    await put(regions.a, 'one', 'of A');

    expect(
      await regions.ferry('verify', '--key', '{"pk":{"S":"one"}}', '--settle', '0'),
    ).toMatchObject({
      exitCode: 3,
    });
    expect(await regions.ferry('backfill')).toMatchObject({ exitCode: 0 });
  });
});

describe('a report', () => {
  it('names its direction, and is of no use once the other Region is active', async () => {
    const { a, b } = regions;
    await regions.write();
    await put(a, 'one', 'of A');
    const report = join(regions.directory, 'differences.jsonl');

    await regions.ferry('verify', '--settle', '0', '--report', report);
    expect(JSON.parse(readFileSync(report, 'utf8').split('\n')[0] ?? '')).toMatchObject({
      replication: 'orders',
      direction: 'out',
      source: 'us-east-1/Orders',
    });
    await regions.write({ epochs: switched() });
    const { exitCode, err } = await regions.ferry('repair', '--report', report, '--apply');

    expect(exitCode).toBe(2);
    expect(err).toContain('it is about the direction out, and the other Region is active by now.');
    expect(await textAt(a, 'one')).toBe('of A');
    await put(b, 'two', 'of B');
    rmSync(report);
    await regions.ferry('verify', '--settle', '0', '--report', report);
    const repaired = await regions.ferry(
      'repair',
      '--report',
      report,
      '--settle',
      '0',
      '--apply',
      '--json',
    );
    expect(json(repaired.out)).toMatchObject({
      replication: 'orders',
      direction: 'back',
      put: 1,
      deleted: 1,
    });
    expect(await textAt(a, 'two')).toBe('of B');
    expect(await textAt(a, 'one')).toBeUndefined();
  });
});

describe('a pause', () => {
  it('is of the active direction, and is noted in its copy', async () => {
    const { a, b, lambda } = regions;
    await regions.write({ epochs: switched() });
    lambda.mappings = [{ id: 'a1b2', state: 'Enabled', streamArn: b.streamArn }];

    const { exitCode, out } = await regions.ferry('pause', '--apply', '--json');

    expect(exitCode).toBe(0);
    expect(json(out)).toMatchObject({ replication: 'orders', direction: 'back' });
    expect((await regions.copy(a))?.paused).toBeDefined();
    expect((await regions.copy(b))?.paused).toBeUndefined();
    expect(await regions.ferry('resume', '--apply')).toMatchObject({ exitCode: 0 });
    expect((await regions.copy(a))?.paused).toBeUndefined();
    expect(lambda.changes).toEqual(['disable a1b2', 'enable a1b2']);
  });
});

describe('the markers of a switch', () => {
  it('are neither copied nor compared', async () => {
    const { a, b } = regions;
    await regions.write();
    await put(a, 'ferry-marker-abc-0', 'a marker');
    await put(a, 'one', 'of A');

    await regions.ferry('backfill', '--apply');
    const report = join(regions.directory, 'differences.jsonl');
    const { exitCode } = await regions.ferry('verify', '--settle', '0', '--report', report);

    expect(exitCode).toBe(0);
    expect(await textAt(b, 'one')).toBe('of A');
    expect(await textAt(b, 'ferry-marker-abc-0')).toBeUndefined();
  });
});

describe('a backfill after a switch', () => {
  it('is not kept from an item by the tombstone of an older epoch', async () => {
    const { a, b } = regions;
    await regions.write({ epochs: switched() });
    await put(b, 'one', 'of B');
    const id = `orders-back#${createHash('sha256')
      .update(canonicalKey({ pk: { S: 'one' } }))
      .digest('hex')}`;
    const d = `0001.${'1'.padStart(13, '0')}.${'5'.padStart(40, '0')}`;
    const Item = { id: { S: id }, d: { S: d } };
    await a.engine.client.send(new PutItemCommand({ TableName: 'ferry-orders-back-state', Item }));

    const { exitCode, out } = await regions.ferry('backfill', '--apply', '--json');

    expect(exitCode).toBe(0);
    expect(json(out)).toMatchObject({ copied: 1, resynchronized: 0 });
    expect(await textAt(a, 'one')).toBe('of B');
  });
});

const items = (length: number) =>
  Array.from({ length }, (_, n) => ({ pk: { S: `item-${n}` }, text: { S: 'of A' } }));

const count = async ({ engine }: Side) =>
  (await engine.client.send(new ScanCommand({ TableName: 'Orders', Select: 'COUNT' }))).Count ?? 0;

/** What a switch asks before it begins. */
function backfillOf({ engine }: Side) {
  const ledger: ItemReader = { get: (key) => engine.get('ferry-orders-state', key) };
  const retries = retriesUntil(new AbortController().signal);
  return unfinishedBackfill({ ...retries, rules: { replication: 'orders' }, ledger });
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
}
