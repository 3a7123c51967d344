// What a redrive needs of the side that its letters come from, where both tables are written.

import type { Sides } from '../aws/access.ts';
import { dynamoDbReader } from '../aws/dynamodb-reader.ts';
import { dynamoDbTwinReader, dynamoDbTwinWriter, writeClient } from '../aws/dynamodb-table.ts';
import { namingFailures } from '../aws/named-failures.ts';
import { otherName } from '../config/directions.ts';
import type { HandlerSettings } from '../config/handler-settings.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { MergeContext } from '../merge/merge-key.ts';
import { type BySide, type MergeSide, otherSide } from '../merge/sides.ts';
import type { StampedModeRules } from '../model/rules.ts';
import { retryingReader, retryingTable } from '../pacing/retrying.ts';
import type { RetryContext } from '../pacing/retry.ts';
import type { ObjectStore } from '../ports.ts';
import type { RedriveContext, TwoWayRedrive } from '../redrive/context.ts';
import { destinationHealth } from '../replicate/destination-health.ts';
import { openFailureBucket } from './failure-bucket.ts';
import { twoWayRules } from './two-way.ts';
import { heartbeatKeyText } from './write-rules.ts';

interface TwoWaySetup {
  readonly replication: ReplicationConfig;
  readonly sides: Sides;
  readonly apply: boolean;
  readonly settings: HandlerSettings;
  /** Of the far side, and the source's table. */
  readonly ports: Pick<RedriveContext, 'twinWriter' | 'source' | 'twin' | 'ledger'>;
  /** In which the function puts what has lost at the near side. */
  readonly bucket: ObjectStore;
  readonly retries: RetryContext;
}

export interface OpenTwoWay {
  /** Undefined of a replication in one direction. */
  readonly twoWay: TwoWayRedrive | undefined;
  close(): void;
}

/** @throws what Lambda throws, where the other direction is asked for its bucket. */
export async function openTwoWay(setup: TwoWaySetup): Promise<OpenTwoWay> {
  const { replication, sides, settings, bucket } = setup;
  const twoWay = twoWayRules(replication);
  if (twoWay === undefined) return { twoWay, close: () => undefined };
  const client = namingFailures(
    writeClient({ ...sides.source, concurrency: settings.concurrency }),
  );
  const nearWriter = dynamoDbTwinWriter(client);
  const nearSide = { nearReader: dynamoDbTwinReader(client), nearWriter, bucket };
  const rules = { ...settings, heartbeatKeyText: heartbeatKeyText(replication), twoWay };
  const close = () => client.destroy();
  if (twoWay.mode === 'home') return { twoWay: { rules, nearSide }, close };
  const table = { table: twoWay.near.stateTable, keyAttributes: [] };
  const near = { writer: nearWriter, ledger: dynamoDbReader(client, table) };
  const far = await farBucket(setup);
  return {
    twoWay: { rules, nearSide, merge: mergeContext({ ...setup, rules, twoWay, near, far }) },
    close() {
      close();
      far?.close();
    },
  };
}

/** What loses at the far side is kept beside it, in the bucket of the other direction's function. */
async function farBucket({ replication, sides, apply }: TwoWaySetup) {
  if (!apply || replication.twoWay?.losers !== 'keep') return undefined;
  return openFailureBucket(sides.destination, otherName(replication));
}

interface Merging extends TwoWaySetup {
  readonly rules: TwoWayRedrive['rules'];
  readonly twoWay: StampedModeRules;
  readonly near: Pick<MergeSide, 'ledger'> & { readonly writer: MergeSide['twinWriter'] };
  readonly far: Awaited<ReturnType<typeof farBucket>>;
}

function mergeContext(setup: Merging): MergeContext {
  const { ports, retries, rules, twoWay, near, far, bucket, replication } = setup;
  const { epoch, mode, origin, otherHeartbeatKeyText } = twoWay;
  const heartbeats = [heartbeatKeyText(replication), otherHeartbeatKeyText];
  const sides = {
    [origin]: sideOf({
      rules: twoWay.near,
      table: ports.source,
      ledger: near.ledger,
      twinWriter: near.writer,
      bucket: replication.twoWay?.losers === 'keep' ? bucket : undefined,
    }),
    [otherSide(origin)]: sideOf({ ...ports, rules, table: ports.twin, bucket: far?.bucket }),
  };
  return {
    ...retries,
    sides: sides as unknown as BySide<MergeSide>,
    mode: { mode, epoch },
    heartbeats: new Set(heartbeats.filter((text) => text !== undefined)),
    // No Lambda ends this.
    remainingMs: () => Infinity,
  };

  function sideOf(side: Omit<MergeSide, 'health'>): MergeSide {
    return {
      ...side,
      table: retryingReader(side.table, retries),
      ledger: retryingReader(side.ledger, retries),
      twinWriter: retryingTable(side.twinWriter, retries),
      health: destinationHealth(),
    };
  }
}
