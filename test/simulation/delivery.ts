// What Lambda makes of a batch before and after an invocation, written from its documentation.

import type { Settings } from './plan.ts';
import type { Process } from './process.ts';
import { arrivalMs, type StreamEntry } from './stream.ts';

/** Records of one shard, in order, and what they have cost so far. */
export interface Batch {
  readonly entries: readonly StreamEntry[];
  readonly invocations: number;
  readonly retries: number;
}

export type InvocationResult =
  | { readonly kind: 'returned'; readonly failures: readonly string[]; readonly by?: Process }
  | { readonly kind: 'failed'; readonly by?: Process };

/** Only records at the beginning are taken out for their age, also before their first delivery. */
export function separateExpired(
  batch: Batch,
  nowMs: number,
  { maxRecordAgeSeconds }: Settings,
): { readonly expired: Batch; readonly live: Batch } {
  const ageSeconds = (entry: StreamEntry) =>
    Math.floor(nowMs / 1000) - Math.floor(arrivalMs(entry) / 1000);
  const { entries } = batch;
  const ageMax = maxRecordAgeSeconds < 0 ? Infinity : maxRecordAgeSeconds;
  const first = entries.findIndex((entry) => ageSeconds(entry) <= ageMax);
  const end = first < 0 ? entries.length : first;
  return {
    expired: { ...batch, entries: entries.slice(0, end) },
    live: { ...batch, entries: entries.slice(end) },
  };
}

/** Index from which on everything is to be delivered again; undefined where all is done. */
export function failureIn(
  { entries }: Batch,
  result: InvocationResult,
): number | undefined | 'unknown record' {
  if (result.kind === 'failed') return 0;
  if (result.failures.length === 0) return undefined;
  const places = result.failures.map((id) =>
    entries.findIndex(({ sequenceNumber }) => sequenceNumber === id),
  );
  return places.includes(-1) ? 'unknown record' : Math.min(...places);
}
