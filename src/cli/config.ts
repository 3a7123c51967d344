// `ferry config`: prints the configuration with every value, as a file has it or as a deployed function has it.

import type { Command } from './command.ts';
import { EXIT } from './output.ts';
import { selectedReplications, replicationOptions } from './replication.ts';

export const configCommand: Command = {
  name: 'config',
  options: { ...replicationOptions, json: { help: 'print the configuration as one line of JSON' } },
  async run(options, io) {
    const replications = await selectedReplications(options);
    io.out(JSON.stringify({ replications }, null, options.has('json') ? 0 : 2));
    return EXIT.done;
  },
};
