// What a write obeys, and what decides which item the twin should have.

import type { HandlerSettings } from '../config/handler-settings.ts';
import type { Projection } from './projection.ts';

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
  >;

/** What makes of a record the change that the twin sees. */
export type ProjectingRules = TwinRules & Pick<StreamRules, 'ttlDeletes'>;

/** What finds the ledger's rows of a replication. */
export type LedgerRules = Pick<WriteRules, 'replication' | 'stateTable'>;

/** What writes them: a row lives as long as a tombstone. */
export type LedgerRowRules = LedgerRules & Pick<WriteRules, 'tombstoneLifeSeconds'>;
