// What a projection costs: processor time per record, against the same function without one, in the same round.
// `npm run bench:projection -- 7`

import type { ApproachName } from './approaches.ts';
import { foundText, type Goal, isMet, wantedText } from './goals.ts';
import type { Figures } from './measure.ts';
import { measure } from './processes.ts';
import { cpuPerRecord } from './results.ts';
import { startStub } from './stub.ts';

const ROUNDS_DEFAULT = 7;
const MEASURED_MS_MIN = 2_000;
const SHAPE = { records: 10_000, keys: 10_000, bytes: 200, deleteShare: 0, oldImages: true };

interface Projected {
  readonly approach: ApproachName;
  /** Of the time without a projection. */
  readonly most?: number;
}

const PROJECTED: readonly Projected[] = [
  { approach: 'ferry, drop and rename', most: 1.3 },
  { approach: 'ferry, keepItems' },
  { approach: 'ferry, a module' },
];

const rounds = Array.from({ length: Number(process.argv[2] ?? ROUNDS_DEFAULT) });
const { endpoint, child } = await startStub(0);
try {
  const take = (approach: ApproachName): Figures =>
    measure({ approach, endpoint, shape: SHAPE, warmUps: 2, leastMs: MEASURED_MS_MIN });
  const found = rounds.map(() => {
    const plain = cpuPerRecord(take('ferry'));
    const projected = PROJECTED.map(({ approach }) => cpuPerRecord(take(approach)));
    console.error([plain, ...projected].map((us) => `${us.toFixed(1)} us`).join('  '));
    return projected.map((us) => us / plain);
  });
  const goals = PROJECTED.map(({ approach, ...wanted }, index): Goal => {
    const what = `processor time per record, ${approach}, against ferry without a projection`;
    return { what, ...wanted, figures: found.map((ratios) => ratios[index] ?? Number.NaN) };
  });
  for (const goal of goals) console.log(`${resultOf(goal)}  ${goal.what}: ${foundText(goal)}`);
  process.exitCode = goals.every(isMet) ? 0 : 1;
} finally {
  child.kill();
}

function resultOf(goal: Goal): string {
  if (goal.most === undefined) return 'found ';
  return isMet(goal) ? `met, ${wantedText(goal)}` : `MISSED, ${wantedText(goal)}`;
}
