// `ferry backfill --bulk --reproject`: the deployed functions rewrite the twin, with the projection that they have.

import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixedCredentials } from '../../src/aws/access.ts';
import { stepFunctions, stepFunctionsClient } from '../../src/aws/step-functions.ts';
import { FUNCTION_VARIABLE } from '../../src/config/names.ts';
import { controlKey } from '../../src/model/control-item.ts';
import { functionModule } from '../../src/package-files.ts';
import { digestOfRules } from '../../src/projection/digest.ts';
import { type BulkCloud, type Handler, openBulkCloud } from '../fixtures/bulk-cloud.ts';
import { contents, openTwoRegions, putAll, type TwoRegions } from '../fixtures/two-regions.ts';

const SECRET = 'planted-secret';
const KEEPS = {
  keepItems: { attribute: 'country', equals: { S: 'eu' } },
  attributes: { drop: ['email'] },
};
const MACHINE = 'arn:aws:states:us-east-1:111122223333:stateMachine:ferry-orders-bulk';
const ITEMS = 60;
const item = (number: number) => ({
  pk: { S: `item-${number}` },
  country: { S: number % 3 === 0 ? 'us' : 'eu' },
  email: { S: SECRET },
});

let regions: TwoRegions;
let cloud: BulkCloud;
/** The functions wait for it. */
let busy = Promise.resolve();
beforeAll(async () => {
  regions = await openTwoRegions(undefined, 'NEW_AND_OLD_IMAGES');
  const items = Array.from({ length: ITEMS }, (_, number) => item(number));
  await putAll(regions.source, 'Orders', items);
  await regions.adopt();
  await putAll(regions.destination, 'Orders', items.slice(10));
  const bundle = functionModule('bulk-segment');
  const { handler } = (await import(pathToFileURL(bundle).href)) as { handler: Handler };
  const { lookAgainQueueUrl = '' } = regions.lambda.settings;
  const setup = { replication: configure(KEEPS), pagesPerCall: 1, lookAgainQueueUrl };
  const whenFree: Handler = async (event, context) => {
    await busy;
    return handler(event, context);
  };
  cloud = await openBulkCloud(whenFree, setup);
});
afterAll(async () => {
  await cloud.close();
  await regions.close();
});

function configure(projection: object | undefined): object {
  const file = JSON.parse(readFileSync(regions.config, 'utf8')) as { replications: [object] };
  const replication = { ...file.replications[0], projection, bulk: true };
  writeFileSync(regions.config, JSON.stringify({ replications: [replication] }));
  return replication;
}

it('copies, rewrites and removes in its functions, and notes the projection in the end', async () => {
  const { exitCode, out, err } = await regions.ferry(
    'backfill',
    '--apply',
    '--bulk',
    '--reproject',
    '--workers',
    '1',
    '--json',
  );

  expect({ exitCode, err }).toMatchObject({ exitCode: 0 });
  expect(JSON.parse(out)).toMatchObject({ items: ITEMS, leftOut: 20, copied: 6, rewritten: 34 });
  expect(JSON.parse(out)).toMatchObject({ removed: 16, segmentsDone: 8, reproject: true });
  const twin = await contents(regions.destination, 'Orders');
  expect(twin.size).toBe(40);
  expect(JSON.stringify([...twin])).not.toContain(SECRET);
  const row = await regions.destination.get(
    'ferry-orders-state',
    controlKey({ replication: 'orders' }),
  );
  expect(row?.['projection']).toEqual({ S: digestOfRules(KEEPS) });
});

it('does not begin beside a bulk redrive, whose functions may have the projection of before', async () => {
  let done = () => {};
  busy = new Promise((resolve) => (done = resolve));
  const credentials = fixedCredentials({ accessKeyId: 'test', secretAccessKey: 'test' });
  const client = stepFunctionsClient({ region: 'us-east-1', credentials });
  const task = { operation: 'redrive', run: 'redrive-1', boundaries: ['z'], filter: {} };
  await stepFunctions(client, MACHINE).start('redrive-1', { segments: [0], workers: 1, task });

  const refused = await regions.ferry('backfill', '--apply', '--reproject');
  done();

  expect(refused.exitCode).toBe(1);
  expect(refused.err).toContain('redrive-1 is running, perhaps with another projection');
});

it('compares in its functions by the projection', async () => {
  const report = `${regions.directory}/report.jsonl`;
  const args = ['--settle', '0', '--workers', '1', '--report', report, '--json'];

  const { exitCode, out } = await regions.ferry('verify', '--bulk', ...args);

  expect(exitCode).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ equal: true, items: 40, leftOut: 20 });
});

it('proves nothing where its functions have got another projection meanwhile', async () => {
  const report = `${regions.directory}/report.jsonl`;
  const before = process.env[FUNCTION_VARIABLE] ?? '';
  const { replication, ...rest } = JSON.parse(before) as { replication: object };
  const keeps = { keepItems: KEEPS.keepItems };
  const [projection, projectionDigest] = [keeps, digestOfRules(keeps)];
  const after = { ...rest, replication: { ...replication, projection }, projectionDigest };
  process.env[FUNCTION_VARIABLE] = JSON.stringify(after);

  const args = ['--settle', '0', '--workers', '1', '--report', report];
  const { exitCode, err } = await regions.ferry('verify', '--bulk', ...args);
  process.env[FUNCTION_VARIABLE] = before;

  expect(exitCode).toBe(1);
  expect(err).toContain('deployed with another projection during the bulk run');
});

it('does not begin where the function has another projection', async () => {
  configure({ attributes: { drop: ['country'] } });

  const { exitCode, err } = await regions.ferry('verify', '--bulk', '--settle', '0');

  expect(exitCode).toBe(1);
  expect(err).toContain('deployed with another projection than the configuration has');
});
