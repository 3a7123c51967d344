// The DynamoDB tables that the app creates, in either Region, all with the same safe defaults:
// they survive their stack, and a slip of the hand can neither delete nor overwrite them for good.

import { RemovalPolicy } from 'aws-cdk-lib';
import {
  type Attribute,
  AttributeType,
  Billing,
  StreamViewType,
  TableEncryptionV2,
  type TablePropsV2,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import type { KeyAttribute, TableConfig } from '../src/config/schema.ts';
import { UsageError } from '../src/errors.ts';

/** Ferry writes whole items. Only where a projection may leave items out, it must see what an item was. */
export function sourceStream(isFiltered = false): StreamViewType {
  return isFiltered ? StreamViewType.NEW_AND_OLD_IMAGES : StreamViewType.NEW_IMAGE;
}

type Optional = Pick<TablePropsV2, 'sortKey' | 'timeToLiveAttribute' | 'dynamoStream'>;

interface ProtectedTableProps extends Optional {
  readonly tableName: string;
  readonly partitionKey: Attribute;
  /** @default - an AWS managed key */
  readonly kmsKeyArn?: string | undefined;
}

const ATTRIBUTE_TYPES: Readonly<Record<KeyAttribute['type'], AttributeType>> = {
  S: AttributeType.STRING,
  N: AttributeType.NUMBER,
  B: AttributeType.BINARY,
};

/** An on-demand table with point-in-time recovery, encryption by a key of KMS and deletion protection. */
export function createProtectedTable(
  scope: Construct,
  id: string,
  { kmsKeyArn, ...props }: ProtectedTableProps,
): TableV2 {
  const encryption =
    kmsKeyArn === undefined
      ? TableEncryptionV2.awsManagedKey()
      : TableEncryptionV2.customerManagedKey(Key.fromKeyArn(scope, `${id}Key`, kmsKeyArn));
  return new TableV2(scope, id, {
    ...props,
    billing: Billing.onDemand(),
    encryption,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
}

/** The table that a configuration with `"create": true` describes. */
export function createConfiguredTable(
  scope: Construct,
  id: string,
  { table, partitionKey, sortKey, kmsKeyArn }: TableConfig,
  options: Omit<Optional, 'sortKey'> = {},
): TableV2 {
  if (partitionKey === undefined) {
    throw new UsageError(`Table ${table} cannot be created without a partition key.`, {
      code: 'config.invalid',
      hint: 'Give the table a "partitionKey", or set "create" to false to use an existing one.',
    });
  }
  return createProtectedTable(scope, id, {
    tableName: table,
    partitionKey: attribute(partitionKey),
    ...(sortKey && { sortKey: attribute(sortKey) }),
    kmsKeyArn,
    ...options,
  });
}

function attribute({ name, type }: KeyAttribute): Attribute {
  return { name, type: ATTRIBUTE_TYPES[type] };
}
