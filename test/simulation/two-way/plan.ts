// What happens in one world whose two tables are both written: writes, faults, and their times. Data alone, so that a
// failing plan can be made smaller.

import type { Rates, Settings } from '../plan.ts';
import type { Side } from '../switching/plan.ts';

export type Mode = 'home' | 'stamped';

/**
 * `hostile`: everything at once. `sequential`: each write when all before it are on both sides. `pair`: two concurrent
 * puts of each item. `strays`: writers without the plug-in, or not at home. `lost`: a direction is down for more than a
 * day. `epoch`: raised under traffic. `moved`: homes move.
 */
export type WorldKind = 'hostile' | 'sequential' | 'pair' | 'strays' | 'lost' | 'epoch' | 'moved';

/**
 * `put`: a whole item. `update`: of the item that is there. `plain-put`, `plain-update`: the same by a writer without the
 * plug-in. `old-copy`: an older state of the item, as an application has read it on either side, with its stamp.
 */
export type WriteKind = 'put' | 'update' | 'delete' | 'plain-put' | 'plain-update' | 'old-copy';

export interface PlannedWrite {
  readonly number: number;
  readonly atMs: number;
  readonly key: string;
  readonly kind: WriteKind;
  readonly side: Side;
  /** Each Region has two. */
  readonly host: 0 | 1;
  /** How long its request is under way. */
  readonly lateMs: number;
  /** Its answer is lost, and the SDK sends it again so much later. */
  readonly againMs?: number | undefined;
  /** Until the item expires. */
  readonly ttlMs?: number | undefined;
}

export type Disturbance =
  | { readonly kind: 'split' | 'roll-over'; readonly atMs: number; readonly side: Side }
  /** A poller is replaced, and steps back. */
  | { readonly kind: 'restart'; readonly atMs: number; readonly side: Side; readonly back: number }
  /** The mapping is made again, from TRIM_HORIZON. */
  | { readonly kind: 'replay'; readonly atMs: number; readonly side: Side }
  | { readonly kind: 'replay-both'; readonly atMs: number }
  /** The mapping that reads the stream of the side is disabled. */
  | { readonly kind: 'off'; readonly atMs: number; readonly side: Side; readonly forMs: number }
  /** The function that reads the stream of the side cannot reach the other one. */
  | { readonly kind: 'parted'; readonly atMs: number; readonly side: Side; readonly forMs: number };

/** A part of what is put into the table of a side is refused as invalid, until the cause is mended. */
export interface Poison {
  readonly side: Side;
  readonly atMs: number;
  readonly forMs: number;
  /** Of all contents. */
  readonly share: number;
}

/** What an operator does among everything else: redrives the letters of a side, or merges an item. */
export type PlannedCommand =
  | { readonly kind: 'redrive'; readonly atMs: number; readonly side: Side }
  | { readonly kind: 'merge'; readonly atMs: number; readonly key: string };

/** The clock of an application's host. */
export interface HostClock {
  readonly skewMs: number;
  readonly step: { readonly atMs: number; readonly byMs: number };
}

export interface TwoWayPlan {
  readonly seed: number;
  readonly mode: Mode;
  readonly kind: WorldKind;
  readonly startMs: number;
  readonly settings: Settings;
  readonly rates: Rates;
  readonly losers: 'count' | 'keep';
  /** At most, milliseconds. */
  readonly lag: { readonly recordMs: number; readonly shardMs: number; readonly often: number };
  readonly hosts: Readonly<Record<Side, readonly [HostClock, HostClock]>>;
  /** Which tables delete what has expired. */
  readonly ttl: Readonly<Record<Side, boolean>>;
  readonly writes: readonly PlannedWrite[];
  readonly disturbances: readonly Disturbance[];
  readonly poisons: readonly Poison[];
  readonly commands: readonly PlannedCommand[];
  /** Hosts name the next epoch one after the other, and then Ferry does. */
  readonly epochAtMs?: number | undefined;
  /** All homes change to the other side. */
  readonly moveAtMs?: number | undefined;
  /** When faults end. */
  readonly calmAtMs: number;
}
