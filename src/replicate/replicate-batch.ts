// One invocation: records in, one settled outcome per record out. Nothing is still being written when it
// ends, and every record is accounted for.

import { ANSWER_MARGIN_MS, HELD_ANSWER_MS, LATE_REQUEST_MS, TAIL_MS } from '../config/names.ts';
import type { ConcurrencyLimit } from './concurrency-limit.ts';
import { newestEpoch } from '../model/control-row.ts';
import { type DestinationHealth, destinationHealth } from './destination-health.ts';
import { hasRemove, toLanes } from '../model/lanes.ts';
import { seriesInEpoch, type SeriesOf } from '../model/guard.ts';
import { lacksOldImage, projectRecord } from '../model/projected-record.ts';
import type { StreamRules } from '../model/rules.ts';
import { type BatchSummary, summarizeBatch } from '../model/batch-response.ts';
import { HELD, heldBy, type Outcome } from '../model/outcome.ts';
import {
  type ParsedRecord,
  parseStreamRecord,
  recordKey,
  streamArnsIn,
  type StreamRecord,
} from '../model/stream-record.ts';
import { isSystemic, type RejectionMemory, verdictsIn } from './systemic-rejection.ts';
import type {
  Clock,
  DeadLetterQueue,
  Log,
  LookAgainQueue,
  Metrics,
  Random,
  TwinReader,
  TwinWriter,
} from '../ports.ts';
import { announceBatch } from './announce-deletes.ts';
import { applyLane, type WriteOutcome } from './apply-lane.ts';
import type { BothWays, TwoWayBatch } from './both-ways.ts';
import type { Admission, BatchRecord, ControlKeeper } from './control-keeper.ts';
import { inParallel } from '../pacing/in-parallel.ts';
import { lookUpInserts } from './look-up-inserts.ts';
import { putAside } from './put-aside.ts';
import type { WriteContext } from './write-change.ts';
import { writeRecord } from './write-change.ts';

/** What outlives an invocation: what one has learned is good for the next. */
export interface Replicator {
  readonly rules: StreamRules;
  readonly twinWriter: TwinWriter;
  readonly twinReader: TwinReader;
  readonly deadLetters: DeadLetterQueue;
  readonly lookAgain: LookAgainQueue;
  readonly control: ControlKeeper;
  readonly limit: ConcurrencyLimit;
  readonly rejections: RejectionMemory;
  /** Of a replication in both directions. */
  readonly bothWays?: BothWays | undefined;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
}

export interface ReplicationContext extends Replicator {
  /** Milliseconds until Lambda ends the invocation. */
  readonly remainingMs: () => number;
}

/** What is known of records that do not come from the stream of a table. */
export interface Translation {
  /** What a letter keeps of each record. */
  readonly letters: readonly unknown[];
  /** By which Lambda knows each record. */
  readonly numbers: ReadonlyArray<string | undefined>;
  /** Settles what has an end, or makes no sense, before anything is written. */
  settle(parsed: readonly ParsedRecord[]): readonly BatchRecord[];
}

interface Invocation extends ReplicationContext {
  readonly raw: readonly unknown[];
  readonly translation?: Translation | undefined;
  readonly health: DestinationHealth;
  readonly decidedAtMs: number;
  /** The same batch, where both tables are written. */
  readonly twoWay?: TwoWayBatch | undefined;
  readonly isUnreadable?: boolean | undefined;
}

/**
 * Replicates `rawRecords`, `event.Records` of one stream shard in stream order.
 * @param translation of records in the form of a table's stream; those that could not be translated are undefined.
 * @returns what to answer to Lambda, and the figures, which have been published.
 * @throws only where nothing can be said about the batch; Lambda then delivers all of it again.
 */
export async function replicateBatch(
  rawRecords: readonly unknown[],
  context: ReplicationContext,
  translation?: Translation,
): Promise<BatchSummary> {
  if (!Array.isArray(rawRecords)) {
    throw new Error('the event holds no list of records, so the whole batch must be repeated');
  }
  const [health, decidedAtMs] = [destinationHealth(), context.clock.now()];
  const invocation = { ...context, raw: rawRecords, translation, health, decidedAtMs };
  // Before anything is adopted: the control row would keep the attribute's name.
  if (hasReservedKey(rawRecords, context.rules)) return holdBatch(RESERVED_KEY, invocation);
  const admission = await context.control.admit(streamArnsIn(rawRecords), context.remainingMs);
  if (admission.kind === 'held') return holdBatch(admission, invocation);

  const { row, seriesOf, switched } = admission;
  const epoch = newestEpoch(row).n;
  const parsed = projectAll(parseAll(rawRecords, seriesOf), invocation);
  if (parsed === undefined) return holdBatch(OLD_IMAGE_MISSING, invocation);
  if (context.rules.twoWay !== undefined) return applyTwoWay(parsed, epoch, invocation);
  if (switched === undefined)
    return applyAll(translation?.settle(parsed) ?? parsed, epoch, invocation);
  const { records, isHeld, isUnreadable } = await switched.settle(parsed, invocation);
  const { twinWriter } = switched;
  return applyAll(records, epoch, { ...invocation, twinWriter, isUnreadable }, isHeld);
}

/** Not every record is to be written: Ferry's own come back through the stream. */
async function applyTwoWay(
  parsed: readonly ParsedRecord[],
  epoch: number,
  invocation: Invocation,
): Promise<BatchSummary> {
  const { bothWays } = invocation;
  if (bothWays === undefined) throw new Error('the other direction was not opened');
  const twoWay = await bothWays.settle(parsed, invocation);
  if (twoWay.kind === 'held') return holdBatch(twoWay, invocation);
  return applyAll(twoWay.records, epoch, { ...invocation, twoWay }, twoWay.isHeld);
}

async function applyAll(
  parsed: readonly BatchRecord[],
  epoch: number,
  invocation: Invocation,
  isHeld = false,
): Promise<BatchSummary> {
  const written = await writeAll(parsed, invocation);
  const kept = (await invocation.twoWay?.keep(written)) ?? written;
  const announced = await announceBatch(parsed, kept, epoch, invocation);
  const outcomes = await settleRejections(parsed, announced, invocation);
  await letLateRequestsLand(invocation);
  if (isHeld) await waitAtMost(HELD_ANSWER_MS, invocation);
  return answer(parsed, outcomes, invocation);
}

/** Not `map` with the parser itself, which would be given more than it takes. */
function parseAll(raw: readonly unknown[], seriesOf: SeriesOf): ParsedRecord[] {
  return raw.map((one, position) => parseStreamRecord(one, position, seriesOf));
}

/** @returns undefined where it is not known whether the twin had what the projection leaves out. */
function projectAll(
  parsed: readonly ParsedRecord[],
  { raw, rules }: Invocation,
): readonly ParsedRecord[] | undefined {
  if (rules.projection === undefined) return parsed;
  const projected = parsed.map((one, position) => projectRecord(one, raw[position], rules));
  return projected.some((one, position) => lacksOldImage(one, raw[position]))
    ? undefined
    : projected;
}

const RESERVED_KEY = {
  kind: 'held',
  why: 'the reserved attribute is a key attribute of the source',
} as const;

/** Each change of an item that is left out would be a delete. */
const OLD_IMAGE_MISSING = {
  kind: 'held',
  why: 'the projection leaves items out, which needs a stream of NEW_AND_OLD_IMAGES',
} as const;

/** Then no version could be written. Records of one stream have the same key attributes. */
function hasReservedKey(raw: readonly unknown[], { reservedAttribute }: StreamRules): boolean {
  for (const one of raw) {
    const found = recordKey(one);
    if (found !== undefined) return Object.hasOwn(found.key, reservedAttribute);
  }
  return false;
}

/** Nothing is written. It is answered late, or Lambda would deliver it again at once, for hours. */
async function holdBatch(
  { why, failure, isUnreadable }: Extract<Admission, { kind: 'held' }>,
  invocation: Invocation,
): Promise<BatchSummary> {
  const { raw, clock, log, health } = invocation;
  log({ event: 'batch.held', why, records: raw.length });
  if (failure !== undefined) health.note(failure, clock.now());
  await waitAtMost(HELD_ANSWER_MS, invocation);
  const outcome = heldBy(failure);
  // Only their numbers and times are of interest.
  const parsed = parseAll(raw, seriesInEpoch(0));
  return answer(
    parsed,
    parsed.map(() => outcome),
    { ...invocation, isUnreadable },
  );
}

/** Writes every item's newest record. What cannot be parsed is rejected already. */
async function writeAll(
  parsed: readonly BatchRecord[],
  invocation: Invocation,
): Promise<WriteOutcome[]> {
  const { rules, limit, remainingMs, twoWay } = invocation;
  const outcomes = parsed.map(startOf);
  const records = parsed.flatMap(({ kind, record }) => (kind === 'record' ? [record] : []));
  const lanes = twoWay?.write === undefined ? toLanes(records, rules.ttlDeletes) : [];
  // Time to put aside what is rejected, to announce deletes, and to keep what has lost a conflict.
  let hasTail =
    parsed.some(({ kind }) => kind === 'malformed') ||
    lanes.some(hasRemove) ||
    rules.twoWay?.losers === 'keep';
  const deletedVersion = lookUpInserts(lanes, invocation);
  const writing: WriteContext = {
    ...invocation,
    deletedVersion,
    remainingMs: () => remainingMs() - (hasTail ? TAIL_MS : 0),
    onRejected: () => {
      hasTail = true;
    },
  };
  const atOnce = () => limit.current();
  if (twoWay?.write !== undefined) await twoWay.write(outcomes, writing, atOnce);
  const write = (record: StreamRecord, mayBeNew: boolean) => writeRecord(record, mayBeNew, writing);
  const tasks = lanes.map((lane) => () => applyLane(lane, write, outcomes));
  await inParallel(tasks, atOnce);
  return outcomes;
}

function startOf(one: BatchRecord): WriteOutcome {
  if (one.kind === 'settled') return one.outcome;
  return one.kind === 'malformed'
    ? { kind: 'rejected', reason: one.record.reason, attempts: [] }
    : { kind: 'unfinished', why: 'behind' };
}

/** Puts aside what is rejected, unless nearly everything is. */
async function settleRejections(
  parsed: readonly BatchRecord[],
  outcomes: readonly WriteOutcome[],
  invocation: Invocation,
): Promise<Outcome[]> {
  const { rules, rejections, log, raw, translation } = invocation;
  const verdicts = verdictsIn(parsed, outcomes);
  const streak = rejections.note(verdicts);
  const mayHold = rules.systemicRejections === 'hold' && verdicts.rejected.size > 0;
  if (mayHold && streak !== undefined && isSystemic(streak)) {
    log({ event: 'batch.held', why: `nearly everything is rejected: ${streak.reason}` });
    await waitAtMost(HELD_ANSWER_MS, invocation);
    return outcomes.map((outcome) => (outcome.kind === 'rejected' ? HELD : outcome));
  }
  const records = parsed.map(({ record }) => record);
  return putAside({ raw: translation?.letters ?? raw, records, outcomes }, invocation);
}

/**
 * A request that was given up may still be under way. If the batch were answered at once, a delete of
 * the same item could be delivered and applied before it lands, and the item would be back.
 */
async function letLateRequestsLand(invocation: Invocation): Promise<void> {
  const { health, clock } = invocation;
  const givenUpMs = health.lastUnknownMs();
  if (givenUpMs === undefined) return;
  await waitAtMost(givenUpMs + LATE_REQUEST_MS - clock.now(), invocation);
}

/** Less where the answer needs the time. */
async function waitAtMost(ms: number, { clock, remainingMs }: Invocation): Promise<void> {
  const waitMs = Math.min(ms, remainingMs() - ANSWER_MARGIN_MS);
  if (waitMs > 0) await clock.sleep(waitMs);
}

function answer(
  parsed: readonly BatchRecord[],
  outcomes: readonly Outcome[],
  { health, clock, metrics, log, isUnreadable, translation }: Invocation,
): BatchSummary {
  const summary = summarizeBatch(
    parsed.map(({ record }, index) => ({
      sequenceNumber:
        translation === undefined ? record.sequenceNumber : translation.numbers[index],
      createdAtSeconds: record.createdAtSeconds,
      isAhead: 'isAhead' in record ? record.isAhead : undefined,
      outcome: outcomes[index] as Outcome,
    })),
    { failures: health.failures, nowMs: clock.now(), isUnreadable },
  );
  metrics.publish(summary);
  const { causes, retried } = summary;
  // One line for a batch that did not go smoothly: names and counts, never an item.
  if (Object.keys(causes).length > 0)
    log({ event: 'batch.troubled', retried, causes, errors: health.errors });
  return summary;
}
