// What a write obeys, and what decides which item the twin should have.

import type { HandlerSettings } from '../config/handler-settings.ts';
import type { Projection } from './projection.ts';
import type { HomeRules } from './home.ts';

/** What the twin's item is made by. */
export type TwinRules = Pick<HandlerSettings, 'reservedAttribute'> & {
  /** @default the twin has each item as the source has it */
  readonly projection?: Projection | undefined;
};

/** What every write to the twin and the ledger obeys. */
export type WriteRules = Pick<
  HandlerSettings,
  | 'replication'
  | 'sourceRegion'
  | 'destinationTable'
  | 'stateTable'
  | 'unversionedItems'
  | 'tombstones'
  | 'arrival'
  | 'tombstoneLifeSeconds'
> &
  TwinRules;

/** What changes from the stream obey beyond that. */
export type StreamRules = WriteRules &
  Pick<
    HandlerSettings,
    | 'ttlDeletes'
    | 'systemicRejections'
    | 'deadLetters'
    | 'timestampAttribute'
    | 'heartbeatKeyText'
    | 'streamArn'
  > & {
    /** @default only the source is written by applications */
    readonly twoWay?: TwoWayRules | undefined;
  };

/** What makes of a record the change that the twin sees. */
export type ProjectingRules = TwinRules & Pick<StreamRules, 'ttlDeletes'>;

/** What finds the ledger's rows of a replication. */
export type LedgerRules = Pick<WriteRules, 'replication' | 'stateTable'>;

/** What writes them: a row lives as long as a tombstone. */
export type LedgerRowRules = LedgerRules & Pick<WriteRules, 'tombstoneLifeSeconds'>;

/** A side of a configuration file: 1 for `source`, 2 for `destination`. */
export type Origin = 1 | 2;

/** Of both directions: X is the side of the stream at hand, and Y the other one. */
interface BothWays {
  /** The number that the control row must have, too. */
  readonly epoch: number;
  /** Region of X. */
  readonly region: string;
  /** Canonical text of the key of the other direction's heartbeat item. */
  readonly otherHeartbeatKeyText?: string | undefined;
  readonly losers: 'count' | 'keep';
  /** What writes to X obey: those of the other direction. Its ledger is beside X. */
  readonly near: WriteRules;
}

export interface HomeModeRules extends BothWays {
  readonly mode: 'home';
  readonly home: HomeRules;
  /** Earlier changes do not count as made at home, epoch milliseconds. */
  readonly sinceMs?: number | undefined;
}

export interface StampedModeRules extends BothWays {
  readonly mode: 'stamped';
  /** Of X. */
  readonly origin: Origin;
}

export type TwoWayRules = HomeModeRules | StampedModeRules;
