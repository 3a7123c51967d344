// Lambda's entry for announced deletes, called with messages of the look-again queue whose delay is over.

import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { Access } from '../aws/access.ts';
import { dynamoDbTwinReader, dynamoDbTwinWriter, writeClient } from '../aws/dynamodb-table.ts';
import { writeMetrics } from '../aws/emf-metrics.ts';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { functionSides } from '../composition/function-access.ts';
import { logLine as log, metricsOf } from '../composition/function-output.ts';
import { openOnce } from '../composition/open-once.ts';
import { writeRules } from '../composition/write-rules.ts';
import { readDeployment } from '../config/function-variable.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { lookAgain } from '../look-again/look-again.ts';
import type { TwinReader } from '../ports.ts';

const CONCURRENCY = 64;

const parts = openOnce(async () => {
  const { replication } = readDeployment(process.env);
  const { source, destination } = await functionSides(replication, process.env);
  const client = writeClient({ ...destination, concurrency: CONCURRENCY });
  const [twinWriter, twinReader] = [dynamoDbTwinWriter(client), dynamoDbTwinReader(client)];
  const rules = writeRules(replication);
  const lease = replication.switching && (await leaseOf(replication, source, twinReader));
  const base = { rules, twinWriter, twinReader, clock: systemClock, random: systemRandom, log };
  return { context: { ...base, lease }, metrics: metricsOf(replication) };
});

async function leaseOf(replication: ReplicationConfig, access: Access, destination: TwinReader) {
  const { functionLease } = await import('../composition/function-lease.ts');
  const source = dynamoDbTwinReader(writeClient({ ...access, concurrency: 1 }));
  return functionLease(replication, { source, destination }).lease;
}

export async function handler(event: SQSEvent, invocation: Context): Promise<SQSBatchResponse> {
  const { context, metrics } = await parts();
  const { failed, revenants } = await lookAgain(event.Records, {
    ...context,
    remainingMs: () => invocation.getRemainingTimeInMillis(),
  });
  writeMetrics({ Revenants: revenants }, metrics);
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
}
