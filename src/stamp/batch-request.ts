// One put of a batch, sent as PutItem: a batch has no conditions. The command stays the caller's BatchWriteItem, with this
// put alone, so that the client makes typed values of it; its request is then turned into one of PutItem, and the answer
// back into one of BatchWriteItem.

import type { Version } from '../model/guard.ts';
import type { CommandArgs, Middleware } from './client-stack.ts';
import type { StampSettings } from './options.ts';
import { StampError } from './stamp-error.ts';
import { stampedPut } from './stamped-input.ts';
import type { Values } from './value-form.ts';

/** On the arguments of a command: its one put is to be sent as PutItem. */
const MARK = Symbol('one put of a batch');

interface Mark {
  readonly stamp: Version;
  /** Of the plug-in that has split the batch: a client may have several. */
  readonly owner: StampSettings;
}

interface MarkedArgs extends CommandArgs {
  readonly [MARK]?: Mark;
}

const markOf = (args: CommandArgs) => (args as MarkedArgs)[MARK];

export interface PutRequest {
  readonly PutRequest?: { readonly Item?: Values | undefined } | undefined;
  readonly DeleteRequest?: { readonly Key?: Values | undefined } | undefined;
}

/** By table. */
export type Requests = Readonly<Record<string, readonly PutRequest[]>>;

export interface BatchInput {
  readonly RequestItems?: Requests | undefined;
}

/** The command of one put. */
export function onePut(
  args: CommandArgs,
  { table, request }: { readonly table: string; readonly request: PutRequest },
  mark: Mark,
): MarkedArgs {
  const input = { ...args.input, RequestItems: { [table]: [request] } };
  return { ...args, input, [MARK]: mark };
}

const BATCH = 'BatchWriteItemCommand';

/** What a client made of a command. */
interface JsonRequest {
  readonly headers: Record<string, string>;
  body?: unknown;
}

/** In the step "build". Refuses what comes here without the mark, so that no put passes without its condition. */
export function putItemRequest(settings: StampSettings): Middleware {
  const { reservedAttribute, isStamped } = settings;
  return (next, { commandName }) => {
    if (commandName !== BATCH) return next;
    return async (args) => {
      const { stamp, owner } = markOf(args) ?? {};
      if (stamp !== undefined && owner === settings)
        rewrite(args.request as JsonRequest, { stamp, reservedAttribute });
      else if (hasPuts(args.input, isStamped)) throw notPossible();
      return next(args);
    };
  };
}

function hasPuts({ RequestItems = {} }: BatchInput, isStamped: StampSettings['isStamped']) {
  return Object.entries(RequestItems).some(
    ([table, requests]) =>
      isStamped(table) && requests.some(({ PutRequest }) => PutRequest !== undefined),
  );
}

interface BatchJson {
  readonly RequestItems: Requests;
  readonly ReturnConsumedCapacity?: string;
  readonly ReturnItemCollectionMetrics?: string;
}

function rewrite(
  request: JsonRequest,
  stamping: { readonly stamp: Version; readonly reservedAttribute: string },
): void {
  const { headers } = request;
  const target = Object.keys(headers).find((name) => name.toLowerCase() === 'x-amz-target');
  if (target === undefined || !isText(request.body)) throw notPossible();
  const { RequestItems, ...rest } = JSON.parse(textOf(request.body)) as BatchJson;
  const [[TableName, [put]] = ['', []]] = Object.entries(RequestItems);
  const input = { TableName, Item: put?.PutRequest?.Item, ...rest };
  headers[target] = (headers[target] ?? '').replace(/\.BatchWriteItem$/, '.PutItem');
  request.body = JSON.stringify(stampedPut(input, stamping));
}

const isText = (body: unknown): body is string | Uint8Array =>
  typeof body === 'string' || body instanceof Uint8Array;
const textOf = (body: string | Uint8Array) =>
  typeof body === 'string' ? body : new TextDecoder().decode(body);

function notPossible(): StampError {
  return new StampError('The client does not send this batch in a form that can be stamped', {
    code: 'stamp.batch',
    hint: 'Use PutItem instead, or a client with the protocol AWS JSON, which is the default of the SDK.',
  });
}

interface JsonResponse {
  readonly statusCode: number;
  body?: unknown;
}

interface Figures {
  readonly ConsumedCapacity?: { readonly TableName?: string };
  readonly ItemCollectionMetrics?: object;
}

/** In the step "deserialize", before the client reads the answer. */
export function batchAnswer(settings: StampSettings): Middleware {
  return (next, { commandName }) => {
    if (commandName !== BATCH) return next;
    return async (args) => {
      const result = await next(args);
      const response = result.response as JsonResponse;
      if (markOf(args)?.owner !== settings || response.statusCode !== 200) return result;
      const [table = ''] = Object.keys((args.input as BatchInput).RequestItems ?? {});
      const figures = JSON.parse((await readAll(response.body)) || '{}') as Figures;
      response.body = new TextEncoder().encode(JSON.stringify(asOfBatch(table, figures)));
      return result;
    };
  };
}

function asOfBatch(table: string, { ConsumedCapacity, ItemCollectionMetrics }: Figures) {
  return {
    ...(ConsumedCapacity !== undefined && { ConsumedCapacity: [ConsumedCapacity] }),
    ...(ItemCollectionMetrics !== undefined && {
      ItemCollectionMetrics: { [table]: [ItemCollectionMetrics] },
    }),
  };
}

async function readAll(body: unknown): Promise<string> {
  if (isText(body)) return textOf(body);
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body as AsyncIterable<Uint8Array>)
    text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}
