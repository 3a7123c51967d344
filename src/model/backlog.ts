// What waits in a shard, as far as one batch can tell.

/**
 * An estimate: what the batch hands back, and what has come in since its newest record if the source
 * goes on as it did within the batch. A lone record says nothing about a rate.
 * @param createdAtSeconds creation times of the batch's records, whole epoch seconds, in any order.
 * @param retried records of the batch that will be delivered again.
 */
export function pendingRecords(
  createdAtSeconds: readonly number[],
  { retried, nowMs }: { readonly retried: number; readonly nowMs: number },
): number {
  let oldest = Infinity;
  let newest = 0;
  for (const seconds of createdAtSeconds) {
    oldest = Math.min(oldest, seconds);
    newest = Math.max(newest, seconds);
  }
  if (createdAtSeconds.length < 2) return retried;
  const perSecond = (createdAtSeconds.length - 1) / Math.max(1, newest - oldest);
  // Times are rounded down: what is a second old may be brand new.
  const behindSeconds = Math.max(0, nowMs / 1000 - newest - 1);
  return retried + Math.round(perSecond * behindSeconds);
}
