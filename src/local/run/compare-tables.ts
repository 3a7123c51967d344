// The two tables of a local world, compared as `ferry verify` would do it.

import { dynamoDbReader } from '../../aws/dynamodb-reader.ts';
import { verify, type VerifyReport } from '../../verify/verify.ts';
import type { Clock } from '../../ports.ts';
import { projectedTable } from '../../projection/projected-table.ts';
import type { LocalRegion } from '../engine/local-region.ts';
import type { LocalWorld } from './local-world.ts';

/** Between two looks: on one machine, a record arrives in a fraction of it. */
const SETTLE_MS = 1_000;

export function compareTables(
  world: Pick<LocalWorld, 'source' | 'destination' | 'schema' | 'replication' | 'projection'>,
  clock: Clock,
): Promise<VerifyReport> {
  const { source, destination, schema, replication, projection } = world;
  const keyAttributes = [schema.partitionKey, schema.sortKey].flatMap((key) => key?.name ?? []);
  const reader = (region: LocalRegion, table: string) =>
    dynamoDbReader(region.client, { table, keyAttributes });
  const rules = { reservedAttribute: replication.reservedAttribute, projection };
  const ignored = () => undefined;
  const context = {
    source: projectedTable(reader(source, replication.source.table), rules),
    destination: reader(destination, replication.destination.table),
    rules,
    clock,
    settleMs: SETTLE_MS,
    // It is over in a moment, and the answer is what the run was for.
    stop: new AbortController().signal,
    onDifference: ignored,
    onInFlight: ignored,
    onUnreadable: ignored,
  };
  return verify(context, { segments: [0], totalSegments: 1, workers: 1, onProgress: ignored });
}
