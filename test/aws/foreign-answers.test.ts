// Reads that something else than DynamoDB answers: an item that is not there would be deleted by a repair.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { accessTo, fixedCredentials } from '../../src/aws/access.ts';
import { dynamoDbReader, readClient } from '../../src/aws/dynamodb-reader.ts';
import { dynamoDbTwinReader, writeClient } from '../../src/aws/dynamodb-table.ts';
import { signedRequests } from '../../src/aws/signed/signed-requests.ts';
import { signedTwinReader } from '../../src/aws/signed/signed-table.ts';
import { readStreamRange, streamsClient } from '../../src/aws/stream-ranges.ts';
import { systemClock } from '../../src/aws/system-clock.ts';
import { streamOfTable } from '../../src/aws/table-facts.ts';
import type { ReadRequest } from '../../src/model/read-request.ts';
import { classifyFailure } from '../../src/model/write-failure.ts';
import type { TwinReader } from '../../src/ports.ts';

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const sideOf = (endpoint: string) =>
  accessTo({ region: 'eu-west-1', endpoint }, fixedCredentials(credentials));
const OWN = { 'x-amzn-requestid': 'TEST' };
const key = { pk: { S: 'order-1' } };

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function answering(headers: Record<string, string>, body: string): Promise<string> {
  server = createServer((incoming, response) => {
    incoming.resume();
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0', ...headers }).end(body);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server?.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const READERS: Readonly<Record<string, (endpoint: string) => TwinReader>> = {
  'the SDK': (endpoint) => dynamoDbTwinReader(writeClient({ ...sideOf(endpoint), concurrency: 1 })),
  'requests signed here': (endpoint) =>
    signedTwinReader(
      signedRequests({
        region: 'eu-west-1',
        endpoint,
        credentials: fixedCredentials(credentials),
        concurrency: 1,
        timeoutMs: 5_000,
        clock: systemClock,
      }),
    ),
};

const GET: ReadRequest = { operation: 'GetItem', input: { TableName: 'Orders', Key: key } };
const BATCH: ReadRequest = {
  operation: 'BatchGetItem',
  input: { RequestItems: { Orders: { Keys: [key] } } },
};
const SCAN: ReadRequest = { operation: 'Scan', input: { TableName: 'Orders' } };

describe.each(Object.entries(READERS))('a read by %s', (_, open) => {
  it.each<[string, ReadRequest, Record<string, string>, string]>([
    ['a proxy’s JSON', GET, OWN, '{"status":"blocked"}'],
    ['an empty object without a request id', GET, {}, '{}'],
    ['rows of nothing', BATCH, OWN, '{}'],
    ['a page of nothing', SCAN, OWN, '{}'],
    ['another operation’s answer', SCAN, OWN, '{"Responses":{}}'],
  ])('fails where the answer is %s', async (_, request, headers, body) => {
    const reader = open(await answering(headers, body));

    const read = await reader.read(request).catch((error: unknown) => classifyFailure(error));

    expect(read).toMatchObject({ kind: 'unknown', name: 'ForeignAnswer' });
  });

  it('tells the id of a table, and nobody else’s answer for it', async () => {
    const own = open(await answering(OWN, '{"Table":{"TableId":"7f3a"}}'));
    expect(await own.tableId('Orders')).toBe('7f3a');
    server?.close();

    const foreign = open(await answering(OWN, '{"status":"blocked"}'));
    await expect(foreign.tableId('Orders')).rejects.toThrow('not DynamoDB');
  });

  it('tells items, and keys that there was no capacity for', async () => {
    const body = {
      Responses: { Orders: [{ ...key, blob: { B: 'AP8=' } }] },
      UnprocessedKeys: { Orders: { Keys: [{ pk: { S: 'order-2' } }] } },
    };
    const reader = open(await answering(OWN, JSON.stringify(body)));

    const { items, unprocessed } = await reader.read(BATCH);

    expect(items).toHaveLength(1);
    expect([...(items[0]?.['blob']?.B ?? [])]).toEqual([0, 255]);
    expect(unprocessed).toEqual([{ pk: { S: 'order-2' } }]);
  });
});

describe('a command does not take a proxy’s answer', () => {
  const settings = async () => sideOf(await answering(OWN, '{"status":"blocked"}'));

  it('for an item that is not there', async () => {
    const client = readClient(await settings());
    const reader = dynamoDbReader(client, { table: 'Orders', keyAttributes: ['pk'] });

    await expect(reader.get(key)).rejects.toThrow('not DynamoDB');
  });

  it('for a table without a stream', async () => {
    await expect(streamOfTable(await settings(), 'Orders')).rejects.toThrow('not DynamoDB');
  });

  it('for a batch that its stream no longer has', async () => {
    const client = streamsClient(await settings());
    const range = {
      streamArn:
        'arn:aws:dynamodb:eu-west-1:111122223333:table/Orders/stream/2026-01-31T12:00:00.000',
      shardId: 'shardId-1',
      startSequenceNumber: '1',
      endSequenceNumber: '2',
    };

    await expect(readStreamRange(client, range)).rejects.toThrow('not DynamoDB');
  });
});
