// What DynamoDB's refusals of Ferry's writes mean, by whatever client they come.

import type { Item } from '../../model/attribute-value.ts';
import type { WriteRequest } from '../../model/write-request.ts';
import type { WriteReply } from '../../ports.ts';

/** The condition of a single write did not hold. */
export function refusal(operation: WriteRequest['operation'], item: Item | undefined): WriteReply {
  return { kind: 'refused', by: operation === 'UpdateItem' ? 'ledger-row' : 'item', item };
}

export interface CancellationPart {
  readonly Code?: string | undefined;
  readonly Message?: string | undefined;
  readonly Item?: Item | undefined;
}

/** What the single requests of a transaction would have thrown, by the code that it gives as reason. */
const CANCELLATIONS: Readonly<Record<string, string>> = {
  ItemCollectionSizeLimitExceeded: 'ItemCollectionSizeLimitExceededException',
  TransactionConflict: 'TransactionConflictException',
  ProvisionedThroughputExceeded: 'ProvisionedThroughputExceededException',
  ThrottlingError: 'ThrottlingException',
  ValidationError: 'ValidationException',
};

/** From the API reference of `TransactionCanceledException`. */
export const CANCELLATION_CODES: ReadonlySet<string> = new Set([
  'None',
  'ConditionalCheckFailed',
  ...Object.keys(CANCELLATIONS),
]);

/**
 * Ferry's transactions have two parts: the put of the item, and a check of its ledger row.
 * @param error what the service said; thrown where it is no refusal.
 */
export function cancellation(parts: readonly CancellationPart[], error: Error): WriteReply {
  const other = parts.find(
    ({ Code = 'None' }) => Code !== 'None' && Code !== 'ConditionalCheckFailed',
  );
  if (other !== undefined) {
    const name = CANCELLATIONS[other.Code ?? ''] ?? error.name;
    throw Object.assign(new Error(other.Message ?? error.message, { cause: error }), { name });
  }
  const [item, ledgerRow] = parts.map(({ Code }) => Code === 'ConditionalCheckFailed');
  if (ledgerRow === true) return { kind: 'refused', by: 'ledger-row', item: parts[1]?.Item };
  if (item === true) return { kind: 'refused', by: 'item', item: parts[0]?.Item };
  throw error;
}
