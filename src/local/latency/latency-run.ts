// How long an item takes from the write to the twin, in the local world: writes at one rate after the
// other, each at its time whether or not the one before has been answered, and a watch on the twin.

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { LatencySample } from './latency-share.ts';
import { FerryError } from '../../errors.ts';
import { ArrivalWatch, NUMBER_ATTRIBUTE } from './arrival-watch.ts';
import type { Cleanup } from '../run/cleanup.ts';
import type { LocalWorldOptions } from '../run/local-place.ts';
import { type LocalWorld, startLocalWorld } from '../run/local-world.ts';
import { type Percentiles, percentiles } from '../cloudwatch/metrics-tally.ts';
import { TimedWriter } from './timed-writer.ts';
import { keyOf } from '../run/workload.ts';

export interface LatencyRunOptions extends LocalWorldOptions {
  /** Writes per second, one level after the other. */
  readonly rates: readonly number[];
  readonly durationSeconds: number;
  /** How long a level waits for its last items. */
  readonly waitSeconds: number;
  /** Ends the writing, and soon after the waiting. */
  readonly stop: AbortSignal;
  readonly onStarted: (world: LocalWorld) => void;
  readonly onProgress: (progress: LatencyProgress) => void;
  readonly onLevel: (level: LatencyLevel) => void;
}

export interface LatencyProgress {
  /** Counted from 0. */
  readonly level: number;
  readonly planned: number;
  readonly writes: number;
  readonly arrived: number;
}

export interface LatencyLevel extends LatencySample {
  /** Writes that the rate and the duration make. */
  readonly planned: number;
  /** Writes that were sent and answered. */
  readonly writes: number;
  readonly arrived: number;
  /** Of all writes; Infinity where it falls on items that never arrived. */
  readonly latencyMs: Percentiles;
  /** By how much latencies may be too high, because the twin is looked at only so often. */
  readonly slackMs: Percentiles;
  /** The most that a write began after it was due; a part of its latency. */
  readonly lateMsMax: number;
  /** Writes per second that were begun. */
  readonly reachedRate: number;
}

export interface LatencyRun {
  /** Fewer than the rates if it was stopped. */
  readonly levels: readonly LatencyLevel[];
  /** Latency of an item before all others, with the start of the function; counted nowhere else. */
  readonly firstItemMs: number;
  readonly engine: string;
}

/** Runs all levels, or until `stop`, and leaves nothing behind, also when it fails. */
export async function latencyRun(options: LatencyRunOptions): Promise<LatencyRun> {
  const cleanups: Cleanup[] = [];
  try {
    const world = await startLocalWorld(options, cleanups);
    options.onStarted(world);
    const run = measureAll({ world, options, nextNumber: 0 });
    // Without its engine or its stream, a run would try for ever.
    return await Promise.race([run, world.source.lost, world.destination.lost, world.mapping.lost]);
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

interface Run {
  readonly world: LocalWorld;
  readonly options: LatencyRunOptions;
  nextNumber: number;
}

const PROGRESS_INTERVAL_MS = 500;

async function measureAll(run: Run): Promise<LatencyRun> {
  const { world, options } = run;
  const first = await measure(run, { rate: 1, planned: 1 }, () => undefined);
  if (first.arrived === 0) throw nothingArrives(options);
  const levels: LatencyLevel[] = [];
  for (const [index, rate] of options.rates.entries()) {
    if (options.stop.aborted) break;
    const planned = rate * options.durationSeconds;
    const level = await measure(run, { rate, planned }, (writes, arrived) =>
      options.onProgress({ level: index, planned, writes, arrived }),
    );
    levels.push(level);
    options.onLevel(level);
  }
  const engine = [...new Set([world.source.engine, world.destination.engine])].join(' -> ');
  return { levels, firstItemMs: first.latencyMs.p50, engine };
}

interface Plan {
  readonly rate: number;
  readonly planned: number;
}

/** After Ctrl-C: long enough for what is on its way, short enough for who has pressed it. */
const STOPPED_WAIT_MS = 3_000;

async function measure(
  run: Run,
  plan: Plan,
  onProgress: (writes: number, arrived: number) => void,
): Promise<LatencyLevel> {
  const { world, options } = run;
  const { clock } = options;
  const watch = new ArrivalWatch({
    client: world.destination.client,
    table: world.replication.destination.table,
    clock,
  });
  const writer = new TimedWriter({
    ...plan,
    clock,
    stop: options.stop,
    send: (dueMs) => writeItem(run, watch, dueMs),
  });
  const timer = setInterval(
    () => onProgress(writer.answered, watch.latenciesMs.length),
    PROGRESS_INTERVAL_MS,
  );
  const hurry = () => watch.endBy(clock.now() + STOPPED_WAIT_MS);
  const writeAll = async () => {
    await writer.run();
    watch.endBy(clock.now() + options.waitSeconds * 1000);
    if (options.stop.aborted) hurry();
    else options.stop.addEventListener('abort', hurry, { once: true });
  };
  try {
    await Promise.all([writeAll(), watch.run()]);
    return levelOf(plan, writer, watch);
  } finally {
    clearInterval(timer);
    options.stop.removeEventListener('abort', hurry);
    writer.stop();
    watch.endBy(0);
  }
}

function levelOf(plan: Plan, writer: TimedWriter, watch: ArrivalWatch): LatencyLevel {
  const arrived = watch.latenciesMs.length;
  const never = Array.from({ length: watch.pending }, () => Infinity);
  const latenciesMs = [...watch.latenciesMs.toSorted((a, b) => a - b), ...never];
  const none = { p50: Infinity, p90: Infinity, p99: Infinity, max: Infinity };
  return {
    ...plan,
    writes: writer.answered,
    arrived,
    latenciesMs,
    latencyMs: percentiles(latenciesMs) ?? none,
    slackMs: percentiles(watch.slackMs) ?? none,
    lateMsMax: Math.round(writer.lateMsMax),
    reachedRate: writer.reachedRate,
  };
}

/** A new item with its number, watched for at the twin from the time it was due. */
async function writeItem(run: Run, watch: ArrivalWatch, dueMs: number): Promise<void> {
  const { world, options } = run;
  const { source, timestampAttribute = '' } = world.replication;
  const number = run.nextNumber;
  run.nextNumber += 1;
  const key = keyOf(number, world.schema);
  const Item = {
    [NUMBER_ATTRIBUTE]: { N: String(number) },
    [timestampAttribute]: { N: String(options.clock.now()) },
    ...key,
  };
  watch.add(number, key, dueMs);
  await world.source.client.send(new PutItemCommand({ TableName: source.table, Item }));
}

function nothingArrives({ waitSeconds, stop }: LatencyRunOptions): FerryError {
  const when = stop.aborted ? 'before it was stopped' : `within ${waitSeconds} s`;
  return new FerryError(`The first item did not arrive at the twin ${when}.`, {
    code: 'local.latency.nothing-arrives',
    hint: 'See what is said above about the function and the endpoints.',
    // So that Ctrl-C is reported as Ctrl-C.
    cause: stop.aborted ? stop.reason : undefined,
  });
}
