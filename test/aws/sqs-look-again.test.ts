// Announcements to the look-again queue: what is stored, for how long it stays hidden, and what counts as
// acknowledged.

import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { fixedCredentials } from '../../src/aws/access.ts';
import { sqsLookAgain } from '../../src/aws/sqs-look-again.ts';
import { REQUEST_TIMEOUT_MS } from '../../src/config/names.ts';
import { startLocal } from '../contract/sqs-target.ts';

const credentials = fixedCredentials({ accessKeyId: 'test', secretAccessKey: 'test' });

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A queue in front of which something else may answer, and what was asked of it. */
async function queueBehind(listener: RequestListener) {
  const asked: Array<Record<string, unknown>> = [];
  server = createServer((incoming, response) => {
    let body = '';
    incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
    incoming.on('end', () => {
      asked.push(JSON.parse(body) as Record<string, unknown>);
      listener(incoming, response);
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server?.once('listening', resolve));
  const queueUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/1/look-again`;
  const queue = sqsLookAgain({ queueUrl, region: 'us-east-1', delaySeconds: 125, credentials });
  return { queue, asked, queueUrl };
}

function outcomeOf(announced: Promise<void>): Promise<string> {
  return announced.then(
    () => 'acknowledged',
    () => 'failed',
  );
}

it('stores an announcement, and hides it until its delay is over', async () => {
  const user = await startLocal();
  const open = (delaySeconds: number) =>
    sqsLookAgain({ queueUrl: user.queueUrl, region: 'eu-west-1', delaySeconds, credentials });

  await open(900).announce('later');
  await open(0).announce('now');

  const received = [...(await user.receive()), ...(await user.receive())];
  expect(received.map(({ Body }) => Body)).toEqual(['now']);
  await user.stop();
});

it('asks at the queue’s own endpoint for the configured delay', async () => {
  const { queue, asked, queueUrl } = await queueBehind((_, response) => {
    response.writeHead(500).end('{"__type":"InternalError"}');
  });

  expect(await outcomeOf(queue.announce('[]'))).toBe('failed');

  expect(asked[0]).toMatchObject({ QueueUrl: queueUrl, MessageBody: '[]', DelaySeconds: 125 });
});

describe('an announcement is not acknowledged', () => {
  it.each<[string, number, string]>([
    ['by an error', 400, '{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}'],
    ['by a page', 200, '<html>maintenance</html>'],
    ['by a proxy’s JSON', 200, '{"status":"blocked"}'],
    ['by nothing', 200, ''],
    [
      'by the checksum of something else',
      200,
      `{"MessageId":"1","MD5OfMessageBody":"${'0'.repeat(32)}"}`,
    ],
  ])('%s', async (_, status, body) => {
    const { queue } = await queueBehind((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(body);
    });

    expect(await outcomeOf(queue.announce('[]'))).toBe('failed');
  });

  it(
    'by silence, and is given up in time',
    async () => {
      const { queue, asked } = await queueBehind(() => undefined);

      expect(await outcomeOf(queue.announce('[]'))).toBe('failed');

      expect(asked).toHaveLength(1);
    },
    REQUEST_TIMEOUT_MS + 5_000,
  );
});

it('is sent a second time where the first answer is lost', async () => {
  const { queue, asked } = await queueBehind((incoming, response) => {
    if (asked.length === 1) return void incoming.socket.destroy();
    const MD5OfMessageBody = 'd751713988987e9331980363e24189ce';
    response.end(JSON.stringify({ MessageId: '1', MD5OfMessageBody }));
  });

  await queue.announce('[]');

  expect(asked).toHaveLength(2);
});
