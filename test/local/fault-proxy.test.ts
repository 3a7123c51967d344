import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { crc32 } from 'node:zlib';
import {
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { dynamoDbTwinWriter, writeClient } from '../../src/aws/dynamodb-table.ts';
import { classifyFailure, type FailureKind } from '../../src/model/write-failure.ts';
import {
  type FaultProxy,
  type FaultProxyOptions,
  startFaultProxy,
} from '../../src/local/faults/fault-proxy.ts';
import { type Fault, strike } from '../../src/local/faults/faults.ts';
import { below, seededRandom } from '../../src/local/seeded-random.ts';
import type { TwinWriter, Item, Random } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import { eventually } from './fixtures/processes.ts';

const TABLE = 'Faulty';
const CONCURRENCY = 16;
const engine = useEngine();
const cleanups: Array<() => unknown> = [];

beforeAll(async () => {
  await engine().createTable(TABLE, [{ name: 'pk', type: 'S' }]);
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Faulty {
  readonly proxy: FaultProxy;
  readonly client: DynamoDBClient;
  readonly destination: TwinWriter;
}

async function faulty(options: Partial<FaultProxyOptions> = {}): Promise<Faulty> {
  const proxy = await startFaultProxy({ upstream: engine().endpoint, ...options });
  cleanups.push(() => proxy.stop());
  const client = clientOf(proxy);
  return { proxy, client, destination: dynamoDbTwinWriter(client) };
}

function clientOf({ endpoint }: FaultProxy): DynamoDBClient {
  const client = writeClient({ region: 'eu-west-1', endpoint, concurrency: CONCURRENCY });
  cleanups.push(() => client.destroy());
  return client;
}

/** Chance as a test wants it: these numbers in turn, again and again. */
function chances(...numbers: readonly number[]): Random {
  let index = 0;
  return { next: () => numbers[index++ % numbers.length] ?? 0 };
}

function put(id: string, attributes: Item = {}) {
  const input = { TableName: TABLE, Item: { pk: { S: id }, ...attributes } };
  return { operation: 'PutItem', input } as const;
}

function remove(id: string) {
  return { operation: 'DeleteItem', input: { TableName: TABLE, Key: { pk: { S: id } } } } as const;
}

/** What a write came to: "written", or what model/write-failure makes of its error. */
async function resultOf(write: Promise<unknown>): Promise<FailureKind | 'written'> {
  const outcome = await outcomeOf(write);
  return outcome.kind;
}

async function outcomeOf(
  write: Promise<unknown>,
): Promise<{ kind: FailureKind | 'written'; name: string; message: string }> {
  try {
    await write;
    return { kind: 'written', name: '', message: '' };
  } catch (error) {
    return classifyFailure(error);
  }
}

/** As the engine has it, past the proxy. */
function stored(id: string): Promise<Item | undefined> {
  return engine().get(TABLE, { pk: { S: id } });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(5);
}

interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

interface Answer {
  readonly status: number;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/** A request with nothing but what is given, so that every byte is known. */
async function send(
  endpoint: string,
  { method, url, rawHeaders, body }: Exchange,
  agent = new Agent(),
): Promise<Answer> {
  const { hostname: host, port } = new URL(endpoint);
  const request = httpRequest({ host, port, method, path: url, headers: rawHeaders, agent });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const { statusCode: status = 0, rawHeaders: headers } = response;
  return { status, rawHeaders: headers, body: Buffer.concat(await response.toArray()) };
}

function call(operation: string, body: string | Buffer): Exchange {
  const bytes = Buffer.from(body);
  const rawHeaders = [
    ['Host', 'dynamodb.example'],
    ['X-Amz-Target', `DynamoDB_20120810.${operation}`],
    ['content-type', 'application/x-amz-json-1.0'],
    ['content-length', String(bytes.length)],
    [
      'authorization',
      'AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
    ],
    ['x-amz-date', '20260101T000000Z'],
  ].flat();
  return { method: 'POST', url: '/', rawHeaders, body: bytes };
}

/** An upstream that is no engine: answers what a test says, or never. */
async function scriptedUpstream(answer: (received: Exchange) => Answer | 'hang' | 'half') {
  const received: Exchange[] = [];
  const sockets = new Set<Socket>();
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '', rawHeaders } = request;
    const exchange = { method, url, rawHeaders, body: Buffer.concat(await request.toArray()) };
    received.push(exchange);
    const what = answer(exchange);
    if (what === 'hang') return;
    if (what === 'half') {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half of it', () => response.socket?.resetAndDestroy());
      return;
    }
    response.sendDate = false;
    response.writeHead(what.status, [...what.rawHeaders]).end(what.body);
  };
  const server = createServer((request, response) => void respond(request, response));
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const upstream = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { upstream, received, sockets };
}

/** As DynamoDB answers a write: without a request id, it would not count as one. */
const EMPTY_ANSWER: Answer = {
  status: 200,
  rawHeaders: ['x-amzn-requestid', 'BUO7GBSC1JCE4LR4BE4NS8QTVRVV4KQNSO5AEMVJF66Q9ASUAAJG'],
  body: Buffer.from('{}'),
};

/** Resolves with the error code that the connection ends with, or with "closed" if it has none. */
function endOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('close', () => resolve('closed'));
    socket.resume();
  });
}

async function connectTo({ endpoint }: FaultProxy): Promise<Socket> {
  const socket = connect(Number(new URL(endpoint).port), '127.0.0.1');
  cleanups.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

describe('without a fault', () => {
  it('hands on every byte of a request and of its answer', async () => {
    const random = seededRandom(1);
    const bytes = (length: number) => Buffer.from(Array.from({ length }, () => below(random, 256)));
    const answer: Answer = {
      status: 418,
      rawHeaders: [
        ['content-type', 'application/x-amz-json-1.0'],
        ['X-Amz-Crc32', '2745614147'],
        ['x-amzn-RequestId', 'ABC-123'],
        ['content-length', '70000'],
      ].flat(),
      body: bytes(70_000),
    };
    const { upstream, received } = await scriptedUpstream(() => answer);
    const { proxy } = await faulty({ upstream });
    const sent = { ...call('PutItem', bytes(300_000)), url: '/a%20path?x=%C3%A9' };

    const got = await send(proxy.endpoint, sent);

    expect(received).toHaveLength(1);
    expect(received[0]?.body.equals(sent.body)).toBe(true);
    expect(received[0]).toMatchObject({ method: 'POST', url: '/a%20path?x=%C3%A9' });
    expect(received[0]?.rawHeaders.slice(0, sent.rawHeaders.length)).toEqual(sent.rawHeaders);
    expect(got.body.equals(answer.body)).toBe(true);
    expect(got.status).toBe(418);
    expect(got.rawHeaders.slice(0, answer.rawHeaders.length)).toEqual(answer.rawHeaders);
    expect(got.rawHeaders).not.toContain('Date');
  });

  it('keeps what is about one connection to that connection', async () => {
    const { upstream, received } = await scriptedUpstream(() => ({
      ...EMPTY_ANSWER,
      rawHeaders: ['Connection', 'close', 'Keep-Alive', 'timeout=7', 'x-kept', 'yes'],
    }));
    const { proxy } = await faulty({ upstream });
    const own = ['Connection', 'X-Hop', 'X-Hop', '1', 'TE', 'trailers', 'X-End', '2'];
    const chunked = ['Transfer-Encoding', 'chunked', 'Host', 'h'];
    const agent = new Agent({ keepAlive: true });
    cleanups.push(() => agent.destroy());

    const body = Buffer.from('{"in":"chunks"}');
    const rawHeaders = [...chunked, ...own];
    const got = await send(proxy.endpoint, { method: 'POST', url: '/', rawHeaders, body }, agent);

    const names = received[0]?.rawHeaders.filter((_, index) => index % 2 === 0);
    expect(names).toContain('X-End');
    expect(names).not.toContain('X-Hop');
    expect(names).not.toContain('TE');
    expect(received[0]?.body.toString()).toBe('{"in":"chunks"}');
    expect(got.rawHeaders).toContain('x-kept');
    expect(got.rawHeaders).not.toContain('timeout=7');
  });

  it('brings back binary values and items of 300 KB as the engine has them', async () => {
    const { proxy, client } = await faulty();
    const random = seededRandom(2);
    const bytes = (length: number) =>
      Uint8Array.from({ length }, (_, index) => (index < 256 ? index : below(random, 256)));
    const item = {
      pk: { S: 'large' },
      binary: { B: bytes(300_000) },
      set: { BS: [bytes(300), bytes(5), new Uint8Array()] },
      text: { S: '\u0000 "\\ 🚢 \u2028' },
      nested: { M: { 'a.b': { L: [{ B: bytes(1_000) }, { NULL: true as const }] } } },
      number: { N: '-1E-130' },
    };

    await client.send(new PutItemCommand({ TableName: TABLE, Item: item }));
    const get = new GetItemCommand({ TableName: TABLE, Key: { pk: { S: 'large' } } });
    const { Item: got } = await client.send(get);
    const direct = await stored('large');

    // Not by toEqual, which takes seconds for that many bytes.
    expect(isDeepStrictEqual(got?.['binary'], item.binary)).toBe(true);
    expect(isDeepStrictEqual(got, direct)).toBe(true);
    expect(got).toMatchObject({ text: item.text, nested: item.nested });
    expect(proxy.counts.passed).toBe(2);
  });

  it('leaves the checksum of the answer true', async () => {
    const { proxy, destination } = await faulty();
    await destination.write(put('checked', { b: { B: new Uint8Array(50_000).fill(255) } }));

    const key = { TableName: TABLE, Key: { pk: { S: 'checked' } } };
    const got = await send(proxy.endpoint, call('GetItem', JSON.stringify(key)));

    const at = got.rawHeaders.findIndex((name) => name.toLowerCase() === 'x-amz-crc32');
    expect(got.body.length).toBeGreaterThan(50_000);
    expect(got.rawHeaders[at + 1]).toBe(String(crc32(got.body)));
  });

  it('uses its connections to the engine again', async () => {
    const { upstream, received, sockets } = await scriptedUpstream(() => EMPTY_ANSWER);
    const { destination } = await faulty({ upstream });

    for (let count = 0; count < 10; count += 1) await destination.write(put('again'));

    expect(received).toHaveLength(10);
    expect(sockets.size).toBe(1);
  });

  it('passes a refusal of the engine on as it is', async () => {
    const { destination } = await faulty();
    const twice = { ...put('once').input, ConditionExpression: 'attribute_not_exists(pk)' };
    const request = { operation: 'PutItem', input: twice } as const;

    const replies = [await destination.write(request), await destination.write(request)];

    expect(replies.map(({ kind }) => kind)).toEqual(['written', 'refused']);
  });

  it('refuses a body above 16 MiB, with a reason, and goes on', async () => {
    const { upstream, received } = await scriptedUpstream(() => EMPTY_ANSWER);
    const { proxy } = await faulty({ upstream });
    const limit = 16 * 1024 * 1024;

    const tooLarge = await send(proxy.endpoint, call('PutItem', Buffer.alloc(limit + 1)));
    const largest = await send(proxy.endpoint, call('PutItem', Buffer.alloc(limit)));

    expect(tooLarge.status).toBe(413);
    expect(tooLarge.body.toString()).toContain('RequestEntityTooLargeException');
    expect(largest.status).toBe(200);
    expect(received.map(({ body }) => body.length)).toEqual([limit]);
  });
});

describe('each fault looks to the client as the real one', () => {
  interface Expected {
    readonly fault: Fault;
    readonly kind: FailureKind;
    readonly name: string;
    readonly message?: string;
  }
  const cases: readonly Expected[] = [
    {
      fault: { kind: 'throttle', share: 1 },
      kind: 'throttled',
      name: 'ProvisionedThroughputExceededException',
    },
    { fault: { kind: 'error', share: 1 }, kind: 'unknown', name: 'InternalServerError' },
    { fault: { kind: 'reset', share: 1 }, kind: 'unknown', name: 'ECONNRESET' },
    { fault: { kind: 'late', share: 1, ms: 20 }, kind: 'unknown', name: 'ECONNRESET' },
    {
      fault: { kind: 'poison', marker: 'each' },
      kind: 'rejected',
      name: 'ValidationException',
      message: 'One or more parameter values were invalid: injected by the fault layer',
    },
    { fault: { kind: 'deny' }, kind: 'denied', name: 'AccessDeniedException' },
  ];

  it.each(cases)('$fault.kind is $kind, and over once it is taken back', async (expected) => {
    const { fault, kind, name, message = '' } = expected;
    const { proxy, destination } = await faulty();

    const takeBack = proxy.inject(fault);
    const struck = await outcomeOf(destination.write(put('each')));
    takeBack();
    takeBack();
    const after = await outcomeOf(destination.write(put('each')));

    expect(struck).toMatchObject({ kind, name });
    expect(struck.message).toContain(message);
    expect(after.kind).toBe('written');
    expect(proxy.counts).toMatchObject({ passed: 1, injected: { [fault.kind]: 1 } });
  });

  it('slow is answered, only later', async () => {
    const { proxy, destination } = await faulty();
    proxy.inject({ kind: 'slow', share: 1, ms: 2_000 });
    const start = performance.now();
    let answered = false;

    const written = resultOf(destination.write(put('slow'))).finally(() => (answered = true));
    await until(async () => (await stored('slow')) !== undefined);
    const answeredAtOnce = answered;

    expect(await written).toBe('written');
    expect(answeredAtOnce).toBe(false);
    expect(performance.now() - start).toBeGreaterThan(1_990);
    expect(proxy.counts).toMatchObject({ passed: 0, injected: { slow: 1 } });
  });

  it('throttled and denied requests never reach the engine', async () => {
    const { upstream, received } = await scriptedUpstream(() => EMPTY_ANSWER);
    const { proxy, destination } = await faulty({ upstream });

    for (const fault of [{ kind: 'throttle', share: 1 }, { kind: 'deny' }] as const) {
      const takeBack = proxy.inject(fault);
      await resultOf(destination.write(put('unheard')));
      takeBack();
    }

    expect(received).toEqual([]);
  });
});

describe('a fault whose request may have been applied', () => {
  it.each(['error', 'reset'] as const)('%s comes before or after, by chance', async (kind) => {
    // Two numbers for each request: whether it is struck, and whether it is applied before.
    const { proxy, destination } = await faulty({ random: chances(0, 0.49, 0, 0.51) });
    proxy.inject({ kind, share: 0.5 });

    const applied = await resultOf(destination.write(put(`${kind} after`)));
    const lost = await resultOf(destination.write(put(`${kind} before`)));

    expect([applied, lost]).toEqual(['unknown', 'unknown']);
    expect(await stored(`${kind} after`)).toBeDefined();
    expect(await stored(`${kind} before`)).toBeUndefined();
  });

  it('strikes the given share, half of it after', () => {
    const random = seededRandom(7);
    const fault = { kind: 'error', share: 0.2 } as const;
    const request = { operation: 'PutItem', body: Buffer.alloc(0) };

    const strikes = Array.from({ length: 20_000 }, () => strike(request, [fault], random));
    const struck = strikes.filter((one) => one !== undefined);

    expect(struck.length / strikes.length).toBeCloseTo(0.2, 1);
    expect(struck.filter(({ applied }) => applied).length / struck.length).toBeCloseTo(0.5, 1);
  });
});

describe('a late request', () => {
  const version = (n: number): Item => ({ version: { N: String(n) } });

  it('lands after the client has given it up, on top of newer writes', async () => {
    const { proxy, client, destination } = await faulty();
    const takeBack = proxy.inject({ kind: 'late', share: 1, ms: 1_000 });
    const impatience = new AbortController();
    const abandoned = resultOf(
      client.send(new PutItemCommand(put('late', version(1)).input), {
        abortSignal: impatience.signal,
      }),
    );
    expect(await eventually(() => proxy.counts.injected.late === 1)).toBe(true);
    impatience.abort();

    expect(await abandoned).toBe('unknown');
    expect(await stored('late')).toBeUndefined();
    takeBack();
    expect(await resultOf(destination.write(put('late', version(2))))).toBe('written');
    expect(await stored('late')).toMatchObject(version(2));
    expect(proxy.counts.landedLate).toBe(0);

    expect(await eventually(() => proxy.counts.landedLate === 1)).toBe(true);
    expect(await stored('late')).toMatchObject(version(1));
  });

  it('is cut off before it lands', async () => {
    let cut: boolean | undefined;
    const { upstream, sockets } = await scriptedUpstream(() => {
      cut = client?.destroyed;
      return EMPTY_ANSWER;
    });
    const { proxy } = await faulty({ upstream });
    proxy.inject({ kind: 'late', share: 1, ms: 50 });
    const client = await connectTo(proxy);
    const end = endOf(client);

    client.write(
      'POST / HTTP/1.1\r\nhost: h\r\nx-amz-target: D.PutItem\r\ncontent-length: 0\r\n\r\n',
    );

    expect(await end).toBe('ECONNRESET');
    await proxy.stop({ landLate: true });
    expect(proxy.counts.landedLate).toBe(1);
    expect(cut).toBe(true);
    expect(await eventually(() => sockets.size === 0)).toBe(true);
  });

  it('lands during an outage, too: it is on its way already', async () => {
    const { proxy, destination } = await faulty();
    proxy.inject({ kind: 'late', share: 1, ms: 100 });
    const write = resultOf(destination.write(put('outlived')));
    expect(await eventually(() => proxy.counts.injected.late === 1)).toBe(true);

    proxy.inject({ kind: 'outage' });

    expect(await write).toBe('unknown');
    expect(await eventually(() => proxy.counts.landedLate === 1)).toBe(true);
    expect(await stored('outlived')).toBeDefined();
  });

  it('is awaited by a stop that is told so', async () => {
    const { proxy, destination } = await faulty();
    proxy.inject({ kind: 'late', share: 1, ms: 2_000 });
    const writes = ['a', 'b', 'c'].map((id) => resultOf(destination.write(put(`landed ${id}`))));
    expect(await eventually(() => proxy.counts.injected.late === 3)).toBe(true);

    const stopped = proxy.stop({ landLate: true });
    expect(await Promise.all(writes)).toEqual(['unknown', 'unknown', 'unknown']);
    expect(proxy.counts.landedLate).toBe(0);
    await stopped;

    expect(proxy.counts.landedLate).toBe(3);
    for (const id of ['a', 'b', 'c']) expect(await stored(`landed ${id}`)).toBeDefined();
  });

  it('is dropped by a stop that is not, also while another waits for it', async () => {
    const { proxy, destination } = await faulty();
    proxy.inject({ kind: 'late', share: 1, ms: 60_000 });
    const write = resultOf(destination.write(put('dropped')));
    expect(await eventually(() => proxy.counts.injected.late === 1)).toBe(true);

    const patient = proxy.stop({ landLate: true });
    expect(await write).toBe('unknown');
    await proxy.stop();
    await patient;

    expect(proxy.counts.landedLate).toBe(0);
    expect(await stored('dropped')).toBeUndefined();
  });
});

describe('whom a fault strikes', () => {
  it('poison strikes puts that carry the marker, alone or in a transaction', async () => {
    const { proxy, client, destination } = await faulty();
    proxy.inject({ kind: 'poison', marker: 'bad é' });
    const poisoned = put('poisoned', { note: { S: 'so bad é!' } });
    const healthy = put('healthy', { note: { S: 'bad e' } });
    const transaction = (request: ReturnType<typeof put>) =>
      destination.write({
        operation: 'TransactWriteItems',
        input: { TransactItems: [{ Put: request.input }] },
      });

    const results = {
      put: await resultOf(destination.write(poisoned)),
      transaction: await resultOf(transaction(poisoned)),
      healthyPut: await resultOf(destination.write(healthy)),
      healthyTransaction: await resultOf(transaction(healthy)),
      remove: await resultOf(destination.write(remove('bad é'))),
      update: await resultOf(
        client.send(
          new UpdateItemCommand({
            TableName: TABLE,
            Key: { pk: { S: 'poisoned' } },
            UpdateExpression: 'SET note = :n',
            ExpressionAttributeValues: { ':n': { S: 'bad é' } },
          }),
        ),
      ),
    };

    expect(results).toEqual({
      put: 'rejected',
      transaction: 'rejected',
      healthyPut: 'written',
      healthyTransaction: 'written',
      remove: 'written',
      update: 'written',
    });
  });

  it.each<Fault>([
    { kind: 'deny', operations: ['DeleteItem'] },
    { kind: 'throttle', share: 1, operations: ['DeleteItem'] },
    { kind: 'reset', share: 1, operations: ['UpdateItem', 'DeleteItem'] },
  ])('$kind keeps to the operations that it is limited to', async (fault) => {
    const { proxy, destination } = await faulty();
    proxy.inject(fault);

    const putResult = await resultOf(destination.write(put('limited')));
    const removeResult = await resultOf(destination.write(remove('limited')));

    expect(putResult).toBe('written');
    expect(removeResult).not.toBe('written');
    expect(proxy.counts).toMatchObject({ passed: 1, injected: { [fault.kind]: 1 } });
  });

  it('of several faults the first in the documented order, whatever came first', async () => {
    const { proxy, destination } = await faulty();
    const faults: readonly Fault[] = [
      { kind: 'slow', share: 1, ms: 1 },
      { kind: 'late', share: 1, ms: 1 },
      { kind: 'reset', share: 1 },
      { kind: 'error', share: 1 },
      { kind: 'throttle', share: 1 },
      { kind: 'poison', marker: 'ordered' },
      { kind: 'deny' },
    ];
    const kinds = faults.map(({ kind }) => kind);
    const takeBacks = faults.map((fault) => proxy.inject(fault)).toReversed();
    const struckBy: string[] = [];

    for (const takeBack of takeBacks) {
      const before = { ...proxy.counts.injected };
      await resultOf(destination.write(put('ordered')));
      struckBy.push(...kinds.filter((kind) => proxy.counts.injected[kind] > before[kind]));
      takeBack();
    }

    expect(struckBy).toEqual(['deny', 'poison', 'throttle', 'error', 'reset', 'late', 'slow']);
    expect(await resultOf(destination.write(put('ordered')))).toBe('written');
  });

  it('a fault that does not strike leaves the request to the next', async () => {
    const { proxy, destination } = await faulty({ random: chances(0.9, 0.1) });
    proxy.inject({ kind: 'throttle', share: 0.5 });
    proxy.inject({ kind: 'error', share: 0.5 });

    expect(await outcomeOf(destination.write(put('next')))).toMatchObject({
      name: 'InternalServerError',
    });
  });

  it('a share of 0 strikes nobody', async () => {
    const { proxy, destination } = await faulty({ random: chances(0) });
    proxy.inject({ kind: 'throttle', share: 0 });

    expect(await resultOf(destination.write(put('spared')))).toBe('written');
  });

  it('the same in every run with the same seed, and accounts for every request', async () => {
    const run = async (seed: number) => {
      const { proxy, destination } = await faulty({ random: seededRandom(seed) });
      proxy.inject({ kind: 'throttle', share: 0.2 });
      proxy.inject({ kind: 'error', share: 0.2 });
      proxy.inject({ kind: 'reset', share: 0.2 });
      const names: string[] = [];
      for (let index = 0; index < 60; index += 1) {
        const { name } = await outcomeOf(destination.write(put(`run ${seed} ${index}`)));
        names.push(name);
      }
      const { passed, injected } = proxy.counts;
      const struck = Object.values(injected).reduce((sum, count) => sum + count, 0);
      expect(passed + struck).toBe(60);
      return names;
    };

    const first = await run(41);

    expect(new Set(first).size).toBe(4);
    expect(await run(41)).toEqual(first);
    expect(await run(42)).not.toEqual(first);
  });

  it.each([
    { kind: 'throttle', share: 1.5 },
    { kind: 'error', share: Number.NaN },
    { kind: 'slow', share: 1, ms: -1 },
    { kind: 'late', share: 1, ms: 2 ** 31 },
    { kind: 'poison', marker: '' },
  ] satisfies Fault[])('nobody, if it makes no sense: %o', async (fault) => {
    const { proxy } = await faulty();

    expect(() => proxy.inject(fault)).toThrow(
      expect.objectContaining({ code: 'local.fault.invalid' }),
    );
  });
});

describe('an outage', () => {
  it('refuses connections, and ends for the same client at the same address', async () => {
    const { proxy, destination } = await faulty();

    for (let round = 0; round < 5; round += 1) {
      expect(await resultOf(destination.write(put('round')))).toBe('written');
      const takeBack = proxy.inject({ kind: 'outage' });
      // The first may still take a connection that has just been cut.
      expect(await resultOf(destination.write(put('round')))).not.toBe('written');
      expect(await outcomeOf(destination.write(put('round')))).toMatchObject({
        kind: 'unreachable',
        name: 'ECONNREFUSED',
      });
      takeBack();
    }

    expect(await resultOf(destination.write(put('round')))).toBe('written');
    expect(proxy.counts).toMatchObject({ passed: 6, injected: { outage: 5 } });
  });

  it('cuts connections that are open, idle ones and those that wait', async () => {
    const { upstream, received } = await scriptedUpstream(() => 'hang');
    const { proxy, destination } = await faulty({ upstream });
    const idle = endOf(await connectTo(proxy));
    const waiting = outcomeOf(destination.write(put('waiting')));
    expect(await eventually(() => received.length === 1)).toBe(true);

    proxy.inject({ kind: 'outage' });

    expect(await waiting).toMatchObject({ kind: 'unknown', name: 'UND_ERR_SOCKET' });
    expect(['closed', 'ECONNRESET']).toContain(await idle);
  });

  it('lasts until the last one is taken back', async () => {
    const { proxy, destination } = await faulty();
    const outage: Fault = { kind: 'outage' };
    const takeBacks = [proxy.inject(outage), proxy.inject(outage)];

    takeBacks[0]?.();
    takeBacks[0]?.();
    expect(await resultOf(destination.write(put('twice')))).toBe('unreachable');
    takeBacks[1]?.();

    expect(await resultOf(destination.write(put('twice')))).toBe('written');
  });

  it('is over at once when it is taken back', async () => {
    const { proxy } = await faulty();

    proxy.inject({ kind: 'outage' })();

    await expect(connectTo(proxy)).resolves.toBeDefined();
  });

  it('holds when it comes back before the port is open again', async () => {
    const { proxy, destination } = await faulty();

    proxy.inject({ kind: 'outage' })();
    const takeBack = proxy.inject({ kind: 'outage' });
    expect(await resultOf(destination.write(put('flapping')))).not.toBe('written');
    expect(await resultOf(destination.write(put('flapping')))).toBe('unreachable');
    takeBack();
    proxy.inject({ kind: 'outage' })();

    expect(await resultOf(destination.write(put('flapping')))).toBe('written');
  });

  it('waits for its port if somebody else has taken it, and says so once', async () => {
    const problems: string[] = [];
    const onProblem = (problem: string) => problems.push(problem);
    const { proxy, destination } = await faulty({ onProblem });
    const takeBack = proxy.inject({ kind: 'outage' });
    const stranger = createTcpServer((socket) => socket.destroy());
    await once(stranger.listen(Number(new URL(proxy.endpoint).port), '127.0.0.1'), 'listening');

    takeBack();
    expect(await eventually(() => problems.length === 1)).toBe(true);
    stranger.close();
    await until(async () => (await resultOf(destination.write(put('waited')))) === 'written');

    expect(problems).toEqual([expect.stringContaining('is in use')]);
  });
});

describe('when something breaks that nobody injected', () => {
  it('an engine that is down is a connection reset', async () => {
    const { proxy: upstream } = await faulty();
    await upstream.stop();
    const { destination } = await faulty({ upstream: upstream.endpoint });

    expect(await outcomeOf(destination.write(put('down')))).toMatchObject({ name: 'ECONNRESET' });
  });

  it('half an answer is a connection reset, not half an answer', async () => {
    const { upstream } = await scriptedUpstream(() => 'half');
    const { destination } = await faulty({ upstream });

    expect(await outcomeOf(destination.write(put('half')))).toMatchObject({ name: 'ECONNRESET' });
  });

  it('a client that leaves while it sends leaves nothing behind', async () => {
    const { upstream, received } = await scriptedUpstream(() => EMPTY_ANSWER);
    const { proxy, destination } = await faulty({ upstream });
    const client = await connectTo(proxy);

    client.write(
      'POST / HTTP/1.1\r\nhost: h\r\nx-amz-target: D.PutItem\r\ncontent-length: 9\r\n\r\n{',
    );
    client.resetAndDestroy();
    await once(client, 'close');
    await destination.write(put('next'));

    expect(received.map(({ body }) => body.toString())).not.toContain('{');
    expect(received).toHaveLength(1);
    expect(proxy.counts.passed).toBe(1);
  });

  it('a request whose client has left is applied all the same', async () => {
    const { proxy, client } = await faulty();
    proxy.inject({ kind: 'slow', share: 1, ms: 100 });
    const impatience = new AbortController();
    const { input } = put('left');
    const write = client.send(new PutItemCommand(input), { abortSignal: impatience.signal });
    const left = resultOf(write);
    expect(await eventually(() => proxy.counts.injected.slow === 1)).toBe(true);

    impatience.abort();

    expect(await left).toBe('unknown');
    await until(async () => (await stored('left')) !== undefined);
  });

  it('a port that is taken is named', async () => {
    const { proxy } = await faulty();
    const port = Number(new URL(proxy.endpoint).port);

    await expect(startFaultProxy({ upstream: engine().endpoint, port })).rejects.toMatchObject({
      code: 'local.port.in-use',
      message: expect.stringContaining(String(port)),
    });
  });

  it.each(['https://dynamodb.eu-west-1.amazonaws.com', 'http://h/path', 'engine'])(
    'an upstream that it cannot stand before is refused: %s',
    async (upstream) => {
      await expect(startFaultProxy({ upstream })).rejects.toMatchObject({
        code: 'local.upstream.invalid',
      });
    },
  );
});

describe('a stop', () => {
  it('leaves nothing open, whatever is under way', async () => {
    const { upstream, received, sockets } = await scriptedUpstream(({ body }) =>
      body.includes('hang') ? 'hang' : EMPTY_ANSWER,
    );
    const { proxy, destination } = await faulty({ upstream });
    const slow = { kind: 'slow', share: 1, ms: 60_000, operations: ['DeleteItem'] } as const;
    const late = {
      kind: 'late',
      share: 1,
      ms: 60_000,
      operations: ['TransactWriteItems'],
    } as const;
    proxy.inject(slow);
    proxy.inject(late);
    const idle = endOf(await connectTo(proxy));
    const unfinished = await connectTo(proxy);
    const cut = endOf(unfinished);
    unfinished.write('POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\n{');
    const transaction = { TransactItems: [{ Put: put('late').input }] };
    const writes = [
      destination.write(put('hang')),
      destination.write(remove('slow')),
      destination.write({ operation: 'TransactWriteItems', input: transaction }),
    ].map(resultOf);
    const { injected } = proxy.counts;
    const started = () => received.length === 2 && injected.slow === 1 && injected.late === 1;
    expect(await eventually(started)).toBe(true);

    await proxy.stop();
    await proxy.stop();

    expect(await Promise.all(writes)).toEqual(['unknown', 'unknown', 'unknown']);
    expect([await idle, await cut]).toEqual([expect.any(String), expect.any(String)]);
    expect(await eventually(() => sockets.size === 0)).toBe(true);
    expect(await resultOf(destination.write(put('over')))).toBe('unreachable');
  });

  it('is final, also in an outage and when the outage is taken back later', async () => {
    const { proxy, destination } = await faulty();
    const takeBack = proxy.inject({ kind: 'outage' });

    await proxy.stop();
    takeBack();

    expect(await resultOf(destination.write(put('final')))).toBe('unreachable');
    await proxy.stop();
  });

  it('with landLate leaves no request of a crowd unaccounted for', async () => {
    const { proxy, destination } = await faulty({ random: seededRandom(5) });
    proxy.inject({ kind: 'throttle', share: 0.1 });
    proxy.inject({ kind: 'error', share: 0.1 });
    proxy.inject({ kind: 'reset', share: 0.1 });
    proxy.inject({ kind: 'late', share: 0.1, ms: 20 });
    proxy.inject({ kind: 'slow', share: 0.1, ms: 10 });

    // As many at a time as the client has sockets: one that waits for a socket may time out unsent.
    const ids = Array.from({ length: 320 }, (_, index) => `crowd ${index}`);
    const results = new Map<string, string>();
    const lane = async (_: unknown, first: number) => {
      for (const id of ids.filter((_, index) => index % CONCURRENCY === first)) {
        results.set(id, await resultOf(destination.write(put(id))));
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, lane));
    await proxy.stop({ landLate: true });

    const { passed, injected, landedLate } = proxy.counts;
    const struck = Object.values(injected).reduce((sum, count) => sum + count, 0);
    const idsOf = (result: string) => ids.filter((id) => results.get(id) === result);
    expect(passed + struck).toBe(320);
    expect(idsOf('written')).toHaveLength(passed + injected.slow);
    expect(idsOf('throttled')).toHaveLength(injected.throttle);
    expect(landedLate).toBe(injected.late);
    const items = await Promise.all(ids.map(stored));
    const found = new Set(items.map((item) => item?.['pk']?.S));
    expect(idsOf('written').filter((id) => !found.has(id))).toEqual([]);
    expect(idsOf('throttled').filter((id) => found.has(id))).toEqual([]);
  });
});
