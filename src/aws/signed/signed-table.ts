// The destination by requests that Ferry signs itself: the same port, the same outcomes as through the SDK.
// Bytes have to be those of decodeItem, which are base64 text in JSON.

import { namedError } from '../../errors.ts';
import { decodeItem, type Item } from '../../model/attribute-value.ts';
import { itemRequest, itemsRequest } from '../../model/read-request.ts';
import { requestEncoder } from '../../model/request-encoder.ts';
import type { WriteRequest } from '../../model/write-request.ts';
import type { TwinReader, TwinWriter, ItemReader, ReadReply, WriteReply } from '../../ports.ts';
import { requireOwnAnswer } from './service-answer.ts';
import type { Answer, SignedRequests } from './signed-requests.ts';
import { cancellation, type CancellationPart, refusal } from './write-reply.ts';

const API = 'DynamoDB_20120810.';

export function signedTwinWriter(requests: SignedRequests): TwinWriter {
  const encode = requestEncoder();
  return {
    async write(request) {
      const { operation } = request;
      const answer = await requests.send(API + operation, encode(request));
      requireOwnAnswer(operation, answer);
      if (answer.status === 200) return WRITTEN;
      return refusalIn(answer, request);
    },
  };
}

export function signedTwinReader(requests: SignedRequests): TwinReader {
  const ask = async (operation: string, input: object): Promise<Reply> => {
    const answer = await requests.send(API + operation, JSON.stringify(input));
    requireOwnAnswer(operation, answer);
    if (answer.status !== 200) throw errorIn(answer);
    return parse(answer);
  };
  return {
    async read({ operation, input }) {
      return toReadReply(await ask(operation, input));
    },
    async tableId(table) {
      const { Table } = await ask('DescribeTable', { TableName: table });
      if (Table?.TableId === undefined) throw new Error(`the service did not describe ${table}`);
      return Table.TableId;
    },
  };
}

/** A table of what `reader` reads, item by item. */
export function signedItems(reader: TwinReader, table: string): ItemReader {
  return {
    async get(key) {
      const { items } = await reader.read(itemRequest(table, key));
      return items[0];
    },
    async getMany(keys, attributes) {
      const reply = await reader.read(itemsRequest({ table, keys, attributes }));
      return { ...reply, unreadable: [] };
    },
  };
}

/** What the service answers to reads, as JSON. */
interface Reply {
  readonly Item?: unknown;
  readonly Items?: readonly unknown[];
  readonly Responses?: Readonly<Record<string, readonly unknown[]>>;
  readonly UnprocessedKeys?: Readonly<Record<string, { readonly Keys?: readonly unknown[] }>>;
  readonly Table?: { readonly TableId?: string };
}

function toReadReply({
  Item: one,
  Items = [],
  Responses = {},
  UnprocessedKeys = {},
}: Reply): ReadReply {
  const found = [...(one === undefined ? [] : [one]), ...Items, ...Object.values(Responses).flat()];
  const unprocessed = Object.values(UnprocessedKeys).flatMap(({ Keys = [] }) => Keys);
  return {
    items: found.map((json) => decodeItem(json, 'Item')),
    unprocessed: unprocessed.map((json) => decodeItem(json, 'Keys')),
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
  const error = errorIn(answer);
  const { name } = error;
  if (name === 'ConditionalCheckFailedException') return refusal(operation, itemOf(body.Item));
  if (name !== 'TransactionCanceledException') throw error;
  const parts = (body.CancellationReasons ?? []).map(
    (part): CancellationPart => ({ ...part, Item: itemOf(part['Item']) }),
  );
  return cancellation(parts, error);
}

/** By the service's name for it. */
function errorIn(answer: Answer): Error {
  const { __type, message, Message } = parse(answer);
  const name = __type?.split('#').at(-1) ?? `Http${answer.status}`;
  return namedError(name, message ?? Message);
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
