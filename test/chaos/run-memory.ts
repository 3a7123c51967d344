// The memory of a process of `ferry run` under a steady load: its heap after a garbage collection and its resident size,
// sampled while changes come.

import { once } from 'node:events';
import { paginateScan } from '@aws-sdk/client-dynamodb';
import { systemClock } from '../../src/aws/system-clock.ts';
import { startEmbeddedDynamoDb } from '../../src/local/engine/embedded-dynamodb.ts';
import type { Cleanup } from '../../src/local/run/cleanup.ts';
import { type RunWorld, startRunWorld } from '../../src/local/run/ferry-run.ts';
import { seededRandom } from '../../src/local/seeded-random.ts';
import { CREDENTIALS, until } from './disturbance.ts';
import { type GeneratedStream, openGeneratedStream } from './generated-stream.ts';
import { replicationNamed } from './run-pair.ts';

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

const KEYS = 5_000;
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

/** Samples at even distances, and looks at the twin in the end; leaves nothing behind. */
export async function runMemory(options: RunMemoryOptions): Promise<RunMemoryReport> {
  const cleanups: Cleanup[] = [];
  try {
    const engine = await startEmbeddedDynamoDb({});
    cleanups.push(() => engine.stop());
    const random = seededRandom(options.seed);
    const stream = await openGeneratedStream({ upstream: engine.endpoint, random, keys: KEYS });
    cleanups.push(() => stream.stop());
    const world = await startRunWorld(
      {
        replication: replicationNamed('run-memory'),
        sourceEndpoint: stream.endpoint,
        credentials: CREDENTIALS,
        runId: `memory-${options.seed}`,
        clock: systemClock,
        random,
        onProblem: () => undefined,
        preload: TELL_MEMORY,
      },
      cleanups,
    );
    return await Promise.race([measure(world, stream, options), world.lost]);
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

async function measure(
  world: RunWorld,
  stream: GeneratedStream,
  { seconds, writesPerSecond, samples: planned, onSample }: RunMemoryOptions,
): Promise<RunMemoryReport> {
  const samples: MemorySample[] = [];
  stream.generate(writesPerSecond);
  for (let count = 1; count <= planned; count += 1) {
    await systemClock.sleep((seconds * 1000) / planned);
    const second = Math.round((count * seconds) / planned);
    const sample = { second, writes: stream.records, ...(await memoryOf(world)) };
    samples.push(sample);
    onSample(sample);
  }
  stream.pause();
  let differences = Infinity;
  await until('a twin with every change', async () => {
    differences = await differencesOf(world, stream);
    return differences === 0;
  });
  return { samples, writes: stream.records, differences };
}

async function memoryOf({ child }: RunWorld): Promise<Pick<MemorySample, 'heapMiB' | 'rssMiB'>> {
  const answer = once(child, 'message') as Promise<[NodeJS.MemoryUsage]>;
  child.send('memory');
  const [{ heapUsed, external, rss }] = await answer;
  const inMiB = (bytes: number) => Math.round((bytes * 10) / MIB) / 10;
  return { heapMiB: inMiB(heapUsed + external), rssMiB: inMiB(rss) };
}

/** Items of the twin that are missing, surplus, or of another write. */
async function differencesOf(
  { destination: { client }, replication }: RunWorld,
  { items }: GeneratedStream,
): Promise<number> {
  const TableName = replication.destination.table;
  let [found, right] = [0, 0];
  for await (const { Items = [] } of paginateScan({ client }, { TableName })) {
    found += Items.length;
    right += Items.filter(({ pk, write }) => items.get(pk?.S ?? '') === Number(write?.N)).length;
  }
  return items.size - right + (found - right);
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
