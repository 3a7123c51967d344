// The buckets of one local S3 and their objects: what is stored, and in which order it is listed.

import { createHash } from 'node:crypto';
import { S3Error } from './error.ts';

const KEY_BYTES_MAX = 1_024;

/** What a writer hands over. */
interface ObjectDraft {
  readonly bytes: Buffer;
  readonly contentType: string;
  /** Headers with checksums that the writer gave, to be given back to readers. */
  readonly checksums: Readonly<Record<string, string>>;
  readonly nowMs: number;
}

export interface S3Object extends Omit<ObjectDraft, 'nowMs'> {
  readonly key: string;
  /** MD5 in quotes, as HTTP wants it. */
  readonly etag: string;
  /** Epoch milliseconds of a whole second: the service tells no finer. */
  readonly storedAtMs: number;
}

interface ListRequest {
  readonly prefix: string;
  /** Lists keys above this one only; all keys are above the empty text. */
  readonly after: string;
  readonly limit: number;
}

interface ListPage {
  readonly objects: readonly S3Object[];
  readonly isTruncated: boolean;
}

export class S3Bucket {
  readonly #objects = new Map<string, S3Object>();

  /** Stores an object, in the place of the one that had the key before. */
  put(key: string, { nowMs, ...draft }: ObjectDraft): S3Object {
    if (Buffer.byteLength(key) > KEY_BYTES_MAX) {
      throw new S3Error('KeyTooLongError', 'Your key is too long', {
        Size: String(Buffer.byteLength(key)),
        MaxSizeAllowed: String(KEY_BYTES_MAX),
      });
    }
    const etag = `"${createHash('md5').update(draft.bytes).digest('hex')}"`;
    const storedAtMs = Math.floor(nowMs / 1_000) * 1_000;
    const object = { ...draft, key, etag, storedAtMs };
    this.#objects.set(key, object);
    return object;
  }

  /** @throws S3Error `NoSuchKey`. */
  get(key: string): S3Object {
    const object = this.#objects.get(key);
    if (object !== undefined) return object;
    throw new S3Error('NoSuchKey', 'The specified key does not exist.', { Key: key });
  }

  /** Deleting what is not there is no error. */
  delete(key: string): void {
    this.#objects.delete(key);
  }

  /** Objects in the order of their keys' bytes, which is not quite the order of JavaScript's texts. */
  list({ prefix, after, limit }: ListRequest): ListPage {
    const objects = [...this.#objects.values()]
      .filter(({ key }) => key.startsWith(prefix) && byBytes(key, after) > 0)
      .toSorted((a, b) => byBytes(a.key, b.key));
    // The service says of a page that was to be empty that nothing follows.
    return { objects: objects.slice(0, limit), isTruncated: limit > 0 && objects.length > limit };
  }
}

export class S3Buckets {
  readonly #buckets = new Map<string, S3Bucket>();

  create(name: string): void {
    if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name)) {
      throw new S3Error('InvalidBucketName', 'The specified bucket is not valid.', {
        BucketName: name,
      });
    }
    if (this.#buckets.has(name)) {
      const message =
        'Your previous request to create the named bucket succeeded and you already own it.';
      throw new S3Error('BucketAlreadyOwnedByYou', message, { BucketName: name });
    }
    this.#buckets.set(name, new S3Bucket());
  }

  /** @throws S3Error `NoSuchBucket`. */
  get(name: string): S3Bucket {
    const bucket = this.#buckets.get(name);
    if (bucket !== undefined) return bucket;
    throw new S3Error('NoSuchBucket', 'The specified bucket does not exist', { BucketName: name });
  }
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
