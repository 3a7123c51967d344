// With --json, standard output is JSON and nothing else, for every command that has the option: when it works,
// when it finds something, and when it cannot go on. Whatever is for people is on standard error.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { main } from '../../src/cli/main.ts';
import { loadConfig } from '../../src/config/config-file.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { type LocalFailures, openLocalFailures } from '../../src/local/run/local-failures.ts';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { loserObject } from '../../src/model/loser.ts';
import type { Clock } from '../../src/ports.ts';
import { type LogsCloud, openLogsCloud } from '../fixtures/logs-cloud.ts';
import { type MonitoringCloud, openMonitoringCloud } from '../fixtures/monitoring-cloud.ts';
import { openTwoRegions, putAll, type TwoRegions } from '../fixtures/two-regions.ts';

let cloud: MonitoringCloud;
let regions: TwoRegions;
let failures: LocalFailures;
let logs: LogsCloud;
/** Of a write that has lost. */
let loserId = '';
beforeAll(async () => {
  cloud = await openMonitoringCloud({
    figures: { OldestUnappliedAge: () => 0 },
    mapping: undefined,
    deadLetters: 0,
    isDeployed: true,
  });
  logs = await openLogsCloud(...['orders', 'books'].map((name) => `/ferry/${name}/history`));
  regions = await openTwoRegions();
  const [replication] = loadConfig(regions.config).replications as [ReplicationConfig];
  failures = await openLocalFailures(replication, { accessKeyId: 'test', secretAccessKey: 'test' });
  vi.stubEnv('AWS_ENDPOINT_URL_S3', failures.objectEndpoint);
  vi.stubEnv('AWS_ENDPOINT_URL_SQS', new URL(failures.queueUrl).origin);
  const { queueUrl: deadLetterQueueUrl, bucketName: onFailureBucket } = failures;
  const places = { deadLetterQueueUrl, onFailureBucket };
  regions.lambda.settings = { ...regions.lambda.settings, ...places };
  await createSwitched(replication);
  regions.lambda.mappings = [{ id: 'a1b2', state: 'Enabled', streamArn: regions.streamArn }];
  await regions.adopt();
  await putAll(regions.source, 'Orders', [{ pk: { S: 'a' } }, { pk: { S: 'b' } }]);
}, 60_000);
afterAll(async () => {
  vi.unstubAllEnvs();
  await failures.close();
  await logs.close();
  await regions.close();
  await cloud.close();
});

/** A replication beside the other one, which can be switched; another file has it in both directions. */
async function createSwitched(other: ReplicationConfig): Promise<void> {
  const [keys, id] = [[{ name: 'pk', type: 'S' }], [{ name: 'id', type: 'S' }]] as const;
  const { source, destination, directory } = regions;
  const both = 'NEW_AND_OLD_IMAGES';
  const streams = [
    await source.createTable('Books', keys, both),
    await destination.createTable('Books', keys, both),
  ];
  await source.createTable('ferry-books-back-state', id);
  await destination.createTable('ferry-books-state', id);
  const books = {
    name: 'books',
    source: { ...other.source, table: 'Books', streamArn: streams[0] },
    destination: { ...other.destination, table: 'Books' },
    switching: { fence: 'application', streamArn: streams[1] },
  };
  const text = JSON.stringify({ replications: [books] });
  writeFileSync(join(directory, 'switched.json'), text);
  const { switching, ...rest } = books;
  const twoWay = { mode: 'stamped', losers: 'keep', streamArn: switching.streamArn };
  const inBoth = JSON.stringify({ replications: [{ ...rest, direction: 'both', twoWay }] });
  writeFileSync(join(directory, 'both.json'), inBoth);
  const key = { pk: { S: 'a' } };
  const facts = { replication: 'books', key, keyText: canonicalKey(key), lost: key };
  const record = { sequenceNumber: '1', createdAtSeconds: 1_769_860_800 };
  const object = loserObject({ kind: 'replaced', ...facts, ...record });
  await failures.bucket.put(object.key, object.body);
  loserId = object.key.replace(/^losers\/|\.json$/g, '');
}

/** Waits take no time. */
function hurried(): Clock {
  let skewMs = 0;
  return {
    now: () => Date.now() + skewMs,
    sleep: async (ms) => {
      skewMs += ms;
    },
  };
}

async function ferry(...args: string[]) {
  let out = '';
  let err = '';
  const exitCode = await main(args, {
    out: (line) => (out += `${line}\n`),
    err: (line) => (err += `${line}\n`),
    status: () => undefined,
    isTerminal: false,
    environment: { AWS_ENDPOINT_URL_S3: failures.objectEndpoint, ...logs.environment },
    interrupted: new AbortController().signal,
    clock: hurried(),
  });
  return { exitCode, out, err };
}

const report = () => join(regions.directory, 'report.jsonl');
const config = () => ['--config', regions.config];
const projected = () => {
  const path = join(regions.directory, 'projected.json');
  const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: object[];
  };
  const projection = { attributes: { drop: ['email'] } };
  writeFileSync(path, JSON.stringify({ replications: [{ ...replications[0], projection }] }));
  return path;
};
const both = () => ['--config', join(regions.directory, 'both.json')];
const switched = () => ['--config', join(regions.directory, 'switched.json')];
const places = () => ['--queue-url', failures.queueUrl, '--bucket', failures.bucketName];
const strict = () => {
  const path = join(regions.directory, 'strict.json');
  const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: object[];
  };
  const replication = { ...replications[0], tombstones: 'strict' };
  writeFileSync(path, JSON.stringify({ replications: [replication] }));
  return path;
};
/** As `ferry run` leaves it. */
const letters = () => {
  const folder = join(regions.directory, 'letters');
  mkdirSync(join(folder, 'orders'), { recursive: true });
  writeFileSync(join(folder, 'orders', 'letter-1.json'), '{}');
  return folder;
};
const endpoints = () => [
  '--source-endpoint',
  regions.source.endpoint,
  '--destination-endpoint',
  regions.destination.endpoint,
];

/** Calls that have something to say, in the order in which they are made. A new command needs some. */
const CALLS: ReadonlyArray<readonly [name: string, args: () => readonly string[]]> = [
  [
    'init',
    () => ['us-east-1/Orders', 'eu-west-1/Orders', ...endpoints(), '--config', `${report()}.json`],
  ],
  [
    'init',
    () => ['--all', 'us-east-1', 'eu-west-1', ...endpoints(), '--config', `${report()}.all.json`],
  ],
  ['status', config],
  ['history', config],
  ['config', config],
  ['permissions', config],
  ['config', () => [...config(), '--resolved']],
  ['verify', () => [...config(), '--settle', '0', '--report', report()]],
  ['verify', () => [...config(), '--settle', '0', '--key', '{"pk":"a"}']],
  ['repair', () => [...config(), '--settle', '0', '--report', report()]],
  ['backfill', config],
  ['backfill', () => [...config(), '--all', '--at-once', '2']],
  ['backfill', () => [...config(), '--apply']],
  ['repair', () => [...config(), '--settle', '0', '--report', report(), '--apply']],
  ['projection test', () => ['--config', projected()]],
  ['redrive', () => [...config(), ...places()]],
  ['redrive', () => [...config(), '--letters', letters()]],
  ['redrive', () => [...config(), ...places(), '--apply']],
  ['adopt', config],
  ['adopt', () => [...config(), '--again', '--apply']],
  ['pause', config],
  ['pause', () => [...config(), '--apply']],
  ['resume', config],
  ['resume', () => [...config(), '--apply']],
  ['merge', () => [...both(), '--settle', '0']],
  ['conflicts', both],
  ['conflicts show', () => [loserId, ...both()]],
  ['conflicts restore', () => [loserId, ...both()]],
  ['adopt', () => [...switched(), '--apply']],
  ['drain', switched],
  ['failback', switched],
  ['failover', switched],
  ['failover', () => [...switched(), '--source-lost', '--even-if-reachable', '--apply']],
  ['rejoin', switched],
  ['stranded list', switched],
  ['stranded replay', switched],
  ['stranded drop', switched],
  ['rehearse', config],
  ['teardown', config],
  ['cost', config],
  ['cost', () => [...config(), '--writes-per-second', '1', '--item-bytes', '100']],
  ['latency', () => ['--rates', '20', '--duration', '1']],
  ['local', () => ['--rate', '20', '--duration', '1', '--seed', '1']],
  [
    'run',
    () => ['--config', strict(), '--letters', letters(), '--listen', 'none', '--until-caught-up'],
  ],
];

/** Its lines, each of which has to be a document. */
function documents(out: string): unknown[] {
  expect(out).toMatch(/^(?:.+\n)*$/);
  return out
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown);
}

describe('ferry COMMAND --json', () => {
  it('is tried here for every command that has it', async () => {
    const commands = await Promise.all(COMMANDS.map(({ load }) => load()));
    const having = commands.filter(({ options }) => Object.hasOwn(options, 'json'));

    expect(having.map(({ name }) => name).toSorted()).toEqual(
      [...new Set(CALLS.map(([name]) => name))].toSorted(),
    );
  });

  it.each(CALLS)('%s prints one document', { timeout: 120_000 }, async (name, args) => {
    const { exitCode, out, err } = await ferry(...name.split(' '), ...args(), '--json');

    expect({ exitCode, err }).toMatchObject({ exitCode: expect.toBeOneOf([0, 3]) as number });
    expect(documents(out)).toEqual([expect.any(Object)]);
    // Figures are for machines: no thousands separators, no units.
    expect(out).not.toMatch(/"\d{1,3}(?:,\d{3})+"/);
  });

  it.each([...new Set(CALLS.map(([name]) => name))])(
    '%s prints nothing where it cannot begin',
    async (name) => {
      const operands = name === 'init' ? ['us-east-1/Orders', 'eu-west-1/Orders'] : [];
      const words = name.split(' ');
      const wrong = await ferry(...words, ...operands, '--json', '--no-such-option');
      const nowhere = ['--config', '/nowhere/ferry.json', '--report', '/nowhere/report'];
      const missing = await ferry(
        ...words,
        ...operands,
        '--json',
        ...nowhere.slice(0, name === 'repair' || name === 'verify' ? 4 : 2),
      );

      expect(wrong).toMatchObject({ exitCode: 2, out: '' });
      expect(wrong.err).toContain('There is no option --no-such-option');
      expect(missing.out).toBe('');
      expect(missing.err).toMatch(/^ferry: /);
    },
  );
});

it('is alone on the standard output of a process, too', { timeout: 120_000 }, async () => {
  const args = ['local', '--rate', '20', '--duration', '1', '--faults', '--json'];
  const child = spawn(process.execPath, ['bin/ferry', ...args]);
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  await once(child, 'close');

  expect(documents(out)).toEqual([expect.objectContaining({ seed: expect.any(Number) as number })]);
  expect(err).not.toContain('\u001B');
  expect(err.split('\n').filter((line) => line !== line.trimEnd())).toEqual([]);
});
