// What `ferry latency` measures, where only the run itself can tell.

import { expect, it } from 'vitest';
import { systemClock, systemRandom } from '../../src/aws/system-clock.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { latencyRun } from '../../src/local/latency/latency-run.ts';

const key = { create: true, partitionKey: { name: 'id', type: 'N' } };
const [replication] = parseConfig({
  replications: [
    {
      name: 'orders',
      source: { region: 'us-east-1', table: 'Orders', ...key },
      destination: { region: 'eu-west-1', table: 'Orders', ...key },
    },
  ],
}).replications as readonly [ReplicationConfig];

/** Nothing in this process goes on meanwhile. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

it('counts from the time a write is due, so that a stall of the writer is not hidden', async () => {
  const stallMs = 1_000;
  let stalls = 0;

  const { levels } = await latencyRun({
    replication,
    carriers: ['lambda'],
    rates: [50],
    durationSeconds: 3,
    waitSeconds: 20,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    runId: 'latency-run-test',
    clock: systemClock,
    random: systemRandom,
    stop: new AbortController().signal,
    onStarted: () => undefined,
    onLevel: () => undefined,
    onProblem: () => undefined,
    onProgress: () => {
      stalls += 1;
      if (stalls === 1) standStill(stallMs);
    },
  });

  const [level] = levels;
  expect(level).toMatchObject({ writes: 150, arrived: 150 });
  expect(level?.lateMsMax).toBeGreaterThan(stallMs * 0.9);
  // Of the 50 that were due in it, half had half of it still before them. Counted from their calls, only
  // those on their way when it began would be slow: a quarter second's, or 13.
  const slow = level?.latenciesMs.filter((ms) => ms > stallMs / 2) ?? [];
  expect(slow.length).toBeGreaterThan(25);
});
