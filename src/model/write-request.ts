// What is sent to the destination, as values that can be printed and compared. Adapters send them as they are.

import type {
  DeleteItemInput,
  PutItemInput,
  TransactWriteItemsInput,
  UpdateItemInput,
} from '@aws-sdk/client-dynamodb';

export type WriteRequest =
  | { readonly operation: 'PutItem'; readonly input: PutItemInput }
  | { readonly operation: 'DeleteItem'; readonly input: DeleteItemInput }
  | { readonly operation: 'UpdateItem'; readonly input: UpdateItemInput }
  | { readonly operation: 'TransactWriteItems'; readonly input: TransactWriteItemsInput };
