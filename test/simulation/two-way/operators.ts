// What operators do in a world: they redrive the letters of a direction, and merge single items, by the production code, in
// processes of their own. While applications write, these may be killed, and their requests may be late.

import { requireControl } from '../../../src/composition/control.ts';
import { mergeKey } from '../../../src/merge/merge-key.ts';
import type { RedriveContext, TwoWayRedrive } from '../../../src/redrive/context.ts';
import { redrive } from '../../../src/redrive/redrive.ts';
import { destinationHealth } from '../../../src/replicate/destination-health.ts';
import { below } from '../../../src/local/seeded-random.ts';
import { SECOND } from '../plan.ts';
import { Process, type ProcessKind } from '../process.ts';
import { happens, oneOf, randomOf } from '../random.ts';
import type { Side } from '../switching/plan.ts';
import { byRules, mergeBy, retriesOf } from './operator-ports.ts';
import type { PlannedCommand } from './plan.ts';
import { SIDES, type TwoWayWorld } from './world.ts';

/** For so long, the messages of a redrive that was killed are hidden. */
const HIDDEN_SECONDS = 30;
/** Of a redrive of some letters. */
const REQUESTS = 40;
const REDRIVES_MAX = 4;

export function scheduleCommands(world: TwoWayWorld): void {
  const { plan, scheduler } = world;
  for (const [index, command] of plan.commands.entries())
    scheduler.at(command.atMs, () => {
      void runCommand(command, `${command.kind}-${index + 1}`, world);
    });
  for (const { side, atMs, forMs } of plan.poisons)
    scheduler.at(atMs + forMs, () => world.tell(() => `the ${side} takes everything again`));
}

/** Everything that was put aside, when its cause is mended. @param rest until nothing is left to do. */
export async function redriveAll(world: TwoWayWorld, rest: () => Promise<boolean>): Promise<void> {
  for (let count = 1; count <= REDRIVES_MAX; count += 1) {
    const sides = SIDES.filter((side) => world.functions[side].places.bodies().length > 0);
    if (sides.length === 0) return;
    // What a redrive that was killed was at work on comes back after a while.
    world.scheduler.after((HIDDEN_SECONDS + 10) * SECOND, () => undefined);
    if (!(await rest())) return;
    for (const side of sides) {
      const atMs = world.scheduler.now();
      void runCommand({ kind: 'redrive', side, atMs }, `redrive-${side}-${atMs}`, world);
      if (!(await rest())) return;
    }
  }
}

/** One that dies never ends. */
async function runCommand(
  command: PlannedCommand,
  name: string,
  world: TwoWayWorld,
): Promise<void> {
  const process = newProcess(command, name, world);
  const beganInCalm = world.isCalm();
  const end = (how: 'ended' | 'failed', told: string) => {
    process.endedAtMs = world.scheduler.now();
    world.note(`${command.kind} ${how}`);
    world.tell(() => `${name} ${how}: ${told}`);
  };
  process.onDeath = () => world.note(`${command.kind} killed`);
  world.tell(() => `${name} begins`);
  try {
    const told =
      command.kind === 'redrive'
        ? await runRedrive(command.side, process, world)
        : await runMerge(command.key, process, world);
    end('ended', told);
  } catch (error) {
    end('failed', String(error));
    if (beganInCalm) world.judge.violation(`threw: ${name}: ${String(error)}`);
  }
}

function newProcess(command: PlannedCommand, name: string, world: TwoWayWorld): Process {
  const { plan, scheduler, functions } = world;
  const random = randomOf(plan.seed, name);
  const mayCrash = !world.isCalm() && happens(random, plan.rates.crash);
  const stage = oneOf(random, ['before', 'sent', 'after'] as const);
  const crash = mayCrash ? { atRequest: below(random, REQUESTS), stage } : undefined;
  const kind: ProcessKind = command.kind === 'redrive' ? 'redrive' : 'operator';
  const { rules: settings } = functions[command.kind === 'redrive' ? command.side : 'east'];
  const { slowMs } = plan.settings;
  return new Process(
    { name, kind, random, slowMs, settings, crash, ...world.clockFacts(name) },
    scheduler,
  );
}

async function runMerge(key: string, process: Process, world: TwoWayWorld): Promise<string> {
  const item = { key: world.keys.keyOf(key), keyText: world.keys.textOf(key) };
  const result = await mergeKey(item, mergeBy(process, world));
  world.note(`merge beside writes: ${result.kind}`);
  return JSON.stringify(result);
}

async function runRedrive(side: Side, process: Process, world: TwoWayWorld): Promise<string> {
  const context = await redriveContext(side, process, world);
  const report = await redrive(context, {
    apply: true,
    filter: {},
    limit: Infinity,
    recordsPerSecond: Infinity,
    hiddenSeconds: HIDDEN_SECONDS,
    stop: new AbortController().signal,
    onProgress: () => undefined,
    onItem: ({ key, outcome }) => {
      if (!('why' in outcome)) world.note('redriven');
      world.judge.redriven(key['pk']?.S ?? '');
      world.tell(() => `redriven: ${JSON.stringify(key)} ${JSON.stringify(outcome)}`);
    },
  });
  return JSON.stringify(report);
}

async function redriveContext(
  side: Side,
  process: Process,
  world: TwoWayWorld,
): Promise<RedriveContext> {
  const { functions, regions } = world;
  const { rules, places } = functions[side];
  const retries = retriesOf(process);
  const [near, far] = [byRules(side, 'near', process, world), byRules(side, 'far', process, world)];
  const readControl = () =>
    requireControl(
      { rules, twinReader: far.reader, twinWriter: far.writer },
      { apply: true, streamArn: regions[side].stream.arn },
      retries,
    );
  const { queue, bucket } = { queue: places.queue(process), bucket: places.bucket(process) };
  const nearSide = { nearWriter: near.writer, nearReader: near.reader, bucket };
  return {
    ...retries,
    rules,
    control: await readControl(),
    readControl,
    withoutSource: false,
    source: near.table,
    twin: far.table,
    ledger: far.ledger,
    twinWriter: far.writer,
    lookAgain: { announce: () => Promise.reject(new Error('there is no such queue')) },
    health: destinationHealth(),
    remainingMs: () => Infinity,
    queue,
    bucket,
    twoWay: twoWayOf({ rules: rules as TwoWayRedrive['rules'], nearSide }, process, world),
  };
}

function twoWayOf(base: TwoWayRedrive, process: Process, world: TwoWayWorld): TwoWayRedrive {
  if (base.rules.twoWay.mode === 'home') return base;
  const merge = mergeBy(process, world);
  return { ...base, merge: world.mutation.mergeOfRedrive?.(merge) ?? merge };
}
