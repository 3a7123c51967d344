// `ferry drain`: audits the twin against the stream, beside the traffic. With --apply, it fences the active table, proves
// that everything has arrived, and leaves the fence.

import { aboutReplication, type Call } from './call.ts';
import type { Command } from './command.ts';
import { replicationOptions } from './replication.ts';
import { activeSide, otherSide, runSwitch, SWITCH_HINT, switchableReplication } from './switch.ts';
import { FENCING_OPTIONS, switchRequest } from './switch-options.ts';

export const drainCommand: Command = {
  name: 'drain',
  options: {
    ...replicationOptions,
    apply: { help: 'refuse writes to the active table, prove the drain, and leave them refused' },
    ...FENCING_OPTIONS,
    json: { help: 'print the result as one line of JSON' },
  },
  async run(options, io) {
    const replication = await switchableReplication(options);
    const request = switchRequest(options, { kind: 'drain', ...replication });
    const run = async (call: Call) =>
      runSwitch(call, {
        command: 'ferry drain',
        target: otherSide(await activeSide(call)),
        request,
      });
    return aboutReplication(replication, { options, io }, { hint: SWITCH_HINT, run });
  },
};
