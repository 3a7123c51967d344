// A module that never returns for one item, in the function that ships: Lambda ends the invocation at its timeout, and
// bisection isolates the record.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/aws/system-clock.ts';
import { main } from '../../src/cli/main.ts';
import { parseConfig } from '../../src/config/config.ts';
import { ON_FAILURE_OBJECT_PREFIX } from '../../src/config/names.ts';
import type { EventSourceConfig, ReplicationConfig } from '../../src/config/schema.ts';
import type { Cleanup } from '../../src/local/run/cleanup.ts';
import { compareTables } from '../../src/local/run/compare-tables.ts';
import { keepConfig } from '../../src/local/run/kept-config.ts';
import { localRedrive } from '../../src/local/run/local-redrive.ts';
import { type LocalWorld, startLocalWorld } from '../../src/local/run/local-world.ts';
import { seededRandom } from '../../src/local/seeded-random.ts';

/** Its loop waits in the thread, so that the other tests have the processor meanwhile. */
const LOOPING = `const cell = new Int32Array(new SharedArrayBuffer(4));
export function project(item) {
  while (item.stuck !== undefined) Atomics.wait(cell, 0, 0);
  return item;
}
`;
const CORRECTED = 'export function project({ stuck, ...item }) { return item; }\n';
/** Only the dropped attribute has it. */
const DROPPED = 'a value that is dropped';
const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };
/** The shortest that a configuration can have: in the last 20 of them, no write is begun. */
const TIMEOUT_SECONDS = 30;
const WAIT = { timeout: 300_000, interval: 200 };

const cleanups: Cleanup[] = [];
afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

interface Settings {
  readonly deadLetters: ReplicationConfig['deadLetters'];
  readonly retryAttempts: EventSourceConfig['retryAttempts'];
}

/** A replication with the module that loops, after its first batch. */
async function loopingWorld(name: string, { deadLetters, retryAttempts }: Settings) {
  const folder = mkdtempSync(join(tmpdir(), 'ferry-loop-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const module = join(folder, 'looping.mjs');
  writeFileSync(module, LOOPING);
  const table = { table: 'Orders', create: true, partitionKey: { name: 'pk', type: 'S' } };
  const { replications } = parseConfig({
    replications: [
      {
        name,
        source: { region: 'us-east-1', ...table },
        destination: { region: 'eu-west-1', ...table },
        projection: { module },
        deadLetters,
        eventSource: { retryAttempts },
        function: { timeoutSeconds: TIMEOUT_SECONDS },
      },
    ],
  });
  const problems: string[] = [];
  const world = await startLocalWorld(
    {
      replication: replications[0] as ReplicationConfig,
      credentials: CREDENTIALS,
      runId: name,
      clock: systemClock,
      random: seededRandom(1),
      onProblem: (problem) => void problems.push(problem),
    },
    cleanups,
  );
  await put(world, 'first');
  await world.settled();
  const deployCorrected = () => {
    writeFileSync(module, CORRECTED);
    return world.deploy(world.replication.projection);
  };
  return { world, problems, deployCorrected };
}

/** In one batch. */
async function putTogether(world: LocalWorld, keys: readonly string[]): Promise<void> {
  world.mapping.setEnabled(false);
  await vi.waitUntil(() => world.mapping.state === 'Disabled', WAIT);
  for (const key of keys) await put(world, key);
  world.mapping.setEnabled(true);
}

async function put({ source, replication }: LocalWorld, pk: string): Promise<void> {
  const Item = { pk: { S: pk }, ...(pk === 'stuck' && { stuck: { S: DROPPED } }) };
  await source.client.send(new PutItemCommand({ TableName: replication.source.table, Item }));
}

async function twinKeys({ destination, replication }: LocalWorld): Promise<string[]> {
  const { Items = [] } = await destination.client.send(
    new ScanCommand({ TableName: replication.destination.table, ConsistentRead: true }),
  );
  return Items.map(({ pk }) => pk?.S ?? '').toSorted();
}

/** How many records each invocation had that timed out. */
function timedOut(problems: readonly string[]): number[] {
  const said = /^invoke the function with (\d+) records, .*Task timed out after 30 seconds/;
  return problems.flatMap((problem) => said.exec(problem)?.[1] ?? []).map(Number);
}

async function storedBodies({ failures: { bucket } }: LocalWorld): Promise<string[]> {
  const bodies: string[] = [];
  for await (const page of bucket.list(ON_FAILURE_OBJECT_PREFIX))
    for (const { key } of page) bodies.push((await bucket.get(key)) ?? '');
  return bodies;
}

async function queuedBodies({ failures: { queue } }: LocalWorld): Promise<string[]> {
  const messages = await queue.receive(60);
  for (const message of messages) await queue.release(message);
  return messages.map(({ body }) => body);
}

describe('a module that never returns for one item', () => {
  it.concurrent.each([
    { deadLetters: 'whole', place: storedBodies, other: queuedBodies },
    { deadLetters: 'projected', place: queuedBodies, other: storedBodies },
  ] as const)(
    'costs its own record a redrive, after the retries ($deadLetters letters)',
    async ({ deadLetters, place, other }) => {
      const name = `loop-${deadLetters}`;
      const looping = await loopingWorld(name, { deadLetters, retryAttempts: 0 });
      const { world, problems } = looping;

      await putTogether(world, ['a', 'stuck', 'b']);
      await world.settled();

      expect(timedOut(problems)).toEqual([3, 2, 1]);
      expect(await twinKeys(world)).toEqual(['a', 'b', 'first']);
      const bodies = await place(world);
      expect(bodies).toHaveLength(1);
      expect(bodies[0]?.includes(DROPPED)).toBe(deadLetters === 'whole');
      expect(await other(world)).toEqual([]);

      expect(await looping.deployCorrected()).toBe(true);
      const redriven = await localRedrive(world, CREDENTIALS).applyToAll();
      expect(redriven).toMatchObject({ matched: 1, resynchronized: 1, left: 0, remaining: 0 });
      const report = await compareTables(world, systemClock);
      expect(report).toMatchObject({ items: 4, missing: 0, different: 0, extraneous: 0 });
    },
  );

  it.concurrent('holds its shard while Lambda retries, until a corrected one is deployed', async () => {
    const looping = await loopingWorld('loop-held', { deadLetters: 'whole', retryAttempts: -1 });
    const { world, problems } = looping;
    const config = keepConfig(world, undefined);
    cleanups.push(() => config.remove());

    await putTogether(world, ['stuck', 'a']);
    await vi.waitUntil(() => timedOut(problems).length === 2, WAIT);

    expect(timedOut(problems)).toEqual([2, 1]);
    expect(await twinKeys(world)).toEqual(['first']);
    const out: string[] = [];
    const exitCode = await main(['status', '--config', config.path], {
      out: (line) => void out.push(line),
      err: (line) => void out.push(line),
      status: () => undefined,
      isTerminal: false,
      environment: {},
      interrupted: new AbortController().signal,
    });
    expect(exitCode).toBe(3);
    expect(out[1]).toMatch(
      /^stuck: the last invocation of the function failed; records have waited for .*#function-errors/,
    );
    expect(out.join('\n')).toMatch(/^ +failures, last hour +2 +2 function errors$/m);

    expect(await looping.deployCorrected()).toBe(true);
    await world.settled();
    expect(await twinKeys(world)).toEqual(['a', 'first', 'stuck']);
    expect(world.mapping.counts.givenUp).toBe(0);
    expect(await compareTables(world, systemClock)).toMatchObject({ items: 3, different: 0 });
  });
});
