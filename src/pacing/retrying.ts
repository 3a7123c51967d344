// Ports whose every request is repeated as `retry` repeats it. For work that has no deadline.

import type { TwinWriter, ItemReader, LookAgainQueue } from '../ports.ts';
import { retry, type RetryContext } from './retry.ts';

/** One item at a time: a batch reports what the service had no capacity for. */
export function retryingReader(reader: ItemReader, retries: RetryContext): ItemReader {
  return {
    get: (key) => retry(() => reader.get(key), retries),
    leavesOut: (key) => retry(async () => (await reader.leavesOut?.(key)) ?? false, retries),
  };
}

export function retryingTable(table: TwinWriter, retries: RetryContext): TwinWriter {
  return { write: (request) => retry(() => table.write(request), retries) };
}

/** Announcing twice is harmless. */
export function retryingQueue(queue: LookAgainQueue, retries: RetryContext): LookAgainQueue {
  return { announce: (body) => retry(() => queue.announce(body), retries) };
}
