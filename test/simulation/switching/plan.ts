// What happens in one world in which the direction is switched: writes, switches, faults, and their times.

import type { Rates, Settings } from '../plan.ts';

export type Side = 'east' | 'west';

export interface PlannedWrite {
  readonly number: number;
  readonly atMs: number;
  readonly key: string;
  /**
   * `put`: a new item. `update`: of the item that is there, its reserved attribute among the rest. `re-put`: an older
   * state of the item, as an application has read it, reserved attribute and all.
   */
  readonly kind: 'put' | 'update' | 're-put' | 'delete';
  /** On which side the application runs. */
  readonly from: Side;
  /** To the table that is not active, by mistake. */
  readonly isStray: boolean;
  /** Its record cannot be applied until faults end. */
  readonly poison: boolean;
}

export interface PlannedSwitch {
  readonly atMs: number;
  /** `west`: failover, `east`: failback. */
  readonly target: Side;
  /** The other side cannot be reached. */
  readonly isLost: boolean;
  /** When an operator begins to take the lost side back, epoch milliseconds. */
  readonly rejoinAtMs?: number | undefined;
  /** When the operator's process dies, after its beginning; another one is started later. */
  readonly killAfterMs: readonly number[];
  readonly restartAfterMs: number;
  /** Another operator does the same, so much later. */
  readonly doubledAfterMs?: number | undefined;
  /** An operator cancels it, so much later. */
  readonly cancelAfterMs?: number | undefined;
  /** How long its requests take at most. */
  readonly slowMs: number;
  /** By how much the clock of its operator is off, until a run refuses it. */
  readonly clockOffMs?: number | undefined;
  /** The clock is set while the first run is under way. */
  readonly clockJump?: { readonly afterMs: number; readonly byMs: number } | undefined;
  /** Its operator dies, and none begins again. */
  readonly isLeft?: boolean | undefined;
}

export type Disturbance =
  | { readonly kind: 'split' | 'roll-over'; readonly atMs: number; readonly side: Side }
  /** A poller is replaced, and steps back. */
  | {
      readonly kind: 'restart';
      readonly atMs: number;
      readonly side: Side;
      readonly back: number;
    }
  /** The mapping is made again, from TRIM_HORIZON. */
  | { readonly kind: 'replay'; readonly atMs: number; readonly side: Side }
  /** Requests between the two sides, and of operators to the east, fail. Each side by itself goes on. */
  | { readonly kind: 'partition'; readonly atMs: number; readonly forMs: number }
  /** The side is down as a whole. */
  | { readonly kind: 'down'; readonly atMs: number; readonly forMs: number; readonly side: Side }
  /** Requests to a ledger's control row fail. */
  | {
      readonly kind: 'unreadable';
      readonly atMs: number;
      readonly forMs: number;
      readonly side: Side;
    }
  /** The table refuses all writes of Ferry's functions. */
  | {
      readonly kind: 'refusing';
      readonly atMs: number;
      readonly forMs: number;
      readonly side: Side;
    };

export interface PlannedCommand {
  readonly kind: 'backfill' | 'redrive';
  readonly name: string;
  readonly atMs: number;
  readonly slowMs: number;
  readonly killAfterMs?: number | undefined;
}

export interface SwitchPlan {
  readonly seed: number;
  readonly startMs: number;
  readonly settings: Settings;
  readonly rates: Rates;
  /** At most, milliseconds. */
  readonly lag: { readonly recordMs: number; readonly shardMs: number; readonly often: number };
  /** By how much creation times are off at most, milliseconds. */
  readonly skewMs: number;
  readonly fence: {
    /** Until a change of a policy is in force everywhere, at most. */
    readonly delayMs: number;
    /** How many of the requests that should be refused are not, until shortly before the last look. */
    readonly leaks: number;
    /** The operator promises that applications write nothing, in the place of a policy. */
    readonly isPromised: boolean;
  };
  /** At the beginning, A's copy of the control row is missing, as before the first switch. */
  readonly isCopyMissing: boolean;
  /** What operators only read is answered at once. */
  readonly isQuick: boolean;
  readonly writes: readonly PlannedWrite[];
  readonly switches: readonly PlannedSwitch[];
  readonly disturbances: readonly Disturbance[];
  readonly commands: readonly PlannedCommand[];
  /** When faults end. */
  readonly calmAtMs: number;
}
