// The mistakes that mutants are made of: requests without conditions, versions that do not compare, answers
// that nobody gave.

import type { AttributeValue, UpdateItemInput } from '@aws-sdk/client-dynamodb';
import type { WriteRequest } from '../../src/model/write-request.ts';
import { recordKey } from '../../src/model/stream-record.ts';
import type { TwinWriter, ReadableTable, WriteReply } from '../../src/ports.ts';
import type { Mutation } from './mutant.ts';
import { MALFORMED } from './stream.ts';
import type { Process, ProcessKind } from './process.ts';
import type { World } from './world.ts';

type Rewrite = NonNullable<Mutation['rewrite']>;

export const only =
  (kinds: readonly ProcessKind[], rewrite: (request: WriteRequest) => WriteRequest): Rewrite =>
  (request, process) =>
    kinds.includes(process.facts.kind) ? rewrite(request) : request;

/** Without its condition, and the placeholders of it. */
export function unconditional<T extends object>(input: T): T {
  const {
    ConditionExpression: _,
    ExpressionAttributeNames: __,
    ExpressionAttributeValues: ___,
    ...rest
  } = input as Record<string, unknown>;
  return rest as T;
}

export function withoutGuard(request: WriteRequest): WriteRequest {
  if (request.operation === 'PutItem')
    return { operation: 'PutItem', input: unconditional(request.input) };
  if (request.operation === 'DeleteItem')
    return { operation: 'DeleteItem', input: unconditional(request.input) };
  return request;
}

/** A put of a transaction by itself, with its guard or without. */
export function putOf(request: WriteRequest, guarded: boolean): WriteRequest {
  if (request.operation !== 'TransactWriteItems') return request;
  const put = request.input.TransactItems?.[0]?.Put;
  if (put === undefined) return request;
  return { operation: 'PutItem', input: guarded ? put : unconditional(put) };
}

export const guardOnSeconds =
  (sign: '<' | '<='): Rewrite =>
  (request) => {
    if (request.operation !== 'PutItem' || request.input.TableName !== 'twin') return request;
    const seconds = request.input.Item?.['_ferry']?.M?.['t'] ?? { N: '0' };
    const input = {
      ...request.input,
      ConditionExpression: `attribute_not_exists(#pk) OR attribute_not_exists(#f) OR #f.#v ${sign} :v`,
      ExpressionAttributeNames: { '#pk': 'pk', '#f': '_ferry', '#v': 't' },
      ExpressionAttributeValues: { ':v': seconds },
    };
    return { operation: 'PutItem', input };
  };

/** Rewrites every version in a request. */
export const versions =
  (rewrite: (version: string) => string): Rewrite =>
  (request) => {
    const text = JSON.stringify(request).replaceAll(/\d{4}\.\d{13}\.\d{40}~*/g, rewrite);
    return JSON.parse(text) as WriteRequest;
  };

/** Every ledger row's life cut to so many seconds. */
export const tombstonesLive =
  (seconds: number): Rewrite =>
  (request) => {
    if (request.operation !== 'UpdateItem') return request;
    const values: Record<string, AttributeValue> = { ...request.input.ExpressionAttributeValues };
    const expiresAt = Number(values[':expiresAt']?.N) - FIFTEEN_DAYS + seconds;
    values[':expiresAt'] = { N: String(expiresAt) };
    const input = { ...request.input, ExpressionAttributeValues: values };
    return { operation: 'UpdateItem', input };
  };

/** Written by a repair as if no letter of its item were known. */
export function withoutBound(request: WriteRequest): WriteRequest {
  if (request.operation !== 'TransactWriteItems') return request;
  const parts = request.input.TransactItems ?? [];
  const values = parts.map(
    ({ Update, ConditionCheck }) => (Update ?? ConditionCheck)?.ExpressionAttributeValues,
  );
  const bound = values.find((one) => one?.[':f'] !== undefined)?.[':f']?.S;
  if (bound === undefined) return request;
  const deleted = values.find((one) => one?.[':d'] !== undefined)?.[':d']?.S;
  const lower = `${deleted ?? bound.replace(/\d{40}/, '0'.repeat(40))}~`;
  const text = JSON.stringify(request).replaceAll(`"${bound}~"`, `"${lower}"`);
  return JSON.parse(text) as WriteRequest;
}

/** Copies that do not ask for letters of their items. */
export function withoutBoundCheck(request: WriteRequest): WriteRequest {
  if (request.operation !== 'TransactWriteItems') return request;
  const TransactItems = (request.input.TransactItems ?? []).map((part) => {
    const { ConditionCheck } = part;
    const condition = ConditionCheck?.ConditionExpression?.split(
      ' AND (attribute_not_exists(#f)',
    )[0];
    if (ConditionCheck === undefined || condition === ConditionCheck.ConditionExpression)
      return part;
    const { '#f': _, ...names } = ConditionCheck.ExpressionAttributeNames ?? {};
    const same = { ...ConditionCheck, ExpressionAttributeNames: names };
    return { ConditionCheck: { ...same, ConditionExpression: condition } };
  });
  return { operation: 'TransactWriteItems', input: { TransactItems } };
}

/** An adoption that adds its stream to the epoch there is. */
export function withoutNewEpoch(request: WriteRequest): WriteRequest {
  if (request.operation !== 'PutItem') return request;
  const epochs = request.input.Item?.['epochs']?.L ?? [];
  const [before, opened] = epochs.slice(-2).map(({ M = {} }) => M);
  if (before === undefined || opened === undefined) return request;
  const { to: _, end: __, ...kept } = before;
  const streams = { L: [...(before['streams']?.L ?? []), ...(opened['streams']?.L ?? [])] };
  const L = [...epochs.slice(0, -2), { M: { ...kept, streams } }];
  const input = { ...request.input, Item: { ...request.input.Item, epochs: { L } } };
  return { operation: 'PutItem', input };
}

/** A transaction whose parts ask for versions, and not for what was read. */
export function byVersion(request: WriteRequest): WriteRequest {
  if (request.operation !== 'TransactWriteItems') return request;
  const [item, row] = request.input.TransactItems ?? [];
  const version = item?.Put?.Item?.['_ferry']?.M?.['v'];
  if (item?.Put === undefined || row?.ConditionCheck === undefined || version === undefined)
    return request;
  const values = { ':v': version };
  const Put = {
    ...item.Put,
    ConditionExpression: 'attribute_not_exists(#f) OR #f.#v < :v',
    ExpressionAttributeNames: { '#f': '_ferry', '#v': 'v' },
    ExpressionAttributeValues: values,
  };
  const ConditionCheck = {
    ...row.ConditionCheck,
    ConditionExpression: 'attribute_not_exists(#d) OR #d < :v',
    ExpressionAttributeNames: { '#d': 'd' },
    ExpressionAttributeValues: values,
  };
  return {
    operation: 'TransactWriteItems',
    input: { TransactItems: [{ Put }, { ConditionCheck }] },
  };
}

/** Letters and batches whose records do not tell when they were written. */
export function withoutTimes(text: string): string {
  return text.replaceAll(/(\\?)"ApproximateCreationDateTime\1":\d+,/g, '');
}

/** Takes a page without items for the last one. */
export function endsEarly(table: ReadableTable): ReadableTable {
  return {
    ...table,
    async scan(options) {
      const page = await table.scan(options);
      return page.items.length > 0 ? page : { ...page, next: undefined };
    },
  };
}

/** A put of the twin with no more than the guard of a place that may be empty. */
export function freePut(request: WriteRequest): WriteRequest {
  if (request.operation !== 'PutItem' || request.input.TableName !== 'twin') return request;
  const { ConditionExpression: condition = '' } = request.input;
  const older = /^attribute_exists\(#pk\) AND \((.*)\)$/.exec(condition)?.[1];
  if (older === undefined) return request;
  const text = `attribute_not_exists(#pk) OR ${older}`;
  return { operation: 'PutItem', input: { ...request.input, ConditionExpression: text } };
}

/** As if the queue had taken an announcement. */
export function pretendAnnounced(body: string, process: Process, world: World): void {
  for (const { name, version } of world.lookAgain.parse(body).deletes)
    process.announced.add(`${name} ${version}`);
}

/** Tries again while it is throttled, whatever the time. */
export async function retriedAtOnce(
  request: WriteRequest,
  port: TwinWriter,
  process: Process,
): Promise<WriteReply> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await port.write(request);
    } catch (error) {
      if (!isThrottled(error) || attempt === TRIES) throw error;
    }
    await process.clock().sleep(PAUSE_MS);
  }
}

const TRIES = 8;
const PAUSE_MS = 1_000;

function isThrottled(error: unknown): boolean {
  return error instanceof Error && /Throttling|Throughput|Conflict/.test(error.name);
}

const FIFTEEN_DAYS = 15 * 24 * 60 * 60;
export const WRITTEN: WriteReply = { kind: 'written' };

/** Answers for some requests in the destination's place. */
export const instead =
  (
    answer: (request: WriteRequest, port: TwinWriter, process: Process) => Promise<WriteReply>,
    kinds: readonly ProcessKind[] = ['handler'],
  ): NonNullable<Mutation['destination']> =>
  (port, process) =>
    kinds.includes(process.facts.kind)
      ? { write: (request) => answer(request, port, process) }
      : port;

export const isOwn = (request: WriteRequest, name: string) =>
  request.operation === 'UpdateItem' && request.input.ExpressionAttributeNames?.['#own'] === name;

export function versionOf({ input }: WriteRequest): string {
  const { ExpressionAttributeValues: values } = input as UpdateItemInput;
  return values?.[':v']?.S ?? '';
}

export function isUnknown(error: unknown): boolean {
  return error instanceof Error && /Timeout|RESET/.test(error.name);
}

/** Of a stream record. */
export function isMalformed(record: unknown): boolean {
  return JSON.stringify(record).includes(MALFORMED);
}

/** Its key, as a filter has it. */
export function keyTextIn(record: unknown): string | undefined {
  return recordKey(record)?.keyText;
}

export function errorNamed(name: string): Error {
  return Object.assign(new Error('mutant'), { name });
}
