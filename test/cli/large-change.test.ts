// Commands that may change more than a thousand items of the twin: they need --yes, before anything is changed, and say
// to which time the twin can be restored.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  openChangedEndpoint,
  openProtectedEndpoint,
  type Protected,
} from '../fixtures/changed-endpoint.ts';
import { sidesOf } from '../../src/aws/access.ts';
import { parseOptions } from '../../src/cli/arguments.ts';
import { requireYes } from '../../src/cli/large-change.ts';
import { loadConfig } from '../../src/config/config-file.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import type { Listening } from '../fixtures/listening.ts';
import { type DeployedReplication, deployLocally, TWIN } from '../fixtures/deployed-replication.ts';
import { givenUp, lambdaRecord } from '../fixtures/records.ts';
import { contents, runHere } from '../fixtures/two-regions.ts';

const MANY = 1_001;
const OBJECT = 'aws/lambda/a1b2/shardId-1/batch';
const NOW = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z/;

let deployed: DeployedReplication;
let twin: Listening;
let directory: string;
let config: string;
const shield: Protected = {};
beforeAll(async () => {
  deployed = await deployLocally('orders');
  for (const [name, value] of Object.entries(deployed.environment)) vi.stubEnv(name, value);
  const [, path = ''] = deployed.config;
  const { replications } = JSON.parse(readFileSync(path, 'utf8')) as {
    replications: [{ destination: { endpoint: string } }];
  };
  const [replication] = replications;
  twin = await openProtectedEndpoint(replication.destination.endpoint, shield);
  const destination = { ...replication.destination, endpoint: twin.endpoint };
  directory = mkdtempSync(join(tmpdir(), 'ferry-large-change-'));
  config = join(directory, 'ferry.json');
  writeFileSync(config, JSON.stringify({ replications: [{ ...replication, destination }] }));
});
beforeEach(() => {
  Object.assign(shield, { pointInTimeRecovery: true, deletionProtection: true });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await twin.close();
  await deployed.close();
  rmSync(directory, { recursive: true, force: true });
});

const ferry = (...args: string[]) => runHere([...args, '--config', config]);
const itemsOfTwin = async () => Object.keys(await contents(deployed.engine, TWIN)).length;

/** As a command has it that is called with `--apply`. */
function callOn(path: string) {
  const [replication] = loadConfig(path).replications as [ReplicationConfig];
  const options = parseOptions(
    { name: 'merge', options: { apply: { help: '' }, yes: { help: '' } }, run: async () => 0 },
    ['--apply'],
  );
  const nothing = () => undefined;
  const io = { out: nothing, err: nothing, status: nothing, isTerminal: false, environment: {} };
  const interrupted = new AbortController().signal;
  return { options, io: { ...io, interrupted }, replication, sides: sidesOf(replication) };
}

describe('ferry repair', () => {
  /** As many items as are listed are missing on the twin. */
  const repair = (listed: number, ...args: string[]) => {
    const header = {
      ferry: 'differences',
      replication: 'orders',
      source: 'us-east-1/Orders',
      destination: `eu-west-1/${TWIN}`,
      startedAt: '2026-01-31T12:00:00Z',
    };
    const keys = Array.from({ length: listed }, (_, index) => ({
      kind: 'extraneous',
      key: { pk: { S: `listed-${index}` } },
    }));
    const report = join(directory, 'report.jsonl');
    const lines = [header, ...keys, { summary: {} }].map((line) => `${JSON.stringify(line)}\n`);
    writeFileSync(report, lines.join(''));
    return ferry('repair', '--settle', '0', '--report', report, '--json', ...args);
  };

  it('refuses before it has changed anything, and names the count and the time', async () => {
    const { exitCode, out, err } = await repair(2_345, '--apply');

    expect(exitCode).toBe(2);
    expect(out).toBe('');
    expect(err).toContain(
      'This may change more than 1,000 items: the report lists 2,345. Nothing was changed.',
    );
    expect(err).toMatch(
      new RegExp(`To undo it, restore eu-west-1/${TWIN} to ${NOW.source} from its point-in-time`),
    );
    expect(err).toContain('--yes');
  });

  it('says so in a dry run, and shows what it would do', async () => {
    const { exitCode, out, err } = await repair(MANY);

    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ apply: false, looked: MANY, equal: MANY });
    expect(err).toContain(
      'With --apply, the command needs --yes. It may change more than 1,000 items: the report lists 1,001.',
    );
  });

  it('goes on with --yes, and names the time', async () => {
    const { exitCode, out, err } = await repair(MANY, '--apply', '--yes');

    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ apply: true, looked: MANY });
    expect(err).toMatch(NOW);
  });

  it('asks nothing of a thousand items', async () => {
    const { exitCode, out, err } = await repair(MANY - 1, '--apply');

    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ apply: true, looked: MANY - 1 });
    expect(err).toBe('');
  });

  it.each([
    [false, /It cannot be undone: point-in-time recovery of .* is off, .* restored to 20/],
    [undefined, /restore .* to 20.*, if its point-in-time recovery is on. That is not known: /],
  ])('says what is known of the way back: %s', async (pointInTimeRecovery, text) => {
    shield.pointInTimeRecovery = pointInTimeRecovery;

    const { exitCode, err } = await repair(MANY, '--apply');

    expect(exitCode).toBe(2);
    expect(err).toMatch(text);
  });
});

describe('ferry redrive', () => {
  beforeEach(async () => {
    await deployed.empty();
    for await (const objects of deployed.bucket.list(''))
      for (const { key } of objects) await deployed.bucket.delete(key);
  });

  let sequence = 1_000_000;
  const giveUp = (records: number, name = OBJECT) => {
    const all = Array.from({ length: records }, () => {
      sequence += 1;
      return lambdaRecord({ id: `given-up-${sequence % 10}`, sequenceNumber: String(sequence) });
    });
    return deployed.bucket.put(name, givenUp(all));
  };
  const places = () => deployed.places.slice(2);
  const redrive = (...args: string[]) => ferry('redrive', '--json', ...places(), ...args);

  it('refuses before it has changed anything, with the records of batches and dead letters', async () => {
    await giveUp(990);
    await deployed.park(11);
    const before = [await deployed.attributes(), await itemsOfTwin()];

    const { exitCode, out, err } = await redrive('--apply');

    expect(exitCode).toBe(2);
    expect(out).toBe('');
    expect(err).toContain(
      'This may change more than 1,000 items: about 1,001 records wait. Nothing was changed.',
    );
    expect(err).toMatch(NOW);
    expect([await deployed.attributes(), await itemsOfTwin()]).toEqual(before);
  });

  it('says so in a dry run', async () => {
    await giveUp(MANY);

    const { exitCode, err } = await redrive();

    expect(exitCode).toBe(3);
    expect(err).toContain('With --apply, the command needs --yes.');
    expect(err).toContain(': 1,001 records wait.');
  });

  it('estimates many by the sizes of the objects', async () => {
    for (let object = 0; object < 30; object += 1) await giveUp(100, `${OBJECT}-${object}`);

    const { exitCode, err } = await redrive('--apply');

    expect(exitCode).toBe(2);
    expect(err).toMatch(/: about (2,9\d\d|3,0\d\d) records wait\./);
  });

  it('says that a selection is not counted', async () => {
    await giveUp(MANY);

    const { exitCode, err } = await redrive('--apply', '--reason', 'ValidationException');

    expect(exitCode).toBe(2);
    expect(err).toContain('1,001 records wait, before those are left out that are not selected.');
  });

  it.each([
    ['--yes', []],
    ['--limit', ['10']],
    ['--key', ['{"pk":"given-up-1"}']],
  ])('goes on with %s', async (option, value) => {
    await giveUp(MANY);

    const { exitCode, out } = await redrive('--apply', option, ...value);

    expect([0, 3]).toContain(exitCode);
    expect((JSON.parse(out) as { matched: number }).matched).toBeGreaterThan(0);
  });

  it('never applies more than a thousand without it, whatever SQS has counted', async () => {
    // More at once would look like a destination that rejects everything.
    for (let parked = 0; parked < MANY; parked += 91) await deployed.park(91);
    const [, queueUrl = ''] = places();
    const { origin } = new URL(queueUrl);
    // Its count lags behind, until messages are received.
    let isBehind = true;
    const sqs = await openChangedEndpoint(origin, (operation, reply) => {
      isBehind &&= operation !== 'ReceiveMessage';
      return isBehind ? { ...reply, text: reply.text.replaceAll(/"\d+"/g, '"0"') } : reply;
    });
    const [, , ...others] = places();

    const redriven = await ferry(
      'redrive',
      '--json',
      '--apply',
      '--queue-url',
      queueUrl.replace(origin, sqs.endpoint),
      ...others,
    );
    await sqs.close();

    expect(redriven.exitCode).toBe(3);
    expect(JSON.parse(redriven.out)).toMatchObject({ matched: 1_000 });
    expect(redriven.err).toContain('The others are left: they need --yes.');
  }, 60_000);
});

it('says the time of both tables to which a command writes', async () => {
  const [{ options, io, replication, sides }, tables] = [
    callOn(config),
    ['source', 'destination'] as const,
  ];

  const refused = requireYes(
    { options, io, replication, sides },
    { items: MANY, text: 'they differ', tables },
  );

  await expect(refused).rejects.toMatchObject({
    hint: expect.stringMatching(/us-east-1\/Orders .*eu-west-1\/OrdersTwin /) as string,
  });
});
