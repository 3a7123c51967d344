// The highest write rate of an on-demand table. It is set and taken away within seconds and as often as one likes; the
// way back from provisioned capacity takes minutes, and is limited to four a day.

import { DescribeTableCommand, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import { FerryError } from '../errors.ts';
import type { Clock } from '../ports.ts';
import type { Access } from './access.ts';
import { tablesClient } from './leftovers.ts';

/** As DynamoDB has it. */
const NO_LIMIT = -1;
const POLL_MS = 2_000;
const TRIES_MAX = 150;

/**
 * Waits until DynamoDB has made the change.
 * @param units per second, 1 at least; undefined takes the limit away.
 * @throws FerryError `table.busy` after five minutes, or what the service throws.
 */
export async function limitWrites(
  access: Access,
  { table, units = NO_LIMIT }: { readonly table: string; readonly units?: number | undefined },
  clock: Clock,
): Promise<void> {
  const client = tablesClient(access);
  try {
    const OnDemandThroughput = { MaxWriteRequestUnits: units };
    await client.send(new UpdateTableCommand({ TableName: table, OnDemandThroughput }));
    for (let attempt = 1; attempt <= TRIES_MAX; attempt += 1) {
      const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
      if (Table?.TableStatus === 'ACTIVE') return;
      await clock.sleep(POLL_MS);
    }
    throw new FerryError(`The table ${table} (${access.region}) is still being updated.`, {
      code: 'table.busy',
      hint: 'Wait until it is ACTIVE, and run the command again.',
    });
  } finally {
    client.destroy();
  }
}
