// The port to the destination, by whatever carries the requests: what is stored, what is refused, and what a
// request means that is not answered as it should be, against a real engine and a server that misbehaves.

import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import { DynamoDBClient, type TransactWriteItemsInput } from '@aws-sdk/client-dynamodb';
import { afterEach, describe, expect, it } from 'vitest';
import { fixedCredentials } from '../../src/aws/access.ts';
import {
  dynamoDbTwinWriter,
  dynamoDbTransactions,
  UNUSED_MIDDLEWARE,
  writeClient,
} from '../../src/aws/dynamodb-table.ts';
import { signedRequests } from '../../src/aws/signed/signed-requests.ts';
import { signedTwinWriter } from '../../src/aws/signed/signed-table.ts';
import { systemClock } from '../../src/aws/system-clock.ts';
import { REQUEST_TIMEOUT_MS } from '../../src/config/names.ts';
import { classifyFailure } from '../../src/model/write-failure.ts';
import { GuardedPut } from '../../src/model/guarded-put.ts';
import type { PutRecord } from '../../src/model/stream-record.ts';
import { putTransaction } from '../../src/model/tombstone.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import type { TwinWriter } from '../../src/ports.ts';
import { SETTINGS, streamRecord } from '../fixtures/records.ts';

const record = streamRecord() as PutRecord;
const put = new GuardedPut(record, SETTINGS, 'free');
const transaction = putTransaction(record, SETTINGS);

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

interface Carrier {
  readonly table: TwinWriter;
  close(): Promise<void> | void;
}

const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };

/** Everything that carries writes to the destination. */
const CARRIERS: Readonly<Record<string, (endpoint: string) => Carrier>> = {
  'the SDK': (endpoint) => {
    const options = {
      region: 'eu-west-1',
      endpoint,
      concurrency: 4,
      credentials: fixedCredentials(CREDENTIALS),
    };
    const client = writeClient(options);
    return { table: dynamoDbTwinWriter(client), close: () => client.destroy() };
  },
  'requests signed here': (endpoint) => {
    const requests = signedRequests({
      region: 'eu-west-1',
      endpoint,
      concurrency: 4,
      credentials: fixedCredentials(CREDENTIALS),
      timeoutMs: REQUEST_TIMEOUT_MS,
      clock: systemClock,
    });
    return { table: signedTwinWriter(requests), close: () => requests.close() };
  },
};

async function listening(listener: RequestListener) {
  const seen = { requests: 0 };
  server = createServer((incoming, response) => {
    seen.requests += 1;
    listener(incoming, response);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server?.once('listening', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { endpoint, seen };
}

/** Without it, nothing counts as DynamoDB's answer. */
const OWN = { 'x-amzn-requestid': 'TEST' };

const answer =
  (status: number, body: object): RequestListener =>
  (_, response) => {
    response
      .writeHead(status, { 'content-type': 'application/x-amz-json-1.0', ...OWN })
      .end(JSON.stringify(body));
  };
const error = (name: string, more: object = {}) => ({
  __type: `com.amazonaws.dynamodb.v20120810#${name}`,
  ...more,
});

describe.each(Object.entries(CARRIERS))('by %s', (_, open) => {
  async function writeTo(listener: RequestListener, request: WriteRequest = put) {
    const { endpoint, seen } = await listening(listener);
    const carrier = open(endpoint);
    try {
      const reply = await carrier.table.write(request);
      return { reply, requests: seen.requests };
    } catch (error) {
      return { failure: classifyFailure(error), requests: seen.requests };
    } finally {
      server?.closeAllConnections();
      await carrier.close();
    }
  }

  describe('a request that gets no proper answer', () => {
    it.each<[string, RequestListener]>([
      ['no answer at all', () => undefined],
      [
        'an answer that stalls after its head',
        (_, response) => void response.writeHead(200, { 'content-length': '100' }).write('{'),
      ],
      [
        'an answer that comes in drops',
        (_, response) => {
          response.writeHead(200, { 'content-length': '100000' });
          const timer = setInterval(() => response.write(' '), 100);
          response.on('close', () => clearInterval(timer));
        },
      ],
    ])('is given up, with an unknown outcome: %s', async (_, listener) => {
      const { failure, requests } = await writeTo(listener);

      expect(failure?.kind).toBe('unknown');
      expect(requests).toBe(1);
    });
  });

  describe('is no write, and nobody knows what it is, where something else than DynamoDB answers', () => {
    const crc = (body: string) => ({ 'x-amz-crc32': String(crc32(body)) });
    it.each<[string, number, Record<string, string>, string]>([
      ['a page', 200, { 'content-type': 'text/html' }, '<html>maintenance</html>'],
      ['a proxy’s JSON', 200, {}, '{"status":"blocked"}'],
      ['a proxy’s JSON with a request id', 200, OWN, '{"status":"blocked"}'],
      ['an empty object without a request id', 200, {}, '{}'],
      ['nothing', 200, OWN, ''],
      ['a list', 200, OWN, '[]'],
      ['no content', 204, OWN, ''],
      ['a body that was changed on the way', 200, { ...OWN, ...crc('{}') }, '{ }'],
      ['the answer to another operation', 200, OWN, '{"Responses":{}}'],
      [
        'a refusal that is not the service’s',
        400,
        {},
        '{"__type":"x#ConditionalCheckFailedException"}',
      ],
      ['a rejection that is not the service’s', 400, {}, '{"__type":"x#ValidationException"}'],
      ['a refusal that was cut off', 400, { ...OWN, ...crc('{"a":1}') }, '{"a":'],
    ])('%s', async (_, status, headers, body) => {
      const { failure, reply } = await writeTo((_, response) => {
        response.writeHead(status, headers).end(body);
      });

      expect({ reply, kind: failure?.kind }).toEqual({ reply: undefined, kind: 'unknown' });
    });

    it.each([
      '{"ConsumedCapacity":{"TableName":"Orders","CapacityUnits":1}}',
      // A member that the API reference does not have yet.
      '{"Replicas":[]}',
    ])('while DynamoDB’s own is one, with its checksum: %s', async (body) => {
      const { reply } = await writeTo((_, response) => {
        response.writeHead(200, { ...OWN, ...crc(body) }).end(body);
      });

      expect(reply).toEqual({ kind: 'written' });
    });
  });

  describe('an error is tried once and tells its class', () => {
    it.each([
      [500, 'InternalServerError', 'unknown'],
      [503, 'ServiceUnavailable', 'unknown'],
      [400, 'ProvisionedThroughputExceededException', 'throttled'],
      [400, 'ValidationException', 'rejected'],
      [400, 'AccessDeniedException', 'denied'],
      [400, 'ResourceNotFoundException', 'unreachable'],
    ])('%i %s', async (status, name, kind) => {
      const { failure, requests } = await writeTo(answer(status, error(name)));

      expect(failure?.kind).toBe(kind);
      expect(requests).toBe(1);
    });
  });

  describe('a transaction that is cancelled', () => {
    const cancelled = (...codes: string[]) =>
      writeTo(
        answer(
          400,
          error('TransactionCanceledException', {
            CancellationReasons: codes.map((Code) => ({ Code })),
          }),
        ),
        transaction,
      );

    it('by the item is refused by the item, by the ledger row by that', async () => {
      expect((await cancelled('ConditionalCheckFailed', 'None')).reply).toMatchObject({
        kind: 'refused',
        by: 'item',
      });
      expect((await cancelled('None', 'ConditionalCheckFailed')).reply).toMatchObject({
        kind: 'refused',
        by: 'ledger-row',
      });
      expect(
        (await cancelled('ConditionalCheckFailed', 'ConditionalCheckFailed')).reply,
      ).toMatchObject({ by: 'ledger-row' });
    });

    it.each([
      ['TransactionConflict', 'throttled'],
      ['ProvisionedThroughputExceeded', 'throttled'],
      ['ThrottlingError', 'throttled'],
      ['ValidationError', 'rejected'],
      ['ItemCollectionSizeLimitExceeded', 'rejected'],
      ['SomethingNew', 'unknown'],
    ])('for %s is %s', async (code, kind) => {
      expect((await cancelled(code, 'None')).failure?.kind).toBe(kind);
    });
  });
});

it('goes without the middleware that the SDK calls by these names', () => {
  const names = (client: DynamoDBClient) =>
    client.middlewareStack.identify().map((entry) => entry.split(' ')[0]);
  const options = {
    region: 'eu-west-1',
    concurrency: 4,
    credentials: fixedCredentials(CREDENTIALS),
  };
  const stock = names(new DynamoDBClient({ region: 'eu-west-1' }));

  expect(stock).toEqual(expect.arrayContaining(UNUSED_MIDDLEWARE));
  expect(names(writeClient(options))).toEqual([
    'tryingOthers',
    ...stock.filter((name = '') => !UNUSED_MIDDLEWARE.includes(name)),
    'timeLeft',
  ]);
});

async function transactAgainst(listener: RequestListener, input: TransactWriteItemsInput) {
  const { endpoint } = await listening(listener);
  const options = {
    region: 'eu-west-1',
    endpoint,
    concurrency: 4,
    credentials: fixedCredentials(CREDENTIALS),
  };
  const client = writeClient(options);
  try {
    return { reply: await dynamoDbTransactions(client).transact(input) };
  } catch (error) {
    return { failure: classifyFailure(error) };
  } finally {
    client.destroy();
  }
}

describe('a transaction of many parts that is cancelled', () => {
  const cancelled = (...codes: string[]) => {
    const reasons = codes.map((Code) => ({ Code }));
    const body = error('TransactionCanceledException', { CancellationReasons: reasons });
    const input = { TransactItems: [{}, {}] };
    return transactAgainst(answer(400, body), input);
  };

  it('tells the reason of each part', async () => {
    const { reply } = await cancelled('TransactionConflict', 'None');

    expect(reply).toEqual({
      kind: 'cancelled',
      reasons: [
        { code: 'TransactionConflict', message: '' },
        { code: 'None', message: '' },
      ],
    });
  });

  it.each([
    ['a reason that nobody knows', ['None', 'SomethingNew']],
    ['a reason too few', ['None']],
    ['no reasons', []],
  ])('fails with an unknown outcome for %s', async (_, codes) => {
    expect((await cancelled(...codes)).failure?.kind).toBe('unknown');
  });
});
