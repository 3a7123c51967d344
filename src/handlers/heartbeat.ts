// Lambda's entry for heartbeats, called every minute: writes the heartbeat item to the source, and publishes how far
// behind its twin is.

import { dynamoDbReader, readClient } from '../aws/dynamodb-reader.ts';
import type { Access, Sides } from '../aws/access.ts';
import { dynamoDbTwinReader, dynamoDbTwinWriter, writeClient } from '../aws/dynamodb-table.ts';
import { writeMetrics } from '../aws/emf-metrics.ts';
import { systemClock } from '../aws/system-clock.ts';
import { functionSides } from '../composition/function-access.ts';
import { metricsOf } from '../composition/function-output.ts';
import { openOnce } from '../composition/open-once.ts';
import { readDeployment } from '../config/function-variable.ts';
import { heartbeatItemKey } from '../config/heartbeat-key.ts';
import { HEARTBEAT_PERIOD_MS } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { beat, type Turn } from '../heartbeat/beat.ts';
import type { TwinWriter } from '../ports.ts';

const parts = openOnce(async () => {
  const { replication } = readDeployment(process.env);
  const { name, source, destination, heartbeat, reservedAttribute } = replication;
  if (heartbeat === undefined) throw new Error(`${name} has no heartbeat`);
  const key = heartbeatItemKey(heartbeat);
  const keyAttributes = Object.keys(key);
  const sides = await functionSides(replication, process.env);
  const writer = dynamoDbTwinWriter(writeClient({ ...sides.source, concurrency: 1 }));
  const context = {
    key,
    source: dynamoDbReader(readClient(sides.source), { table: source.table, keyAttributes }),
    twin: dynamoDbReader(readClient(sides.destination), {
      table: destination.table,
      keyAttributes,
    }),
    table: source.table,
    writer,
    clock: systemClock,
    periodMs: HEARTBEAT_PERIOD_MS,
    reservedAttribute,
    turn: await turnOf(replication, sides, writer),
  };
  return { context, metrics: metricsOf(replication) };
});

async function turnOf(
  replication: ReplicationConfig,
  sides: Sides,
  writer: TwinWriter,
): Promise<(() => Promise<Turn>) | undefined> {
  // Where both tables are written, each direction has a heartbeat of its own: a version in it says nothing.
  if (replication.twoWay !== undefined) return async () => ({ isActive: true, writer });
  if (replication.switching === undefined) return undefined;
  const { functionLease, heartbeatTurn } = await import('../composition/function-lease.ts');
  const readerOf = (side: Access) => dynamoDbTwinReader(writeClient({ ...side, concurrency: 1 }));
  const readers = { source: readerOf(sides.source), destination: readerOf(sides.destination) };
  const { lease } = functionLease(replication, readers);
  return () => heartbeatTurn(lease, replication.source.region, writer);
}

/** @throws what a request throws: Lambda counts it as an error of the function. */
export async function handler(): Promise<void> {
  const { context, metrics } = await parts();
  const ageMs = Math.round(await beat(context));
  // The first counts among the ages of all records, the second has an alarm of its own.
  writeMetrics({ OldestUnappliedAge: ageMs, HeartbeatAge: ageMs }, metrics);
}
