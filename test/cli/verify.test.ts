// `ferry verify` and `ferry repair` as an operator runs them, against real engines.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Item } from '../../src/ports.ts';
import {
  contents,
  openTwoRegions,
  putAll,
  runHere,
  type TwoRegions,
} from '../fixtures/two-regions.ts';

let regions: TwoRegions;
let report: string;
beforeAll(async () => {
  regions = await openTwoRegions();
  await regions.adopt();
  report = join(regions.directory, 'report.jsonl');
});
afterAll(() => regions.close());

const version = { _ferry: { M: { v: { S: `0001.${'1'.repeat(13)}.${'0'.repeat(40)}` } } } };
const item = (pk: string, total: string, more: Item = {}): Item => ({
  pk: { S: pk },
  total: { N: total },
  ...more,
});
const twin = (pk: string, total: string, more: Item = {}) =>
  item(pk, total, { ...more, ...version });
const put = (side: 'source' | 'destination', one: Item) =>
  regions[side].client.send(new PutItemCommand({ TableName: 'Orders', Item: { ...one } }));

/** Forty equal items, and one of each kind of difference. */
beforeEach(async () => {
  for (const side of ['source', 'destination'] as const) {
    for (const pk of (await contents(regions[side], 'Orders')).keys()) {
      await regions[side].client.send(
        new DeleteItemCommand({ TableName: 'Orders', Key: { pk: { S: pk } } }),
      );
    }
  }
  const names = Array.from({ length: 40 }, (_, index) => `same-${index}`);
  await putAll(
    regions.source,
    'Orders',
    names.map((name) => item(name, '1')),
  );
  await putAll(
    regions.destination,
    'Orders',
    names.map((name) => twin(name, '1.0')),
  );
});

async function plant(): Promise<void> {
  await put('source', item('missing', '1'));
  await put('source', item('changed', '1', { nested: { M: { a: { S: 'secret' } } } }));
  await put('destination', twin('changed', '2', { nested: { M: { a: { S: 'other' } } } }));
  await put('destination', twin('extraneous', '1'));
}

const verify = (...args: string[]) =>
  regions.ferry('verify', '--settle', '0', '--report', report, ...args);

describe('ferry verify', () => {
  it('finds equal tables equal', async () => {
    const { exitCode, out, err } = await verify();

    expect(exitCode).toBe(0);
    expect(out).toContain('The tables are equal.');
    expect(out).toMatch(/items of the source +40/);
    expect(err).toBe('');
  });

  it('lists ten differences, and says how many more there are, and where', async () => {
    const names = Array.from({ length: 13 }, (_, index) => `lost-${index}`);
    await putAll(
      regions.source,
      'Orders',
      names.map((name) => item(name, '1')),
    );

    const { out } = await verify();

    expect(out.match(/^missing \{/gm)).toHaveLength(10);
    expect(out).toContain(`\n3 more: see ${report}.\n`);
  });

  it('names a pause instead of a repair', async () => {
    regions.lambda.mappings = [{ id: 'a1b2', state: 'Enabled', streamArn: regions.streamArn }];
    await regions.ferry('pause', '--apply');
    await plant();

    const [paused, json] = [await verify(), await verify('--json')];
    await regions.ferry('resume', '--apply');
    const resumed = await verify();

    expect(paused.exitCode).toBe(3);
    expect(paused.out).toMatch(
      /The replication is paused since \S+Z, .*`ferry resume --apply --config \S+`/,
    );
    expect(paused.out).not.toContain('ferry repair');
    expect(JSON.parse(json.out)).toMatchObject({
      pausedSince: expect.stringMatching(/Z$/) as string,
    });
    expect(resumed.out).toContain('ferry repair');
    expect(resumed.out).not.toContain('paused');
    expect(paused.out).not.toContain('dead letters');
  });

  it('lists differences by key and attribute, and never their contents', async () => {
    await plant();

    const { exitCode, out } = await verify();
    const lines = readFileSync(report, 'utf8').trim().split('\n');

    expect(exitCode).toBe(3);
    expect(out).toContain('missing {"pk":{"S":"missing"}}');
    expect(out).toContain('different {"pk":{"S":"changed"}}: nested, total');
    expect(out).toContain('extraneous {"pk":{"S":"extraneous"}}');
    expect(out).toContain(`ferry repair --report ${report}`);
    expect(out.split('\n').findLast((line) => line !== '')).toMatch(
      /^If `ferry status --config \S+` shows dead letters, run `ferry redrive --config \S+` first\.$/,
    );
    expect(lines).toHaveLength(5);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      ferry: 'differences',
      replication: 'orders',
    });
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ summary: { missing: 1, different: 1 } });
    expect(out + lines.join('')).not.toMatch(/secret|other/);
  });

  it('tells contents to those who ask', async () => {
    await plant();

    await verify('--values');

    expect(readFileSync(report, 'utf8')).toMatch(/"source":.*secret.*"destination":.*other/);
  });

  it('speaks JSON to machines', async () => {
    await plant();

    const { exitCode, out } = await verify('--json');

    expect(exitCode).toBe(3);
    expect(JSON.parse(out)).toMatchObject({
      replication: 'orders',
      equal: false,
      items: 42,
      destinationItems: 42,
      missing: 1,
      different: 1,
      extraneous: 1,
      inFlight: 0,
      report,
    });
  });

  it.each([
    ['same-1', 0, 'The items are equal.'],
    ['missing', 3, 'missing {"pk":{"S":"missing"}}'],
    ['nowhere', 3, 'Neither table has an item with this key'],
  ])('looks at one item: %s', async (pk, expected, line) => {
    await plant();

    const key = JSON.stringify({ pk });
    const { exitCode, out } = await regions.ferry('verify', '--settle', '0', '--key', key);

    expect(exitCode).toBe(expected);
    expect(out).toContain(line);
  });

  it.each([
    [['--sample', '1'], '--sample must be from 0.1% to 100%, got "1"'],
    [['--key', '{"id":"a"}'], '--key must have pk (S), got id (S)'],
    [['--key', '{"pk":1}'], '--key must have pk (S), got pk (N)'],
    [['--report', '/nowhere/at/all'], 'Cannot write the report /nowhere/at/all:'],
  ])('explains %j', async (args, message) => {
    const { exitCode, err } = await regions.ferry('verify', ...args);

    expect(exitCode).toBe(2);
    expect(err).toContain(message);
  });
});

describe('ferry repair', () => {
  const repair = (...args: string[]) =>
    regions.ferry('repair', '--settle', '0', '--report', report, ...args);

  it('shows what it would do, and changes nothing', async () => {
    await plant();
    await verify();
    const before = await contents(regions.destination, 'Orders');

    const { exitCode, out } = await repair();

    expect(exitCode).toBe(3);
    expect(out).toContain('3 listed items. Nothing was changed.');
    expect(out).toMatch(/to write +2/);
    expect(out).toMatch(/to delete +1/);
    expect(await contents(regions.destination, 'Orders')).toEqual(before);
  });

  it('repairs what differs, and the tables are equal then', async () => {
    await plant();
    await verify();

    const { exitCode, out } = await repair('--apply', '--json');

    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ looked: 3, put: 2, deleted: 1, left: 0, inFlight: 0 });
    expect((await verify()).exitCode).toBe(0);
    expect((await contents(regions.destination, 'Orders')).get('extraneous')).toBeUndefined();
  });

  it.each([[], ['--apply']])(
    'leaves what is not Ferry’s where it is kept, and says that it differs: %s',
    async (...args) => {
      await put('destination', item('somebody-elses', '1'));
      await verify();
      const config = join(regions.directory, 'kept.json');
      const settings = JSON.parse(readFileSync(regions.config, 'utf8')) as {
        replications: object[];
      };
      const replications = settings.replications.map((one) => ({
        ...one,
        unversionedItems: 'keep',
      }));
      writeFileSync(config, JSON.stringify({ replications }));
      const options = ['--settle', '0', '--report', report, '--config', config];

      const { exitCode, out } = await runHere(['repair', ...options, ...args]);

      expect(exitCode).toBe(3);
      expect(out).toContain('is not Ferry’s and is kept');
      expect((await contents(regions.destination, 'Orders')).has('somebody-elses')).toBe(true);
    },
  );

  it('leaves alone what is equal by now', async () => {
    await plant();
    await verify();
    await repair('--apply');

    const { exitCode, out } = await repair('--apply', '--json');

    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ looked: 3, equal: 3, put: 0, deleted: 0 });
  });

  it.each([
    ['no report at all', 'not json', 'its first line is not the header of one'],
    ['a report of others', '{"ferry":"differences","replication":"carts"}', 'it is about "carts"'],
    [
      'a key of another table',
      '{"ferry":"differences","replication":"orders"}\n{"kind":"missing","key":{"id":{"S":"a"}}}',
      'line 2 names no key of this table',
    ],
    ['an empty file', '', 'it is empty'],
  ])('refuses %s', async (_, text, message) => {
    writeFileSync(report, text);

    const { exitCode, err } = await repair('--apply');

    expect(exitCode).toBe(2);
    expect(err).toContain(message);
  });

  it('needs a report', async () => {
    const { exitCode, err } = await regions.ferry('repair');

    expect(exitCode).toBe(2);
    expect(err).toContain('needs the report of');
  });
});
