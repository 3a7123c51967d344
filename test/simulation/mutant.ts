// What a broken Ferry is made of: each part stands in for one of the production code's, without changing it.

import type { RedriveFilter } from '../../src/core/parcel.ts';
import type { WriteRequest } from '../../src/core/write-request.ts';
import type { replicateBatch } from '../../src/operations/replicate-batch.ts';
import type {
  Clock,
  DestinationTable,
  MessageQueue,
  ObjectStore,
  ReadableTable,
  TransactionWriter,
} from '../../src/ports.ts';
import type { Process } from './process.ts';

export interface Readers {
  readonly source: ReadableTable;
  readonly twin: ReadableTable;
  readonly stateTable: ReadableTable;
}

/** What a redrive takes of what is there. */
interface Part {
  readonly filter: RedriveFilter;
  readonly limit: number;
}

export interface Mutation {
  /** Another request in the place of the one that Ferry sends. */
  readonly rewrite?: (request: WriteRequest, process: Process) => WriteRequest;
  readonly destination?: (port: DestinationTable, process: Process) => DestinationTable;
  readonly transactions?: (port: TransactionWriter) => TransactionWriter;
  readonly clock?: (clock: Clock, process: Process) => Clock;
  readonly queue?: (queue: MessageQueue) => MessageQueue;
  readonly bucket?: (bucket: ObjectStore, part: Part) => ObjectStore;
  readonly readers?: (readers: Readers, process: Process) => Readers;
  readonly replicate?: (replicate: typeof replicateBatch) => typeof replicateBatch;
}
