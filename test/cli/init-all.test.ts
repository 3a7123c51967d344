// `ferry init --all` as an operator runs it, against real engines: tables of all sorts, and files of all sorts.

import { existsSync, lstatSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateTableCommand, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { loadConfig } from '../../src/config/config-file.ts';
import { startAnswering } from '../fixtures/answering.ts';
import {
  type Finished,
  openTwoRegions,
  putAll,
  runHere,
  type TwoRegions,
} from '../fixtures/two-regions.ts';

const KEY = [{ name: 'pk', type: 'S' }] as const;
const TWO_KEYS = [...KEY, { name: 'sk', type: 'N' }] as const;
const STREAM = true;

let regions: TwoRegions;
let config: string;
beforeAll(async () => {
  regions = await openTwoRegions();
  config = join(regions.directory, 'made.json');
  const { source, destination } = regions;
  for (const name of ['prod-fit', 'prod.fit', 'prod-expiring', 'prod-legacy', 'tmp-scratch']) {
    await source.createTable(name, KEY, STREAM);
    await destination.createTable(name, KEY);
  }
  await source.createTable('prod-keys', KEY, STREAM);
  await destination.createTable('prod-keys', TWO_KEYS);
  await source.createTable('prod-streamless', KEY);
  await destination.createTable('prod-streamless', KEY);
  await source.client.send(OLD_IMAGES);
  await destination.createTable('prod-old-images', KEY);
  await source.createTable('prod-copied', TWO_KEYS, STREAM);
  await destination.createTable('prod-copied', TWO_KEYS);
  await source.createTable('prod-alone', KEY, STREAM);
  await source.createTable('ferry-reverse-state', [{ name: 'id', type: 'S' }]);
  await source.client.send(EXPIRING);
  await putAll(source, 'prod-legacy', [{ pk: { S: 'a' }, 'aws:rep:updatetime': { N: '1.5' } }]);
  const copied = Array.from({ length: 20 }, (_, n) => ({ pk: { S: 'a' }, sk: { N: `${n}` } }));
  await putAll(source, 'prod-copied', copied);
  await putAll(destination, 'prod-copied', copied.slice(1));
}, 60_000);
afterAll(() => regions.close());
afterEach(() => vi.unstubAllEnvs());
beforeEach(() => rmSync(config, { force: true }));

const OLD_IMAGES = new CreateTableCommand({
  TableName: 'prod-old-images',
  BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
  KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
  StreamSpecification: { StreamEnabled: true, StreamViewType: 'OLD_IMAGE' },
});
const EXPIRING = new UpdateTimeToLiveCommand({
  TableName: 'prod-expiring',
  TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
});

const REGIONS = ['us-east-1', 'eu-west-1'];
const endpoints = (given: readonly string[] = []) =>
  (['source', 'destination'] as const).flatMap((side) =>
    given.includes(`--${side}-endpoint`) ? [] : [`--${side}-endpoint`, regions[side].endpoint],
  );
const initAll = (args: readonly string[], named = REGIONS): Promise<Finished> =>
  runHere(['init', '--all', ...named, ...endpoints(args), '--config', config, ...args]);
const namesIn = (path: string) => loadConfig(path).replications.map(({ name }) => name);

const FIT = ['prod-copied', 'prod-expiring', 'prod-fit', 'prod-legacy', 'prod-fit-2'];

describe('ferry init --all', () => {
  it('writes one file for the tables that fit, and says what each of the others lacks', async () => {
    const { exitCode, out } = await initAll(['--match', 'prod*', '--match', 'ferry-*']);

    expect(exitCode).toBe(3);
    expect(out.split('\n').slice(0, 8)).toEqual([
      'error    prod-keys        -              The keys differ: us-east-1/prod-keys has "pk" (S), eu-west-1/prod-keys has "pk" (S) and "sk" (N).',
      'error    prod-old-images  -              The stream of us-east-1/prod-old-images has the view type OLD_IMAGE.',
      'error    prod-streamless  -              us-east-1/prod-streamless has no stream.',
      'warning  prod-copied      prod-copied    eu-west-1/prod-copied has about 19 items.',
      'warning  prod-legacy      prod-legacy    Items of us-east-1/prod-legacy have aws:rep:updatetime, which global tables of version 2017.11.29 write.',
      'fits     prod-expiring    prod-expiring',
      'fits     prod-fit         prod-fit',
      'fits     prod.fit         prod-fit-2',
    ]);
    expect(out).toContain("Left out, because they are Ferry's own: ferry-reverse-state.");
    expect(out).toContain('Without a table of the same name in eu-west-1: prod-alone.');
    expect(out).toContain('--create-destination');
    expect(out).toContain(`${config} describes 5 replications. 4 tables left out. Next:`);
    expect(namesIn(config).toSorted()).toEqual(FIT.toSorted());
  });

  it('keeps what all replications share in the defaults of the file, and makes a fleet', async () => {
    await initAll(['--match', 'prod-fit', '--match', 'Orders']);

    const file = JSON.parse(readFileSync(config, 'utf8')) as object;
    expect(Object.keys(file)).toEqual(['$schema', 'defaults', 'fleet', 'replications']);
    expect(file).toMatchObject({
      defaults: {
        source: { region: 'us-east-1', endpoint: regions.source.endpoint },
        destination: { region: 'eu-west-1', endpoint: regions.destination.endpoint },
      },
      fleet: {},
      replications: [
        {
          name: 'orders',
          source: { table: 'Orders', streamArn: expect.stringContaining('/stream/') as string },
          destination: { table: 'Orders' },
        },
        { name: 'prod-fit', destination: { table: 'prod-fit' } },
      ],
    });
    const [orders] = loadConfig(config).replications;
    expect(orders?.source).toMatchObject({ region: 'us-east-1', table: 'Orders', create: false });
  });

  it('has commands for what comes next: a twin that looks like its source is compared first', async () => {
    const copied = await initAll(['--match', 'prod-copied', '--match', 'prod-fit']);
    rmSync(config);
    const empty = await initAll(['--match', 'prod-fit', '--match', 'Orders']);
    rmSync(config);
    const one = await initAll(['--match', 'prod-copied']);

    expect(copied.exitCode).toBe(0);
    expect(copied.out).toContain(`ferry backfill --replication prod-fit --config ${config}\n`);
    expect(copied.out).toContain(`ferry verify --all --config ${config}\n`);
    expect(copied.out).toContain(
      'eu-west-1/prod-copied has about as many items as its source: compare before',
    );
    expect(empty.out).toContain(`ferry backfill --all --config ${config}\n`);
    expect(one.out).not.toContain('ferry backfill');
    expect(one.out).toContain(`ferry verify --replication prod-copied --config ${config}\n`);
  });

  it('lists every finding if that is asked for', async () => {
    const { out } = await initAll(['--match', 'prod-copied', '--verbose']);

    expect(out).toMatch(
      /^warning {2}prod-copied {2}prod-copied\nwarning .*about 19 items\.\n {9}Ferry replaces/,
    );
    expect(out).toContain('\nnote     The stream has the changes since ');
    expect(out).not.toContain('With --verbose');
  });

  it.each([40, 80])('fits a terminal of %i columns', async (columns) => {
    const out: string[] = [];
    const args = ['--match', 'prod-*s', '--match', 'prod-legacy', '--config', config];
    await main(['init', '--all', ...REGIONS, ...args, ...endpoints()], {
      out: (line) => out.push(line),
      err: () => undefined,
      status: () => undefined,
      isTerminal: false,
      resultColumns: () => columns,
      environment: {},
      interrupted: new AbortController().signal,
    });

    const end = out.findIndex((line) => line.startsWith('With --verbose'));
    expect(out.slice(0, end).filter((line) => line.length > columns)).toEqual([]);
    expect(out.slice(0, 2)).toEqual([
      'error    prod-keys  -',
      expect.stringMatching(/^ {9}The keys differ:/),
    ]);
  });

  it('is one line of JSON for machines', async () => {
    const { exitCode, out } = await initAll(['--match', '*-keys', '--match', '*-copied', '--json']);

    expect(exitCode).toBe(3);
    expect(out.split('\n')).toHaveLength(1);
    expect(JSON.parse(out)).toMatchObject({
      written: config,
      tables: [
        { table: 'prod-copied', replication: 'prod-copied', firstStep: 'verify' },
        { table: 'prod-keys', replication: null, findings: [{ subject: 'key-schema' }, {}] },
      ],
      withoutTwin: [],
      own: [],
      present: [],
    });
  });

  it.each([
    ['none fits', ['--match', 'prod-keys', '--match', 'prod-streamless']],
    ['none has a twin', ['--match', 'prod-alone']],
  ])('writes nothing where %s', async (_, args) => {
    const { exitCode, out } = await initAll(args);

    expect(exitCode).toBe(1);
    expect(out).toContain('Nothing was written.');
    expect(existsSync(config)).toBe(false);
  });

  it('leaves out what is excluded, also of what matches', async () => {
    const patterns = ['tmp-*', 'prod-[a-z]*', '*-keys', '*-s*', '*-a*', '*-old*'];
    const excluded = patterns.flatMap((pattern) => ['--exclude', pattern]);
    const { out } = await initAll(['--match', '*-*', ...excluded]);

    expect(out).not.toContain('tmp-scratch');
    expect(namesIn(config)).toEqual(FIT.filter((name) => name !== 'prod-fit-2'));
  });

  it.each<[string, string[], string]>([
    [
      'nothing matches',
      ['--match', 'nothing-*'],
      "No table of us-east-1 is left by --match, --exclude and Ferry's own.\nHint: Its tables are Orders, ferry-reverse-state, ",
    ],
    ['only Ferry’s own match', ['--match', 'ferry-*'], 'No table of us-east-1 is left'],
    ['one table is named', ['--name', 'orders'], '--name is for one table: leave out --all.'],
    ['a twin is to be printed', ['--create-destination'], '--create-destination is for one'],
  ])('says so where %s', async (_, args, message) => {
    const { exitCode, err } = await initAll(args);

    expect(exitCode).toBe(2);
    expect(err).toContain(message);
    expect(existsSync(config)).toBe(false);
  });

  it('wants Regions, and patterns only for all tables', async () => {
    const table = await initAll([], ['us-east-1/Orders', 'eu-west-1']);
    const one = await runHere(['init', 'us-east-1/Orders', 'eu-west-1/Orders', '--match', 'x']);
    const two = await runHere(['init', 'us-east-1/Orders', 'eu-west-1/Orders', '--verbose']);

    expect(table.err).toContain('With --all, the source must be a Region, got "us-east-1/Orders".');
    expect(one.err).toContain('--match is for all tables of a Region: use --all.');
    expect(two.err).toContain('--verbose is for all tables of a Region: use --all.');
    expect([table, one, two].map(({ exitCode }) => exitCode)).toEqual([2, 2, 2]);
  });

  it('reaches each side by the profile that is named, and keeps it in the file', async () => {
    const profiles = join(regions.directory, 'credentials');
    writeFileSync(profiles, '[far]\naws_access_key_id = test\naws_secret_access_key = test\n');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', profiles);
    const table = ['--match', 'prod-fit'];
    const wrong = await initAll([...table, '--source-profile', 'nowhere']);
    const right = await initAll([...table, '--destination-profile', 'far']);

    expect(wrong.exitCode).toBe(1);
    expect(wrong.err).toContain('nowhere');
    expect({ ...right }).toMatchObject({ exitCode: 0 });
    const [made] = loadConfig(config).replications;
    expect([made?.source.profile, made?.destination.profile]).toEqual([undefined, 'far']);
  });

  it('keeps the secret for another partition in the defaults, also when it adds', async () => {
    const secret = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:ferry/china-AbCdEf';
    const china = ['us-east-1', 'cn-north-1'];
    const without = await runHere(['init', '--all', ...china, '--config', config]);
    await initAll(['--match', 'prod-fit', '--destination-secret', secret], china);
    const more = await initAll(['--match', 'Orders', '--add'], china);

    expect(without).toMatchObject({ exitCode: 2, out: '' });
    expect(without.err).toContain('give --destination-secret.');
    expect(more.exitCode).toBe(0);
    expect(readFileSync(config, 'utf8').split(secret)).toHaveLength(2);
    for (const { destination } of loadConfig(config).replications)
      expect(destination.credentials).toEqual({ secret });
  });

  it('shows how far it is', async () => {
    const shown: string[] = [];
    let nowMs = 0;
    await main(
      ['init', '--all', ...REGIONS, '--match', 'prod*', '--config', config, ...endpoints()],
      {
        out: () => undefined,
        err: () => undefined,
        status: (line) => shown.push(line),
        isTerminal: true,
        environment: {},
        interrupted: new AbortController().signal,
        clock: { now: () => (nowMs += 1_000), sleep: async () => undefined },
      },
    );

    expect(shown).toHaveLength(9);
    expect(shown[0]).toBe('Listing the tables of us-east-1 and eu-west-1');
    expect(shown[1]).toMatch(/^\[===? +\] 1 of about 8 .*tables\/s$/);
    expect(shown.at(-1)).toMatch(/^\[={20}\] 8 of about 8 /);
  });

  it('does not overwrite a file', async () => {
    writeFileSync(config, 'precious');

    const { exitCode, err } = await initAll([]);

    expect(exitCode).toBe(2);
    expect(err).toContain('already exists, and was not changed');
    expect(readFileSync(config, 'utf8')).toBe('precious');
  });

  it('notices a folder that is not there before it asks anything', async () => {
    const missing = join(regions.directory, 'no-such-folder');
    const nothing = 'http://127.0.0.1:1';
    const args = ['--config', join(missing, 'ferry.json'), '--source-endpoint', nothing];
    const { exitCode, err } = await runHere(['init', '--all', ...REGIONS, ...args]);

    expect(exitCode).toBe(1);
    expect(err).toContain(`The file ${missing} cannot be used: ENOENT`);
    expect(err).toContain('Nothing was written.');
  });

  it('waits where requests are throttled', async () => {
    let count = 0;
    const throttling = await startAnswering((operation, pass, say) => {
      count += 1;
      // More of them in a row than the SDK repeats by itself.
      const isThrottled = operation === 'DescribeTimeToLive' && count < 12;
      if (isThrottled) say(400, { __type: 'x#ThrottlingException' });
      else pass();
    }, regions.source.endpoint);
    const { exitCode } = await initAll([
      '--match',
      'prod-fit',
      '--source-endpoint',
      throttling.endpoint,
    ]);
    await throttling.close();

    expect(exitCode).toBe(0);
    expect(count).toBeGreaterThan(12);
  });

  it('says which call is denied, and writes nothing', async () => {
    const denying = await startAnswering((operation, pass, say) => {
      if (operation === 'ListTables') say(400, { __type: 'x#AccessDeniedException' });
      else pass();
    }, regions.destination.endpoint);
    const { exitCode, err } = await initAll(['--destination-endpoint', denying.endpoint]);
    await denying.close();

    expect(exitCode).toBe(1);
    expect(err).toContain('may not call dynamodb:ListTables in eu-west-1');
    expect(err).toContain('Nothing was written.');
  });

  it('knows a Region without tables', async () => {
    const empty = await startAnswering((_, __, say) => say(200, { TableNames: [] }));
    const { exitCode, err } = await initAll(['--source-endpoint', empty.endpoint]);
    await empty.close();

    expect(exitCode).toBe(1);
    expect(err).toContain('There is no table in us-east-1.');
  });
});

describe('ferry init --all --add', () => {
  const kept = () => `{
    "replications": [
        { "name": "prod-fit", "source": { "table": "Orders", "streamArn": ${JSON.stringify(regions.streamArn)} },
          "destination": { "table": "Orders" } }
    ],   "fleet": { "email": "oncall@example.com" },
    "defaults": { "ttlDeletes": "skip",
      "source": { "region": "us-east-1", "endpoint": "${regions.source.endpoint}" },
      "destination": { "region": "eu-west-1", "endpoint": "${regions.destination.endpoint}" } }
}`;

  it('adds to a file, and leaves every other byte', async () => {
    writeFileSync(config, kept());

    const { exitCode, out } = await initAll(['--add', '--match', 'prod-fit', '--match', 'Orders']);

    expect({ exitCode, out }).toMatchObject({ exitCode: 0 });
    expect(out).toContain(`Already in ${config}: Orders.`);
    expect(out).toContain(`${config} describes 1 more replication. Next:`);
    const written = readFileSync(config, 'utf8');
    const at = kept().indexOf('\n    ],   "fleet"');
    const added = written.length - kept().length;
    expect(written.slice(0, at) + written.slice(at + added)).toBe(kept());
    // The first name is taken, and the defaults have the places.
    expect(JSON.parse(written.slice(at + 1, at + added))).toMatchObject({
      name: 'prod-fit-2',
      destination: { table: 'prod-fit' },
    });
    expect(written.slice(at, at + added)).not.toContain('region');
  });

  it('asks the places that the defaults of the file name', async () => {
    writeFileSync(config, kept());

    const { exitCode } = await runHere([
      'init',
      '--all',
      ...REGIONS,
      '--config',
      config,
      '--add',
      '--match',
      'prod-fit',
    ]);

    expect(exitCode).toBe(0);
    expect(namesIn(config)).toEqual(['prod-fit', 'prod-fit-2']);
  });

  it('adds nothing where the file has everything that fits', async () => {
    writeFileSync(config, kept());

    const { exitCode, out } = await initAll(['--add', '--match', 'Orders']);
    const left = await initAll(['--add', '--match', 'Orders', '--match', 'prod-streamless']);

    expect(exitCode).toBe(0);
    expect(left.exitCode).toBe(3);
    expect(left.out).toMatch(/Nothing was written\.$/);
    expect(out).toBe(`Already in ${config}: Orders.\nNothing was written.`);
    expect(readFileSync(config, 'utf8')).toBe(kept());
  });

  it('names a pair that the file cannot have, and adds the others', async () => {
    const reverse = {
      name: 'back',
      source: { region: 'eu-west-1', table: 'prod-fit', streamArn: streamIn('eu-west-1') },
      destination: { region: 'us-east-1', table: 'prod-fit' },
    };
    writeFileSync(config, JSON.stringify({ replications: [reverse] }));

    const { exitCode, out } = await initAll(['--add', '--match', 'prod-fit', '--match', 'Orders']);

    expect(exitCode).toBe(3);
    expect(out).toMatch(/^error +prod-fit .* cannot have it: replication .* must not lead back/);
    expect(namesIn(config)).toEqual(['back', 'orders']);
  });

  it('refuses more replications than a file can have', async () => {
    const { source, destination } = JSON.parse(
      JSON.stringify(loadConfig(regions.config).replications[0]),
    ) as { source: object; destination: object };
    const replications = Array.from({ length: 100 }, (_, index) => ({
      name: `n${index}`,
      source: { ...source, table: `Table${index}`, streamArn: streamIn('us-east-1', index) },
      destination: { ...destination, table: `Table${index}` },
    }));
    writeFileSync(config, JSON.stringify({ replications }));

    const { exitCode, err } = await initAll(['--add', '--match', 'prod-fit']);

    expect(exitCode).toBe(2);
    expect(err).toContain('can have at most 100 replications, and would have 101.');
    expect(namesIn(config)).toHaveLength(100);
  });

  it('writes to the file behind a link, and one table like many', async () => {
    const link = join(regions.directory, 'link.json');
    writeFileSync(config, kept());
    symlinkSync(config, link);

    const { exitCode } = await runHere(
      'init us-east-1/prod-fit eu-west-1/prod-fit --name own --add --config'
        .split(' ')
        .concat(link),
    );

    expect(exitCode).toBe(0);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(config, 'utf8')).toContain('"fleet": { "email": "oncall@example.com" }');
    expect(namesIn(config)).toEqual(['prod-fit', 'own']);
  });

  it('does not add to what is no configuration', async () => {
    writeFileSync(config, '{ "replications": [] }');

    const { exitCode, err } = await initAll(['--add']);

    expect(exitCode).toBe(2);
    expect(err).toContain('1 problem');
    expect(readFileSync(config, 'utf8')).toBe('{ "replications": [] }');
  });
});

function streamIn(region: string, index?: number): string {
  const table = index === undefined ? 'prod-fit' : `Table${index}`;
  return `arn:aws:dynamodb:${region}:111122223333:table/${table}/stream/2026-01-31T12:00:00.000`;
}
