// The two tables of a local world, compared as `ferry verify` would do it.

import { dynamoDbReader } from '../../aws/dynamodb-reader.ts';
import { verify, type VerifyReport } from '../../verify/verify.ts';
import type { TwinRules } from '../../model/rules.ts';
import type { Clock, ReadableTable, ScanPosition } from '../../ports.ts';
import { projectedTable } from '../../projection/projected-table.ts';
import type { LocalRegion } from '../engine/local-region.ts';
import type { LocalWorld } from './local-world.ts';

/** Between two looks: on one machine, a record arrives in a fraction of it. */
const SETTLE_MS = 1_000;

type TablesOfWorld = Pick<
  LocalWorld,
  'source' | 'destination' | 'schema' | 'replication' | 'projection'
>;

export interface TableReport extends VerifyReport {
  /** Items of the source that the projection leaves out. */
  readonly leftOut: number;
}

export async function compareTables(world: TablesOfWorld, clock: Clock): Promise<TableReport> {
  const { destination, replication } = world;
  const source = projectedSource(world);
  let leftOut = 0;
  const ignored = () => undefined;
  const context = {
    source: {
      ...source,
      async scan(position: ScanPosition) {
        const page = await source.scan(position);
        leftOut += page.leftOut?.length ?? 0;
        return page;
      },
    },
    destination: reader(destination, replication.destination.table, world),
    rules: rulesOf(world),
    clock,
    settleMs: SETTLE_MS,
    // It is over in a moment, and the answer is what the run was for.
    stop: new AbortController().signal,
    onDifference: ignored,
    onInFlight: ignored,
    onUnreadable: ignored,
  };
  const options = { segments: [0], totalSegments: 1, workers: 1, onProgress: ignored };
  return { ...(await verify(context, options)), leftOut };
}

/** The source as the twin should be. */
export function projectedSource(world: TablesOfWorld): ReadableTable {
  const { source, replication } = world;
  return projectedTable(reader(source, replication.source.table, world), rulesOf(world));
}

function rulesOf({ replication, projection }: TablesOfWorld): TwinRules {
  return { reservedAttribute: replication.reservedAttribute, projection };
}

function reader(
  { client }: LocalRegion,
  table: string,
  { schema: { partitionKey, sortKey } }: TablesOfWorld,
): ReadableTable {
  const keyAttributes = [partitionKey, sortKey].flatMap((key) => key?.name ?? []);
  return dynamoDbReader(client, { table, keyAttributes });
}
