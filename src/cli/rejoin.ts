// `ferry rejoin`: takes a Region back that was lost. Without --apply, it says what it would do.

import { onReplication } from './call.ts';
import type { Command } from './command.ts';
import { replicationOptions } from './replication.ts';
import { activeSide, runSwitch } from './switch.ts';
import { operatorName } from './switch-options.ts';

export const rejoinCommand: Command = {
  name: 'rejoin',
  options: {
    ...replicationOptions,
    apply: {
      help: 'fence the table of the Region that was lost, save what differs, and repair it',
    },
    'fenced-by-application': {
      help: 'promise that no application writes there, and leave the resource policy alone',
    },
    json: { help: 'print the result as one line of JSON' },
  },
  run: (options, io) =>
    onReplication(
      { options, io },
      'Run the same command again: it goes on where it is.',
      async (call) =>
        runSwitch(call, {
          command: 'ferry rejoin',
          target: await activeSide(call),
          request: {
            kind: 'rejoin',
            apply: options.has('apply'),
            by: operatorName(),
            accepted: [],
            proof: 'tail',
          },
          fencedByApplication: options.has('fenced-by-application'),
        }),
    ),
};
