// `ferry status`: shows whether the twin is behind, by how much and why, and which entry of the runbook to read.

import { ifDeployed } from '../aws/deployed-function.ts';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { operatorSides } from '../composition/operator-access.ts';
import { readSwitching, type SwitchingVitals } from '../composition/read-switching.ts';
import { readVitals } from '../composition/read-vitals.ts';
import { functionName } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { periodMs } from '../config/reconcile-period.ts';
import { retryInTime } from '../pacing/retry.ts';
import { utcTime } from '../status/pause.ts';
import type { Vitals } from '../model/vitals.ts';
import { switchingVerdict, worseOf } from '../status/switching.ts';
import { verdictOf } from '../status/verdict.ts';
import { FerryError } from '../errors.ts';
import { exitCode, type GivenCall, printResult } from './call.ts';
import type { Command } from './command.ts';
import { EXIT, type Io, wrapped } from './output.ts';
import { replicationsOptions, selectedReplications } from './replication.ts';
import { explained, isInterruption, withStory } from './service-errors.ts';
import { readFleet, showFleet } from './status-fleet.ts';
import { statusFacts } from './status-facts.ts';
import { type Status, statusBacklog } from './status-figures.ts';
import { processStatus } from './status-process.ts';
import { statusScreen } from './status-screen.ts';

export const statusCommand: Command = {
  name: 'status',
  options: {
    ...replicationsOptions,
    watch: { help: 'refresh every ten seconds, until Ctrl-C' },
    json: { help: 'print one line of JSON per replication, and of several a total' },
  },
  async run(options, io) {
    const replications = await selectedReplications(options);
    return explained({ hint: '', replications }, async () => {
      if (options.has('watch')) return watch(replications, { options, io });
      return lookAndShow(replications, { options, io });
    });
  },
};

const WATCH_MS = 10_000;
const NAP_MS = 250;

/** Of several replications, some requests are throttled. */
export function lookAt(
  replication: ReplicationConfig,
  { environment, clock = systemClock }: Pick<Io, 'environment' | 'clock'>,
): Promise<Status> {
  const wait = { clock, random: systemRandom, remainingMs: () => Infinity, leastMs: 0 };
  return retryInTime(async () => {
    const sides = await operatorSides(replication, { apply: false, environment });
    const nowMs = clock.now();
    if (replication.switching === undefined) {
      const vitals = await ifDeployed(readVitals(replication, sides, nowMs));
      if (vitals !== undefined) return statusOf(replication, vitals);
      return (await processStatus(replication, sides, clock)) ?? notDeployed(replication);
    }
    return switchedStatus(await readSwitching(replication, sides, { environment, nowMs }));
  }, wait);
}

function notDeployed({ name, source }: ReplicationConfig): never {
  throw new FerryError(
    `There is no function ${functionName(name)} in ${source.region}, and no process has carried ${name}.`,
    {
      code: 'deployment.missing',
      hint: 'Check its Region and name, deploy the replication, start `ferry run`, or choose other credentials.',
    },
  );
}

/** @param isActive only the active direction of a replication that can be switched has a heartbeat. */
function statusOf(replication: ReplicationConfig, vitals: Vitals, isActive = true): Status {
  const verdict = verdictOf(vitals, {
    behindMs: replication.alarms.latencySeconds * 1000,
    heartbeat: isActive && replication.heartbeat !== undefined,
    oldImagesFor: needsOldImages(replication),
    twoWay: replication.twoWay,
    retention: replication.source,
    reconcileMs: isActive && replication.reconcile ? periodMs(replication.reconcile) : undefined,
  });
  return { replication, vitals, verdict };
}

function needsOldImages({ switching, twoWay }: ReplicationConfig): string | undefined {
  if (twoWay !== undefined) return '"direction": "both"';
  return switching && '"switching"';
}

function switchedStatus(found: SwitchingVitals): Status {
  const { state, shown, other, strandedObjects, ofTables } = found;
  const isActive =
    state.kind !== 'active' || state.epoch.region === shown.replication.source.region;
  const status = statusOf(shown.replication, shown.vitals, isActive);
  const { direction } = other;
  const beside: Pick<Status, 'verdict'> & Partial<Status> =
    'vitals' in other
      ? statusOf(other.replication, other.vitals, false)
      : { verdict: { level: 'unknown', text: other.why } };
  const { nowMs } = shown.vitals;
  const maxRecordAgeMs = shown.replication.eventSource.maxRecordAgeSeconds * 1000;
  const waitedMs = statusBacklog(status).ageMs;
  const first = switchingVerdict({ state, nowMs, waitedMs, maxRecordAgeMs });
  return {
    ...status,
    verdict: first ?? worseOf(status.verdict, beside.verdict, direction),
    switching: {
      state,
      direction: shown.direction,
      own: status.verdict,
      other: { direction, verdict: beside.verdict, vitals: beside.vitals },
      strandedObjects,
      ofTables,
    },
  };
}

function show(status: Status, look: GivenCall): number {
  printResult(look, statusFacts(status), statusScreen(status, look.io.resultColumns?.()));
  return exitCode(status.verdict.level === 'healthy');
}

/** In a file, one screen follows the other. */
function beginScreen({ clear, out }: Io, nowMs: number): void {
  if (clear === undefined) out(utcTime(nowMs));
  else clear();
}

/**
 * @returns the exit code of the last refresh.
 * @throws where the first read fails; later failures are printed, and it tries again.
 */
async function watch(replications: readonly ReplicationConfig[], call: GivenCall): Promise<number> {
  const { io } = call;
  const clock = io.clock ?? systemClock;
  let code: number = EXIT.differences;
  for (let isFirst = true; ; isFirst = false) {
    const shown = lookAndShow(replications, call, () => beginScreen(io, clock.now()));
    code = await shown.catch((error: unknown) => {
      if (isInterruption(error, io)) return code;
      const explainedError = withStory(error, { hint: '', replications });
      if (isFirst || !(explainedError instanceof FerryError)) throw error;
      return reportFailure(explainedError, call);
    });
    for (let waitedMs = 0; waitedMs < WATCH_MS; waitedMs += NAP_MS) {
      if (io.interrupted.aborted) return code;
      await clock.sleep(NAP_MS);
    }
  }
}

async function lookAndShow(
  replications: readonly ReplicationConfig[],
  call: GivenCall,
  begin?: () => void,
): Promise<number> {
  const { options, io } = call;
  const [only, ...others] = replications;
  const look = (replication: ReplicationConfig) => lookAt(replication, io);
  const isOne = only !== undefined && others.length === 0;
  const found = isOne ? await look(only) : await readFleet(replications, io, look);
  if (!options.has('json')) begin?.();
  return 'vitals' in found ? show(found, call) : showFleet(found, call);
}

/** Below the last screen, whose figures are not refreshed. */
function reportFailure({ message, hint }: FerryError, { options, io }: GivenCall): number {
  const print = options.has('json') ? io.err : io.out;
  const seconds = WATCH_MS / 1000;
  const what = `${utcTime((io.clock ?? systemClock).now())} The status could not be read: ${message} The next refresh is in ${seconds} s.`;
  const lines = [what, ...(hint === undefined ? [] : [`Hint: ${hint}`])];
  for (const line of lines.flatMap((one) => wrapped(one, io.resultColumns?.() ?? Infinity)))
    print(line);
  return EXIT.failed;
}
