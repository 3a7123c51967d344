// Both tables at rest: equal, or different for a reason that the protocol names; and what a verify says of
// them is exactly what is true.

import { TABLES } from './judge.ts';
import type { Ending, VerifyEnding } from './operators.ts';
import type { Deployed } from './plan.ts';
import { seenBy } from './projecting.ts';
import type { SourceWrite, StreamEntry } from './stream.ts';
import type { World } from './world.ts';

/** Differences by key. Those that nothing explains are violations. */
export function judgeTables(world: World): Map<string, string> {
  const differences = differencesOf(world);
  for (const [key, kind] of differences) {
    const reason = reasonOf(key, world);
    if (reason === undefined)
      world.judge.violation(`equality: ${key} is ${kind}, and nothing explains it`);
    else world.note(`different: ${reason}`);
    if (reason === 'tied: same' && !isCounted(key, world))
      world.judge.violation(`tied: ${key} is ${kind}, and no tie was counted`);
  }
  return differences;
}

/**
 * Whether a tie was counted, or could not be: a redrive counts none, a put that was decided before it could see the
 * tombstone of its delete lands behind it, and after an adoption the item is of an older epoch, not of the same time.
 */
function isCounted(key: string, { judge, coverage }: World): boolean {
  const writes = judge.writes().filter((write) => write.key === key);
  if (writes.some((write) => judge.isOfOlderEpoch(write))) return true;
  const entries = writes.flatMap((write) => write.entries);
  const isAside = ({ letters, wasGivenUp }: StreamEntry) => letters > 0 || wasGivenUp === true;
  return coverage.has('outcome tied') || coverage.has('tied') || entries.some(isAside);
}

/** @returns the differences that have to stay. */
export function requireEqual(world: World): Map<string, string> {
  const differences = differencesOf(world);
  for (const [key, kind] of differences) {
    if (isKept(key, world)) world.note('different: kept');
    else world.judge.violation(`equality: ${key} is ${kind} after the repair`);
  }
  return differences;
}

/** The twin's item is not Ferry's, and the policy is to keep it. */
function isKept(key: string, { db, plan }: World): boolean {
  const item = db.get(TABLES.twin, key);
  const isForeign = item !== undefined && item['_ferry'] === undefined;
  return plan.settings.unversionedItems === 'keep' && isForeign;
}

function differencesOf(world: World): Map<string, string> {
  const { db } = world;
  const differing = world.names().filter((key) => world.differs(key));
  return new Map(
    differing.map((key) => {
      const [source, twin] = [world.expected(key), db.get(TABLES.twin, key)];
      const kind =
        source === undefined ? 'extraneous' : twin === undefined ? 'missing' : 'different';
      return [key, kind];
    }),
  );
}

/** Why an item may differ before anybody has repaired it. */
export function reasonOf(key: string, world: World): string | undefined {
  const { judge, deployed } = world;
  // What was never to be on the twin changes nothing there.
  const all = judge.writes().filter((write) => write.key === key);
  const writes = all.filter((write) => !isLeftOut(write, world));
  const last = writes.at(-1);
  const isForeign = ({ record, status }: StreamEntry) =>
    status !== 'done' && !judge.control.hasTable(record.eventSourceARN ?? '');
  if (last?.entries.some(isForeign) === true) return 'put aside before its source was re-pointed';
  const item = judge.itemOf(key);
  if (item.isTampered) return 'tampered with';
  if (item.stays !== undefined) return item.stays;
  if (last?.expired === true && isSkipped(last, deployed)) return 'an expiry is skipped';
  if (last?.malformed === true) return 'the record makes no sense';
  // A redrive that does not find the item at the source takes it for one that has expired.
  if (last?.lost !== undefined && last.kind === 'delete' && deployed.ttlDeletes === 'skip')
    return `the record was lost: ${last.lost}`;
  const newest = writes.findLast((write) => isToShow(write, deployed) && !judge.isOverruled(write));
  const tie = judge.tieOf(key, item.shown, newest?.number ?? 0);
  // What is left out may be what the twin has taken first.
  const leftOut = all.map((one) =>
    isLeftOut(one, world) ? judge.tieOf(key, one.number, newest?.number ?? 0) : undefined,
  );
  const tieNow = newest === last ? (tie ?? leftOut.find(Boolean)) : undefined;
  const latest = tieNow ?? judge.tieOf(key, item.shown, all.at(-1)?.number ?? 0);
  if (latest !== undefined) return `tied: ${latest}`;
  if (tie === undefined && item.shown < (newest?.number ?? 0))
    return newest !== undefined && judge.isOfOlderEpoch(newest) ? 'of an older epoch' : undefined;
  if (last?.lost !== undefined) return `the record was lost: ${last.lost}`;
  // A copy or a repair had shown what the lost records told; then those still on the way took it back.
  const hasLost = writes.some(({ lost }) => lost !== undefined);
  if (hasLost && item.read > 0) return 'a copy was taken back, and records are lost';
  // A change that the projection before has left out is not remembered: an older one that comes late is taken for newer.
  const isForgotten = ({ number, wasLeftOut, entries }: SourceWrite) =>
    number > item.shown && wasLeftOut === true && entries.some(({ kinesis }) => kinesis);
  return world.hasProjectedAnew && all.some(isForgotten)
    ? 'left out by the rules before'
    : undefined;
}

/** By the rules now, or those under which it was delivered. */
function isLeftOut(write: SourceWrite, world: World): boolean {
  const { deployed, plan } = world;
  const planned = world.plannedFor(write.key, { planned: deployed.projection });
  const seen = seenBy(write, { ...deployed, planned }, plan.settings.hasOldImages);
  return seen.kind === 'never' || write.wasLeftOut === true;
}

/** Whether the stream brings a write, or the failure places do. */
function isToShow(write: SourceWrite, deployed: Deployed): boolean {
  const { entries, lost, malformed } = write;
  return entries.length > 0 && lost === undefined && !malformed && !isSkipped(write, deployed);
}

function isSkipped({ expired, wasSkipped }: SourceWrite, { ttlDeletes }: Deployed): boolean {
  return expired && (wasSkipped === true || ttlDeletes === 'skip');
}

/** That a verify which ended reports these differences and no others. */
export function requireVerified(
  ending: Ending | undefined,
  expected: ReadonlyMap<string, string>,
  { judge }: World,
): void {
  if (ending?.kind !== 'ended') return;
  const { differences, inFlight, unreadable } = ending.report as VerifyEnding;
  const text = (map: ReadonlyMap<string, string>) =>
    [...map]
      .map(([key, kind]) => `${key} ${kind}`)
      .toSorted((a, b) => (a < b ? -1 : 1))
      .join(', ');
  if (text(differences) !== text(expected) || inFlight + unreadable > 0)
    judge.violation(`verify: says ${text(differences)}, but it is ${text(expected)}`);
}
