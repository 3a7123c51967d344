// One HTTP exchange with the local S3, path-style: reads a request, has it performed, answers with the
// reply or the refusal. Whatever comes in, something well-formed goes out.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describeError } from '../../errors.ts';
import type { S3Buckets } from './buckets.ts';
import { S3Error } from './error.ts';
import { BODY_BYTES_MAX, checkSize } from './object-body.ts';
import { type S3Reply, perform } from './operations.ts';
import { leaf, parent, xmlDocument } from './xml.ts';

/** Resolves when the answer has been handed to the network or the caller is gone; never rejects. */
export async function exchange(
  request: IncomingMessage,
  response: ServerResponse,
  buckets: S3Buckets,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    response.once('close', resolve);
    // A connection that broke is no failure of the server.
    response.on('error', () => resolve());
  });
  const requestId = randomUUID();
  send(response, requestId, await reply(request, requestId, buckets));
  await closed;
}

async function reply(
  request: IncomingMessage,
  requestId: string,
  buckets: S3Buckets,
): Promise<S3Reply> {
  const { method = '', headers, url = '/' } = request;
  try {
    const body = await readBody(request);
    return perform({ ...parseTarget(url), method, headers, body }, buckets);
  } catch (error) {
    return refusal(asRefusal(error), { resource: url.split('?')[0] ?? '', requestId });
  }
}

/** The parts of a path-style target. A URL parser would resolve the dots that a key may hold. */
function parseTarget(target: string) {
  const [path = '', ...query] = target.split('?');
  const [, bucket = '', ...key] = path.split('/');
  try {
    return {
      bucket: decodeURIComponent(bucket),
      key: decodeURIComponent(key.join('/')),
      query: new URLSearchParams(query.join('?')),
    };
  } catch {
    throw new S3Error('InvalidURI', "Couldn't parse the specified URI.", { URI: target });
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    // Too large a body is still read to its end, though not kept: a client that is cut off while it
    // sends would see a broken connection, not the reason.
    if (size <= BODY_BYTES_MAX) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (size > BODY_BYTES_MAX) checkSize(size);
  return Buffer.concat(chunks);
}

function asRefusal(error: unknown): S3Error {
  return error instanceof S3Error ? error : new S3Error('InternalError', describeError(error));
}

function refusal(
  { code, message, status, details }: S3Error,
  { resource, requestId }: { resource: string; requestId: string },
): S3Reply {
  const body = parent('Error', [
    leaf('Code', code),
    leaf('Message', message),
    ...Object.entries(details).map(([name, value]) => leaf(name, value)),
    leaf('Resource', resource),
    leaf('RequestId', requestId),
  ]);
  return { status, headers: { 'content-type': 'application/xml' }, body: xmlDocument(body) };
}

function send(response: ServerResponse, requestId: string, { status, headers, body }: S3Reply) {
  response.writeHead(status, {
    ...headers,
    // An answer of status 204 has no body, not even an empty one.
    ...(status !== 204 && { 'content-length': body?.length ?? 0 }),
    'x-amz-request-id': requestId,
  });
  response.end(body);
}
