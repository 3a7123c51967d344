// What the status of a direction shows where both tables are written: writes that are not replicated, conflicts, and
// records of Ferry's own writes.

import { type Series, sumSince, type Vitals } from '../model/vitals.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { grouped } from './output.ts';
import type { RemarkRow } from './rows.ts';

interface Shown {
  readonly replication: Pick<ReplicationConfig, 'twoWay'>;
  readonly vitals: Vitals;
}

/**
 * Conflicts are information, because they are resolved. Strays are in the verdict, too.
 * @param sparkOf draws the figures of an hour.
 */
export function twoWayRows(
  { replication: { twoWay }, vitals: { own } }: Shown,
  sparkOf: (series: Series | undefined) => string,
): RemarkRow[] {
  if (twoWay === undefined) return [];
  const inTheHour = (series: Series | undefined) => grouped(sumSince(series, 0));
  return [
    ['stray writes, last hour', inTheHour(own.StrayWrites), sparkOf(own.StrayWrites)],
    ['own records, last hour', inTheHour(own.OwnRecords)],
    ...(twoWay.mode === 'home'
      ? []
      : [
          [
            'conflicts lost, last hour',
            inTheHour(own.Conflicts),
            twoWay.losers === 'keep' ? '`ferry conflicts` lists them' : '',
          ] as const,
          ['stamps ahead of time, last hour', inTheHour(own.FutureStamps)] as const,
        ]),
  ];
}

/** Undefined, and so not printed, of a replication in one direction. */
export function twoWayFacts({ replication: { twoWay }, vitals: { own, epoch } }: Shown) {
  if (twoWay === undefined) return undefined;
  return {
    mode: twoWay.mode,
    epoch: twoWay.epoch,
    adoptedEpoch: epoch ?? null,
    strayWrites: sumSince(own.StrayWrites, 0),
    conflicts: sumSince(own.Conflicts, 0),
    futureStamps: sumSince(own.FutureStamps, 0),
  };
}
