// Plans in which a side is lost: cut off or down, opened on the other side, and taken back; also where a switch was under
// way and has left both copies closed.

import type { Random } from '../../../src/ports.ts';
import { SECOND } from '../plan.ts';
import { between, happens, oneOf } from '../random.ts';
import type { Disturbance, PlannedSwitch, PlannedWrite, SwitchPlan } from './plan.ts';

interface Loss {
  /** Until a planned switch is left half done. */
  readonly before: readonly PlannedSwitch[];
  /** That opens the other side. */
  readonly lost: PlannedSwitch;
  readonly disturbance: Disturbance;
  readonly rejoinAtMs: number;
}

/** The first switch is that of a side that is cut off, or down; and nothing is put aside. Plans count from 0 on. */
export function withLoss(plan: SwitchPlan, random: Random): SwitchPlan {
  const [first] = plan.switches;
  if (first === undefined) return plan;
  const forMs = oneOf(random, [60, 90, 150, 300, 26 * 3600]) * SECOND;
  const atMs = first.atMs - between(random, 1, 20) * SECOND;
  const disturbance: Disturbance = happens(random, 0.75)
    ? { kind: 'partition', atMs, forMs }
    : { kind: 'down', side: 'east', atMs, forMs };
  const rejoinAtMs = atMs + forMs + between(random, 1, 60) * SECOND;
  const lost = { ...first, target: 'west' } as const;
  return lostIn(plan, random, { before: [], lost, disturbance, rejoinAtMs });
}

/** When both copies are closed, and the target is opened, about. */
const CLOSED_MS = 30 * SECOND;
const OPENED_MS = 75 * SECOND;

/** A switch dies when it has closed both copies, or has just opened its target; then the target is lost. */
export function withHalfOpen(plan: SwitchPlan, random: Random): SwitchPlan {
  const [first] = plan.switches;
  if (first === undefined) return plan;
  const isFailback = happens(random, 0.5);
  const over = { ...first, killAfterMs: [], target: 'west', clockOffMs: 0 } as const;
  const atMs = first.atMs + (isFailback ? 130 * SECOND : 0);
  const diesAfterMs = between(random, CLOSED_MS, OPENED_MS);
  const side = isFailback ? 'east' : 'west';
  const dying = { ...over, atMs, target: side, killAfterMs: [diesAfterMs], isLeft: true } as const;
  const lostAtMs = atMs + diesAfterMs + between(random, -2, 30) * SECOND;
  const forMs = oneOf(random, [60, 150, 300, 26 * 3600]) * SECOND;
  const isCutOff = isFailback && happens(random, 0.5);
  const disturbance: Disturbance = isCutOff
    ? { kind: 'partition', atMs: lostAtMs, forMs }
    : { kind: 'down', side, atMs: lostAtMs, forMs };
  const lost = {
    ...first,
    atMs: lostAtMs + between(random, 1, 40) * SECOND,
    target: isFailback ? 'west' : 'east',
  } as const;
  const rejoinAtMs = lostAtMs + forMs + between(random, 1, 60) * SECOND;
  const before = isFailback ? [over, dying] : [dying];
  return lostIn(plan, random, { before, lost, disturbance, rejoinAtMs });
}

function lostIn(
  plan: SwitchPlan,
  random: Random,
  { before, lost, disturbance, rejoinAtMs }: Loss,
): SwitchPlan {
  const target = lost.target === 'east' ? 'west' : 'east';
  const backAtMs = rejoinAtMs + between(random, 50, 120) * SECOND;
  const back: PlannedSwitch[] = happens(random, 0.5)
    ? [{ ...lost, atMs: backAtMs, target, killAfterMs: [], clockOffMs: 0 }]
    : [];
  const endsMs = back.length > 0 ? backAtMs : rejoinAtMs;
  const later = Array.from(
    { length: back.length * 6 },
    (_, index): PlannedWrite => ({
      number: 70_000 + index,
      atMs: between(random, rejoinAtMs, backAtMs + 100 * SECOND),
      key: oneOf(random, ['a', 'b', 'c', 'd', 'e', 'f']),
      kind: oneOf(random, ['put', 'update', 'delete']),
      from: oneOf(random, ['east', 'west']),
      isStray: false,
      poison: false,
    }),
  );
  const alone = before.map((one) => ({
    ...one,
    doubledAfterMs: undefined,
    cancelAfterMs: undefined,
  }));
  const others = plan.disturbances.filter(
    ({ kind }) => !['partition', 'down', 'refusing'].includes(kind),
  );
  return {
    ...plan,
    fence: { ...plan.fence, isPromised: false },
    switches: [...alone, { ...lost, isLost: true, rejoinAtMs }, ...back],
    disturbances: [...others, disturbance],
    commands: [],
    writes: [...plan.writes, ...later].map((one) => ({ ...one, poison: false, isStray: false })),
    calmAtMs: Math.max(plan.calmAtMs, endsMs + between(random, 100, 200) * SECOND),
  };
}
