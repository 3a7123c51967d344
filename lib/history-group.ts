// The log group of the history: each run of a command that changes data leaves a line in it.

import { RemovalPolicy } from 'aws-cdk-lib';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { HISTORY_DAYS, historyGroup } from '../src/config/names.ts';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { customerKey } from './customer-keys.ts';

/**
 * It outlives its stack, because the last run, `ferry teardown --apply`, comes after that. Only a first deployment that
 * fails takes the empty group back, so that its name is free for the next one.
 */
export function createHistoryGroup(scope: Construct, replication: ReplicationConfig): LogGroup {
  const encryptionKey = customerKey(scope, replication, 'logGroups', 'History');
  return new LogGroup(scope, 'History', {
    logGroupName: historyGroup(replication.name),
    ...(encryptionKey && { encryptionKey }),
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- CloudWatch Logs offers this number
    retention: HISTORY_DAYS as RetentionDays,
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  });
}
