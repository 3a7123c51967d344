// What must come up in worlds whose two tables are both written, in how many of a thousand.

import type { Mode } from './plan.ts';

const OF_BOTH: Readonly<Record<string, number>> = {
  revenants: 5,
  stray: 20,
  'removal below a delete': 20,
  'delivered again from an old checkpoint': 500,
  'landed after it was given up': 100,
  'landed after its sender died': 20,
  'poller replaced beside an invocation': 60,
  'answer lost': 50,
  'crash with a request under way': 20,
  expired: 50,
  'disturbance split': 100,
  'disturbance replay-both': 50,
  'lost: the stream has forgotten it': 5,
  letter: 10,
  redriven: 10,
  'redrive ended': 15,
  'redrive killed': 0.3,
  'merge ended': 15,
  'merge beside writes: copied': 8,
};

const STAMPED: Readonly<Record<string, number>> = {
  conflicts: 200,
  futureStamps: 20,
  'stamp refused': 100,
  'stamped again above an own delete': 20,
  'put back': 1,
  'merged by redrive': 0.7,
  'delete handled before': 50,
  'epoch raised': 20,
};

const HOME: Readonly<Record<string, number>> = { 'homes moved': 50 };

export function missingInBothWays(
  mode: Mode,
  worldsWith: ReadonlyMap<string, number>,
  worlds: number,
): string[] {
  const wanted = { ...OF_BOTH, ...(mode === 'home' ? HOME : STAMPED) };
  return Object.entries(wanted).flatMap(([situation, least]) => {
    const found = ((worldsWith.get(situation) ?? 0) * 1_000) / worlds;
    return found >= least ? [] : [`${situation}: in ${found.toFixed(1)} of 1,000, not in ${least}`];
  });
}
