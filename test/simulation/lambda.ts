// Invocations of the function: the production code's own operation in a process that may crash, hang, or run
// out of time, in a sandbox that outlives it; what it says is judged at once.

import { ConcurrencyLimit } from '../../src/replicate/concurrency-limit.ts';
import { type ControlKeeper, controlKeeper } from '../../src/replicate/control-keeper.ts';
import { type RejectionMemory, rejectionMemory } from '../../src/replicate/systemic-rejection.ts';
import { replicateKinesisBatch } from '../../src/replicate/kinesis-batch.ts';
import { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import type { TwinReader, TwinWriter, LogEvent } from '../../src/ports.ts';
import type { InvocationResult } from './delivery.ts';
import { hasLetter, judgeInvocation } from './judge-invocation.ts';
import { type ProcessSettings, SECRET } from './projecting.ts';
import type { Process, ProcessFacts } from './process.ts';
import { happens } from './random.ts';
import { eventOf, SourceStream, type StreamEntry } from './stream.ts';
import type { World } from './world.ts';

const NEW_SANDBOXES = 0.15;

/** What outlives an invocation. */
interface Sandbox {
  readonly settings: ProcessSettings;
  readonly clock: Pick<ProcessFacts, 'skewMs' | 'step'>;
  readonly limit: ConcurrencyLimit;
  readonly rejections: RejectionMemory;
  readonly control: ControlKeeper;
  /** The invocation that it is at work on. */
  process: Process | undefined;
}

export class Lambda {
  readonly #world: World;
  readonly #invocations = new Map<string, number>();
  #sandboxes: Sandbox[] = [];
  #sandboxCount = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** New sandboxes for whatever comes from now on. */
  deploy(): void {
    this.#sandboxes = [];
  }

  async invoke(entries: readonly StreamEntry[]): Promise<InvocationResult> {
    const { scheduler, plan } = this.#world;
    const deadlineMs = scheduler.now() + plan.settings.timeoutMs;
    for (const entry of entries) entry.deliveries += 1;
    const sandbox = this.#sandbox();
    const process = this.#world.process({
      name: this.#invocationName(entries),
      kind: 'handler',
      slowMs: plan.settings.slowMs,
      deadlineMs,
      mayCrash: true,
      clock: sandbox.clock,
      settings: sandbox.settings,
    });
    sandbox.process = process;
    process.entries = entries;
    this.#world.tell(() => {
      const writes = entries.map(({ write }) => write.number).join(' ');
      return `${process.facts.name} begins with the records of writes ${writes}`;
    });
    const result = await new Promise<InvocationResult>((resolve) => {
      process.onDeath = () => resolve({ kind: 'failed', by: process });
      scheduler.at(deadlineMs, () => this.#timeOut(process));
      void this.#replicate(entries, process, sandbox).then(resolve);
    });
    // Lambda does not use it again when its invocation has died.
    if (process.alive) sandbox.process = undefined;
    this.#world.tell(() => {
      const { by: _, ...answer } = result;
      return `${process.facts.name} ends: ${JSON.stringify(answer)}`;
    });
    return result;
  }

  /** An event of another table's stream: by mistake of whoever has configured a mapping. */
  async invokeForeign(key: string): Promise<void> {
    const { keys, scheduler } = this.#world;
    const firstSequenceNumber = '9999999999999999999999999';
    const labelMs = scheduler.now();
    const stream = new SourceStream({ table: 'Others', keys, labelMs, firstSequenceNumber });
    const image = { ...keys.keyOf(key), w: { N: '999999' } };
    const facts = { key, image, number: 999_999, atMs: labelMs, expired: false, malformed: false };
    stream.append({ ...facts, kind: 'put', isInsert: true, entries: [] });
    this.#world.note('event of another table');
    const entries = stream.shards.flatMap((shard) => shard.entries);
    await this.invoke(entries);
    const why = {
      condition: 'RetryAttemptsExhausted',
      invocations: 1,
      shardId: 'foreign',
    } as const;
    const isRange = this.#world.plan.settings.deadLetters === 'projected';
    this.#world.places.storeBatch({ entries, ...why }, isRange);
  }

  /** One that is free, or a new one. */
  #sandbox(): Sandbox {
    const isFree = ({ process }: Sandbox) => process === undefined;
    const warm = happens(this.#world.random, NEW_SANDBOXES)
      ? undefined
      : this.#sandboxes.find(isFree);
    if (warm !== undefined) return warm;
    const sandbox = this.#newSandbox();
    this.#sandboxes.push(sandbox);
    return sandbox;
  }

  #newSandbox(): Sandbox {
    const { plan } = this.#world;
    const settings = this.#world.settings();
    let made: Sandbox | undefined;
    const current = () => {
      if (made?.process === undefined) throw new Error('a sandbox without an invocation');
      return made.process;
    };
    const twinReader: TwinReader = {
      read: (request) => this.#world.reader(current()).read(request),
      tableId: (table) => this.#world.reader(current()).tableId(table),
    };
    const twinWriter: TwinWriter = {
      write: (request) => this.#world.destination(current()).write(request),
    };
    const clock = {
      now: () => this.#world.clockOf(current()).now(),
      sleep: (ms: number) => this.#world.clockOf(current()).sleep(ms),
    };
    const random = { next: () => current().facts.random.next() };
    const log = ({ event, error }: LogEvent) => {
      if (event === 'control.unreadable') current().saysUnread = textOf(error);
    };
    const context = { rules: settings, twinReader, twinWriter, clock, random, log };
    const keeper = controlKeeper(context);
    made = {
      settings,
      clock: this.#world.clockFacts(`sandbox-${(this.#sandboxCount += 1)}`, true),
      limit: new ConcurrencyLimit(plan.settings.concurrency),
      rejections: rejectionMemory(),
      control: this.#world.mutation.control?.(keeper, context) ?? keeper,
      process: undefined,
    };
    return made;
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

  async #replicate(
    entries: readonly StreamEntry[],
    process: Process,
    sandbox: Sandbox,
  ): Promise<InvocationResult> {
    const { deadlineMs = Infinity, random, settings } = process.facts;
    const { judge, scheduler } = this.#world;
    const isKinesis = entries.some(({ kinesis }) => kinesis !== undefined);
    const operation = isKinesis ? replicateKinesisBatch : replicateBatch;
    const replicate = this.#world.mutation.replicate?.(operation) ?? operation;
    const { limit, rejections, control } = sandbox;
    const context = {
      rules: settings,
      twinWriter: this.#world.destination(process),
      twinReader: this.#world.reader(process),
      limit,
      rejections,
      control,
      deadLetters: this.#world.deadLetters(process),
      lookAgain: this.#world.lookAgain.port(process),
      random,
      clock: this.#world.clockOf(process),
      metrics: { publish: () => this.#world.note('invocation counted') },
      log: (line: LogEvent) => {
        if (line.event === 'batch.held') process.saysHeld = textOf(line['why']);
        if (JSON.stringify(line).includes(SECRET))
          judge.violation(`leak: ${process.facts.name} logs what the projection drops`);
      },
      remainingMs: () => deadlineMs - scheduler.now(),
    };
    try {
      const summary = await replicate(entries.map(eventOf), context);
      process.endedAtMs = scheduler.now();
      this.#noteOutcomes(summary.counts, summary.superseded);
      if (summary.held > 0) this.#world.note('batch held');
      for (const entry of entries) if (hasLetter(entry, process, judge)) judge.lettered(entry);
      judgeInvocation({ entries, process, summary }, judge);
      return {
        kind: 'returned',
        failures: summary.batchItemFailures.map((one) => one.itemIdentifier),
        by: process,
      };
    } catch (error) {
      process.endedAtMs = scheduler.now();
      judge.violation(`threw: ${String(error)}`);
      return { kind: 'failed', by: process };
    }
  }

  #noteOutcomes(...counts: Array<Readonly<Record<string, number>>>): void {
    for (const [name, count] of counts.flatMap((one) => Object.entries(one)))
      if (count > 0) this.#world.note(`outcome ${name}`);
  }
}

function textOf(field: LogEvent[string]): string {
  return typeof field === 'string' ? field : '';
}
