// Commands of a replication that reads a Kinesis stream: what they check first, what they say of how long it keeps a
// record, and which of Lambda's mappings they take for its own.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config-file.ts';
import {
  KINESIS_ARN,
  KINESIS_SOURCE,
  type KinesisState,
  openKinesis,
  readThroughKinesis,
} from '../fixtures/kinesis-source.ts';
import { openMonitoringCloud } from '../fixtures/monitoring-cloud.ts';
import {
  contents,
  openTwoRegions,
  putAll,
  runHere,
  type TwoRegions,
} from '../fixtures/two-regions.ts';

const KEY = 'arn:aws:kms:us-east-1:111122223333:key/11111111-aaaa-4aaa-8aaa-111111111111';

let regions: TwoRegions;
let closers: Array<() => Promise<void>> = [];
beforeEach(async () => {
  regions = await openTwoRegions();
  closers = [];
});
afterEach(async () => {
  for (const close of closers) await close();
  await regions.close();
});

async function throughKinesis(parts: Partial<KinesisState> = {}): Promise<KinesisState> {
  const kinesis = await readThroughKinesis(regions, parts);
  closers.push(() => kinesis.close());
  return kinesis.state;
}

const map = (state: string, streamArn = KINESIS_ARN) =>
  Object.assign(regions.lambda, { mappings: [{ id: 'a1b2', state, streamArn }] });

describe('ferry init --kinesis-stream', () => {
  async function init(parts: Partial<KinesisState>, arn = KINESIS_ARN) {
    const kinesis = await openKinesis(regions.source.endpoint, parts);
    const { endpoint } = kinesis;
    process.env['AWS_ENDPOINT_URL_KINESIS'] = endpoint;
    closers.push(async () => {
      delete process.env['AWS_ENDPOINT_URL_KINESIS'];
      await kinesis.close();
    });
    const config = join(regions.directory, 'made.json');
    const sides = [
      '--source-endpoint',
      endpoint,
      '--destination-endpoint',
      regions.destination.endpoint,
    ];
    const tables = ['us-east-1/Orders', 'eu-west-1/Orders'];
    const args = ['init', ...tables, ...sides, '--config', config];
    return {
      config,
      ...(await runHere([...args, ...(arn === '' ? [] : ['--kinesis-stream', arn])])),
    };
  }

  it('writes the stream, how long it keeps a record, and its key', async () => {
    const { exitCode, config } = await init({ retentionHours: 720, keyId: KEY });

    expect(exitCode).toBe(0);
    const [replication] = loadConfig(config).replications;
    expect(replication?.source).toMatchObject({
      kinesisStreamArn: KINESIS_ARN,
      kinesisRetentionHours: 720,
      kinesisKmsKeyArn: KEY,
    });
    expect(replication?.source.streamArn).toBeUndefined();
  });

  it('refuses milliseconds, with the command that changes them', async () => {
    const { exitCode, out, config } = await init({ precision: 'MILLISECOND' });

    expect(exitCode).toBe(1);
    expect(out).toContain(
      `update-kinesis-streaming-destination --region us-east-1 --table-name Orders --endpoint-url http://127.0.0.1`,
    );
    expect(out).toContain('Nothing was written.');
    expect(() => readFileSync(config)).toThrow('ENOENT');
  });

  it('says without the option that there is one, and reads the stream of the table', async () => {
    const { exitCode, out, config } = await init({}, '');

    expect(exitCode).toBe(0);
    expect(out).toContain(`also sends its changes to the Kinesis stream ${KINESIS_ARN}`);
    expect(out).toContain('source.kinesisRetentionHours');
    const [replication] = loadConfig(config).replications;
    expect(replication?.source).toMatchObject({ streamArn: regions.streamArn });
    expect(replication?.source.kinesisStreamArn).toBeUndefined();
  });

  it.each<[string, Partial<KinesisState>]>([
    ['the table sends nothing to one', { status: 'DISABLED' }],
    ['it never has', { status: undefined }],
  ])('says nothing of one where %s', async (_, parts) => {
    const { exitCode, out } = await init(parts, '');

    expect([exitCode, out.includes('Kinesis')]).toEqual([0, false]);
  });

  it('refuses what is no stream of Kinesis', async () => {
    const { exitCode, err } = await init({}, regions.streamArn);

    expect(exitCode).toBe(2);
    expect(err).toContain('--kinesis-stream must be the ARN of a Kinesis stream');
  });
});

describe('with a Kinesis stream', () => {
  it.each<[string, Partial<KinesisState>, string]>([
    ['that is off', { status: 'DISABLED' }, 'enable-kinesis-streaming-destination'],
    ['of milliseconds', { precision: 'MILLISECOND' }, 'update-kinesis-streaming-destination'],
    ['that keeps records for longer', { retentionHours: 8_760 }, 'decrease-stream-retention'],
  ])('a backfill writes nothing for one %s', async (_, parts, command) => {
    await throughKinesis(parts);
    await putAll(regions.source, 'Orders', [{ pk: { S: 'a' } }]);
    const { exitCode, err } = await regions.ferry('backfill', '--apply');

    expect(exitCode).toBe(1);
    expect(err).toContain(command);
    expect(err).toContain('Nothing was written.');
    expect(await contents(regions.destination, 'Orders')).toEqual(new Map());
  });

  it('a backfill copies below every record of it, whatever stream the table has', async () => {
    await throughKinesis();
    await putAll(regions.source, 'Orders', [{ pk: { S: 'a' } }]);
    const { exitCode } = await regions.ferry('backfill', '--apply');

    expect(exitCode).toBe(0);
    const copied = (await contents(regions.destination, 'Orders')).get('a');
    expect(copied?.['_ferry']?.M?.['v']).toEqual({ S: `0001.${'0'.repeat(13)}.${'0'.repeat(40)}` });
  });

  it('a pause says until when it keeps the oldest change', async () => {
    await throughKinesis();
    await regions.adopt();
    map('Enabled');
    const paused = await regions.ferry('pause', '--apply');
    const resumed = await regions.ferry('resume', '--apply');

    expect(paused.out).toContain('because the stream keeps a record for 7 days.');
    expect(paused.out).toContain('Lambda sends records older than 6 days to the on-failure bucket');
    expect(resumed.out).toContain('The event source mapping a1b2 is enabled.');
    expect(regions.lambda.changes).toEqual(['disable a1b2', 'enable a1b2']);
  });

  it('a resume leaves a mapping of another source as it is', async () => {
    await throughKinesis();
    await regions.adopt();
    map('Disabled', `${KINESIS_ARN}-2`);
    const { exitCode, out } = await regions.ferry('resume', '--apply');

    expect(exitCode).toBe(3);
    expect(out).toContain(`${KINESIS_ARN}-2/table/Orders`);
    expect(regions.lambda.changes).toEqual([]);
  });

  it('a status knows its mapping, and that DynamoDB sends nothing any more', async () => {
    const state = await throughKinesis();
    await regions.adopt();
    const cloud = await openMonitoringCloud({
      figures: {},
      mapping: { state: 'Enabled', streamArn: KINESIS_ARN },
      deadLetters: 0,
      isDeployed: true,
    });
    const healthy = await regions.ferry('status', '--json');
    state.status = 'DISABLED';
    const stopped = await regions.ferry('status', '--json');
    await cloud.close();

    expect(JSON.parse(healthy.out)).toMatchObject({
      level: 'healthy',
      mapping: { streamArn: KINESIS_SOURCE },
    });
    expect(JSON.parse(stopped.out)).toMatchObject({
      level: 'stuck',
      verdict: `the source does not send its changes to ${KINESIS_ARN} (DISABLED)`,
      runbook: expect.stringContaining('#stream-replaced') as unknown,
    });
  });
});
