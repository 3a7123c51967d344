// --deployed: the configuration of a command comes from the deployed function, as its one variable has it.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/aws/system-clock.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { loadConfig } from '../../src/config/config-file.ts';
import { parseConfig } from '../../src/config/config.ts';
import { functionVariables } from '../../src/config/function-variable.ts';
import type { Config, ReplicationConfig } from '../../src/config/schema.ts';
import type { Cleanup } from '../../src/local/run/cleanup.ts';
import { startLocalWorld } from '../../src/local/run/local-world.ts';
import { seededRandom } from '../../src/local/seeded-random.ts';
import { openTwoRegions, putAll, runHere, type TwoRegions } from '../fixtures/two-regions.ts';

const AT = ['--deployed', 'us-east-1/orders'] as const;

let regions: TwoRegions;
let deployed: Readonly<Record<string, string>>;
let config: ReplicationConfig;
beforeAll(async () => {
  regions = await openTwoRegions();
  [config] = loadConfig(regions.config).replications as [ReplicationConfig];
  deployed = functionVariables({
    replication: config,
    streamArn: regions.streamArn,
    deadLetterQueueUrl: 'http://127.0.0.1:1/queue',
    onFailureBucket: 'failures',
    lookAgainQueueUrl: regions.lambda.settings.lookAgainQueueUrl,
  });
  await putAll(regions.source, 'Orders', [{ pk: { S: 'a' } }]);
  await regions.adopt();
}, 60_000);
afterAll(() => regions.close());
beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  regions.lambda.isDeployed = true;
  regions.lambda.variables = deployed;
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe('a command about a deployed replication', () => {
  it('needs no file, and names the next command in the same way', async () => {
    const report = join(regions.directory, 'differences.jsonl');
    const args = ['verify', ...AT, '--settle', '0', '--report', report];

    const found = await runHere(args);
    expect(found).toMatchObject({ exitCode: 3 });
    expect(found.out + found.err).toMatch(/`ferry repair [^`]*--deployed us-east-1\/orders`/);
    expect(found.out + found.err).not.toMatch(/`ferry [^`]*--(config|replication)/);

    expect(await runHere(['backfill', ...AT, '--apply'])).toMatchObject({ exitCode: 0 });
    expect(await runHere(args)).toMatchObject({ exitCode: 0 });
  });

  it('is possible with every command that takes --config, but those that make a world of their own', async () => {
    const commands = await Promise.all(COMMANDS.map(({ load }) => load()));
    const having = (option: string) =>
      commands.filter(({ options }) => Object.hasOwn(options, option)).map(({ name }) => name);
    const own = ['init', 'latency', 'local'];

    expect(having('deployed')).toEqual(having('config').filter((name) => !own.includes(name)));
    expect(having('deployed').length).toBeGreaterThan(8);
  });

  it.each([
    [
      [...AT, '--config', 'ferry.json'],
      '--deployed names a replication already: leave out --config.',
    ],
    [
      [...AT, '--replication', 'orders'],
      '--deployed names a replication already: leave out --replication.',
    ],
    [['--deployed', 'orders'], '--deployed must be a Region and a name, got "orders".'],
    [['--deployed', 'us-east-1/'], '--deployed must be a Region and a name, got "us-east-1/".'],
  ])('is refused as wrong usage with %j', async (args, message) => {
    const { exitCode, out, err } = await runHere(['pause', ...args, '--apply']);

    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toContain(`ferry: ${message}\nHint: For example --deployed us-east-1/orders`);
    expect(regions.lambda.changes).toEqual([]);
  });

  it.each<[string, () => void, string, string]>([
    [
      'no function has that name',
      () => (regions.lambda.isDeployed = false),
      'There is no function ferry-orders-replicate in us-east-1.',
      'Check its Region and name',
    ],
    [
      'release 0.2.0 deployed it',
      () => {
        const older = { FERRY_REPLICATION: 'orders', FERRY_SOURCE_REGION: 'us-east-1' };
        regions.lambda.variables = older;
      },
      'has a variable for each setting, as release 0.2.0 deployed it',
      'Deploy the function again with this release, or name its configuration with --config.',
    ],
    [
      'a newer release deployed it',
      () => (regions.lambda.variables = { FERRY_REPLICATION: '{"format":2}' }),
      'FERRY_REPLICATION of ferry-orders-replicate has format 2. This release reads format 1.',
      'Use the release that deployed the function',
    ],
    [
      'its variable is broken',
      () => (regions.lambda.variables = { FERRY_REPLICATION: '{"format":1}' }),
      'FERRY_REPLICATION of ferry-orders-replicate has 4 problems:\n  the variable: "replication" is required',
      'Deploy the function again with this release.',
    ],
  ])('fails, and says what to do, where %s', async (_, change, message, hint) => {
    change();

    const { exitCode, out, err } = await runHere(['status', ...AT]);

    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
    expect(err).toContain(message);
    expect(err).toContain(`Hint: ${hint}`);
  });
});

describe('a function of release 0.2.0', () => {
  it('still tells its places to a command that has the configuration', async () => {
    const { lookAgainQueueUrl = '' } = regions.lambda.settings;
    regions.lambda.variables = {
      FERRY_REPLICATION: 'orders',
      FERRY_SOURCE_REGION: 'us-east-1',
      FERRY_DEAD_LETTER_QUEUE_URL: 'http://127.0.0.1:1/queue',
      FERRY_ON_FAILURE_BUCKET: 'failures',
      FERRY_LOOK_AGAIN_QUEUE_URL: lookAgainQueueUrl,
      FERRY_LOOK_AGAIN_SECONDS: '125',
    };

    expect(await regions.ferry('backfill', '--apply')).toMatchObject({ exitCode: 0 });
  });
});

describe('ferry config', () => {
  it('prints a file as it was written, with its defaults in every replication', async () => {
    const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as Config;
    const path = join(regions.directory, 'usual.json');
    const fleet = { email: 'ops@example.com' };
    const defaults = { bulk: true, alarms: { latencySeconds: 30 } };
    writeFileSync(
      path,
      JSON.stringify({ $schema: './ferry.schema.json', fleet, defaults, replications }),
    );

    const { exitCode, out } = await runHere(['config', '--config', path]);

    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toEqual({ fleet, replications: [{ ...replications[0], ...defaults }] });
  });

  it('prints a file with every value, which is a configuration again', async () => {
    const resolved = ['config', '--config', regions.config, '--resolved'];
    const { exitCode, out, err } = await runHere(resolved);
    const path = join(regions.directory, 'whole.json');
    writeFileSync(path, out);

    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
    expect(loadConfig(path).replications).toEqual([config]);
    expect(JSON.parse(out)).toMatchObject({
      replications: [{ tombstones: 'checked', bulk: false }],
    });
  });

  it('prints that of a deployed function', async () => {
    const short = JSON.parse((await runHere(['config', ...AT])).out) as object;
    const { exitCode, out, err } = await runHere(['config', ...AT, '--resolved']);

    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
    expect(JSON.parse(out)).toEqual({ replications: [config] });
    expect(parseConfig(short).replications).toEqual([config]);
    expect(short).not.toHaveProperty('replications.0.tombstones');
  });

  it('saves for a teardown what is gone with the function', async () => {
    const file = join(regions.directory, 'saved.json');
    writeFileSync(file, (await runHere(['config', ...AT])).out);
    regions.lambda.isDeployed = false;

    expect(await runHere(['teardown', ...AT])).toMatchObject({ exitCode: 1 });
    expect(loadConfig(file).replications).toEqual([config]);
  });

  it('prints one of several replications by its name', async () => {
    const [first] = (JSON.parse(readFileSync(regions.config, 'utf8')) as Config).replications;
    const second = {
      name: 'second',
      source: first?.source,
      destination: { region: 'eu-west-1', table: 'Second' },
    };
    const path = join(regions.directory, 'two.json');
    writeFileSync(path, JSON.stringify({ replications: [first, second] }));

    const { out } = await runHere(['config', '--config', path, '--replication', 'second']);
    const { replications } = JSON.parse(out) as Config;
    expect(replications.map(({ name }) => name)).toEqual(['second']);
  });

  it('refuses a file with problems', async () => {
    const path = join(regions.directory, 'wrong.json');
    writeFileSync(path, '{"replications": []}');

    const { exitCode, out } = await runHere(['config', '--config', path]);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
  });
});

describe('a local run', () => {
  const cleanups: Cleanup[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  it('tells its configuration as a deployment does', { timeout: 120_000 }, async () => {
    const keys = { partitionKey: { name: 'pk', type: 'S' } };
    const { replications } = parseConfig({
      replications: [
        {
          name: 'practice',
          source: { region: 'us-east-1', table: 'Orders', create: true, ...keys },
          destination: { region: 'eu-west-1', table: 'Orders', create: true, ...keys },
          ttlDeletes: 'skip',
        },
      ],
    });
    const world = await startLocalWorld(
      {
        replication: replications[0] as ReplicationConfig,
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
        runId: 'deployed',
        clock: systemClock,
        random: seededRandom(1),
        onProblem: () => undefined,
      },
      cleanups,
    );
    vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', world.endpoints.lambda ?? '');
    const place = ['--deployed', 'us-east-1/practice'];

    const { out } = await runHere(['config', ...place]);
    expect(JSON.parse(out)).toMatchObject({
      replications: [
        {
          name: 'practice',
          source: { table: 'ferry-local-deployed-source', endpoint: world.source.endpoint },
          destination: { endpoint: world.faults.endpoint },
          ttlDeletes: 'skip',
        },
      ],
    });
    const report = join(regions.directory, 'practice.jsonl');
    expect(await runHere(['verify', ...place, '--settle', '0', '--report', report])).toMatchObject({
      exitCode: 0,
    });
  });
});
