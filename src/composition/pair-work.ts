// What work on an open pair needs, made once for the commands and for the segments of a bulk run: how requests are
// retried, how fast tables are used, and by which control row the twin is written.

import type { Sides } from '../aws/access.ts';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import type { BackfillContext } from '../backfill/context.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { type ControlRow, newestEpoch } from '../model/control-row.ts';
import { type Pace, paceOf } from '../pacing/pace.ts';
import { pacedReader } from '../pacing/paced-reader.ts';
import type { RetryContext } from '../pacing/retry.ts';
import type { Clock, LookAgainQueue } from '../ports.ts';
import { floorIn } from '../redrive/replay.ts';
import type { JudgingRules } from '../verify/judge-both.ts';
import type { RepairContext } from '../verify/repair.ts';
import type { VerifyContext } from '../verify/verify.ts';
import { atHome } from './at-home.ts';
import { requireControl } from './control.ts';
import { openLookAgain } from './look-again.ts';
import { type PairRules, type TablePair, timeToLiveOf } from './table-pair.ts';

/** @param stop ends the waiting. */
export function retriesUntil(stop: AbortSignal, clock: Clock = systemClock): RetryContext {
  return { clock, random: systemRandom, stop };
}

/** @param perSecond undefined for no limit. */
function paceAt(perSecond = Infinity): Pace {
  return paceOf(perSecond, systemClock);
}

/** An open pair, and what writes to its twin beside the stream are judged by. */
export interface PairWriting {
  readonly replication: ReplicationConfig;
  readonly pair: TablePair;
  /** Of the source, as the work began. */
  readonly streamArn: string;
  readonly control: ControlRow;
  readonly lookAgain: LookAgainQueue;
  readonly retries: RetryContext;
}

export interface PairWritingSetup extends Omit<PairWriting, 'control' | 'lookAgain'> {
  /** Unless it is given, the deployed function is asked. */
  readonly queueUrl: string | undefined;
  readonly apply: boolean;
  readonly sides: Sides;
}

/** @throws FerryError as `requireControl` and `openLookAgain` do. */
export async function openPairWriting(setup: PairWritingSetup): Promise<PairWriting> {
  const { replication, streamArn, retries, queueUrl, apply, sides } = setup;
  const control = await requireControl(setup.pair, { apply, streamArn }, retries);
  const lookAgain = await openLookAgain({ replication, sides, queueUrl, apply });
  const pair = setup.pair.lease?.writing(newestEpoch(control).n, setup.pair) ?? setup.pair;
  return { replication, pair, streamArn, retries, control, lookAgain };
}

function writing({ pair, streamArn, control, lookAgain, retries }: PairWriting) {
  return {
    ...retries,
    lookAgain,
    floor: floorIn(control, [streamArn]),
    epoch: newestEpoch(control).n,
    twinWriter: pair.twinWriter,
    ledger: pair.ledger,
  };
}

/** Capacity units per second that work may use at most. @default no limit */
export interface UnitRates {
  readonly readUnits?: number | undefined;
  readonly writeUnits?: number | undefined;
}

export function copyContext(
  work: PairWriting,
  { readUnits, writeUnits }: UnitRates,
): Omit<BackfillContext, 'pageItems' | 'onRejected'> {
  const { pair, replication } = work;
  return {
    ...writing(work),
    rules: pair.rules,
    ttlDeletes: replication.ttlDeletes,
    retention: replication.source,
    source: atHome(pair.source, pair.rules),
    twin: pair.twin,
    transactions: pair.transactions,
    readPace: paceAt(readUnits),
    writePace: paceAt(writeUnits),
  };
}

export function repairContext(
  work: PairWriting,
  {
    itemsPerSecond,
    settleMs,
  }: { readonly itemsPerSecond: number | undefined; readonly settleMs: number },
): RepairContext {
  const { pair, retries } = work;
  return {
    ...writing(work),
    rules: pair.rules,
    source: pacedReader(pair.source, paceAt(), retries),
    twin: pacedReader(pair.twin, paceAt(), retries),
    // No Lambda ends this.
    remainingMs: () => Infinity,
    settleMs,
    pace: paceAt(itemsPerSecond),
  };
}

function judgingRules({ twoWay, ...rules }: PairRules): JudgingRules | undefined {
  return twoWay && { ...rules, twoWay };
}

/** Each side is read at its own rate. */
export function compareContext(
  pair: TablePair,
  { readUnits, settleMs }: UnitRates & { readonly settleMs: number },
  retries: RetryContext,
): Omit<VerifyContext, 'onDifference' | 'onInFlight' | 'onUnreadable'> {
  return {
    ...retries,
    source: pacedReader(pair.source, paceAt(readUnits), retries),
    destination: pacedReader(pair.twin, paceAt(readUnits), retries),
    rules: pair.rules,
    judging: judgingRules(pair.rules),
    timeToLive: timeToLiveOf(pair),
    settleMs,
  };
}
