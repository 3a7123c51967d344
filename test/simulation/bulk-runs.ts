// Bulk runs: a state machine has the segments of a backfill copied by workers whose time is limited, each
// called again until its segment is done. It goes on when the command that began it has died.

import type { BackfillRun } from '../../src/backfill/checkpoint.ts';
import { FerryError } from '../../src/errors.ts';
import type { BulkRunState } from '../../src/ports.ts';
import { copySegment } from './copying.ts';
import { MINUTE, SECOND } from './plan.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

/** What an execution is given. */
export interface BulkWork {
  readonly run: BackfillRun;
  readonly segments: readonly number[];
  /** How long requests of its workers take at most. */
  readonly slowMs: number;
}

interface Execution {
  state: BulkRunState;
  /** To be told of its end. */
  readonly followers: Array<() => void>;
}

type CallEnd =
  | { readonly kind: 'done' | 'further' | 'killed' }
  | { readonly kind: 'failed'; readonly error: unknown };

const TIMEOUT_MS = 15 * MINUTE;
/** As the state machine is deployed. */
const RETRIES_MAX = 10;
const RETRY_MS = 5 * SECOND;
const RETRY_MS_MAX = 2 * MINUTE;

export class BulkRuns {
  readonly #world: World;
  readonly #executions = new Map<string, Execution>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The same name twice is one run. */
  start(name: string, work: BulkWork): void {
    if (this.#executions.has(name)) return;
    const execution: Execution = { state: { kind: 'running' }, followers: [] };
    this.#executions.set(name, execution);
    const segments = work.segments.map((segment) => this.#finish(segment, { name, work }));
    const end = (state: BulkRunState) => {
      if (execution.state.kind !== 'running') return;
      execution.state = state;
      this.#world.note(`bulk run ${state.kind}`);
      this.#world.tell(() => `${name} ends: ${JSON.stringify(state)}`);
      for (const tell of execution.followers) tell();
    };
    // The first that fails ends the run; workers of other segments are not stopped by that.
    Promise.all(segments).then(
      () => end({ kind: 'succeeded' }),
      (error: unknown) => end({ kind: 'failed', why: String(error) }),
    );
  }

  /** All of them, by an operator. */
  stop(): void {
    for (const [name, { state, followers }] of this.#executions) {
      if (state.kind !== 'running') continue;
      this.#executions.set(name, { state: { kind: 'failed', why: 'stopped' }, followers: [] });
      for (const tell of followers) tell();
    }
  }

  isRunning(name: string | undefined): boolean {
    return this.#executions.get(name ?? '')?.state.kind === 'running';
  }

  /** Resolves at its end, unless whoever waits for it has died. */
  ended(name: string, process: Process): Promise<BulkRunState> {
    const execution = this.#executions.get(name);
    if (execution === undefined) throw new Error(`there is no execution ${name}`);
    return process.promise((resolve) => {
      const tell = () => resolve(execution.state);
      if (execution.state.kind === 'running') execution.followers.push(tell);
      else tell();
    });
  }

  /** @throws what ends the run: what Ferry refuses at once, anything else when it has failed too often. */
  async #finish(segment: number, { name, work }: { name: string; work: BulkWork }): Promise<void> {
    const isRunning = () => this.isRunning(name);
    for (let count = 1, failures = 0; isRunning(); count += 1) {
      const end = await this.#call(`${name}-segment-${segment}.${count}`, segment, work);
      this.#world.note(`bulk worker ${end.kind}`);
      if (end.kind === 'done') return;
      if (end.kind === 'further') {
        failures = 0;
        continue;
      }
      if (end.kind === 'failed' && end.error instanceof FerryError) throw end.error;
      failures += 1;
      if (failures > RETRIES_MAX) throw new Error('the worker has failed too often');
      await this.#world.scheduler.sleep(Math.min(RETRY_MS * 2 ** (failures - 1), RETRY_MS_MAX));
    }
  }

  #call(name: string, segment: number, { run, slowMs }: BulkWork): Promise<CallEnd> {
    const { scheduler } = this.#world;
    const deadlineMs = scheduler.now() + TIMEOUT_MS;
    const clock = this.#world.clockFacts(name, true);
    const facts = { name, kind: 'backfill', slowMs, deadlineMs, mayCrash: true, clock } as const;
    const process = this.#world.process(facts);
    process.labelMs = Date.parse(`${run.streamArn.split('/stream/')[1]}Z`) || 0;
    this.#world.tell(() => `${name} begins`);
    this.#world.commands.add(process);
    return new Promise((resolve) => {
      const end = (ending: CallEnd) => {
        if (ending.kind !== 'killed' && !process.alive) return;
        process.endedAtMs = scheduler.now();
        this.#world.commands.delete(process);
        this.#world.tell(() => `${name} is ${ending.kind}`);
        resolve(ending);
      };
      process.onDeath = () => end({ kind: 'killed' });
      scheduler.at(deadlineMs, () => process.kill());
      copySegment(run, segment, process, this.#world).then(
        (isDone) => end({ kind: isDone ? 'done' : 'further' }),
        (error: unknown) => end({ kind: 'failed', error }),
      );
    });
  }
}
