// `ferry init` as an operator runs it, against real engines, and what all commands say about wrong tables.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CreateTableCommand, ScanCommand, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { loadConfig } from '../../src/config/config-file.ts';
import { startAnswering } from '../fixtures/answering.ts';
import {
  type Finished,
  openTwoRegions,
  runHere,
  type TwoRegions,
} from '../fixtures/two-regions.ts';

let regions: TwoRegions;
let config: string;
beforeAll(async () => {
  regions = await openTwoRegions();
  config = join(regions.directory, 'made.json');
  await regions.destination.createTable('Other', [{ name: 'id', type: 'N' }]);
  await regions.source.createTable('Streamless', [{ name: 'pk', type: 'S' }]);
});
afterAll(() => regions.close());
beforeEach(() => rmSync(config, { force: true }));

/** Of the two Regions, but for those that a call names itself. */
const endpoints = (given: readonly string[] = []) =>
  (['source', 'destination'] as const).flatMap((side) =>
    given.includes(`--${side}-endpoint`) ? [] : [`--${side}-endpoint`, regions[side].endpoint],
  );
const init = (...args: string[]): Promise<Finished> =>
  runHere(['init', ...endpoints(args), '--config', config, ...args]);

describe('ferry init', () => {
  it('writes a configuration that every command takes, and says what comes next', async () => {
    const { exitCode, out } = await init('us-east-1/Orders', 'eu-west-1/Orders');

    expect(exitCode).toBe(0);
    expect(out).toContain('ferry backfill --replication orders');
    const [replication] = loadConfig(config).replications;
    expect(replication).toMatchObject({
      name: 'orders',
      source: { region: 'us-east-1', table: 'Orders', endpoint: regions.source.endpoint },
      destination: { region: 'eu-west-1', table: 'Orders' },
    });
    expect(replication?.source.streamArn).toContain('/stream/');
  });

  it('has a secret for a destination in another partition, and asks for it first', async () => {
    const tables = ['us-east-1/Orders', 'cn-north-1/Orders'];
    const secret = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:ferry/china-AbCdEf';
    const without = await runHere(['init', ...tables, '--config', config]);
    const wrong = await init(...tables, '--destination-secret', secret.replace('us-', 'eu-'));
    const right = await init(...tables, '--destination-secret', secret);

    expect([without, wrong, right].map(({ exitCode }) => exitCode)).toEqual([2, 2, 0]);
    expect(without.err).toContain('than us-east-1: give --destination-secret.');
    expect(wrong.err).toContain('destination.credentials.secret must be a secret in us-east-1');
    expect(loadConfig(config).replications[0]?.destination.credentials).toEqual({ secret });
  });

  it('never overwrites a file', async () => {
    writeFileSync(config, 'precious');

    const { exitCode, err } = await init('us-east-1/Orders', 'eu-west-1/Orders');

    expect(exitCode).toBe(2);
    expect(err).toContain('already exists, and was not changed');
    expect(err).toContain('--add');
    expect(readFileSync(config, 'utf8')).toBe('precious');
  });

  it('adds to a file, but no name twice', async () => {
    await init('us-east-1/Orders', 'eu-west-1/Orders');
    const second = await init('us-east-1/Orders', 'eu-west-1/Orders', '--add', '--name', 'again');
    const written = readFileSync(config, 'utf8');
    const third = await init('us-east-1/Orders', 'eu-west-1/Orders', '--add', '--name', 'again');

    // Two replications may not write to one table, either.
    expect([second.exitCode, third.exitCode]).toEqual([2, 2]);
    expect(second.err).toContain('problem');
    expect(readFileSync(config, 'utf8')).toBe(written);
  });

  it.each([
    [
      'us-east-1/Orders',
      'eu-west-1/Other',
      'The keys differ: us-east-1/Orders has "pk" (S), eu-west-1/Other has "id" (N).',
    ],
    ['us-east-1/Streamless', 'eu-west-1/Orders', 'us-east-1/Streamless has no stream.'],
  ])('refuses %s to %s, and writes nothing', async (source, destination, message) => {
    const { exitCode, out } = await init(source, destination);

    expect(exitCode).toBe(1);
    expect(out).toContain(`error    ${message}`);
    expect(out).toContain('Nothing was written');
    expect(existsSync(config)).toBe(false);
  });

  it.each([
    [
      'us-east-1/Orders',
      'eu-west-1/Nowhere',
      1,
      'There is no destination table Nowhere in eu-west-1.',
    ],
    ['us-east-1/Nowhere', 'eu-west-1/Orders', 1, 'There is no source table Nowhere in us-east-1.'],
    ['Orders', 'eu-west-1/Orders', 2, 'The source must be a Region and a table, got "Orders".'],
    ['us-east-1/Orders', 'Ireland/Orders', 2, 'The destination must be a Region and a table'],
  ])('explains %s to %s', async (source, destination, expected, message) => {
    const { exitCode, err } = await init(source, destination);

    expect(exitCode).toBe(expected);
    expect(err).toContain(message);
    expect(existsSync(config)).toBe(false);
  });

  it('says how to get a destination that is missing, and not for a source that is', async () => {
    const noDestination = await init('us-east-1/Orders', 'eu-west-1/Nowhere');
    const noSource = await init('us-east-1/Nowhere', 'eu-west-1/Orders');

    expect(noDestination.err).toContain('--create-destination');
    expect(noSource.err).not.toContain('--create-destination');
  });

  it.each([
    ['Orders', 'orders'],
    ['2024_Order_Events.v2', 'order-events-v2'],
    [`A${'-bcdefghi'.repeat(5)}`, 'a-bcdefghi-bcdefghi-bcdefghi-b'],
    [`A${'b'.repeat(28)}-tail`, `a${'b'.repeat(28)}`],
    ['123', 'replication'],
  ])('names the replication of %s after its table', async (table, name) => {
    for (const side of ['source', 'destination'] as const) {
      if (table === 'Orders') break;
      await regions[side].createTable(table, [{ name: 'pk', type: 'S' }], true);
    }

    const { exitCode } = await init(`us-east-1/${table}`, `eu-west-1/${table}`);

    expect(exitCode).toBe(0);
    expect(loadConfig(config).replications[0]?.name).toBe(name);
  });

  it('adds another replication to a file', async () => {
    await regions.source.createTable('Second', [{ name: 'pk', type: 'S' }], true);
    await regions.destination.createTable('Second', [{ name: 'pk', type: 'S' }]);
    await init('us-east-1/Orders', 'eu-west-1/Orders');

    const { exitCode } = await init('us-east-1/Second', 'eu-west-1/Second', '--add');

    expect(exitCode).toBe(0);
    expect(loadConfig(config).replications.map(({ name }) => name)).toEqual(['orders', 'second']);
  });

  it('leaves alone a file that was made while it looked', async () => {
    const first = await startAnswering((_, pass) => {
      writeFileSync(config, '{"replications":[]}');
      pass();
    }, regions.source.endpoint);
    const { exitCode, err } = await init(
      'us-east-1/Orders',
      'eu-west-1/Orders',
      '--source-endpoint',
      first.endpoint,
    );
    await first.close();

    expect(exitCode).toBe(2);
    expect(err).toContain('already exists, and was not changed');
    expect(readFileSync(config, 'utf8')).toBe('{"replications":[]}');
  });

  it('writes down the keys that encrypt the tables', async () => {
    const kmsKeyArn = 'arn:aws:kms:us-east-1:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111';
    const encrypted = await startAnswering((target, pass, say) => {
      if (target !== 'DescribeTable') return pass();
      return say(200, {
        Table: {
          TableName: 'Orders',
          TableArn: 'arn:aws:dynamodb:us-east-1:111122223333:table/Orders',
          TableStatus: 'ACTIVE',
          KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
          AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
          BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
          StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
          LatestStreamArn:
            'arn:aws:dynamodb:us-east-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000',
          SSEDescription: { Status: 'ENABLED', SSEType: 'KMS', KMSMasterKeyArn: kmsKeyArn },
        },
      });
    }, regions.source.endpoint);
    const { exitCode, out } = await init(
      'us-east-1/Orders',
      'eu-west-1/Orders',
      '--source-endpoint',
      encrypted.endpoint,
    );
    await encrypted.close();

    expect(exitCode).toBe(0);
    expect(out).toContain(`is encrypted with ${kmsKeyArn}`);
    expect(loadConfig(config).replications[0]?.source.kmsKeyArn).toBe(kmsKeyArn);
    expect(loadConfig(config).replications[0]?.destination.kmsKeyArn).toBeUndefined();
  });

  it.each(['localhost:8000', 'nonsense', 'ftp://127.0.0.1', 'http://127.0.0.1:8000/path'])(
    'refuses %s as an endpoint',
    async (url) => {
      const { exitCode, err } = await init(
        'us-east-1/Orders',
        'eu-west-1/Orders',
        '--source-endpoint',
        url,
      );

      expect(exitCode).toBe(2);
      expect(err).toContain(`must be a URL, for example http://127.0.0.1:8000, got "${url}"`);
    },
  );

  it('needs both tables', async () => {
    const { exitCode, err } = await init('us-east-1/Orders');

    expect(exitCode).toBe(2);
    expect(err).toContain('init needs SOURCE and DESTINATION, got "us-east-1/Orders"');
  });

  it('refuses a table as its own twin', async () => {
    const { endpoint } = regions.source;
    const { exitCode, out } = await runHere([
      'init',
      'us-east-1/Orders',
      'eu-west-1/Orders',
      '--config',
      config,
      '--source-endpoint',
      endpoint,
      '--destination-endpoint',
      endpoint,
    ]);

    expect(exitCode).toBe(1);
    expect(out).toContain('us-east-1/Orders is both source and destination.');
  });

  it('speaks JSON to machines', async () => {
    const { exitCode, out } = await init('us-east-1/Orders', 'eu-west-1/Other', '--json');

    expect(exitCode).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      written: null,
      findings: [{ severity: 'error', subject: 'key-schema' }, { subject: 'stream-age' }],
    });
  });

  it('prints a twin with the same keys and indexes, as code that the CDK takes', async () => {
    await regions.source.client.send(INDEXED);
    await regions.source.client.send(EXPIRING);

    const { exitCode, out } = await init(
      'us-east-1/Indexed',
      'eu-west-1/Twin',
      '--create-destination',
    );

    expect(exitCode).toBe(0);
    const { Properties: table, ...protection } = await synthesized(out);
    expect(protection).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    expect(table).toMatchObject({
      TableName: 'Twin',
      BillingMode: 'PAY_PER_REQUEST',
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      Replicas: [
        {
          Region: 'eu-west-1',
          DeletionProtectionEnabled: true,
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        },
      ],
    });
    expect(out).toContain('// For a stack in eu-west-1.');
    expect(table['KeySchema']).toEqual(INDEXED.input.KeySchema);
    expect(table['GlobalSecondaryIndexes']).toEqual(INDEXED.input.GlobalSecondaryIndexes);
    expect(table['LocalSecondaryIndexes']).toEqual(INDEXED.input.LocalSecondaryIndexes);
    expect(existsSync(config)).toBe(false);
  });
});

const INDEXED = new CreateTableCommand({
  TableName: 'Indexed',
  BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'N' },
    { AttributeName: 'by day', AttributeType: 'B' },
  ],
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'days',
      KeySchema: [{ AttributeName: 'by day', KeyType: 'HASH' }],
      Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['total'] },
    },
  ],
  LocalSecondaryIndexes: [
    {
      IndexName: 'local-days',
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'by day', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ],
});

const EXPIRING = new UpdateTimeToLiveCommand({
  TableName: 'Indexed',
  TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
});

interface Resource {
  readonly Properties: Record<string, unknown>;
}

/** The twin that the printed code makes, once the compiler has taken the code. */
async function synthesized(code: string): Promise<Resource> {
  // Beside the project, so that its imports find the CDK.
  const directory = mkdtempSync('node_modules/.twin-');
  try {
    const [imports = '', body = ''] = code.split('\n\n');
    const file = join(directory, 'twin.ts');
    const ours = imports.replace(manifest.name, resolve('lib/index.ts'));
    writeFileSync(
      file,
      `${ours}\nimport type { Construct } from 'constructs';\nexport function twin(this: Construct) {\n${body}\n}\n`,
    );
    execFileSync('node_modules/.bin/tsc', ['--ignoreConfig', ...COMPILER_OPTIONS, file]);
    const { twin } = (await import(pathToFileURL(file).href)) as {
      twin: (this: unknown) => void;
    };
    const stack = new Stack(new App(), 'twin', { env: { region: 'eu-west-1' } });
    twin.call(stack);
    const tables = Template.fromStack(stack).findResources('AWS::DynamoDB::GlobalTable', {
      Properties: { TableName: 'Twin' },
    });
    const [table] = Object.values(tables) as Resource[];
    return table ?? { Properties: {} };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const COMPILER_OPTIONS =
  '--noEmit --strict --skipLibCheck --target es2023 --module nodenext --allowImportingTsExtensions --resolveJsonModule --types node'.split(
    ' ',
  );

describe('wrong tables stop every command before anything is written', () => {
  const commands = [
    ['backfill', '--apply'],
    ['verify', '--settle', '0', '--report', '/nowhere/report'],
    ['repair', '--report', 'none', '--apply'],
  ];
  const replication = (source: object, destination: object) => ({
    replications: [
      {
        name: 'orders',
        source: { region: 'us-east-1', table: 'Orders', create: true, ...KEY, ...source },
        destination: { region: 'eu-west-1', table: 'Orders', ...destination },
      },
    ],
  });
  const KEY = { partitionKey: { name: 'pk', type: 'S' } };
  const cases: ReadonlyArray<readonly [string, () => [object, object], string]> = [
    [
      'a missing destination',
      () => [at(regions.source), { ...at(regions.destination), table: 'Nowhere' }],
      'There is no destination table Nowhere in eu-west-1.',
    ],
    [
      'another key schema',
      () => [at(regions.source), { ...at(regions.destination), table: 'Other' }],
      'The keys differ: us-east-1/Orders has "pk" (S), eu-west-1/Other has "id" (N).',
    ],
    [
      'the same table',
      () => [at(regions.source), at(regions.source)],
      'us-east-1/Orders is both source and destination.',
    ],
  ];

  const at = ({ endpoint }: { endpoint: string }) => ({ endpoint });

  it.each(
    cases.flatMap((one) => commands.map((command) => [command[0], one[0], command, one] as const)),
  )('%s: %s', async (_command, _case, command, [, sides, message]) => {
    const [source, destination] = sides();
    writeFileSync(config, JSON.stringify(replication(source, destination)));

    const { exitCode, err } = await runHere([...command, '--config', config]);

    expect(exitCode).toBe(1);
    expect(err).toContain(message);
    expect(await everything(regions)).toEqual(['', '', '']);
  });

  it.each([
    ['backfill', '--apply'],
    ['repair', '--report', 'none', '--apply'],
  ])('%s: a source without a stream', async (...command) => {
    const source = { ...at(regions.source), table: 'Streamless' };
    writeFileSync(config, JSON.stringify(replication(source, at(regions.destination))));

    const { exitCode, err } = await runHere([...command, '--config', config]);

    expect(exitCode).toBe(1);
    expect(err).toContain('us-east-1/Streamless has no stream.');
  });

  it('a twin that refuses transactions stops what writes, and not what compares', async () => {
    const strong = await startAnswering((operation, pass, say) => {
      if (operation !== 'DescribeTable') return pass();
      const key = { AttributeName: 'pk', KeyType: 'HASH' };
      return say(200, {
        Table: {
          TableStatus: 'ACTIVE',
          KeySchema: [key],
          AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
          MultiRegionConsistency: 'STRONG',
        },
      });
    }, regions.destination.endpoint);
    writeFileSync(config, JSON.stringify(replication(at(regions.source), at(strong))));
    const settings = ['--config', config];
    const report = join(regions.directory, 'strong.jsonl');
    const backfill = await runHere(['backfill', '--apply', ...settings]);
    const verify = await runHere(['verify', '--settle', '0', '--report', report, ...settings]);
    await strong.close();

    expect(backfill.exitCode).toBe(1);
    expect(backfill.err).toContain('is a global table with multi-Region strong consistency.');
    expect(verify).toMatchObject({ exitCode: 0 });
  });

  it('backfill: a state table that is not there', async () => {
    const made = replication(at(regions.source), at(regions.destination));
    const [one] = made.replications;
    writeFileSync(config, JSON.stringify({ replications: [{ ...one, stateTable: 'not-there' }] }));

    const { exitCode, err } = await runHere(['backfill', '--apply', '--config', config]);

    expect(exitCode).toBe(1);
    expect(err).toContain('There is no state table not-there in eu-west-1.');
  });

  it.each(commands.map((command) => [command[0], command] as const))(
    '%s: no permission',
    async (_, command) => {
      const denying = await startDenying();
      writeFileSync(
        config,
        JSON.stringify(replication(at(regions.source), { endpoint: denying.endpoint })),
      );
      try {
        const { exitCode, err } = await runHere([...command, '--config', config]);

        expect(exitCode).toBe(1);
        expect(err).toContain(
          'may not call dynamodb:DescribeTable on Orders in eu-west-1 (AccessDeniedException',
        );
        expect(err).toContain('Allow dynamodb:DescribeTable');
        expect(err).not.toMatch(/\n +at /);
      } finally {
        await denying.close();
      }
    },
  );

  it('tells credentials that are not good from permissions that are missing', async () => {
    const expired = await startAnswering((_operation, _pass, say) =>
      say(400, { __type: 'com.amazon.coral.service#ExpiredTokenException', Message: 'expired' }),
    );
    try {
      const { exitCode, err } = await init(
        'us-east-1/Orders',
        'eu-west-1/Orders',
        '--source-endpoint',
        expired.endpoint,
      );

      expect(exitCode).toBe(1);
      expect(err).toContain('have expired (ExpiredTokenException)');
      expect(err).toContain('Log in again');
      expect(err).not.toContain('Allow ');
    } finally {
      await expired.close();
    }
  });

  it('says so when the configured stream is no longer the table’s', async () => {
    await regions.source.createTable('Restarted', [{ name: 'pk', type: 'S' }], true);
    const streamArn =
      'arn:aws:dynamodb:us-east-1:111122223333:table/Restarted/stream/2020-01-01T00:00:00.000';
    const source = { region: 'us-east-1', table: 'Restarted', streamArn, ...at(regions.source) };
    const destination = { region: 'eu-west-1', table: 'Orders', ...at(regions.destination) };
    writeFileSync(
      config,
      JSON.stringify({ replications: [{ name: 'orders', source, destination }] }),
    );

    const { exitCode, err } = await runHere(['backfill', '--apply', '--config', config]);

    expect(exitCode).toBe(1);
    expect(err).toContain('The configuration names the stream arn:aws:dynamodb:us-east-1');
  });
});

async function everything({ destination }: TwoRegions): Promise<string[]> {
  const tables = ['Orders', 'Other', 'ferry-orders-state'];
  return Promise.all(
    tables.map(async (TableName) => {
      const { Items = [] } = await destination.client.send(new ScanCommand({ TableName }));
      return Items.map((item) => JSON.stringify(item)).join();
    }),
  );
}

/** A DynamoDB that says no to everything. */
function startDenying() {
  const __type = 'com.amazon.coral.service#AccessDeniedException';
  return startAnswering((_target, _pass, say) =>
    say(400, { __type, Message: 'not authorized to perform this' }),
  );
}
