// AWS Signature Version 4 for one service, one host and one kind of request: POST / with a JSON body. What
// does not change from request to request is made once.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

import { createHmac, hash } from 'node:crypto';
import type { Credentials } from '../access.ts';

export interface SigningPlace {
  readonly region: string;
  readonly service: string;
  /** With the port, where it is not the scheme's own. */
  readonly host: string;
}

export interface SignableRequest {
  /** Value of X-Amz-Target. */
  readonly target: string;
  readonly body: Buffer;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const CONTENT_TYPE = 'application/x-amz-json-1.0';

/** What all requests of a second have in common. */
interface Second {
  readonly atSeconds: number;
  readonly credentials: Credentials;
  readonly day: Day;
  readonly signedHeaders: string;
  /** Of the canonical request, without the last header's value. */
  readonly head: string;
  /** Tells the signature of a canonical request. */
  readonly sign: (canonicalHash: string) => string;
  /** Of the authorization header. */
  readonly authorization: string;
  /** Header names and values in turn. */
  readonly headers: readonly string[];
  /** By target, since there are few. */
  readonly canonicalHashes: Map<string, (bodyHash: string) => string>;
}

interface Day {
  readonly scope: string;
  readonly key: Buffer;
}

/** @returns a function that makes all headers of a request, name and value in turn. */
export function requestSigner(place: SigningPlace) {
  let now: Second | undefined;
  return ({ target, body }: SignableRequest, credentials: Credentials, nowMs: number): string[] => {
    const atSeconds = Math.floor(nowMs / 1000);
    if (now?.atSeconds !== atSeconds || now.credentials !== credentials)
      now = secondOf(atSeconds, credentials, { place, before: now });
    const signature = now.sign(canonicalHash(now, target, hash('sha256', body)));
    return [...now.headers, 'x-amz-target', target, 'authorization', now.authorization + signature];
  };
}

function canonicalHash(
  { canonicalHashes, head, signedHeaders }: Second,
  target: string,
  bodyHash: string,
): string {
  let hashOf = canonicalHashes.get(target);
  if (hashOf === undefined) {
    hashOf = hashAfter(Buffer.from(`${head}${target}\n\n${signedHeaders}\n`), 'hex');
    canonicalHashes.set(target, hashOf);
  }
  return hashOf(bodyHash);
}

function secondOf(
  atSeconds: number,
  credentials: Credentials,
  { place, before }: { readonly place: SigningPlace; readonly before: Second | undefined },
): Second {
  const { region, service, host } = place;
  const { accessKeyId, sessionToken } = credentials;
  const time = amzDate(atSeconds);
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`;
  const isSameDay = before?.credentials === credentials && before.day.scope === scope;
  const day = isSameDay ? before.day : { scope, key: signingKey(scope, credentials) };
  const token = sessionToken === undefined ? [] : ['x-amz-security-token', sessionToken];
  const headers = ['content-type', CONTENT_TYPE, 'host', host, 'x-amz-date', time, ...token];
  const names = headers.filter((_, index) => index % 2 === 0);
  const lines = names.map((name, index) => `${name}:${headers[index * 2 + 1]}\n`).join('');
  const signedHeaders = `${names.join(';')};x-amz-target`;
  return {
    atSeconds,
    credentials,
    day,
    signedHeaders,
    head: `POST\n/\n\n${lines}x-amz-target:`,
    sign: hmacAfter(day.key, `${ALGORITHM}\n${time}\n${scope}\n`),
    authorization: `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=`,
    headers,
    canonicalHashes: new Map(),
  };
}

/** 20260131T123456Z */
function amzDate(atSeconds: number): string {
  return `${new Date(atSeconds * 1000).toISOString().replace(/[-:]/g, '').slice(0, 15)}Z`;
}

/** @param scope its parts, in order, make the key. */
function signingKey(scope: string, { secretAccessKey }: Credentials): Buffer {
  return scope
    .split('/')
    .reduce<Buffer>(
      (key, part) => createHmac('sha256', key).update(part).digest(),
      Buffer.from(`AWS4${secretAccessKey}`),
    );
}

const BLOCK_BYTES = 64;
/** A SHA-256, as text. */
const HASH_CHARACTERS = 64;
const HASH_BYTES = 32;

/** SHA-256 of `start` and the hash that follows it. The place for that hash is kept. */
function hashAfter(start: Buffer, encoding: 'hex' | 'binary'): (end: string) => string {
  const text = Buffer.concat([start, Buffer.alloc(HASH_CHARACTERS)]);
  return (end) => {
    text.write(end, start.length, 'latin1');
    return hash('sha256', text, encoding);
  };
}

/**
 * HMAC-SHA-256 of `start` and the hash that follows it, as two hashes over buffers that are kept: node:crypto's
 * own makes objects for each, which costs several times as much.
 */
function hmacAfter(key: Buffer, start: string): (end: string) => string {
  const pad = (byte: number) => {
    const block = Buffer.alloc(BLOCK_BYTES, byte);
    key.forEach((value, index) => (block[index] = value ^ byte));
    return block;
  };
  const inner = hashAfter(Buffer.concat([pad(0x36), Buffer.from(start)]), 'binary');
  const outer = Buffer.concat([pad(0x5c), Buffer.alloc(HASH_BYTES)]);
  return (end) => {
    outer.write(inner(end), BLOCK_BYTES, 'latin1');
    return hash('sha256', outer);
  };
}
