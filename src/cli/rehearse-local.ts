// `ferry rehearse --local`: with the settings of a configuration, or with all defaults.

import { randomBytes } from 'node:crypto';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { requireOneSource } from '../composition/rehearsal-scratch.ts';
import { localRehearsal } from '../local/rehearsal/local-rehearsal.ts';
import type { RehearsalReport } from '../rehearsal/report.ts';
import type { ParsedOptions } from './command.ts';
import { credentials, DEFAULT } from './local-setup.ts';
import type { Io } from './output.ts';
import { replicationOptions, selectedReplication } from './replication.ts';
import { lookAt } from './status.ts';

export async function rehearseHere(options: ParsedOptions, io: Io): Promise<RehearsalReport> {
  const isChosen = Object.keys(replicationOptions).some((name) => options.text(name) !== undefined);
  // Otherwise, everything can be rehearsed.
  const heartbeat = { key: { pk: 'ferry-heartbeat' } };
  const chosen = isChosen ? await selectedReplication(options) : { ...DEFAULT, heartbeat };
  requireOneSource(chosen);
  const startMs = systemClock.now();
  const { environment, interrupted: stop } = io;
  return localRehearsal({
    replication: chosen,
    credentials: await credentials(io),
    runId: randomBytes(3).toString('hex'),
    clock: systemClock,
    random: systemRandom,
    stop,
    // What goes wrong is the story, and the report tells it.
    onProblem: () => undefined,
    say: (line) => io.err(`${secondsText(systemClock.now() - startMs)}  ${line}`),
    statusOf: async (replication, clock) =>
      (await lookAt(replication, { environment, clock })).verdict,
  });
}

const secondsText = (ms: number) => `${(ms / 1000).toFixed(1).padStart(6)} s`;
