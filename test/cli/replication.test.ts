// Which replications a command is about, and how it names them in the commands that it quotes.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseOptions } from '../../src/cli/arguments.ts';
import type { Command } from '../../src/cli/command.ts';
import {
  chosenReplications,
  optionsFor,
  replicationOptions,
  selectedReplication,
  selectedReplications,
  severalOptions,
  withCommandsFor,
} from '../../src/cli/replication.ts';

const command: Command = { name: 'verify', options: replicationOptions, run: async () => 0 };

it.each([
  [[], 'ferry resume --apply'],
  [['--config', 'ferry.json'], 'ferry resume --apply'],
  [
    ['--config', '/tmp/a.json', '--replication', 'orders'],
    'ferry resume --apply --config /tmp/a.json --replication orders',
  ],
  [['--deployed', 'us-east-1/orders'], 'ferry resume --apply --deployed us-east-1/orders'],
])('names the next command for the same replication: %j', (args, expected) => {
  const completed = withCommandsFor(parseOptions(command, args), '`ferry resume --apply`');

  expect(completed).toBe(`\`${expected}\``);
});

const NAMED = ['--config', 'a.json', '--replication', 'orders'];

it.each([
  [[], 'Run `ferry verify` next.', 'Run `ferry verify` next.'],
  [NAMED, 'Run `ferry verify`.', 'Run `ferry verify --config a.json --replication orders`.'],
  [
    NAMED,
    'Run `ferry adopt --apply`, then `ferry resume --config a.json --replication orders`.',
    'Run `ferry adopt --apply --config a.json --replication orders`, then `ferry resume --config a.json --replication orders`.',
  ],
  [
    ['--deployed', 'us-east-1/orders'],
    'Run `ferry redrive --replication orders --apply`, then `ferry verify --config a.json`.',
    'Run `ferry redrive --apply --deployed us-east-1/orders`, then `ferry verify --deployed us-east-1/orders`.',
  ],
  [NAMED, '`ferry init … --create-destination`', '`ferry init … --create-destination`'],
  [NAMED, '{"verdict":"`ferry adopt`"}', '{"verdict":"`ferry adopt`"}'],
])('completes the commands that a text quotes: %j %s', (args, text, expected) => {
  expect(withCommandsFor(parseOptions(command, args), text)).toBe(expected);
});

it('completes commands for one replication of several', () => {
  const options = parseOptions({ ...command, options: severalOptions }, ['--all']);

  expect(withCommandsFor(optionsFor('users', options), '`ferry adopt`')).toBe(
    '`ferry adopt --replication users`',
  );
});

describe('a file with several replications', () => {
  let folder = '';
  let path = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ferry-replication-'));
    path = join(folder, 'ferry.json');
    const replications = ['orders', 'users', 'carts'].map((name) => ({
      name,
      source: { region: 'us-east-1', table: name, create: true, partitionKey: PK },
      destination: { region: 'eu-west-1', table: name, create: true, partitionKey: PK },
    }));
    writeFileSync(path, JSON.stringify({ replications }));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const PK = { name: 'pk', type: 'S' };

  const several: Command = { ...command, options: severalOptions };
  const optionsOf = (args: readonly string[]) => parseOptions(several, ['--config', path, ...args]);
  const chosen = async (...args: string[]) =>
    (await chosenReplications(optionsOf(args))).map(({ name }) => name);

  it.each([
    [['--replication', 'users'], ['users']],
    [
      ['--replication', 'carts,orders,carts'],
      ['orders', 'carts'],
    ],
    [['--all'], ['orders', 'users', 'carts']],
    [
      ['--all', '--at-once', '20'],
      ['orders', 'users', 'carts'],
    ],
  ])('is worked on in its own order: %j', async (args, names) => {
    expect(await chosen(...args)).toEqual(names);
  });

  it('is shown whole, unless some are named', async () => {
    expect(await selectedReplications(optionsOf([]))).toHaveLength(3);
    expect(await selectedReplications(optionsOf(['--replication', 'carts,users']))).toHaveLength(2);
  });

  const NAMES = 'orders, users, carts.';
  it.each([
    [
      [],
      'has several replications.',
      `Use --all, or name some of them with --replication: ${NAMES}`,
    ],
    [
      ['--replication', 'orders,usres,x'],
      'has no replication "usres" (did you mean users?) or "x".',
      `Name one of them with --replication: ${NAMES}`,
    ],
    [['--replication', 'users,'], 'has no replication "".', NAMES],
    [['--replication', 'users', '--all'], '--all and --replication contradict', 'Use one of them.'],
    [
      ['--replication', 'users', '--at-once', '3'],
      '--at-once is for several replications.',
      'or use --all.',
    ],
  ])('refuses an unclear choice: %j', async (args, message, hint) => {
    await expect(chosen(...args)).rejects.toMatchObject({
      message: expect.stringContaining(message) as string,
      hint: expect.stringContaining(hint) as string,
      code: expect.stringMatching(/^usage\./) as string,
    });
  });

  it.each([
    ['--all', '0'],
    ['--all', '21'],
    ['--replication', 'users,carts', '--at-once', 'many'],
  ])('bounds how many are worked on at the same time: %j', (...args) => {
    const words = args.includes('--at-once') ? args : ['--all', '--at-once', args[1] ?? ''];

    expect(() => optionsOf(words)).toThrow(/--at-once must be a whole number from 1 to 20/);
  });

  it('refuses a deployed replication beside the file', async () => {
    const options = parseOptions(several, ['--deployed', 'us-east-1/orders', '--all']);

    await expect(chosenReplications(options)).rejects.toThrow('leave out --all');
  });

  it('is refused by a command that works on one', async () => {
    const two = parseOptions(command, ['--config', path, '--replication', 'orders,users']);

    await expect(selectedReplication(two)).rejects.toMatchObject({
      message: 'This command works on one replication, got --replication orders,users.',
      hint: 'Name one of them with --replication: orders, users.',
    });
    expect(() => parseOptions({ ...command, name: 'pause' }, ['--all'])).toThrow(
      'ferry pause works on one replication, which --replication names, and has no option --all.',
    );
  });
});
