// The lease of a command that writes in one direction of a replication that can be switched, and its view of both copies
// of the control row. What it loses ends the command.

import type { Sides } from '../aws/access.ts';
import { dynamoDbTwinReader, writeClient } from '../aws/dynamodb-table.ts';
import { namingFailures } from '../aws/named-failures.ts';
import { systemClock, systemMonotonicMs } from '../aws/system-clock.ts';
import { otherDirection } from '../config/directions.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { ControlCopies } from '../model/control-copies.ts';
import type { FoundControl } from '../model/control-row.ts';
import { OUTAGES, retry, type RetryContext } from '../pacing/retry.ts';
import type { TransactionWriter, TwinWriter } from '../ports.ts';
import { readControl } from '../replicate/first-adoption.ts';
import {
  type CopyPlace,
  LeaseLost,
  leasedTransactions,
  leasedWriter,
  type Permit,
  switchLease,
} from '../replicate/lease.ts';
import { writeRules } from './write-rules.ts';

export interface CommandLease {
  /** Aborted, with the LeaseLost of the write, when nothing more may be written. */
  readonly lost: AbortSignal;
  /** Read anew. A state table that does not exist has no copy. @throws what reading one throws. */
  copies(retries: RetryContext): Promise<ControlCopies>;
  /** What writes in an epoch, as long as the lease holds. */
  writing<Writers extends Writable>(epoch: number, writers: Writers): Writers;
  close(): void;
}

interface Writable {
  readonly twinWriter: TwinWriter;
  readonly transactions?: TransactionWriter;
}

/** Looks at copies that cannot be read, a second apart, before a command gives up. */
const LOOKS_MAX = 30;
const AGAIN_MS = 1_000;

/** Costs nothing until it is asked. */
export function openCommandLease(replication: ReplicationConfig, sides: Sides): CommandLease {
  const lost = new AbortController();
  const clients = [sides.source, sides.destination].map((side) =>
    namingFailures(writeClient({ ...side, concurrency: 1 })),
  );
  const [beside, there] = clients.map((client) => dynamoDbTwinReader(client));
  const placeOf = (one: ReplicationConfig, reader = beside): CopyPlace => {
    if (reader === undefined) throw new Error('a lease without a reader');
    return { rules: writeRules(one), reader };
  };
  const places = {
    source: placeOf(otherDirection(replication)),
    destination: placeOf(replication, there),
  };
  const lease = switchLease({
    copies: places,
    region: replication.source.region,
    clock: systemClock,
    monotonicMs: systemMonotonicMs,
  });
  /** A copy that cannot be read for a moment ends no work of hours. */
  const readable = async (): Promise<void> => {
    for (let looks = 1; ; looks += 1) {
      const look = await lease.look();
      const { kind = 'rejected' } = look.failure ?? {};
      const isPassing = kind === 'throttled' || OUTAGES.includes(kind);
      if (!isPassing || looks === LOOKS_MAX || lost.signal.aborted) return;
      await systemClock.sleep(AGAIN_MS);
    }
  };
  const permitOf =
    (permit: Permit): Permit =>
    async () => {
      try {
        await permit();
      } catch (error) {
        if (!(error instanceof LeaseLost)) throw error;
        await readable();
        await requirePermit(permit, lost);
      }
    };
  return {
    lost: lost.signal,
    copies: async (retries) => ({
      source: await copyIn(places.source, retries),
      destination: await copyIn(places.destination, retries),
    }),
    writing(epoch, writers) {
      const permit = permitOf(lease.permit(epoch));
      const { twinWriter, transactions } = writers;
      return {
        ...writers,
        twinWriter: leasedWriter(twinWriter, permit),
        ...(transactions && { transactions: leasedTransactions(transactions, permit) }),
      };
    },
    close() {
      for (const client of clients) client.destroy();
    },
  };
}

async function copyIn({ rules, reader }: CopyPlace, retries: RetryContext): Promise<FoundControl> {
  try {
    return await retry(() => readControl(rules, reader), retries);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ResourceNotFoundException') throw error;
    return { kind: 'missing' };
  }
}

async function requirePermit(permit: Permit, lost: AbortController): Promise<void> {
  try {
    await permit();
  } catch (error) {
    lost.abort(error);
    throw error;
  }
}
