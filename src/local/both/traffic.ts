// What the users of a run in both directions do, and what is known of it afterwards.

import type { Side } from '../../config/identity.ts';
import type { Clock, Random } from '../../ports.ts';
import type { KeySchema } from '../run/workload.ts';
import type { WritePlace } from '../run/write-loop.ts';
import type { LoggedWrite } from './write-log.ts';

export type Places = Readonly<Record<Side, WritePlace>>;

export interface Traffic {
  /** What one of the users does next: a write, or several that belong together. */
  next(): Promise<void>;
  /** Resolves once all that has been begun is answered. Rejects with the first error of it. */
  end(): Promise<void>;
  /** Answered writes. */
  readonly writes: number;
  /** Of these, writes that are not replicated: not at home, or without a stamp. */
  readonly strays: number;
  /** Writes by which conflicts are counted, in the order of their answers. */
  readonly log: readonly LoggedWrite[];
  /** By key: the last write of items whose writes were made one after the other, on whichever side. */
  lastWrites(): ReadonlyMap<string, string | undefined>;
}

export interface TrafficOptions {
  readonly schema: KeySchema;
  /** Number of different keys. */
  readonly items: number;
  readonly random: Random;
  readonly clock: Clock;
  /** Attribute that every put and update stamps with the time, epoch milliseconds. */
  readonly timestampAttribute: string;
  /** Nothing that takes longer is begun. */
  readonly stop: AbortSignal;
  /** Writes that are not replicated. @default one in a hundred */
  readonly strayShare?: number | undefined;
}

export const STRAY_SHARE = 0.01;

export function otherSide(side: Side): Side {
  return side === 'source' ? 'destination' : 'source';
}

export function sideBy(random: Random): Side {
  return random.next() < 0.5 ? 'source' : 'destination';
}
