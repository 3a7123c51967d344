// When things happen in a world: at a share of its time, in which there may be long pauses.

import type { Random } from '../../src/ports.ts';
import { below } from '../../src/local/seeded-random.ts';
import { DAY, HOUR, MINUTE, SECOND } from './plan.ts';
import { between, happens, oneOf } from './random.ts';

export const START_MS = Date.UTC(2026, 0, 31, 12);

/** From 0 to 1 -> epoch milliseconds. */
export type Timeline = (share: number) => number;

/** Half a minute to three minutes of work, with up to two pauses of hours or days in between. */
export function timeline(random: Random): Timeline {
  const lengthMs = between(random, 20, 180) * SECOND;
  const count = happens(random, 0.35) ? 1 + below(random, 2) : 0;
  const pauses = Array.from({ length: count }, () => ({
    after: random.next(),
    ms: oneOf(random, [
      20 * MINUTE,
      3 * HOUR,
      19 * HOUR,
      22 * HOUR,
      26 * HOUR,
      6 * DAY,
      13.5 * DAY,
      14.5 * DAY,
      16 * DAY,
    ]),
  }));
  return (share) =>
    pauses.reduce(
      (ms, pause) => (share > pause.after ? ms + pause.ms : ms),
      START_MS + share * lengthMs,
    );
}
