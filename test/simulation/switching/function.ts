// The function of one direction: the production code's operation in sandboxes that may crash, hang, run out of time or
// be frozen; its event source mapping, its letters, its bucket and its look-again queue.

import { TOMBSTONE_LIFE_SECONDS } from '../../../src/config/names.ts';
import { ConcurrencyLimit } from '../../../src/replicate/concurrency-limit.ts';
import type { ControlKeeper } from '../../../src/replicate/control-keeper.ts';
import { switchLease } from '../../../src/replicate/lease.ts';
import { replicateBatch } from '../../../src/replicate/replicate-batch.ts';
import { switchedKeeper } from '../../../src/replicate/switched-keeper.ts';
import {
  type RejectionMemory,
  rejectionMemory,
} from '../../../src/replicate/systemic-rejection.ts';
import type { LogEvent, ObjectStore, TwinReader, TwinWriter } from '../../../src/ports.ts';
import type { InvocationResult } from '../delivery.ts';
import { EventSourceMapping, type GivenUp } from '../event-source.ts';
import { FailurePlaces } from '../failure-places.ts';
import { SECOND } from '../plan.ts';
import type { Process } from '../process.ts';
import type { ProcessSettings } from '../projecting.ts';
import { happens } from '../random.ts';
import type { StreamEntry } from '../stream.ts';
import { LookAgain } from './look-again.ts';
import type { Side } from './plan.ts';
import { readerOf, writerTo } from './ports.ts';
import { REGIONS } from './region.ts';
import { Sandbox, type SandboxClock, SandboxProcess } from './sandbox.ts';
import { otherSide, type Place, type SwitchWorld } from './world.ts';

const ENABLING_MS = 20 * SECOND;
const NOT_READ: InvocationResult = { kind: 'returned', failures: [] };
const NEW_SANDBOXES = 0.15;
const LOOK_AGAIN_EXTRA_SECONDS = 65;

/** What outlives an invocation. */
interface Warm {
  readonly sandbox: Sandbox;
  readonly limit: ConcurrencyLimit;
  readonly rejections: RejectionMemory;
  readonly control: ControlKeeper;
}

export class DirectionFunction {
  readonly source: Side;
  readonly destination: Side;
  readonly settings: ProcessSettings;
  readonly places: FailurePlaces;
  readonly lookAgain: LookAgain;
  readonly #world: SwitchWorld;
  readonly #random;
  readonly #invocations = new Map<string, number>();
  readonly #warm: Warm[] = [];
  #sandboxes = 0;

  constructor(world: SwitchWorld, source: Side) {
    this.#world = world;
    this.source = source;
    this.destination = otherSide(source);
    this.#random = world.random(`function of ${source}`);
    this.settings = this.#settings();
    this.places = new FailurePlaces(world.link(source, source), {
      posted: () => world.note('letter'),
      expired: () => undefined,
      kept: () => undefined,
    });
    this.lookAgain = new LookAgain(world, this);
  }

  get name(): string {
    return this.settings.replication;
  }

  #settings(): ProcessSettings {
    const { settings } = this.#world.plan;
    const { concurrency, timeoutMs, tombstones } = settings;
    return {
      replication: this.source === 'east' ? 'orders' : 'orders-back',
      sourceRegion: REGIONS[this.source],
      destinationRegion: REGIONS[this.destination],
      destinationTable: `orders-${this.destination}`,
      stateTable: `ledger-${this.destination}`,
      deadLetterQueueUrl: 'http://127.0.0.1:1/queue',
      onFailureBucket: 'failures',
      reservedAttribute: '_ferry',
      unversionedItems: 'replace',
      ttlDeletes: 'replicate',
      concurrency,
      tombstones,
      arrival: 'in-order',
      tombstoneLifeSeconds: TOMBSTONE_LIFE_SECONDS,
      systemicRejections: 'hold',
      deadLetters: 'whole',
      lookAgainQueueUrl: 'http://127.0.0.1:9/look-again',
      lookAgainSeconds: timeoutMs / SECOND + LOOK_AGAIN_EXTRA_SECONDS,
      httpClient: 'sdk',
    };
  }

  newMapping(): EventSourceMapping {
    const world = this.#world;
    const { plan, scheduler } = world;
    return new EventSourceMapping(world.regions[this.source].stream, {
      scheduler,
      settings: plan.settings,
      random: world.random(`mapping of ${this.source}`),
      invoke: (entries: readonly StreamEntry[]) =>
        this.#isEnabled() ? this.#invoke(entries) : Promise.resolve(NOT_READ),
      giveUp: (batch: GivenUp) => this.places.storeBatch(batch),
      lose: (entry, why) => {
        entry.status = 'lost';
        world.note(`lost: ${why}`);
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

  /** A mapping that is enabled by the switch takes a while, and reads nothing that came before. */
  #isEnabled(): boolean {
    const { mutation, judge } = this.#world;
    if (mutation.isEnabledLate !== true || this.source === 'east') return true;
    return judge.openedForMs(this.source) > ENABLING_MS;
  }

  async #invoke(entries: readonly StreamEntry[]): Promise<InvocationResult> {
    const world = this.#world;
    const { scheduler, plan } = world;
    const deadlineMs = scheduler.now() + plan.settings.timeoutMs;
    const warm = this.#takeWarm();
    const { sandbox } = warm;
    const process = world.process({
      name: this.#invocationName(entries),
      kind: 'handler',
      slowMs: plan.settings.slowMs,
      settings: this.settings,
      deadlineMs,
      mayCrash: true,
      clock: sandbox.clock,
      make: (facts) => new SandboxProcess(facts, scheduler, sandbox),
    });
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
      this.#warm.push(warm);
    }
    return result;
  }

  #takeWarm(): Warm {
    const isNew = happens(this.#random, NEW_SANDBOXES);
    return (isNew ? undefined : this.#warm.pop()) ?? this.#newWarm();
  }

  #newWarm(): Warm {
    const world = this.#world;
    const name = `sandbox-${this.name}-${(this.#sandboxes += 1)}`;
    const sandbox = new Sandbox(this.#clockOf(name), world.scheduler);
    const clock = {
      now: () => sandbox.current().clock().now(),
      sleep: (ms: number) => sandbox.current().clock().sleep(ms),
    };
    const random = { next: () => sandbox.current().facts.random.next() };
    const log = () => undefined;
    const { source, destination, settings: rules } = this;
    const here = { reader: this.#readerIn(sandbox, source), rules: this.back().settings };
    const there = { reader: this.#readerIn(sandbox, destination), rules };
    const setup = {
      copies: { source: here, destination: there },
      region: rules.sourceRegion,
      clock,
      monotonicMs: () => sandbox.monotonicMs(),
      log,
    };
    const lease = switchLease(world.mutation.lease?.(setup, world) ?? setup);
    const context = {
      rules,
      lease: world.mutation.leaseOf?.(lease, world) ?? lease,
      twinWriter: this.#writerIn(sandbox),
      ledger: here,
      bucket: {
        put: async (key: string, body: string) => {
          if (world.mutation.keepsNothing !== true)
            await this.bucketFor(sandbox.current(), this.source).put(key, body);
        },
      },
      clock,
      random,
      log,
    };
    const keeper = switchedKeeper(context);
    return {
      sandbox,
      limit: new ConcurrencyLimit(world.plan.settings.concurrency),
      rejections: rejectionMemory(),
      control: world.mutation.control?.(keeper, this) ?? keeper,
    };
  }

  /** Of one sandbox, either its monotonic clock stands still while it is frozen, or its wall clock is set. */
  #clockOf(name: string): SandboxClock {
    const facts = this.#world.clockFacts(name);
    const stops = happens(this.#world.random(`freeze of ${name}`), 0.6);
    return { ...facts, step: stops ? { ...facts.step, byMs: 0 } : facts.step, stops };
  }

  /** The other direction. */
  back(): DirectionFunction {
    return this.#world.functions[this.destination];
  }

  /** Of failures, as one process reaches it. */
  bucketFor(process: Process, from: Place): ObjectStore {
    const network = this.#world.link(from, this.source);
    const call = <T>(action: () => T) => network.send(process, 'bucket', action);
    const { objects } = this.places;
    return {
      put: (key, body) => call(() => void objects.set(key, body)),
      get: (key) => call(() => objects.get(key)),
      delete: (key) => call(() => void objects.delete(key)),
      async *list(prefix, after = '') {
        const keys = await call(() =>
          [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).toSorted(),
        );
        yield keys.map((key) => ({ key, sizeBytes: objects.get(key)?.length ?? 0, storedAtMs: 0 }));
      },
    };
  }

  #readerIn(sandbox: Sandbox, side: Side): TwinReader {
    const reader = () =>
      readerOf(
        { world: this.#world, process: sandbox.current(), from: this.source, witness: sandbox },
        side,
      );
    return {
      read: (request) => reader().read(request),
      tableId: (table) => reader().tableId(table),
    };
  }

  #writerIn(sandbox: Sandbox): TwinWriter {
    return {
      write: (request) => {
        const options = { world: this.#world, process: sandbox.current(), from: this.source };
        return writerTo({ ...options, witness: sandbox }, this.destination, true).write(request);
      },
    };
  }

  /** After its first record, and how often one began with it. */
  #invocationName(entries: readonly StreamEntry[]): string {
    const first = `${this.name}-${entries[0]?.write.number}`;
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
    { sandbox, limit, rejections, control }: Warm,
  ): Promise<InvocationResult> {
    const { deadlineMs = Infinity, random, settings } = process.facts;
    const world = this.#world;
    const options = { world, process, from: this.source, witness: sandbox };
    const context = {
      rules: settings,
      twinWriter: writerTo(options, this.destination, true),
      twinReader: readerOf(options, this.destination),
      limit,
      rejections,
      control,
      deadLetters: this.places.deadLetters(process),
      lookAgain: this.lookAgain.port(process),
      random,
      clock: process.clock(),
      metrics: { publish: () => undefined },
      log: (line: LogEvent) => {
        if (line.event === 'batch.held') world.note('batch held');
      },
      remainingMs: () => deadlineMs - world.scheduler.now(),
    };
    try {
      const replicate = world.mutation.replicate?.(replicateBatch, this) ?? replicateBatch;
      const summary = await replicate(
        entries.map(({ record }) => record),
        context,
      );
      process.endedAtMs = world.scheduler.now();
      world.judge.invocation(entries, summary, process.facts.name);
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
