// How many segments a scan of a table has, and how much of it a sample reads.

import { wrongOption } from './arguments.ts';
import type { ParsedOptions } from './command.ts';

/** A few minutes' work. */
const SEGMENT_BYTES = 2 ** 30;
/** The input of a bulk run, which names them all, is 256 KB at most. */
const SEGMENTS_MAX = 10_000;

/** A few for each worker, so that all workers end at about the same time. */
export function segmentCount(sizeBytes: number, workers: number): number {
  return Math.min(Math.max(4 * workers, Math.ceil(sizeBytes / SEGMENT_BYTES)), SEGMENTS_MAX);
}

/** --sample 1% */
export function percentOf(options: ParsedOptions): number {
  const text = options.text('sample');
  if (text === undefined) return 100;
  const percent = /^\d+(\.\d+)?%$/.test(text) ? Number(text.slice(0, -1)) : Number.NaN;
  if (percent >= 0.1 && percent <= 100) return percent;
  throw wrongOption(
    `--sample must be from 0.1% to 100%, got "${text}".`,
    'For example --sample 1%.',
  );
}
