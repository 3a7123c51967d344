// `ferry rejoin`: takes a Region back that was lost. Without --apply, it says what it would do.

import { aboutReplication, type Call } from './call.ts';
import type { Command } from './command.ts';
import { replicationOptions } from './replication.ts';
import { activeSide, runSwitch, switchableReplication } from './switch.ts';
import { acceptedLetters, FENCING_OPTIONS, operatorName } from './switch-options.ts';

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
    'accept-letters': FENCING_OPTIONS['accept-letters'],
    json: { help: 'print the result as one line of JSON' },
  },
  async run(options, io) {
    const file = options.text('accept-letters');
    const request = {
      kind: 'rejoin',
      apply: options.has('apply'),
      by: operatorName(),
      accepted: file === undefined ? [] : acceptedLetters(file),
      proof: 'tail',
    } as const;
    const run = async (call: Call) =>
      runSwitch(call, { command: 'ferry rejoin', target: await activeSide(call), request });
    const hint = 'Run the same command again: it goes on where it is.';
    return aboutReplication(await switchableReplication(options), { options, io }, { hint, run });
  },
};
