// What a broken Ferry is made of: each part stands in for one of the production code's, without changing it.

import type { ControlRow } from '../../src/model/control-row.ts';
import type { RedriveFilter } from '../../src/model/failure-message.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import type { ControlContext, ControlKeeper } from '../../src/replicate/control-keeper.ts';
import type { lookAgain } from '../../src/look-again/look-again.ts';
import type { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import type {
  Clock,
  DeadLetterQueue,
  TwinReader,
  TwinWriter,
  LookAgainQueue,
  MessageQueue,
  ObjectStore,
  ReadableTable,
  TransactionWriter,
} from '../../src/ports.ts';
import type { ProcessSettings } from './projecting.ts';
import type { Process, ProcessKind } from './process.ts';
import type { World } from './world.ts';

export interface Readers {
  readonly source: ReadableTable;
  readonly twin: ReadableTable;
  readonly ledger: ReadableTable;
}

/** A redrive, and what it takes of what is there. */
interface Redrive {
  readonly filter: RedriveFilter;
  readonly limit: number;
  readonly process: Process;
  readonly world: World;
}

export interface Mutation {
  /** Made by the second replication of a chain alone. */
  readonly isOfSecondHop?: boolean;
  /** Another request in the place of the one that Ferry sends. */
  readonly rewrite?: (request: WriteRequest, process: Process) => WriteRequest;
  readonly destination?: (port: TwinWriter, process: Process, world: World) => TwinWriter;
  readonly control?: (keeper: ControlKeeper, context: ControlContext) => ControlKeeper;
  /** Whether a redrive replays everything by its version. */
  readonly withoutSource?: (settings: ProcessSettings) => boolean;
  /** The control row, as a redrive has it. */
  readonly controlRow?: (row: ControlRow) => ControlRow;
  /** Below every record of the stream, as a command has it. */
  readonly floor?: (floor: string) => string;
  /** Of the function. */
  readonly settings?: (settings: ProcessSettings) => ProcessSettings;
  /** Of a process of some kind. */
  readonly rules?: (settings: ProcessSettings, kind: ProcessKind) => ProcessSettings;
  /** The reads of the function. */
  readonly reader?: (port: TwinReader, process: Process, world: World) => TwinReader;
  readonly look?: (look: typeof lookAgain) => typeof lookAgain;
  readonly lookAgain?: (port: LookAgainQueue, process: Process, world: World) => LookAgainQueue;
  readonly transactions?: (port: TransactionWriter) => TransactionWriter;
  readonly clock?: (clock: Clock, process: Process) => Clock;
  readonly deadLetters?: (port: DeadLetterQueue, process: Process, world: World) => DeadLetterQueue;
  readonly queue?: (queue: MessageQueue, process: Process, world: World) => MessageQueue;
  readonly bucket?: (bucket: ObjectStore, redrive: Redrive) => ObjectStore;
  readonly readers?: (readers: Readers, process: Process, world: World) => Readers;
  readonly replicate?: (replicate: typeof replicateBatch) => typeof replicateBatch;
}
