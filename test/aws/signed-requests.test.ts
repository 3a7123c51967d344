// Requests that are signed here: clocks that are wrong, credentials that expire, sockets that are taken.

import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { once } from 'node:events';
import { type AddressInfo, createServer as netServer, type Socket } from 'node:net';
import { createServer as tlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { fixedCredentials } from '../../src/aws/access.ts';
import { REFUSALS } from '../../src/aws/credential-source.ts';
import { type SignedRequests, signedRequests } from '../../src/aws/signed/signed-requests.ts';
import { systemClock } from '../../src/aws/system-clock.ts';
import { classifyFailure } from '../../src/model/write-failure.ts';
import { SELF_SIGNED, trustingAll } from '../fixtures/self-signed.ts';

const HOUR_MS = 60 * 60 * 1000;
const CREDENTIALS = { accessKeyId: 'AKIDTEST', secretAccessKey: 'secret' };
const TARGET = 'DynamoDB_20120810.PutItem';
/** Without it, nothing counts as DynamoDB's answer. */
const OWN = { 'x-amzn-requestid': 'TEST' };

let server: Server | undefined;
let opened: SignedRequests | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  await opened?.close();
  opened = undefined;
});

async function open(
  listener: RequestListener,
  parts: Partial<Parameters<typeof signedRequests>[0]> = {},
) {
  server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server?.once('listening', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  opened = signedRequests({
    region: 'eu-west-1',
    endpoint,
    credentials: { get: async () => CREDENTIALS, refused: async () => false },
    concurrency: 2,
    timeoutMs: 500,
    clock: systemClock,
    ...parts,
  });
  return opened;
}

/** Time passes by hand only. */
function handClock(startMs: number) {
  let nowMs = startMs;
  return { now: () => nowMs, pass: (ms: number) => void (nowMs += ms) };
}

describe('a clock that is wrong', () => {
  const skewed =
    (name: string, dates: string[]): RequestListener =>
    (incoming, response) => {
      const sentMs = Date.parse(
        String(incoming.headers['x-amz-date']).replace(
          /(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/,
          '$1-$2-$3T$4:$5:$6Z',
        ),
      );
      dates.push(String(sentMs));
      const isWrong = Math.abs(sentMs - Date.now()) > 5 * 60_000;
      response
        .writeHead(isWrong ? 400 : 200, OWN)
        .end(isWrong ? `{"__type":"com.amazon.coral.service#${name}"}` : '{}');
    };

  it.each(['InvalidSignatureException', 'RequestExpired'])(
    'is put right after %s',
    async (name) => {
      const dates: string[] = [];
      const clock = { now: () => Date.now() - 2 * HOUR_MS };
      const requests = await open(skewed(name, dates), { clock });

      expect((await requests.send(TARGET, '{}')).status).toBe(200);
      expect((await requests.send(TARGET, '{}')).status).toBe(200);
      // Once wrong, and right ever after.
      expect(dates.length).toBe(3);
    },
  );

  describe('takes no more time for the second try than is left', () => {
    async function sendBehind(answerMs: number) {
      let tries = 0;
      const clock = handClock(Date.now() - 2 * HOUR_MS);
      const requests = await open(
        (_, response) => {
          tries += 1;
          if (tries > 1) return;
          clock.pass(answerMs);
          response.writeHead(400, OWN).end('{"__type":"x#RequestTimeTooSkewed"}');
        },
        { clock },
      );
      const [result] = await Promise.allSettled([requests.send(TARGET, '{}')]);
      return { result, tries };
    }

    it('but the rest of its time limit', async () => {
      const { result, tries } = await sendBehind(300);

      expect(tries).toBe(2);
      expect(String(result.status === 'rejected' && result.reason)).toContain('within 200 ms');
    });

    it.each([
      ['hardly any is left', 450],
      ['the clock was set back meanwhile', -1_000],
    ])('and is not sent when %s', async (_, answerMs) => {
      const { result, tries } = await sendBehind(answerMs);

      expect(tries).toBe(1);
      expect(result).toMatchObject({ status: 'fulfilled', value: { status: 400 } });
    });
  });

  it('is not blamed for credentials that are wrong', async () => {
    let tries = 0;
    const requests = await open((_, response) => {
      tries += 1;
      response.writeHead(400, OWN).end('{"__type":"x#InvalidSignatureException"}');
    });

    expect((await requests.send(TARGET, '{}')).status).toBe(400);
    expect(tries).toBe(1);
  });

  it('is not put right by an answer that is not the service’s: nobody knows what became of it', async () => {
    const dates: string[] = [];
    const requests = await open((incoming, response) => {
      dates.push(String(incoming.headers['x-amz-date']).slice(0, 8));
      response
        .writeHead(400, { date: 'Mon, 01 Jan 2001 00:00:00 GMT' })
        .end('{"__type":"x#RequestTimeTooSkewed"}');
    });

    for (let request = 0; request < 2; request += 1) {
      expect((await requests.send(TARGET, '{}')).status).toBe(400);
    }
    // Each once, and signed with the time of this clock.
    expect(dates).toHaveLength(2);
    expect(dates).not.toContain('20010101');
  });
});

describe('credentials that the service refuses', () => {
  const OTHERS = { accessKeyId: 'AKIDOTHER', secretAccessKey: 'other' };

  /** Refuses all but `OTHERS`, and repeats what was signed. */
  async function sendRefused(
    name: string,
    { others = OTHERS, passMs = 0, own = OWN, refuseAll = false } = {},
  ) {
    const clock = handClock(Date.now());
    const by: string[] = [];
    let known: typeof CREDENTIALS = CREDENTIALS;
    const credentials = {
      get: () => known,
      refused: async () => {
        clock.pass(passMs);
        known = others;
        return others !== CREDENTIALS;
      },
    };
    const requests = await open(
      (incoming, response) => {
        const id = /Credential=(\w+)/.exec(String(incoming.headers.authorization))?.[1] ?? '';
        by.push(id);
        const isGood = id === OTHERS.accessKeyId && !refuseAll;
        const refusal = JSON.stringify({ __type: `x#${name}`, message: incoming.headers });
        response.writeHead(isGood ? 200 : 400, { ...own }).end(isGood ? '{}' : refusal);
      },
      { clock, credentials },
    );
    const answer = await requests.send(TARGET, '{}').catch((error: unknown) => error);
    return { answer, by };
  }

  it.each([...REFUSALS])('are replaced by others after %s', async (name) => {
    const { answer, by } = await sendRefused(name);

    expect(answer).toMatchObject({ status: 200 });
    expect(by).toEqual(['AKIDTEST', 'AKIDOTHER']);
  });

  it.each([
    ['there are no others', 'ExpiredTokenException', { others: CREDENTIALS }, 400],
    ['no time is left', 'ExpiredTokenException', { passMs: 450 }, 400],
    [
      'the answer is not the service’s',
      'ExpiredTokenException',
      { own: { 'x-amzn-requestid': '' } },
      400,
    ],
    ['the request itself is refused', 'AccessDeniedException', {}, 400],
  ])('are not replaced where %s', async (_, name, parts, status) => {
    const { answer, by } = await sendRefused(name, parts);

    expect(answer).toMatchObject({ status });
    expect(by).toEqual(['AKIDTEST']);
  });

  it('are replaced once, however many are refused, and no answer says which they were', async () => {
    const { answer, by } = await sendRefused('ExpiredTokenException', { refuseAll: true });

    expect(by).toEqual(['AKIDTEST', 'AKIDOTHER']);
    expect(answer).toMatchObject({ status: 400, checksum: '' });
    expect(JSON.stringify(answer)).toContain('ExpiredTokenException');
    expect(JSON.stringify(answer)).not.toContain('AKID');
  });

  it('are not looked for by an answer that has such a name in an item', async () => {
    const by: string[] = [];
    const item = { pk: { S: '"__type":"x#ExpiredTokenException"' }, __type: { S: 'ExpiredToken' } };
    const credentials = {
      get: () => CREDENTIALS,
      refused: async (who: typeof CREDENTIALS) => by.push(who.accessKeyId) > 0,
    };
    const requests = await open(
      (_, response) =>
        response
          .writeHead(400, OWN)
          .end(JSON.stringify({ Item: item, __type: 'x#ConditionalCheckFailedException' })),
      { credentials },
    );

    expect((await requests.send(TARGET, '{}')).status).toBe(400);
    expect(by).toEqual([]);
  });
});

describe('a request that waits for credentials', () => {
  async function sendAfter(waitMs: number) {
    const clock = handClock(Date.now());
    let arrived = 0;
    const get = async () => {
      clock.pass(waitMs);
      return CREDENTIALS;
    };
    const credentials = { ...fixedCredentials(CREDENTIALS), get };
    const requests = await open(() => (arrived += 1), { clock, credentials });
    const error: unknown = await requests.send(TARGET, '{}').catch((failure: unknown) => failure);
    return { error, arrived };
  }

  it('has the rest of its time limit', async () => {
    const { error, arrived } = await sendAfter(300);

    expect(arrived).toBe(1);
    expect(String(error)).toContain('within 200 ms');
    expect(classifyFailure(error).kind).toBe('unknown');
  });

  it('is not sent when none is left', async () => {
    const { error, arrived } = await sendAfter(495);

    expect(arrived).toBe(0);
    expect(classifyFailure(error).kind).toBe('denied');
  });

  it('is given up, and never sent, when they do not come', async () => {
    let arrived = 0;
    let come: (found: typeof CREDENTIALS) => void = () => undefined;
    const search = new Promise<typeof CREDENTIALS>((resolve) => (come = resolve));
    const requests = await open(() => (arrived += 1), {
      credentials: { ...fixedCredentials(CREDENTIALS), get: () => search },
      timeoutMs: 100,
    });

    const error: unknown = await requests.send(TARGET, '{}').catch((failure: unknown) => failure);
    come(CREDENTIALS);
    await new Promise((resolve) => setTimeout(resolve, 100));

    expect(classifyFailure(error).kind).toBe('denied');
    expect(arrived).toBe(0);
  });
});

describe('a request that waits for a socket', () => {
  it('is never sent when its time is nearly over', async () => {
    const clock = handClock(Date.now());
    const arrived: string[] = [];
    const requests = await open(
      (incoming, response) => {
        incoming.on('data', (chunk: Buffer) => {
          arrived.push(chunk.toString());
          clock.pass(495);
          response.end('{}');
        });
      },
      { clock, concurrency: 1 },
    );

    const all = await Promise.allSettled(['"a"', '"b"'].map((body) => requests.send(TARGET, body)));

    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(arrived).toEqual(['"a"']);
  });
});

describe('a request that is given up while it is on its way', () => {
  it.each(['http', 'https'])('does not arrive whole later, over %s', async (scheme) => {
    const body = 'x'.repeat(16 * 1024 * 1024);
    const received = { bytes: 0 };
    const peer = netServer((socket) => {
      socket.on('error', () => undefined);
      if (scheme === 'http') readLate(socket, received);
      // With TLS, the handshake has to be read.
      else socket.on('data', () => undefined);
    });
    const tls = tlsServer(SELF_SIGNED, (socket) => {
      socket.on('error', () => undefined);
      readLate(socket, received);
    });
    const listener = (scheme === 'http' ? peer : tls).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const endpoint = `${scheme}://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    await trustingAll(async () => {
      const requests = await open(() => undefined, { endpoint, timeoutMs: 600 });
      await expect(requests.send(TARGET, body)).rejects.toThrow('no answer within');
      await new Promise((resolve) => setTimeout(resolve, 1_200));
    });
    listener.close();

    // Closed in the ordinary way, what this side's kernel holds, about 4 MB, would be delivered, too.
    expect(received.bytes).toBeLessThan(1_000_000);
  });

  /** Reads nothing for a second. */
  function readLate(socket: Socket, received: { bytes: number }): void {
    socket.pause();
    setTimeout(() => {
      socket.on('data', (chunk: Buffer) => (received.bytes += chunk.length));
      socket.resume();
    }, 1_000);
  }
});

it('leaves sockets alone that have been idle for long', async () => {
  const sockets = new Set<unknown>();
  let nowMs = Date.now();
  const requests = await open(
    (incoming, response) => {
      sockets.add(incoming.socket);
      response.end('{}');
    },
    { clock: { now: () => nowMs }, concurrency: 1 },
  );
  const count: number[] = [];
  for (const passedMs of [0, 1_000, 10_000, 60_000, 100]) {
    nowMs += passedMs;
    await requests.send(TARGET, '{}');
    count.push(sockets.size);
  }

  expect(count).toEqual([1, 1, 1, 2, 2]);
});

describe('a way that does not exist', () => {
  it.each([
    ['nobody listens', 'http://127.0.0.1:9', 'unreachable'],
    ['there is no such host', 'http://nowhere.invalid', 'unreachable'],
  ])('is told apart from a lost answer: %s', async (_, endpoint, kind) => {
    const requests = await open(() => undefined, { endpoint, timeoutMs: 3_000 });

    const error: unknown = await requests.send(TARGET, '{}').catch((failure: unknown) => failure);

    expect(classifyFailure(error).kind).toBe(kind);
  });

  it('is a lost answer where the connection breaks', async () => {
    const requests = await open((incoming) => incoming.socket.destroy());

    const error: unknown = await requests.send(TARGET, '{}').catch((failure: unknown) => failure);

    expect(classifyFailure(error).kind).toBe('unknown');
  });
});

it('trusts no certificate that nobody has vouched for', async () => {
  let requested = false;
  const tls = createTlsServer(SELF_SIGNED, (_, response) => {
    requested = true;
    response.end('{}');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => tls.once('listening', resolve));
  const endpoint = `https://127.0.0.1:${(tls.address() as AddressInfo).port}`;
  const requests = await open(() => undefined, { endpoint, timeoutMs: 3_000 });

  await expect(requests.send(TARGET, '{}')).rejects.toThrow(/self.signed/i);

  expect(requested).toBe(false);
  tls.closeAllConnections();
  tls.close();
});
