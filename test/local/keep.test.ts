// Practice: a local run that is kept, and every command that an operator has, against the file that it wrote. No
// credentials are set, as on a newcomer's machine.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import type { Config } from '../../src/config/schema.ts';
import { POISON_MARKER } from '../../src/local/faults/fault-schedule.ts';

/** For what waits for a process on a busy machine; it only ends what hangs. */
const LIMIT_MS = 120_000;
const WAIT = { timeout: LIMIT_MS, interval: 200 };

let folder = '';
let child: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ferry-keep-'));
  const variables = Object.keys(process.env).filter((name) => name.startsWith('AWS_'));
  for (const name of variables) vi.stubEnv(name, undefined);
  // Nobody's own profile.
  vi.stubEnv('HOME', folder);
});

afterEach(() => {
  if (child?.exitCode === null) child.kill('SIGKILL');
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

interface KeptRun {
  readonly config: string;
  readonly pageUrl: string;
  /** Ends it as Ctrl-C does. @returns exit code and standard output. */
  end(): Promise<{ exitCode: number | null; stdout: string }>;
}

async function keptRun(...args: readonly string[]): Promise<KeptRun> {
  const entry = resolve('bin/ferry.cjs');
  const options = ['local', '--keep', '--duration', '1', '--rate', '40', ...args];
  const run = spawn(process.execPath, [entry, ...options], { cwd: folder });
  child = run;
  let [stdout, stderr] = ['', ''];
  run.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  run.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const closed = new Promise<number | null>((end) => run.on('close', end));
  await expect.poll(() => stderr, WAIT).toContain('The replication continues');
  return {
    config: /--config (\S+)/.exec(stderr)?.[1] ?? '',
    pageUrl: /live page +(\S+)/.exec(stderr)?.[1] ?? '',
    async end() {
      run.kill('SIGINT');
      return { exitCode: await closed, stdout };
    },
  };
}

async function ferry(config: string, ...args: readonly string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const exitCode = await main([...args, '--config', config], {
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    status: () => undefined,
    isTerminal: false,
    environment: { HOME: folder },
    interrupted: new AbortController().signal,
  });
  return { exitCode, out: out.join('\n'), err: err.join('\n') };
}

/** As an application on this machine writes. */
async function write(config: string, names: readonly string[], tag: string): Promise<void> {
  const { replications } = JSON.parse(readFileSync(config, 'utf8')) as Config;
  const { region, endpoint = '', table: TableName } = replications[0]!.source;
  const credentials = { accessKeyId: 'mine', secretAccessKey: 'mine' };
  const client = new DynamoDBClient({ region, endpoint, credentials });
  for (const name of names) {
    const Item = { pk: { S: name }, sk: { S: '1' }, tag: { S: tag } };
    await client.send(new PutItemCommand({ TableName, Item }));
  }
  client.destroy();
}

async function press(pageUrl: string, path: string): Promise<void> {
  const { status } = await fetch(`${pageUrl}${path}`, {
    method: 'POST',
    headers: { origin: pageUrl },
  });
  expect(status).toBe(204);
}

const POISONED = ['a', 'b', 'c'];
/** Nothing else writes: a difference that is seen twice is one. */
const SOON = ['--settle', '1'];

describe('ferry local --keep', () => {
  it(
    'leaves its dead letters to `ferry redrive`, and its tables to every other command',
    async () => {
      const run = await keptRun();
      const { config, pageUrl } = run;
      const done = { exitCode: 0, err: '' };

      expect(await ferry(config, 'verify')).toMatchObject({ exitCode: 0 });
      expect(await ferry(config, 'backfill')).toMatchObject(done);
      expect(await ferry(config, 'backfill', '--apply')).toMatchObject({ exitCode: 0 });
      expect(await ferry(config, 'adopt')).toMatchObject({
        exitCode: 0,
        out: expect.stringContaining('There is nothing to adopt'),
      });

      await press(pageUrl, '/faults/poison/on');
      await write(config, POISONED, JSON.parse(POISON_MARKER) as string);
      const waiting = async () => (await ferry(config, 'redrive', '--json')).out;
      await expect.poll(waiting, WAIT).toMatch(/"matched":3\b/);
      await press(pageUrl, '/faults/poison/off');
      expect(await ferry(config, 'status')).toMatchObject({
        exitCode: 3,
        out: expect.stringMatching(/^ +dead letters +3\b/m),
      });
      expect(await ferry(config, 'redrive', '--apply')).toMatchObject({ exitCode: 0 });

      const equal = { exitCode: 0, out: expect.stringContaining('The tables are equal') };
      expect(await ferry(config, 'verify')).toMatchObject(equal);
      expect(await run.end()).toMatchObject({ exitCode: 0 });
      // The file goes with the tables that it names.
      expect(existsSync(config)).toBe(false);
    },
    2 * LIMIT_MS,
  );

  it(
    'can be paused and resumed, and nothing is lost',
    async () => {
      const config = join(folder, 'practice.json');
      // Of another emulator, where nothing answers: what the file names comes first.
      vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:9');
      const run = await keptRun('--write-config', config);

      expect(await ferry(config, 'pause', '--apply')).toMatchObject({ exitCode: 0 });
      await write(config, ['d', 'e'], 'plain');
      expect(await ferry(config, 'status')).toMatchObject({
        exitCode: 3,
        out: expect.stringContaining('paused since'),
      });
      const report = join(folder, 'report.jsonl');
      expect(await ferry(config, 'verify', ...SOON, '--report', report)).toMatchObject({
        exitCode: 3,
        out: expect.stringMatching(/missing +2\b/),
      });
      expect(await ferry(config, 'repair', ...SOON, '--report', report)).toMatchObject({
        exitCode: 3,
        out: expect.stringMatching(/to write +2\b/),
      });

      expect(await ferry(config, 'resume', '--apply')).toMatchObject({ exitCode: 0 });
      const again = async () =>
        (await ferry(config, 'verify', ...SOON, '--report', report)).exitCode;
      await expect.poll(again, WAIT).toBe(0);
      expect((await ferry(config, 'status')).out).not.toContain('paused since');
      expect(await run.end()).toMatchObject({ exitCode: 0 });
      expect(existsSync(config)).toBe(false);
    },
    2 * LIMIT_MS,
  );
});
