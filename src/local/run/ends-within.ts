// Work that may never end -> whether it ended in time. No timer is left behind.

import type { Clock } from '../../ports.ts';

const NAP_MS = 100;

/**
 * @returns whether `work` ended within `ms`.
 * @throws what `work` throws within that time; what it throws later is dropped.
 */
export async function endsWithin(
  ms: number,
  work: Promise<unknown>,
  clock: Clock,
): Promise<boolean> {
  const ended = work.then(() => true);
  ended.catch(() => undefined);
  const untilMs = clock.now() + ms;
  while (clock.now() < untilMs) {
    const isOver = await Promise.race([ended, clock.sleep(NAP_MS)]);
    if (isOver === true) return true;
  }
  return false;
}
