// The history of a replication that can be switched: a log group in each Region. The one that
// answers takes the line. Both are shown as one.

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Clock } from '../../src/ports.ts';
import { type LogsCloud, openLogsCloud } from '../fixtures/logs-cloud.ts';
import { openSwitchedRegions, type SwitchedRegions } from '../fixtures/switched-regions.ts';
import { runHere } from '../fixtures/two-regions.ts';

const HERE = '/ferry/orders/history';
const THERE = '/ferry/orders-back/history';

let skewMs = 0;
/** Waits take no time. */
const hurried: Clock = {
  now: () => Date.now() + skewMs,
  async sleep(ms) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    skewMs += ms;
  },
};

let regions: SwitchedRegions;
let logs: LogsCloud;
beforeAll(async () => {
  regions = await openSwitchedRegions(hurried);
  const { failures, lambda } = regions;
  vi.stubEnv('AWS_ENDPOINT_URL_SQS', new URL(failures.queueUrl).origin);
  const { queueUrl: deadLetterQueueUrl, bucketName: onFailureBucket } = failures;
  lambda.settings = { ...lambda.settings, deadLetterQueueUrl, onFailureBucket };
  await regions.write();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await regions.close();
});
beforeEach(async () => {
  logs = await openLogsCloud(HERE, THERE);
});
afterEach(() => logs.close());

const ferry = (...args: readonly string[]) =>
  runHere([...args, '--config', regions.config], undefined, hurried, logs.environment);

describe('a line of a switch', () => {
  it('is in the Region of the configured source, with how the switch ended', async () => {
    const Item = { pk: { S: 'customer-4711' } };
    await regions.a.engine.client.send(new PutItemCommand({ TableName: 'Orders', Item }));

    await ferry('drain');
    const asked = [...logs.state.requests];
    const { exitCode } = await ferry('failover', '--apply');

    expect(exitCode).toBe(0);
    expect(asked).toEqual([]);
    expect(logs.lines(THERE)).toEqual([]);
    const lines = logs.lines(HERE);
    expect(lines).toMatchObject([
      { command: 'failover', replication: 'orders', outcome: 'done', result: 'switched' },
    ]);
    expect(JSON.stringify(lines)).not.toContain('customer-4711');
  });

  it('has the direction in which another command has worked', async () => {
    const { exitCode } = await ferry('backfill', '--apply');

    expect(exitCode).toBe(0);
    expect(logs.lines(HERE)).toMatchObject([
      { command: 'backfill', replication: 'orders', direction: 'back' },
    ]);
  });

  it('is in the other Region where the source has no log group', async () => {
    logs.state.groups.delete(HERE);

    const { err } = await ferry('failback', '--apply');

    expect(err).not.toContain('history');
    expect(logs.lines(THERE)).toMatchObject([{ command: 'failback', result: 'switched' }]);
  });

  it('is first offered to the other Region where the source is lost', async () => {
    const { exitCode } = await ferry('failover', '--apply', '--source-lost', '--even-if-reachable');

    expect(exitCode).toBe(0);
    expect(logs.state.requests.every((request) => request.endsWith(THERE))).toBe(true);
    expect(logs.lines(THERE)).toMatchObject([
      { command: 'failover', options: { 'source-lost': true, 'even-if-reachable': true } },
    ]);
  });

  it('is said to be missing with both reasons', async () => {
    logs.state.groups.clear();

    const { err } = await ferry('rejoin', '--apply');

    expect(err).toMatch(new RegExp(`no log group ${HERE} in us-east-1.*; .*${THERE} in eu-west-1`));
  });
});

it('ferry history shows the lines of both Regions, or of the one that has them', async () => {
  await ferry('adopt', '--again', '--apply');
  const [stream] = logs.state.groups.get(HERE)?.entries() ?? [];
  logs.state.groups.set(THERE, new Map(stream === undefined ? [] : [stream]));

  const both = await ferry('history', '--json');
  logs.state.groups.delete(HERE);
  const one = await ferry('history', '--json');

  expect(both.exitCode).toBe(0);
  expect(JSON.parse(both.out)).toMatchObject({ runs: [{}, {}], problems: [] });
  expect(one.exitCode).toBe(3);
  expect(JSON.parse(one.out)).toMatchObject({ runs: [{ command: 'adopt' }] });
  expect(one.err).toContain(`There is no log group ${HERE} in us-east-1`);
});
