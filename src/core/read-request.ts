// Reads of the destination Region, as values that one can print; adapters send them as they are.

import type { BatchGetItemInput, GetItemInput, ScanInput } from '@aws-sdk/client-dynamodb';

/** Keys of a BatchGetItem at most. */
export const BATCH_KEYS_MAX = 100;

export type ReadRequest =
  | { readonly operation: 'GetItem'; readonly input: GetItemInput }
  | { readonly operation: 'BatchGetItem'; readonly input: BatchGetItemInput }
  | { readonly operation: 'Scan'; readonly input: ScanInput };
