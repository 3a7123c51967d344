// Lambda's entry for announced deletes, called with messages of the look-again queue whose delay is over.

import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { dynamoDbTwinReader, dynamoDbTwinWriter, writeClient } from '../aws/dynamodb-table.ts';
import { writeMetrics } from '../aws/emf-metrics.ts';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { functionSides } from '../composition/function-access.ts';
import { logLine as log, metricsOf } from '../composition/function-output.ts';
import { openOnce } from '../composition/open-once.ts';
import { writeRules } from '../composition/write-rules.ts';
import { readDeployment } from '../config/function-variable.ts';
import { lookAgain } from '../look-again/look-again.ts';

const CONCURRENCY = 64;

const parts = openOnce(async () => {
  const { replication } = readDeployment(process.env);
  const { destination } = await functionSides(replication, process.env);
  const client = writeClient({ ...destination, concurrency: CONCURRENCY });
  const [twinWriter, twinReader] = [dynamoDbTwinWriter(client), dynamoDbTwinReader(client)];
  const rules = writeRules(replication);
  const context = { rules, twinWriter, twinReader, clock: systemClock, random: systemRandom, log };
  return { context, metrics: metricsOf(replication) };
});

export async function handler(event: SQSEvent, invocation: Context): Promise<SQSBatchResponse> {
  const { context, metrics } = await parts();
  const { failed, revenants } = await lookAgain(event.Records, {
    ...context,
    remainingMs: () => invocation.getRemainingTimeInMillis(),
  });
  writeMetrics({ Revenants: revenants }, metrics);
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
}
