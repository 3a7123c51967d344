// The function of one direction: the production code's operation in sandboxes that may crash, hang, run out of time or
// be frozen; its event source mapping, its letters and its bucket.

import { handlerSettings } from '../../../src/config/handler-settings.ts';
import { twoWayRules } from '../../../src/composition/two-way.ts';
import { heartbeatKeyText } from '../../../src/composition/write-rules.ts';
import type { StreamRules } from '../../../src/model/rules.ts';
import { bothWays } from '../../../src/replicate/both-ways.ts';
import { ConcurrencyLimit } from '../../../src/replicate/concurrency-limit.ts';
import { type ControlKeeper, controlKeeper } from '../../../src/replicate/control-keeper.ts';
import { replicateBatch } from '../../../src/replicate/replicate-batch.ts';
import {
  type RejectionMemory,
  rejectionMemory,
} from '../../../src/replicate/systemic-rejection.ts';
import type { TwinReader, TwinWriter } from '../../../src/ports.ts';
import type { InvocationResult } from '../delivery.ts';
import { EventSourceMapping, type GivenUp } from '../event-source.ts';
import { FailurePlaces } from '../failure-places.ts';
import type { Process } from '../process.ts';
import type { ProcessSettings } from '../projecting.ts';
import { destinationPort, destinationReaderPort } from '../ports.ts';
import { happens } from '../random.ts';
import type { StreamEntry } from '../stream.ts';
import type { Side } from '../switching/plan.ts';
import { Sandbox, SandboxProcess } from '../switching/sandbox.ts';
import { configOf, type Deployed } from './configured.ts';
import type { Way } from './mutant.ts';
import { otherSide, type TwoWayWorld } from './world.ts';

const NEW_SANDBOXES = 0.15;

/** What outlives an invocation. */
interface Warm {
  readonly sandbox: Sandbox;
  readonly limit: ConcurrencyLimit;
  readonly rejections: RejectionMemory;
  readonly control: ControlKeeper;
  readonly rules: StreamRules & ProcessSettings;
}

export class TwoWayFunction {
  readonly source: Side;
  readonly destination: Side;
  readonly places: FailurePlaces;
  rules: StreamRules & ProcessSettings;
  readonly #world: TwoWayWorld;
  readonly #random;
  readonly #invocations = new Map<string, number>();
  #warm: Warm[] = [];
  #sandboxes = 0;

  constructor(world: TwoWayWorld, source: Side) {
    this.#world = world;
    this.source = source;
    this.destination = otherSide(source);
    this.#random = world.random(`function of ${source}`);
    this.rules = this.#rulesOf({ epoch: 1 });
    this.places = new FailurePlaces(world.link(source, source), {
      posted: () => world.note('letter'),
      expired: () => undefined,
      kept: () => undefined,
    });
  }

  /** Takes effect with the next invocation. */
  deploy(deployed: Deployed): void {
    this.rules = this.#rulesOf(deployed);
    this.#warm = [];
  }

  #rulesOf(deployed: Deployed): StreamRules & ProcessSettings {
    const { plan, mutation, regions } = this.#world;
    const name = this.source === 'east' ? 'orders' : 'orders-back';
    const replication = configOf(plan, deployed).find((one) => one.name === name);
    if (replication === undefined) throw new Error(`there is no replication ${name}`);
    const places = {
      deadLetterQueueUrl: 'http://127.0.0.1:1/queue',
      onFailureBucket: 'failures',
      streamArn: regions[this.source].stream.arn,
    };
    const settings = handlerSettings(replication, places);
    const { concurrency } = plan.settings;
    const rules = {
      ...settings,
      concurrency,
      heartbeatKeyText: heartbeatKeyText(replication),
      twoWay: twoWayRules(replication),
    };
    return { ...rules, ...mutation.rules?.(rules) };
  }

  newMapping(): EventSourceMapping {
    const world = this.#world;
    const { plan, scheduler } = world;
    return new EventSourceMapping(world.regions[this.source].stream, {
      scheduler,
      settings: plan.settings,
      random: world.random(`mapping of ${this.source}`),
      invoke: (entries: readonly StreamEntry[]) => this.#invoke(entries),
      giveUp: (batch: GivenUp) => {
        this.places.storeBatch(batch);
        for (const entry of batch.entries) world.judge.lost(entry);
      },
      lose: (entry, why) => {
        entry.status = 'lost';
        world.note(`lost: ${why}`);
        world.judge.lost(entry);
      },
      answerLost: () => undefined,
      rates: () =>
        world.isCalm()
          ? { lostAck: 0, overlap: 0 }
          : { lostAck: plan.rates.lostAck, overlap: plan.rates.overlap },
      note: (situation) => world.note(situation),
      problem: (text) => world.judge.violation(text),
    });
  }

  async #invoke(entries: readonly StreamEntry[]): Promise<InvocationResult> {
    const world = this.#world;
    const { scheduler, plan } = world;
    const deadlineMs = scheduler.now() + plan.settings.timeoutMs;
    const warm = this.#takeWarm();
    const { sandbox } = warm;
    const process = world.process({
      name: this.#invocationName(entries),
      slowMs: plan.settings.slowMs,
      settings: warm.rules,
      deadlineMs,
      clock: sandbox.clock,
      make: (facts) => new SandboxProcess(facts, scheduler, sandbox),
    });
    process.entries = entries;
    world.judge.begins(entries, this.source);
    world.tell(() => {
      const numbers = entries.map(({ write }) => `${write.number} of ${write.key}`);
      return `${process.facts.name} begins with ${numbers.join(', ')}`;
    });
    sandbox.begin(process);
    const result = await new Promise<InvocationResult>((resolve) => {
      process.onDeath = () => resolve({ kind: 'failed', by: process });
      scheduler.at(deadlineMs, () => this.#timeOut(process));
      void this.#replicate(entries, process, warm).then(resolve);
    });
    // What it has left behind, and what is never answered, would hold up the next one.
    if (process.alive && !process.hangs) {
      sandbox.freeze();
      if (warm.rules === this.rules) this.#warm.push(warm);
    }
    return result;
  }

  #takeWarm(): Warm {
    const isNew = happens(this.#random, NEW_SANDBOXES);
    return (isNew ? undefined : this.#warm.pop()) ?? this.#newWarm();
  }

  #newWarm(): Warm {
    const world = this.#world;
    const name = `sandbox-${this.source}-${(this.#sandboxes += 1)}`;
    const sandbox = new Sandbox({ ...world.clockFacts(name), stops: false }, world.scheduler);
    const { rules } = this;
    const clock = {
      now: () => sandbox.current().clock().now(),
      sleep: (ms: number) => sandbox.current().clock().sleep(ms),
    };
    const reader = () => this.#readerOf(sandbox.current(), 'far');
    const control = controlKeeper({
      rules,
      twinReader: {
        read: (request) => reader().read(request),
        tableId: (table) => reader().tableId(table),
      },
      twinWriter: { write: (request) => this.#writerOf(sandbox.current(), 'far').write(request) },
      clock,
      random: { next: () => sandbox.current().facts.random.next() },
      log: () => undefined,
    });
    const limit = new ConcurrencyLimit(world.plan.settings.concurrency);
    return { sandbox, limit, rejections: rejectionMemory(), control, rules };
  }

  #parts(process: Process, way: Way) {
    const { db, mutation } = this.#world;
    const to = way === 'near' ? this.source : this.destination;
    const rewrite = mutation.rewrite;
    return {
      process,
      network: this.#world.link(this.source, to),
      db,
      rewrite: (request: Parameters<TwinWriter['write']>[0]) =>
        rewrite?.(request, way, process) ?? request,
    };
  }

  #writerOf(process: Process, way: Way): TwinWriter {
    const { judge, mutation } = this.#world;
    const port = destinationPort(this.#parts(process, way));
    const writer: TwinWriter = {
      write(request) {
        judge.onRequest(request, way, process);
        return port.write(request);
      },
    };
    return mutation.writer?.(writer, way, process) ?? writer;
  }

  #readerOf(process: Process, way: Way): TwinReader {
    const reader = destinationReaderPort(this.#parts(process, way));
    return this.#world.mutation.reader?.(reader, way, process) ?? reader;
  }

  /** After its first record, and how often one began with it. */
  #invocationName(entries: readonly StreamEntry[]): string {
    const first = `${this.source}-${entries[0]?.write.number}`;
    const count = (this.#invocations.get(first) ?? 0) + 1;
    this.#invocations.set(first, count);
    return `${first}.${count}`;
  }

  #timeOut(process: Process): void {
    if (!process.alive || process.endedAtMs !== undefined) return;
    this.#world.note('invocation out of time');
    if (!process.hangs) this.#world.judge.violation(`deadline: ${process.facts.name} overran it`);
    process.kill();
  }

  async #replicate(
    entries: readonly StreamEntry[],
    process: Process,
    { limit, rejections, control, rules }: Warm,
  ): Promise<InvocationResult> {
    const { deadlineMs = Infinity, random } = process.facts;
    const world = this.#world;
    const network = world.link(this.source, this.source);
    const { objects } = this.places;
    const common = {
      rules,
      random,
      clock: process.clock(),
      log: (line: { readonly event: string }) => {
        if (line.event === 'batch.held') world.note('batch held');
        world.tell(() => JSON.stringify(line));
      },
    };
    const nearSide = {
      nearWriter: this.#writerOf(process, 'near'),
      nearReader: this.#readerOf(process, 'near'),
      bucket: {
        put: (key: string, body: string) =>
          network.send(process, 'bucket', () => void objects.set(key, body)),
      },
    };
    const context = {
      ...common,
      bothWays: bothWays({ ...common, nearSide }),
      twinWriter: this.#writerOf(process, 'far'),
      twinReader: this.#readerOf(process, 'far'),
      limit,
      rejections,
      control,
      deadLetters: this.places.deadLetters(process),
      lookAgain: { announce: () => Promise.reject(new Error('there is no such queue')) },
      metrics: { publish: () => undefined },
      remainingMs: () => deadlineMs - world.scheduler.now(),
    };
    try {
      const replicate = world.mutation.replicate?.(replicateBatch, this) ?? replicateBatch;
      const raw = entries.map(({ record }) => record);
      const summary = await replicate(raw, context);
      process.endedAtMs = world.scheduler.now();
      world.judge.invocation(entries, summary, process);
      world.tell(() => `${process.facts.name} ends: ${describe(summary.counts)}`);
      const failures = summary.batchItemFailures.map((one) => one.itemIdentifier);
      return { kind: 'returned', failures, by: process };
    } catch (error) {
      process.endedAtMs = world.scheduler.now();
      world.judge.violation(`threw: ${String(error)}`);
      return { kind: 'failed', by: process };
    }
  }
}

function describe(counts: Readonly<Record<string, number>>): string {
  const some = Object.entries(counts).filter(([, count]) => count > 0);
  return some.map(([name, count]) => `${count} ${name}`).join(', ');
}
