// Per-record outcomes -> the partial batch response for Lambda, and the figures of the invocation.

import { pendingRecords } from './backlog.ts';
import { comparableNumber } from './guard.ts';
import type { Outcome, RecordOutcome, SupersededCause } from './outcome.ts';
import type { FailureKind } from './write-failure.ts';

type FinalKind = Exclude<Outcome['kind'], 'unfinished'>;

export interface BatchSummary {
  /** Lambda's answer: the lowest unfinished sequence number, or nothing. */
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
  /** Records that will not be delivered again, by outcome. */
  readonly counts: Readonly<Record<FinalKind, number>>;
  /** Records that will be delivered again, whatever became of them this time. */
  readonly retried: number;
  /** Of these, those that are held back until an operator acts. */
  readonly held: number;
  /** Whether they are, because a copy of the control row could not be read. */
  readonly isUnreadable: boolean;
  /** Superseded records by cause. */
  readonly superseded: Readonly<Record<SupersededCause, number>>;
  /** Of records that will not be delivered again: of both directions. */
  readonly twoWay: TwoWayCounts;
  /** Of every record applied in this invocation, redelivered or not; none is below zero. */
  readonly latenciesMs: readonly number[];
  /** The same of heartbeats. */
  readonly heartbeatsMs: readonly number[];
  /** How many of them would have been below zero. */
  readonly negativeLatencies: number;
  /** Applied records whose latency is by the stream's time, because they have no usable stamp. */
  readonly timestampFallbacks: number;
  /** Superseded records by cause, unfinished ones by why, dead letters by reason. */
  readonly causes: Readonly<Record<string, number>>;
  /** Failed requests by kind. */
  readonly failures: Readonly<Record<FailureKind, number>>;
  /** Age of the oldest unfinished record; 0 where all are final. */
  readonly oldestUnappliedMs: number;
  /** Records that wait in the shard; an estimate. */
  readonly pendingRecords: number;
}

/** What only both directions have. */
interface TwoWayCounts {
  readonly conflicts: number;
  /** Inserts of Ferry's that came late, and were taken away. */
  readonly revenants: number;
  /** Stamps far ahead of their records. */
  readonly futureStamps: number;
}

export interface BatchFacts extends Pick<BatchSummary, 'failures'> {
  readonly nowMs: number;
  /** @default false */
  readonly isUnreadable?: boolean | undefined;
}

/**
 * Sums up a batch. Lambda delivers again everything from the lowest unfinished record on, also what
 * succeeded; those records are counted when they come back, so that each is counted once.
 * @throws Error when an unfinished record has no sequence number: then nothing can be reported, and
 *   the invocation must fail so that the whole batch is delivered again.
 */
export function summarizeBatch(
  records: readonly RecordOutcome[],
  { failures, nowMs, isUnreadable = false }: BatchFacts,
): BatchSummary {
  const checkpoint = lowestUnfinished(records);
  const counts = noCounts();
  const superseded = noRefusals();
  let retried = 0;
  let held = 0;
  const causes: Record<string, number> = {};
  const twoWay = { conflicts: 0, revenants: 0, futureStamps: 0 };
  for (const { sequenceNumber, outcome, isAhead } of records) {
    const cause = causeOf(outcome);
    if (cause !== undefined) causes[cause] = (causes[cause] ?? 0) + 1;
    if (outcome.kind === 'unfinished' && outcome.why === 'held') held += 1;
    if (outcome.kind === 'unfinished' || isRedelivered(sequenceNumber, checkpoint)) retried += 1;
    else {
      counts[outcome.kind] += 1;
      if (isAhead === true) twoWay.futureStamps += 1;
      if (outcome.kind === 'own' && outcome.isConflict === true) twoWay.conflicts += 1;
      if (outcome.kind === 'own' && outcome.isRevenant === true) twoWay.revenants += 1;
    }
    if (outcome.kind === 'superseded' && !isRedelivered(sequenceNumber, checkpoint))
      superseded[outcome.cause] += 1;
  }
  const batchItemFailures = checkpoint === undefined ? [] : [{ itemIdentifier: checkpoint }];
  return {
    batchItemFailures,
    counts,
    superseded,
    twoWay,
    retried,
    held,
    isUnreadable,
    causes,
    failures,
    ...latencyFigures(records),
    oldestUnappliedMs: oldestUnappliedMs(records, nowMs),
    pendingRecords: pendingRecords(creationTimes(records), { retried, nowMs }),
  };
}

function noCounts(): Record<FinalKind, number> {
  return {
    applied: 0,
    superseded: 0,
    coalesced: 0,
    skipped: 0,
    foreign: 0,
    own: 0,
    stray: 0,
    stranded: 0,
    'dead-lettered': 0,
  };
}

function noRefusals(): Record<SupersededCause, number> {
  return {
    redelivery: 0,
    tied: 0,
    newer: 0,
    deleted: 0,
    unversioned: 0,
    'not-returned': 0,
    'not-comparable': 0,
    ended: 0,
  };
}

type LatencyFigures = Pick<
  BatchSummary,
  'latenciesMs' | 'heartbeatsMs' | 'negativeLatencies' | 'timestampFallbacks'
>;

function latencyFigures(records: readonly RecordOutcome[]): LatencyFigures {
  let negativeLatencies = 0;
  let timestampFallbacks = 0;
  const clamp = (ms: number) => {
    if (ms < 0) negativeLatencies += 1;
    return Math.max(0, ms);
  };
  const latenciesMs: number[] = [];
  const heartbeatsMs: number[] = [];
  for (const { outcome } of records) {
    if (outcome.kind !== 'applied') continue;
    const { latencyMs, heartbeatMs, isTimestampFallback } = outcome;
    if (isTimestampFallback === true) timestampFallbacks += 1;
    if (latencyMs !== undefined) latenciesMs.push(clamp(latencyMs));
    if (heartbeatMs !== undefined) heartbeatsMs.push(clamp(heartbeatMs));
  }
  return { latenciesMs, heartbeatsMs, negativeLatencies, timestampFallbacks };
}

function oldestUnappliedMs(records: readonly RecordOutcome[], nowMs: number): number {
  const unfinished = records.filter(({ outcome }) => outcome.kind === 'unfinished');
  const ages = creationTimes(unfinished).map((seconds) => nowMs - seconds * 1000);
  return ages.reduce((oldest, age) => Math.max(oldest, age), 0);
}

function creationTimes(records: readonly RecordOutcome[]): number[] {
  return records.flatMap(({ createdAtSeconds }) => createdAtSeconds ?? []);
}

/** Kind and cause, for people: `superseded.newer`, `unfinished.throttled`, `conflict`. */
function causeOf(outcome: Outcome): string | undefined {
  switch (outcome.kind) {
    case 'superseded':
      return `superseded.${outcome.cause}`;
    case 'unfinished':
      return `unfinished.${outcome.why}`;
    case 'dead-lettered':
      return `dead-lettered.${outcome.reason}`;
    case 'applied':
    case 'coalesced':
    case 'skipped':
    case 'foreign':
      return undefined;
    case 'own':
      if (outcome.isConflict === true) return 'conflict';
      return outcome.isRevenant === true ? 'revenant' : undefined;
    case 'stray':
    case 'stranded':
      return outcome.kind;
  }
}

function lowestUnfinished(records: readonly RecordOutcome[]): string | undefined {
  let lowest: string | undefined;
  for (const { sequenceNumber, outcome } of records) {
    if (outcome.kind !== 'unfinished') continue;
    if (sequenceNumber === undefined) {
      throw new Error(
        'a record without a sequence number is unfinished, so the whole batch must be repeated',
      );
    }
    if (lowest === undefined || isBefore(sequenceNumber, lowest)) lowest = sequenceNumber;
  }
  return lowest;
}

function isRedelivered(
  sequenceNumber: string | undefined,
  checkpoint: string | undefined,
): boolean {
  if (sequenceNumber === undefined || checkpoint === undefined) return false;
  return !isBefore(sequenceNumber, checkpoint);
}

function isBefore(a: string, b: string): boolean {
  return comparableNumber(a) < comparableNumber(b);
}
