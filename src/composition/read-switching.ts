// How both directions of a replication that can be switched are, and which Region is active: read at the same time, since
// one of the Regions may not answer.

import type { Sides } from '../aws/access.ts';
import { serviceSettings } from '../aws/client-settings.ts';
import { deployedSettings } from '../aws/deployed-function.ts';
import { objectClient, s3Objects } from '../aws/s3-objects.ts';
import { otherDirection } from '../config/directions.ts';
import { STRANDED_OBJECT_PREFIX } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { whatHappened } from '../failures/what-happened.ts';
import { activeRegion, type DirectionState } from '../model/active-region.ts';
import type { Vitals } from '../model/vitals.ts';
import { type DirectionName, readCopies } from './active-direction.ts';
import type { Environment } from './keyring.ts';
import { operatorSides } from './operator-access.ts';
import { readVitals } from './read-vitals.ts';

export interface DirectionVitals {
  readonly direction: DirectionName;
  readonly replication: ReplicationConfig;
  readonly vitals: Vitals;
}

export interface SwitchingVitals {
  readonly state: DirectionState;
  /** The direction whose source is active; where that is not known, the one of the configuration. */
  readonly active: DirectionVitals;
  /** The other one, or why it could not be read. */
  readonly other: DirectionVitals | { readonly direction: DirectionName; readonly why: string };
  /** Objects with writes of a lost Region, up to a page of them; undefined where none was lost, or they cannot be listed. */
  readonly strandedObjects: number | undefined;
}

/** @throws as `readVitals` does of the active direction. */
export async function readSwitching(
  replication: ReplicationConfig,
  sides: Sides,
  { environment, nowMs }: { readonly environment: Environment; readonly nowMs: number },
): Promise<SwitchingVitals> {
  const state = activeRegion(await readCopies(replication, sides));
  const back = otherDirection(replication);
  const out = { direction: 'out', replication, sides } as const;
  const way = {
    direction: 'back',
    replication: back,
    sides: await operatorSides(back, { apply: false, environment }),
  } as const;
  const isBack = state.kind === 'active' && state.epoch.region === back.source.region;
  const [one, two] = isBack ? [way, out] : [out, way];
  const vitalsOf = async ({ sides: places, ...direction }: typeof out | typeof way) => ({
    ...direction,
    vitals: await readVitals(direction.replication, places, nowMs),
  });
  const [active, other, strandedObjects] = await Promise.all([
    vitalsOf(one),
    vitalsOf(two).catch((error: unknown) => ({
      direction: two.direction,
      why: whatHappened(error),
    })),
    strandedIn(state, [out, way]),
  ]);
  return { state, active, other, strandedObjects };
}

interface Place {
  readonly replication: ReplicationConfig;
  readonly sides: Sides;
}

/** They are in the bucket of the function beside the table that was lost. */
async function strandedIn(
  state: DirectionState,
  places: readonly Place[],
): Promise<number | undefined> {
  const lost = state.kind === 'active' && state.row.epochs.findLast(({ end }) => end === 'lost');
  const place = places.find(({ replication: { source } }) => lost && source.region === lost.region);
  if (place === undefined) return undefined;
  try {
    return await countObjects(place);
  } catch {
    // The Region may be lost still, and a status needs no bucket: `ferry stranded list` says why it cannot be read.
    return undefined;
  }
}

async function countObjects({ replication, sides: { source } }: Place): Promise<number> {
  const { onFailureBucket } = await deployedSettings(source, replication.name);
  const client = objectClient(serviceSettings(source, 's3'));
  try {
    for await (const page of s3Objects(client, onFailureBucket).list(STRANDED_OBJECT_PREFIX))
      return page.length;
    return 0;
  } finally {
    client.destroy();
  }
}
