// A destination that is gone for a while, under steady writes, through the bundle that ships: nothing
// goes to the dead-letter queue, the oldest unapplied record grows older in the metrics and is gone
// when all is well. OUTAGE_SECONDS=60 makes it as long as a real one.

import { afterEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/aws/system-clock.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import type { Cleanup } from '../../src/local/run/cleanup.ts';
import { startLocalWorld } from '../../src/local/run/local-world.ts';
import { seededRandom } from '../../src/local/seeded-random.ts';
import { createWorkload } from '../../src/local/run/workload.ts';
import { writeLoop } from '../../src/local/run/write-loop.ts';
import { compareTables } from '../../src/local/run/compare-tables.ts';

const OUTAGE_SECONDS = Number(process.env['OUTAGE_SECONDS'] ?? '5');
const WRITES_PER_SECOND = 200;
const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

it(
  'waits out an outage in the stream, and shows it',
  async () => {
    const world = await startLocalWorld(
      {
        replication: replication(),
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
        runId: 'outage',
        clock: systemClock,
        random: seededRandom(1),
        onProblem: () => undefined,
      },
      cleanups,
    );
    const log = vi.spyOn(world.tally, 'addLine');
    const write = (seconds: number, seed: number) =>
      writeLoop({
        client: world.source.client,
        table: world.replication.source.table,
        nextWrite: createWorkload({
          random: seededRandom(seed),
          schema: world.schema,
          items: 500,
          timestampAttribute: 'writtenAt',
        }),
        clock: systemClock,
        writesPerSecond: WRITES_PER_SECOND,
        durationMs: seconds * 1000,
        stop: new AbortController().signal,
        onWritten: () => undefined,
      });

    await write(2, 1);
    const takeBack = world.faults.inject({ kind: 'outage' });
    await write(OUTAGE_SECONDS, 2);
    takeBack();
    await write(2, 3);
    await world.mapping.settled();

    const { tally, failures } = world;
    const report = await compareTables(world, systemClock);
    expect(report).toMatchObject({ missing: 0, different: 0, extraneous: 0, inFlight: 0 });
    expect(report.items).toBeGreaterThan(100);
    expect(await failures.queue.size()).toBe(0);
    expect(tally.sum('DeadLetteredRecords')).toBe(0);
    expect(tally.sum('DestinationUnreachable')).toBeGreaterThan(0);
    // Creation times are whole seconds, so an age reads up to a second too high.
    expect(Math.max(...agesIn(log.mock.calls.flat()))).toBeGreaterThan((OUTAGE_SECONDS * 1000) / 2);
    expect(tally.latest('OldestUnappliedAge')).toBe(0);
  },
  (OUTAGE_SECONDS * 3 + 90) * 1000,
);

/** Every one that was published, however soon the next one followed. */
function agesIn(lines: readonly string[]): number[] {
  return lines
    .filter((line) => line.startsWith('{"_aws"'))
    .map((line) => (JSON.parse(line) as { OldestUnappliedAge?: number }).OldestUnappliedAge ?? 0);
}

function replication(): ReplicationConfig {
  const table = { create: true, partitionKey: { name: 'pk', type: 'S' } };
  const { replications } = parseConfig({
    replications: [
      {
        name: 'outage',
        source: { region: 'us-east-1', table: 'source', ...table },
        destination: { region: 'eu-west-1', table: 'destination', ...table },
      },
    ],
  });
  return replications[0] as ReplicationConfig;
}
