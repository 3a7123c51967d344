// What a redrive of a bucket will take at most, from the sizes of its objects and what one of them holds.

import { LIST_PRICES } from '../config/names.ts';
import { dollars, writeUnits } from '../model/capacity.ts';

export interface RedriveEstimate {
  readonly records: number;
  readonly minutes: number;
  readonly dollars: number;
}

/** Of a worker with 1 GB, which has little more than half a core, with room to spare. */
export const WORKER_RECORDS_PER_SECOND = 500;
/** Of the twin's item and of its ledger row. */
const READ_UNITS = 2;
/** Of the check of the ledger row. */
const CHECK_UNITS = 2;

export interface SampledObject {
  readonly bytes: number;
  readonly records: number;
}

export interface Workers {
  readonly workers: number;
  /** All of them together, at most. @default no limit */
  readonly recordsPerSecond?: number | undefined;
}

/** Each record written by itself: records of one item that lie close together cost less. */
export function estimateRedrive(
  { bytes }: { readonly bytes: number },
  sample: SampledObject,
  { workers, recordsPerSecond = Infinity }: Workers,
): RedriveEstimate {
  if (sample.bytes === 0 || sample.records === 0) return { records: 0, minutes: 0, dollars: 0 };
  const records = Math.round((bytes * sample.records) / sample.bytes);
  const perSecond = Math.min(recordsPerSecond, workers * WORKER_RECORDS_PER_SECOND);
  // As text in a batch, a record is larger than its item.
  const write = 2 * writeUnits(sample.bytes / sample.records) + CHECK_UNITS;
  const seconds = records / perSecond;
  return {
    records,
    minutes: Math.ceil(seconds / 60),
    // A worker has 1 GB.
    dollars:
      records * dollars({ read: READ_UNITS, write }) +
      seconds * workers * LIST_PRICES.lambdaGBSecond,
  };
}
