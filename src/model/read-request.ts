// Reads of the destination Region, as values that one can print; adapters send them as they are.

import type { BatchGetItemInput, GetItemInput, ScanInput } from '@aws-sdk/client-dynamodb';
import type { Item } from './attribute-value.ts';

/** Keys of a BatchGetItem at most. */
export const BATCH_KEYS_MAX = 100;

export type ReadRequest =
  | { readonly operation: 'GetItem'; readonly input: GetItemInput }
  | { readonly operation: 'BatchGetItem'; readonly input: BatchGetItemInput }
  | { readonly operation: 'Scan'; readonly input: ScanInput };

/** One item, consistently read. */
export function itemRequest(table: string, key: Item): ReadRequest {
  return { operation: 'GetItem', input: { TableName: table, Key: key, ConsistentRead: true } };
}

export interface ManyKeys {
  readonly table: string;
  /** At most 100, all different. */
  readonly keys: readonly Item[];
  /** Of each item. @default all */
  readonly attributes?: readonly string[] | undefined;
  /** @default true */
  readonly isConsistent?: boolean;
}

/** Several items, each read by itself. */
export function itemsRequest({
  table,
  keys,
  attributes,
  isConsistent = true,
}: ManyKeys): Extract<ReadRequest, { operation: 'BatchGetItem' }> {
  return {
    operation: 'BatchGetItem',
    input: {
      RequestItems: {
        [table]: { Keys: [...keys], ConsistentRead: isConsistent, ...projection(attributes) },
      },
    },
  };
}

function projection(attributes: readonly string[] | undefined) {
  if (attributes === undefined) return {};
  const names = attributes.map((name, index) => [`#a${index}`, name] as const);
  return {
    ProjectionExpression: names.map(([placeholder]) => placeholder).join(', '),
    ExpressionAttributeNames: Object.fromEntries(names),
  };
}
