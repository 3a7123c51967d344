// What carries changes from the source to the twin in a local world: the function, or a process of `ferry run`.

import type { Cleanup } from '../run/cleanup.ts';
import { startRunWorld } from '../run/ferry-run.ts';
import type { LocalPlace, LocalWorldOptions } from '../run/local-place.ts';
import { startLocalWorld } from '../run/local-world.ts';

export type Carrier = 'lambda' | 'run';

export interface CarriedPlace extends LocalPlace {
  /** Rejects once the engines, the stream or the carrier are gone for good; never settles otherwise. */
  readonly lost: Promise<never>;
}

const START = {
  lambda: async (options: LocalWorldOptions, cleanups: Cleanup[]) => {
    const world = await startLocalWorld(options, cleanups);
    return { ...world, lost: world.mapping.lost };
  },
  run: startRunWorld,
};

/** Pushes to `cleanups` what ends each thing it starts, so that nothing is left if a later one fails. */
export async function startCarrier(
  carrier: Carrier,
  options: LocalWorldOptions,
  cleanups: Cleanup[],
): Promise<CarriedPlace> {
  const place = await START[carrier](options, cleanups);
  const lost = Promise.race([place.lost, place.source.lost, place.destination.lost]);
  // It is heard by the run, which may be over by then.
  lost.catch(() => undefined);
  return { ...place, lost };
}
