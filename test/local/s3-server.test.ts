import { createHash } from 'node:crypto';
import { createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  type ListObjectsV2CommandOutput,
  NoSuchBucket,
  NoSuchKey,
  NotFound,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from 'vitest';
import { FerryError } from '../../src/errors.ts';
import { startS3Server } from '../../src/local/s3/server.ts';

const Bucket = 'letters';
const MIB = 1_024 * 1_024;

const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function setUp(options: { now?: () => number } = {}) {
  const server = await startS3Server(options);
  const { endpoint } = server;
  const client = new S3Client({
    endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    forcePathStyle: true,
    maxAttempts: 1,
  });
  stops.push(async () => {
    client.destroy();
    await server.stop();
  });
  await client.send(new CreateBucketCommand({ Bucket }));
  return {
    server,
    client,
    put: (Key: string, Body: PutObjectCommandInput['Body'] = Key, more = {}) =>
      client.send(new PutObjectCommand({ Bucket, Key, Body, ...more })),
    get: async (Key: string) => {
      const { Body, ...answer } = await client.send(new GetObjectCommand({ Bucket, Key }));
      return { ...answer, bytes: Buffer.from((await Body?.transformToByteArray()) ?? []) };
    },
    list: (input: Partial<ListObjectsV2CommandInput> = {}) =>
      client.send(new ListObjectsV2Command({ Bucket, ...input })),
    /** A request as no SDK would send it. */
    raw: (path: string, init?: RequestInit) => raw(`${endpoint}${path}`, init),
  };
}

async function raw(url: string, init?: RequestInit) {
  const response = await fetch(url, init);
  const text = await response.text();
  const element = (name: string) => new RegExp(`<${name}>(.*?)</${name}>`, 's').exec(text)?.[1];
  return { status: response.status, headers: response.headers, text, element };
}

const keysOf = ({ Contents = [] }: ListObjectsV2CommandOutput) => Contents.map(({ Key }) => Key);

describe('buckets', () => {
  it('are there once created', async () => {
    const { client } = await setUp();

    await expect(client.send(new HeadBucketCommand({ Bucket }))).resolves.toBeDefined();
    const other = client.send(new HeadBucketCommand({ Bucket: 'other' }));
    await expect(other).rejects.toBeInstanceOf(NotFound);
  });

  it('are created once, and lose nothing by a second try', async () => {
    const { client, put, get } = await setUp();
    await put('a');

    const again = client.send(new CreateBucketCommand({ Bucket }));

    await expect(again).rejects.toMatchObject({
      name: 'BucketAlreadyOwnedByYou',
      $metadata: { httpStatusCode: 409 },
    });
    expect((await get('a')).bytes.toString()).toBe('a');
  });

  it.each(['ab', 'Capital', 'under_score', '-hyphen', 'dot.', 'a'.repeat(64)])(
    'cannot be called %j',
    async (name) => {
      const { raw } = await setUp();

      const { status, element } = await raw(`/${name}`, { method: 'PUT' });

      expect({ status, code: element('Code') }).toEqual({ status: 400, code: 'InvalidBucketName' });
    },
  );

  it('keep their objects to themselves', async () => {
    const { client, put } = await setUp();
    await client.send(new CreateBucketCommand({ Bucket: 'other' }));
    await put('a');

    const answer = client.send(new GetObjectCommand({ Bucket: 'other', Key: 'a' }));

    await expect(answer).rejects.toBeInstanceOf(NoSuchKey);
  });
});

describe('objects', () => {
  it('come back with their bytes, type, time and MD5', async () => {
    const { put, get } = await setUp({ now: () => Date.parse('2026-01-02T03:04:05.678Z') });
    const body = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

    const { ETag } = await put('a', body, { ContentType: 'application/x-bytes' });
    const object = await get('a');

    const etag = `"${createHash('md5').update(body).digest('hex')}"`;
    expect(ETag).toBe(etag);
    expect(object).toMatchObject({
      ETag: etag,
      ContentLength: 256,
      ContentType: 'application/x-bytes',
      // Whole seconds, as the service tells them.
      LastModified: new Date('2026-01-02T03:04:05Z'),
    });
    expect(object.bytes.equals(body)).toBe(true);
  });

  it('come back with the checksum that the SDK sent, for the SDK to check', async () => {
    const { put, get, raw } = await setUp();
    await put('a', '123456789');

    // The check value that every list of CRC-32 variants gives for these nine digits.
    const crc32 = Buffer.from('cbf43926', 'hex').toString('base64');
    expect((await get('a')).ChecksumCRC32).toBe(crc32);
    const { headers } = await raw(`/${Bucket}/a`);
    expect(headers.get('x-amz-checksum-crc32')).toBeNull();
  });

  it('that are not there are told from buckets that are not there', async () => {
    const { client, get } = await setUp();
    const elsewhere = { Bucket: 'other', Key: 'a' };

    await expect(get('a')).rejects.toBeInstanceOf(NoSuchKey);
    const unknown = client.send(new GetObjectCommand(elsewhere));
    await expect(unknown).rejects.toBeInstanceOf(NoSuchBucket);
    const put = client.send(new PutObjectCommand({ ...elsewhere, Body: 'a' }));
    await expect(put).rejects.toBeInstanceOf(NoSuchBucket);
    const deleted = client.send(new DeleteObjectCommand(elsewhere));
    await expect(deleted).rejects.toBeInstanceOf(NoSuchBucket);
  });

  it('are deleted with a 204, also when they were not there', async () => {
    const { client, put, get } = await setUp();
    await put('a');

    for (let time = 1; time <= 2; time += 1) {
      const { $metadata } = await client.send(new DeleteObjectCommand({ Bucket, Key: 'a' }));
      expect($metadata.httpStatusCode).toBe(204);
    }
    await expect(get('a')).rejects.toBeInstanceOf(NoSuchKey);
  });

  it('take keys of 1,024 bytes and no longer', async () => {
    const { put } = await setUp();

    await expect(put('é'.repeat(512))).resolves.toBeDefined();
    await expect(put(`${'é'.repeat(512)}a`)).rejects.toMatchObject({ name: 'KeyTooLongError' });
  });

  it('take 64 MiB and no more, and say so', async () => {
    const { put, get } = await setUp();
    const body = Buffer.alloc(64 * MIB + 1);

    await put('most', body.subarray(1));
    const tooLarge = put('too-large', body);

    await expect(tooLarge).rejects.toMatchObject({
      name: 'EntityTooLarge',
      message: 'The local S3 takes objects of at most 67108864 bytes, got 67108865.',
    });
    expect((await get('most')).ContentLength).toBe(64 * MIB);
    await expect(get('too-large')).rejects.toBeInstanceOf(NoSuchKey);
  });

  it('far too large are refused with the reason, not with a broken connection', async () => {
    const { raw } = await setUp();

    const { status, element } = await raw(`/${Bucket}/a`, {
      method: 'PUT',
      body: Buffer.alloc(67 * MIB),
    });

    expect({ status, code: element('Code') }).toEqual({ status: 400, code: 'EntityTooLarge' });
    expect(element('ProposedSize')).toBe(String(67 * MIB));
  });
});

describe('checksums', () => {
  it('that do not fit the body refuse it', async () => {
    const { raw, get } = await setUp();

    const { status, element } = await raw(`/${Bucket}/a`, {
      method: 'PUT',
      headers: { 'x-amz-checksum-crc32': 'AAAAAA==' },
      body: 'text',
    });

    expect({ status, code: element('Code') }).toEqual({ status: 400, code: 'BadDigest' });
    await expect(get('a')).rejects.toBeInstanceOf(NoSuchKey);
  });

  it('of the signature that do not fit the body refuse it', async () => {
    const { raw } = await setUp();

    const { element } = await raw(`/${Bucket}/a`, {
      method: 'PUT',
      headers: { 'x-amz-content-sha256': '0'.repeat(64) },
      body: 'text',
    });

    expect(element('Code')).toBe('XAmzContentSHA256Mismatch');
  });

  it.each([
    ['x-amz-checksum-crc64nvme', 'AAAAAAAAAAA='],
    ['x-amz-checksum-sha256', 'AAAA'],
    ['content-md5', 'AAAA'],
    ['x-amz-content-sha256', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'],
  ])('and encodings that are not offered are refused, not believed: %s', async (name, value) => {
    const { raw, get } = await setUp();

    const { status, element } = await raw(`/${Bucket}/a`, {
      method: 'PUT',
      headers: { [name]: value },
      body: 'text',
    });

    expect({ status, code: element('Code') }).toEqual({ status: 501, code: 'NotImplemented' });
    expect(element('Message')).toContain(name.startsWith('x-amz-content') ? value : name);
    await expect(get('a')).rejects.toBeInstanceOf(NoSuchKey);
  });
});

describe('lists', () => {
  it('show key, size, time and MD5', async () => {
    const { put, list } = await setUp({ now: () => Date.parse('2026-01-02T03:04:05.678Z') });
    await put('a', 'é');

    const answer = await list();

    expect(answer).toMatchObject({ Name: Bucket, KeyCount: 1, MaxKeys: 1_000, IsTruncated: false });
    expect(answer.Contents).toEqual([
      {
        Key: 'a',
        Size: 2,
        LastModified: new Date('2026-01-02T03:04:05Z'),
        ETag: `"${createHash('md5').update('é').digest('hex')}"`,
        StorageClass: 'STANDARD',
      },
    ]);
  });

  it('are in the order of the bytes, also where the order of the texts is another', async () => {
    const { put, list } = await setUp();
    const keys = ['A', 'a', 'a/', 'aa', 'é', '\uFFFD', '😀'];
    // JavaScript has the halves of the emoji before the replacement character.
    expect(keys.toSorted()).not.toEqual(keys);

    for (const key of keys.toReversed()) await put(key);

    expect(keysOf(await list())).toEqual(keys);
  });

  it('come in pages of the size that is asked for, each going on where the last one ended', async () => {
    const { put, list } = await setUp();
    const keys = ['p/é 1', 'p/é+2', 'p/é&3', 'p/é/4', 'p/é?5'].toSorted();
    for (const key of [...keys, 'o', 'q']) await put(key);

    const seen: (string | undefined)[][] = [];
    let token: string | undefined;
    do {
      const page = await list({ Prefix: 'p/', MaxKeys: 2, ContinuationToken: token });
      expect(page).toMatchObject({ MaxKeys: 2, Prefix: 'p/', KeyCount: keysOf(page).length });
      expect(page.ContinuationToken).toBe(token);
      seen.push(keysOf(page));
      token = page.NextContinuationToken;
      expect(page.IsTruncated).toBe(token !== undefined);
    } while (token !== undefined);

    expect(seen).toEqual([keys.slice(0, 2), keys.slice(2, 4), keys.slice(4)]);
  });

  it('do not announce another page when the last one is full', async () => {
    const { put, list } = await setUp();
    for (const key of ['a', 'b']) await put(key);

    const { IsTruncated, NextContinuationToken } = await list({ MaxKeys: 2 });

    expect({ IsTruncated, NextContinuationToken }).toEqual({ IsTruncated: false });
  });

  it('hold 1,000 keys at most, none when none are asked for', async () => {
    const { put, list } = await setUp();
    await put('a');

    expect((await list({ MaxKeys: 5_000 })).MaxKeys).toBe(1_000);
    const none = await list({ MaxKeys: 0 });
    expect(none).toMatchObject({ KeyCount: 0, IsTruncated: false });
    expect(none.Contents).toBeUndefined();
  });

  it('go on also when the key where they ended is gone', async () => {
    const { client, put, list } = await setUp();
    for (const key of ['a', 'b', 'c']) await put(key);
    const { NextContinuationToken } = await list({ MaxKeys: 2 });

    await client.send(new DeleteObjectCommand({ Bucket, Key: 'b' }));

    expect(keysOf(await list({ ContinuationToken: NextContinuationToken }))).toEqual(['c']);
  });

  it('tell keys apart that XML has no plain way to write', async () => {
    const { put, list, raw } = await setUp();
    const keys = ['\u0001', '\t', '\n', '\r', '&amp;', '<a>', ']]>', '\u0085', '\u2028', '\uFFFF'];

    for (const key of keys) await put(`k${key}k`);

    expect(keysOf(await list())).toEqual(keys.map((key) => `k${key}k`).toSorted());
    const { text } = await raw(`/${Bucket}?list-type=2`);
    expect(text.replace('?>\n', '?>')).not.toMatch(/[\p{Cc}\u2028\uFFFE\uFFFF]/u);
  });

  it.each([
    ['max-keys=-1', 'max-keys'],
    ['max-keys=many', 'max-keys'],
    ['continuation-token=*', 'continuation-token'],
  ])('cannot be asked for with %s', async (parameter, name) => {
    const { raw } = await setUp();

    const { status, element } = await raw(`/${Bucket}?list-type=2&${parameter}`);

    expect({ status, code: element('Code') }).toEqual({ status: 400, code: 'InvalidArgument' });
    expect(element('ArgumentName')).toBe(name);
  });
});

describe('what is not offered', () => {
  it('is refused for the SDK, naming what is offered', async () => {
    const { client } = await setUp();

    for (const ask of [
      () => client.send(new ListBucketsCommand({})),
      () => client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'a' })),
      () => client.send(new CopyObjectCommand({ Bucket, Key: 'b', CopySource: `${Bucket}/a` })),
      () => client.send(new ListObjectsV2Command({ Bucket, Delimiter: '/' })),
      () => client.send(new ListObjectsV2Command({ Bucket, EncodingType: 'url' })),
      () => client.send(new GetObjectCommand({ Bucket, Key: 'a', Range: 'bytes=0-1' })),
      () => client.send(new GetObjectCommand({ Bucket, Key: 'a', VersionId: '1' })),
      () => client.send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'a', IfNoneMatch: '*' })),
      () =>
        client.send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'a', Metadata: { a: 'b' } })),
    ]) {
      await expect(ask()).rejects.toMatchObject({
        name: 'NotImplemented',
        message: expect.stringMatching(
          /does not offer .+\. Offered are plain CreateBucket, .*PutObject/,
        ) as string,
        $metadata: { httpStatusCode: 501 },
      });
    }
  });

  it('is refused with a status alone where the answer can have no body', async () => {
    const { client, put } = await setUp();
    await put('a');

    const head = client.send(new HeadObjectCommand({ Bucket, Key: 'a' }));

    await expect(head).rejects.toMatchObject({ $metadata: { httpStatusCode: 501 } });
  });

  it.each(['/', `/${Bucket}`, `/${Bucket}?list-type=1`, `/${Bucket}?list-type=2&acl`])(
    'is refused at GET %s',
    async (path) => {
      const { raw } = await setUp();

      const { status, element, headers } = await raw(path);

      expect({ status, code: element('Code') }).toEqual({ status: 501, code: 'NotImplemented' });
      expect(element('RequestId')).toBe(headers.get('x-amz-request-id'));
    },
  );
});

describe('errors', () => {
  it('name bucket, key and resource in XML, whatever characters they hold', async () => {
    const { raw } = await setUp();

    const { status, headers, element } = await raw(`/${Bucket}/%3Ca%26b%3E`);

    expect(status).toBe(404);
    expect(headers.get('content-type')).toBe('application/xml');
    expect(element('Code')).toBe('NoSuchKey');
    expect(element('Key')).toBe('&lt;a&amp;b&gt;');
    expect(element('Resource')).toBe(`/${Bucket}/%3Ca%26b%3E`);
  });

  it('answer a path that cannot be decoded', async () => {
    const { raw } = await setUp();

    const { status, element } = await raw(`/${Bucket}/%FF`);

    expect({ status, code: element('Code') }).toEqual({ status: 400, code: 'InvalidURI' });
  });

  it('leave the server serving', async () => {
    const { put, get, raw } = await setUp();
    await raw('/%', { method: 'POST', body: 'a' });

    await put('a');

    expect((await get('a')).bytes.toString()).toBe('a');
  });

  it('store nothing of a body that breaks off', async () => {
    const { server, get, put } = await setUp();
    const upload = httpRequest(`${server.endpoint}/${Bucket}/a`, {
      method: 'PUT',
      headers: { 'content-length': 100 },
    });
    const broken = new Promise((resolve) => void upload.on('error', resolve));

    await new Promise<void>((resolve) => void upload.write('{', () => resolve()));
    upload.destroy(new Error('gone'));
    await broken;

    await put('b');
    await expect(get('a')).rejects.toBeInstanceOf(NoSuchKey);
  });
});

describe('stop', () => {
  it('closes idle connections, also those in the middle of a request', async () => {
    const { server } = await setUp();
    const { port } = new URL(server.endpoint);
    const idle = connect(Number(port), '127.0.0.1');
    const halfway = connect(Number(port), '127.0.0.1');
    const closed = [idle, halfway].map(
      (socket) => new Promise((resolve) => socket.on('error', () => {}).on('close', resolve)),
    );
    const headers = 'host: localhost\r\ncontent-length: 100\r\nexpect: 100-continue';
    halfway.write(`PUT /${Bucket}/a HTTP/1.1\r\n${headers}\r\n\r\n{`);
    // The server has read the headers when it asks for the body.
    await new Promise((resolve) => halfway.once('data', resolve));

    await server.stop();

    await expect(Promise.all(closed)).resolves.toHaveLength(2);
    await expect(fetch(server.endpoint)).rejects.toThrow(TypeError);
  });

  it('can be repeated', async () => {
    const { server } = await setUp();

    await Promise.all([server.stop(), server.stop()]);

    await expect(server.stop()).resolves.toBeUndefined();
  });
});

describe('start', () => {
  it('names the port that is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    stops.push(async () => void other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;

    const started = startS3Server({ port });

    await expect(started).rejects.toThrow(FerryError);
    await expect(started).rejects.toMatchObject({
      code: 'local.port.in-use',
      message: expect.stringContaining(String(port)) as string,
    });
  });

  it('listens on loopback only', async () => {
    const { server } = await setUp();
    const { port } = new URL(server.endpoint);

    expect(server.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    // Any other address of the loopback network would be answered by a server that listens everywhere.
    await expect(fetch(`http://127.0.0.2:${port}/`)).rejects.toThrow(TypeError);
  });

  it('takes a given port again after a stop, and has forgotten everything', async () => {
    const first = await setUp();
    await first.put('a');
    const port = Number(new URL(first.server.endpoint).port);
    await first.server.stop();

    const second = await startS3Server({ port });
    stops.push(() => second.stop());

    expect(second.endpoint).toBe(first.server.endpoint);
    expect((await raw(`${second.endpoint}/${Bucket}/a`)).element('Code')).toBe('NoSuchBucket');
  });
});
