import { expect, it } from 'vitest';
import { type Command, parseOptions } from '../../src/cli/command.ts';
import { commandFor, replicationOptions } from '../../src/cli/replication.ts';

const command: Command = { name: 'verify', options: replicationOptions, run: async () => 0 };

it.each([
  [[], 'ferry resume --apply'],
  [['--config', 'ferry.json'], 'ferry resume --apply'],
  [
    ['--config', '/tmp/a.json', '--replication', 'orders'],
    'ferry resume --apply --config /tmp/a.json --replication orders',
  ],
])('names the next command for the same replication: %j', (args, expected) => {
  expect(commandFor(parseOptions(command, args), 'resume --apply')).toBe(expected);
});
