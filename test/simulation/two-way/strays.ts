// Whether a record must be counted as a stray: written from what the protocol calls one, and from who has made it.

import { originOf } from '../../../src/model/clock-version.ts';
import { epochIn } from '../../../src/model/guard.ts';
import type { Process } from '../process.ts';
import type { Side } from '../switching/plan.ts';
import { BEATS, versionOf } from './judge.ts';
import type { RegionWrite } from './region.ts';
import type { TwoWayWorld } from './world.ts';

/** @returns undefined where it may be either. */
export function mustBeStray(
  write: RegionWrite,
  { facts }: Process,
  world: TwoWayWorld,
): boolean | undefined {
  if (BEATS.has(write.key)) return false;
  const side: Side = facts.settings.replication === 'orders' ? 'east' : 'west';
  return world.plan.mode === 'home'
    ? isStrayAway(write, side, world)
    : isStrayPut(write, side, world.functions[side].rules.twoWay?.epoch ?? 1);
}

/** A put that is not forward, or of an older epoch or the other side and not Ferry's. */
function isStrayPut(
  { kind, image, before, origin }: RegionWrite,
  side: Side,
  epoch: number,
): boolean {
  if (kind === 'delete') return false;
  const [version, old] = [versionOf(image), versionOf(before)];
  // What Ferry has stamped again for an application does not have its mark.
  const isUnmarked = image?.['_ferry']?.M?.['o'] === undefined;
  const isOld = (epochIn(version ?? '') ?? 0) < epoch && isUnmarked;
  if (origin.kind === 'ferry') return isOld;
  if (version === undefined || (old !== undefined && version <= old)) return true;
  // A copy that was read on the other side.
  return isOld || (isUnmarked && originOf(version) !== (side === 'east' ? 1 : 2));
}

/** Of an application, and not at home. A delete that Ferry knows of as well is none. */
function isStrayAway(write: RegionWrite, side: Side, world: TwoWayWorld): boolean | undefined {
  const { key, kind, image, before, origin } = write;
  const { movedMs } = world;
  if (movedMs !== undefined && Math.floor(write.atMs / 1000) * 1000 < movedMs)
    // Records of the time before are foreign wherever they are.
    return origin.kind === 'application' || origin.kind === 'ttl' ? undefined : false;
  if (world.homeOf(key) === side || origin.kind !== 'application') return false;
  if (kind === 'delete') {
    const row = world.row(side, key);
    const deleted = row?.['d']?.S;
    return deleted !== undefined && deleted >= (versionOf(before) ?? '') ? undefined : true;
  }
  const [version, old] = [versionOf(image), versionOf(before)];
  return version === undefined || (old !== undefined && version <= old);
}
