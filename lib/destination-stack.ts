// The destination Region of one replication: Ferry's state table and, where the configuration says
// so, the twin itself. The source stack knows both by name; no value crosses from stack to stack.

import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/config.ts';
import { keyOf } from '../src/config/encryption-keys.ts';
import { LEDGER_ATTRIBUTES } from '../src/config/names.ts';
import { createConfiguredTable, createProtectedTable } from './dynamodb-table.ts';
import { fit, STACK_DESCRIPTION_MAX } from './fit.ts';

export interface DestinationStackProps {
  readonly replication: ReplicationConfig;
}

export class DestinationStack extends Stack {
  constructor(scope: Construct, id: string, { replication }: DestinationStackProps) {
    const { name, source, destination, stateTable } = replication;
    super(scope, id, {
      env: { region: destination.region },
      description: fit(
        `Ferry ${name}: the twin of ${source.table} (${source.region}), and its state`,
        STACK_DESCRIPTION_MAX,
      ),
    });

    // Tombstones outlive the stack: without them, a late redrive could bring deleted items back.
    createProtectedTable(this, 'StateTable', {
      tableName: stateTable,
      partitionKey: { name: LEDGER_ATTRIBUTES.id, type: 'S' },
      timeToLiveAttribute: LEDGER_ATTRIBUTES.expiresAt,
      kmsKeyArn: keyOf(replication, 'stateTable'),
    });
    if (destination.create) createConfiguredTable(this, 'TwinTable', destination);
  }
}
