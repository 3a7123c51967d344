// Applications on both sides: they write to the table that they believe to be active, are refused by fences, learn of
// switches a while later, and some write to the twin by mistake.

import type { Item } from '../memory-dynamodb.ts';
import { SECOND } from '../plan.ts';
import { between, happens } from '../random.ts';
import type { PlannedWrite, Side } from './plan.ts';
import type { Origin, Region } from './region.ts';
import { otherSide, SIDES, type SwitchWorld } from './world.ts';

const TRIES_MAX = 8;
/** An application that is wrong about the active side heals in the wrong place. */
const HEALED_MAX = 40;
/** Before the last look, nothing leaks any more: it begins 24 s after the target's copy was closed. */
const LEAKS_UNTIL_MS = 18 * SECOND;

export class Applications {
  /** Of the applications of each side: which one is active. */
  readonly belief: Record<Side, Side> = { east: 'east', west: 'east' };
  /** As `--fenced-by-application` promises. */
  isQuiet = false;
  /** Where they have been told to write, whatever is active. */
  letIn: Side | undefined;
  refused = 0;
  readonly #world: SwitchWorld;
  readonly #random;
  #writing: Origin | undefined;
  #healed = 0;

  constructor(world: SwitchWorld) {
    this.#world = world;
    this.#random = world.random('applications');
  }

  /** Of the write that is being done. */
  origin(): Origin {
    return this.#writing ?? { kind: 'application', isStray: false, number: 0 };
  }

  write(planned: PlannedWrite, tries = 0): void {
    const { scheduler } = this.#world;
    const active = this.belief[planned.from];
    const side = planned.isStray ? otherSide(this.#world.judge.activeSide()) : active;
    if (!this.#isAllowed(this.#world.regions[side])) {
      this.refused += 1;
      this.#world.note('application refused by the fence');
      if (planned.isStray || tries >= TRIES_MAX) return;
      this.#listen(planned.from);
      scheduler.after(between(this.#random, 4, 20) * SECOND, () => this.write(planned, tries + 1));
      return;
    }
    this.do(planned, this.#world.regions[side]);
  }

  /** What is written is written: a write that the fence lets through is in the stream. */
  do({ key, kind, number, poison }: PlannedWrite, region: Region): void {
    const { db, keys, judge } = this.#world;
    const isStray = judge.isTwin(region.side) && this.letIn !== region.side;
    const before = db.get(region.table, key);
    const TableName = region.table;
    this.#writing = { kind: 'application', isStray, number };
    this.#world.tell(
      () => `write ${number}: ${kind} ${key} in the ${region.side}${isStray ? ', a stray' : ''}`,
    );
    if (kind === 'delete') {
      db.execute(
        { operation: 'DeleteItem', input: { TableName, Key: keys.keyOf(key) } },
        undefined,
      );
    } else {
      const Item = this.#itemOf({ key, kind, number, poison }, before);
      db.execute({ operation: 'PutItem', input: { TableName, Item } }, undefined);
    }
    this.#writing = undefined;
    if (isStray) this.#heal(key);
  }

  #itemOf(
    { key, kind, number, poison }: Pick<PlannedWrite, 'key' | 'kind' | 'number' | 'poison'>,
    before: Item | undefined,
  ): Item {
    const own = { ...this.#world.keys.keyOf(key), w: { N: `${number}` } };
    const item = { ...own, ...(poison && { poison: { BOOL: true } }) };
    if (kind === 'update') return { ...before, ...item };
    if (kind !== 're-put') return item;
    // An application has read it some time ago, on either side, and puts it back with a change.
    const all = SIDES.flatMap((side) => this.#world.regions[side].writes);
    const states = all.filter((one) => one.key === key && one.image !== undefined);
    const old = states[Math.floor(this.#random.next() * states.length)]?.image;
    return { ...old, ...item };
  }

  /** An operator has seen the alarm, and writes the item anew where it belongs. */
  #heal(key: string): void {
    const { scheduler } = this.#world;
    if (this.#healed >= HEALED_MAX) return;
    scheduler.after(between(this.#random, 1, 8) * SECOND, () => {
      const number = 100_000 + (this.#healed += 1);
      const from = 'west';
      const facts = { number, atMs: scheduler.now(), key, from, isStray: false } as const;
      this.write({ ...facts, kind: 'put', poison: false });
    });
  }

  #isAllowed(region: Region): boolean {
    const { plan, scheduler, judge } = this.#world;
    if (this.isQuiet) return false;
    if (this.#world.isStruck('down', region.side)) return false;
    const seenMs = scheduler.now() - this.#random.next() * plan.fence.delayMs;
    if (!region.policy.at(seenMs).fence) return true;
    const leaks =
      judge.closedForMs(otherSide(region.side)) < LEAKS_UNTIL_MS &&
      judge.activeSide() === region.side &&
      happens(this.#random, plan.fence.leaks);
    if (leaks) this.#world.note('the fence leaks');
    return leaks;
  }

  /** Who is refused asks which side is active, where it can. */
  #listen(from: Side): void {
    const active = this.#world.judge.activeSide();
    if (from !== active && this.#world.isStruck('partition', 'east')) return;
    this.belief[from] = active;
  }

  /** A side has become active, and the applications that can be reached learn it. */
  opened(side: Side): void {
    const { scheduler } = this.#world;
    for (const from of SIDES) {
      if (from !== side && this.#world.isStruck('partition', 'east')) continue;
      scheduler.after(between(this.#random, 0, 6) * SECOND, () => this.#believe(from, side));
    }
  }

  #believe(from: Side, side: Side): void {
    if (this.#world.judge.activeSide() === side) this.belief[from] = side;
  }
}
