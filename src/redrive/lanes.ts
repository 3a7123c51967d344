// Dead letters -> one lane per item, side by side, each newest first; what is deleted is announced. Returns what
// became of each letter.

import type { AnnouncedDelete } from '../model/announcement.ts';
import { newestEpoch } from '../model/control-row.ts';
import { BATCH_KEYS_MAX } from '../model/read-request.ts';
import type { StrandedRecord } from '../model/stranded.ts';
import { announceDeletes } from '../replicate/announce-deletes.ts';
import { keepStranded } from '../replicate/keep-stranded.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import type { Pace } from '../pacing/pace.ts';
import type { RecordContext } from './context.ts';
import type { DeadLetter } from './dead-letter.ts';
import { type ReadBefore, redriveItem } from './item.ts';
import type { ItemOutcome, Redriven, RedrivenItem } from './outcome.ts';
import { type LaneLetter, lanesOf } from './place.ts';
import { settleForeign } from './foreign.ts';
import { ReadsAhead } from './read-ahead.ts';
import { redriveStamped } from './stamped.ts';

export interface LanesRun {
  readonly context: RecordContext;
  readonly pace: Pace;
  readonly stop: AbortSignal;
  /** Items with a write that was given up and may still be applied: nothing more is written for them. */
  readonly unknown: Set<string>;
  /** Items that are read together, at most: what a rate allows in a second. @default as many as a batch has */
  readonly readTogether?: number | undefined;
  /** Asked before each item: whether the control row is still the one of `context`. @default it is */
  readonly isCurrent?: (() => Promise<boolean>) | undefined;
  /** Called with what became of each item. */
  readonly onItem?: ((item: RedrivenItem) => void) | undefined;
}

/** Until the destination has answered, no more lanes than this are tried at once. */
const FIRST_LANES_MAX = 16;

/** @returns of each letter, what became of it. */
export async function redriveLetters(
  letters: readonly DeadLetter[],
  run: LanesRun,
): Promise<Redriven[]> {
  const { rules, control, withoutSource, clock, strandedTo, twoWay } = run.context;
  if (twoWay?.merge !== undefined)
    return redriveStamped(letters, { ...twoWay, merge: twoWay.merge }, run);
  const foreign = await settleForeign(letters, run.context);
  const order = { control, rules, withoutSource, nowMs: clock.now(), foreign };
  const switched = strandedTo && rules;
  const { lanes, settled, stranded } = lanesOf(letters, { ...order, switched });
  const kept = await keep(stranded, run.context);
  const tried = await redriveLanes(lanes, run);
  const undone = await announce(lanes.flat(), tried, run.context);
  return letters.map(
    (_, at) =>
      undone.get(at) ?? tried.get(at) ?? settled.get(at) ?? kept.get(at) ?? unfinished('behind'),
  );
}

async function keep(
  stranded: ReadonlyMap<number, StrandedRecord>,
  context: RecordContext,
): Promise<Outcomes> {
  const { strandedTo: bucket } = context;
  if (bucket === undefined || stranded.size === 0) return new Map();
  const ports = { ...context, bucket, replication: context.rules.replication };
  const { kind, why } = { why: '', ...(await keepStranded([...stranded.values()], ports)) };
  const outcome: Redriven =
    kind === 'stranded' ? { kind: 'stranded' } : unfinished(`bucket: ${why}`);
  return new Map([...stranded.keys()].map((position) => [position, outcome]));
}

/** By the letter's position. Of a lane that ends early, the older letters are absent. */
type Outcomes = ReadonlyMap<number, Redriven>;

function unfinished(why: string): Redriven & ItemOutcome {
  return { kind: 'unfinished', why };
}

async function redriveLanes(
  lanes: ReadonlyArray<readonly LaneLetter[]>,
  run: LanesRun,
): Promise<Outcomes> {
  const { context, pace, stop, readTogether = BATCH_KEYS_MAX } = run;
  const reads = new ReadsAhead(
    lanes.map(([newest]) => newest),
    { ...run, readTogether },
  );
  const outcomes = new Map<number, Redriven>();
  let isAnswering = false;
  const tasks = lanes.map((lane, index) => async () => {
    await pace.take(lane.length, stop);
    const outcome = await redriveLane(lane, outcomes, { ...run, before: () => reads.of(index) });
    run.onItem?.({ key: lane[0]?.key ?? {}, outcome, records: lane.length });
    isAnswering ||= outcome.kind !== 'unfinished';
    reads.done(index);
  });
  const { limit } = context;
  await inParallel(tasks, () =>
    limit === undefined || !isAnswering ? FIRST_LANES_MAX : limit.current(),
  );
  return outcomes;
}

interface LaneRun extends LanesRun {
  /** What was read of the newest. */
  readonly before: () => Promise<ReadBefore>;
}

/** @returns what became of the newest letter that could be tried. */
async function redriveLane(
  lane: readonly LaneLetter[],
  outcomes: Map<number, Redriven>,
  run: LaneRun,
): Promise<ItemOutcome> {
  let last: ItemOutcome = unfinished('behind');
  for (const [index, letter] of lane.entries()) {
    if (isCovered(letter, last)) {
      outcomes.set(letter.position, { kind: 'coalesced' });
      continue;
    }
    if (run.unknown.has(letter.keyText)) break;
    if (run.context.health.isDown()) {
      outcomes.set(letter.position, unfinished('halted'));
      break;
    }
    const before = whileCurrent(index === 0 ? run.before() : {}, run);
    last = await redriveItem(letter, run.context, run.stop, before);
    outcomes.set(letter.position, last);
    if (last.kind !== 'unfinished') continue;
    if (last.isUnknown === true) run.unknown.add(letter.keyText);
    break;
  }
  return last;
}

/** Asked last: reads may take longer than an adoption waits. */
async function whileCurrent(
  before: Promise<ReadBefore> | ReadBefore,
  { isCurrent }: LaneRun,
): Promise<ReadBefore> {
  const read = await before;
  return isCurrent === undefined || (await isCurrent()) ? read : { isOutdated: true };
}

/** Whether what became of a newer record of the item is all that an older one could ask for. */
function isCovered({ version, record }: LaneLetter, newer: ItemOutcome): boolean {
  switch (newer.kind) {
    case 'rejected':
    case 'unfinished':
      return false;
    case 'applied':
    case 'superseded':
      // A record without a version may be the newest.
      return version !== undefined;
    case 'resynchronized':
      // The source has what the older record brought, unless its expiry was skipped.
      return newer.leavesExtraneous !== true || record?.eventName !== 'REMOVE';
  }
}

/** @returns the letters whose deletes could not be announced: they are not final. */
async function announce(
  letters: readonly LaneLetter[],
  outcomes: Outcomes,
  context: RecordContext,
): Promise<Outcomes> {
  const deletes = new Map<number, AnnouncedDelete>();
  for (const { position, key } of letters) {
    const outcome = outcomes.get(position);
    if (outcome === undefined || !('deleted' in outcome)) continue;
    if (outcome.deleted !== undefined) deletes.set(position, { key, version: outcome.deleted });
  }
  const { n } = newestEpoch(context.control);
  const obstacle = await announceDeletes([...deletes.values()], n, context);
  if (obstacle === undefined) return new Map();
  const undone = unfinished(`announcement: ${obstacle}`);
  return new Map([...deletes.keys()].map((position) => [position, undone]));
}
