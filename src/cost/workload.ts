// What applications do to the source: as options say, or as CloudWatch and the table show it.

import { writeUnits } from '../model/capacity.ts';

export interface Workload {
  /** Changed items, expiries included. */
  readonly writesPerSecond: number;
  /** Average size of an item of the source. */
  readonly itemBytes: number;
  /** Of all writes, from 0 to 1. What is neither a delete nor an update is an insert. */
  readonly deleteShare: number;
  readonly updateShare: number;
  /** Items of the source. */
  readonly items: number;
}

/** What options say of it. */
export type GivenWorkload = { readonly [Name in keyof Workload]: Workload[Name] | undefined };

export const SECONDS_A_MONTH = 730 * 60 * 60;
export const MONTH_DAYS = 730 / 24;
export const GB = 2 ** 30;

export interface Writes {
  readonly inserts: number;
  readonly updates: number;
  readonly deletes: number;
}

/** In a month. */
export function writesOf(workload: Workload): Writes {
  const { writesPerSecond, deleteShare, updateShare } = workload;
  const all = writesPerSecond * SECONDS_A_MONTH;
  return {
    inserts: all * insertShare(workload),
    updates: all * updateShare,
    deletes: all * deleteShare,
  };
}

export function insertShare({ deleteShare, updateShare }: Workload): number {
  return 1 - deleteShare - updateShare;
}

/** Of the source, summed up over `seconds`. */
export interface SourceFigures {
  readonly seconds: number;
  readonly writeUnits: number;
  /** Requests by their operation. */
  readonly puts: number;
  readonly updates: number;
  readonly deletes: number;
  /** With several items each. */
  readonly batches: number;
  readonly transactions: number;
  readonly expiries: number;
  /** As DescribeTable has them. */
  readonly items: number;
  readonly sizeBytes: number;
}

/**
 * Batches and transactions do not say how many items they have: units that single requests have not consumed do, as if
 * all items had the average size. A transaction consumes twice as many. Expiries consume none.
 */
export function observedWorkload(figures: SourceFigures, given: GivenWorkload): Workload {
  const { items = figures.items, itemBytes = averageBytes(figures) } = given;
  const single = figures.puts + figures.updates + figures.deletes;
  const others = Math.max(0, figures.writeUnits / writeUnits(itemBytes) - single);
  const unitsEach = figures.batches > 0 ? 1 : 2;
  const isWhole = figures.batches + figures.transactions === 0;
  const written = single + (isWhole ? 0 : others / unitsEach) + figures.expiries;
  const share = (count: number) => (written === 0 ? 0 : count / written);
  const deletesMax = 1 - (given.updateShare ?? 0);
  const {
    writesPerSecond = written / figures.seconds,
    deleteShare = Math.min(share(figures.deletes + figures.expiries), deletesMax),
    updateShare = Math.min(share(figures.updates), 1 - deleteShare),
  } = given;
  return { writesPerSecond, deleteShare, updateShare, itemBytes, items };
}

function averageBytes({ items, sizeBytes }: SourceFigures): number {
  return items === 0 ? 0 : Math.ceil(sizeBytes / items);
}
