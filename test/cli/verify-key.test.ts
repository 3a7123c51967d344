// `ferry verify --key`: finds the item whose key was typed, to the last digit, and says so where there is none.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTwoRegions, type TwoRegions } from '../fixtures/two-regions.ts';

const DIGITS = '0.12345678901234567890123456789012345678';

let regions: TwoRegions;
beforeAll(async () => {
  regions = await openTwoRegions([
    { name: 'pk', type: 'N' },
    { name: 'sk', type: 'B' },
  ]);
  await regions.adopt();
  const sk = { B: Uint8Array.of(0, 255) };
  const put = (side: 'source' | 'destination', pk: string, value: string) =>
    regions[side].client.send(
      new PutItemCommand({ TableName: 'Orders', Item: { pk: { N: pk }, sk, value: { S: value } } }),
    );
  // What a double makes of the digits is another item, and equal.
  await put('source', String(Number(DIGITS)), 'x');
  await put('destination', String(Number(DIGITS)), 'x');
  await put('source', DIGITS, 'x');
  await put('destination', DIGITS, 'y');
  await put('source', '9007199254740993', 'x');
  await put('source', '150', 'x');
  await put('destination', '150', 'x');
}, 60_000);
afterAll(() => regions.close());

const verify = (...args: string[]) => regions.ferry('verify', '--settle', '0', ...args);
const key = (pk: string) => `{"sk":{"B":"AP8="},"pk":${pk}}`;

it.each([
  ['plain', key(DIGITS), 3, 'The items differ'],
  ['typed', key(`{"N":"${DIGITS}"}`), 3, 'The items differ'],
  ['its neighbour', key(String(Number(DIGITS))), 0, 'The items are equal.'],
  ['an integer beyond a double', key('9007199254740993'), 3, 'missing'],
  ['its neighbour', key('9007199254740992'), 3, 'Neither table has an item with this key'],
  ['with an exponent', key('1.50E+2'), 0, 'The items are equal.'],
])('finds the item of the very digits: %s', async (_, typed, expected, line) => {
  const { exitCode, out } = await verify('--key', typed);

  expect(exitCode).toBe(expected);
  expect(out).toContain(line);
});

it('says that neither table has an item, and fails the check', async () => {
  const { exitCode, out } = await verify('--key', key('7'));
  const json = await verify('--key', key('7'), '--json');

  expect(exitCode).toBe(3);
  expect(out).toBe(
    'Neither table has an item with this key, so nothing was compared. Check the key.',
  );
  expect(json.exitCode).toBe(3);
  expect(JSON.parse(json.out)).toMatchObject({
    equal: false,
    found: false,
    scope: 'key',
    items: 0,
    destinationItems: 0,
  });
  expect(JSON.parse((await verify('--key', key('150'), '--json')).out)).toMatchObject({
    equal: true,
    found: true,
    items: 1,
    destinationItems: 1,
  });
});

it.each([
  ['{"pk":7}', 'sk (B) is missing'],
  ['{"pk":7,"sk":"AP8="}', 'sk must be binary, as base64 in {"B":"AP8="}, got one of type S'],
  ['{"pk":"7","sk":{"B":"AP8="}}', 'pk must be a number, as in 7 or {"N":"7"}, got one of type S'],
  ['{"pk":7,"sk":{"B":"AP8="},"x":1}', 'x is not a key attribute of the table'],
  ['{"pk":1e126,"sk":{"B":"AP8="}}', 'pk is out of range'],
  ['{"pk":7,"sk":{"B":"?"}}', 'sk must be base64 text'],
  ['{pk:7}', '--key must be the JSON of a key, got {pk:7}'],
])('explains %s', async (typed, message) => {
  const { exitCode, err } = await verify('--key', typed);

  expect(exitCode).toBe(2);
  expect(err).toContain(message);
});

it('puts values into a report only: refuses them without one', async () => {
  const { exitCode, out, err } = await verify('--key', key(DIGITS), '--values');

  expect(exitCode).toBe(2);
  expect(out).toBe('');
  expect(err).toContain('--key writes no report without --report');
  expect(err).toContain('Hint: Add --report FILE');

  const report = join(regions.directory, 'one.jsonl');
  await verify('--key', key(DIGITS), '--values', '--report', report);
  expect(readFileSync(report, 'utf8')).toMatch(/"source":.*"x".*"destination":.*"y"/);
});

it.each([
  ['--sample', '1%'],
  ['--bulk', undefined],
])('does not compare one item and more at once: %s', async (option, value) => {
  const { exitCode, err } = await verify('--key', key('7'), ...[option, value ?? []].flat());

  expect(exitCode).toBe(2);
  expect(err).toContain(`--key and ${option} contradict each other`);
});
