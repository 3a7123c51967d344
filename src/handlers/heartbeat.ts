// Lambda's entry for heartbeats, called every minute: writes the heartbeat item to the source, and publishes how far
// behind its twin is.

import { dynamoDbReader, readClient } from '../aws/dynamodb-reader.ts';
import { dynamoDbTwinWriter, writeClient } from '../aws/dynamodb-table.ts';
import { writeMetrics } from '../aws/emf-metrics.ts';
import { systemClock } from '../aws/system-clock.ts';
import { functionSides } from '../composition/function-access.ts';
import { metricsOf } from '../composition/function-output.ts';
import { openOnce } from '../composition/open-once.ts';
import { readDeployment } from '../config/function-variable.ts';
import { heartbeatItemKey } from '../config/heartbeat-key.ts';
import { HEARTBEAT_PERIOD_MS } from '../config/names.ts';
import { beat } from '../heartbeat/beat.ts';

const parts = openOnce(async () => {
  const { replication } = readDeployment(process.env);
  const { name, source, destination, heartbeat, reservedAttribute } = replication;
  if (heartbeat === undefined) throw new Error(`${name} has no heartbeat`);
  const key = heartbeatItemKey(heartbeat);
  const keyAttributes = Object.keys(key);
  const sides = await functionSides(replication, process.env);
  const context = {
    key,
    source: dynamoDbReader(readClient(sides.source), { table: source.table, keyAttributes }),
    twin: dynamoDbReader(readClient(sides.destination), {
      table: destination.table,
      keyAttributes,
    }),
    table: source.table,
    writer: dynamoDbTwinWriter(writeClient({ ...sides.source, concurrency: 1 })),
    clock: systemClock,
    periodMs: HEARTBEAT_PERIOD_MS,
    reservedAttribute,
  };
  return { context, metrics: metricsOf(replication) };
});

/** @throws what a request throws: Lambda counts it as an error of the function. */
export async function handler(): Promise<void> {
  const { context, metrics } = await parts();
  const ageMs = Math.round(await beat(context));
  // The first counts among the ages of all records, the second has an alarm of its own.
  writeMetrics({ OldestUnappliedAge: ageMs, HeartbeatAge: ageMs }, metrics);
}
