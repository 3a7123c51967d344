// Work that may have no end -> whether it came to one in time. No timer is left behind.

import type { Clock } from '../../ports.ts';

const NAP_MS = 100;

/**
 * @returns whether `work` was over within `ms`.
 * @throws what `work` throws within that time; what it throws later is nobody's any more.
 */
export async function isOverIn(ms: number, work: Promise<void>, clock: Clock): Promise<boolean> {
  const ended = work.then(() => true);
  ended.catch(() => undefined);
  const untilMs = clock.now() + ms;
  while (clock.now() < untilMs) {
    const isOver = await Promise.race([ended, clock.sleep(NAP_MS)]);
    if (isOver === true) return true;
  }
  return false;
}
