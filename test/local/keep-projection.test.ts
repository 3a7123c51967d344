// Practice with a projection: the commands against a local run that is kept, before and after its module changes.

import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { POISON_MARKER } from '../../src/local/faults/fault-schedule.ts';
import {
  ferry,
  inNewFolder,
  keptRun,
  LIMIT_MS,
  press,
  twinItems,
  WAIT,
  write,
} from './fixtures/kept-run.ts';

const folder = inNewFolder();
const PAID = { paid: { BOOL: true }, country: { S: 'de' } };
const POISONED = { ...PAID, tag: { S: JSON.parse(POISON_MARKER) as string } };
const SOON = ['--settle', '1'];

/** The sample of this repository, in the folder of the test, with the shortest timeout. */
function copyOfSample(): { readonly config: string; readonly module: string } {
  cpSync('examples/projection', folder(), { recursive: true });
  const config = join(folder(), 'ferry.json');
  const sample = JSON.parse(readFileSync(config, 'utf8')) as { defaults: object };
  const defaults = { ...sample.defaults, function: { timeoutSeconds: 30 } };
  writeFileSync(config, JSON.stringify({ ...sample, defaults }));
  return { config, module: join(folder(), 'orders.mjs') };
}

it(
  'notices that the projection changes, and rewrites the twin',
  async () => {
    const sample = copyOfSample();
    const run = await keptRun('--config', sample.config, '--replication', 'orders-paid');
    const { config, pageUrl } = run;
    const report = ['--report', join(folder(), 'report.jsonl')];
    const verify = () => ferry(config, 'verify', ...SOON, ...report);
    const equal = { exitCode: 0, out: expect.stringContaining('The tables are equal') as string };

    expect(await verify()).toMatchObject(equal);
    expect(await ferry(config, 'projection', 'test', '--sample', '20')).toMatchObject({
      exitCode: 0,
      out: expect.stringMatching(/^ +failed +0$/m) as string,
    });

    const twin = await twinItems(config);
    expect(twin.length).toBeGreaterThan(0);
    for (const item of twin) {
      expect(item).toMatchObject({ paid: { BOOL: true }, copiedFrom: { S: 'us-east-1' } });
      for (const name of ['email', 'photo', 'address']) expect(item).not.toHaveProperty(name);
    }

    await press(pageUrl, '/faults/poison/on');
    await write(config, ['a', 'b', 'c'], POISONED);
    const waiting = async () => (await ferry(config, 'redrive', '--json')).out;
    await expect.poll(waiting, WAIT).toMatch(/"matched":3\b/);
    await press(pageUrl, '/faults/poison/off');
    expect(await ferry(config, 'redrive', '--apply')).toMatchObject({ exitCode: 0 });
    expect(await verify()).toMatchObject(equal);

    const before = readFileSync(sample.module, 'utf8');
    const after = before.replace('photo: _, address: __,', 'photo: _, address: __, country: ___,');
    expect(after).not.toBe(before);
    writeFileSync(sample.module, after);
    const status = async () => (await ferry(config, 'status')).out;
    await expect.poll(status, WAIT).toContain('the twin was written by another projection');
    expect(await verify()).toMatchObject({
      exitCode: 3,
      out: expect.stringMatching(/different +[1-9]/) as string,
    });
    expect(await ferry(config, 'backfill', '--apply')).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('--reproject') as string,
    });

    expect(await ferry(config, 'backfill', '--reproject', '--apply')).toMatchObject({
      exitCode: 0,
      out: expect.stringMatching(/rewritten +[1-9]/) as string,
    });
    expect(await verify()).toMatchObject(equal);
    expect(await status()).not.toContain('another projection');
    expect(await run.end()).toMatchObject({ exitCode: 0 });
  },
  4 * LIMIT_MS,
);
