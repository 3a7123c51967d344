// What an approach is, and the settings that all of them share.

import { firstRow } from '../src/model/control-row.ts';
import type { HandlerSettings } from '../src/config/handler-settings.ts';
import { STREAM_ARN } from './batches.ts';

/** Brings one batch; tells how many records of it, where it does not do all. */
export type Approach = (
  endpoint: string,
) => (records: readonly unknown[]) => Promise<number | void>;

export const CREDENTIALS = {
  accessKeyId: 'AKIDBENCH',
  secretAccessKey: 'secret',
  // As long as Lambda's.
  sessionToken: 't'.repeat(857),
};

/** Of a function with one core, which has 1,769 MiB. */
export const SETTINGS: HandlerSettings = {
  replication: 'orders',
  sourceRegion: 'us-east-1',
  destinationRegion: 'eu-west-1',
  destinationTable: 'Orders',
  stateTable: 'ferry-orders-state',
  deadLetterQueueUrl: 'http://127.0.0.1:9/none',
  onFailureBucket: 'none',
  reservedAttribute: '_ferry',
  unversionedItems: 'replace',
  ttlDeletes: 'replicate',
  tombstones: 'checked',
  systemicRejections: 'hold',
  lookAgainQueueUrl: 'http://127.0.0.1:9/look-again',
  lookAgainSeconds: 125,
  httpClient: 'signed',
  concurrency: 800,
};

/** Knows the stream of every batch. */
export const CONTROL_ROW = firstRow({
  region: SETTINGS.sourceRegion,
  streamArn: STREAM_ARN,
  reserved: SETTINGS.reservedAttribute,
  destinationId: 'twin',
  ledgerId: 'state',
  tag: 'bench',
  nowMs: 0,
});
