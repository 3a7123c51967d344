// Lambda's entry for announced deletes, called with messages of the look-again queue whose delay is over.

import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { dynamoDbTwinWriter, dynamoDbTwinReader, writeClient } from '../aws/dynamodb-table.ts';
import { writeMetrics } from '../aws/emf-metrics.ts';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import { writeRules } from '../composition/write-rules.ts';
import { parseConfig } from '../config/config.ts';
import { LOOK_AGAIN_ENVIRONMENT } from '../config/names.ts';
import { lookAgain } from '../look-again/look-again.ts';

const { replications } = parseConfig({
  replications: [JSON.parse(process.env[LOOK_AGAIN_ENVIRONMENT.replication] ?? '{}') as object],
});
const [replication] = replications as [(typeof replications)[number]];
const { name, source, destination } = replication;
const client = writeClient({ ...destination, concurrency: 64 });
const writeLine = (line: string) => {
  process.stdout.write(`${line}\n`);
};
const context = {
  rules: writeRules(replication),
  twinWriter: dynamoDbTwinWriter(client),
  twinReader: dynamoDbTwinReader(client),
  clock: systemClock,
  random: systemRandom,
  log: (event: object) => {
    writeLine(JSON.stringify(event));
  },
};
const metrics = {
  settings: {
    replication: name,
    sourceRegion: source.region,
    destinationRegion: destination.region,
  },
  clock: systemClock,
  writeLine,
};

export async function handler(event: SQSEvent, invocation: Context): Promise<SQSBatchResponse> {
  const { failed, revenants } = await lookAgain(event.Records, {
    ...context,
    remainingMs: () => invocation.getRemainingTimeInMillis(),
  });
  writeMetrics({ Revenants: revenants }, metrics);
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
}
