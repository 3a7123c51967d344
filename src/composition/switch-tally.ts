// The tally of a replication, in a third Region: reached as the side that is to be active is.

import type { Access } from '../aws/access.ts';
import { dynamoDbReader, readClient } from '../aws/dynamodb-reader.ts';
import { dynamoDbTwinWriter, writeClient } from '../aws/dynamodb-table.ts';
import { namingFailures } from '../aws/named-failures.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { TallyPlace } from '../switching/ports.ts';

export interface OpenTallyPlace extends TallyPlace {
  close(): void;
}

/** @returns undefined where none is configured. */
export function openTallyPlace(
  { switching }: Pick<ReplicationConfig, 'switching'>,
  { credentials }: Access,
): OpenTallyPlace | undefined {
  if (switching?.tally === undefined) return undefined;
  const { region, table } = switching.tally;
  const access = { region, credentials };
  const reads = readClient(access);
  const writes = namingFailures(writeClient({ ...access, concurrency: 4 }));
  return {
    table,
    rows: dynamoDbReader(reads, { table, keyAttributes: ['id'] }),
    writer: dynamoDbTwinWriter(writes),
    close() {
      for (const client of [reads, writes]) client.destroy();
    },
  };
}
