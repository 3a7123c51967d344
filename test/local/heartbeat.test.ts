// A heartbeat all the way: the bundle that ships writes it, the function that ships brings it to the twin
// and times it, and while the destination is gone the next heartbeats tell how long.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/aws/system-clock.ts';
import { parseConfig } from '../../src/config/config.ts';
import { functionVariables, readDeployment } from '../../src/config/function-variable.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { localVariables } from '../../src/local/lambda/local-functions.ts';
import { functionModule } from '../../src/package-files.ts';
import type { Cleanup } from '../../src/local/run/cleanup.ts';
import { type LocalWorld, startLocalWorld } from '../../src/local/run/local-world.ts';
import { seededRandom } from '../../src/local/seeded-random.ts';

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

it('is timed on its way, and tells how long the twin has been cut off', async () => {
  const world = await startLocalWorld(
    {
      replication: replication(),
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      runId: 'heartbeat',
      clock: systemClock,
      random: seededRandom(1),
      onProblem: () => undefined,
    },
    cleanups,
  );
  const beat = await heartbeatFunction(variablesOf(world));

  // Nothing has been written before: nothing can be missing.
  expect(await beat()).toBe(0);
  await vi.waitUntil(() => world.tally.sum('AppliedRecords') > 0, { timeout: 90_000 });
  expect(world.tally.latest('HeartbeatLatency')).toBeLessThan(20_000);
  expect(await beat()).toBe(0);

  await vi.waitUntil(() => world.tally.sum('AppliedRecords') > 1, { timeout: 90_000 });
  const takeBack = world.faults.inject({ kind: 'outage' });
  await beat();
  // Between two heartbeats lies a minute; here, much less.
  await vi.waitUntil(async () => (await beat()) > 0, { timeout: 90_000 });
  takeBack();
  await world.mapping.settled();
  expect(await beat()).toBe(0);
});

/** It asks the twin itself: the outage is between the replicate function and the twin. */
function variablesOf(world: LocalWorld): Record<string, string> {
  const { replication: configured } = world;
  return functionVariables({ ...readDeployment(localVariables(world)), replication: configured });
}

/** Calls the heartbeat function as Lambda would, and reads the age off its log. */
async function heartbeatFunction(
  environment: Readonly<Record<string, string>>,
): Promise<() => Promise<number>> {
  const directory = mkdtempSync(join(tmpdir(), 'ferry-heartbeat-'));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  const variables = {
    ...environment,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  };
  Object.assign(process.env, variables);
  cleanups.push(() => {
    for (const name of Object.keys(variables)) delete process.env[name];
  });
  const bundle = functionModule('heartbeat');
  const { handler } = (await import(pathToFileURL(bundle).href)) as {
    handler: () => Promise<void>;
  };
  return async () => {
    const lines: string[] = [];
    const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      lines.push(String(text));
      return true;
    });
    try {
      await handler();
    } finally {
      spy.mockRestore();
    }
    const line = lines.find((text) => text.startsWith('{"_aws"')) ?? '';
    return (JSON.parse(line) as { OldestUnappliedAge: number }).OldestUnappliedAge;
  };
}

function replication(): ReplicationConfig {
  const table = { create: true, partitionKey: { name: 'pk', type: 'S' } };
  const [only] = parseConfig({
    replications: [
      {
        name: 'beating',
        source: { region: 'us-east-1', table: 'Orders', ...table },
        destination: { region: 'eu-west-1', table: 'Orders', ...table },
        heartbeat: { key: { pk: 'ferry-heartbeat' } },
      },
    ],
  }).replications;
  if (only === undefined) throw new Error('no replication');
  return only;
}
