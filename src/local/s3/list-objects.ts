// ListObjectsV2: the query of a request -> one page of keys, as XML.

import type { S3Bucket, S3Object } from './buckets.ts';
import { invalidArgument } from './error.ts';
import { leaf, parent, xmlDocument } from './xml.ts';

const KEYS_MAX = 1_000;

const NAMESPACE = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

/** The parameters that are understood. */
export const LIST_PARAMETERS = [
  'list-type',
  'prefix',
  'max-keys',
  'continuation-token',
  'start-after',
];

/** @throws S3Error `InvalidArgument`. */
export function listObjects(bucketName: string, bucket: S3Bucket, query: URLSearchParams): Buffer {
  const prefix = query.get('prefix') ?? '';
  const token = query.get('continuation-token') ?? '';
  const startAfter = query.get('start-after') ?? '';
  const maxKeys = parseMaxKeys(query.get('max-keys') ?? String(KEYS_MAX));
  const page = bucket.list({ prefix, after: afterOf(query), limit: maxKeys });
  const lastKey = page.objects.at(-1)?.key ?? '';
  const children = [
    leaf('Name', bucketName),
    leaf('Prefix', prefix),
    ...(startAfter === '' ? [] : [leaf('StartAfter', startAfter)]),
    ...(token === '' ? [] : [leaf('ContinuationToken', token)]),
    ...(page.isTruncated ? [leaf('NextContinuationToken', tokenOfKey(lastKey))] : []),
    leaf('KeyCount', page.objects.length),
    leaf('MaxKeys', maxKeys),
    leaf('IsTruncated', page.isTruncated),
    ...page.objects.map(contents),
  ];
  return xmlDocument(parent('ListBucketResult', children, NAMESPACE));
}

function contents(object: S3Object): string {
  return parent('Contents', [
    leaf('Key', object.key),
    leaf('LastModified', new Date(object.storedAtMs).toISOString()),
    leaf('ETag', object.etag),
    leaf('Size', object.bytes.length),
    leaf('StorageClass', 'STANDARD'),
  ]);
}

function parseMaxKeys(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Math.min(Number(text), KEYS_MAX);
  throw invalidArgument(
    'max-keys',
    text,
    'Provided max-keys not an integer or within integer range',
  );
}

/** A token is opaque to the caller. Here it names the last key shown, so that it outlives deletes. */
function tokenOfKey(key: string): string {
  return Buffer.from(key).toString('base64');
}

/** A token goes on where its page ended, whatever the beginning was. */
function afterOf(query: URLSearchParams): string {
  const token = query.get('continuation-token') ?? '';
  return token === '' ? (query.get('start-after') ?? '') : keyOfToken(token);
}

function keyOfToken(token: string): string {
  const key = Buffer.from(token, 'base64').toString();
  if (tokenOfKey(key) === token) return key;
  const message = 'The continuation token provided is incorrect';
  throw invalidArgument('continuation-token', token, message);
}
