// What a rehearsal needs of its place: a scratch replication with a load, its alarms, its status, and what makes it fail.
// Two implementations: embedded engines on this machine, and tables, functions and alarms of their own on AWS.

/** What goes wrong, or is asked for, in a rehearsal. */
export type FailureName =
  /** The role of the function may not write to the twin. */
  | 'destination-denied'
  /** The twin takes fewer writes than come. */
  | 'destination-throttled'
  /** The event source mapping is disabled. */
  | 'function-disabled'
  /** The twin rejects an item with `isPoison` in every attempt. */
  | 'poison-records'
  /** No function of either direction, and no operator beside the twin, reaches the other Region. */
  | 'source-lost'
  | 'planned-switch';

/** One item of the load. A key is written again and again, with a higher `n` each time. */
export interface LoadItem {
  readonly key: string;
  readonly n: number;
  /** Epoch milliseconds. */
  readonly writtenAtMs: number;
  readonly isPoison?: boolean | undefined;
}

/** What `ferry status` says: its level, its sentence and the anchor of the runbook's entry. */
export interface StatusNow {
  readonly level: string;
  readonly text: string;
  readonly runbook?: string | undefined;
}

export interface SwitchOutcome {
  /** The Region that is active now. */
  readonly to: string;
  /** Null where it is not known. */
  readonly rpoSeconds: number | null;
  readonly isProven: boolean;
  readonly rtoSeconds: number;
}

export interface RehearsalPlace {
  /** Of the scratch replication. */
  readonly name: string;
  /** Both Regions, the first one active at the beginning. */
  readonly regions: readonly [source: string, destination: string];
  /**
   * Length of a minute of the alarms. @default 60,000, as on AWS. With a shorter one, ages and latencies that are
   * compared with a threshold, and those of the status, are stretched as much.
   */
  readonly minuteMs: number;
  /** Last parts of the names of the alarms that the replication has, in either direction. */
  readonly alarms: readonly string[];
  /** Whether the replication has a heartbeat, and whether it can be switched. */
  readonly hasHeartbeat: boolean;
  readonly isSwitched: boolean;
  /** Of the load. */
  readonly writesPerSecond: number;
  /**
   * Writes to the table that is active, as an application does.
   * @returns whether it was written: while a switch fences the application, nothing is.
   */
  write(item: LoadItem): Promise<boolean>;
  /** Reads an item from the other table, consistently. Not through what `inject` makes fail. */
  readTwin(key: string): Promise<LoadItem | undefined>;
  /** Alarms in ALARM, of both directions, each once. */
  firing(): Promise<readonly string[]>;
  status(): Promise<StatusNow>;
  /** Resolves once it is asked for: on AWS, it may take a minute until it shows. @returns what takes it back. */
  inject(failure: Exclude<FailureName, 'planned-switch'>): Promise<() => Promise<void>>;
  /** `ferry redrive --apply`. @returns how many records it left. */
  redrive(): Promise<number>;
  /** `ferry failover --apply` to the Region that is not active, or `ferry failback --apply`. */
  switchOver(): Promise<SwitchOutcome>;
  /** `ferry failover --source-lost --apply`, while `source-lost` is injected. The load goes on in the new Region. */
  failOverWithoutSource(): Promise<SwitchOutcome>;
  /** `ferry rejoin --apply`, once it was taken back. */
  rejoin(): Promise<void>;
  /** Compares both tables once nothing writes any more. @returns how many items differ. */
  compare(): Promise<number>;
}
