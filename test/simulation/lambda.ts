// Invocations of the function: the production code's own operation in a process that may crash, hang, or run
// out of time; what it says is judged at once.

import { ConcurrencyLimit } from '../../src/core/concurrency-limit.ts';
import { replicateBatch } from '../../src/operations/replicate-batch.ts';
import type { InvocationResult } from './delivery.ts';
import { judgeInvocation } from './judge-invocation.ts';
import type { Process } from './process.ts';
import type { StreamEntry } from './stream.ts';
import type { World } from './world.ts';

const SLOW_MS = 20;

export class Lambda {
  readonly #world: World;
  readonly #invocations = new Map<string, number>();
  readonly #limit: ConcurrencyLimit;

  constructor(world: World) {
    this.#world = world;
    this.#limit = new ConcurrencyLimit(world.plan.settings.concurrency);
  }

  async invoke(entries: readonly StreamEntry[]): Promise<InvocationResult> {
    const deadlineMs = this.#world.scheduler.now() + this.#world.plan.settings.timeoutMs;
    for (const entry of entries) entry.deliveries += 1;
    const name = this.#invocationName(entries);
    const process = this.#world.process({
      name,
      kind: 'handler',
      slowMs: SLOW_MS,
      deadlineMs,
      mayCrash: true,
    });
    this.#world.tell(() => {
      const writes = entries.map(({ write }) => write.number).join(' ');
      return `${process.facts.name} begins with the records of writes ${writes}`;
    });
    const result = await new Promise<InvocationResult>((resolve) => {
      process.onDeath = () => resolve({ kind: 'failed' });
      this.#world.scheduler.at(deadlineMs, () => this.#timeOut(process));
      void this.#replicate(entries, process).then(resolve);
    });
    this.#world.tell(() => `${process.facts.name} ends: ${JSON.stringify(result)}`);
    return result;
  }

  /** After its first record, and how often one began with it. */
  #invocationName(entries: readonly StreamEntry[]): string {
    const first = `handler-${entries[0]?.write.number}`;
    const count = (this.#invocations.get(first) ?? 0) + 1;
    this.#invocations.set(first, count);
    return `${first}.${count}`;
  }

  #timeOut(process: Process): void {
    if (!process.alive || process.endedAtMs !== undefined) return;
    this.#world.note('invocation out of time');
    // The function knows its time, and stops in time unless it is kept waiting.
    if (!process.hangs) this.#world.judge.violation(`deadline: ${process.facts.name} overran it`);
    process.kill();
  }

  async #replicate(entries: readonly StreamEntry[], process: Process): Promise<InvocationResult> {
    const { deadlineMs = Infinity, random } = process.facts;
    const replicate = this.#world.mutation.replicate?.(replicateBatch) ?? replicateBatch;
    const context = {
      settings: this.#world.settings(),
      destination: this.#world.destination(process),
      limit: this.#limit,
      deadLetters: this.#world.places.deadLetters(process),
      random,
      clock: this.#world.clockOf(process),
      metrics: { publish: () => this.#world.note('invocation counted') },
      log: () => undefined,
      remainingMs: () => deadlineMs - this.#world.scheduler.now(),
    };
    try {
      const summary = await replicate(
        entries.map(({ record }) => record),
        context,
      );
      process.endedAtMs = this.#world.scheduler.now();
      this.#noteOutcomes(summary.counts, summary.superseded);
      const { ttlDeletes } = this.#world.plan.settings;
      for (const entry of entries)
        if (process.letters.includes(entry.sequenceNumber)) this.#world.judge.lettered(entry);
      judgeInvocation({ entries, process, summary, ttlDeletes }, this.#world.judge);
      return {
        kind: 'returned',
        failures: summary.batchItemFailures.map((one) => one.itemIdentifier),
      };
    } catch (error) {
      process.endedAtMs = this.#world.scheduler.now();
      this.#world.judge.violation(`threw: ${String(error)}`);
      return { kind: 'failed' };
    }
  }

  #noteOutcomes(...counts: Array<Readonly<Record<string, number>>>): void {
    for (const [name, count] of counts.flatMap((one) => Object.entries(one)))
      if (count > 0) this.#world.note(`outcome ${name}`);
  }
}
