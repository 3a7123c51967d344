// AWS Signature Version 4 for one service, one host and one kind of request: POST / with a JSON body. What
// does not change from request to request is made once.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';

export interface SigningCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface SigningPlace {
  readonly region: string;
  readonly service: string;
  /** With the port, where it is not the scheme's own. */
  readonly host: string;
}

export interface RequestToSign {
  /** Value of X-Amz-Target. */
  readonly target: string;
  readonly body: string;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const CONTENT_TYPE = 'application/x-amz-json-1.0';

/** What all requests of a second have in common. */
interface Second {
  readonly atSeconds: number;
  readonly credentials: SigningCredentials;
  readonly key: KeyObject;
  readonly signedHeaders: string;
  /** Of the canonical request, without the last header's value. */
  readonly head: string;
  /** Of the text to sign. */
  readonly prologue: string;
  /** Of the authorization header. */
  readonly authorization: string;
  /** Header names and values in turn. */
  readonly headers: readonly string[];
}

/** @returns a function that tells all headers of a request, name and value in turn. */
export function requestSigner(place: SigningPlace) {
  let now: Second | undefined;
  return (
    { target, body }: RequestToSign,
    credentials: SigningCredentials,
    nowMs: number,
  ): string[] => {
    const atSeconds = Math.floor(nowMs / 1000);
    if (now?.atSeconds !== atSeconds || now.credentials !== credentials)
      now = secondOf(atSeconds, credentials, { place, before: now });
    const canonical = `${now.head}${target}\n\n${now.signedHeaders}\n${hash('sha256', body)}`;
    const signature = createHmac('sha256', now.key)
      .update(now.prologue + hash('sha256', canonical))
      .digest('hex');
    return [...now.headers, 'x-amz-target', target, 'authorization', now.authorization + signature];
  };
}

function secondOf(
  atSeconds: number,
  credentials: SigningCredentials,
  { place, before }: { readonly place: SigningPlace; readonly before: Second | undefined },
): Second {
  const { region, service, host } = place;
  const { accessKeyId, sessionToken } = credentials;
  const time = amzDate(atSeconds);
  const day = time.slice(0, 8);
  const scope = `${day}/${region}/${service}/aws4_request`;
  const isSameKey = before?.credentials === credentials && before.prologue.includes(scope);
  const token = sessionToken === undefined ? [] : ['x-amz-security-token', sessionToken];
  const headers = ['content-type', CONTENT_TYPE, 'host', host, 'x-amz-date', time, ...token];
  const names = headers.filter((_, index) => index % 2 === 0);
  const lines = names.map((name, index) => `${name}:${headers[index * 2 + 1]}\n`).join('');
  const signedHeaders = `${names.join(';')};x-amz-target`;
  return {
    atSeconds,
    credentials,
    key: isSameKey ? before.key : signingKey(place, day, credentials),
    signedHeaders,
    head: `POST\n/\n\n${lines}x-amz-target:`,
    prologue: `${ALGORITHM}\n${time}\n${scope}\n`,
    authorization: `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=`,
    headers,
  };
}

/** 20260131T123456Z */
function amzDate(atSeconds: number): string {
  return `${new Date(atSeconds * 1000).toISOString().replace(/[-:]/g, '').slice(0, 15)}Z`;
}

function signingKey(
  { region, service }: SigningPlace,
  day: string,
  { secretAccessKey }: SigningCredentials,
): KeyObject {
  let key: Buffer = Buffer.from(`AWS4${secretAccessKey}`);
  for (const part of [day, region, service, 'aws4_request'])
    key = createHmac('sha256', key).update(part).digest();
  // With a plain buffer, each signature costs ten times as much on newer Node.
  return createSecretKey(key);
}
