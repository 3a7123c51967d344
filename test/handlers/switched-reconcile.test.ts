// Comparisons on a schedule of a replication that can be switched: only the active direction compares, and a switch during
// a run ends it.

import type { Context } from 'aws-lambda';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { otherDirection } from '../../src/config/directions.ts';
import { functionVariables } from '../../src/config/function-variable.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { handler } from '../../src/handlers/bulk-segment.ts';
import { parseReconciliation, reconciliationKey } from '../../src/model/reconciliation-row.ts';
import { itemRequest } from '../../src/model/read-request.ts';
import type { Run } from '../../src/reconcile/task.ts';
import {
  openSwitchedRegions,
  type Side,
  type SwitchedRegions,
} from '../fixtures/switched-regions.ts';

const RECONCILE = {
  every: '7 days',
  sample: '100%',
  repair: false,
  repairItemsMax: 1_000,
  maxReadUnits: 500,
};
const INVOCATION = {
  awsRequestId: 'request',
  getRemainingTimeInMillis: () => 900_000,
} as Context;
const START = { reconcile: 'start', execution: 'arn:aws:states:x:1:execution:m:r1', input: {} };

let regions: SwitchedRegions;
let published: object[];
beforeEach(async () => {
  regions = await openSwitchedRegions();
  published = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((line) => {
    published.push(JSON.parse(String(line)) as object);
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await regions.close();
});

function deploy(replication: ReplicationConfig): void {
  const { failures, a } = regions;
  const variables = functionVariables({
    replication: { ...replication, reconcile: RECONCILE },
    streamArn: replication.source.streamArn ?? a.streamArn,
    deadLetterQueueUrl: failures.queueUrl,
    onFailureBucket: failures.bucketName,
    lookAgainQueueUrl: failures.lookAgainQueueUrl,
  });
  const keys = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
  for (const [name, value] of Object.entries({ ...keys, ...variables })) vi.stubEnv(name, value);
}

async function row({ engine }: Side, { name, stateTable }: ReplicationConfig) {
  const key = reconciliationKey({ replication: name, stateTable });
  const { items } = await engine.twinReader.read(itemRequest(stateTable, key));
  return parseReconciliation(items[0]);
}

/** The other Region is active. */
async function switched(): Promise<void> {
  const { a, b, epoch } = regions;
  const epochs = [epoch(1, a, { toMs: 9, end: 'drained' as const }), epoch(2, b, { fromMs: 9 })];
  await regions.write({ epochs });
}

describe('a start', () => {
  it('plans a run in the active direction', async () => {
    const { replication, b } = regions;
    await regions.write();
    deploy(replication);

    expect(await handler(START, INVOCATION)).toMatchObject({ due: true, segments: [0] });
    expect(await row(b, replication)).toMatchObject({ running: { run: 'r1' } });
  });

  it('compares nothing in the other one, which is always of age 0', async () => {
    const back = otherDirection(regions.replication);
    await regions.write();
    deploy(back);

    expect(await handler(START, INVOCATION)).toEqual({ due: false });
    const first = await row(regions.a, back);
    expect(first).toMatchObject({ revision: 1 });
    expect(await handler(START, INVOCATION)).toEqual({ due: false });

    expect(await row(regions.a, back)).toMatchObject({ revision: 2 });
    expect(published).toMatchObject([{ ReconciliationAge: 0 }, { ReconciliationAge: 0 }]);
    expect(published.some((line) => 'Differences' in line)).toBe(false);
  });

  it('compares nothing before anything has been replicated', async () => {
    const { replication, b } = regions;
    deploy(replication);

    await expect(handler(START, INVOCATION)).rejects.toThrow('has not replicated anything yet');
    expect(await row(b, replication)).toMatchObject({ failed: { run: 'r1' } });
    expect(published).not.toContainEqual(
      expect.objectContaining({ Differences: expect.anything() }),
    );
  });

  it('plans the run of the other direction after a switch', async () => {
    const back = otherDirection(regions.replication);
    await switched();
    deploy(back);

    expect(await handler(START, INVOCATION)).toMatchObject({ due: true });
    expect(await row(regions.a, back)).toMatchObject({ running: { run: 'r1' } });
  });
});

describe('the end of a run', () => {
  it('proves nothing if the direction was switched meanwhile', async () => {
    const { replication, a, b } = regions;
    await regions.write();
    deploy(replication);
    const Item = { pk: { S: 'one' } };
    for (const { engine } of [a, b])
      await engine.client.send(new PutItemCommand({ TableName: 'Orders', Item }));
    const run = (await handler(START, INVOCATION)) as Run;
    await handler({ segment: 0, task: run.task }, INVOCATION);
    await switched();

    expect(await handler(run, INVOCATION)).toMatchObject({
      failed: 'the direction was switched during the run',
    });
    const found = await row(b, replication);
    expect(found).toMatchObject({ failed: { run: 'r1' } });
    expect(found).not.toHaveProperty('good');
  });
});
