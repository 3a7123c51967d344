// The look-again queue and its function: deletes that come back after a delay, at least once, in processes
// that may die, until somebody has looked at them.

import { lookAgain } from '../../src/look-again/look-again.ts';
import type { LookAgainQueue } from '../../src/ports.ts';
import { DAY, SECOND } from './plan.ts';
import type { Process } from './process.ts';
import { between, happens } from './random.ts';
import type { World } from './world.ts';

export interface Announced {
  readonly epoch: number;
  readonly deletes: ReadonlyArray<{ readonly name: string; readonly version: string }>;
}

interface Message {
  readonly id: string;
  readonly body: string;
  readonly sentAtMs: number;
  visibleAtMs: number;
  receives: number;
}

const RETENTION_MS = 14 * DAY;
const MESSAGES_PER_RECEIVE = 10;
/** Invocations of the function at once. */
const CONCURRENCY_MAX = 2;
const TIMEOUT_MS = 30 * SECOND;
/** Six times the timeout; longer where it fails for days, which would make long runs of nothing else. */
const visibilityMs = ({ receives }: Message) => 6 * TIMEOUT_MS * 2 ** Math.max(0, receives - 5);
const SLOW_MS = 20;

export class LookAgain {
  readonly #world: World;
  readonly #messages = new Map<string, Message>();
  #running = 0;
  #count = 0;

  constructor(world: World) {
    this.#world = world;
  }

  size(): number {
    return this.#messages.size;
  }

  port(process: Process): LookAgainQueue {
    const { network, mutation } = this.#world;
    const delayMs = process.facts.settings.lookAgainSeconds * SECOND;
    const port: LookAgainQueue = {
      announce: async (body) => {
        await network.send(process, 'queue', () => this.#keep(body, delayMs, process));
        for (const { name, version } of this.parse(body).deletes)
          process.announced.add(`${name} ${version}`);
      },
    };
    return mutation.lookAgain?.(port, process, this.#world) ?? port;
  }

  #keep(body: string, delayMs: number, process: Process): void {
    const nowMs = this.#world.scheduler.now();
    const id = `announcement-${(this.#count += 1)}`;
    const visibleAtMs = nowMs + delayMs;
    this.#messages.set(id, { id, body, sentAtMs: nowMs, visibleAtMs, receives: 0 });
    this.#world.judge.announced(this.parse(body), process);
    this.#world.scheduler.at(visibleAtMs, () => this.#poll());
  }

  /** Rebuilt from the protocol's text: keys, versions, epoch. */
  parse(body: string): Announced {
    const { epoch, deletes } = JSON.parse(body) as {
      epoch: number;
      deletes: ReadonlyArray<{ key: Record<string, never>; v: string }>;
    };
    return {
      epoch,
      deletes: deletes.map(({ key, v }) => ({
        name: this.#world.keys.nameOf(key) ?? '',
        version: v,
      })),
    };
  }

  #poll(): void {
    if (this.#running >= CONCURRENCY_MAX) return;
    const nowMs = this.#world.scheduler.now();
    for (const { id, sentAtMs } of this.#messages.values())
      if (nowMs - sentAtMs > RETENTION_MS) this.#messages.delete(id);
    const visible = [...this.#messages.values()].filter(({ visibleAtMs }) => visibleAtMs <= nowMs);
    const batch = visible.slice(0, MESSAGES_PER_RECEIVE);
    if (batch.length === 0) return;
    for (const message of batch) {
      message.receives += 1;
      const { random } = this.#world;
      const again = happens(random, this.#world.network.rates().queueDuplicate);
      if (again) this.#world.note('announcement delivered to two');
      message.visibleAtMs = again ? nowMs : nowMs + visibilityMs(message);
      this.#world.scheduler.at(message.visibleAtMs + between(random, 0, 100), () => this.#poll());
    }
    this.#running += 1;
    void this.#deal(batch);
  }

  async #deal(batch: readonly Message[]): Promise<void> {
    const failed = await this.#invoke(batch);
    this.#running -= 1;
    for (const { id } of batch) if (!failed.has(id)) this.#messages.delete(id);
    this.#poll();
  }

  /** @returns ids of the messages that stay. */
  async #invoke(batch: readonly Message[]): Promise<ReadonlySet<string>> {
    const { world, name } = { world: this.#world, name: `look-again-${batch[0]?.id}` };
    const deadlineMs = world.scheduler.now() + TIMEOUT_MS;
    const process = world.process({
      name: `${name}.${batch[0]?.receives}`,
      kind: 'look-again',
      slowMs: SLOW_MS,
      deadlineMs,
      mayCrash: true,
    });
    const all = new Set(batch.map(({ id }) => id));
    return new Promise((resolve) => {
      process.onDeath = () => resolve(all);
      world.scheduler.at(deadlineMs, () => process.kill());
      void this.#look(batch, process).then(resolve);
    });
  }

  async #look(batch: readonly Message[], process: Process): Promise<ReadonlySet<string>> {
    const { deadlineMs = Infinity, random, settings } = process.facts;
    const world = this.#world;
    const operation = world.mutation.look?.(lookAgain) ?? lookAgain;
    const { failed, revenants, looked } = await operation(
      batch.map(({ id, body }) => ({ messageId: id, body })),
      {
        rules: settings,
        twinWriter: world.destination(process),
        twinReader: world.reader(process),
        clock: world.clockOf(process),
        random,
        log: () => undefined,
        remainingMs: () => deadlineMs - world.scheduler.now(),
      },
    );
    if (revenants > 0) world.note('revenant counted');
    if (failed.length > 0) world.note('announcement comes again');
    world.judge.counted(revenants, process);
    process.endedAtMs = world.scheduler.now();
    const done = batch.filter(({ id }) => !failed.includes(id)).map(({ body }) => this.parse(body));
    world.judge.countedLooks(looked, done, process);
    for (const announced of done) world.judge.lookedAt(announced, process);
    return new Set(failed);
  }
}
