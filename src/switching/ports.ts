// What a switch needs of the outside world: both sides of a replication, both directions between them, and the fence
// of either table.

import type { KeyAttribute } from '../config/schema.ts';
import type { WriteRules } from '../model/rules.ts';
import type {
  Clock,
  ItemReader,
  LookAgainQueue,
  ObjectStore,
  Random,
  ReadableTable,
  StreamReader,
  TwinReader,
  TwinWriter,
} from '../ports.ts';
import type { RecordContext } from '../redrive/context.ts';
import type { OpenLetter, OpenLetters } from '../redrive/open-letters.ts';

export interface SwitchPorts {
  /** As the configuration names it. */
  readonly replication: string;
  /** What is to be active. */
  readonly target: SwitchSide;
  /** The other one. Where its Region is lost, its requests fail. */
  readonly old: SwitchSide;
  /** From `old` to `target`. */
  readonly drained: SwitchDirection;
  /** From `target` to `old`. */
  readonly back: SwitchDirection;
  /** Whether a switch may write markers to the table that it drains. */
  readonly markers: boolean;
  /** In a third Region: applications count their writes there. Absent where none is configured. */
  readonly tally?: TallyPlace | undefined;
  readonly clock: Clock;
  /** Of leases: a clock that cannot be set. */
  readonly monotonicMs: () => number;
  readonly random: Random;
  readonly stop: AbortSignal;
}

export interface TallyPlace {
  readonly table: string;
  readonly rows: Pick<ReadableTable, 'scan'>;
  readonly writer: TwinWriter;
}

/** One table, what Ferry keeps beside it, and its stream. */
export interface SwitchSide {
  readonly region: string;
  /** Of its table's stream now. */
  readonly streamArn: string;
  /** Partition key first. */
  readonly keys: readonly KeyAttribute[];
  /** Of the direction that ends here: names this side's table, its ledger and its copy of the control row. */
  readonly rules: WriteRules;
  /** Reads the copy of the control row. */
  readonly reader: TwinReader;
  /** Without a lease: writes the copy of the control row, proofs and markers, and nothing else. */
  readonly writer: TwinWriter;
  /** Read consistently. */
  readonly table: ReadableTable;
  readonly ledger: ItemReader;
  readonly stream: StreamReader;
  readonly fence: Fence;
  /** What DynamoDB there takes for the time, in epoch seconds, cut off; undefined where it does not say it. */
  readonly serviceSeconds: () => Promise<number | undefined>;
}

export interface SwitchDirection {
  readonly rules: RecordContext['rules'];
  /** To the twin and the ledger beside it, under the lease. */
  readonly twinWriter: TwinWriter;
  /** Of its deletes. */
  readonly lookAgain: LookAgainQueue;
  readonly letters: Letters;
  /** The on-failure bucket of its function. */
  readonly bucket: ObjectStore;
  /** Whether a backfill of this direction has begun and not ended. */
  unfinishedBackfill(): Promise<boolean>;
}

/** What was put aside in a direction, and waits for a redrive. */
interface Letters {
  /** Everything that waits. Changes nothing. */
  read(): Promise<OpenLetters>;
}

export type { OpenLetter, OpenLetters };

/**
 * The statements of Ferry in the resource policy of a table. With `application` the policy is left alone, and the
 * operator promises that nothing writes.
 */
export interface Fence {
  readonly kind: 'policy' | 'application';
  /**
   * Changes the policy in one request. Every change that is done makes those fail that another run has sent before it.
   * @param id of the switch that asks.
   * @param requireOwn throws where another run has taken over. It is asked between the read of the policy and its change,
   *   and behind the change, which is then undone: a process may have slept in between.
   * @returns how many milliseconds later to ask again, because the policy has just been changed; 0 when it is done.
   */
  set(wish: FenceWish, id: string, requireOwn?: () => Promise<void>): Promise<number>;
  /** Sends a write that changes nothing, as an application would. Only of `policy`. */
  probe(): Promise<'refused' | 'writable'>;
}

/** What is not mentioned stays as it is. */
export interface FenceWish {
  /** Whether all writers but Ferry and its operators are refused. */
  readonly fenced?: boolean;
  /** Whether the function that replicates to this table is refused. */
  readonly inboundRefused?: boolean;
}
