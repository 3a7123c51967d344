// A process of the simulated world: an invocation of the function, or an operator's command. Killed, it is
// frozen where it stands: nothing that it waits for ever comes, and what it sent may still arrive.

import type { Clock, Random } from '../../src/ports.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import type { Item } from './memory-dynamodb.ts';
import type { ProcessSettings } from './projecting.ts';
import type { StreamEntry } from './stream.ts';
import type { Scheduler } from './scheduler.ts';

export type ProcessKind =
  | 'handler'
  | 'look-again'
  | 'redrive'
  | 'backfill'
  | 'repair'
  | 'verify'
  | 'adopt'
  | 'operator';

/** One request, from the moment it is sent; what is not known yet is absent. */
export interface Sent {
  readonly process: Process;
  readonly sentAtMs: number;
  /** As the production code made it. */
  readonly intent?: WriteRequest | undefined;
  /** Of a transaction: which part makes the service cancel the whole, and why. */
  cancelled?: { readonly at: number; readonly code: string };
  /** When the sender stopped waiting for it. */
  gaveUpAtMs?: number;
  /** What the sender was told: `written`, `refused`, or the name of an error. */
  told?: string;
  /** Refused, because there is no item in the place. */
  foundNothing?: boolean;
}

/** Where a process dies: at which of its requests, and how far that one gets; or hangs until its time is up. */
export interface Crash {
  readonly atRequest: number;
  readonly stage: 'before' | 'sent' | 'after' | 'hangs';
}

export interface ProcessFacts {
  readonly name: string;
  readonly kind: ProcessKind;
  readonly random: Random;
  readonly skewMs: number;
  /** How long its requests take at most. */
  readonly slowMs: number;
  /** How far the clock jumps, and when. */
  readonly step: { readonly atMs: number; readonly byMs: number };
  readonly crash?: Crash | undefined;
  readonly deadlineMs?: number | undefined;
  /** Under which it began. */
  readonly settings: ProcessSettings;
}

/** By what it says of its record. */
export interface SentLetter {
  /** By the queue. */
  isAcknowledged: boolean;
  readonly sequenceNumber?: string | undefined;
  readonly key?: Item | undefined;
}

export class Process {
  readonly facts: ProcessFacts;
  killedAtMs: number | undefined;
  endedAtMs: number | undefined;
  /** Told once when it is killed. */
  onDeath: () => void = () => undefined;
  requests = 0;
  /** Waits for an answer that never comes, until its time is up. */
  hangs = false;
  readonly startedAtMs: number;
  readonly writes: Sent[] = [];
  /** Of a command: the creation time of the source's stream when it began. */
  labelMs = 0;
  /** Of an invocation: what it was given. */
  entries: readonly StreamEntry[] = [];
  /** Nobody has heard its answer. */
  isUnheard = false;
  /** Letters that it has begun to send, in this order. */
  readonly letters: SentLetter[] = [];
  /** Letters that it was not told of as taken. */
  failedLetters = 0;
  /** Items and versions of deletes whose announcement the queue has acknowledged to it. */
  readonly announced = new Set<string>();
  /** What it was told that the ledger rows remember, by their ids. */
  readonly lookedUp = new Map<string, string | undefined>();
  /** Requests for the control row that told it nothing. */
  controlFailures = 0;
  /** Why it says that it holds its batch back, and the error if the control row could not be read. */
  saysHeld: string | undefined;
  saysUnread: string | undefined;
  /** How far the history of an item had come when the process last read it at the source. */
  readonly sourceReads = new Map<string, number>();
  /** Whether source and twin differed when the process last read the item at the twin. */
  readonly twinDiffered = new Map<string, boolean>();
  readonly #scheduler: Scheduler;

  constructor(facts: ProcessFacts, scheduler: Scheduler) {
    this.facts = facts;
    this.#scheduler = scheduler;
    this.startedAtMs = scheduler.now();
  }

  get alive(): boolean {
    return this.killedAtMs === undefined;
  }

  kill(): void {
    if (!this.alive || this.endedAtMs !== undefined) return;
    this.killedAtMs = this.#scheduler.now();
    this.onDeath();
  }

  /** A promise that the process waits for in vain once it is dead. */
  promise<T>(
    begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.alive) return;
      begin(
        (value) => this.alive && resolve(value),
        (error) => {
          // eslint-disable-next-line typescript/prefer-promise-reject-errors
          if (this.alive) reject(error);
        },
      );
    });
  }

  clock(): Clock {
    const { skewMs, step } = this.facts;
    return {
      now: () => {
        const nowMs = this.#scheduler.now();
        return Math.floor(nowMs + skewMs + (nowMs >= step.atMs ? step.byMs : 0));
      },
      sleep: (ms) => this.promise<void>((resolve) => this.#scheduler.after(ms, () => resolve())),
    };
  }

  /** How far its clock jumped between two moments. */
  /** How far its clock is off at a moment. */
  offsetAt(atMs: number): number {
    const { skewMs, step } = this.facts;
    return skewMs + (atMs >= step.atMs ? step.byMs : 0);
  }

  jumpBetween(fromMs: number, toMs: number): number {
    const { step } = this.facts;
    return step.atMs >= fromMs && step.atMs <= toMs ? step.byMs : 0;
  }
}
