// A request's body -> the bytes to store, checked against every checksum that came with them.

import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { crc32 } from 'node:zlib';
import { decodeChunked } from './chunked-body.ts';
import { S3Error } from './error.ts';

/** Largest object. Ferry's own are far smaller: a dead letter's record, or one batch of a stream. */
const OBJECT_BYTES_MAX = 64 * 1_024 * 1_024;

/** Largest body: chunks come with a line each, and are at least 8 KiB long in bodies of such a length. */
export const BODY_BYTES_MAX = OBJECT_BYTES_MAX + OBJECT_BYTES_MAX / 32;

/** The checksums that can be checked, by the header or trailer that carries them in base64. */
const CHECKSUMS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  'content-md5': (bytes) => createHash('md5').update(bytes).digest(),
  'x-amz-checksum-crc32': (bytes) => {
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32BE(crc32(bytes));
    return checksum;
  },
  'x-amz-checksum-sha1': (bytes) => createHash('sha1').update(bytes).digest(),
  'x-amz-checksum-sha256': (bytes) => createHash('sha256').update(bytes).digest(),
};

export const CHECKSUM_HEADERS = Object.keys(CHECKSUMS);

interface ObjectBody {
  readonly bytes: Buffer;
  /** The checksums that the service keeps with the object, by header. */
  readonly checksums: Readonly<Record<string, string>>;
}

/** @throws S3Error for a body that is too large, cut off, or not what its checksums say. */
export function readObjectBody(headers: IncomingHttpHeaders, wire: Buffer): ObjectBody {
  const declared = String(headers['x-amz-content-sha256'] ?? '');
  checkPayloadDigest(declared, wire);
  const isChunked = declared.startsWith('STREAMING-');
  const { bytes, trailers } = isChunked ? decodeChunked(wire) : { bytes: wire, trailers: {} };
  if (bytes.length > OBJECT_BYTES_MAX) throw tooLarge(bytes.length);
  checkDecodedLength(headers, bytes.length);
  const given = { ...pickChecksums(headers), ...checkedTrailers(headers, trailers) };
  for (const [name, value] of Object.entries(given)) checkChecksum(name, value, bytes);
  const { 'content-md5': _, ...checksums } = given;
  return { bytes, checksums };
}

export function tooLarge(size: number): S3Error {
  const message = `The local S3 takes objects of at most ${OBJECT_BYTES_MAX} bytes, got ${size}.`;
  return new S3Error('EntityTooLarge', message, {
    ProposedSize: String(size),
    MaxSizeAllowed: String(OBJECT_BYTES_MAX),
  });
}

function checkPayloadDigest(declared: string, wire: Buffer): void {
  if (!/^[\da-f]{64}$/.test(declared)) return;
  const computed = createHash('sha256').update(wire).digest('hex');
  if (declared === computed) return;
  throw new S3Error(
    'XAmzContentSHA256Mismatch',
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
    { ClientComputedContentSHA256: declared, S3ComputedContentSHA256: computed },
  );
}

function checkDecodedLength(headers: IncomingHttpHeaders, length: number): void {
  const declared = headers['x-amz-decoded-content-length'];
  if (declared === undefined || declared === String(length)) return;
  const message = `The body must have the ${String(declared)} bytes that its header says, got ${length}.`;
  throw new S3Error('IncompleteBody', message);
}

function pickChecksums(headers: IncomingHttpHeaders): Record<string, string> {
  const given = CHECKSUM_HEADERS.flatMap((name) =>
    headers[name] === undefined ? [] : [[name, String(headers[name])]],
  );
  return Object.fromEntries(given) as Record<string, string>;
}

/** The one trailer that the request announced; a missing one could hide that the body was cut off. */
function checkedTrailers(
  headers: IncomingHttpHeaders,
  trailers: Readonly<Record<string, string>>,
): Record<string, string> {
  const announced = headers['x-amz-trailer'];
  if (announced === undefined) return {};
  const name = String(announced).toLowerCase();
  const value = trailers[name];
  if (value !== undefined) return { [name]: value };
  throw new S3Error('MalformedTrailerError', `The trailer ${name} is announced, and is missing.`);
}

function checkChecksum(name: string, value: string, bytes: Buffer): void {
  const compute = Object.hasOwn(CHECKSUMS, name) ? CHECKSUMS[name] : undefined;
  if (compute === undefined) {
    const known = CHECKSUM_HEADERS.join(', ');
    const message = `The local S3 does not check ${name}. It checks: ${known}.`;
    throw new S3Error('NotImplemented', message, { Header: name });
  }
  if (compute(bytes).toString('base64') === value) return;
  const message = `The ${name} you specified did not match the calculated checksum.`;
  throw new S3Error('BadDigest', message);
}
