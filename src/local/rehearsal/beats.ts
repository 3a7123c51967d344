// The heartbeats of a rehearsal: one in each minute of the figures, as the heartbeat function writes them, through the
// faults between the Regions.

import { accessTo, type Credentials, fixedCredentials } from '../../aws/access.ts';
import { dynamoDbReader, readClient } from '../../aws/dynamodb-reader.ts';
import { dynamoDbTwinReader, dynamoDbTwinWriter, writeClient } from '../../aws/dynamodb-table.ts';
import { systemMonotonicMs } from '../../aws/system-clock.ts';
import { heartbeatTurn } from '../../composition/function-lease.ts';
import { otherDirection } from '../../config/directions.ts';
import { heartbeatItemKey } from '../../config/heartbeat-key.ts';
import type { ReplicationConfig } from '../../config/schema.ts';
import { beat, type Turn } from '../../heartbeat/beat.ts';
import type { Clock, TwinReader, TwinWriter } from '../../ports.ts';
import { switchLease } from '../../replicate/lease.ts';
import type { FigureTime } from '../cloudwatch/figure-time.ts';
import type { LocalWorld } from '../run/local-world.ts';

/** Under which the errors of the heartbeat function are in the history. */
export const HEARTBEAT_ERRORS = 'heartbeat Errors';

export interface BeatOptions {
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly time: FigureTime;
  readonly minuteMs: number;
}

/** @returns what ends them, once none is under way. */
export function startBeats(world: LocalWorld, options: BeatOptions): () => Promise<void> {
  const { clock, time, minuteMs } = options;
  const beats = openBeats(world, options);
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();
  const run = async () => {
    while (!stopping.signal.aborted) {
      // Lambda does not wait for the one before.
      const one = beats
        .publish()
        .catch(() => world.history.add(HEARTBEAT_ERRORS, [1], time.now()))
        .finally(() => underWay.delete(one));
      underWay.add(one);
      await clock.sleep(minuteMs);
    }
  };
  const running = run();
  return async () => {
    stopping.abort();
    await running;
    await Promise.all(underWay);
    beats.close();
  };
}

function openBeats(world: LocalWorld, { credentials, clock, time, minuteMs }: BeatOptions) {
  const { replication, source, faults, history, schema } = world;
  const { heartbeat, destination, reservedAttribute } = replication;
  if (heartbeat === undefined) throw new Error(`${replication.name} has no heartbeat`);
  const access = accessTo(
    { ...destination, endpoint: faults.endpoint },
    fixedCredentials(credentials),
  );
  const [reading, copies] = [readClient(access), writeClient({ ...access, concurrency: 1 })];
  const keyAttributes = [schema.partitionKey, schema.sortKey].flatMap((key) => key?.name ?? []);
  const writer = dynamoDbTwinWriter(source.client);
  const readers = {
    source: dynamoDbTwinReader(source.client),
    destination: dynamoDbTwinReader(copies),
  };
  const context = {
    key: heartbeatItemKey(heartbeat),
    source: dynamoDbReader(source.client, { table: replication.source.table, keyAttributes }),
    twin: dynamoDbReader(reading, { table: destination.table, keyAttributes }),
    table: replication.source.table,
    writer,
    clock,
    periodMs: minuteMs,
    reservedAttribute,
    turn: replication.switching && turnOf(replication, { readers, writer, clock }),
  };
  return {
    async publish() {
      const ageMs = await beat(context);
      for (const name of ['OldestUnappliedAge', 'HeartbeatAge'])
        history.add(name, time.stretched(name, [ageMs]), time.now());
    },
    close() {
      reading.destroy();
      copies.destroy();
    },
  };
}

interface Turns {
  readonly readers: Readonly<Record<'source' | 'destination', TwinReader>>;
  readonly writer: TwinWriter;
  readonly clock: Clock;
}

function turnOf(
  replication: ReplicationConfig,
  { readers, writer, clock }: Turns,
): () => Promise<Turn> {
  const { region } = replication.source;
  const placeOf = ({ name, stateTable }: ReplicationConfig, reader: TwinReader) => ({
    rules: { replication: name, stateTable },
    reader,
  });
  const lease = switchLease({
    copies: {
      source: placeOf(otherDirection(replication), readers.source),
      destination: placeOf(replication, readers.destination),
    },
    region,
    clock,
    monotonicMs: systemMonotonicMs,
  });
  return () => heartbeatTurn(lease, region, writer);
}
