// `ferry backfill --reproject`: the wait for earlier invocations of the function, and what a sample says of the twin.

import type { DeployedProjection } from '../aws/deployed-function.ts';
import { systemClock } from '../aws/system-clock.ts';
import { noCounts } from '../backfill/checkpoint.ts';
import type { BackfillContext } from '../backfill/context.ts';
import { readTogether, type Reprojection, reprojectionOf } from '../backfill/reproject-page.ts';
import { openBulk } from '../composition/bulk-setup.ts';
import { requireDeployedProjection } from '../composition/deployed-projection.ts';
import { LATE_REQUEST_MS } from '../config/names.ts';
import { FerryError } from '../errors.ts';
import { canonicalKey } from '../model/attribute-value.ts';
import { sleep } from '../pacing/sleep.ts';
import type { Item } from '../ports.ts';
import { duration } from '../text/duration.ts';
import { withOpen } from './call.ts';
import { RUN_PREFIX } from './redrive-bulk.ts';
import type { WritingCall } from './run-needs.ts';

/** Beside late requests, clocks may differ. */
const CLOCKS_MS = 5_000;
/** Lambda notes when an update was asked for; until it is made, it invokes the function as it was. */
const UPDATE_MS = 60_000;

/** Until when an invocation of before the last deployment can write, where this one was first seen at `seenMs`. */
export function writesUntilMs(deployed: DeployedProjection, seenMs: number): number {
  const { changedAtMs = 0, isChanging, timeoutSeconds } = deployed;
  const begunMs = isChanging ? seenMs : Math.min(seenMs, changedAtMs + UPDATE_MS);
  return begunMs + timeoutSeconds * 1000 + LATE_REQUEST_MS + CLOCKS_MS;
}

/** Workers of a bulk redrive may have begun before the deployment, and have up to 15 minutes. */
async function requireNoRedrive({ replication, sides }: WritingCall): Promise<void> {
  if (!replication.bulk) return;
  const opening = openBulk(replication, sides);
  const running = await withOpen(opening, ({ runs }) => runs.running(RUN_PREFIX));
  if (running === undefined) return;
  throw new FerryError(`The bulk redrive ${running} is running, perhaps with another projection.`, {
    code: 'bulk.running',
    hint: 'Wait for its end, or stop it in Step Functions and wait 15 minutes.',
  });
}

/**
 * Waits until no invocation with another projection can write any more.
 * @throws FerryError `deployment.differs` or `bulk.running`, or the reason of `io.interrupted`.
 */
export async function untilOnlyDeployed(call: WritingCall): Promise<void> {
  const { io, replication, sides, pair, retries } = call;
  await requireNoRedrive(call);
  const clock = io.clock ?? systemClock;
  const digest = pair.rules.projection?.digest;
  let seen: (DeployedProjection & { readonly untilMs: number }) | undefined;
  for (;;) {
    const deployed = await requireDeployedProjection(replication, sides.source, digest);
    if (deployed === undefined) return;
    const isTold = seen !== undefined;
    const nowMs = clock.now();
    if (seen === undefined || seen.isChanging || seen.changedAtMs !== deployed.changedAtMs)
      seen = { ...deployed, untilMs: writesUntilMs(deployed, nowMs) };
    const leftMs = seen.untilMs - nowMs;
    if (leftMs <= 0) return;
    if (!isTold)
      io.err(
        `The function was deployed lately. Waiting ${duration(leftMs)}, until no earlier invocation can write with another projection.`,
      );
    await sleep(leftMs, { ...retries, clock }, (ms) => io.status(`waiting ${duration(ms)}`));
  }
}

/** What a sample says of an item: of the kept ones what is to be done, and of those that are left out. */
export interface SampledTwin extends Readonly<Record<Reprojection, number>> {
  /** Left out, and on the twin. */
  readonly remove: number;
  /** The kept items that are not on the twin as they should be, and what is to be removed. */
  readonly toWrite: readonly Item[];
}

export async function lookAtTwin(
  { items, leftOut }: { readonly items: readonly Item[]; readonly leftOut: readonly Item[] },
  { source, twin, rules, ...context }: BackfillContext,
): Promise<SampledTwin> {
  const counts = noCounts();
  const kept = items.map((content) => {
    const key = source.keyOf(content);
    return { key, content, keyText: canonicalKey(key) };
  });
  const keys = [...kept.map(({ key }) => key), ...leftOut];
  const twins = await readTogether(keys, twin, context, counts);
  const found = { copy: 0, present: 0, rewrite: 0 };
  const toWrite: Item[] = [];
  for (const item of kept) {
    const todo = reprojectionOf(item, twins, rules);
    found[todo] += 1;
    if (todo !== 'present') toWrite.push(item.content);
  }
  const toRemove = leftOut
    .map((key) => twins.get(canonicalKey(key)))
    .filter((item) => item !== undefined);
  return { ...found, remove: toRemove.length, toWrite: [...toWrite, ...toRemove] };
}
