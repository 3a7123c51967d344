// `ferry verify --sample`: what it reads, what it says that this proves, and what it never replaces.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { differingBelow } from '../../src/verify/confidence.ts';
import { openSizedEndpoint, type SizedEndpoint } from '../fixtures/table-size.ts';
import { openTwoRegions, putAll, type TwoRegions } from '../fixtures/two-regions.ts';

const ITEMS = 60;
const [SMALL, LARGE] = [2_000, 2 * 1_024 * 1_024];

let regions: TwoRegions;
let source: SizedEndpoint;
/** What DynamoDB says of the source. */
let sizeBytes: number;
beforeAll(async () => {
  regions = await openTwoRegions();
  await regions.adopt();
  const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: [{ source: { endpoint: string } }];
  };
  const [{ source: place }] = replications;
  source = await openSizedEndpoint(place.endpoint, () => sizeBytes);
  place.endpoint = source.endpoint;
  writeFileSync(regions.config, JSON.stringify({ replications }));
  const items = Array.from({ length: ITEMS }, (_, index) => ({ pk: { S: `item-${index}` } }));
  for (const side of ['source', 'destination'] as const)
    await putAll(regions[side], 'Orders', items);
}, 60_000);
beforeEach(() => {
  sizeBytes = LARGE;
});
afterAll(async () => {
  await source.close();
  await regions.close();
});

interface Result {
  readonly equal: boolean;
  readonly items: number;
  readonly destinationItems: number;
  readonly sourceReadUnits: number;
  readonly scope: string;
  readonly report?: string;
  readonly sample?: Readonly<Record<string, unknown>>;
}

const verify = (...args: string[]) => regions.ferry('verify', '--settle', '0', ...args);
const reportIn = (name: string) => join(regions.directory, name);

describe('of a table that is small', () => {
  beforeEach(() => {
    sizeBytes = SMALL;
  });

  it('reads everything, and says so', async () => {
    const report = reportIn('small.jsonl');

    const { exitCode, out, err } = await verify('--sample', '1%', '--report', report);

    expect(exitCode).toBe(0);
    expect(out).toMatch(/items of the source +60\n/);
    expect(out).toContain('The tables are equal.');
    expect(out).toContain(
      'Verify compared everything instead of a sample, because the tables are small.',
    );
    expect(out).not.toContain('confidence');
    expect(err).toContain('Verify compares everything instead of a sample of 1%');
  });

  it('tells machines the same', async () => {
    const report = reportIn('small.jsonl');

    const { out } = await verify('--sample', '1%', '--report', report, '--json');

    expect(JSON.parse(out)).toMatchObject({
      equal: true,
      items: ITEMS,
      scope: 'everything',
      sample: { percent: 1, everything: true, why: 'small' },
    });
    expect(readFileSync(report, 'utf8')).toContain('"scope":"everything"');
  });
});

describe('of a table that is larger', () => {
  const sampled = async (...args: string[]) => {
    const report = reportIn('sample.jsonl');
    const finished = await verify('--sample', '30%', '--report', report, ...args);
    return { ...finished, report };
  };

  it('reads a part, and says what that proves and what it does not', async () => {
    const { exitCode, out, err, report } = await sampled();

    expect(exitCode).toBe(0);
    expect(err).not.toContain('instead of a sample');
    expect(out).toContain('The sampled segments of the tables are equal.');
    expect(out).toMatch(
      /\n0 of \d+ sampled items differ: with 95 % confidence fewer than [\d.]+ % do\.\n/,
    );
    expect(out).toMatch(
      /The sample is 154 of 512 ranges of the key space, chosen at random\. .* than the largest of the sample \(\d\)\./,
    );
    expect(out).not.toContain('The tables are equal');
    expect(readFileSync(report, 'utf8')).toContain('"scope":"sample"');
  });

  it('counts for machines what was drawn, read and proved', async () => {
    const result = JSON.parse((await sampled('--json')).out) as Result;

    expect(result).toMatchObject({ equal: true, scope: 'sample' });
    // Three of ten segments; the odds of none or all of sixty items are nil.
    expect(result.items).toBeGreaterThan(0);
    expect(result.items).toBeLessThan(ITEMS);
    const { segments, totalSegments, largestRange, itemsBelow, segmentsBelow } =
      result.sample as Record<string, number>;
    expect(result.sample).toMatchObject({
      percent: 30,
      everything: false,
      items: result.items,
      differing: 0,
      confidence: 0.95,
    });
    expect([segments, totalSegments]).toEqual([154, 512]);
    // None of n: less than 3 / n.
    expect(segmentsBelow).toBeLessThan(3 / (segments ?? 0));
    // As many independent items as there would be ranges, if all were as large as the largest.
    expect(itemsBelow).toBe(
      differingBelow({
        sampled: Math.floor(result.items / (largestRange ?? 0)),
        differing: 0,
      }),
    );
  });

  it('exits with 3 where a sampled item differs, and widens its bounds', async () => {
    // All of them: whichever segments are drawn.
    for (let index = 0; index < ITEMS; index += 1) {
      const pk = { S: `item-${index}` };
      await regions.destination.client.send(
        new PutItemCommand({ TableName: 'Orders', Item: { pk, more: { N: '1' } } }),
      );
    }

    const { exitCode, out } = await sampled('--json');

    expect(exitCode).toBe(3);
    const { sample = {}, items } = JSON.parse(out) as Result;
    expect(sample).toMatchObject({ differing: items, itemsBelow: 1 });
    // All may: nothing is ruled out.
    expect((await sampled()).out).toMatch(
      /(\d+) of \1 sampled items differ: the sample is too small to say how many do\./,
    );
  });

  it('proves nothing where its segments are empty, whatever DynamoDB counted before', async () => {
    // So many segments that none of those few that are drawn has one of the sixty items; or hardly ever.
    sizeBytes = 64 * LARGE;
    const report = reportIn('empty.jsonl');
    const empty = async (...args: string[]) => {
      for (let tries = 1; tries <= 20; tries += 1) {
        const finished = await verify('--sample', '0.1%', '--report', report, '--json', ...args);
        if ((JSON.parse(finished.out) as Result).items === 0) return finished;
      }
      throw new Error('every sample had an item');
    };

    const { exitCode, out } = await empty();

    expect(exitCode).toBe(3);
    expect(JSON.parse(out)).toMatchObject({ equal: false, items: 0, destinationItems: 0 });
  });
});

describe('what proves less', () => {
  it.each([
    [['--sample', '30%'], 'the report of a sample does not replace it'],
    [['--key', '{"pk":"item-0"}'], 'the report of one item does not replace it'],
  ])('never replaces the report of everything: %j', async (args, why) => {
    const report = reportIn('whole.jsonl');
    await verify('--report', report);
    const whole = readFileSync(report, 'utf8');

    const { exitCode, err } = await verify(...args, '--report', report);

    expect(exitCode).toBe(2);
    expect(err).toContain(why);
    expect(readFileSync(report, 'utf8')).toBe(whole);
  });

  it('is replaced by what proves more, or as much', async () => {
    const report = reportIn('replaced.jsonl');
    const scopeOf = async (...args: string[]) => {
      await verify('--report', report, ...args);
      return (JSON.parse(readFileSync(report, 'utf8').split('\n')[0] ?? '') as Result).scope;
    };

    expect(await scopeOf('--key', '{"pk":"item-0"}')).toBe('key');
    expect(await scopeOf('--sample', '30%')).toBe('sample');
    expect(await scopeOf()).toBe('everything');
  });

  it('is told of by the repair that takes it', async () => {
    const report = reportIn('of-a-sample.jsonl');
    await verify('--sample', '30%', '--report', report);

    const { err } = await regions.ferry('repair', '--settle', '0', '--report', report);

    expect(err).toContain('This report covers only a sample. There may be more differences.');
    expect(existsSync(report)).toBe(true);
  });
});
