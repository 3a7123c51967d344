// Every command, as people meet it first: started by a link, in a folder of their own, without HOME and without
// credentials, its output in files; then without a network, with a denied call, and with tables that are missing.
// Nothing leaves loopback. The transcripts are in __snapshots__; what holds for all of them is asserted here.

import { spawn } from 'node:child_process';
import dns from 'node:dns';
import { once } from 'node:events';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { startDenyingAws, startEmptyAws } from '../fixtures/refusing-aws.ts';
import { runHere } from '../fixtures/two-regions.ts';

type Missing = 'credentials' | 'network' | 'name' | 'permission' | 'table';

interface Row {
  readonly args: readonly string[];
  /** Exit codes, where it is not 1. */
  readonly codes?: Partial<Record<Missing, number>>;
  /** Of commands that need no account: how they are pointed at an endpoint. */
  readonly at?: (endpoint: string) => readonly string[];
}

const SWITCHED = ['--config', 'switched.json'];
const BOTH = ['--config', 'both.json'];

/** A new command needs a row, and so does an option by which a command begins in another way. */
const ROWS: Readonly<Record<string, Row>> = {
  init: { args: ['us-east-1/Orders', 'eu-west-1/Orders', '--config', 'new.json'] },
  'init --all': { args: ['us-east-1', 'eu-west-1', '--config', 'new.json'] },
  local: {
    args: ['--duration', '1', '--rate', '5', '--seed', '1'],
    codes: { credentials: 0 },
    at: (endpoint) => ['--source-endpoint', endpoint],
  },
  status: { args: [], codes: { table: 3 } },
  run: { args: ['--config', 'strict.json', '--listen', 'none'] },
  backfill: { args: [] },
  verify: { args: [] },
  repair: { args: ['--report', 'report.jsonl'] },
  merge: { args: BOTH },
  conflicts: { args: BOTH },
  'conflicts show': { args: ['2026-01-31/1/2', ...BOTH] },
  'conflicts restore': { args: ['2026-01-31/1/2', ...BOTH] },
  'projection test': { args: ['--config', 'projected.json'] },
  redrive: { args: [] },
  adopt: { args: [] },
  pause: { args: [], codes: { table: 3 } },
  resume: { args: [] },
  drain: { args: SWITCHED },
  failover: { args: SWITCHED },
  failback: { args: SWITCHED },
  rejoin: { args: SWITCHED },
  'stranded list': { args: SWITCHED },
  'stranded replay': { args: SWITCHED },
  'stranded drop': { args: SWITCHED },
  // Without it, and without --apply, it asks for nothing.
  'rehearse --clean': { args: [], codes: { table: 0 } },
  teardown: { args: [], codes: { table: 0 } },
  history: { args: [] },
  config: { args: ['--deployed', 'us-east-1/orders'], codes: { table: 0 } },
  permissions: { args: ['--deployed', 'us-east-1/orders'], codes: { table: 0 } },
  cost: { args: [] },
  latency: {
    args: ['--rates', '10', '--duration', '1'],
    codes: { credentials: 0 },
    at: (endpoint) => ['--source-endpoint', endpoint],
  },
};
const NAMES = Object.keys(ROWS);
const commandOf = (name: string) => name.split(' --')[0] ?? '';
const rowOf = (name: string): Row => ROWS[name] ?? { args: [] };

const CONFIG = {
  replications: [
    {
      name: 'orders',
      source: {
        region: 'us-east-1',
        table: 'Orders',
        streamArn:
          'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000',
      },
      destination: { region: 'eu-west-1', table: 'Orders' },
    },
  ],
};

/** As it is typed; found in the folder that is on the path. */
const COMMAND = 'ferry';

let folder = '';
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'ferry-every-')));
  writeFileSync(join(folder, 'ferry.json'), JSON.stringify(CONFIG));
  const [replication] = CONFIG.replications;
  const projected = { ...replication, projection: { attributes: { drop: ['email'] } } };
  writeFileSync(join(folder, 'projected.json'), JSON.stringify({ replications: [projected] }));
  const streamArn = replication?.source.streamArn.replace('us-east-1', 'eu-west-1');
  const switched = { ...replication, switching: { streamArn } };
  writeFileSync(join(folder, 'switched.json'), JSON.stringify({ replications: [switched] }));
  const both = { ...replication, direction: 'both', twoWay: { mode: 'stamped', streamArn } };
  writeFileSync(join(folder, 'both.json'), JSON.stringify({ replications: [both] }));
  const strict = { ...replication, tombstones: 'strict' };
  writeFileSync(join(folder, 'strict.json'), JSON.stringify({ replications: [strict] }));
  writeFileSync(join(folder, 'report.jsonl'), '');
  // What is in the user's folder must not count: neither a broken TypeScript project, nor another tsx.
  writeFileSync(join(folder, 'tsconfig.json'), '{ "compilerOptions": ');
  mkdirSync(join(folder, 'node_modules/tsx'), { recursive: true });
  writeFileSync(join(folder, 'node_modules/tsx/package.json'), '{ "name": "tsx", "exports": {} }');
  mkdirSync(join(folder, 'bin'));
  symlinkSync(resolve('bin/ferry'), join(folder, 'bin/ferry'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Transcript {
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
}

/** By its name, found on the path, with its output in files. */
async function ferry(args: readonly string[], environment: object): Promise<Transcript> {
  const files = ['out', 'err'].map((name) => join(folder, `${args[0]}.${name}`));
  const [out = 0, err = 0] = files.map((file) => openSync(file, 'w'));
  const child = spawn(COMMAND, args, {
    cwd: folder,
    env: { PATH: pathTo('bin'), AWS_EC2_METADATA_DISABLED: 'true', ...environment },
    stdio: ['ignore', out, err],
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  for (const file of [out, err]) closeSync(file);
  const [outText = '', errText = ''] = files.map((file) => readFileSync(file, 'utf8'));
  return { exitCode, out: outText, err: errText };
}

const pathTo = (bin: string) =>
  [join(folder, bin), dirname(process.execPath), '/usr/bin', '/bin'].join(':');

/** In this process; the folder of its own is the test's. */
async function ferryHere(args: readonly string[], environment: Readonly<Record<string, string>>) {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  const { exitCode, out, err } = await runHere(args.map((arg) => inFolder(arg)));
  return { exitCode, out, err };
}

const inFolder = (arg: string) => (/^[\w.]+\.jsonl?$/.test(arg) ? join(folder, arg) : arg);

/** A pause is for emergencies: it goes on where it cannot be noted, and says what is missing. */
const UNNOTED =
  /^The pause cannot be noted in the control row of the destination now: it could not be read \(There is no table ferry-orders-state in eu-west-1\)\. .*\n?$/;

const withConfig = (name: string, args: readonly string[]) =>
  args.includes('--config') ||
  ['init', 'local', 'latency', 'config', 'permissions', 'projection test'].includes(commandOf(name))
    ? args
    : [...args, '--config', 'ferry.json'];

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** What every transcript owes its reader, whatever went wrong. */
function expectReadable({ exitCode, out, err }: Transcript, expected: number): void {
  expect({ exitCode, err }).toMatchObject({ exitCode: expected });
  for (const text of [out, err]) {
    expect(text).not.toMatch(/\n +at |node:internal|unexpected:|undefined|\[object/);
    expect(text).not.toContain('\u001B');
    expect(text).not.toContain('\r');
  }
  if (expected !== 1) return;
  expect(out).toBe('');
  expect(err).toMatch(/^ferry: [A-Z].*\.\nHint: [A-Z].*\.\n?$/);
}

/** Ports, folders and times are others with every run. */
const steady = ({ exitCode, out, err }: Transcript) => {
  const text = [`exit ${exitCode}`, '--- stdout', out.trimEnd(), '--- stderr', err.trimEnd()];
  return text
    .join('\n')
    .replaceAll(folder, 'FOLDER')
    .replaceAll(resolve(), 'FERRY')
    .replace(/ferry-local-\w{6}/g, 'ferry-local-RUN')
    .replace(/127\.0\.0\.1:\d+/g, 'HOST:PORT')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME');
};

it('has a row for every command', () => {
  expect([...new Set(NAMES.map(commandOf))]).toEqual(COMMANDS.map(({ name }) => name));
});

describe('without HOME and credentials, by a link, in another folder', () => {
  it.each(NAMES)('ferry %s', { timeout: 120_000 }, async (name) => {
    const { args, codes, at } = rowOf(name);
    const expected = codes?.credentials ?? 1;
    // Nothing listens there: whoever finds credentials after all, fails in another way.
    const environment = at === undefined ? { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' } : {};

    const transcript = await ferry([...name.split(' '), ...args], environment);

    expectReadable(transcript, expected);
    if (expected !== 1) return;
    expect(transcript.err).toContain('No AWS credentials were found.');
    expect(transcript.err).toContain('AWS_PROFILE');
    expect(steady(transcript)).toMatchSnapshot();
  });
});

describe('without a network', () => {
  it.each(NAMES)('ferry %s, where nothing listens', { timeout: 60_000 }, async (name) => {
    const endpoint = 'http://127.0.0.1:1';
    const { args, at } = rowOf(name);
    const words = [...name.split(' '), ...withConfig(name, args), ...(at?.(endpoint) ?? [])];

    const transcript = await ferryHere(words, { AWS_ENDPOINT_URL: endpoint });

    expectReadable(transcript, 1);
    expect(transcript.err).toContain(endpoint);
    expect(transcript.err).toContain('ECONNREFUSED');
    expect(transcript.err).not.toMatch(/credential|AWS_PROFILE|permission/i);
    expect(steady(transcript)).toMatchSnapshot();
  });

  it.each(NAMES)('ferry %s, where no name is found', { timeout: 60_000 }, async (name) => {
    // No question leaves this machine.
    vi.spyOn(dns, 'lookup').mockImplementation(onlyLoopback);
    const endpoint = 'http://dynamodb.us-esat-1.invalid';
    const { args, at } = rowOf(name);
    const words = [...name.split(' '), ...withConfig(name, args), ...(at?.(endpoint) ?? [])];

    const transcript = await ferryHere(words, { AWS_ENDPOINT_URL: endpoint });

    expectReadable(transcript, 1);
    expect(transcript.err).toContain('dynamodb.us-esat-1.invalid');
    expect(transcript.err).toContain('ENOTFOUND');
    expect(transcript.err).not.toMatch(/credential|AWS_PROFILE|permission/i);
    expect(steady(transcript)).toMatchSnapshot();
  });
});

const lookup = dns.lookup;

/** Whatever is no address of this machine, does not exist. */
function onlyLoopback(hostname: string, ...rest: unknown[]): void {
  if (hostname === '127.0.0.1') Reflect.apply(lookup, dns, [hostname, ...rest]);
  else {
    const fields = { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname };
    const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), fields);
    process.nextTick(() => (rest.at(-1) as (error: Error) => void)(error));
  }
}

it.each(NAMES)('ferry %s, where its first call is denied', { timeout: 60_000 }, async (name) => {
  const aws = await startDenyingAws();
  const { endpoint } = aws;
  const { args, at } = rowOf(name);
  const words = [...name.split(' '), ...withConfig(name, args), ...(at?.(endpoint) ?? [])];
  try {
    const transcript = await ferryHere(words, { AWS_ENDPOINT_URL: endpoint });

    expectReadable(transcript, 1);
    expect(transcript.err).toMatch(
      /may not call (dynamodb|lambda|logs):\w+( on [\w/-]+)? in us-east-1/,
    );
    expect(transcript.err).toMatch(
      /\nHint: Allow (dynamodb|lambda|logs):\w+ for these credentials/,
    );
    expect(steady(transcript)).toMatchSnapshot();
  } finally {
    await aws.close();
  }
});

describe('where the tables are missing', () => {
  const withAccount = NAMES.filter((name) => rowOf(name).at === undefined);
  const isStopped = (name: string) => rowOf(name).codes?.table === undefined;

  async function run(name: string): Promise<Transcript> {
    const aws = await startEmptyAws();
    try {
      const words = [...name.split(' '), ...withConfig(name, rowOf(name).args)];
      return await ferryHere(words, { AWS_ENDPOINT_URL: aws.endpoint });
    } finally {
      await aws.close();
    }
  }

  it.each(withAccount.filter(isStopped))('ferry %s', { timeout: 60_000 }, async (name) => {
    const transcript = await run(name);

    expectReadable(transcript, 1);
    // Only a destination can be made by it.
    expect(transcript.err).not.toContain('--create-destination');
    expect(steady(transcript)).toMatchSnapshot();
  });

  it.each(withAccount.filter((name) => !isStopped(name)))(
    'ferry %s, which goes on',
    { timeout: 60_000 },
    async (name) => {
      const transcript = await run(name);

      expectReadable(transcript, rowOf(name).codes?.table ?? 1);
      // Rehearsals have names of their own.
      const subject = commandOf(name) === 'rehearse' ? 'us-east-1' : 'orders';
      expect(transcript.out).toContain(subject);
      expect(transcript.err).toMatch(name === 'pause' ? UNNOTED : /^$/);
    },
  );
});
