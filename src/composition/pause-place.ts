// What a pause and a resume work on: the event source mappings in the source's Region, and the control row in the
// destination's.

import type { Sides } from '../aws/access.ts';
import { dynamoDbTwinWriter, dynamoDbTwinReader, writeClient } from '../aws/dynamodb-table.ts';
import { namingFailures } from '../aws/named-failures.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { functionName } from '../config/names.ts';
import type { FoundControl } from '../model/control-row.ts';
import { itemRequest } from '../model/read-request.ts';
import { parseReconciliation, reconciliationKey } from '../model/reconciliation-row.ts';
import { FerryError } from '../errors.ts';
import type { TwinReader } from '../ports.ts';
import { readControl } from '../replicate/first-adoption.ts';
import type { PauseContext } from '../switchover/pause.ts';
import { openEventSources } from './event-sources.ts';
import { writeRules } from './write-rules.ts';

export type PausePlace = Pick<PauseContext, 'mappings' | 'rules' | 'twinReader' | 'twinWriter'> & {
  close(): void;
};

/** @throws FerryError `deployment.missing`, or what Lambda throws. */
export async function openPausePlace(
  replication: ReplicationConfig,
  sides: Sides,
): Promise<PausePlace> {
  const sources = await openEventSources(replication, sides);
  if (sources === undefined) throw missing(replication);
  const { mappings } = sources;
  const client = namingFailures(writeClient({ ...sides.destination, concurrency: 1 }));
  return {
    mappings,
    rules: writeRules(replication),
    twinReader: dynamoDbTwinReader(client),
    twinWriter: dynamoDbTwinWriter(client),
    close() {
      sources.close();
      client.destroy();
    },
  };
}

function missing({ name, source }: ReplicationConfig): FerryError {
  return new FerryError(`There is no function ${functionName(name)} in ${source.region}.`, {
    code: 'deployment.missing',
    hint: 'Check its Region and name, deploy the replication, or choose other credentials.',
  });
}

/**
 * The control row as it is now, read once.
 * @throws what the service or the network throws.
 */
export function controlNow(replication: ReplicationConfig, sides: Sides): Promise<FoundControl> {
  return readLedger(sides, (reader) => readControl(writeRules(replication), reader));
}

/**
 * The row of comparisons on a schedule, read once; `unreadable` where a later release has written it.
 * @throws what the service or the network throws.
 */
export function reconciliationNow({ name, stateTable }: ReplicationConfig, sides: Sides) {
  return readLedger(sides, async (reader) => {
    const key = reconciliationKey({ replication: name, stateTable });
    const { items } = await reader.read(itemRequest(stateTable, key));
    return parseReconciliation(items[0]);
  });
}

async function readLedger<T>(
  { destination }: Sides,
  read: (reader: TwinReader) => Promise<T>,
): Promise<T> {
  const client = namingFailures(writeClient({ ...destination, concurrency: 1 }));
  try {
    return await read(dynamoDbTwinReader(client));
  } finally {
    client.destroy();
  }
}
