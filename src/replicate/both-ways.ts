// What only a function of both directions needs, loaded where there is one: which records of a batch are replicated, how
// stamped ones are written, and where writes that have lost are kept.

import type { ParsedRecord } from '../model/stream-record.ts';
import type { Log } from '../ports.ts';
import type { WriteOutcome } from './apply-lane.ts';
import type { DeliveredBatch, SettledRecords } from './control-keeper.ts';
import { keepLosers } from './keep-losers.ts';
import { losersIn } from './losers.ts';
import { nearContext, type NearSetup } from './near.ts';
import { settleHome } from './settle-home.ts';
import { settleStamped } from './settle-stamped.ts';
import type { WriteContext } from './write-change.ts';
import { writeStamped } from './write-stamped.ts';

export interface BothWays {
  /** Settles what is not to be written. Never rejects. */
  settle(parsed: readonly ParsedRecord[], batch: DeliveredBatch): Promise<TwoWayBatch | HeldBatch>;
}

interface HeldBatch {
  readonly kind: 'held';
  readonly why: string;
}

export interface TwoWayBatch extends Pick<SettledRecords, 'records' | 'isHeld'> {
  readonly kind: 'settled';
  /** Absent where records are written as in one direction. Changes `outcomes` by position. Never rejects. */
  readonly write?: (outcomes: WriteOutcome[], far: WriteContext, atOnce: AtOnce) => Promise<void>;
  /**
   * Keeps what has lost, if that is wanted.
   * @returns the outcomes, unfinished where something could not be kept. Never rejects.
   */
  keep(outcomes: WriteOutcome[]): Promise<WriteOutcome[]>;
}

/** How many items are worked on at the same time. */
type AtOnce = () => number;

/** @throws Error where the replication has one direction only. */
export function bothWays(setup: NearSetup & { readonly log: Log }): BothWays {
  const { rules, log } = setup;
  const { twoWay } = rules;
  if (twoWay === undefined) throw new Error(`${rules.replication} has one direction only`);
  return {
    async settle(parsed, batch) {
      const { raw } = batch;
      if (parsed.some(({ kind }, position) => kind === 'record' && hasNoOldImage(raw[position])))
        return NO_OLD_IMAGES;
      const near = nearContext(setup, twoWay, batch);
      const kept = (records: TwoWayBatch['records']) => async (outcomes: WriteOutcome[]) =>
        twoWay.losers === 'count'
          ? outcomes
          : keepLosers(losersIn(records, raw, { outcomes, rules }), outcomes, near);
      if (twoWay.mode === 'home') {
        const records = await settleHome(parsed, raw, { ...near, twoWay });
        return { kind: 'settled', records, isHeld: false, keep: kept(records) };
      }
      const { records, moving, isHeld } = settleStamped(parsed, raw, { ...rules, twoWay });
      if (isHeld) log({ event: 'batch.held', why: LATER_EPOCH });
      return {
        kind: 'settled',
        records,
        isHeld,
        keep: kept(records),
        write: (outcomes, far, atOnce) =>
          writeStamped(moving, outcomes, { near, far, twoWay, atOnce }),
      };
    },
  };
}

const LATER_EPOCH = 'items have stamps of a later epoch than the configuration';

const NO_OLD_IMAGES: HeldBatch = {
  kind: 'held',
  why: 'both directions need streams of NEW_AND_OLD_IMAGES',
};

function hasNoOldImage(raw: unknown): boolean {
  const { eventName, dynamodb } = raw as {
    readonly eventName?: unknown;
    readonly dynamodb?: { readonly OldImage?: unknown };
  };
  return eventName !== 'INSERT' && dynamodb?.OldImage === undefined;
}
