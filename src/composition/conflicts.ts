// What `ferry conflicts` reads and writes: the buckets of both directions, their counts in CloudWatch, and the item of a
// write that is to be restored.

import type { Access } from '../aws/access.ts';
import { serviceSettings } from '../aws/client-settings.ts';
import { cloudWatchClient, readSeries } from '../aws/cloudwatch-metrics.ts';
import { dynamoDbReader, readClient } from '../aws/dynamodb-reader.ts';
import { dynamoDbTwinReader, dynamoDbTwinWriter, writeClient } from '../aws/dynamodb-table.ts';
import { namingFailures } from '../aws/named-failures.ts';
import { LEDGER_ATTRIBUTES, METRIC_NAMESPACE } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { FoundLoser, LoserPlace } from '../merge/kept-losers.ts';
import { type BySide, type MergeSide, otherSide } from '../merge/sides.ts';
import type { Origin } from '../model/rules.ts';
import { retry, type RetryContext } from '../pacing/retry.ts';
import type { ItemReader } from '../ports.ts';
import { destinationHealth } from '../replicate/destination-health.ts';
import { requireOpenEpoch } from './control.ts';
import { type OpenBucket, openFailureBucket } from './failure-bucket.ts';
import type { MergeDirection } from './merge.ts';
import { writeRules } from './write-rules.ts';

type Directions = BySide<MergeDirection>;

export interface OpenLosers {
  readonly places: readonly LoserPlace[];
  close(): void;
}

/** @throws FerryError `deployment.missing` where a direction is not deployed. */
export async function openLosers(directions: Directions): Promise<OpenLosers> {
  const opened: OpenBucket[] = [];
  const close = () => {
    for (const one of opened) one.close();
  };
  const open = async (side: Origin): Promise<LoserPlace> => {
    const { replication, sides } = directions[side];
    const one = await openFailureBucket(sides.source, replication.name);
    opened.push(one);
    return { side, replication: replication.name, bucket: one.bucket };
  };
  try {
    return { places: [await open(1), await open(2)], close };
  } catch (error) {
    close();
    throw error;
  }
}

export interface ConflictSums {
  readonly conflicts: number;
  readonly strays: number;
}

const HOUR_MS = 3_600_000;

/** By the side at which they have lost. */
export async function conflictSums(
  directions: Directions,
  span: { readonly fromMs: number; readonly toMs: number },
): Promise<BySide<ConflictSums>> {
  const of = async ({ replication, sides }: MergeDirection) => sumsAt(replication, sides, span);
  return { 1: await of(directions[1]), 2: await of(directions[2]) };
}

async function sumsAt(
  { name, source, destination }: ReplicationConfig,
  sides: { readonly source: Access },
  span: { readonly fromMs: number; readonly toMs: number },
): Promise<ConflictSums> {
  const dimensions = {
    Replication: name,
    SourceRegion: source.region,
    ReceivingRegion: destination.region,
  };
  const query = { namespace: METRIC_NAMESPACE, dimensions, statistic: 'Sum' };
  const queries = ['Conflicts', 'StrayWrites'].map((metric) => ({ ...query, name: metric }));
  const client = cloudWatchClient(serviceSettings(sides.source, 'cloudwatch'));
  try {
    const found = await readSeries(client, queries, { ...span, periodMs: HOUR_MS });
    const [conflicts = 0, strays = 0] = found.map((series) =>
      series.reduce((sum, [, value]) => sum + value, 0),
    );
    return { conflicts, strays };
  } finally {
    client.destroy();
  }
}

/**
 * A write of an epoch that its function does not expect would hold the stream.
 * @throws FerryError `control.unreadable` or `control.epoch`.
 */
export async function requireEpochAt(
  { side }: FoundLoser,
  directions: Directions,
  retries: RetryContext,
): Promise<void> {
  const { replication, sides } = directions[side];
  const client = namingFailures(writeClient({ ...sides.destination, concurrency: 1 }));
  const rules = { ...writeRules(replication), twoWay: replication.twoWay };
  try {
    await requireOpenEpoch({ rules, twinReader: dynamoDbTwinReader(client) }, retries);
  } finally {
    client.destroy();
  }
}

export interface OpenSide {
  readonly side: MergeSide;
  close(): void;
}

/** The side of a write that is to be restored. */
export function openSide(
  { side, loser }: FoundLoser,
  directions: Directions,
  retries: RetryContext,
): OpenSide {
  // What writes to a side is the direction that ends there.
  const { replication, sides } = directions[otherSide(side)];
  const access = sides.destination;
  const rules = writeRules(replication);
  const reads = readClient(access);
  const writer = namingFailures(writeClient({ ...access, concurrency: 1 }));
  const reader = (table: string, keyAttributes: readonly string[]): ItemReader => {
    const found = dynamoDbReader(reads, { table, keyAttributes: [...keyAttributes] });
    return { get: (key) => retry(() => found.get(key), retries) };
  };
  return {
    side: {
      rules,
      table: reader(rules.destinationTable, Object.keys(loser.key)),
      ledger: reader(rules.stateTable, [LEDGER_ATTRIBUTES.id]),
      twinWriter: dynamoDbTwinWriter(writer),
      health: destinationHealth(),
    },
    close() {
      reads.destroy();
      writer.destroy();
    },
  };
}
