// A worker of a bulk run of a replication that can be switched: it writes under the lease, and a switch ends its run.

import type { Context } from 'aws-lambda';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BackfillRun, runRow } from '../../src/backfill/checkpoint.ts';
import { functionVariables } from '../../src/config/function-variable.ts';
import { handler } from '../../src/handlers/bulk-segment.ts';
import { openSwitchedRegions, type SwitchedRegions } from '../fixtures/switched-regions.ts';

const KEYS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };

let regions: SwitchedRegions;
const before = new Map<string, string | undefined>();
beforeEach(async () => {
  regions = await openSwitchedRegions();
  const { replication, failures, a } = regions;
  const variables = functionVariables({
    replication,
    streamArn: a.streamArn,
    deadLetterQueueUrl: failures.queueUrl,
    onFailureBucket: failures.bucketName,
    lookAgainQueueUrl: failures.lookAgainQueueUrl,
  });
  for (const [name, value] of Object.entries({ ...KEYS, ...variables })) {
    before.set(name, process.env[name]);
    process.env[name] = value;
  }
});
afterEach(async () => {
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  await regions.close();
});

const INVOCATION = {
  awsRequestId: 'request',
  getRemainingTimeInMillis: () => 900_000,
} as Context;

/** The run that a command has begun. */
async function begun(): Promise<BackfillRun> {
  const { a, b } = regions;
  const run = {
    run: '0123456789abcdef',
    totalSegments: 1,
    streamArn: a.streamArn,
    destination: 'twin',
    startedAt: '2026-01-31T12:00:00.000Z',
  };
  const rules = { replication: 'orders', stateTable: 'ferry-orders-state' };
  await b.engine.twinWriter.write(runRow(run, rules, { nowMs: Date.now(), overwrite: 'always' }));
  const Item = { pk: { S: 'one' }, text: { S: 'of A' } };
  await a.engine.client.send(new PutItemCommand({ TableName: 'Orders', Item }));
  return run;
}

const copy = async (run: BackfillRun) =>
  handler({ segment: 0, task: { format: 1, operation: 'backfill', run } }, INVOCATION);
const twin = () => regions.b.engine.get('Orders', { pk: { S: 'one' } });

describe('a segment of a bulk backfill', () => {
  it('is copied while the direction is active', async () => {
    await regions.write();

    expect(await copy(await begun())).toMatchObject({ done: true, part: 1 });
    expect(await twin()).toMatchObject({ text: { S: 'of A' } });
  });

  it.each([
    ['the copies are closed', { closing: true as const }, /the direction is being switched/],
    ['the other Region is active', 'switched' as const, /eu-west-1 has become active/],
  ])('is refused, and not tried again, where %s', async (_, change, why) => {
    const { a, b, epoch } = regions;
    const epochs = [epoch(1, a, { toMs: 9, end: 'drained' as const }), epoch(2, b, { fromMs: 9 })];
    await regions.write(change === 'switched' ? { epochs } : change);

    // The state machine tries everything again that has another name.
    await expect(copy(await begun())).rejects.toMatchObject({
      name: 'FerryError',
      code: 'switching.lease',
      message: expect.stringMatching(why) as string,
    });
    expect(await twin()).toBeUndefined();
  });
});
