// Bulk runs with a module that tells what it drops wherever it can: nothing of it is in the bucket, in what the state
// machine gets, in the ledger, in reports or in outputs.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { itemJson } from '../../src/model/attribute-value.ts';
import { copyWithModule } from '../../src/package-files.ts';
import { type BulkCloud, type Handler, openBulkCloud } from '../fixtures/bulk-cloud.ts';
import { contents, openTwoRegions, putAll, type TwoRegions } from '../fixtures/two-regions.ts';

const SECRET = 'planted-secret';
const MODULE = `
export function project({ email, ...kept }) {
  console.log(email.S);
  if (kept.how?.S === 'throws') throw new Error(email.S);
  if (kept.how?.S === 'changes') return { ...kept, [email.S]: { X: email.S } };
  if (kept.how?.S === 'waits') return Promise.reject(new Error(email.S));
  return kept;
}
`;
const HOWS = ['works', 'throws', 'changes', 'waits', 'misses'];
const ITEMS = HOWS.map((how) => ({
  pk: { S: `item-${how}` },
  how: { S: how },
  email: { S: SECRET },
}));

let regions: TwoRegions;
let cloud: BulkCloud;
const printed: string[] = [];

beforeAll(async () => {
  regions = await openTwoRegions(undefined, 'NEW_AND_OLD_IMAGES');
  await putAll(regions.source, 'Orders', ITEMS);
  await regions.adopt();
  const module = join(regions.directory, 'tells.mjs');
  writeFileSync(module, MODULE);
  const file = JSON.parse(readFileSync(regions.config, 'utf8')) as { replications: [object] };
  const replication = { ...file.replications[0], projection: { module }, bulk: true };
  writeFileSync(regions.config, JSON.stringify({ replications: [replication] }));
  const folder = join(regions.directory, 'function');
  copyWithModule('bulk-segment', module, folder);
  const bundle = pathToFileURL(join(folder, 'index.mjs')).href;
  const { handler } = (await import(bundle)) as { handler: Handler };
  const { lookAgainQueueUrl = '' } = regions.lambda.settings;
  cloud = await openBulkCloud(handler, { replication, pagesPerCall: 1, lookAgainQueueUrl });
});
afterAll(async () => {
  await cloud.close();
  await regions.close();
});
beforeEach(() => {
  const note = (...words: unknown[]) => printed.push(words.map(String).join(' ')) > 0;
  vi.spyOn(console, 'log').mockImplementation(note);
  vi.spyOn(process.stdout, 'write').mockImplementation(note);
  vi.spyOn(process.stderr, 'write').mockImplementation(note);
});
afterEach(() => {
  vi.restoreAllMocks();
});

async function stored(): Promise<string[]> {
  const texts: string[] = [];
  for await (const objects of cloud.bucket.list(''))
    for (const { key } of objects) texts.push((await cloud.bucket.get(key)) ?? '');
  return texts;
}

it.each([
  ['backfill', ['--apply', '--json'], { rejected: 3, copied: 2 }],
  ['verify', ['--settle', '0', '--values', '--json', '--report'], { unreadable: 3, items: 2 }],
] as const)('%s %j', async (command, args, counts) => {
  const report = join(regions.directory, 'report.jsonl');
  const more = command === 'verify' ? [report] : [];

  const { out, err } = await regions.ferry(command, '--bulk', '--workers', '1', ...args, ...more);

  expect(JSON.parse(out)).toMatchObject(counts);
  const objects = await stored();
  expect(objects.join('')).toContain('ProjectionFailed');
  const ledger = await contents(regions.destination, 'ferry-orders-state', itemJson);
  const twin = await contents(regions.destination, 'Orders', itemJson);
  expect({ twin: twin.size, ledger: ledger.size > 0 }).toEqual({ twin: 2, ledger: true });
  const reports = command === 'verify' ? [readFileSync(report, 'utf8')] : [];
  const told = [out, err, ...printed, ...objects, ...reports, JSON.stringify(cloud.calls)];
  const rows = JSON.stringify([...ledger, ...twin]);
  expect([...told, rows].filter((text) => text.includes(SECRET))).toEqual([]);
});
