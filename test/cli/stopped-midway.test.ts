// Commands that are stopped after they have begun: they name the request that failed, and what is done already.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startAnswering } from '../fixtures/answering.ts';
import { openTwoRegions, putAll, runHere, type TwoRegions } from '../fixtures/two-regions.ts';

let regions: TwoRegions;
beforeAll(async () => {
  regions = await openTwoRegions();
  await putAll(regions.source, 'Orders', [{ pk: { S: 'a' } }, { pk: { S: 'b' } }]);
});
afterAll(() => regions.close());

/** Runs a command whose destination denies an operation. */
async function withDenied(denied: string, ...args: string[]) {
  // A transaction is no action of IAM: AWS names one of those within.
  const action = denied === 'TransactWriteItems' ? 'PutItem' : denied;
  const message = `User: arn:aws:iam::1:user/me is not authorized to perform: dynamodb:${action} on resource: arn:aws:dynamodb:eu-west-1:1:table/Orders`;
  const proxy = await startAnswering((operation, pass, say) => {
    if (operation === denied) say(400, { __type: 'x#AccessDeniedException', message });
    else pass();
  }, regions.destination.endpoint);
  const config = join(regions.directory, 'denied.json');
  const text = readFileSync(regions.config, 'utf8');
  writeFileSync(config, text.replace(regions.destination.endpoint, proxy.endpoint));
  try {
    return await runHere([...args, '--config', config]);
  } finally {
    await proxy.close();
  }
}

it('names the scan that is denied', async () => {
  const report = join(regions.directory, 'report.jsonl');

  const { exitCode, err } = await withDenied('Scan', 'verify', '--report', report);

  expect(exitCode).toBe(1);
  expect(err).toContain(
    'These credentials may not call dynamodb:Scan on arn:aws:dynamodb:eu-west-1:1:table/Orders (AccessDeniedException: User: arn:aws:iam::1:user/me',
  );
  expect(err).toContain('Hint: Allow dynamodb:Scan');
  expect(err).toContain('Nothing was changed.');
});

it('names what a transaction needs, and says that a copy goes on where it was', async () => {
  await regions.adopt();

  const { exitCode, err } = await withDenied('TransactWriteItems', 'backfill', '--apply');

  expect(exitCode).toBe(1);
  expect(err).toMatch(/\nHint: Allow dynamodb:PutItem for these credentials/);
  expect(err).toContain('run the command again, and it continues from there.');
});
