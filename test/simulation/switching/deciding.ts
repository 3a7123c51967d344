// An operator decides on the writes of a lost Region: replays them as an application would, and drops the rest; or drops
// all of them.

import { readCopy } from '../../../src/switching/copies.ts';
import { runStranded, type StrandedRequest } from '../../../src/switching/stranded-run.ts';
import type { Item } from '../memory-dynamodb.ts';
import { SECOND } from '../plan.ts';
import type { Process } from '../process.ts';
import { happens } from '../random.ts';
import { switchPortsFor } from './switch-ports.ts';
import type { SwitchWorld } from './world.ts';

/** Of processes whose writes are those of applications. */
export const REPLAYS = 'stranded-';

/** Resolves also where the process is killed, or fails: the next one goes on. */
export function decideStranded(world: SwitchWorld, count: number): Promise<void> {
  const active = world.judge.activeSide();
  const process = world.process({
    name: `${REPLAYS}${count}`,
    kind: 'operator',
    slowMs: 20,
    settings: world.functions[active].settings,
    mayCrash: false,
    clock: { skewMs: 0, step: { atMs: 0, byMs: 0 } },
  });
  const { random } = process.facts;
  if (!world.isCalm() && happens(random, 0.2))
    world.scheduler.after(random.next() * SECOND, () => process.kill());
  world.tell(() => `${process.facts.name} begins`);
  return new Promise((resolve) => {
    process.onDeath = resolve;
    const end = (how: string) => {
      if (!process.alive) return;
      process.endedAtMs = world.scheduler.now();
      world.tell(() => `${process.facts.name} ${how}`);
      resolve();
    };
    const actions = happens(random, 0.7) ? (['replay', 'drop'] as const) : (['drop'] as const);
    decide(world, process, actions).then(
      () => end('ends'),
      (error: unknown) => end(`fails: ${String(error)}`),
    );
  });
}

async function decide(
  world: SwitchWorld,
  process: Process,
  actions: ReadonlyArray<StrandedRequest['action']>,
): Promise<void> {
  const ports = switchPortsFor(world, process, world.judge.activeSide());
  const found = await readCopy(ports.target, ports);
  if (found.kind !== 'row') throw new Error('no copy');
  const run = async (request: StrandedRequest) => {
    const keys: Item[] = [];
    const events = {
      onWrite: ({ key }: { readonly key: Item }) => void keys.push(key),
      onUnreadable: () => world.judge.violation('kept: a line that cannot be read'),
    };
    const { replayed, dropped, left } = await runStranded(
      request,
      { row: found.row, ports },
      events,
    );
    if (replayed > 0) world.note('stranded write replayed');
    if (dropped > 0) world.note('stranded write dropped');
    if (left > 0) world.note('stranded write left by a replay');
    return keys;
  };
  if (world.mutation.replaysAll === true)
    for (const key of await run({ action: 'list', apply: false }))
      await run({ action: 'replay', apply: true, key });
  for (const action of actions) await run({ action, apply: true });
}
