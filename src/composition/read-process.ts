// Which process carries a replication, whether it renews its lease, and how far it is: read off the state table.

import type { Sides } from '../aws/access.ts';
import { dynamoDbTwinReader, dynamoDbTwinWriter, writeClient } from '../aws/dynamodb-table.ts';
import { namingFailures } from '../aws/named-failures.ts';
import { systemRandom } from '../aws/system-clock.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { Clock } from '../ports.ts';
import { ledgerLease, ledgerPositions, ledgerSource } from '../run/ledger-rows.ts';
import type { ProcessVitals } from '../status/process.ts';
import { HOLD_MS } from '../stream/process-lease.ts';
import { controlOf } from './read-vitals.ts';
import { writeRules } from './write-rules.ts';

const NAP_MS = 500;

/** Without a state table, there is no lease. */
function ifNoTable(error: unknown): undefined {
  if (error instanceof Error && error.name === 'ResourceNotFoundException') return undefined;
  throw error;
}

/** @returns undefined where no process has ever carried it. @throws what a request throws. */
export async function readProcess(
  replication: ReplicationConfig,
  sides: Sides,
  clock: Clock,
): Promise<ProcessVitals | undefined> {
  const client = namingFailures(writeClient({ ...sides.destination, concurrency: 2 }));
  const access = {
    reader: dynamoDbTwinReader(client),
    writer: dynamoDbTwinWriter(client),
    clock,
    random: systemRandom,
  };
  const rules = writeRules(replication);
  try {
    const row = ledgerLease(rules, access);
    const lease = await row.read().catch(ifNoTable);
    if (lease === undefined) return undefined;
    const startedAtMs = clock.now();
    let found = lease;
    while (!found.released && found.beat === lease.beat && clock.now() - startedAtMs < HOLD_MS) {
      await clock.sleep(NAP_MS);
      found = (await row.read()) ?? found;
    }
    const nowMs = clock.now();
    const isRenewed = found.fence !== lease.fence || found.beat !== lease.beat;
    const sourceArn = (await ledgerSource(rules, access).read()) ?? '';
    const positions = await ledgerPositions({ ...rules, sourceArn }, 0, access).read();
    const open = [...positions].filter(([, { closed }]) => !closed);
    const [oldest] = open.toSorted(([, a], [, b]) => a.atMs - b.atMs);
    return {
      lease: found,
      renewedAfterMs: isRenewed ? nowMs - startedAtMs : undefined,
      lookedMs: nowMs - startedAtMs,
      oldest: oldest && { shardId: oldest[0], atMs: oldest[1].atMs },
      nowMs,
      paused: (await controlOf(replication, sides)).paused,
    };
  } finally {
    client.destroy();
  }
}
