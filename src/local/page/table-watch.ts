// What the live page has to ask for: how many items the tables hold, and how many dead letters wait.
// Asked every two seconds while a browser is open, one question at a time.

import { DescribeTableCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import type { Clock, Item } from '../../ports.ts';
import type { LocalRegion } from '../engine/local-region.ts';
import { projectedSource } from '../run/compare-tables.ts';
import type { CountedWorld } from '../run/local-world.ts';
import type { WatchedCounts } from './page-view.ts';

export interface TableWatch {
  latest(): WatchedCounts;
  /** Asks now. */
  refresh(): Promise<void>;
  /** Resolves once no question is under way. */
  stop(): Promise<void>;
}

const INTERVAL_MS = 2_000;
const WAKE_MS = 250;
/** A table that takes more pages is not counted: it would cost more than the number is worth. */
const PAGES_MAX = 10;

export function watchTables(
  world: CountedWorld,
  { clock, wanted }: { readonly clock: Clock; readonly wanted: () => boolean },
): TableWatch {
  let counts: WatchedCounts = {};
  const stopped = new AbortController();
  const refresh = async () => {
    counts = await countsOf(world);
  };
  const watch = async () => {
    let askedMs = 0;
    while (!stopped.signal.aborted) {
      if (wanted() && clock.now() - askedMs >= INTERVAL_MS) {
        askedMs = clock.now();
        await refresh();
      }
      await clock.sleep(WAKE_MS);
    }
  };
  const watching = watch();
  return {
    latest: () => counts,
    refresh,
    async stop() {
      stopped.abort();
      await watching;
    },
  };
}

async function countsOf(world: CountedWorld): Promise<WatchedCounts> {
  const { source, destination, replication, projection, failures } = world;
  const isWhole = projection?.filters !== true;
  const [waitingLetters, sourceItems, leftOutItems, destinationItems] = await Promise.all([
    unlessItFails(failures.letters()),
    unlessItFails(itemsIn(source, replication.source.table)),
    isWhole ? undefined : unlessItFails(leftOutOf(world)),
    unlessItFails(itemsIn(destination, replication.destination.table)),
  ]);
  return { waitingLetters, sourceItems, leftOutItems, destinationItems };
}

/** A page that lacks a number is better than a run that ends for it. */
async function unlessItFails<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch {
    return undefined;
  }
}

/** The embedded engine keeps its item count up to date; elsewhere it may be hours old. */
function itemsIn(region: LocalRegion, table: string): Promise<number | undefined> {
  return region.embedded ? describedItems(region, table) : scannedItems(region, table);
}

async function describedItems({ client }: LocalRegion, table: string): Promise<number | undefined> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
  return Table?.ItemCount;
}

async function scannedItems({ client }: LocalRegion, table: string): Promise<number | undefined> {
  let count = 0;
  let next: Item | undefined;
  for (let page = 1; page <= PAGES_MAX; page += 1) {
    const reply = await client.send(
      new ScanCommand({ TableName: table, Select: 'COUNT', ExclusiveStartKey: next }),
    );
    count += reply.Count ?? 0;
    next = reply.LastEvaluatedKey;
    if (next === undefined) return count;
  }
  return undefined;
}

/** How many items of the source the projection leaves out. */
async function leftOutOf(world: CountedWorld): Promise<number | undefined> {
  const source = projectedSource(world);
  let count = 0;
  let after: Item | undefined;
  for (let pages = 1; pages <= PAGES_MAX; pages += 1) {
    const page = await source.scan({ segment: 0, totalSegments: 1, after });
    count += page.leftOut?.length ?? 0;
    after = page.next;
    if (after === undefined) return count;
  }
  return undefined;
}
