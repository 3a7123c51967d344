// One replication of a process, opened: its stream, what applies its records, its rows in the ledger, and heartbeats.

import type { Sides } from '../aws/access.ts';
import { dynamoDbReader, readClient } from '../aws/dynamodb-reader.ts';
import { dynamoDbTwinWriter, writeClient } from '../aws/dynamodb-table.ts';
import { namingFailures } from '../aws/named-failures.ts';
import { backgroundClock, systemMonotonicMs, systemRandom } from '../aws/system-clock.ts';
import { heartbeatItemKey } from '../config/heartbeat-key.ts';
import { functionName, HEARTBEAT_PERIOD_MS } from '../config/names.ts';
import type { HeartbeatConfig, ReplicationConfig } from '../config/schema.ts';
import { namedError } from '../errors.ts';
import type { Log } from '../ports.ts';
import { replicateKinesisBatch } from '../replicate/kinesis-batch.ts';
import { replicateBatch, type Replicator } from '../replicate/replicate-batch.ts';
import type { OpenReplication } from '../run/carry.ts';
import type { ReplicationHealth } from '../run/health.ts';
import { ledgerLease, ledgerPositions, ledgerSource } from '../run/ledger-rows.ts';
import { ownBeats } from '../run/own-beats.ts';
import { quiet } from '../run/quiet.ts';
import { sourceToRead } from '../run/source.ts';
import { startConsumer } from '../stream/consumer.ts';
import type { TrimmedPosition } from '../stream/context.ts';
import type { StreamEvent } from '../stream/event-record.ts';
import type { Environment } from './keyring.ts';
import { operatorProjection } from './open-projection.ts';
import { operatorSides } from './operator-access.ts';
import { openReplicator, openTwin } from './replicator.ts';
import type { RunMetrics } from './run-metrics.ts';
import type { RunPlaces } from './run-places.ts';
import { openReader, sourceArnNow } from './run-source.ts';

export interface RunReplicatorSetup {
  readonly replication: ReplicationConfig;
  readonly environment: Environment;
  readonly openPlaces: (sides: Sides) => Promise<RunPlaces>;
  readonly openMetrics: (sides: Sides) => RunMetrics;
  readonly health: ReplicationHealth;
  readonly log: Log;
  readonly stop: AbortSignal;
}

interface Opened extends RunReplicatorSetup {
  readonly sides: Sides;
  readonly places: RunPlaces;
  readonly metrics: RunMetrics;
  /** Called once, in the end. */
  readonly closing: Array<() => void>;
}

/** So long after `stop`, a batch that is under way is answered: what is not applied by then is delivered again. */
const STOP_MS = 8_000;
/** Lambda's base rate. DynamoDB and Kinesis allow five reads a second. */
const READ_INTERVAL_MS = 250;
/** The lease must not wait for a socket behind the writes of a batch. */
const LEDGER_CONCURRENCY = 4;
const HOUR_MS = 3_600_000;
const ADOPTION_MS = 60_000;

/** @throws FerryError or UsageError where something that it needs is missing, or what a request throws. */
export async function openRunReplicator(setup: RunReplicatorSetup): Promise<OpenReplication> {
  const { replication, environment } = setup;
  // As itself, and not as the role of operators.
  const own = { ...replication, operatorRole: false };
  const sides = await operatorSides(own, { apply: true, environment });
  const current = await sourceArnNow(replication, sides);
  const places = await setup.openPlaces(sides);
  const closing = [() => places.close()];
  const close = () => {
    for (const one of closing.splice(0)) one();
  };
  try {
    const opened = { ...setup, sides, places, metrics: setup.openMetrics(sides), closing };
    const beat = replication.heartbeat && openBeats(replication.heartbeat, opened);
    return { ...(await openStart(current, opened)), beat, close };
  } catch (error) {
    close();
    throw error;
  }
}

async function openStart(
  current: string,
  opened: Opened,
): Promise<Pick<OpenReplication, 'leaseRow' | 'start'>> {
  const { replication, environment, sides, metrics, health, log, places, closing } = opened;
  const clock = backgroundClock;
  const replicator = await openParts(current, opened);
  const { rules } = replicator;
  closing.push(() => replicator.close());
  const ledger = { httpClient: replication.function.httpClient, concurrency: LEDGER_CONCURRENCY };
  const twin = await openTwin(ledger, sides.destination, environment);
  closing.push(() => twin.close());
  const access = { reader: twin.twinReader, writer: twin.twinWriter, clock, random: systemRandom };
  const [leaseRow, sourceRow] = [ledgerLease(rules, access), ledgerSource(rules, access)];
  // A missing state table, or a denied request, is noticed now.
  await leaseRow.read();
  await adoptFirst(current, replicator);
  const onTrimmed = ({ shardId, after = 'its beginning' }: TrimmedPosition) => {
    health.trimmed();
    metrics.add({ TrimmedPositions: 1 });
    log({ event: 'position.trimmed', shardId, after });
  };
  return {
    leaseRow: quiet(leaseRow),
    async start(fence) {
      const sourceArn = await sourceToRead(sourceRow, current, fence);
      const { reader, streamArn, close } = openReader(sourceArn, sides);
      const { kinesisRetentionHours = 24 } = replication.source;
      const consumer = startConsumer({
        reader: quiet(reader),
        streamArn,
        functionArn: functionName(replication.name),
        invoke: invoking(replicator, opened),
        // As the deployed mapping has it.
        settings: { ...replication.eventSource, bisectBatchOnFunctionError: true },
        clock,
        random: systemRandom,
        onFailure: (document) => quiet(places).keep(document),
        onProblem: (problem) => log({ event: 'stream.problem', problem }),
        positions: quiet(ledgerPositions({ ...rules, sourceArn }, fence, access)),
        readIntervalMs: READ_INTERVAL_MS,
        retentionMs: kinesisRetentionHours * HOUR_MS,
        onTrimmed,
      });
      return {
        consumer,
        close,
        async leave() {
          const next = await sourceArnNow(replication, sides);
          if (next === sourceArn) return;
          // What was written between the two is in neither. Said first: a crash must not hide it.
          onTrimmed({ shardId: 'all', after: sourceArn });
          await sourceRow.write(next, fence);
        },
      };
    },
  };
}

async function openParts(streamArn: string, opened: Opened) {
  const { replication, environment, sides, places, metrics, health, log } = opened;
  const own = {
    sides,
    log,
    projection: await operatorProjection(replication, sides.source),
    deadLetters: quiet(places.deadLetters),
    metrics: {
      publish(summary: Parameters<RunMetrics['publish']>[0]) {
        if (summary.held > 0) health.heldRecords(systemMonotonicMs());
        metrics.publish(summary);
      },
    },
  };
  const deployment = { replication, streamArn, deadLetterQueueUrl: '', onFailureBucket: '' };
  return openReplicator(deployment, environment, own);
}

/** Only a state table without any row lets a stream be adopted: before the lease and positions have theirs. */
async function adoptFirst(sourceArn: string, { control }: Replicator): Promise<void> {
  const untilMs = systemMonotonicMs() + ADOPTION_MS;
  const admission = await control.admit(new Set([sourceArn]), () => untilMs - systemMonotonicMs());
  if (admission.kind === 'held' && admission.failure !== undefined)
    throw namedError(admission.failure.name, admission.why);
}

function invoking(
  replicator: Replicator,
  { replication, stop }: Opened,
): (event: StreamEvent) => Promise<unknown> {
  const replicate =
    replication.source.kinesisStreamArn === undefined ? replicateBatch : replicateKinesisBatch;
  let stopAtMs = Infinity;
  stop.addEventListener('abort', () => (stopAtMs = systemMonotonicMs() + STOP_MS), { once: true });
  return ({ Records: records }) => {
    const untilMs = systemMonotonicMs() + replication.function.timeoutSeconds * 1000;
    const remainingMs = () => Math.min(untilMs, stopAtMs) - systemMonotonicMs();
    return replicate(records, { ...replicator, remainingMs });
  };
}

function openBeats(heartbeat: HeartbeatConfig, opened: Opened): () => Promise<void> {
  const { replication, sides, metrics, closing } = opened;
  const { source, destination, reservedAttribute } = replication;
  const key = heartbeatItemKey(heartbeat);
  const keyAttributes = Object.keys(key);
  const reads = { source: readClient(sides.source), twin: readClient(sides.destination) };
  const writes = namingFailures(writeClient({ ...sides.source, concurrency: 1 }));
  const beat = ownBeats({
    key,
    source: dynamoDbReader(reads.source, { table: source.table, keyAttributes }),
    twin: dynamoDbReader(reads.twin, { table: destination.table, keyAttributes }),
    table: source.table,
    writer: dynamoDbTwinWriter(writes),
    clock: backgroundClock,
    periodMs: HEARTBEAT_PERIOD_MS,
    reservedAttribute,
  });
  for (const client of [reads.source, reads.twin, writes]) closing.push(() => client.destroy());
  return async () => {
    const ageMs = Math.round(await beat());
    metrics.add({ OldestUnappliedAge: ageMs, HeartbeatAge: ageMs });
  };
}
