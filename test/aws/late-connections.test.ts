// Connections that stand only when the time of the requests that wait for them is over, by both carriers.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { createServer as tlsServer, type Server as TlsServer } from 'node:tls';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { expect, it } from 'vitest';
import { fixedCredentials } from '../../src/aws/access.ts';
import { signedRequests } from '../../src/aws/signed/signed-requests.ts';
import { systemClock } from '../../src/aws/system-clock.ts';
import { undiciHandler } from '../../src/aws/undici-handler.ts';
import { SELF_SIGNED, trustingAll } from '../fixtures/self-signed.ts';

const CONNECT_MS = 300;
const REQUEST_MS = 100;
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const region = 'eu-west-1';

interface Carrier {
  send(): Promise<unknown>;
  close(): Promise<void> | void;
}

const CARRIERS: Readonly<Record<string, (endpoint: string) => Carrier>> = {
  'the SDK': (endpoint) => {
    const requestHandler = undiciHandler({ concurrency: 1, timeoutMs: REQUEST_MS });
    const options = { region, endpoint, credentials, requestHandler, maxAttempts: 1 };
    const client = new DynamoDBClient(options);
    const put = new PutItemCommand({ TableName: 'Orders', Item: { pk: { S: 'order-1' } } });
    return { send: () => client.send(put), close: () => client.destroy() };
  },
  'requests signed here': (endpoint) => {
    const requests = signedRequests({
      region,
      endpoint,
      credentials: fixedCredentials(credentials),
      concurrency: 1,
      timeoutMs: REQUEST_MS,
      clock: systemClock,
    });
    return {
      send: () => requests.send('DynamoDB_20120810.PutItem', '{}'),
      close: () => requests.close(),
    };
  },
};

it.each(Object.entries(CARRIERS))(
  'a request is not sent on a connection that comes too late, nor is the next one: %s',
  async (_, open) => {
    let receivedBytes = 0;
    const tls = tlsServer(SELF_SIGNED, (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => (receivedBytes += chunk.length));
    }).listen(0, '127.0.0.1');
    const { listener, handshaken } = slowlyPassing(tls);
    await once(listener, 'listening');
    const carrier = open(`https://127.0.0.1:${(listener.address() as AddressInfo).port}`);

    const all = await trustingAll(async () => {
      const sent = Promise.allSettled([carrier.send(), carrier.send()]);
      await handshaken;
      await new Promise((resolve) => setTimeout(resolve, CONNECT_MS));
      return sent;
    });
    await carrier.close();
    tls.close();
    listener.close();

    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(receivedBytes).toBe(0);
  },
);

/** Connections come to `server` later than they should. */
function slowlyPassing(server: TlsServer) {
  let answered: () => void;
  const handshaken = new Promise<void>((resolve) => (answered = resolve));
  const listener = createServer((socket) => {
    socket.on('error', () => undefined);
    setTimeout(() => {
      const upstream = connect((server.address() as AddressInfo).port, '127.0.0.1');
      upstream.on('error', () => undefined).once('data', answered);
      socket.pipe(upstream).pipe(socket);
    }, CONNECT_MS);
  }).listen(0, '127.0.0.1');
  return { listener, handshaken };
}
