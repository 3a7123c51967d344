// What `ferry permissions --for run` prints is what a process really asks AWS for: no more, and no less.

import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { startFaultProxy } from '../../src/local/faults/fault-proxy.ts';
import { type LocalFailures, openLocalFailures } from '../../src/local/run/local-failures.ts';
import { changeShards, putPosition } from '../../src/model/run-rows.ts';
import { textArns } from '../../src/permissions/arns.ts';
import { runNeeds, runSets } from '../../src/permissions/run-needs.ts';
import type { Needs } from '../../src/permissions/statement.ts';
import { placeOf, recordCalls } from '../fixtures/recorded-calls.ts';
import {
  contents,
  openTwoRegions,
  putAll,
  runHere,
  type TwoRegions,
} from '../fixtures/two-regions.ts';
import { CASES } from './cases.ts';

let regions: TwoRegions;
let failures: LocalFailures;
let configured: ReplicationConfig;
let config = '';
const cloudWatch = createServer((request, response) => {
  request.resume();
  response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{}');
}).listen(0, '127.0.0.1');

const item = (pk: string, text = 'x') => ({ pk: { S: pk }, text: { S: text } });

beforeAll(async () => {
  regions = await openTwoRegions();
  if (!cloudWatch.listening) await once(cloudWatch, 'listening');
  const proxy = await startFaultProxy({ upstream: regions.destination.endpoint });
  proxy.inject({ kind: 'poison', marker: 'poison' });
  const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: Array<{ source: object; destination: object }>;
  };
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const [plain] = parseConfig({ replications }).replications as [ReplicationConfig];
  failures = await openLocalFailures(plain, credentials);
  const { port } = cloudWatch.address() as AddressInfo;
  const endpoints = {
    cloudwatch: `http://127.0.0.1:${port}`,
    s3: failures.objectEndpoint,
    sqs: failures.queueEndpoint,
  };
  const replication = {
    ...replications[0],
    tombstones: 'strict',
    heartbeat: { key: { pk: 'beat' } },
    source: { ...replications[0]?.source, endpoints },
    destination: { ...replications[0]?.destination, endpoint: proxy.endpoint },
  };
  config = join(regions.directory, 'run.json');
  writeFileSync(config, JSON.stringify({ replications: [replication] }));
  configured = parseConfig({ replications: [replication] }).replications[0] as ReplicationConfig;
  const { queueUrl: deadLetterQueueUrl, bucketName: onFailureBucket } = failures;
  Object.assign(regions.lambda.settings, { deadLetterQueueUrl, onFailureBucket });
  return () => proxy.stop();
});
afterAll(async () => {
  cloudWatch.closeAllConnections();
  cloudWatch.close();
  await failures.close();
  await regions.close();
});

/** "dynamodb:GetItem state". */
function listed(needs: Needs): string[] {
  return Object.values(needs)
    .flat()
    .flatMap(({ place, actions }) =>
      actions.map((action) => `${action} ${place === 'objects' ? 'bucket' : place}`),
    );
}

it('a process asks for what is printed', async () => {
  const client = regions.source.client;
  // A letter that is too large for the queue, so that it needs the bucket.
  const large = `poison${'é'.repeat(190_000)}`;
  await putAll(regions.source, 'Orders', [item('a'), item('b'), item('large')]);
  const recorder = recordCalls();
  const run = (...args: string[]) =>
    runHere(['run', '--config', config, '--listen', 'none', ...args, '--until-caught-up']);
  const first = await run('--metrics', 'cloudwatch');
  recorder.stop();
  const { twinWriter } = regions.destination;
  const place = {
    replication: 'orders',
    stateTable: 'ferry-orders-state',
    sourceArn: regions.streamArn,
  };
  await twinWriter.write(changeShards(place, 'ADD', ['shardId-over']));
  await twinWriter.write(putPosition(place, 'shardId-over', { closed: true, atMs: 0 }, 1));
  await client.send(new PutItemCommand({ TableName: 'Orders', Item: item('b', 'y') }));
  await client.send(new DeleteItemCommand({ TableName: 'Orders', Key: { pk: { S: 'a' } } }));
  await client.send(new PutItemCommand({ TableName: 'Orders', Item: item('large', large) }));
  await client.send(new PutItemCommand({ TableName: 'Orders', Item: item('large', `${large}!`) }));
  const again = recordCalls();
  const second = await run('--metrics', 'cloudwatch');
  again.stop();

  expect([first.exitCode, second.exitCode]).toEqual([0, 0]);
  expect([...(await contents(regions.destination, 'Orders')).keys()].toSorted()).toContain('b');
  const calls = [...recorder.calls, ...again.calls].map(
    (call) => `${call.action} ${placeOf(call)}`,
  );
  const { always, withQueue, withCloudWatch } = runNeeds(configured, textArns(configured));
  const needs = [always, withQueue, withCloudWatch].flatMap(listed);
  expect([...new Set(calls)].toSorted()).toEqual([...new Set(needs)].toSorted());
});

/** A process carries no replication in both directions. */
const CARRIED = CASES.filter(([, { replications }]) =>
  replications.every(({ twoWay }) => twoWay === undefined),
);

describe.each(CARRIED)('%s', (_, { replications }) => {
  it('has the policies of a process', () => {
    const sets = replications.map((one) => runSets(one));

    expect(
      sets.map((all) => all.map(({ title, account, policy }) => ({ title, account, policy }))),
    ).toMatchSnapshot();
    for (const { policy } of sets.flat()) {
      expect(JSON.stringify(policy).length).toBeLessThan(6_144);
      expect(policy.Statement.length).toBeGreaterThan(0);
    }
  });
});
