// Backfills: by a command alone, or by the workers of a state machine that a command begins and follows.

import type { BackfillRun } from '../../src/backfill/checkpoint.ts';
import { type ControlRow, newestEpoch } from '../../src/model/control-row.ts';
import { FerryError } from '../../src/errors.ts';
import {
  backfill,
  type BackfillProgress,
  backfillProgress,
  continueSegment,
} from '../../src/backfill/backfill.ts';
import { projectionOf } from '../../src/backfill/projection.ts';
import { finishBackfill, noteExecution, openBackfill } from '../../src/backfill/run.ts';
import type { BackfillContext } from '../../src/backfill/context.ts';
import { paceOf } from '../../src/pacing/pace.ts';
import { basics, controlFor, floorFor } from './command-parts.ts';
import { TABLES } from './judge.ts';
import type { PlannedCommand } from './plan.ts';
import type { Process } from './process.ts';
import { happens } from './random.ts';
import type { World } from './world.ts';

/** A worker's report is full, or its time is up. */
const PAGES_LEFT_TO_THE_NEXT = 0.3;
const LAST_PAGE_MS = 60_000;

export async function runBackfill(
  { isBulk = false, reproject = false }: Pick<PlannedCommand, 'isBulk' | 'reproject'>,
  process: Process,
  world: World,
): Promise<object> {
  const control = await controlFor(process, world);
  const context = contextOf(process, world, control);
  const wasAnew = world.isAnew;
  const { run, resumed } = await openRun(control, { process, world, reproject }, context);
  if (run.reproject === true) {
    world.note('reproject');
    // Nothing of the function with the rules before may land beside it.
    await context.clock.sleep(world.outdatedInMs());
  }
  if (resumed) world.note('backfill goes on');
  const progress = isBulk
    ? await copyInBulk(run, context, { process, world })
    : await backfill(run, context, { workers: 2, onProgress: () => undefined });
  const { items, copied, present, deleted, rejected, leftOut, rewritten, removed } = progress;
  if (deleted > 0) world.note('copy refused by a tombstone');
  if (present > 0) world.note('copy refused by an item');
  if (rewritten > 0) world.note('rewritten by a backfill');
  if (removed > 0) world.note('removed by a backfill');
  if (items !== copied + present + deleted + rejected + leftOut + rewritten)
    world.judge.violation(`counters: backfill ${JSON.stringify(progress)}`);
  if (world.isAnew === wasAnew) requireCopied(world);
  return { ...progress, resumed };
}

function contextOf(
  process: Process,
  world: World,
  control: ControlRow,
  streamArn = world.source.stream.arn,
): BackfillContext {
  const retries = basics(process, world);
  const unlimited = paceOf(Infinity, retries.clock);
  return {
    ...retries,
    ...world.ports(process),
    rules: process.facts.settings,
    ttlDeletes: process.facts.settings.ttlDeletes,
    epoch: newestEpoch(control).n,
    floor: floorFor(control, world, streamArn),
    readPace: unlimited,
    writePace: unlimited,
    pageItems: world.plan.settings.pageItems,
    // What the twin will not take for now is for a later run.
    onRejected: ({ reason }) => {
      world.note('copy rejected');
      world.tell(() => `a copy is rejected: ${reason}`);
    },
  };
}

/** Begins an execution, or follows the one that is under way. */
async function copyInBulk(
  run: BackfillRun,
  context: BackfillContext,
  { process, world }: { readonly process: Process; readonly world: World },
): Promise<BackfillProgress> {
  const { open: segments } = await backfillProgress(run, context);
  let { execution } = run;
  if (execution !== undefined && world.bulkRuns.isRunning(execution))
    world.note('bulk run followed by another command');
  else {
    execution = `bulk-of-${process.facts.name}`;
    // It goes through states as JSON.
    const work = { run: JSON.parse(JSON.stringify(run)) as BackfillRun, segments };
    world.bulkRuns.start(execution, { ...work, slowMs: process.facts.slowMs });
    await noteExecution(run, execution, context);
  }
  const state = await world.bulkRuns.ended(execution, process);
  if (state.kind === 'failed') throw new Error(`the bulk run has failed: ${state.why}`);
  const { progress, open } = await backfillProgress(run, context);
  if (open.length > 0) throw new Error('some segments of the bulk run are not done');
  await finishBackfill(run, progress, context);
  return progress;
}

/** A worker's part: as far as its time goes. @returns whether the segment is done. */
export async function copySegment(
  run: BackfillRun,
  segment: number,
  process: Process,
  world: World,
): Promise<boolean> {
  const { scheduler } = world;
  const { random, deadlineMs = Infinity } = process.facts;
  const control = await controlFor(process, world, run.streamArn);
  const context = contextOf(process, world, control, run.streamArn);
  const isTimeUp = () =>
    deadlineMs - scheduler.now() < LAST_PAGE_MS || happens(random, PAGES_LEFT_TO_THE_NEXT);
  return continueSegment(run, segment, { ...context, isTimeUp });
}

/** In calm: whatever the source has, the twin has in some version. */
export function requireEverything(world: World): void {
  const { db, judge } = world;
  const left = [...db.contents(TABLES.source).keys()].filter(
    (key) => world.expected(key) !== undefined && db.get(TABLES.twin, key) === undefined,
  );
  if (left.length > 0) judge.violation(`copy: left out ${left.join(', ')} in calm`);
}

/** What nobody has written to since the stream is on, only a backfill brings, and it has come to its end. */
function requireCopied(world: World): void {
  const { plan, judge, db } = world;
  const written = judge
    .writes()
    .filter(({ entries, lost }) => entries.length > 0 || lost !== undefined);
  const touched = new Set([
    ...written.map(({ key }) => key),
    ...plan.disturbances.flatMap((one) => (one.kind === 'tamper' ? [one.key] : [])),
  ]);
  const left = plan.preExisting.filter(
    (key) =>
      !touched.has(key) &&
      typeof world.expected(key) === 'object' &&
      db.get(TABLES.twin, key) === undefined,
  );
  if (left.length > 0) judge.violation(`copy: left out ${left.join(', ')}`);
}

async function openRun(
  { projection: written }: ControlRow,
  {
    process,
    world,
    reproject,
  }: { readonly process: Process; readonly world: World; readonly reproject: boolean },
  context: BackfillContext,
) {
  const wanted = process.facts.settings.projection?.digest;
  // Where it is refused, the operator asks for it.
  const isAsked = reproject || (written !== undefined && written !== wanted);
  const fresh = {
    ...projectionOf({ wanted, written, isAsked }),
    run: process.facts.name,
    totalSegments: world.plan.settings.totalSegments,
    streamArn: world.source.stream.arn,
    destination: world.db.tableId(TABLES.twin),
    startedAt: new Date(context.clock.now()).toISOString(),
  };
  try {
    return await openBackfill(fresh, false, context);
  } catch (error) {
    if (!(error instanceof FerryError) || !/^backfill.*-changed$/.test(error.code)) throw error;
    return openBackfill(fresh, true, context);
  }
}
