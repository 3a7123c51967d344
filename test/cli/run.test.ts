// `ferry run` as an operator runs it, between two real engines: in processes of its own where it is killed, and in this
// one otherwise.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { contents, openTwoRegions, putAll, type TwoRegions } from '../fixtures/two-regions.ts';

let regions: TwoRegions;
let config = '';
const processes: Running[] = [];
beforeEach(async () => {
  regions = await openTwoRegions();
  config = changed({});
});
afterEach(async () => {
  for (const { child } of processes.splice(0)) child.kill('SIGKILL');
  await regions.close();
});

/** A configuration with other settings of the replication. */
function changed(settings: object, name = 'run.json'): string {
  const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: object[];
  };
  const path = join(regions.directory, name);
  const replication = { ...replications[0], tombstones: 'strict', ...settings };
  writeFileSync(path, JSON.stringify({ replications: [replication] }));
  return path;
}

type Event = Readonly<Record<string, unknown>>;

interface Running {
  readonly child: ChildProcess;
  readonly events: readonly Event[];
  /** Resolves with the first event of this name, from now on or before. */
  event(name: string): Promise<Event>;
  readonly ended: Promise<number | null>;
}

const letters = () => join(regions.directory, 'letters');

function start(...args: string[]): Running {
  const all = ['run', '--config', config, '--letters', letters(), '--listen', 'none', ...args];
  const child = spawn(process.execPath, ['bin/ferry.cjs', ...all], {
    env: { ...process.env, AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const events: Event[] = [];
  createInterface(child.stderr).on('line', (line) => events.push(JSON.parse(line) as Event));
  const running: Running = {
    child,
    events,
    async event(name) {
      await expect.poll(() => events.map(({ event }) => event)).toContain(name);
      return events.find(({ event }) => event === name) ?? {};
    },
    ended: once(child, 'close').then(([code]) => code as number | null),
  };
  processes.push(running);
  return running;
}

const items = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => ({
    pk: { S: `item-${from + index}` },
    text: { S: 'x' },
  }));

const twinHas = (count: number) =>
  expect.poll(async () => (await contents(regions.destination, 'Orders')).size).toBe(count);

it('replicates, ends with SIGTERM, and goes on at its positions', async () => {
  await putAll(regions.source, 'Orders', items(0, 40));
  const first = start();
  await twinHas(40);
  first.child.kill('SIGTERM');
  expect(await first.ended).toBe(0);
  expect(first.events.at(-1)).toMatchObject({
    event: 'replication.stopped',
    received: 40,
    done: 40,
  });

  await putAll(regions.source, 'Orders', items(40, 50));
  const second = start('--until-caught-up');

  expect(await second.ended).toBe(0);
  await twinHas(50);
  // Nothing is delivered again.
  expect(second.events.at(-1)).toMatchObject({ event: 'replication.stopped', received: 10 });
});

it('stands by, and takes over from a process that was killed', async () => {
  const first = start();
  await first.event('lease.held');
  const second = start();
  await second.event('replication.standby');
  await putAll(regions.source, 'Orders', items(0, 20));
  await twinHas(20);

  first.child.kill('SIGKILL');
  await putAll(regions.source, 'Orders', items(20, 30));

  expect(await second.event('lease.held')).toMatchObject({ fence: 2 });
  await twinHas(30);
  expect(second.events.map(({ event }) => event)).not.toContain('position.trimmed');
  second.child.kill('SIGTERM');
  expect(await second.ended).toBe(0);
});

it('hands over at once to a standby when it is stopped', async () => {
  const first = start();
  await first.event('lease.held');
  const second = start();
  await second.event('replication.standby');

  first.child.kill('SIGINT');

  expect(await first.ended).toBe(0);
  await second.event('lease.held');
  await putAll(regions.source, 'Orders', items(0, 5));
  await twinHas(5);
});
