// Both directions on real engines, under load: applications write on both sides, also the same items, while functions are
// killed and the network is never quite well. The judge compares the tables, counts what Ferry writes in front of both
// engines, and knows from the applications which writes must be there in the end.

import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../src/aws/system-clock.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig, TwoWayConfig } from '../../src/config/schema.ts';
import { bothSettled, ferryWrites } from '../../src/local/both/ferry-writes.ts';
import { openTraffic } from '../../src/local/both/open-traffic.ts';
import { lostWrites, writesLeft } from '../../src/local/both/settle.ts';
import type { Traffic } from '../../src/local/both/traffic.ts';
import { concurrentLosses } from '../../src/local/both/write-log.ts';
import { TimedWriter } from '../../src/local/latency/timed-writer.ts';
import type { Cleanup } from '../../src/local/run/cleanup.ts';
import { compareTables } from '../../src/local/run/compare-tables.ts';
import { type BothDirections, startBothDirections } from '../../src/local/run/local-world.ts';
import { seededRandom } from '../../src/local/seeded-random.ts';
import { CREDENTIALS, disturb, everything } from './disturbance.ts';

export interface TwoWayOptions {
  readonly mode: TwoWayConfig['mode'];
  readonly seed: number;
  readonly seconds: number;
  /** On both sides together. */
  readonly writesPerSecond: number;
  readonly items: number;
  /** Of functions, in turn. Without any, the network is well, too. */
  readonly kills: number;
  readonly onStory: (line: string) => void;
}

export interface TwoWayReport {
  readonly writes: number;
  /** Requests to write that have reached the engines, those that were refused too. */
  readonly ferryWrites: number;
  readonly ferryWritesPerWrite: number;
  /** Per second, as reached. */
  readonly writesPerSecond: number;
  /** From the end of the load until the last write of Ferry: since then, the tables are equal. */
  readonly arrivedMs: number;
  /** From the same until it was proven that nothing more comes: streams are read to their ends several times. */
  readonly restMs: number;
  /** After that. */
  readonly writesAtRest: number;
  /** Of Ferry per write, where few writes come and each arrives by itself, time after time. */
  readonly inCalm: readonly number[];
  /** Items that lack their last write, though it had found all those before. */
  readonly lost: number;
  readonly conflicts: number;
  /** By the log of the applications; nearly, where hot items are deleted. */
  readonly expectedConflicts: number;
  readonly strays: number;
  readonly unaccounted: number;
  readonly letters: number;
  readonly differences: number;
  readonly items: number;
}

/** An insert, an update and a delete take at most so many: both tombstones, the delete, and one more for a late put. */
export const WRITES_PER_WRITE_MAX = 4;

const ROUNDS = 3;
const ROUND_WRITES = 10;
const REST_MS = 2_000;
/** Between two looks at what Ferry has written. */
const LOOK_MS = 10;
/** A record that the destination always refuses would need an operator: that is another test. */
const NETWORK = everything(0.0005).filter(({ kind }) => kind !== 'poison');

/** Runs until both directions are at rest and compared; leaves nothing behind. */
export async function twoWay(options: TwoWayOptions): Promise<TwoWayReport> {
  const { mode, seed, items } = options;
  const cleanups: Cleanup[] = [];
  try {
    const both = await startBothDirections(
      {
        replication: replicationIn(mode),
        credentials: CREDENTIALS,
        runId: `two-way-${seed}`,
        clock: systemClock,
        random: seededRandom(seed),
        onProblem: () => undefined,
      },
      cleanups,
    );
    const stop = new AbortController();
    const traffic = openTraffic(
      both,
      {
        credentials: CREDENTIALS,
        clock: systemClock,
        items,
        seed,
        stop: stop.signal,
        // Nothing but Ferry makes the tables equal.
        strayShare: 0,
        deletesHot: true,
      },
      cleanups,
    );
    const writesPerSecond = await underFire(both, traffic, options);
    // Users who wait for the other side go away, or the last write would come long after the others.
    stop.abort();
    return { ...(await judge(both, traffic, options)), writesPerSecond };
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

export function replicationIn(mode: TwoWayConfig['mode']): ReplicationConfig {
  const table = {
    create: true,
    partitionKey: { name: 'pk', type: 'S' },
    sortKey: { name: 'sk', type: 'S' },
  };
  const rule = { attribute: 'pk', prefix: 'eu#', region: 'eu-west-1' };
  const home = { rules: [rule], otherwise: 'us-east-1' };
  const [outward] = parseConfig({
    replications: [
      {
        name: 'two-way',
        direction: 'both',
        twoWay: { mode, ...(mode === 'home' && { home }) },
        source: { region: 'us-east-1', table: 'Orders', ...table },
        destination: { region: 'eu-west-1', table: 'Orders', ...table },
      },
    ],
  }).replications;
  if (outward === undefined) throw new Error('no replication');
  return outward;
}

async function underFire(
  both: BothDirections,
  traffic: Traffic,
  { writesPerSecond, seconds, kills, onStory }: TwoWayOptions,
): Promise<number> {
  const worlds = [both.outward, both.back];
  const heals = worlds.flatMap(({ faults, nearFaults }) =>
    [faults, nearFaults].flatMap((proxy) => (proxy && kills > 0 ? [disturb(proxy, NETWORK)] : [])),
  );
  const writer = new TimedWriter({
    rate: writesPerSecond,
    planned: writesPerSecond * seconds,
    clock: systemClock,
    stop: new AbortController().signal,
    send: () => traffic.next(),
  });
  const killing = (async () => {
    for (let kill = 1; kill <= kills; kill += 1) {
      await delay((seconds * 1000) / (kills + 1));
      const victim = worlds[kill % 2];
      victim?.lambda.crash();
      onStory(`killed the function of ${victim?.replication.name}; ${traffic.writes} writes`);
    }
  })();
  await Promise.all([writer.run(), killing]);
  for (const heal of heals) heal();
  return writer.reachedRate;
}

async function judge(
  both: BothDirections,
  traffic: Traffic,
  { onStory }: TwoWayOptions,
): Promise<Omit<TwoWayReport, 'writesPerSecond'>> {
  const { outward, whole } = both;
  const { arrivedMs, restMs } = await toRest(both, traffic);
  onStory(`all had arrived after ${arrivedMs} ms, as was proven after ${restMs} ms`);
  const written = ferryWrites(both);
  await delay(REST_MS);
  const writesAtRest = ferryWrites(both) - written;
  const { writes } = traffic;
  const inCalm: number[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) inCalm.push(await calm(both, traffic));
  const report = await compareTables(outward, systemClock);
  const left = await writesLeft(outward);
  const { received, done, givenUp } = whole.mapping.counts;
  return {
    writes,
    ferryWrites: written,
    arrivedMs,
    restMs,
    ferryWritesPerWrite: Math.round((100 * written) / writes) / 100,
    writesAtRest,
    inCalm,
    lost: lostWrites(traffic, left),
    conflicts: whole.tally.sum('Conflicts'),
    expectedConflicts: concurrentLosses(traffic.log, (keyText) => left.get(keyText)).length,
    strays: whole.tally.sum('StrayWrites'),
    unaccounted: received - done - givenUp,
    letters: await whole.failures.letters(),
    differences: report.missing + report.different + report.extraneous + report.inFlight,
    items: report.items,
  };
}

/** Watches the proxies meanwhile: how long the proof takes is no lag of Ferry. */
async function toRest(
  both: BothDirections,
  traffic: Traffic,
): Promise<Pick<TwoWayReport, 'arrivedMs' | 'restMs'>> {
  const stoppedAtMs = Date.now();
  let seen = ferryWrites(both);
  let arrivedMs = 0;
  const looking = setInterval(() => {
    const written = ferryWrites(both);
    if (written > seen) arrivedMs = Date.now() - stoppedAtMs;
    seen = written;
  }, LOOK_MS);
  try {
    await traffic.end();
    await bothSettled(both);
  } finally {
    clearInterval(looking);
  }
  return { arrivedMs, restMs: Date.now() - stoppedAtMs };
}

/** A few writes, and the invocations that they cause. @returns what Ferry has written for each of them. */
async function calm(both: BothDirections, traffic: Traffic): Promise<number> {
  const before = { ferry: ferryWrites(both), applications: traffic.writes };
  for (let count = 1; count <= ROUND_WRITES; count += 1) await traffic.next();
  await traffic.end();
  await bothSettled(both);
  return (ferryWrites(both) - before.ferry) / (traffic.writes - before.applications);
}

export function isWell(report: TwoWayReport): boolean {
  const { lost, strays, unaccounted, letters, differences, writesAtRest } = report;
  const isBounded = [report.ferryWritesPerWrite, ...report.inCalm].every(
    (count) => count <= WRITES_PER_WRITE_MAX,
  );
  return isBounded && lost + strays + unaccounted + letters + differences + writesAtRest === 0;
}
