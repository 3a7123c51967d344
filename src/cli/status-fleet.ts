// The status of several replications, read a few at a time: a line each and a total. One that cannot be read is a line
// with the reason.

import type { ReplicationConfig } from '../config/schema.ts';
import { FerryError } from '../errors.ts';
import { mapInParallel } from '../pacing/in-parallel.ts';
import { type FleetRow, fleetTotal } from '../status/fleet.ts';
import { exitCode, type GivenCall } from './call.ts';
import { fleetScreen } from './fleet-screen.ts';
import { countBar, EXIT, type Io } from './output.ts';
import { optionsFor, withCommandsFor } from './replication.ts';
import { withStory } from './service-errors.ts';
import { statusFacts } from './status-facts.ts';
import type { Status } from './status-figures.ts';

/**
 * Each takes two or three requests that describe functions and mappings. Lambda answers fifteen of these per second in
 * an account and Region.
 */
const READS_AT_ONCE = 4;

interface Unread {
  readonly replication: ReplicationConfig;
  readonly error: FerryError;
}

/** @throws the reason of `io.interrupted`, or a bug. */
export function readFleet(
  replications: readonly ReplicationConfig[],
  io: Io,
  read: (replication: ReplicationConfig) => Promise<Status>,
): Promise<Array<Status | Unread>> {
  let done = 0;
  const show = () => io.status(countBar(done, replications.length));
  show();
  return mapInParallel(replications, READS_AT_ONCE, async (replication) => {
    io.interrupted.throwIfAborted();
    try {
      return await read(replication);
    } catch (cause) {
      const error = withStory(cause, { hint: '', replications: [replication] });
      if (!(error instanceof FerryError)) throw error;
      return { replication, error };
    } finally {
      done += 1;
      show();
    }
  });
}

/** @returns the exit code. */
export function showFleet(all: ReadonlyArray<Status | Unread>, { options, io }: GivenCall): number {
  const facts = all.map((one) => ('error' in one ? unreadFacts(one) : statusFacts(one)));
  const rows = facts.map((one): FleetRow => {
    const { replication: name, level, verdict } = one;
    // Commands that the verdict names are about this replication.
    const active = 'switching' in one ? one.switching?.active : undefined;
    const whole =
      active === undefined || active === null ? verdict : `${active} active; ${verdict}`;
    const about = { name, level, text: withCommandsFor(optionsFor(name, options), whole) };
    if ('error' in one) return { ...about, oldestMs: null, p99Ms: null, deadLetters: null };
    const { oldestUnappliedMs: oldestMs, latencyMs, deadLetters } = one;
    return { ...about, oldestMs, p99Ms: latencyMs.p99, deadLetters };
  });
  const lines = options.has('json')
    ? [...facts, { fleet: fleetTotal(rows) }].map((one) => JSON.stringify(one))
    : fleetScreen(rows, io.resultColumns?.(), options.has('watch') ? io.screenRows?.() : undefined);
  for (const line of lines) io.out(line);
  if (all.every((one) => 'error' in one)) return EXIT.failed;
  return exitCode(rows.every(({ level }) => level === 'healthy'));
}

function unreadFacts({ replication, error: { code, message, hint } }: Unread) {
  return {
    replication: replication.name,
    level: 'unreadable' as const,
    verdict: message.replace(/\.$/, ''),
    runbook: null,
    error: { code, message, hint },
  };
}
