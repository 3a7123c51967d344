// Catching up: records that wait in a stream, brought to a twin by the function behind an event source mapping and by
// `ferry run`, both with strict tombstones, in turns: each time with a destination of its own, and the next round in the
// other order. `npm run bench:run -- 100000 3`

import { setTimeout as delay } from 'node:timers/promises';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { systemClock, systemRandom } from '../src/aws/system-clock.ts';
import type { Carrier } from '../src/local/latency/carrier.ts';
import type { Cleanup } from '../src/local/run/cleanup.ts';
import type { KeySchema } from '../src/local/run/workload.ts';
import { seededRandom } from '../src/local/seeded-random.ts';
import { packageFile } from '../src/package-files.ts';
import { openGeneratedStream } from '../test/chaos/generated-stream.ts';
import { CREDENTIALS } from './approach.ts';
import { foundText, type Goal, isMet, wantedText } from './goals.ts';
import { openTwoRegions } from './two-regions.ts';

const RECORDS_DEFAULT = 100_000;
const ROUNDS_DEFAULT = 3;
const LOOK_MS = 20;
const keys: KeySchema = { partitionKey: { name: 'pk', type: 'S' } };

// As it is built: with tsx, every closure of the mapping would cost one more call.
const { startCarrier } = (await import(
  packageFile('dist/src/local/latency/carrier.js')
)) as typeof import('../src/local/latency/carrier.ts');

const [records = RECORDS_DEFAULT, rounds = ROUNDS_DEFAULT] = process.argv.slice(2).map(Number);
const regions = await openTwoRegions({ name: 'bench', keys });
// The embedded engine would write the slower the longer its stream is.
const stream = await openGeneratedStream({
  upstream: regions.source.endpoint,
  random: seededRandom(20_260_131),
  keys: 1_000_000_000,
  kept: records,
});
stream.add(records);
const [firstKey, lastKey] = [[...stream.items.keys()].at(0), [...stream.items.keys()].at(-1)];

/** @returns records/s, from the first one at the twin to the last. */
async function speed(carrier: Carrier, round: number): Promise<number> {
  const cleanups: Cleanup[] = [];
  const options = {
    replication: { ...regions.replication, tombstones: 'strict' as const },
    sourceEndpoint: stream.endpoint,
    sourceTable: 'Orders',
    credentials: CREDENTIALS,
    runId: `${carrier}-${round}`,
    clock: systemClock,
    random: systemRandom,
    onProblem: (problem: string) => console.error(problem),
  };
  try {
    const { destination, replication, lost } = await startCarrier(carrier, options, cleanups);
    const arrival = async (pk = '') => {
      const Key = { pk: { S: pk } };
      const request = { TableName: replication.destination.table, Key, ConsistentRead: true };
      for (;;) {
        const { Item } = await destination.client.send(new GetItemCommand(request));
        if (Item !== undefined) return performance.now();
        await delay(LOOK_MS);
      }
    };
    const times = async () => [await arrival(firstKey), await arrival(lastKey)] as const;
    const [firstMs, lastMs] = await Promise.race([times(), lost]);
    return (records * 1000) / (lastMs - firstMs);
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

try {
  const figures: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const order: readonly Carrier[] = round % 2 === 0 ? ['lambda', 'run'] : ['run', 'lambda'];
    const found: Partial<Record<Carrier, number>> = {};
    for (const carrier of order) found[carrier] = await speed(carrier, round);
    const { lambda = NaN, run = NaN } = found;
    figures.push(run / lambda);
    console.error(
      `Lambda ${lambda.toFixed(0)}, ferry run ${run.toFixed(0)} records/s: ${(run / lambda).toFixed(3)} x`,
    );
  }
  const what = 'catching up: records/s of ferry run, against the function behind its mapping';
  const goal: Goal = { what, least: 0.8, figures };
  console.log(
    `${isMet(goal) ? 'met' : 'MISSED'}, ${wantedText(goal)}  ${what}: ${foundText(goal)}`,
  );
  process.exitCode = isMet(goal) ? 0 : 1;
} finally {
  await stream.stop();
  await regions.close();
}
