// Courses of events that matter and are too rare by chance: in some worlds, one of them is played among everything else.

import type { Random } from '../../../src/ports.ts';
import { SECOND } from '../plan.ts';
import { between, oneOf } from '../random.ts';
import type { PlannedSwitch, PlannedWrite, SwitchPlan } from './plan.ts';

type Motif = (plan: SwitchPlan, first: PlannedSwitch, random: Random) => Partial<SwitchPlan>;

/** Of an item that nothing else writes to. */
const KEY = 'm';

/** Plans count from 0 on. */
export function withMotif(plan: SwitchPlan, random: Random): SwitchPlan {
  const [first] = plan.switches;
  if (first === undefined) return plan;
  const motif = oneOf(random, [
    lateClose,
    resumedClose,
    lateCancel,
    latePut,
    excusedLetter,
    lateLeaf,
  ]);
  return { ...plan, ...motif(plan, first, random) };
}

/** When both copies are closed, about. */
function closingMs({ fence }: SwitchPlan): number {
  return (fence.isPromised ? 11 : 32) * SECOND;
}

/** The request to close is given up, and lands when another operator has opened the copies again. */
const lateClose: Motif = (plan, first, random) => ({
  rates: { ...plan.rates, timeout: 0.3, reset: 0.2 },
  switches: [
    {
      ...first,
      slowMs: 2_000,
      killAfterMs: [closingMs(plan) + between(random, 0, 12) * SECOND],
      restartAfterMs: between(random, 0.1, 5) * SECOND,
    },
    ...plan.switches.slice(1),
  ],
});

/** An operator dies behind a close, while the fence leaks. */
const resumedClose: Motif = (plan, first, random) => ({
  fence: { ...plan.fence, isPromised: false, leaks: 0.6 },
  switches: [
    {
      ...first,
      killAfterMs: [
        closingMs({ ...plan, fence: { ...plan.fence, isPromised: false } }) +
          between(random, 0, 20) * SECOND,
      ],
      restartAfterMs: between(random, 0.1, 8) * SECOND,
    },
    ...plan.switches.slice(1),
  ],
  writes: [
    ...plan.writes,
    ...writesIn(random, [first.atMs + 30 * SECOND, first.atMs + 70 * SECOND], 8),
  ],
});

/** An operator cancels when the target is about to be opened. */
const lateCancel: Motif = (plan, first, random) => {
  const openMs = closingMs(plan) + 25 * SECOND;
  const cancelAfterMs = openMs + between(random, -8, 4) * SECOND;
  const slow = { ...first, slowMs: oneOf(random, [60, 2_000]), killAfterMs: [], cancelAfterMs };
  return {
    switches: [slow, ...plan.switches.slice(1)],
    writes: [
      ...plan.writes,
      ...writesIn(
        random,
        [first.atMs + cancelAfterMs - SECOND, first.atMs + cancelAfterMs + 12 * SECOND],
        10,
      ),
    ],
  };
};

/** An insert that is given up lands when its delete has been looked up. */
const latePut: Motif = (plan, first, random) => {
  const atMs = first.atMs - between(random, 0.5, 3) * SECOND;
  const gone = { ...write(KEY, atMs + between(random, 0.1, 1) * SECOND), kind: 'delete' as const };
  return {
    fence: { ...plan.fence, isPromised: true },
    settings: { ...plan.settings, tombstones: 'checked', keyShape: 'S' },
    rates: { ...plan.rates, timeout: 0.4, reset: 0.2 },
    writes: [...plan.writes, write(KEY, atMs), gone],
  };
};

/** A letter, and newer writes of its item that only the audit brings. */
const excusedLetter: Motif = (plan, first, random) => ({
  fence: { ...plan.fence, isPromised: false, leaks: 0.7 },
  // And back: by then, both sides have the item as the first switch has left it.
  switches: [first, { ...first, atMs: first.atMs + 260 * SECOND, target: 'east', killAfterMs: [] }],
  calmAtMs: Math.max(plan.calmAtMs, first.atMs + 380 * SECOND),
  writes: [
    ...plan.writes,
    { ...write(KEY, first.atMs - 6 * SECOND), poison: true },
    ...writesIn(random, [first.atMs, first.atMs + 100 * SECOND], 6),
  ],
  disturbances: [
    ...plan.disturbances,
    { kind: 'refusing', side: 'west', atMs: first.atMs + SECOND, forMs: 150 * SECOND },
  ],
});

/** Records of one leaf are seen much later than those of another. */
const lateLeaf: Motif = (plan, first, random) => ({
  fence: { ...plan.fence, isPromised: false, leaks: 0.7 },
  settings: { ...plan.settings, keyShape: 'S' },
  lag: { recordMs: 14 * SECOND, shardMs: 2 * SECOND, often: 0.7 },
  disturbances: [
    ...plan.disturbances,
    {
      kind: oneOf(random, ['split', 'split', 'roll-over']),
      side: 'east',
      atMs: first.atMs - SECOND,
    },
    { kind: 'split', side: 'east', atMs: first.atMs + between(random, 44, 51) * SECOND },
    { kind: 'refusing', side: 'west', atMs: first.atMs + SECOND, forMs: 90 * SECOND },
  ],
  writes: [
    ...plan.writes,
    ...writesIn(random, [first.atMs + 34 * SECOND, first.atMs + 51 * SECOND], 10),
  ],
});

function writesIn(
  random: Random,
  [from, to]: readonly [number, number],
  count: number,
): PlannedWrite[] {
  return Array.from({ length: count }, (_, index) => ({
    ...write(oneOf(random, [KEY, KEY, 'n', 'o']), between(random, from, to)),
    number: 50_000 + index,
  }));
}

function write(key: string, atMs: number): PlannedWrite {
  const number = 60_000 + Math.floor(atMs);
  return { number, atMs, key, kind: 'put', from: 'east', isStray: false, poison: false };
}
