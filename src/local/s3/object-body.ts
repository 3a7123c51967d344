// A request's body -> the bytes to store, checked against the digest and the checksum that came with them.

import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { crc32 } from 'node:zlib';
import { S3Error } from './error.ts';

/** Largest object. Ferry's own are far smaller: a dead letter's record, or one batch of a stream. */
export const OBJECT_BYTES_MAX = 64 * 1_024 * 1_024;

/** The checksum that the SDK sends by itself. */
export const CHECKSUM_HEADER = 'x-amz-checksum-crc32';

/**
 * @returns the headers that the service keeps with the object.
 * @throws S3Error for a body that is not what its digest or checksum says.
 */
export function checkedHeaders(headers: IncomingHttpHeaders, bytes: Buffer) {
  checkDigest(String(headers['x-amz-content-sha256'] ?? ''), bytes);
  const given = headers[CHECKSUM_HEADER];
  if (given === undefined) return {};
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(bytes));
  if (checksum.toString('base64') === given) return { [CHECKSUM_HEADER]: given };
  const message = `The ${CHECKSUM_HEADER} you specified did not match the calculated checksum.`;
  throw new S3Error('BadDigest', message);
}

export function tooLarge(size: number): S3Error {
  const message = `The local S3 takes objects of at most ${OBJECT_BYTES_MAX} bytes, got ${size}.`;
  return new S3Error('EntityTooLarge', message, {
    ProposedSize: String(size),
    MaxSizeAllowed: String(OBJECT_BYTES_MAX),
  });
}

function checkDigest(declared: string, bytes: Buffer): void {
  if (declared.startsWith('STREAMING-')) {
    throw new S3Error(
      'NotImplemented',
      `The local S3 does not offer bodies in chunks: ${declared}.`,
    );
  }
  if (!/^[\da-f]{64}$/.test(declared)) return;
  const computed = createHash('sha256').update(bytes).digest('hex');
  if (declared === computed) return;
  throw new S3Error(
    'XAmzContentSHA256Mismatch',
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
    { ClientComputedContentSHA256: declared, S3ComputedContentSHA256: computed },
  );
}
