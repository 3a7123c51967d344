// A sandbox of a function: it outlives invocations and is frozen between them, with its answers under way; then a
// clock of it stands still.

import type { Process as ProcessType, ProcessFacts } from '../process.ts';
import { Process } from '../process.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Witness } from './ports.ts';

export interface SandboxClock extends Pick<ProcessFacts, 'skewMs' | 'step'> {
  /** The monotonic clock stands still while the sandbox is frozen. */
  readonly stops: boolean;
}

export class Sandbox implements Witness {
  readonly seen: Witness['seen'] = new Map();
  readonly clock: SandboxClock;
  process: ProcessType | undefined;
  readonly #scheduler: Scheduler;
  #frozenSinceMs: number | undefined;
  #frozenMs = 0;
  #waiting: Array<() => void> = [];

  constructor(clock: SandboxClock, scheduler: Scheduler) {
    this.clock = clock;
    this.#scheduler = scheduler;
  }

  /** Of the invocation that is under way. */
  current(): ProcessType {
    if (this.process === undefined) throw new Error('a sandbox without an invocation');
    return this.process;
  }

  begin(process: ProcessType): void {
    this.process = process;
    if (this.clock.stops && this.#frozenSinceMs !== undefined)
      this.#frozenMs += this.#scheduler.now() - this.#frozenSinceMs;
    this.#frozenSinceMs = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }

  /** The answer is given. */
  freeze(): void {
    this.process = undefined;
    this.#frozenSinceMs = this.#scheduler.now();
  }

  whenAwake(go: () => void): void {
    if (this.#frozenSinceMs === undefined) go();
    else this.#waiting.push(go);
  }

  /** It does not count what passes while the sandbox is frozen. */
  monotonicMs(): number {
    return this.#scheduler.now() - this.#frozenMs;
  }
}

/** One invocation, which goes on in the next one of its sandbox with whatever it has left behind. */
export class SandboxProcess extends Process {
  readonly #sandbox: Sandbox;

  constructor(facts: ProcessFacts, scheduler: Scheduler, sandbox: Sandbox) {
    super(facts, scheduler);
    this.#sandbox = sandbox;
  }

  override promise<T>(
    begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
  ): Promise<T> {
    return super.promise<T>((resolve, reject) =>
      begin(
        (value) => this.#sandbox.whenAwake(() => resolve(value)),
        (error) => this.#sandbox.whenAwake(() => reject(error)),
      ),
    );
  }
}
