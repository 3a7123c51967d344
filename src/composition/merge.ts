// Both directions of a replication, opened for a merge: what writes to each side, and both tables to compare.

import type { Sides } from '../aws/access.ts';
import { systemClock } from '../aws/system-clock.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { MergeContext, MergeMode } from '../merge/merge-key.ts';
import type { TablesContext } from '../merge/merge-tables.ts';
import { bothSides, type BySide, otherSide } from '../merge/sides.ts';
import { type ControlRow, newestEpoch } from '../model/control-row.ts';
import type { Origin } from '../model/rules.ts';
import { paceOf } from '../pacing/pace.ts';
import { pacedReader } from '../pacing/paced-reader.ts';
import type { RetryContext } from '../pacing/retry.ts';
import { floorIn } from '../redrive/replay.ts';
import { destinationHealth } from '../replicate/destination-health.ts';
import { requireControl } from './control.ts';
import { openFailureBucket, type OpenBucket } from './failure-bucket.ts';
import { compareContext, type UnitRates } from './pair-work.ts';
import { openTablePair, sourceArnOf, type TablePair } from './table-pair.ts';
import { heartbeatKeyText } from './write-rules.ts';

/** A direction, by the side that is its source. */
export interface MergeDirection {
  readonly replication: ReplicationConfig;
  readonly sides: Sides;
}

export interface MergeSetup extends UnitRates {
  readonly directions: BySide<MergeDirection>;
  readonly apply: boolean;
  readonly settleMs: number;
  readonly itemsPerSecond: number | undefined;
  readonly retries: RetryContext;
}

export interface OpenMerge extends TablesContext {
  /** Of the direction from the source to the destination. */
  readonly pair: TablePair;
  close(): void;
}

const WRITES_AT_ONCE = 32;

/** @throws FerryError where tables, control rows or deployments do not fit; nothing has been changed then. */
export async function openMerge(setup: MergeSetup): Promise<OpenMerge> {
  const opened: Array<{ close(): void }> = [];
  const close = () => {
    for (const one of opened) one.close();
  };
  try {
    const first = await openDirection(setup.directions[1], setup);
    opened.push(first.pair);
    const second = await openDirection(setup.directions[2], setup);
    opened.push(second.pair);
    const bucketOf = async (side: Origin) => {
      const one = await bucketAt(side, setup);
      if (one !== undefined) opened.push(one);
      return one?.bucket;
    };
    const buckets = { 1: await bucketOf(1), 2: await bucketOf(2) };
    const { retries, settleMs, readUnits, itemsPerSecond = Infinity } = setup;
    return {
      pair: first.pair,
      merge: contextOf(setup, { 1: first, 2: second }, buckets),
      // Whose item is right is decided by the merge.
      compare: {
        ...compareContext(first.pair, { readUnits, settleMs }, retries),
        judging: undefined,
      },
      pace: paceOf(itemsPerSecond, systemClock),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

interface OpenDirection {
  readonly pair: TablePair;
  readonly control: ControlRow;
  readonly streamArn: string;
}

async function openDirection(
  { replication, sides }: MergeDirection,
  { apply, retries }: MergeSetup,
): Promise<OpenDirection> {
  const concurrency = WRITES_AT_ONCE;
  const projection = undefined;
  const pair = await openTablePair({ replication, sides, concurrency, writes: true, projection });
  try {
    const streamArn = sourceArnOf(replication, pair);
    const control = await requireControl(pair, { apply, streamArn }, retries);
    return { pair, control, streamArn };
  } catch (error) {
    pair.close();
    throw error;
  }
}

/** What loses at a side is kept beside it, in the bucket of the function that reads its stream. */
async function bucketAt(
  side: Origin,
  { directions, apply }: MergeSetup,
): Promise<OpenBucket | undefined> {
  const { replication, sides } = directions[side];
  if (!apply || replication.twoWay?.losers !== 'keep') return undefined;
  return openFailureBucket(sides.source, replication.name);
}

function contextOf(
  { directions, retries }: MergeSetup,
  opened: BySide<OpenDirection>,
  buckets: BySide<OpenBucket['bucket'] | undefined>,
): MergeContext {
  const heartbeats = [1, 2].flatMap(
    (side) => heartbeatKeyText(directions[side as Origin].replication) ?? [],
  );
  const sides = bothSides((side) => {
    // What writes to a side is the direction that ends there.
    const { pair } = opened[otherSide(side)];
    const unlimited = paceOf(Infinity, systemClock);
    return {
      rules: pair.rules,
      table: pacedReader(pair.twin, unlimited, retries),
      ledger: pacedReader(pair.ledger, unlimited, retries),
      twinWriter: pair.twinWriter,
      health: destinationHealth(),
      bucket: buckets[side],
    };
  });
  return {
    ...retries,
    sides,
    mode: modeOf(directions, opened),
    heartbeats: new Set(heartbeats),
    // No Lambda ends this.
    remainingMs: () => Infinity,
  };
}

function modeOf(directions: BySide<MergeDirection>, opened: BySide<OpenDirection>): MergeMode {
  const { twoWay, source, destination } = directions[1].replication;
  if (twoWay?.home === undefined) return { mode: 'stamped', epoch: twoWay?.epoch ?? 1 };
  const of = (side: Origin) => {
    const { control, streamArn } = opened[side];
    return { floor: floorIn(control, [streamArn]), epoch: newestEpoch(control).n };
  };
  const regions = { 1: source.region, 2: destination.region };
  return { mode: 'home', home: twoWay.home, regions, directions: bothSides(of) };
}
