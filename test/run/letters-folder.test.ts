// Letters in a folder: the contracts of queue and bucket, and what a crash or a full disk leaves behind.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeadLetter } from '../../src/model/dead-letter.ts';
import { parseFailureMessage } from '../../src/model/failure-message.ts';
import type { ObjectStore } from '../../src/ports.ts';
import {
  createLettersFolder,
  type LettersFolder,
  openLettersFolder,
} from '../../src/run/letters-folder.ts';
import { lambdaRecord } from '../fixtures/records.ts';

let folder = '';
let nowMs = 0;
const clock = { now: () => nowMs, sleep: async () => undefined };
beforeEach(() => {
  nowMs = 1_000_000;
  folder = mkdtempSync(join(tmpdir(), 'ferry-letters-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const create = () => createLettersFolder(join(folder, 'kept'), 'orders', clock);
const path = () => join(folder, 'kept', 'orders');
const letter = (text = 'x'): DeadLetter => ({
  replication: 'orders',
  reason: { class: 'rejected', name: 'ValidationException', message: 'no' },
  attempts: [],
  failedAt: '2026-01-31T12:00:00.000Z',
  record: lambdaRecord({ id: 'a', sequenceNumber: '1', attributes: { text: { S: text } } }),
});

async function keysOf(objects: ObjectStore, prefix = '', after?: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of objects.list(prefix, after)) keys.push(...page.map(({ key }) => key));
  return keys;
}

async function received(queue: LettersFolder['queue'], hiddenSeconds = 60) {
  const all = [];
  for (;;) {
    const messages = await queue.receive(hiddenSeconds);
    if (messages.length === 0) return all;
    expect(messages.length).toBeLessThanOrEqual(10);
    all.push(...messages);
  }
}

describe('letters', () => {
  it('are files of their own, whole, also above the limit of a queue', async () => {
    const { deadLetters, queue } = await create();
    const long = 'x'.repeat(2_000_000);

    await deadLetters.send(letter());
    await deadLetters.send(letter(long));

    expect(readdirSync(path())).toHaveLength(2);
    const bodies = (await received(queue)).map(({ body }) => parseFailureMessage(body, 'orders'));
    expect(bodies.map(({ kind }) => kind)).toEqual(['records', 'records']);
    expect(bodies.some((body) => JSON.stringify(body).includes(long))).toBe(true);
  });

  it('can be read by their user only', async () => {
    const { deadLetters } = await create();
    await deadLetters.send(letter());
    const [name = ''] = readdirSync(path());

    expect(statSync(path()).mode % 0o1000).toBe(0o700);
    expect(statSync(join(path(), name)).mode % 0o1000).toBe(0o600);
  });

  it('are received once, hidden, released and deleted', async () => {
    const { deadLetters, queue } = await create();
    for (let count = 0; count < 25; count += 1) await deadLetters.send(letter());

    const first = await received(queue);
    expect(new Set(first.map(({ messageId }) => messageId)).size).toBe(25);
    expect(await queue.size()).toBe(25);
    const [one, two, ...others] = first;
    if (one === undefined || two === undefined) throw new Error('nothing came');
    for (const message of others) {
      await queue.delete(message);
      await queue.delete(message);
    }
    expect(await received(queue)).toEqual([]);
    await queue.release(one);
    expect((await received(queue)).map(({ messageId }) => messageId)).toEqual([one.messageId]);
    nowMs += 60_001;
    expect(await received(queue)).toHaveLength(2);
  });

  it('are handed out once, also to receives at the same time', async () => {
    const { deadLetters, queue } = await create();
    for (let count = 0; count < 40; count += 1) await deadLetters.send(letter());

    const all = (await Promise.all([1, 2, 3, 4].map(() => queue.receive(60)))).flat();

    expect(new Set(all.map(({ messageId }) => messageId)).size).toBe(40);
  });

  it('that another reader has deleted do not hide the others', async () => {
    const { deadLetters, queue } = await create();
    for (let count = 0; count < 30; count += 1) await deadLetters.send(letter());
    const [first] = await queue.receive(0);
    for (const name of readdirSync(path()).toSorted().slice(0, 20)) rmSync(join(path(), name));

    expect(first).toBeDefined();
    expect(await queue.receive(60)).toHaveLength(10);
  });
});

describe('objects', () => {
  it.each([
    'aws/lambda/run/shardId-1/2026/01/31/2026-01-31T12:00:00.000Z-1-2',
    '..',
    '../../escaped',
    '/etc/escaped',
    '.hidden',
    'with space+plus%20percent',
    'é/漢字/😀',
    'a//b/',
    '__proto__',
  ])('have the key %j, in the folder', async (key) => {
    const { objects } = await create();

    await objects.put(key, key);

    expect(await objects.get(key)).toBe(key);
    expect(await keysOf(objects)).toEqual([key]);
    expect(readdirSync(path())).toHaveLength(1);
    expect(readdirSync(join(folder, 'kept'))).toEqual(['orders']);
    await objects.delete(key);
    await objects.delete(key);
    expect(await objects.get(key)).toBeUndefined();
  });

  it('are listed by prefix, in the order of their keys, a page at a time', async () => {
    const { objects } = await create();
    const keys = Array.from({ length: 1_015 }, (_, index) => `a/${index}`);
    for (const key of keys) writeFileSync(join(path(), encodeURIComponent(key)), '{}');
    await objects.put('b', '{}');

    const pages = [];
    for await (const page of objects.list('a/')) pages.push(page);

    expect(pages.length).toBeGreaterThan(1);
    expect(pages.flat().map(({ key }) => key)).toEqual(keys.toSorted());
    expect(await keysOf(objects, 'a/', 'a/99')).toEqual(
      keys.toSorted().filter((key) => key > 'a/99'),
    );
  });

  it('are replaced, and known by size and time', async () => {
    const { objects } = await create();
    await objects.put('a', 'a longer text');
    await objects.put('a', 'é');

    const stored = [];
    for await (const page of objects.list('')) stored.push(...page);
    expect(stored).toMatchObject([{ key: 'a', sizeBytes: 2 }]);
    expect(Math.abs((stored[0]?.storedAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it('that are not UTF-8 are refused, and files of others left alone', async () => {
    const { objects } = await create();
    writeFileSync(join(path(), 'latin1'), Buffer.from('caf\u00E9', 'latin1'));
    writeFileSync(join(path(), 'not%encoded'), 'x');

    await expect(objects.get('latin1')).rejects.toMatchObject({ code: 'objects.unreadable' });
    expect(await keysOf(objects)).toEqual(['latin1']);
  });
});

const MODULE = join(process.cwd(), 'dist/src/run/letters-folder.js');

it('shows no half letter after a kill at any moment, and removes what was half written', async () => {
  const script = `
    const { createLettersFolder } = await import(process.argv[1]);
    const clock = { now: () => Date.now() };
    const { deadLetters } = await createLettersFolder(process.argv[2], 'orders', clock);
    const record = { text: 'x'.repeat(200_000) };
    const letter = { replication: 'orders', reason: { name: 'No' }, failedAt: new Date().toISOString(), record };
    console.log('ready');
    for (;;) { await deadLetters.send(letter); console.log('sent'); }`;
  let sent = 0;
  for (let round = 0; round < 5; round += 1) {
    const args = ['--input-type=module', '-e', script, MODULE, join(folder, 'kept')];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let lines = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      lines += text;
      // At another place in each round.
      if (lines.split('sent').length > 3 + 2 * round) child.kill('SIGKILL');
    });
    await once(child, 'close');
    sent += lines.split('sent').length - 1;
    const names = readdirSync(path()).filter((name) => !name.startsWith('.'));
    for (const name of names) JSON.parse(readFileSync(join(path(), name), 'utf8'));
    expect(names.length).toBeGreaterThanOrEqual(sent);
  }

  nowMs = Date.now() + 3_600_000;
  const { queue } = await create();

  expect(readdirSync(path()).filter((name) => name.startsWith('.'))).toEqual([]);
  expect(await queue.size()).toBeGreaterThanOrEqual(sent);
});

it('leaves alone what another process is writing', async () => {
  await create();
  const part = join(path(), '.being-written');
  writeFileSync(part, '{');
  nowMs = statSync(part).mtimeMs + 3_599_000;
  await create();
  expect(readdirSync(path())).toEqual(['.being-written']);

  nowMs += 2_000;
  await create();
  expect(readdirSync(path())).toEqual([]);
});

it('rejects where it cannot write', async () => {
  const { deadLetters } = await create();
  rmSync(path(), { recursive: true });

  await expect(deadLetters.send(letter())).rejects.toMatchObject({ code: 'ENOENT' });
});

/** A disk of 200 KB, which takes a kernel that lets users mount one. */
const SMALL_DISK = ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=200k tmpfs "$0" && exec "$@"'];
const UNSHARE = '/usr/bin/unshare';
const hasSmallDisk = spawnSync(UNSHARE, [...SMALL_DISK, tmpdir(), 'true']).status === 0;

it.runIf(hasSmallDisk)('rejects where the disk is full, and keeps what is there whole', () => {
  const script = `
    const { createLettersFolder } = await import(process.argv[1]);
    const { objects } = await createLettersFolder(process.argv[2], 'orders', { now: () => 0 });
    await objects.put('fits', 'x'.repeat(100_000));
    const failure = await objects.put('full', 'x'.repeat(150_000)).catch(({ code }) => code);
    const { readdirSync } = await import('node:fs');
    console.log(failure, readdirSync(process.argv[2] + '/orders').join(), (await objects.get('fits')).length);`;
  const args = ['--input-type=module', '-e', script, MODULE, join(folder, 'kept')];

  const { stdout } = spawnSync(UNSHARE, [...SMALL_DISK, folder, process.execPath, ...args]);

  expect(stdout.toString()).toBe('ENOSPC fits 100000\n');
});

describe('a folder that cannot be used', () => {
  it('is refused before anything is read', async () => {
    writeFileSync(join(folder, 'kept'), 'a file');

    await expect(create()).rejects.toMatchObject({ code: 'letters.unusable' });
  });

  it('is not looked for letters', async () => {
    const opening = openLettersFolder(join(folder, 'kept'), 'orders', clock);

    await expect(opening).rejects.toMatchObject({ code: 'letters.missing' });
  });
});
