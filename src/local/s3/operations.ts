// The operations that the local S3 offers: a request -> the reply to send, or a thrown S3Error to refuse
// with. What is not offered is refused, never ignored.

import type { Answer, ServiceRequest } from '../loopback/service.ts';
import type { S3Buckets } from './buckets.ts';
import { S3Error } from './error.ts';
import { LIST_PARAMETERS, listObjects } from './list-objects.ts';
import { CHECKSUM_HEADER, checkedHeaders } from './object-body.ts';

interface S3Request extends ServiceRequest {
  readonly bucket: string;
  /** Empty where the bucket itself is addressed. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly nowMs: number;
}

interface Operation {
  readonly name: string;
  readonly method: string;
  readonly addresses: 'bucket' | 'object';
  /** The parameters of the query that it understands. */
  readonly parameters?: readonly string[];
  readonly perform: (request: S3Request, buckets: S3Buckets) => Answer;
}

const OPERATIONS: readonly Operation[] = [
  { name: 'CreateBucket', method: 'PUT', addresses: 'bucket', perform: createBucket },
  { name: 'HeadBucket', method: 'HEAD', addresses: 'bucket', perform: headBucket },
  {
    name: 'ListObjectsV2',
    method: 'GET',
    addresses: 'bucket',
    parameters: LIST_PARAMETERS,
    perform: listBucket,
  },
  { name: 'PutObject', method: 'PUT', addresses: 'object', perform: putObject },
  { name: 'GetObject', method: 'GET', addresses: 'object', perform: getObject },
  { name: 'DeleteObject', method: 'DELETE', addresses: 'object', perform: deleteObject },
];

/** The headers of the service's own that change nothing here, or that are understood. */
const OFFERED_HEADERS = [
  CHECKSUM_HEADER,
  'x-amz-checksum-mode',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-sdk-checksum-algorithm',
  'x-amz-security-token',
  'x-amz-user-agent',
];

/** @throws S3Error for everything that is refused, unknown operations included. */
export function perform(request: S3Request, buckets: S3Buckets): Answer {
  const operation = OPERATIONS.find((candidate) => isMeant(candidate, request));
  if (operation === undefined) throw notOffered(describeRequest(request));
  const header = Object.keys(request.headers).find(isUnoffered);
  if (header !== undefined) throw notOffered(`${operation.name} with the header ${header}`);
  return operation.perform(request, buckets);
}

function createBucket({ bucket }: S3Request, buckets: S3Buckets): Answer {
  buckets.create(bucket);
  return { status: 200, headers: { location: `/${bucket}` } };
}

function headBucket({ bucket }: S3Request, buckets: S3Buckets): Answer {
  buckets.get(bucket);
  return { status: 200 };
}

function listBucket({ bucket, query }: S3Request, buckets: S3Buckets): Answer {
  const body = listObjects(bucket, buckets.get(bucket), query);
  return { status: 200, headers: { 'content-type': 'application/xml' }, body };
}

function putObject(request: S3Request, buckets: S3Buckets): Answer {
  const { bucket, key, headers, body: bytes, nowMs } = request;
  const checksums = checkedHeaders(headers, bytes);
  const contentType = headers['content-type'] ?? 'binary/octet-stream';
  const { etag } = buckets.get(bucket).put(key, { bytes, contentType, checksums, nowMs });
  return { status: 200, headers: { etag, ...checksums } };
}

function getObject({ bucket, key, headers }: S3Request, buckets: S3Buckets): Answer {
  const object = buckets.get(bucket).get(key);
  return {
    status: 200,
    headers: {
      'content-type': object.contentType,
      'last-modified': new Date(object.storedAtMs).toUTCString(),
      etag: object.etag,
      ...(headers['x-amz-checksum-mode'] === 'ENABLED' && object.checksums),
    },
    body: object.bytes,
  };
}

function deleteObject({ bucket, key }: S3Request, buckets: S3Buckets): Answer {
  buckets.get(bucket).delete(key);
  return { status: 204 };
}

function isMeant(operation: Operation, { method, key, query }: S3Request): boolean {
  const { name, addresses, parameters = [] } = operation;
  if (operation.method !== method || addresses !== (key === '' ? 'bucket' : 'object')) return false;
  if (name === 'ListObjectsV2' && query.get('list-type') !== '2') return false;
  // The SDK adds the operation's name as "x-id" to some requests, for people who read logs.
  return [...query.keys()].every((parameter) => [...parameters, 'x-id'].includes(parameter));
}

function isUnoffered(header: string): boolean {
  if (header.startsWith('x-amz-')) return !OFFERED_HEADERS.includes(header);
  return ['range', 'content-md5'].includes(header) || header.startsWith('if-');
}

function describeRequest({ method, bucket, key, query }: S3Request): string {
  const addressed = bucket === '' ? 'no bucket' : key === '' ? 'a bucket' : 'an object';
  const parameters = [...query.keys()].join(', ') || 'none';
  return `${method} for ${addressed} with these parameters: ${parameters}`;
}

function notOffered(what: string): S3Error {
  const offered = OPERATIONS.map(({ name }) => name).join(', ');
  const message = `The local S3 does not offer ${what}. Offered are plain ${offered}.`;
  return new S3Error('NotImplemented', message);
}
