// Carries the SDK's requests where processor time does not matter: the SDK's own handler, with a check of each
// answer before the SDK reads it.

import { NodeHttpHandler } from '@smithy/node-http-handler';
import { requireOwnAnswer } from './signed/service-answer.ts';

type Handle = NodeHttpHandler['handle'];
type SdkRequest = Parameters<Handle>[0];
type SdkOptions = Parameters<Handle>[1];

/** For the `requestHandler` of an SDK client of DynamoDB or its streams. */
export class CheckedHandler extends NodeHttpHandler {
  override async handle(request: SdkRequest, options?: SdkOptions) {
    const { response } = await super.handle(request, options);
    const chunks: Uint8Array[] = [];
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) chunks.push(chunk);
    response.body = new Uint8Array(Buffer.concat(chunks));
    requireOwnResponse(request, response);
    return { response };
  }
}

interface SdkResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  /** All of it. */
  readonly body?: unknown;
}

/** @throws as requireOwnAnswer does. */
export function requireOwnResponse(
  request: { readonly headers: Readonly<Record<string, string>> },
  { statusCode, headers, body }: SdkResponse,
): void {
  requireOwnAnswer(headerOf(request.headers, 'x-amz-target').split('.').at(-1) ?? '', {
    status: statusCode,
    requestId: headerOf(headers, 'x-amzn-requestid'),
    checksum: headerOf(headers, 'x-amz-crc32'),
    body: new TextDecoder().decode(body as Uint8Array),
  });
}

/** Names are spelled as their sender spelled them. */
function headerOf(headers: Readonly<Record<string, string>>, name: string): string {
  const found = headers[name];
  if (found !== undefined) return found;
  const spelled = Object.keys(headers).find((one) => one.toLowerCase() === name);
  return spelled === undefined ? '' : (headers[spelled] ?? '');
}
