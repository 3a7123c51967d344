// Long sleeps that a stop ends within a second.

import type { Clock } from '../ports.ts';

const STEP_MS = 1_000;

/**
 * @param onStep called before each second with what is left.
 * @throws the reason of `stop`.
 */
export async function sleep(
  ms: number,
  { clock, stop }: { readonly clock: Clock; readonly stop: AbortSignal },
  onStep: (leftMs: number) => void = () => undefined,
): Promise<void> {
  const endMs = clock.now() + ms;
  stop.throwIfAborted();
  for (let leftMs = ms; leftMs > 0; leftMs = endMs - clock.now()) {
    onStep(leftMs);
    await clock.sleep(Math.min(leftMs, STEP_MS));
    stop.throwIfAborted();
  }
}
