// How both directions of a replication that can be switched are, and which Region is active: read at the same time, since
// one of the Regions may not answer.

import type { Sides } from '../aws/access.ts';
import { otherDirection } from '../config/directions.ts';
import { STRANDED_OBJECT_PREFIX } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { whatHappened } from '../failures/what-happened.ts';
import { activeRegion, type DirectionState } from '../model/active-region.ts';
import type { Vitals } from '../model/vitals.ts';
import { type DirectionName, readCopies } from './active-direction.ts';
import { openFailureBucket } from './failure-bucket.ts';
import type { Environment } from './keyring.ts';
import { operatorSides } from './operator-access.ts';
import { readVitals } from './read-vitals.ts';
import { lookAtTables } from './table-check.ts';

interface DirectionVitals {
  readonly direction: DirectionName;
  readonly replication: ReplicationConfig;
  readonly vitals: Vitals;
}

interface Unread {
  readonly direction: DirectionName;
  readonly why: string;
  readonly error: unknown;
}

export interface SwitchingVitals {
  readonly state: DirectionState;
  /** The direction whose source is active, or the other one where that one cannot be read. */
  readonly shown: DirectionVitals;
  readonly other: DirectionVitals | Unread;
  /** Objects with writes of a lost Region, up to a page of them; undefined where none was lost, or they cannot be listed. */
  readonly strandedObjects: number | undefined;
  /** What is wrong with the tables, each in a sentence or two. */
  readonly ofTables: readonly string[];
}

/** @throws as `readVitals` does of the active direction, where neither can be read. */
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
  const [first, second, strandedObjects, ofTables] = await Promise.all([
    vitalsOf(one, nowMs),
    vitalsOf(two, nowMs),
    strandedIn(state, [out, way]),
    wrongWithTables(one),
  ]);
  const beside = { state, strandedObjects, ofTables };
  // With the Region of the source, its figures may be lost: those beside the twin say how fresh it is.
  if ('vitals' in first) return { ...beside, shown: first, other: second };
  if ('vitals' in second) return { ...beside, shown: second, other: first };
  throw first.error;
}

async function vitalsOf(
  { direction, replication, sides }: Place & Pick<DirectionVitals, 'direction'>,
  nowMs: number,
): Promise<DirectionVitals | Unread> {
  try {
    const vitals = await readVitals(replication, sides, nowMs);
    return { direction, replication, vitals };
  } catch (error) {
    return { direction, why: whatHappened(error), error };
  }
}

interface Place {
  readonly replication: ReplicationConfig;
  readonly sides: Sides;
}

/** What `ferry init` cannot know, and what changes beside Ferry: both streams, and which of the tables expires items. */
const CHANGING = ['stream', 'switching-stream', 'other-stream', 'ttl'];

/** @param place the active direction: only its source may expire items. */
async function wrongWithTables({ replication, sides }: Place): Promise<string[]> {
  try {
    const { findings } = await lookAtTables(replication, sides);
    return findings
      .filter(({ severity, subject }) => severity !== 'note' && CHANGING.includes(subject))
      .map(({ says, advice }) => `${says} ${advice}`);
  } catch (error) {
    return [`The tables could not be checked: ${whatHappened(error)}.`];
  }
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
  const opened = await openFailureBucket(source, replication.name);
  try {
    for await (const page of opened.bucket.list(STRANDED_OBJECT_PREFIX)) return page.length;
    return 0;
  } finally {
    opened.close();
  }
}
