// The destination by requests that Ferry signs itself: the same port, the same outcomes as through the SDK.
// Bytes have to be those of decodeItem, which are base64 text in JSON.

import { decodeItem, type Item } from '../core/attribute-value.ts';
import { jsonOf, type WriteRequest } from '../core/write-request.ts';
import type { DestinationTable, WriteReply } from '../ports.ts';
import type { Answer, SignedRequests } from './signed-requests.ts';
import { cancellation, type CancellationPart, refusal } from './write-reply.ts';

const API = 'DynamoDB_20120810.';

export function signedDestination(requests: SignedRequests): DestinationTable {
  return {
    async write(request) {
      const answer = await requests.send(API + request.operation, jsonOf(request));
      // Not every 200 is DynamoDB's: a proxy's page must not count as a write.
      if (answer.status === 200 && answer.body.startsWith('{')) return WRITTEN;
      return refusalIn(answer, request);
    },
  };
}

const WRITTEN: WriteReply = { kind: 'written' };

interface ErrorBody {
  readonly __type?: string;
  readonly message?: string;
  readonly Message?: string;
  readonly Item?: unknown;
  readonly CancellationReasons?: ReadonlyArray<Record<string, unknown>>;
}

function refusalIn(answer: Answer, { operation }: WriteRequest): WriteReply {
  const body = parse(answer);
  const name = body.__type?.split('#').at(-1) ?? `Http${answer.status}`;
  if (name === 'ConditionalCheckFailedException') return refusal(operation, itemOf(body.Item));
  const error = Object.assign(new Error(body.message ?? body.Message ?? name), { name });
  if (name !== 'TransactionCanceledException') throw error;
  const parts = (body.CancellationReasons ?? []).map(
    (part): CancellationPart => ({ ...part, Item: itemOf(part['Item']) }),
  );
  return cancellation(parts, error);
}

/** A proxy, or a service in trouble, may answer with anything. */
function parse({ body }: Answer): ErrorBody {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

function itemOf(json: unknown): Item | undefined {
  return json === undefined || json === null ? undefined : decodeItem(json, 'Item');
}
