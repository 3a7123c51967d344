// The DynamoDB tables that the app creates, in either Region, all with the same safe defaults:
// they survive their stack, and a slip of the hand can neither delete nor overwrite them for good.

import { RemovalPolicy } from 'aws-cdk-lib';
import {
  type Attribute,
  AttributeType,
  Billing,
  type StreamViewType,
  TableEncryptionV2,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import type { KeyAttribute, TableConfig } from '../src/config.ts';
import { UsageError } from '../src/errors.ts';

export interface ProtectedTableProps {
  readonly tableName: string;
  readonly partitionKey: KeyAttribute;
  /** @default - the partition key alone is the key */
  readonly sortKey?: KeyAttribute;
  /** @default - items do not expire */
  readonly timeToLiveAttribute?: string;
  /** @default - the table has no stream */
  readonly dynamoStream?: StreamViewType;
}

const ATTRIBUTE_TYPES: Readonly<Record<KeyAttribute['type'], AttributeType>> = {
  S: AttributeType.STRING,
  N: AttributeType.NUMBER,
  B: AttributeType.BINARY,
};

/** An on-demand table with point-in-time recovery, an AWS managed key and deletion protection. */
export function createProtectedTable(
  scope: Construct,
  id: string,
  { partitionKey, sortKey, ...props }: ProtectedTableProps,
): TableV2 {
  return new TableV2(scope, id, {
    ...props,
    partitionKey: attribute(partitionKey),
    ...(sortKey && { sortKey: attribute(sortKey) }),
    billing: Billing.onDemand(),
    encryption: TableEncryptionV2.awsManagedKey(),
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
}

/** The table that a configuration with `"create": true` describes. */
export function createConfiguredTable(
  scope: Construct,
  id: string,
  { table, partitionKey, sortKey }: TableConfig,
  options: Pick<ProtectedTableProps, 'dynamoStream'> = {},
): TableV2 {
  if (partitionKey === undefined) {
    throw new UsageError(`Table ${table} cannot be created without a partition key.`, {
      code: 'config.invalid',
      hint: 'Give the table a "partitionKey", or set "create" to false to use an existing one.',
    });
  }
  return createProtectedTable(scope, id, {
    tableName: table,
    partitionKey,
    ...(sortKey && { sortKey }),
    ...options,
  });
}

function attribute({ name, type }: KeyAttribute): Attribute {
  return { name, type: ATTRIBUTE_TYPES[type] };
}
