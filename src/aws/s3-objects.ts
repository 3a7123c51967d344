// A bucket in S3, its objects as texts. Receives the SDK's client and rejects with the service's errors;
// an object that is not there is an answer, not an error.

import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
  type _Object,
} from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { REQUEST_TIMEOUT_MS } from '../config/names.ts';
import { FerryError } from '../errors.ts';
import type { ObjectStore, StoredObject } from '../ports.ts';
import { type ClientSettings, clientSettings } from './client-settings.ts';
import { configuredEndpoint } from './endpoints.ts';
import { sdkClient } from './sdk-client.ts';

/** Time for an answer to begin, and the longest pause within one. */
const ANSWER_TIMEOUT_MS = REQUEST_TIMEOUT_MS / 2;

/** Every operation of the store can be repeated without harm, so the SDK may retry. */
export function objectClient(settings: ClientSettings): S3Client {
  const { endpoint } = settings;
  const client = new S3Client({
    ...clientSettings(settings),
    maxAttempts: 3,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: 1_000,
      requestTimeout: ANSWER_TIMEOUT_MS,
      // The request's own time ends when the answer begins; a body that stalls needs one, too.
      socketTimeout: ANSWER_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    }),
  });
  // Names of buckets are no host names anywhere but in AWS. The SDK asks for this with every request; that it
  // takes a promise, its types do not say.
  const forcePathStyle = async () => (endpoint ?? (await configuredEndpoint(client))) !== undefined;
  Object.assign(client.config, { forcePathStyle });
  return sdkClient(client, settings);
}

/**
 * The objects of `bucket`. Without the permission to list it, S3 answers "access denied" for an object
 * that is not there, and `get` rejects.
 */
export function s3Objects(client: S3Client, bucket: string): ObjectStore {
  return {
    async put(key, body, abortSignal) {
      const { ETag } = await client.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: key,
          // As bytes: of an empty text, the SDK warns that it does not know the length.
          Body: Buffer.from(body),
          ContentType: 'application/json',
        }),
        abortSignal === undefined ? {} : { abortSignal },
      );
      // A proxy's 200 must not count: a message would point to nothing.
      if (ETag === undefined) throw new Error(`the answer to PutObject of ${key} is not S3's`);
    },
    get: (key) => getText(client, bucket, key),
    list: (prefix, after) => pages(client, bucket, { prefix, after }),
    async delete(key) {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    },
  };
}

async function getText(client: S3Client, bucket: string, key: string): Promise<string | undefined> {
  try {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    if (Body === undefined) throw unreadable(bucket, `the object ${key} came without a body`);
    return decodeText(await Body.transformToByteArray(), { bucket, key });
  } catch (error) {
    if (error instanceof NoSuchKey) return undefined;
    throw error;
  }
}

/** Bytes that are no UTF-8 are refused: replaced, they would pass for what was stored. */
function decodeText(bytes: Uint8Array, { bucket, key }: { bucket: string; key: string }): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw unreadable(bucket, `the object ${key} is not text in UTF-8`, cause);
  }
}

async function* pages(
  client: S3Client,
  bucket: string,
  { prefix, after }: { readonly prefix: string; readonly after: string | undefined },
): AsyncGenerator<readonly StoredObject[]> {
  let token: string | undefined;
  do {
    const page = await client.send(
      new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: prefix,
        StartAfter: after,
        ContinuationToken: token,
      }),
    );
    yield (page.Contents ?? []).map((object) => toStoredObject(bucket, object));
    token = page.NextContinuationToken;
    // A list that ends early must not pass for a whole one.
    if (page.IsTruncated === true && token === undefined) {
      throw unreadable(bucket, 'a page of the list does not tell where the next one begins');
    }
  } while (token !== undefined);
}

function toStoredObject(bucket: string, { Key, Size, LastModified }: _Object): StoredObject {
  if (Key === undefined || Size === undefined || LastModified === undefined) {
    throw unreadable(bucket, 'an object in the list lacks its key, its size or its time');
  }
  return { key: Key, sizeBytes: Size, storedAtMs: LastModified.getTime() };
}

function unreadable(bucket: string, why: string, cause?: unknown): FerryError {
  return new FerryError(`The bucket ${bucket} gave an answer that Ferry cannot read: ${why}.`, {
    code: 'objects.unreadable',
    hint: 'Check that the endpoint is S3, and that nothing but Ferry and Lambda writes there.',
    cause,
  });
}
