// The memory of a process of `ferry run` under a steady load: its heap after a garbage collection and its resident size,
// sampled while an application writes.

import { once } from 'node:events';
import { systemClock } from '../../src/aws/system-clock.ts';
import { DEFAULT } from '../../src/cli/local-setup.ts';
import type { Cleanup } from '../../src/local/run/cleanup.ts';
import { compareTables } from '../../src/local/run/compare-tables.ts';
import { type RunWorld, startRunWorld } from '../../src/local/run/ferry-run.ts';
import { createWorkload } from '../../src/local/run/workload.ts';
import { writeLoop } from '../../src/local/run/write-loop.ts';
import { seededRandom } from '../../src/local/seeded-random.ts';
import { CREDENTIALS, until } from './disturbance.ts';

export interface RunMemoryOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly writesPerSecond: number;
  readonly samples: number;
  readonly onSample: (sample: MemorySample) => void;
}

export interface MemorySample {
  readonly second: number;
  readonly writes: number;
  /** After a garbage collection. */
  readonly heapMiB: number;
  readonly rssMiB: number;
}

export interface RunMemoryReport {
  readonly samples: readonly MemorySample[];
  readonly writes: number;
  readonly differences: number;
}

const ITEMS = 5_000;
const MIB = 1024 * 1024;
/** Answers each message with what the process uses after a garbage collection. */
const TELL_MEMORY = `
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
process.on('message', () => {
  collect();
  process.send(process.memoryUsage());
});
process.channel.unref();
`;

/** Writes, samples at even distances, and compares the tables in the end; leaves nothing behind. */
export async function runMemory(options: RunMemoryOptions): Promise<RunMemoryReport> {
  const cleanups: Cleanup[] = [];
  try {
    const world = await startRunWorld(
      {
        replication: DEFAULT,
        credentials: CREDENTIALS,
        runId: `memory-${options.seed}`,
        clock: systemClock,
        random: seededRandom(options.seed),
        onProblem: () => undefined,
        preload: TELL_MEMORY,
      },
      cleanups,
    );
    return await Promise.race([measure(world, options), world.lost]);
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

async function measure(world: RunWorld, options: RunMemoryOptions): Promise<RunMemoryReport> {
  const { seed, seconds, writesPerSecond, samples: planned } = options;
  let writes = 0;
  const nextWrite = createWorkload({
    random: seededRandom(seed),
    schema: world.schema,
    items: ITEMS,
    timestampAttribute: world.replication.timestampAttribute ?? '',
  });
  const samples: MemorySample[] = [];
  for (let count = 1; count <= planned; count += 1) {
    // A machine that is too busy makes fewer writes, and has the next period for those to come.
    await writeLoop({
      client: world.source.client,
      table: world.replication.source.table,
      nextWrite,
      clock: systemClock,
      writesPerSecond,
      durationMs: (seconds * 1000) / planned,
      stop: new AbortController().signal,
      onWritten: () => (writes += 1),
    });
    const second = Math.round((count * seconds) / planned);
    const sample = { second, writes, ...(await memoryOf(world)) };
    samples.push(sample);
    options.onSample(sample);
  }
  let differences = Infinity;
  await until('equal tables', async () => {
    differences = await differencesOf(world);
    return differences === 0;
  });
  return { samples, writes, differences };
}

async function memoryOf({ child }: RunWorld): Promise<Pick<MemorySample, 'heapMiB' | 'rssMiB'>> {
  const answer = once(child, 'message') as Promise<[NodeJS.MemoryUsage]>;
  child.send('memory');
  const [{ heapUsed, external, rss }] = await answer;
  const inMiB = (bytes: number) => Math.round((bytes * 10) / MIB) / 10;
  return { heapMiB: inMiB(heapUsed + external), rssMiB: inMiB(rss) };
}

async function differencesOf(world: RunWorld): Promise<number> {
  const report = await compareTables({ ...world, projection: undefined }, systemClock);
  return report.missing + report.different + report.extraneous + report.inFlight;
}

/** Medians of the heap in the two halves, the first samples left out: by then, everything has been loaded and compiled. */
export function halvesOf(samples: readonly MemorySample[]): readonly [number, number] {
  const warm = samples.slice(Math.ceil(samples.length / 10));
  const middle = Math.floor(warm.length / 2);
  const median = (half: readonly MemorySample[]) =>
    half.map(({ heapMiB }) => heapMiB).toSorted((a, b) => a - b)[Math.floor(half.length / 2)] ??
    NaN;
  return [median(warm.slice(0, middle)), median(warm.slice(middle))];
}
