// DynamoDB as far as Ferry uses it: conditional writes, transactions with their reasons, reads that are
// consistent or of a moment ago, scans by segment and page, and rows that expire. Tells of everything that
// it has done.

import type { AttributeValue, TransactWriteItemsInput } from '@aws-sdk/client-dynamodb';
import type { ReadRequest } from '../../src/model/read-request.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import type { ReadReply } from '../../src/ports.ts';
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

/** What an eventually consistent read may lack. */
export const STALE_MS_MAX = 1_000;

export interface MemoryDynamoDbOptions {
  readonly tables: Readonly<Record<string, TableSchema>>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Whether a row is due to be removed by DynamoDB itself. */
  readonly isExpired: (table: string, key: string, item: Item) => boolean;
  /** Whether the table will not take an item; nothing, where it is to be deleted. */
  readonly isInvalid: (table: string, name: string, item: Item | undefined) => boolean;
  readonly onChange: (change: Change, cause: unknown) => void;
}

export interface TableSchema {
  /** Whatever tells an item from others, of a key or of the whole item; undefined without a key. */
  readonly nameOf: (item: Item) => string | undefined;
  readonly keyOf: (name: string) => Item;
}

/** A table whose only key attribute is of type S. */
export function tableWith(keyAttribute: string): TableSchema {
  return {
    nameOf: (item) => item[keyAttribute]?.S,
    keyOf: (name) => ({ [keyAttribute]: { S: name } }),
  };
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
  /** Since when something else was there, and what. */
  readonly #earlier = new Map<
    string,
    Array<{ readonly untilMs: number; readonly item?: Item | undefined }>
  >();
  readonly #generations = new Map<string, number>();

  constructor(options: MemoryDynamoDbOptions) {
    this.#options = options;
    for (const table of Object.keys(options.tables)) this.#tables.set(table, new Map());
  }

  /** The table is deleted, and another one created under its name. */
  recreate(table: string): void {
    this.#itemsOf(table).clear();
    this.#generations.set(table, (this.#generations.get(table) ?? 0) + 1);
  }

  tableId(table: string): string {
    this.#itemsOf(table);
    return `${table}-${this.#generations.get(table) ?? 0}`;
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
      if (decision.invalid && cause !== undefined) throw serviceError('ValidationException');
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

  /** As it was so long ago, or a little later. */
  getStale(table: string, key: string, ageMs: number): Item | undefined {
    const thenMs = this.#options.now() - Math.min(ageMs, STALE_MS_MAX);
    const earlier = this.#earlier.get(`${table} ${key}`)?.find(({ untilMs }) => untilMs > thenMs);
    return earlier === undefined ? this.get(table, key) : earlier.item;
  }

  /**
   * @param ageMs of each item that is read without consistency.
   * @param isProcessed whether there is capacity for an item of a batch.
   */
  read(
    { operation, input }: ReadRequest,
    { ageMs, isProcessed }: { readonly ageMs: () => number; readonly isProcessed: () => boolean },
  ): ReadReply {
    switch (operation) {
      case 'GetItem': {
        const table = input.TableName ?? '';
        const name = this.nameOf(table, input.Key);
        const item =
          input.ConsistentRead === true
            ? this.get(table, name)
            : this.getStale(table, name, ageMs());
        return { items: item === undefined ? [] : [projected(item, input)], unprocessed: [] };
      }
      case 'BatchGetItem': {
        const items: Item[] = [];
        const unprocessed: Item[] = [];
        for (const [table, wanted] of Object.entries(input.RequestItems ?? {})) {
          const keys = wanted.Keys ?? [];
          if (keys.length === 0 || keys.length > 100) throw serviceError('ValidationException');
          for (const key of keys) {
            if (!isProcessed()) {
              unprocessed.push(key);
              continue;
            }
            const name = this.nameOf(table, key);
            const item =
              wanted.ConsistentRead === true
                ? this.get(table, name)
                : this.getStale(table, name, ageMs());
            if (item !== undefined) items.push(projected(item, wanted));
          }
        }
        return { items, unprocessed };
      }
      case 'Scan': {
        const items = [...this.#itemsOf(input.TableName ?? '').values()];
        return { items: items.map((item) => projected(item, input)), unprocessed: [] };
      }
    }
  }

  nameOf(table: string, item: Item | undefined): string {
    const name = item && this.#options.tables[table]?.nameOf(item);
    if (name === undefined) throw serviceError('ValidationException');
    return name;
  }

  keyOf(table: string, name: string): Item {
    return this.#options.tables[table]?.keyOf(name) ?? {};
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
    const names = Array.from({ length: GAP_TRIES }, (_, index) =>
      String.fromCodePoint(0x4e_00 + index),
    );
    return names.find((name) => hashOf(name) > from && hashOf(name) < end);
  }

  #remember({ table, key, before }: Change): void {
    const nowMs = this.#options.now();
    const name = `${table} ${key}`;
    const known = this.#earlier.get(name) ?? [];
    const kept = known.filter(({ untilMs }) => untilMs > nowMs - STALE_MS_MAX);
    this.#earlier.set(name, [...kept, { untilMs: nowMs, item: before }]);
  }

  #itemsOf(table: string): Map<string, Item> {
    const items = this.#tables.get(table);
    if (items === undefined) throw serviceError('ResourceNotFoundException');
    return items;
  }

  #decide(request: Exclude<WriteRequest, { operation: 'TransactWriteItems' }>): PartDecision {
    const { operation, input } = request;
    const table = input.TableName ?? '';
    switch (operation) {
      case 'PutItem':
        return this.#checked(table, this.nameOf(table, input.Item), input, input.Item);
      case 'DeleteItem':
        return this.#checked(table, this.nameOf(table, input.Key), input, undefined);
      case 'UpdateItem':
        return this.#updated(table, this.nameOf(table, input.Key), input);
    }
  }

  #checked(table: string, key: string, input: Conditional, after: Item | undefined): PartDecision {
    const before = this.get(table, key);
    const invalid = this.#options.isInvalid(table, key, after);
    const allowed = isAllowed(before, input);
    return { allowed, invalid, told: toldOf(input, before), change: { table, key, before, after } };
  }

  #updated(
    table: string,
    key: string,
    input: Conditional & { UpdateExpression?: string | undefined },
  ): PartDecision {
    const before = this.get(table, key);
    const { allowed, item } = update(
      { set: input.UpdateExpression ?? '', condition: input.ConditionExpression },
      scopeOf(before, input),
    );
    const after = { ...this.keyOf(table, key), ...item };
    const change = { table, key, before, after };
    return { allowed, invalid: false, told: toldOf(input, before), change };
  }

  /** One decision per part. */
  #decideAll({ TransactItems = [] }: TransactWriteItemsInput): PartDecision[] {
    if (TransactItems.length === 0 || TransactItems.length > 100)
      throw serviceError('ValidationException');
    const touched = new Set<string>();
    return TransactItems.map((part) => {
      const { Put, ConditionCheck, Delete, Update } = part;
      const one = Put ?? ConditionCheck ?? Delete ?? Update;
      const table = one?.TableName ?? '';
      const key = this.nameOf(table, Put?.Item ?? (ConditionCheck ?? Delete ?? Update)?.Key);
      if (touched.has(`${table} ${key}`)) throw serviceError('ValidationException');
      touched.add(`${table} ${key}`);
      if (Put !== undefined) return this.#checked(table, key, Put, Put.Item);
      if (Delete !== undefined) return this.#checked(table, key, Delete, undefined);
      if (Update !== undefined) return this.#updated(table, key, Update);
      const before = this.get(table, key);
      const allowed = isAllowed(before, ConditionCheck ?? {});
      return { allowed, invalid: false, told: toldOf(ConditionCheck ?? {}, before) };
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
    this.#remember(change);
    if (change.after === undefined) items.delete(change.key);
    else items.set(change.key, change.after);
    this.#options.onChange(change, cause);
  }
}

/** What a read asks for, of what is there. */
function projected(
  item: Item,
  {
    ProjectionExpression: wanted,
    ExpressionAttributeNames: names = {},
  }: {
    readonly ProjectionExpression?: string | undefined;
    readonly ExpressionAttributeNames?: Record<string, string> | undefined;
  },
): Item {
  if (wanted === undefined) return item;
  const chosen = wanted.split(',').map((name) => names[name.trim()] ?? name.trim());
  return Object.fromEntries(
    chosen.flatMap((name) => {
      const value = item[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
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
