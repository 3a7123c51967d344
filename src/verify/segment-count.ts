// How many segments a scan of a whole table has.

/** A few minutes' work. */
export const SEGMENT_BYTES = 2 ** 30;
/** The input of a bulk run, which names them all, is 256 KB at most. */
const SEGMENTS_MAX = 10_000;

/** A few for each worker, so that all workers end at about the same time. */
export function segmentCount(sizeBytes: number, workers: number): number {
  return Math.min(Math.max(4 * workers, Math.ceil(sizeBytes / SEGMENT_BYTES)), SEGMENTS_MAX);
}
