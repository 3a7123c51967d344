// How long an item takes from the write to the twin, in the local world: writes at one rate after the
// other, each at its time whether or not the one before has been answered, and a watch on the twin. With several
// carriers, they take turns at each rate.

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { LatencySample } from './latency-share.ts';
import { FerryError } from '../../errors.ts';
import { ArrivalWatch, NUMBER_ATTRIBUTE } from './arrival-watch.ts';
import type { Cleanup } from '../run/cleanup.ts';
import type { LocalWorldOptions } from '../run/local-place.ts';
import { type CarriedPlace, type Carrier, startCarrier } from './carrier.ts';
import { type Percentiles, percentiles } from '../cloudwatch/metrics-tally.ts';
import { TimedWriter } from './timed-writer.ts';
import { keyOf } from '../run/workload.ts';

export interface LatencyRunOptions extends LocalWorldOptions {
  /** Each between tables of its own. */
  readonly carriers: readonly Carrier[];
  /** Writes per second, one level after the other. */
  readonly rates: readonly number[];
  readonly durationSeconds: number;
  /** How long a level waits for its last items. */
  readonly waitSeconds: number;
  /** Ends the writing, and soon after the waiting. */
  readonly stop: AbortSignal;
  readonly onStarted: (place: CarriedPlace) => void;
  readonly onProgress: (progress: LatencyProgress) => void;
  readonly onLevel: (level: LatencyLevel) => void;
}

export interface LatencyProgress {
  /** Counted from 0, over all rates and carriers. */
  readonly level: number;
  readonly rate: number;
  readonly carrier: Carrier;
  readonly planned: number;
  readonly writes: number;
  readonly arrived: number;
}

export interface LatencyLevel extends LatencySample {
  readonly carrier: Carrier;
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
  /** In the order of the rates; fewer if it was stopped. */
  readonly levels: readonly LatencyLevel[];
  /** By carrier: latency of an item before all others, with the start of the carrier; counted nowhere else. */
  readonly firstItemMs: Readonly<Partial<Record<Carrier, number>>>;
  readonly engine: string;
}

/** Runs all levels, or until `stop`, and leaves nothing behind, also when it fails. */
export async function latencyRun(options: LatencyRunOptions): Promise<LatencyRun> {
  const cleanups: Cleanup[] = [];
  try {
    const runs: Run[] = [];
    for (const carrier of options.carriers) {
      const runId = carrier === 'lambda' ? options.runId : `${options.runId}-${carrier}`;
      const place = await startCarrier(carrier, { ...options, runId }, cleanups);
      options.onStarted(place);
      runs.push({ carrier, place, options, nextNumber: 0 });
    }
    // Without its engine or its stream, a run would try for ever.
    return await Promise.race([measureAll(runs, options), ...runs.map(({ place }) => place.lost)]);
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

/** With one carrier. */
interface Run {
  readonly carrier: Carrier;
  readonly place: CarriedPlace;
  readonly options: LatencyRunOptions;
  nextNumber: number;
}

const PROGRESS_INTERVAL_MS = 500;

async function measureAll(runs: readonly Run[], options: LatencyRunOptions): Promise<LatencyRun> {
  const firstItemMs: Partial<Record<Carrier, number>> = {};
  for (const run of runs) {
    const first = await measure(run, { rate: 1, planned: 1 }, () => undefined);
    if (first.arrived === 0) throw nothingArrives(options);
    firstItemMs[run.carrier] = first.latencyMs.p50;
  }
  const levels: LatencyLevel[] = [];
  const plans = options.rates.flatMap((rate) => runs.map((run) => ({ rate, run })));
  for (const [index, { rate, run }] of plans.entries()) {
    if (options.stop.aborted) break;
    const planned = rate * options.durationSeconds;
    const { carrier } = run;
    const level = await measure(run, { rate, planned }, (writes, arrived) =>
      options.onProgress({ level: index, rate, carrier, planned, writes, arrived }),
    );
    levels.push(level);
    options.onLevel(level);
  }
  const regions = runs.flatMap(({ place: { source, destination } }) => [source, destination]);
  const engine = [...new Set(regions.map((region) => region.engine))].join(' -> ');
  return { levels, firstItemMs, engine };
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
  const { place, options, carrier } = run;
  const { clock } = options;
  const watch = new ArrivalWatch({
    client: place.destination.client,
    table: place.replication.destination.table,
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
    return { carrier, ...levelOf(plan, writer, watch) };
  } finally {
    clearInterval(timer);
    options.stop.removeEventListener('abort', hurry);
    writer.stop();
    watch.endBy(0);
  }
}

function levelOf(
  plan: Plan,
  writer: TimedWriter,
  watch: ArrivalWatch,
): Omit<LatencyLevel, 'carrier'> {
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
  const { place, options } = run;
  const { source, timestampAttribute = '' } = place.replication;
  const number = run.nextNumber;
  run.nextNumber += 1;
  const key = keyOf(number, place.schema);
  const Item = {
    [NUMBER_ATTRIBUTE]: { N: String(number) },
    [timestampAttribute]: { N: String(options.clock.now()) },
    ...key,
  };
  watch.add(number, key, dueMs);
  await place.source.client.send(new PutItemCommand({ TableName: source.table, Item }));
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
