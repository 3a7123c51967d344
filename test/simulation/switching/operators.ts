// Operators, each in a process of its own: they switch, are killed anywhere, begin again, get in each other's way, cancel,
// and redrive what stands in the way of a proof.

import { FerryError } from '../../../src/errors.ts';
import { nextStep } from '../../../src/switching/next-step.ts';
import { newSwitch } from '../../../src/switching/run.ts';
import type { SwitchRequest, SwitchResult } from '../../../src/switching/step.ts';
import { SECOND } from '../plan.ts';
import type { ProcessFacts } from '../process.ts';
import { backfillFrom, HIDDEN_SECONDS, redriveAll } from './commands.ts';
import { decideStranded } from './deciding.ts';
import type { PlannedCommand, PlannedSwitch, Side } from './plan.ts';
import { switchPortsFor } from './switch-ports.ts';
import { otherSide, SIDES, type SwitchWorld } from './world.ts';

export type Ending =
  | { readonly kind: 'killed' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'ended'; readonly result: SwitchResult };

interface Attempt {
  readonly name: string;
  readonly target: Side;
  readonly kind: SwitchRequest['kind'];
  readonly slowMs: number;
  readonly killAfterMs?: number | undefined;
  /** Sequence numbers of letters. */
  readonly accepted?: readonly string[] | undefined;
  readonly clock?: OperatorClock;
}

type OperatorClock = Pick<PlannedSwitch, 'clockOffMs' | 'clockJump'>;

const TRIES_MAX = 6;
/** After faults have ended. */
const LAST_TRIES_MAX = 25;
const AGAIN_MS = 30 * SECOND;

export class Operators {
  readonly #world: SwitchWorld;
  #underWay = 0;
  #count = 0;
  #hasEnded = false;

  constructor(world: SwitchWorld) {
    this.#world = world;
  }

  schedule(one: PlannedSwitch): void {
    const { scheduler } = this.#world;
    const { atMs, rejoinAtMs, isLost } = one;
    scheduler.at(atMs, () => void this.#switch(one));
    this.#beside(one, atMs, isLost ? 'lost' : 'switch');
    if (rejoinAtMs === undefined) return;
    scheduler.at(rejoinAtMs, () => void this.#rejoin(one));
    this.#beside(one, rejoinAtMs, 'rejoin');
  }

  /** Another operator does the same, or cancels it: what cannot be cancelled goes on. */
  #beside(one: PlannedSwitch, atMs: number, kind: Attempt['kind']): void {
    const { target, slowMs, doubledAfterMs, cancelAfterMs } = one;
    const { scheduler } = this.#world;
    const begin = (attempt: Pick<Attempt, 'name' | 'kind'>, afterMs: number | undefined) => {
      if (afterMs === undefined) return;
      scheduler.at(atMs + afterMs, () => void this.#once({ ...attempt, target, slowMs }));
    };
    begin({ name: 'double', kind }, doubledAfterMs);
    begin({ name: 'cancel', kind: 'cancel' }, cancelAfterMs);
  }

  /** Beside a switch. */
  command({ kind, ...one }: PlannedCommand): void {
    const world = this.#world;
    world.scheduler.at(one.atMs, () => {
      const source = world.judge.activeSide();
      if (kind === 'redrive') void redriveAll(world, source, one.name, one);
      else void backfillFrom(world, source, { ...one, kind, source });
    });
  }

  /** As often as it takes, or until another run has taken over. */
  async #switch(one: PlannedSwitch): Promise<void> {
    const { target, slowMs, killAfterMs, restartAfterMs, isLost } = one;
    let accepted: readonly string[] = [];
    let clock: OperatorClock = one;
    const triesMax = one.isLeft === true ? killAfterMs.length : TRIES_MAX;
    for (let tries = 0; tries < triesMax && !this.#world.isCalm(); tries += 1) {
      const ending = await this.#once({
        name: 'switch',
        target,
        kind: isLost ? 'lost' : 'switch',
        slowMs,
        killAfterMs: killAfterMs[tries],
        accepted,
        clock,
      });
      clock = clockAfter(ending, clock);
      if (ending.kind === 'killed') await this.#world.scheduler.sleep(restartAfterMs);
      else if (isOver(ending)) return;
      else {
        accepted = await this.#clear(ending, target);
        await this.#world.scheduler.sleep(AGAIN_MS);
      }
    }
  }

  /** As often as it takes. */
  async #rejoin(one: PlannedSwitch): Promise<void> {
    const { target, slowMs, killAfterMs, restartAfterMs } = one;
    let clock: OperatorClock = one;
    for (let tries = 0; tries < TRIES_MAX && !this.#world.isCalm(); tries += 1) {
      const kills = killAfterMs[tries];
      const ending = await this.#once({
        name: 'rejoin',
        target,
        kind: 'rejoin',
        slowMs,
        killAfterMs: kills,
        clock,
      });
      clock = clockAfter(ending, clock);
      if (ending.kind === 'ended' && isRejoined(ending.result)) return;
      await this.#world.scheduler.sleep(ending.kind === 'killed' ? restartAfterMs : AGAIN_MS);
    }
  }

  /** Redrives what stands in the way. @returns letters that nothing helps. */
  async #clear(ending: Ending, target: Side): Promise<readonly string[]> {
    if (ending.kind !== 'ended' || ending.result.kind !== 'unproven') return [];
    const { open } = ending.result;
    this.#world.note('not proven');
    const source = otherSide(target);
    const name = `clear-${(this.#count += 1)}`;
    await redriveAll(this.#world, source, name);
    if ((open.stranded ?? 0) > 0) await decideStranded(this.#world, (this.#count += 1));
    if (open.backfill)
      await backfillFrom(this.#world, source, {
        name: `${name}-too`,
        kind: 'backfill',
        source,
        slowMs: 20,
      });
    return open.letters.flatMap(({ sequenceNumber }) => sequenceNumber ?? []);
  }

  /** Faults have ended: what an operator has begun comes to an end. */
  async finish(target: Side): Promise<void> {
    const world = this.#world;
    for (let tries = 0; tries < LAST_TRIES_MAX; tries += 1) {
      await redriveAll(world, world.judge.activeSide(), `redrive-${(this.#count += 1)}`);
      const held = this.#heldFor() ?? target;
      const kind = this.#kindOfRest(held);
      const ending = await this.#once({ name: 'last', target: held, kind, slowMs: 20 });
      await this.#clear(ending, held);
      if (
        kind === 'switch' &&
        held === target &&
        ending.kind === 'ended' &&
        isDone(ending.result) &&
        this.#underWay === 0
      ) {
        await this.#redriveRest();
        this.#hasEnded = true;
        return;
      }
      await world.scheduler.sleep(AGAIN_MS);
    }
  }

  /** Where a side was lost, the other one is opened, and then the lost one is taken back. */
  #kindOfRest(target: Side): SwitchRequest['kind'] {
    const { rows } = this.#world.judge;
    const [there, here] = [rows[target], rows[otherSide(target)]];
    if (this.#isOpening(target)) return 'lost';
    const [before, newest] = there?.epochs.slice(-2) ?? [];
    const isUntold = before?.end === 'lost' && (here?.epochs.at(-1)?.n ?? 0) < (newest?.n ?? 0);
    const isRejoining = [there, here].some((row) => row?.switch?.step === 'rejoining');
    return isUntold || isRejoining ? 'rejoin' : 'switch';
  }

  /** It is closed, and about to be opened alone. */
  #isOpening(side: Side): boolean {
    const { judge, regions } = this.#world;
    const { name } = regions[side];
    const row = judge.rows[side];
    const isHeld = row?.switch?.target === name && row.closing === true;
    return isHeld && row.epochs.at(-1)?.region === name;
  }

  /** What another run has taken is hidden for a while. */
  async #redriveRest(): Promise<void> {
    const world = this.#world;
    const active = world.judge.activeSide();
    for (let tries = 0; tries < 3; tries += 1) {
      await redriveAll(world, active, `rest-${(this.#count += 1)}`);
      if (world.functions[active].places.bodies().length === 0) return;
      await world.scheduler.sleep(HIDDEN_SECONDS * SECOND);
    }
  }

  /** What an abandoned switch was for. */
  #heldFor(): Side | undefined {
    const { judge, regions } = this.#world;
    const opening = SIDES.find((side) => this.#isOpening(side));
    if (opening !== undefined) return opening;
    const active = judge.activeSide();
    if (this.#kindOfRest(active) === 'rejoin') return active;
    const held = SIDES.map((side) => judge.rows[side]?.switch?.target).find(
      (one) => one !== undefined,
    );
    return SIDES.find((side) => regions[side].name === held);
  }

  requireEnded(): void {
    const { judge } = this.#world;
    if (!this.#hasEnded) judge.violation('end: the last switch does not end');
    for (const side of SIDES) {
      const row = judge.rows[side];
      if (row?.closing === true || row?.switch !== undefined)
        judge.violation(`end: the copy in the ${side} is still held`);
    }
  }

  async #once(attempt: Attempt): Promise<Ending> {
    const world = this.#world;
    const { plan, applications } = world;
    this.#underWay += 1;
    applications.isQuiet = plan.fence.isPromised;
    const ending = await this.#run(attempt);
    this.#underWay -= 1;
    if (this.#underWay === 0 && ending.kind !== 'killed') applications.isQuiet = false;
    const { name, target } = attempt;
    world.tell(() => `${name} to the ${target} ends: ${describe(ending)}`);
    world.note(`${attempt.kind} ${describe(ending).split(':')[0]}`);
    return ending;
  }

  /** The beginning of an epoch is read from it. */
  #clockFor({ clock = {} }: Attempt): Pick<ProcessFacts, 'skewMs' | 'step'> {
    const { afterMs = 0, byMs = 0 } = clock.clockJump ?? {};
    const atMs = this.#world.scheduler.now() + afterMs;
    return { skewMs: clock.clockOffMs ?? 0, step: { atMs, byMs } };
  }

  #run(attempt: Attempt): Promise<Ending> {
    const { name, target, kind, slowMs, killAfterMs, accepted = [] } = attempt;
    const world = this.#world;
    const { settings } = world.functions[otherSide(target)];
    const process = world.process({
      name: `${name}-${(this.#count += 1)}`,
      kind: 'operator',
      slowMs,
      settings,
      mayCrash: false,
      clock: this.#clockFor(attempt),
    });
    world.tell(() => `${process.facts.name} begins: ${kind} to the ${target}`);
    for (const one of accepted) world.judge.accept(one);
    const request: SwitchRequest = {
      kind,
      apply: true,
      by: process.facts.name,
      accepted,
      proof: 'tail',
      evenIfReachable: true,
      evenIfHalfOpen: true,
    };
    return new Promise((resolve) => {
      process.onDeath = () => resolve({ kind: 'killed' });
      if (killAfterMs !== undefined) world.scheduler.after(killAfterMs, () => process.kill());
      const ports = switchPortsFor(world, process, target);
      const state = newSwitch(request, process.facts.random);
      const go = async (): Promise<SwitchResult> => {
        for (;;) {
          const { phase, waitMs, result } = await (world.mutation.step?.(
            nextStep,
            state,
            ports,
            world,
          ) ?? nextStep(state, ports));
          if (result !== undefined) return result;
          world.note(`phase ${phase}`);
          // Every step takes some time.
          await process.clock().sleep(Math.max(waitMs, 1));
        }
      };
      go().then(
        (result) => end({ kind: 'ended', result }),
        (error: unknown) => end({ kind: 'failed', error }),
      );
      const end = (ending: Ending) => {
        if (!process.alive) return;
        process.endedAtMs = world.scheduler.now();
        resolve(ending);
      };
    });
  }
}

/** Who is refused sets the clock right. */
function clockAfter(ending: Ending, clock: OperatorClock): OperatorClock {
  const isRefused = ending.kind === 'failed' && codeOf(ending.error) === 'switching.clock';
  return isRefused ? {} : { clockOffMs: clock.clockOffMs };
}

function isDone({ kind }: SwitchResult): boolean {
  return kind === 'switched' || kind === 'finished' || kind === 'already';
}

function isRejoined({ kind }: SwitchResult): boolean {
  return kind === 'rejoined' || kind === 'already';
}

/** Done, cancelled, or another run is at work. */
function isOver(ending: Ending): boolean {
  if (ending.kind === 'ended') return isDone(ending.result) || ending.result.kind === 'cancelled';
  return ending.kind === 'failed' && codeOf(ending.error) === 'switching.taken';
}

function codeOf(error: unknown): string {
  if (error instanceof FerryError) return error.code;
  return error instanceof Error ? error.name : '';
}

function describe(ending: Ending): string {
  switch (ending.kind) {
    case 'killed':
      return 'killed';
    case 'failed':
      return `failed ${codeOf(ending.error)}: ${String(ending.error)}`;
    case 'ended':
      return `${ending.result.kind}: ${'why' in ending.result ? ending.result.why : ''}`;
  }
}
