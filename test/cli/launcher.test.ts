// The command as a process: on machines where it cannot start, and with readers that leave.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const LAUNCHER = resolve('bin/ferry.cjs');

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ferry-launcher-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Call {
  readonly args: readonly string[];
  /** A file to write the result to. @default a pipe */
  readonly out?: string;
  /** Whether the reader of the pipe leaves at once. */
  readonly leaves?: boolean;
}

async function run({ args, out, leaves = false }: Call) {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', out === undefined ? 'pipe' : openSync(out, 'w'), 'pipe'],
  });
  if (leaves) child.stdout?.destroy();
  let err = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, err };
}

describe('ferry cannot start, and says why', () => {
  it.each([
    ['a clone', 'clone'],
    ['an app of its own', 'clone/node_modules/@scope/ferry'],
  ])('where the packages of %s are not installed', { timeout: 60_000 }, async (_, place) => {
    mkdirSync(join(folder, place, 'bin'), { recursive: true });
    const copy = join(folder, place, 'bin/ferry.cjs');
    copyFileSync(LAUNCHER, copy);

    expect(await run({ args: [copy, 'status'] })).toEqual({
      exitCode: 1,
      err: `ferry: The packages that Ferry needs are not installed.\nHint: Run \`npm ci\` in ${join(folder, 'clone')}.\n`,
    });
  });

  it.each([
    ['16.20.2', false],
    ['18.20.8', false],
    ['20.18.3', false],
    ['20.19.0', true],
    ['22.1.0', true],
  ])('on Node %s: %s', { timeout: 60_000 }, async (version, starts) => {
    const pretend = join(folder, 'pretend.cjs');
    const versions = `{ ...process.versions, node: '${version}' }`;
    writeFileSync(pretend, `Object.defineProperty(process, 'versions', { value: ${versions} });`);

    const { exitCode, err } = await run({ args: ['--require', pretend, LAUNCHER, '--version'] });

    expect(exitCode).toBe(starts ? 0 : 1);
    expect(err).toBe(
      starts
        ? ''
        : `ferry: Ferry needs Node 20.19 or later; this is Node ${version}.\nHint: Install a later Node, and run \`npm ci\` again.\n`,
    );
  });
});

describe('ferry writes for a reader', () => {
  it('who leaves, as head does, without a word', { timeout: 60_000 }, async () => {
    expect(await run({ args: [LAUNCHER, 'help'], leaves: true })).toEqual({ exitCode: 0, err: '' });
  });

  it('whose disk is full, and says so', { timeout: 60_000 }, async (context) => {
    if (!existsSync('/dev/full')) context.skip();

    const { exitCode, err } = await run({ args: [LAUNCHER, 'help'], out: '/dev/full' });

    expect(exitCode).toBe(1);
    expect(err).toMatch(/^ferry: The result cannot be written: ENOSPC.*\n$/);
  });
});

it('ferry fails where the module of a projection ends it, as if all were well', async () => {
  const config = join(folder, 'ferry.json');
  const streamArn =
    'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000';
  const replication = {
    name: 'orders',
    source: { region: 'us-east-1', table: 'Orders', streamArn },
    destination: { region: 'eu-west-1', table: 'Twin' },
    projection: { module: resolve('test/fixtures/projections/exits-at-once.mjs') },
  };
  writeFileSync(config, JSON.stringify({ replications: [replication] }));

  const { exitCode, err } = await run({ args: [LAUNCHER, 'verify', '--config', config] });

  expect({ exitCode, err }).toEqual({
    exitCode: 1,
    err: 'ferry: The module of the projection has ended the command.\n',
  });
}, 60_000);
