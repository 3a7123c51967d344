// What a write obeys, and what decides which item the twin should have.

import type { HandlerSettings } from '../config/handler-settings.ts';

/** What the twin's item is made by. */
export type TwinRules = Pick<HandlerSettings, 'reservedAttribute'>;

/** What every write to the twin and the ledger obeys. */
export type WriteRules = Pick<
  HandlerSettings,
  | 'replication'
  | 'sourceRegion'
  | 'destinationTable'
  | 'stateTable'
  | 'reservedAttribute'
  | 'unversionedItems'
  | 'tombstones'
>;

/** What changes from the stream obey beyond that. */
export type StreamRules = WriteRules &
  Pick<
    HandlerSettings,
    'ttlDeletes' | 'systemicRejections' | 'timestampAttribute' | 'heartbeatKeyText' | 'streamArn'
  >;

/** What finds the ledger's rows of a replication. */
export type LedgerRules = Pick<WriteRules, 'replication' | 'stateTable'>;
