// What a backfill works with, from the run down to a single copy.

import type { Retention } from '../config/record-age.ts';
import type { TtlDeletes } from '../config/schema.ts';
import type { Version } from '../model/guard.ts';
import type { WriteRules } from '../model/rules.ts';
import type { Pace } from '../pacing/pace.ts';
import type { RetryContext } from '../pacing/retry.ts';
import type {
  Item,
  ItemReader,
  LookAgainQueue,
  ReadableTable,
  TransactionWriter,
  TwinWriter,
} from '../ports.ts';

export interface BackfillContext extends RetryContext {
  readonly rules: WriteRules;
  readonly ttlDeletes: TtlDeletes;
  /** Version of every copy. */
  readonly floor: Version;
  /** The newest of the control row. */
  readonly epoch: number;
  readonly source: ReadableTable;
  readonly twin: ReadableTable;
  readonly ledger: ItemReader;
  readonly transactions: TransactionWriter;
  readonly twinWriter: TwinWriter;
  /** Deletes are announced there, with "checked" tombstones. */
  readonly lookAgain: LookAgainQueue;
  readonly readPace: Pace;
  readonly writePace: Pace;
  /** Items of a page at most. */
  readonly pageItems: number;
  /** @default that of the stream of a table */
  readonly retention?: Retention | undefined;
  /** Asked before each page. @default there is always time */
  readonly isTimeUp?: () => boolean;
  /** Called once for every item that the destination rejects, when its page is done. */
  readonly onRejected: (rejected: RejectedCopy) => void;
}

export interface RejectedCopy {
  readonly key: Item;
  /** The error's name and message; of a projection, its name. */
  readonly reason: string;
  /** What a module says of the item: for a terminal, not for what is stored. */
  readonly detail?: string;
}
