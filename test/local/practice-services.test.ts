// What answers the commands during a local run: Lambda and CloudWatch on loopback, and the file that names them.

import { mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deployedSinceMs, deployedTimeoutSeconds } from '../../src/aws/deployed-function.ts';
import { eventSources, lambdaEventSources } from '../../src/aws/event-source.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { ReplicationConfig } from '../../src/config/schema.ts';
import { functionName } from '../../src/config/names.ts';
import type { ConsumerState } from '../../src/stream/consumer.ts';
import { keepConfig } from '../../src/local/run/kept-config.ts';
import type { LambdaApiState } from '../../src/local/lambda/lambda-api.ts';
import type { LocalWorld } from '../../src/local/run/local-world.ts';
import { createMetricHistory } from '../../src/local/cloudwatch/metric-history.ts';
import type { ServiceServer } from '../../src/local/loopback/service.ts';
import { startRegionApis } from '../../src/local/run/region-apis.ts';

const STREAM_ARN =
  'arn:aws:dynamodb:us-east-1:000000000000:table/Orders/stream/2026-01-31T12:00:00.000';
const MINUTE_MS = 60_000;

describe('the history of metrics', () => {
  const history = createMetricHistory();
  const day = { fromMs: 0, toMs: 1_440 * MINUTE_MS };

  it('has a statistic for each minute that has values', () => {
    history.add('Latency', [10, 30], 5 * MINUTE_MS + 1);
    history.add('Latency', [20], 5 * MINUTE_MS + 59_999);
    history.add('Latency', [7], 7 * MINUTE_MS);

    const points = (statistic: string) => history.points('Latency', statistic, day);
    expect(points('Sum')).toEqual([
      [5 * MINUTE_MS, 60],
      [7 * MINUTE_MS, 7],
    ]);
    expect(points('Maximum')).toEqual([
      [5 * MINUTE_MS, 30],
      [7 * MINUTE_MS, 7],
    ]);
    expect(points('p50')).toEqual([
      [5 * MINUTE_MS, 20],
      [7 * MINUTE_MS, 7],
    ]);
    expect(history.points('Latency', 'Sum', { ...day, toMs: 7 * MINUTE_MS })).toHaveLength(1);
    expect(history.points('Nothing', 'Sum', day)).toEqual([]);
  });

  it('forgets what nobody asks for any more', () => {
    for (let minute = 0; minute < 1_000; minute += 1) {
      history.add('Applied', [1], minute * MINUTE_MS);
    }

    expect(history.points('Applied', 'Sum', day).length).toBeLessThan(130);
    expect(history.points('Applied', 'Sum', day).at(-1)).toEqual([999 * MINUTE_MS, 1]);
  });
});

describe('Lambda of a local run', () => {
  let apis: ServiceServer;
  let state: LambdaApiState;
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const region = () => ({ region: 'us-east-1', endpoints: { lambda: apis.endpoint } });
  const mapped = (name: string) => ({ name, source: { table: 'Orders' } });

  beforeEach(async () => {
    let enabled = true;
    state = {
      function: {
        name: functionName('orders'),
        region: 'us-east-1',
        variables: {},
        timeoutSeconds: 60,
        deployedAtMs: 1_000,
      },
      mapping: {
        get state(): ConsumerState {
          return enabled ? 'Enabled' : 'Disabled';
        },
        setEnabled: (wanted) => (enabled = wanted),
      },
      mappingId: 'a1b2',
      streamArn: STREAM_ARN,
      mappingChangedAtMs: 1_000,
      lastResult: 'OK',
    };
    apis = await startRegionApis({ lambda: state, metrics: () => [], clock: { now: () => 9_000 } });
  });

  afterEach(() => apis.stop());

  it('has the replicate function, and no other', async () => {
    expect(await deployedTimeoutSeconds(region(), 'orders')).toBe(60);
    expect(await deployedSinceMs(region(), functionName('orders'))).toBe(1_000);
    expect(await deployedTimeoutSeconds(region(), 'invoices')).toBeUndefined();
  });

  it('has its event source mapping, which can be disabled and enabled', async () => {
    const sources = lambdaEventSources(region(), mapped('orders'));
    const mapping = { id: 'a1b2', streamArn: STREAM_ARN, lastResult: 'OK' };

    expect(await sources.list()).toEqual([{ ...mapping, state: 'Enabled', changedAtMs: 1_000 }]);
    await sources.setEnabled('a1b2', false);
    expect(await sources.list()).toEqual([{ ...mapping, state: 'Disabled', changedAtMs: 9_000 }]);
    await sources.setEnabled('a1b2', true);
    expect(state.mapping.state).toBe('Enabled');
    await expect(sources.setEnabled('c3d4', true)).rejects.toThrow('no event source mapping c3d4');
    sources.close();
    expect(await eventSources(region(), mapped('invoices'))).toEqual([]);
  });

  it('names what it does not have', async () => {
    const client = new LambdaClient({
      region: 'us-east-1',
      endpoint: apis.endpoint,
      credentials,
      maxAttempts: 1,
    });

    const asked = client.send(new GetFunctionCommand({ FunctionName: 'ferry-orders-replicate' }));

    await expect(asked).rejects.toThrow(/ferry local does not have GET .*ferry-orders-replicate/);
    client.destroy();
  });
});

describe('the file of a kept run', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ferry-kept-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const key = { partitionKey: { name: 'pk', type: 'S' } };
  const [replication] = parseConfig({
    replications: [
      {
        name: 'orders',
        source: { region: 'us-east-1', table: 'Orders', create: true, ...key },
        destination: { region: 'eu-west-1', table: 'Twin', create: true, ...key },
        tombstones: 'strict',
        heartbeat: { key: { pk: 'heartbeat' } },
        bulk: true,
      },
    ],
  }).replications as readonly [ReplicationConfig];
  const at = (endpoint: string) => ({ endpoint });
  const world = {
    replication: { ...replication, source: { ...replication.source, ...at('http://127.0.0.1:1') } },
    faults: at('http://127.0.0.1:2'),
    streamArn: STREAM_ARN,
    endpoints: { sqs: 'http://127.0.0.1:3' },
  } as unknown as LocalWorld;

  it('names the tables as existing ones, and only settings that differ from the defaults', () => {
    const { path } = keepConfig(world, join(folder, 'ferry.json'));
    const text = readFileSync(path, 'utf8');

    expect(JSON.parse(text)).toEqual({
      replications: [
        {
          name: 'orders',
          source: {
            region: 'us-east-1',
            table: 'Orders',
            streamArn: STREAM_ARN,
            endpoint: 'http://127.0.0.1:1',
            endpoints: { sqs: 'http://127.0.0.1:3' },
          },
          destination: { region: 'eu-west-1', table: 'Twin', endpoint: 'http://127.0.0.1:2' },
          stateTable: 'ferry-orders-state',
          tombstones: 'strict',
        },
      ],
    });
    expect(parseConfig(JSON.parse(text)).replications).toHaveLength(1);
  });

  it('never replaces a file', () => {
    const path = join(folder, 'ferry.json');
    writeFileSync(path, 'mine');

    expect(() => keepConfig(world, path)).toThrow(
      `${path} exists already, and is not overwritten.`,
    );
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });

  it('is removed at the end, unless it was changed', () => {
    const [kept, changed] = [
      keepConfig(world, join(folder, 'a.json')),
      keepConfig(world, join(folder, 'b.json')),
    ];
    writeFileSync(changed.path, 'mine now');

    kept.remove();
    changed.remove();
    kept.remove();

    expect(existsSync(kept.path)).toBe(false);
    expect(readFileSync(changed.path, 'utf8')).toBe('mine now');
  });

  it('goes with its folder where none was named', () => {
    const kept = keepConfig(world, undefined);
    expect(existsSync(kept.path)).toBe(true);

    kept.remove();

    expect(existsSync(join(kept.path, '..'))).toBe(false);
  });
});
