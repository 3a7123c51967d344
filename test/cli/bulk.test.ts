// `--bulk`: the commands start the deployed state machine and follow it; the function does the work with
// the operations of the commands, a part of a segment at a time.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { functionModule } from '../../src/package-files.ts';
import type { Item } from '../../src/ports.ts';
import { type BulkCloud, type Handler, openBulkCloud } from '../fixtures/bulk-cloud.ts';
import { contents, openTwoRegions, putAll, type TwoRegions } from '../fixtures/two-regions.ts';
import { wireCall } from '../fixtures/wire.ts';

// Of bytes: keys of this kind do not survive JSON by themselves.
const key = (number: number) => ({ pk: { B: Buffer.from([255, number >> 8, number & 255]) } });
const keyText = ({ pk }: Item) => Buffer.from(pk?.B ?? []).toString('hex');
const ITEMS = 320;

let regions: TwoRegions;
let cloud: BulkCloud;
let report: string;
beforeAll(async () => {
  regions = await openTwoRegions([{ name: 'pk', type: 'B' }]);
  report = join(regions.directory, 'report.jsonl');
  const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: [object];
  };
  // The very bundle that ships.
  const bundle = functionModule('bulk-segment');
  const { handler } = (await import(pathToFileURL(bundle).href)) as { handler: Handler };
  const { lookAgainQueueUrl = '' } = regions.lambda.settings;
  const setup = { replication: replications[0], pagesPerCall: 1, lookAgainQueueUrl };
  cloud = await openBulkCloud(handler, setup);
  const items = Array.from({ length: ITEMS }, (_, index) => ({
    ...key(index),
    text: { S: 'x'.repeat(20_000) },
  }));
  await putAll(regions.source, 'Orders', items);
});
afterAll(async () => {
  await cloud.close();
  await regions.close();
});

describe('--bulk', () => {
  it('copies the table, a page of a segment per call of the function', async () => {
    const before = cloud.calls.length;

    const { exitCode, out, err } = await regions.ferry(
      'backfill',
      '--apply',
      '--bulk',
      '--workers',
      '1',
      '--json',
    );

    expect(err).toContain('It continues if this command ends.');
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      finished: true,
      items: ITEMS,
      copied: ITEMS,
      segmentsDone: 4,
    });
    expect(cloud.calls.length - before).toBeGreaterThan(4);
    const [source, twin] = await Promise.all([
      contents(regions.source, 'Orders', keyText),
      contents(regions.destination, 'Orders', keyText),
    ]);
    expect([...twin.keys()].toSorted()).toEqual([...source.keys()].toSorted());
  });

  it('compares the tables, and finds exactly what differs', async () => {
    const { client } = regions.destination;
    await client.send(new DeleteItemCommand({ TableName: 'Orders', Key: key(7) }));
    await client.send(
      new PutItemCommand({ TableName: 'Orders', Item: { ...key(8), text: { S: 'secret' } } }),
    );
    await client.send(new PutItemCommand({ TableName: 'Orders', Item: key(60_000) }));

    const { exitCode, out } = await regions.ferry(
      'verify',
      '--bulk',
      '--workers',
      '1',
      '--settle',
      '0',
      '--report',
      report,
      '--json',
    );
    const lines = readFileSync(report, 'utf8').trim().split('\n');

    expect(exitCode).toBe(3);
    expect(JSON.parse(out)).toMatchObject({
      equal: false,
      items: ITEMS,
      destinationItems: ITEMS,
      missing: 1,
      different: 1,
      extraneous: 1,
      segmentsDone: 4,
    });
    expect(lines.slice(1, -1).toSorted()).toEqual(
      [
        `{"kind":"missing","key":{"pk":{"B":"${base64(7)}"}}}`,
        `{"kind":"different","key":{"pk":{"B":"${base64(8)}"}},"attributes":["text"]}`,
        `{"kind":"extraneous","key":{"pk":{"B":"${base64(60_000)}"}}}`,
      ].toSorted(),
    );
  });

  it('makes a report that a repair takes', async () => {
    const { exitCode } = await regions.ferry(
      'repair',
      '--apply',
      '--settle',
      '0',
      '--report',
      report,
    );

    expect(exitCode).toBe(0);
    expect((await regions.ferry('verify', '--settle', '0', '--report', report)).exitCode).toBe(0);
  });

  it('lists what the function could not copy', async () => {
    const odd = JSON.parse('{"pk":{"B":"AAAA"},"__proto__":{"S":"x"}}') as object;
    await wireCall(regions.source.endpoint, 'PutItem', { TableName: 'Orders', Item: odd });

    const { exitCode, out } = await regions.ferry('backfill', '--apply', '--bulk', '--json');

    expect(exitCode).toBe(3);
    expect(JSON.parse(out)).toMatchObject({
      finished: true,
      present: ITEMS,
      rejected: 1,
      rejectedKeys: [{ key: { pk: { B: 'AAAA' } }, reason: expect.stringContaining('__proto__') }],
    });
  });

  it('says why a run has failed', async () => {
    const good = process.env['FERRY_REPLICATION'];
    process.env['FERRY_REPLICATION'] = '{"format":1,"replication":{"name":"broken"}}';
    try {
      const { exitCode, err } = await regions.ferry(
        'verify',
        '--bulk',
        '--settle',
        '0',
        '--report',
        report,
      );

      expect(exitCode).toBe(1);
      expect(err).toContain('has failed: FAILED: ');
      expect(err).toMatch(/"source\\*" is required/);
    } finally {
      process.env['FERRY_REPLICATION'] = good;
    }
  });
});

function base64(number: number): string {
  return key(number).pk.B.toString('base64');
}
