// Lambda's entry for heartbeats, called every minute: writes the heartbeat item to the source, and tells how
// far behind its twin is.

import { dynamoDbReader, readClient } from '../aws/dynamodb-reader.ts';
import { dynamoDbTwinWriter, writeClient } from '../aws/dynamodb-table.ts';
import { writeMetrics } from '../aws/emf-metrics.ts';
import { systemClock } from '../aws/system-clock.ts';
import { heartbeatKey, parseConfig } from '../config/config.ts';
import { HEARTBEAT_ENVIRONMENT, HEARTBEAT_PERIOD_MS } from '../config/names.ts';
import { beat } from '../heartbeat/beat.ts';

const { replications } = parseConfig({
  replications: [JSON.parse(process.env[HEARTBEAT_ENVIRONMENT.replication] ?? '{}') as object],
});
const [{ name, source, destination, heartbeat }] = replications as [(typeof replications)[number]];
if (heartbeat === undefined) throw new Error(`${name} has no heartbeat`);
const key = heartbeatKey(heartbeat);
const keyAttributes = Object.keys(key);
const context = {
  key,
  source: dynamoDbReader(readClient(source), { table: source.table, keyAttributes }),
  twin: dynamoDbReader(readClient(destination), { table: destination.table, keyAttributes }),
  table: source.table,
  writer: dynamoDbTwinWriter(writeClient({ ...source, concurrency: 1 })),
  clock: systemClock,
  periodMs: HEARTBEAT_PERIOD_MS,
};
const metrics = {
  settings: {
    replication: name,
    sourceRegion: source.region,
    destinationRegion: destination.region,
  },
  clock: systemClock,
  writeLine: (line: string) => {
    process.stdout.write(`${line}\n`);
  },
};

/** @throws what a request throws: Lambda counts it as an error of the function. */
export async function handler(): Promise<void> {
  const ageMs = Math.round(await beat(context));
  // The first counts among the ages of all records, the second rings for heartbeats alone.
  writeMetrics({ OldestUnappliedAge: ageMs, HeartbeatAge: ageMs }, metrics);
}
