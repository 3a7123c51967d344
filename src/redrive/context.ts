// What a redrive works with, and what its caller asks for.

import type { ControlRow } from '../model/control-row.ts';
import type { RedriveFilter, StreamRange } from '../model/failure-message.ts';
import type { HandlerSettings } from '../config/handler-settings.ts';
import type { MergeContext } from '../merge/merge-key.ts';
import type { StreamRules, TwinRules, TwoWayRules } from '../model/rules.ts';
import type { MessageQueue, ObjectStore } from '../ports.ts';
import type { NearSide } from '../replicate/near.ts';
import type { ResynchronizationContext } from '../resync/resynchronize-key.ts';
import type { RedrivenItem } from './outcome.ts';
import type { RedriveReport } from './report.ts';

/** For single records. */
export interface RecordContext extends Omit<ResynchronizationContext, 'rules' | 'epoch'> {
  readonly rules: HandlerSettings & TwinRules;
  readonly control: ControlRow;
  /** The source is lost: records that need it are replayed by their version instead. */
  readonly withoutSource: boolean;
  /** Of a replication that can be switched: where writes of a lost Region are kept. @default it cannot be switched */
  readonly strandedTo?: Pick<ObjectStore, 'put'> | undefined;
  /** Where both tables are written. @default only the source is */
  readonly twoWay?: TwoWayRedrive | undefined;
}

export interface TwoWayRedrive {
  readonly rules: StreamRules & { readonly twoWay: TwoWayRules };
  /** The side that the letters come from. */
  readonly nearSide: NearSide;
  /** With stamped writes. */
  readonly merge?: MergeContext | undefined;
  /** Nothing is written, though `nearSide` says so. */
  readonly isDryRun?: boolean;
}

export interface RedriveContext extends RecordContext {
  readonly queue: MessageQueue;
  readonly bucket: ObjectStore;
  /**
   * The stream's records of a range, or `trimmed` where it no longer has them all.
   * @default ranges are left to another run
   */
  readonly readRange?: (range: StreamRange) => Promise<readonly unknown[] | 'trimmed'>;
  /** Reads the control row again. @default the one of the context is taken to stay as it is */
  readonly readControl?: (() => Promise<ControlRow>) | undefined;
}

export interface RedriveOptions {
  /** Without it, nothing is changed. */
  readonly apply: boolean;
  /** Without `apply`: whether to decide what would become of each record, for which the tables are read. */
  readonly decide?: boolean;
  readonly filter: RedriveFilter;
  /** Records at most. */
  readonly limit: number;
  /** Records per second at most. */
  readonly recordsPerSecond: number;
  /** For how long messages are hidden from others while this run works on them. */
  readonly hiddenSeconds: number;
  readonly stop: AbortSignal;
  readonly onProgress: (report: RedriveReport, taken: Taken) => void;
  /** Called with what became of each item, or would. */
  readonly onItem?: ((item: RedrivenItem) => void) | undefined;
}

/** What has had its turn. */
export interface Taken {
  records: number;
  /** Of objects. */
  bytes: number;
}
