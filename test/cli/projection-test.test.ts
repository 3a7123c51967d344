// `ferry projection test` on a real engine: projections that are well, and modules that are hostile.

import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CreateTableCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import type { Io } from '../../src/cli/output.ts';
import { loadConfig } from '../../src/config/config-file.ts';
import { functionVariables } from '../../src/config/function-variable.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { startLocalSecrets } from '../../src/local/run/local-secrets.ts';
import type { Item } from '../../src/ports.ts';
import {
  contents,
  openTwoRegions,
  putAll,
  runHere,
  type TwoRegions,
} from '../fixtures/two-regions.ts';

const itemAt = (index: number): Item => ({
  pk: { S: `item-${index}` },
  n: { N: String(index) },
  email: { S: `person${index}@example.com` },
  name: { S: `Person\u001b[31m ${index}` },
  country: { S: index % 5 === 0 ? 'us' : 'de' },
  profile: { M: { phone: { S: '+49 30 123' }, total: { N: '12.50' }, tags: { SS: ['a', 'b'] } } },
});
const ITEMS = Array.from({ length: 10 }, (_, index) => itemAt(index));

let regions: TwoRegions;
let replication: { readonly source: { readonly streamArn: string } };
let files = 0;
beforeAll(async () => {
  regions = await openTwoRegions();
  await putAll(regions.source, 'Orders', ITEMS);
  const file = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: [typeof replication];
  };
  [replication] = file.replications;
  for (const name of ['BothImages', 'Many', 'Empty', 'Large']) await createTable(name);
  await putAll(regions.source, 'BothImages', ITEMS);
});
afterAll(() => regions.close());

async function createTable(TableName: string): Promise<void> {
  await regions.source.client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    }),
  );
}

interface Setup {
  readonly projection?: object;
  /** @default Orders, whose stream has no old images */
  readonly table?: string;
  readonly secrets?: string;
  readonly args?: readonly string[];
  readonly world?: Partial<Io>;
}

async function ferry({ projection, table = 'Orders', secrets, args = [], world = {} }: Setup) {
  const config = join(regions.directory, `projection-${(files += 1)}.json`);
  const streamArn = replication.source.streamArn.replace('/Orders/', `/${table}/`);
  const endpoints = secrets === undefined ? {} : { endpoints: { secretsmanager: secrets } };
  const source = { ...replication.source, table, streamArn, ...endpoints };
  const replications = [{ ...replication, source, ...(projection && { projection }) }];
  writeFileSync(config, JSON.stringify({ replications }));
  const out: string[] = [];
  const err: string[] = [];
  const exitCode = await main(['projection', 'test', '--config', config, ...args], {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    status: () => undefined,
    isTerminal: false,
    environment: {},
    interrupted: new AbortController().signal,
    ...world,
  });
  return { exitCode, out, text: out.join('\n'), err: err.join('\n') };
}

async function facts(setup: Setup): Promise<Facts> {
  const args = [...(setup.args ?? []), '--json', '--seed', '7'];
  const { exitCode, out, err } = await ferry({ ...setup, args });
  expect(err).toBe('');
  return { ...(JSON.parse(out.join('')) as Facts), exitCode };
}

interface Facts {
  readonly exitCode: number;
  readonly items: number;
  readonly problems: ReadonlyArray<{ kind: string; key: object; reason: string }>;
  readonly samples: ReadonlyArray<Readonly<Record<string, unknown>>>;
  readonly [name: string]: unknown;
}

const module = (name: string) => ({ module: resolve('test/fixtures/projections', `${name}.mjs`) });
const WELL = { projection: module('orders'), table: 'BothImages' };
const RULES = {
  attributes: {
    drop: ['email'],
    rename: { name: 'fullName', 'profile.phone': 'tel' },
    set: { region: { S: 'eu' } },
  },
};

describe('a projection that is well', () => {
  it('is shown by what becomes of each attribute, aligned', async () => {
    const { exitCode, text, err } = await ferry({ ...WELL, args: ['--show', '10'] });

    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
    expect(text).toMatch(/^orders, us-east-1\/BothImages to \S+: projection [0-9a-f]{12}…\n/);
    // The first item, which is another one each time, has the titles.
    const titles = /^ +attribute +source +twin\n/m;
    expect(text).toMatch(titles);
    const rows = text.replace(titles, '');
    expect(rows).toContain(
      [
        '{"pk":{"S":"item-4"}}',
        '  same     pk             {"S":"item-4"}',
        '  same     country        {"S":"de"}',
        '  dropped  email          {"S":"person4@example.com"}',
        '  same     n              {"N":"4"}',
        '  renamed  name           {"S":"Person\\u001b[31m 4"}   as fullName',
        '  changed  profile.total  {"N":"12.5"}                 {"N":"25"}',
        '  set      region                                      {"S":"eu-west-1"}',
      ].join('\n'),
    );
    expect(rows).toMatch(/\{"pk":\{"S":"item-0"\}\}\n {2}left out: \{"country":\{"S":"us"\},/);
    expect(text).toMatch(/\n {2}kept +8\n {2}left out +2\n {2}failed +0\n {2}unstable +0\n/);
    expect(text).toMatch(/three times, with the same result\. Nothing was changed\.$/);
    expect(text).not.toContain('\u001b');
  });

  it('is one object for scripts', async () => {
    const { samples, digest, ...found } = await facts({ ...WELL, args: ['--show', '10'] });

    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(found).toEqual({
      exitCode: 0,
      replication: 'orders',
      isWell: true,
      items: 10,
      kept: 8,
      leftOut: 2,
      failed: 0,
      unstable: 0,
      tooLarge: 0,
      bytesBefore: 1_029,
      bytesAfter: 776,
      largest: { bytes: 97, key: { pk: { S: expect.any(String) as string } } },
      isWholeTable: true,
      readUnits: expect.any(Number) as number,
      seed: 7,
      streamViewType: 'NEW_AND_OLD_IMAGES',
      lacksOldImages: false,
      problems: [],
    });
    expect(samples).toHaveLength(10);
    const item = samples.find(({ key }) => JSON.stringify(key).includes('item-4'));
    expect(item).toMatchObject({
      leftOut: false,
      before: { email: { S: 'person4@example.com' } },
      after: { fullName: { S: 'Person\u001b[31m 4' }, profile: { M: { total: { N: '25' } } } },
    });
    expect(item?.['changes']).toContainEqual({ kind: 'renamed', path: 'name', to: 'fullName' });
  });

  it.each([[[]], [['--json']]])(
    'tells no value but those of keys with --keys-only %j',
    async (args) => {
      const some = { projection: RULES, args: ['--keys-only', '--show', '10', ...args] };
      const all = await ferry(some);
      const leaving = await ferry({ ...WELL, args: some.args });

      for (const { exitCode, text } of [all, leaving]) {
        expect(exitCode).toBe(0);
        expect(text).toContain('item-4');
        expect(text).toContain('fullName');
        expect(text).not.toMatch(/example\.com|Person|"de"|12\.5|\+49|eu-west-1"/);
      }
    },
  );

  it.each([40, 80, 120])('fits a terminal of %i columns', async (columns) => {
    const world = { resultColumns: () => columns };
    const { out } = await ferry({ ...WELL, args: ['--show', '10'], world });
    const words = out.filter((line) => !/^ {2}\w/.test(line));

    expect(out.filter((line) => !words.includes(line) && line.length > columns)).toEqual([]);
    expect(words.filter((line) => line.length > columns && line.includes(' '))).toEqual([]);
  });

  it('can have rules, and needs no old images where it keeps every item', async () => {
    const found = await facts({ projection: RULES });

    expect(found).toMatchObject({ exitCode: 0, kept: 10, streamViewType: 'NEW_IMAGE' });
    expect(found.samples[0]?.['changes']).toContainEqual({
      kind: 'renamed',
      path: 'profile.phone',
      to: 'tel',
    });
  });

  it('shows hashes, and none of their keys', async () => {
    const secrets = await startLocalSecrets();
    const secret = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:ferry/hash-AbCdEf';
    const versionId = '11111111-aaaa-4aaa-8aaa-111111111111';
    const hash = { attribute: 'email', secret, versionId };
    try {
      const setup = { projection: { attributes: { hash } }, secrets: secrets.endpoint };
      const { exitCode, text } = await ferry(setup);

      expect(exitCode).toBe(0);
      expect(text).toMatch(
        /\n {2}hashed +email +\{"S":"person\d@example.com"\} +\{"S":"[\w-]{43}"\}\n/,
      );
      expect(text).not.toContain('ferry local');
    } finally {
      await secrets.stop();
    }
  });

  it('changes nothing', async () => {
    await ferry(WELL);

    expect([...(await contents(regions.source, 'BothImages')).values()]).toHaveLength(10);
    expect([...(await contents(regions.destination, 'Orders')).keys()]).toEqual([]);
    expect([...(await contents(regions.destination, 'ferry-orders-state', String)).keys()]).toEqual(
      [],
    );
  });

  it('says that an empty table has tested nothing', async () => {
    const { exitCode, text } = await ferry({ ...WELL, table: 'Empty' });

    expect(exitCode).toBe(0);
    expect(text).toMatch(/The source has no items, so nothing was tested\.$/);
  });
});

describe('the sample', () => {
  beforeAll(async () => {
    const items = Array.from({ length: 500 }, (_, index) => {
      return { ...itemAt(index), text: { S: 'x'.repeat(3_000) } };
    });
    await putAll(regions.source, 'Many', items);
  }, 120_000);

  it('is chosen by a seed', async () => {
    const setup = { projection: RULES, table: 'Many' };
    const keysOf = async (seed: string) => {
      const args = ['--sample', '20', '--show', '20', '--json', '--seed', seed];
      const { out } = await ferry({ ...setup, args });
      const { items, isWholeTable, samples } = JSON.parse(out.join('')) as Facts;
      expect({ items, isWholeTable }).toEqual({ items: 20, isWholeTable: false });
      return new Set(samples.map(({ key }) => JSON.stringify(key)));
    };
    const first = await keysOf('1');

    expect(first.size).toBe(20);
    expect(await keysOf('1')).toEqual(first);
    expect(await keysOf('2')).not.toEqual(first);
  });

  it('is every item of a table that has no more', async () => {
    expect(await facts({ projection: RULES, table: 'BothImages' })).toMatchObject({
      items: 10,
      isWholeTable: true,
    });
  });
});

describe('a projection that is not well', () => {
  it('leaves items out, and the stream has no old images', async () => {
    const { exitCode, text } = await ferry({ projection: module('orders') });

    expect(exitCode).toBe(3);
    expect(text).toContain('Enable the stream again with NEW_AND_OLD_IMAGES.');
    expect(text).toMatch(/Do not deploy the projection like this\.$/);
  });

  it.each([
    ['throws', 1, 'failed', 'ProjectionFailed: the module threw Error: odd \u001b[31mitem'],
    ['exits', 10, 'failed', /^ProjectionFailed: .*a module cannot end the process$/],
    ['changes-key', 10, 'failed', /^ProjectionKeyChanged: /],
    ['promise', 10, 'failed', /^ProjectionNotStorable: the module returned a promise/],
    ['thenable', 10, 'failed', /^ProjectionNotStorable: /],
    ['huge', 10, 'failed', /^ProjectionNotStorable: /],
    ['prototype', 10, 'failed', /^Projection\w+: /],
    ['getter', 10, 'failed', /^ProjectionNotStorable: /],
    ['counter', 10, 'unstable', 'other values in calls'],
    ['random', 10, 'unstable', 'other values in part'],
    ['date', 10, 'unstable', 'other values in at'],
  ])('%s: %i items are %s', async (name, count, kind, reason) => {
    const { exitCode, isWell, problems, ...found } = await facts({
      projection: module(name),
      table: 'BothImages',
    });

    expect({ exitCode, isWell, [kind]: found[kind] }).toEqual({
      exitCode: 3,
      isWell: false,
      [kind]: count,
    });
    expect(problems).toHaveLength(count);
    for (const problem of problems) {
      expect(problem).toMatchObject({ kind, key: { pk: { S: expect.any(String) as string } } });
      expect(problem.reason).toMatch(reason);
    }
  });

  it('makes an item that is too large with its version', async () => {
    const text = { S: 'x'.repeat(409_300) };
    await regions.source.client.send(
      new PutItemCommand({ TableName: 'Large', Item: { pk: { S: 'a' }, text } }),
    );
    const projection = { attributes: { set: { more: { S: 'y'.repeat(200) } } } };
    const { text: shown } = await ferry({ projection, table: 'Large' });
    const found = await facts({ projection, table: 'Large' });

    expect(found).toMatchObject({ exitCode: 3, kept: 1, tooLarge: 1, bytesAfter: 409_511 });
    expect(found.problems).toMatchObject([{ kind: 'too-large', reason: '409,511 bytes' }]);
    expect(shown).toContain('too-large {"pk":{"S":"a"}}: 409,511 bytes');
  });

  it('keeps state: what it leaves out depends on the order', async () => {
    const { exitCode, unstable, problems } = await facts({
      projection: module('first-seen'),
      table: 'BothImages',
    });

    // The first two, and the last two.
    expect({ exitCode, unstable }).toEqual({ exitCode: 3, unstable: 4 });
    expect(problems[0]?.reason).toBe('not every call returned an item');
  });

  it('lists the first problems, visibly, and with --keys-only without its messages', async () => {
    const { text } = await ferry({ projection: module('throws'), table: 'BothImages' });
    const hidden = await ferry({ projection: module('throws'), args: ['--keys-only'] });
    const many = await ferry({ projection: module('counter'), table: 'Many' });

    expect(text).toContain(
      'failed {"pk":{"S":"item-1"}}: ProjectionFailed: the module threw Error: odd \\u001b[31mitem',
    );
    expect(text).toContain('Changes of items that fail go to the dead-letter queue.');
    expect(hidden.text).toContain('\nfailed {"pk":{"S":"item-1"}}: ProjectionFailed\n');
    expect(hidden.text).not.toContain('odd');
    expect(many.text.match(/^unstable \{/gm)).toHaveLength(20);
    expect(many.text).toContain('\n80 more.\n');
  });
});

describe('a module that does not end well', () => {
  it('is ended where it does not return, and the key is named', async () => {
    const args = ['--seconds-per-item', '2'];
    const { exitCode, out, err } = await ferry({ projection: module('never-returns'), args });

    expect({ exitCode, out }).toEqual({ exitCode: 1, out: [] });
    expect(err).toMatch(
      /^ferry: The module has not returned within 2 s for the item \{"pk":\{"S":"item-2"\}\}\.\nHint: /,
    );
  });

  it('is ended where it cannot even be loaded', async () => {
    const args = ['--seconds-per-item', '2'];
    const { exitCode, err } = await ferry({ projection: module('never-loads'), args });

    expect(exitCode).toBe(1);
    expect(err).toContain('The module has not returned within 2 s while it was loaded.');
  });

  it('is ended by Ctrl-C', async () => {
    const stop = new AbortController();
    const args = ['--seconds-per-item', '900'];
    setTimeout(() => stop.abort(), 500);
    const { exitCode, out, err } = await ferry({
      projection: module('never-loads'),
      args,
      world: { interrupted: stop.signal },
    });

    expect({ exitCode, out, err }).toEqual({
      exitCode: 3,
      out: [],
      err: 'Stopped. Nothing was changed.',
    });
  });

  it.each([
    ['exits-at-once', 'The module of the projection has ended its thread.'],
    ['later', 'The module of the projection failed with Error: too late.'],
  ])('%s: says so', async (name, message) => {
    const { exitCode, out, err } = await ferry({ projection: module(name) });

    expect({ exitCode, out }).toEqual({ exitCode: 1, out: [] });
    expect(err).toContain(`ferry: ${message}\nHint: `);
  });
});

describe('wrong usage', () => {
  it.each([
    ['there is no projection', undefined, 'The replication orders has no projection.'],
    ['the module is missing', module('nothing'), 'nothing.mjs'],
    ['the function is asynchronous', module('async-function'), 'exports an async function'],
  ])('%s', async (_, projection, message) => {
    const { exitCode, out, err } = await ferry(projection === undefined ? {} : { projection });

    expect({ exitCode, out }).toEqual({ exitCode: 2, out: [] });
    expect(err).toMatch(/^ferry: .*\nHint: .*\.$/);
    expect(err).toContain(message);
  });

  it('a module of a deployed function, which only the file of the deployment has', async () => {
    const [config] = loadConfig(regions.config).replications as [ReplicationConfig];
    regions.lambda.variables = functionVariables({
      replication: { ...config, projection: module('orders') },
      streamArn: regions.streamArn,
      deadLetterQueueUrl: 'http://127.0.0.1:1/queue',
      onFailureBucket: 'failures',
      lookAgainQueueUrl: 'http://127.0.0.1:1/queue',
      projectionDigest: '1'.repeat(64),
    });
    const args = ['--deployed', 'us-east-1/orders'];
    const { exitCode, err } = await runHere(['projection', 'test', ...args]);

    expect({ exitCode, err }).toEqual({ exitCode: 2, err: expect.any(String) as string });
    expect(err).toContain('has the module orders.mjs as its projection');
    expect(err).toContain('Hint: Use --config with the file that has been deployed.');
  });

  it('a file that imports another, before the source is read', async () => {
    const path = join(regions.directory, 'imports.mjs');
    writeFileSync(path, "import 'node:fs';\nexport function project(item) { return item; }\n");
    const { exitCode, err } = await ferry({ projection: { module: path }, table: 'Nowhere' });

    expect(exitCode).toBe(2);
    expect(err).toContain('imports node:fs');
  });
});
