// DynamoDB as far as Ferry uses it: conditional writes, transactions with their reasons, consistent reads,
// scans by segment and page, and rows that expire. Tells of everything that it has done.

import type { AttributeValue, TransactWriteItemsInput } from '@aws-sdk/client-dynamodb';
import type { WriteRequest } from '../../src/core/write-request.ts';
import { holds, InvalidExpression, update } from './expression.ts';
import { hashOf } from './random.ts';

export type Item = Readonly<Record<string, AttributeValue>>;

/** A write that has been done; deleting what is not there counts. */
export interface Change {
  readonly table: string;
  readonly key: string;
  readonly before: Item | undefined;
  readonly after: Item | undefined;
}

interface Reason {
  readonly code: string;
  readonly message: string;
  readonly item?: Item | undefined;
}

export type Reply =
  | { readonly kind: 'written' }
  | { readonly kind: 'condition-failed'; readonly item: Item | undefined }
  | { readonly kind: 'cancelled'; readonly reasons: readonly Reason[] };

const GAP_TRIES = 8;

export interface MemoryDynamoDbOptions {
  /** Every table's only key attribute, of type S. */
  readonly keyAttributes: Readonly<Record<string, string>>;
  /** Whether a row is due to be removed by DynamoDB itself. */
  readonly isExpired: (table: string, key: string, item: Item) => boolean;
  /** Whether the table will not take an item. */
  readonly isInvalid: (table: string, item: Item) => boolean;
  readonly onChange: (change: Change, cause: unknown) => void;
}

export function serviceError(name: string): Error {
  return Object.assign(new Error('simulated'), { name });
}

/** One write, decided but not done. */
interface Decision {
  readonly allowed: boolean;
  /** What is there, if the request wants to be told. */
  readonly told: Item | undefined;
  /** Absent for a check. */
  readonly change?: Change | undefined;
}

interface PartDecision extends Decision {
  readonly invalid: boolean;
}

/** Which part of a transaction another one is at work on, or has no capacity; by the service's code. */
export interface Cancelled {
  readonly at: number;
  readonly code: string;
}

interface Conditional {
  readonly ConditionExpression?: string | undefined;
  readonly ExpressionAttributeNames?: Record<string, string> | undefined;
  readonly ExpressionAttributeValues?: Record<string, AttributeValue> | undefined;
  readonly ReturnValuesOnConditionCheckFailure?: 'ALL_OLD' | 'NONE' | undefined;
}

export class MemoryDynamoDb {
  readonly #options: MemoryDynamoDbOptions;
  readonly #tables = new Map<string, Map<string, Item>>();

  constructor(options: MemoryDynamoDbOptions) {
    this.#options = options;
    for (const table of Object.keys(options.keyAttributes)) this.#tables.set(table, new Map());
  }

  /**
   * @param cancelled part of a transaction that stops the whole.
   * @throws as DynamoDB does where a request is refused whatever the data.
   */
  execute(request: WriteRequest, cause: unknown, cancelled?: Cancelled): Reply {
    try {
      if (request.operation === 'TransactWriteItems') {
        const decisions = this.#decideAll(request.input);
        return cancelled === undefined
          ? this.#doAll(decisions, cause)
          : { kind: 'cancelled', reasons: reasonsOf(decisions, cancelled) };
      }
      const decision = this.#decide(request);
      if (!decision.allowed) return { kind: 'condition-failed', item: decision.told };
      this.#do(decision.change, cause);
      return { kind: 'written' };
    } catch (error) {
      if (error instanceof InvalidExpression) throw serviceError('ValidationException');
      throw error;
    }
  }

  get(table: string, key: string): Item | undefined {
    const items = this.#itemsOf(table);
    const item = items.get(key);
    if (item === undefined || !this.#options.isExpired(table, key, item)) return item;
    items.delete(key);
    return undefined;
  }

  keyOf(table: string, item: Item | undefined): string {
    const key = item?.[this.#options.keyAttributes[table] ?? '']?.S;
    if (key === undefined) throw serviceError('ValidationException');
    return key;
  }

  /** All items of a table, by key. */
  contents(table: string): ReadonlyMap<string, Item> {
    return this.#itemsOf(table);
  }

  scan(
    table: string,
    position: { segment: number; totalSegments: number; after?: string | undefined; limit: number },
  ): { readonly items: readonly Item[]; readonly more: boolean } {
    const { segment, totalSegments, after, limit } = position;
    const from = after === undefined ? -1 : hashOf(after);
    const placed = [...this.#itemsOf(table)]
      .map(([key, item]) => ({ place: hashOf(key), item }))
      .filter(({ place }) => place % totalSegments === segment && place > from)
      .toSorted((a, b) => a.place - b.place);
    const items = placed.slice(0, limit).map(({ item }) => item);
    return { items, more: placed.length > limit };
  }

  /** A key between a key and the next item, as of one that is gone: where a page without items ends. */
  gapAfter(table: string, after: string | undefined): string | undefined {
    const from = after === undefined ? -1 : hashOf(after);
    const places = [...this.#itemsOf(table).keys()].map(hashOf).filter((place) => place > from);
    const end = Math.min(...places);
    const names = Array.from({ length: GAP_TRIES }, (_, index) => `gone-${index}`);
    return names.find((name) => hashOf(name) > from && hashOf(name) < end);
  }

  #itemsOf(table: string): Map<string, Item> {
    const items = this.#tables.get(table);
    if (items === undefined) throw serviceError('ResourceNotFoundException');
    return items;
  }

  #decide(request: Exclude<WriteRequest, { operation: 'TransactWriteItems' }>): Decision {
    const { operation, input } = request;
    const table = input.TableName ?? '';
    if (operation !== 'PutItem') {
      const key = this.keyOf(table, input.Key);
      return operation === 'DeleteItem'
        ? this.#checked(table, key, input, undefined)
        : this.#updated(table, key, request.input);
    }
    this.#requireValid(table, input.Item);
    return this.#checked(table, this.keyOf(table, input.Item), input, input.Item);
  }

  #requireValid(table: string, item: Item = {}): void {
    if (this.#options.isInvalid(table, item)) throw serviceError('ValidationException');
  }

  #checked(table: string, key: string, input: Conditional, after: Item | undefined): Decision {
    const before = this.get(table, key);
    const allowed = isAllowed(before, input);
    return { allowed, told: toldOf(input, before), change: { table, key, before, after } };
  }

  #updated(
    table: string,
    key: string,
    input: Conditional & { UpdateExpression?: string | undefined },
  ): Decision {
    const before = this.get(table, key);
    const keyAttribute = this.#options.keyAttributes[table] ?? '';
    const { allowed, item } = update(
      { set: input.UpdateExpression ?? '', condition: input.ConditionExpression },
      scopeOf(before, input),
    );
    const after = { [keyAttribute]: { S: key }, ...item };
    return { allowed, told: toldOf(input, before), change: { table, key, before, after } };
  }

  /** One decision per part. */
  #decideAll({ TransactItems = [] }: TransactWriteItemsInput): PartDecision[] {
    const touched = new Set<string>();
    return TransactItems.map(({ Put, ConditionCheck }) => {
      const table = (Put ?? ConditionCheck)?.TableName ?? '';
      const key = this.keyOf(table, Put?.Item ?? ConditionCheck?.Key);
      if (touched.has(`${table} ${key}`)) throw serviceError('ValidationException');
      touched.add(`${table} ${key}`);
      const invalid = Put !== undefined && this.#options.isInvalid(table, Put.Item ?? {});
      const before = this.get(table, key);
      const part = Put ?? ConditionCheck ?? {};
      const allowed = isAllowed(before, part);
      const change = Put === undefined ? undefined : { table, key, before, after: Put.Item };
      return { allowed, invalid, told: toldOf(part, before), change };
    });
  }

  /** All of it or nothing. */
  #doAll(decisions: readonly PartDecision[], cause: unknown): Reply {
    if (decisions.every(({ allowed, invalid }) => allowed && !invalid)) {
      for (const { change } of decisions) this.#do(change, cause);
      return { kind: 'written' };
    }
    return { kind: 'cancelled', reasons: reasonsOf(decisions) };
  }

  #do(change: Change | undefined, cause: unknown): void {
    if (change === undefined) return;
    const items = this.#itemsOf(change.table);
    if (change.after === undefined) items.delete(change.key);
    else items.set(change.key, change.after);
    this.#options.onChange(change, cause);
  }
}

function reasonsOf(decisions: readonly PartDecision[], cancelled?: Cancelled): Reason[] {
  return decisions.map((decision, index) =>
    index === cancelled?.at ? { code: cancelled.code, message: 'simulated' } : reasonOf(decision),
  );
}

function reasonOf({ allowed, invalid, told }: PartDecision): Reason {
  if (invalid) return { code: 'ValidationError', message: 'simulated' };
  if (allowed) return { code: 'None', message: '' };
  return {
    code: 'ConditionalCheckFailed',
    message: 'The conditional request failed',
    item: told,
  };
}

function toldOf(input: Conditional, before: Item | undefined): Item | undefined {
  return input.ReturnValuesOnConditionCheckFailure === 'ALL_OLD' ? before : undefined;
}

function isAllowed(item: Item | undefined, input: Conditional): boolean {
  const { ConditionExpression: condition } = input;
  const scope = scopeOf(item, input);
  if (condition !== undefined) return holds(condition, scope);
  if (Object.keys({ ...scope.names, ...scope.values }).length > 0)
    throw new InvalidExpression('placeholders without an expression');
  return true;
}

function scopeOf(item: Item = {}, input: Conditional) {
  const { ExpressionAttributeNames: names = {}, ExpressionAttributeValues: values = {} } = input;
  return { item, names, values };
}
