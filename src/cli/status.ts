// `ferry status`: is the twin behind, by how much, why, and where the runbook goes on.

import { systemClock } from '../adapters/system-clock.ts';
import { readVitals } from '../composition/read-vitals.ts';
import { loadConfig, type ReplicationConfig } from '../config.ts';
import { utcTime } from '../core/pause.ts';
import { type Verdict, verdictOf } from '../core/verdict.ts';
import type { Vitals } from '../core/vitals.ts';
import type { Command, ParsedOptions } from './command.ts';
import { EXIT, type Io } from './output.ts';
import { replicationFrom, replicationOptions } from './replication.ts';
import { explained } from './service-errors.ts';
import { statusJson, statusScreen } from './status-screen.ts';

export const statusCommand: Command = {
  name: 'status',
  options: {
    ...replicationOptions,
    watch: { help: 'look again every ten seconds, until Ctrl-C' },
    json: { help: 'print one line of JSON per replication' },
  },
  run(options, io) {
    const replications = chosen(options);
    return explained({ hint: '', replications }, async () => {
      if (options.has('watch')) return watch(replications, { options, io });
      return show(await lookAt(replications), { options, io });
    });
  },
};

const WATCH_MS = 10_000;
const NAP_MS = 250;

export interface Status {
  readonly replication: ReplicationConfig;
  readonly vitals: Vitals;
  readonly verdict: Verdict;
}

interface Call {
  readonly options: ParsedOptions;
  readonly io: Io;
}

/** All of the file, unless one is named. */
function chosen(options: ParsedOptions): readonly ReplicationConfig[] {
  const path = options.text('config') ?? '';
  if (options.text('replication') !== undefined) return [replicationFrom(path, options)];
  return loadConfig(path).replications;
}

function lookAt(replications: readonly ReplicationConfig[]): Promise<Status[]> {
  return Promise.all(
    replications.map(async (replication) => {
      const vitals = await readVitals(replication, systemClock.now());
      const verdict = verdictOf(vitals, {
        behindMs: replication.alarms.latencySeconds * 1000,
        heartbeat: replication.heartbeat !== undefined,
      });
      return { replication, vitals, verdict };
    }),
  );
}

function show(all: readonly Status[], { options, io }: Call): number {
  for (const status of all) {
    if (options.has('json')) io.out(statusJson(status));
    else for (const line of statusScreen(status, io.resultColumns?.())) io.out(line);
  }
  return all.every(({ verdict }) => verdict.level === 'healthy') ? EXIT.done : EXIT.differences;
}

/** In a file, one screen comes after the other. */
function beginScreen({ clear, out }: Io): void {
  if (clear === undefined) out(utcTime(systemClock.now()));
  else clear();
}

/** @returns the exit code of the last look. */
async function watch(replications: readonly ReplicationConfig[], call: Call): Promise<number> {
  const { io, options } = call;
  for (;;) {
    const all = await lookAt(replications);
    if (!options.has('json')) beginScreen(io);
    const exitCode = show(all, call);
    for (let waitedMs = 0; waitedMs < WATCH_MS; waitedMs += NAP_MS) {
      if (io.interrupted.aborted) return exitCode;
      await systemClock.sleep(NAP_MS);
    }
  }
}
