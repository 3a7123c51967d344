// `ferry status`: is the twin behind, by how much, why, and where the runbook goes on.

import { systemClock } from '../aws/system-clock.ts';
import { readVitals } from '../composition/read-vitals.ts';
import { loadConfig } from '../config/config-file.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { utcTime } from '../status/pause.ts';
import { type Verdict, verdictOf } from '../status/verdict.ts';
import type { Vitals } from '../model/vitals.ts';
import { FerryError } from '../errors.ts';
import type { Command, ParsedOptions } from './command.ts';
import { EXIT, type Io, wrapped } from './output.ts';
import { replicationFrom, replicationOptions } from './replication.ts';
import { explained, withStory } from './service-errors.ts';
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
      return lookAndShow(replications, { options, io });
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

function lookAt(replications: readonly ReplicationConfig[], nowMs: number): Promise<Status[]> {
  return Promise.all(
    replications.map(async (replication) => {
      const vitals = await readVitals(replication, nowMs);
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
function beginScreen({ clear, out }: Io, nowMs: number): void {
  if (clear === undefined) out(utcTime(nowMs));
  else clear();
}

/**
 * @returns the exit code of the last look.
 * @throws where the first look fails; later ones are reported, and the next may do better.
 */
async function watch(replications: readonly ReplicationConfig[], call: Call): Promise<number> {
  const { io } = call;
  const clock = io.clock ?? systemClock;
  for (let isFirst = true; ; isFirst = false) {
    const look = lookAndShow(replications, call, () => beginScreen(io, clock.now()));
    const exitCode = await look.catch((error: unknown) => {
      const told = withStory(error, { hint: '', replications });
      if (isFirst || !(told instanceof FerryError)) throw error;
      return reportFailure(told, call);
    });
    for (let waitedMs = 0; waitedMs < WATCH_MS; waitedMs += NAP_MS) {
      if (io.interrupted.aborted) return exitCode;
      await clock.sleep(NAP_MS);
    }
  }
}

async function lookAndShow(
  replications: readonly ReplicationConfig[],
  call: Call,
  begin?: () => void,
): Promise<number> {
  const { options, io } = call;
  const all = await lookAt(replications, (io.clock ?? systemClock).now());
  if (!options.has('json')) begin?.();
  return show(all, call);
}

/** Below the last screen, whose figures get no newer. */
function reportFailure({ message, hint }: FerryError, { options, io }: Call): number {
  const say = options.has('json') ? io.err : io.out;
  const seconds = WATCH_MS / 1000;
  const what = `${utcTime((io.clock ?? systemClock).now())} The status could not be read: ${message} The next look is in ${seconds} s.`;
  const lines = [what, ...(hint === undefined ? [] : [`Hint: ${hint}`])];
  for (const line of lines.flatMap((one) => wrapped(one, io.resultColumns?.() ?? Infinity)))
    say(line);
  return EXIT.failed;
}
