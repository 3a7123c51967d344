// The look-again queue of one direction and its function: deletes that come back after a delay, at least once, until
// a function has looked at them.

import { switchLease } from '../../../src/replicate/lease.ts';
import { lookAgain } from '../../../src/look-again/look-again.ts';
import type { LookAgainQueue } from '../../../src/ports.ts';
import { DAY, SECOND } from '../plan.ts';
import type { Process } from '../process.ts';
import type { DirectionFunction } from './function.ts';
import { readerOf, type Witness, writerTo } from './ports.ts';
import type { Place, SwitchWorld } from './world.ts';

interface Message {
  readonly id: string;
  readonly body: string;
  readonly sentAtMs: number;
  receives: number;
}

const RETENTION_MS = 14 * DAY;
const TIMEOUT_MS = 30 * SECOND;
const SLOW_MS = 20;

export class LookAgain {
  readonly #world: SwitchWorld;
  readonly #of: DirectionFunction;
  readonly #messages = new Map<string, Message>();
  #count = 0;

  constructor(world: SwitchWorld, of: DirectionFunction) {
    this.#world = world;
    this.#of = of;
  }

  port(process: Process, from: Place = this.#of.source): LookAgainQueue {
    const { source, settings } = this.#of;
    const network = this.#world.link(from, source);
    const delayMs = settings.lookAgainSeconds * SECOND;
    return { announce: (body) => network.send(process, 'queue', () => this.#keep(body, delayMs)) };
  }

  #keep(body: string, delayMs: number): void {
    const { scheduler } = this.#world;
    const id = `announcement-${(this.#count += 1)}`;
    this.#messages.set(id, { id, body, sentAtMs: scheduler.now(), receives: 0 });
    scheduler.after(delayMs, () => void this.#deal(id));
  }

  async #deal(id: string): Promise<void> {
    const message = this.#messages.get(id);
    const { scheduler } = this.#world;
    if (message === undefined || scheduler.now() - message.sentAtMs > RETENTION_MS) return;
    message.receives += 1;
    const isDone = await this.#invoke(message);
    if (isDone) this.#messages.delete(id);
    else
      scheduler.after(
        6 * TIMEOUT_MS * 2 ** Math.max(0, message.receives - 3),
        () => void this.#deal(id),
      );
  }

  #invoke(message: Message): Promise<boolean> {
    const world = this.#world;
    const deadlineMs = world.scheduler.now() + TIMEOUT_MS;
    const process = world.process({
      name: `look-again-${this.#of.name}-${message.id}.${message.receives}`,
      kind: 'look-again',
      slowMs: SLOW_MS,
      settings: this.#of.settings,
      deadlineMs,
      mayCrash: true,
    });
    return new Promise((resolve) => {
      process.onDeath = () => resolve(false);
      world.scheduler.at(deadlineMs, () => process.kill());
      void this.#look(message, process).then(resolve);
    });
  }

  async #look({ id, body }: Message, process: Process): Promise<boolean> {
    const { deadlineMs = Infinity, random, settings } = process.facts;
    const world = this.#world;
    const { source, destination } = this.#of;
    const witness: Witness = { seen: new Map() };
    const options = { world, process, from: source, witness };
    const [here, there] = [readerOf(options, source), readerOf(options, destination)];
    const setup = {
      copies: {
        source: { reader: here, rules: this.#of.back().settings },
        destination: { reader: there, rules: settings },
      },
      region: settings.sourceRegion,
      clock: process.clock(),
      monotonicMs: () => world.scheduler.now(),
    };
    const { failed, revenants } = await lookAgain([{ messageId: id, body }], {
      rules: settings,
      twinWriter: writerTo(options, destination, true),
      twinReader: there,
      lease: switchLease(world.mutation.lease?.(setup, world) ?? setup),
      clock: process.clock(),
      random,
      log: () => undefined,
      remainingMs: () => deadlineMs - world.scheduler.now(),
    });
    if (revenants > 0) world.note('revenant counted');
    process.endedAtMs = world.scheduler.now();
    return failed.length === 0;
  }
}
