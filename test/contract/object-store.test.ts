// The contract of ObjectStore, held against the adapter for S3: on the local server, and on a real
// endpoint when S3_ENDPOINT names one, with Region and credentials from the environment. There, S3_BUCKET
// names a bucket, in which only keys under "ferry-contract/" are touched; without it, one is created and
// deleted.

import { randomUUID } from 'node:crypto';
import { type RequestListener, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  GetObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  onTestFinished,
} from 'vitest';
import { objectClient, s3Objects } from '../../src/aws/s3-objects.ts';
import { FerryError } from '../../src/errors.ts';
import { startS3Server } from '../../src/local/s3/server.ts';
import type { ObjectStore, StoredObject } from '../../src/ports.ts';

interface Target {
  readonly client: S3Client;
  readonly bucket: string;
  readonly stop: () => Promise<void>;
}

const { S3_ENDPOINT: remoteEndpoint, S3_BUCKET: givenBucket } = process.env;
const region = process.env['AWS_REGION'] ?? 'us-east-1';

async function startLocal(): Promise<Target> {
  const server = await startS3Server();
  const client = objectClient({ region, endpoint: server.endpoint });
  return { client, bucket: await createBucket(client), stop: () => server.stop() };
}

async function connectRemote(endpoint: string): Promise<Target> {
  const client = objectClient({ region, endpoint });
  const bucket = givenBucket ?? (await createBucket(client));
  const stop = async () => {
    if (givenBucket === undefined) await client.send(new DeleteBucketCommand({ Bucket: bucket }));
  };
  return { client, bucket, stop };
}

async function createBucket(client: S3Client): Promise<string> {
  const Bucket = `ferry-contract-${randomUUID()}`;
  await client.send(new CreateBucketCommand({ Bucket }));
  return Bucket;
}

const targets = [{ name: 'local S3', start: startLocal }];
if (remoteEndpoint !== undefined) {
  targets.push({ name: `S3 at ${remoteEndpoint}`, start: () => connectRemote(remoteEndpoint) });
}

async function pagesOf(store: ObjectStore, prefix: string): Promise<(readonly StoredObject[])[]> {
  const pages: (readonly StoredObject[])[] = [];
  for await (const page of store.list(prefix)) pages.push(page);
  return pages;
}

async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  return (await pagesOf(store, prefix)).flat().map(({ key }) => key);
}

/** Runs `task` for every key, a few at a time. */
async function forEachKey(keys: readonly string[], task: (key: string) => Promise<void>) {
  for (let at = 0; at < keys.length; at += 40) {
    await Promise.all(keys.slice(at, at + 40).map(task));
  }
}

describe.each(targets)('$name', ({ start }) => {
  let target: Target;
  let store: ObjectStore;
  /** Every test has keys of its own. */
  let prefix: string;

  beforeAll(async () => {
    target = await start();
    store = s3Objects(target.client, target.bucket);
  });
  beforeEach(() => {
    prefix = `ferry-contract/${randomUUID()}/`;
  });
  afterEach(async () => {
    await forEachKey(await keysOf(store, prefix), (key) => store.delete(key));
  });
  afterAll(async () => {
    await target?.stop();
    target?.client.destroy();
  });

  it.each([
    ['no text', ''],
    ['JSON', '{"records":[{"id":"1"}]}'],
    ['spaces and line ends', ' \t\r\n\n a \r\n'],
    ['every kind of letter', 'é e\u0301 ß Ω 漢字 עברית 😀 👩‍👩‍👧 \u{10FFFF}'],
    ['control characters', '\u0000\u0001\u001F\u007F\u0085\u2028\u2029'],
    ['a byte order mark', '\uFEFF{}\uFEFF'],
    ['what looks like XML or a chunk', '<Error><Code>NoSuchKey</Code></Error>\r\n0\r\n\r\n'],
  ])('gives back %s as it was', async (_, body) => {
    await store.put(`${prefix}body`, body);

    expect(await store.get(`${prefix}body`)).toBe(body);
  });

  it('gives back 2 MiB as they were', async () => {
    const body = 'naïve 😀\n'.repeat(200_000);
    expect(Buffer.byteLength(body)).toBeGreaterThan(2 * 1_024 * 1_024);

    await store.put(`${prefix}body`, body);

    expect((await store.get(`${prefix}body`)) === body).toBe(true);
  });

  it('says what it stores: JSON', async () => {
    await store.put(`${prefix}body`, '{}');

    const { ContentType, Body } = await target.client.send(
      new GetObjectCommand({ Bucket: target.bucket, Key: `${prefix}body` }),
    );
    await Body?.transformToByteArray();

    expect(ContentType).toBe('application/json');
  });

  it('has undefined for what was never stored, and for what was deleted', async () => {
    await store.put(`${prefix}a`, 'a');
    await store.delete(`${prefix}a`);

    expect(await store.get(`${prefix}a`)).toBeUndefined();
    expect(await store.get(`${prefix}b`)).toBeUndefined();
  });

  it('replaces an object that is stored again', async () => {
    await store.put(`${prefix}a`, 'a longer text');
    await store.put(`${prefix}a`, 'short');

    expect(await store.get(`${prefix}a`)).toBe('short');
    const [page] = await pagesOf(store, prefix);
    expect(page).toMatchObject([{ key: `${prefix}a`, sizeBytes: 5 }]);
  });

  it('deletes one object, twice if need be, and no other', async () => {
    await store.put(`${prefix}a`, 'a');
    await store.put(`${prefix}ab`, 'ab');

    await store.delete(`${prefix}a`);
    await store.delete(`${prefix}a`);

    expect(await keysOf(store, prefix)).toEqual([`${prefix}ab`]);
  });

  it.each([
    'shardId-00000001699999999999-a1b2c3d4/2026-11-21T01.02.03.004Z.json',
    'with space+plus%20percent',
    '&amp;<Key>"quotes\'</Key>',
    'é/漢字/😀',
    'a//b/',
    '..',
    './a/../b',
    '?x=1#y;z=@:,$!*()~',
    ' spaces around ',
    '__proto__',
  ])('stores, lists and deletes under the key %j', async (name) => {
    const key = `${prefix}${name}`;

    await store.put(key, name);

    expect(await store.get(key)).toBe(name);
    expect(await keysOf(store, prefix)).toEqual([key]);
    await store.delete(key);
    expect(await store.get(key)).toBeUndefined();
  });

  it('keeps keys apart that differ in the case or the composition of a letter', async () => {
    const keys = ['a', 'A', '\u00E9', 'e\u0301'].map((name) => `${prefix}${name}`);

    await forEachKey(keys, (key) => store.put(key, key));

    for (const key of keys) expect(await store.get(key)).toBe(key);
  });

  it('tells the size in bytes, and the time of storing', async () => {
    const before = Date.now();
    await store.put(`${prefix}a`, 'é😀');

    const [page] = await pagesOf(store, prefix);

    expect(page).toHaveLength(1);
    expect(page?.[0]).toMatchObject({ key: `${prefix}a`, sizeBytes: 6 });
    // A minute for clocks that disagree.
    expect(Math.abs((page?.[0]?.storedAtMs ?? 0) - before)).toBeLessThan(60_000);
  });

  it('lists nothing where there is nothing', async () => {
    expect(await keysOf(store, prefix)).toEqual([]);
  });

  it('lists the keys that begin with the prefix, and only those', async () => {
    const names = ['a/1', 'a/2/3', 'a', 'ab', 'A/1', 'b/a/1'];
    await forEachKey(names, (name) => store.put(`${prefix}${name}`, name));

    expect(await keysOf(store, `${prefix}a/`)).toEqual([`${prefix}a/1`, `${prefix}a/2/3`]);
    expect(await keysOf(store, `${prefix}a`)).toHaveLength(4);
  });

  describe('with more objects than a page holds', () => {
    // Without padding, so that the order of the texts is not that of the numbers.
    const names = Array.from({ length: 1_015 }, (_, index) => `${index}.json`);
    let keys: string[];

    beforeEach(async () => {
      keys = names.map((name) => `${prefix}${name}`);
      await forEachKey(keys, (key) => store.put(key, '{}'));
    });

    it('lists all of them in the order of their texts, a page at a time', async () => {
      const pages = await pagesOf(store, prefix);

      expect(pages.length).toBeGreaterThan(1);
      expect(pages.flat().map(({ key }) => key)).toEqual(keys.toSorted());
    });

    it('misses none when each page is deleted before the next is asked for', async () => {
      const seen: string[] = [];
      for await (const page of store.list(prefix)) {
        await forEachKey(
          page.map(({ key }) => key),
          (key) => store.delete(key),
        );
        seen.push(...page.map(({ key }) => key));
      }

      expect(seen).toEqual(keys.toSorted());
      expect(await keysOf(store, prefix)).toEqual([]);
    });
  });

  it('refuses bytes that are not UTF-8, rather than giving back other text', async () => {
    const Body = Buffer.from('{"name":"caf\u00E9"}', 'latin1');
    const Key = `${prefix}latin1`;
    await target.client.send(new PutObjectCommand({ Bucket: target.bucket, Key, Body }));

    const got = store.get(Key);

    await expect(got).rejects.toThrow(FerryError);
    await expect(got).rejects.toMatchObject({
      code: 'objects.unreadable',
      message: expect.stringContaining(Key) as string,
    });
  });

  it('rejects when there is no such bucket: that is no missing object', async () => {
    const elsewhere = s3Objects(target.client, `ferry-contract-${randomUUID()}`);

    await expect(elsewhere.get('a')).rejects.toMatchObject({ name: 'NoSuchBucket' });
    await expect(elsewhere.put('a', 'a')).rejects.toMatchObject({ name: 'NoSuchBucket' });
    await expect(elsewhere.delete('a')).rejects.toMatchObject({ name: 'NoSuchBucket' });
    await expect(pagesOf(elsewhere, '')).rejects.toMatchObject({ name: 'NoSuchBucket' });
  });
});

// At the same time, because most of it is waiting.
describe('an endpoint in trouble', { concurrent: true }, () => {
  const stops: (() => Promise<void>)[] = [];

  afterAll(async () => {
    for (const stop of stops) await stop();
  });

  /** A store whose requests `answer` answers, and the number of requests so far. */
  async function storeOf(answer: RequestListener) {
    const requests: string[] = [];
    const server = createServer((request, response) => {
      requests.push(`${request.method} ${request.url}`);
      request.resume();
      answer(request, response);
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const client = objectClient({ region, endpoint: `http://127.0.0.1:${port}` });
    stops.push(async () => {
      client.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    });
    return { store: s3Objects(client, 'bucket'), requests };
  }

  it('is asked three times, path-style', async () => {
    const { store, requests } = await storeOf((_, response) => {
      response.writeHead(503).end('<Error><Code>SlowDown</Code></Error>');
    });

    await expect(store.delete('a')).rejects.toMatchObject({ name: 'SlowDown' });

    const request = 'DELETE /bucket/a?x-id=DeleteObject';
    expect(requests).toEqual([request, request, request]);
  });

  it('is given up when it does not answer', async () => {
    const { store, requests } = await storeOf((_, response) => {
      // Signs of life are no answer.
      const timer = setInterval(() => response.writeProcessing(), 200);
      response.on('close', () => clearInterval(timer));
    });

    await expect(store.get('a')).rejects.toMatchObject({ name: 'TimeoutError' });

    expect(requests).toHaveLength(3);
  });

  it('is left at once when the caller gives up', async () => {
    const giveUp = new AbortController();
    const { store, requests } = await storeOf(() => giveUp.abort());

    await expect(store.put('a', '{}', giveUp.signal)).rejects.toMatchObject({ name: 'AbortError' });

    expect(requests).toHaveLength(1);
  });

  it('is given up when it stalls within an answer', async () => {
    const { store } = await storeOf((_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{');
    });

    await expect(store.get('a')).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('is not believed when its answer breaks off', async () => {
    const { store } = await storeOf((_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{"half":', () => response.destroy());
    });

    await expect(store.get('a')).rejects.toThrow(Error);
  });

  it('is not believed when its answer belies the checksum', async () => {
    const { store } = await storeOf((_, response) => {
      response.writeHead(200, { 'x-amz-checksum-crc32': 'AAAAAA==' }).end('{}');
    });

    await expect(store.get('a')).rejects.toThrow(/checksum/i);
  });

  it('is not believed when its list breaks off', async () => {
    const { store } = await storeOf((_, response) => {
      const list = '<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>';
      response.writeHead(200, { 'content-type': 'application/xml' }).end(list);
    });

    await expect(pagesOf(store, '')).rejects.toMatchObject({ code: 'objects.unreadable' });
  });
});

it.each([
  ['the bucket as host, where no endpoint is given', undefined, 'bucket.s3.eu-central-1', '/key'],
  ['the bucket in the path, at an endpoint', 'http://storage.example', 'storage.ex', '/bucket/key'],
])('talks to %s', async (_, endpoint, host, path) => {
  const client = objectClient({ region: 'eu-central-1', endpoint });
  onTestFinished(() => client.destroy());
  const request = new Promise<unknown>((resolve) => {
    client.middlewareStack.add(
      () => async (args) => {
        resolve(args.request);
        throw new Error('not sent');
      },
      { step: 'finalizeRequest', priority: 'low' },
    );
  });

  await expect(s3Objects(client, 'bucket').get('key')).rejects.toThrow('not sent');

  expect(await request).toMatchObject({ hostname: expect.stringContaining(host) as string, path });
});
