// The log group of a function or a state machine: made here, so that its life is limited from the first
// line on, and gone with its stack.

import { RemovalPolicy } from 'aws-cdk-lib';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { customerKey } from './customer-key.ts';

export function createLogGroup(
  scope: Construct,
  id: string,
  { logGroupName, replication }: { logGroupName: string; replication: ReplicationConfig },
): LogGroup {
  const encryptionKey = customerKey(scope, replication, 'logGroups', id);
  return new LogGroup(scope, id, {
    logGroupName,
    ...(encryptionKey && { encryptionKey }),
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the schema lists the valid days
    retention: replication.function.logRetentionDays as RetentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
  });
}
