// `ferry failover` and `ferry failback`: activate the destination of the configuration, or its source again. Without
// --apply, they look, and say what they would do.

import { aboutReplication, type Call } from './call.ts';
import type { Command } from './command.ts';
import { replicationOptions } from './replication.ts';
import {
  runSwitch,
  SWITCH_HINT,
  switchableReplication,
  type SwitchCommand,
  TARGETS,
} from './switch.ts';
import { LAYER_OPTIONS, runLayers } from './switch-layers.ts';
import { FENCING_OPTIONS, LOST_OPTIONS, switchRequest } from './switch-options.ts';

export const failoverCommand = switchCommand('failover');
export const failbackCommand = switchCommand('failback');

function switchCommand(name: SwitchCommand): Command {
  return {
    name,
    options: {
      ...replicationOptions,
      ...LAYER_OPTIONS,
      apply: { help: 'switch: writes are refused until the other Region is open' },
      ...FENCING_OPTIONS,
      ...LOST_OPTIONS,
      json: { help: 'print the result as one line of JSON' },
    },
    async run(options, io) {
      if (options.has('all') || options.text('layers') !== undefined)
        return runLayers(name, { options, io });
      const replication = await switchableReplication(options);
      const request = switchRequest(options, { kind: 'switch', ...replication });
      const switching = { command: `ferry ${name}`, target: TARGETS[name], request };
      const run = (call: Call) => runSwitch(call, switching);
      return aboutReplication(replication, { options, io }, { hint: SWITCH_HINT, run });
    },
  };
}
