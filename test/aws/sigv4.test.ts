// Signatures, against those of the SDK's own signer.

import { Hash } from 'node:crypto';
import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Credentials } from '../../src/aws/access.ts';
import { requestSigner } from '../../src/aws/signed/sigv4.ts';

const PLACE = {
  region: 'eu-west-1',
  service: 'dynamodb',
  host: 'dynamodb.eu-west-1.amazonaws.com',
};
const DAY_MS = 24 * 60 * 60 * 1000;

/** What the SDK's signer would send. */
async function reference(
  request: { target: string; body: string },
  credentials: Credentials,
  nowMs: number,
) {
  const signer = new SignatureV4({
    credentials: { ...credentials, sessionToken: credentials.sessionToken as string },
    region: PLACE.region,
    service: PLACE.service,
    sha256: NodeSha256,
    applyChecksum: false,
  });
  const { headers } = await signer.sign(
    {
      method: 'POST',
      protocol: 'https:',
      hostname: PLACE.host,
      path: '/',
      query: {},
      headers: {
        host: PLACE.host,
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': request.target,
      },
      body: request.body,
    },
    { signingDate: new Date(nowMs) },
  );
  return headers['authorization'];
}

/** As the SDK wants a hash to be. */
class NodeSha256 {
  readonly #hash: Hash | ReturnType<typeof createHmac>;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Buffer);
  }
  update(data: Uint8Array | string) {
    this.#hash.update(data);
  }
  async digest() {
    return new Uint8Array(this.#hash.digest());
  }
  reset() {}
}

const text = fc.string({ unit: 'grapheme', maxLength: 200 });
const printable = fc.stringMatching(/^[A-Za-z0-9/+=]{16,60}$/);

it('are the same, whatever is signed by whom and when', async () => {
  const credentials = fc.record(
    {
      accessKeyId: fc.stringMatching(/^[A-Z0-9]{16,20}$/),
      secretAccessKey: printable,
      sessionToken: printable,
    },
    { requiredKeys: ['accessKeyId', 'secretAccessKey'] },
  );
  const sign = requestSigner(PLACE);
  await fc.assert(
    fc.asyncProperty(
      credentials,
      fc.constantFrom('PutItem', 'DeleteItem', 'TransactWriteItems'),
      text,
      fc.nat({ max: 20_000 }),
      async (who, operation, body, days) => {
        const request = { target: `DynamoDB_20120810.${operation}`, body };
        const nowMs = days * DAY_MS + 12_345_678;
        const headers = sign({ ...request, body: Buffer.from(request.body) }, who, nowMs);
        expect(headers[headers.indexOf('authorization') + 1]).toBe(
          await reference(request, who, nowMs),
        );
      },
    ),
    { numRuns: 200 },
  );
});

it('are the same request after request, over seconds, midnights and new credentials', async () => {
  const sign = requestSigner(PLACE);
  const one = { accessKeyId: 'AKIDONE', secretAccessKey: 'one', sessionToken: 'token' };
  const two = { accessKeyId: 'AKIDTWO', secretAccessKey: 'two' };
  const midnight = Date.parse('2026-02-01T00:00:00Z');
  for (const [who, nowMs] of [
    [one, midnight - 1_500],
    [one, midnight - 1_400],
    [one, midnight - 400],
    [one, midnight + 1],
    [two, midnight + 2],
    [one, midnight + 3],
  ] as const) {
    const request = { target: 'DynamoDB_20120810.PutItem', body: `{"at":${nowMs}}` };
    const headers = sign({ ...request, body: Buffer.from(request.body) }, who, nowMs);
    expect(headers[headers.indexOf('authorization') + 1]).toBe(
      await reference(request, who, nowMs),
    );
  }
});

/** Recorded from the SDK's signer, so that a change of both would be noticed. */
const RECORDED = [
  {
    credentials: {
      accessKeyId: 'AKIDEXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    },
    at: '2026-01-31T12:00:00.000Z',
    operation: 'PutItem',
    body: '{"TableName":"Orders","Item":{"pk":{"S":"a"}}}',
    authorization:
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260131/eu-west-1/dynamodb/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=56a95889ab002122f08445437cd5098ea5c699e4ea3da33668ab1c5cb9dbd711',
  },
  {
    credentials: {
      accessKeyId: 'ASIAEXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
      sessionToken: 'IQoJb3JpZ2luX2VjEXAMPLE/token+with=signs',
    },
    at: '2026-02-28T23:59:59.999Z',
    operation: 'UpdateItem',
    body: '{"TableName":"state","Key":{"pk":{"S":"ключ 🔑"}}}',
    authorization:
      'AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20260228/eu-west-1/dynamodb/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=b0d9e7522c87d86c9c928fa25395de0552fb67259228bdfec84099d7b13614e8',
  },
  {
    credentials: { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'short', sessionToken: 't' },
    at: '2024-02-29T00:00:00.000Z',
    operation: 'DeleteItem',
    body: '{}',
    authorization:
      'AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20240229/eu-west-1/dynamodb/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=47c8f3bf3cef160cc752c924eb9e7af42eebdc1a4e5b15345616804a31627bea',
  },
];

it.each(RECORDED)(
  'are as recorded: $operation at $at',
  ({ credentials, at, operation, body, authorization }) => {
    const request = { target: `DynamoDB_20120810.${operation}`, body: Buffer.from(body) };
    const headers = requestSigner(PLACE)(request, credentials, Date.parse(at));

    expect(headers[headers.indexOf('authorization') + 1]).toBe(authorization);
  },
);
