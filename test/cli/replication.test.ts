import { expect, it } from 'vitest';
import { parseOptions } from '../../src/cli/arguments.ts';
import type { Command } from '../../src/cli/command.ts';
import { replicationOptions, withCommandsFor } from '../../src/cli/replication.ts';

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
