// What a broken Ferry is made of: each part stands in for one of the production code's, without changing it.

import type { MergeContext } from '../../../src/merge/merge-key.ts';
import type { StreamRules } from '../../../src/model/rules.ts';
import type { WriteRequest } from '../../../src/model/write-request.ts';
import type { replicateBatch } from '../../../src/replicate/replicate-batch.ts';
import type { TwinReader, TwinWriter } from '../../../src/ports.ts';
import type { Process } from '../process.ts';
import type { TwoWayFunction } from './function.ts';

/** Where a write goes: to the table of the stream and the ledger beside it, or to the other side. */
export type Way = 'near' | 'far';

export interface TwoWayMutation {
  /** Another request in the place of the one that Ferry sends. */
  readonly rewrite?: (request: WriteRequest, way: Way, process: Process) => WriteRequest;
  /** Answers in the place of a side. */
  readonly writer?: (writer: TwinWriter, way: Way, process: Process) => TwinWriter;
  readonly reader?: (reader: TwinReader, way: Way, process: Process) => TwinReader;
  readonly rules?: (rules: StreamRules) => StreamRules;
  readonly replicate?: (
    replicate: typeof replicateBatch,
    of: TwoWayFunction,
  ) => typeof replicateBatch;
  /** Stamps without a condition. */
  readonly isUnconditional?: boolean;
  /** The merge that follows when a letter has gone by the rules. */
  readonly mergeOfRedrive?: (merge: MergeContext) => MergeContext;
  /** What strays have left unequal stays so. */
  readonly mergesNothing?: boolean;
  /** Homes move at once. */
  readonly movesAtOnce?: boolean;
}
