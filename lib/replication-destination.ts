// The destination of a replication in the stack of its Region: Ferry's state table and, if this is asked for, the
// twin itself.

import { Stack } from 'aws-cdk-lib';
import { type Attribute, AttributeType, type TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { keyOf } from '../src/config/encryption-keys.ts';
import { isBackName, LEDGER_ATTRIBUTES } from '../src/config/names.ts';
import { createConfiguredTable, createProtectedTable, sourceStream } from './dynamodb-table.ts';
import type { ConfiguredReplication, DestinationTable } from './replication-props.ts';
import { nameOf, refusal } from './replication-settings.ts';
import { createDestinationRoles, createWriterPolicy } from './writer-role.ts';

export interface ReplicationDestinationProps {
  /** Of the replication. @default - the construct's id, with dashes */
  readonly name?: string;
  /** Of the twin. */
  readonly tableName: string;
  /** The twin's, with the name and the type of the source's; the twin is created then. @default - it exists */
  readonly partitionKey?: Attribute;
  /** @default - the partition key alone is the key */
  readonly sortKey?: Attribute;
  /** Of a twin that is created. @default - its items do not expire */
  readonly timeToLiveAttribute?: string;
  /** Whether a twin that is created is the source of another replication. @default false */
  readonly isSource?: boolean;
  /** Whether the projection of that replication may leave items out: it needs the old images. @default false */
  readonly isFiltered?: boolean;
  /** Of the twin. @default - an AWS managed key */
  readonly encryptionKey?: IKey;
  /** @default - ferry-NAME-state */
  readonly stateTableName?: string;
  /** Of the state table. @default - an AWS managed key */
  readonly stateTableKey?: IKey;
}

/** Both tables are protected: they survive their stack. Pass this as `destination` to a `Replication`. */
export class ReplicationDestination extends Construct implements DestinationTable {
  readonly region: string;
  readonly tableName: string;
  readonly stateTableName: string;
  readonly encryptionKey: IKey | undefined;
  readonly stateTableKey: IKey | undefined;
  /** Tombstones, failure bounds, checkpoints and the control row. */
  readonly stateTable: TableV2;
  /** Undefined where the twin exists already, or is the source that the other direction creates. */
  readonly twin: TableV2 | undefined;

  constructor(
    scope: Construct,
    id: string,
    props:
      | ReplicationDestinationProps
      | (Pick<ConfiguredReplication, 'config'> &
          Pick<ReplicationDestinationProps, 'isSource' | 'isFiltered'>),
  ) {
    super(scope, id);
    const { destination, stateTable, stateKeyArn } =
      'config' in props
        ? { ...props.config, stateKeyArn: keyOf(props.config, 'stateTable') }
        : tablesOf(this, props);
    this.region = destination.region;
    this.tableName = destination.table;
    this.stateTableName = stateTable;
    const { timeToLiveAttribute, ...keys }: Partial<ReplicationDestinationProps> =
      'config' in props ? {} : props;
    this.encryptionKey = keys.encryptionKey;
    this.stateTableKey = keys.stateTableKey;
    // Tombstones outlive the stack: without them, a late redrive could bring deleted items back.
    this.stateTable = createProtectedTable(this, 'StateTable', {
      tableName: stateTable,
      partitionKey: { name: LEDGER_ATTRIBUTES.id, type: AttributeType.STRING },
      timeToLiveAttribute: LEDGER_ATTRIBUTES.expiresAt,
      kmsKeyArn: stateKeyArn,
    });
    this.twin =
      destination.create && !('config' in props && isBackName(props.config.name))
        ? createConfiguredTable(this, 'TwinTable', destination, {
            ...(timeToLiveAttribute && { timeToLiveAttribute }),
            ...(props.isSource === true && { dynamoStream: sourceStream(props.isFiltered) }),
          })
        : undefined;
    if (!('config' in props)) return;
    createDestinationRoles(this, props.config);
    createWriterPolicy(this, props.config);
  }
}

function tablesOf(scope: Construct, props: ReplicationDestinationProps) {
  const { name = nameOf(scope.node.id), tableName, partitionKey, sortKey } = props;
  if (sortKey !== undefined && partitionKey === undefined)
    throw refusal(scope, 'sortKey needs a partitionKey, with which the twin is created.');
  const destination = {
    region: Stack.of(scope).region,
    table: tableName,
    create: partitionKey !== undefined,
    ...(partitionKey && { partitionKey }),
    ...(sortKey && { sortKey }),
    ...(props.encryptionKey && { kmsKeyArn: props.encryptionKey.keyArn }),
  };
  const { stateTableName = `ferry-${name}-state`, stateTableKey } = props;
  return { destination, stateTable: stateTableName, stateKeyArn: stateTableKey?.keyArn };
}
