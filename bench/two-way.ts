// What both directions cost: processor time per record, against one direction in the same round, and units for each
// write. Each figure comes from a fresh process, and each round has all of them, in turn. `npm run bench:two-way -- 15`

import type { ApproachName } from './approaches.ts';
import type { BatchShape, Writer } from './batches.ts';
import { foundText, type Goal, isMet, wantedText } from './goals.ts';
import { measure } from './processes.ts';
import { cpuPerRecord } from './results.ts';
import { startStub } from './stub.ts';
import { countTwoWayCosts, unitsOfMix } from './two-way-costs.ts';

const ROUNDS_DEFAULT = 15;
const MEASURED_MS_MIN = 1_500;
const SHAPE = { records: 10_000, keys: 10_000, bytes: 200, deleteShare: 0, oldImages: true };

interface Compared {
  readonly what: string;
  readonly approach: ApproachName;
  readonly shape?: Partial<BatchShape> & { readonly stampedBy?: Writer };
  /** Of the time of a record in one direction. */
  readonly most: number;
}

const PUSHED = 1.15;
const OWN = 0.3;
const COMPARED: readonly Compared[] = [
  { what: 'pushed, home', approach: 'ferry, home here', most: PUSHED },
  {
    what: 'pushed, stamped',
    approach: 'ferry, stamped',
    shape: { stampedBy: 'application' },
    most: PUSHED,
  },
  {
    what: 'own, home',
    approach: 'ferry, home there',
    shape: { stampedBy: 'ferry' },
    most: OWN,
  },
  { what: 'own, stamped', approach: 'ferry, stamped', shape: { stampedBy: 'ferry' }, most: OWN },
  {
    what: 'own inserts, home',
    approach: 'ferry, home there',
    shape: { stampedBy: 'ferry', event: 'INSERT' },
    most: OWN,
  },
  {
    what: 'own inserts, stamped',
    approach: 'ferry, stamped',
    shape: { stampedBy: 'ferry', event: 'INSERT' },
    most: OWN,
  },
];

const rounds = Array.from({ length: Number(process.argv[2] ?? ROUNDS_DEFAULT) });
const { endpoint, child } = await startStub(0);
try {
  const take = (approach: ApproachName, shape: Compared['shape'] = {}): number => {
    const job = { approach, endpoint, shape: { ...SHAPE, ...shape } };
    return cpuPerRecord(measure({ ...job, warmUps: 3, leastMs: MEASURED_MS_MIN }));
  };
  const found = rounds.map((_, round) => {
    // Before and after the others, in turn: a machine that slows down strikes both.
    const [before, after] = [round % 2 === 0, round % 2 !== 0];
    const early = before ? take('ferry') : 0;
    const both = COMPARED.map(({ approach, shape }) => take(approach, shape));
    const one = after ? take('ferry') : early;
    console.error([one, ...both].map((us) => `${us.toFixed(1)} us`).join('  '));
    return both.map((us) => us / one);
  });
  const goals = COMPARED.map(({ what, most }, index): Goal => {
    const figures = found.map((ratios) => ratios[index] ?? Number.NaN);
    return { what: `processor time per record, ${what}, against one direction`, most, figures };
  });
  for (const goal of goals)
    console.log(
      `${isMet(goal) ? 'met' : 'MISSED'}, ${wantedText(goal)}  ${goal.what}: ${foundText(goal)}`,
    );
  process.exitCode = goals.every(isMet) ? 0 : 1;
} finally {
  child.kill();
}

const costs = await countTwoWayCosts();
for (const { mode, write, times, plus, readUnits } of costs)
  console.log(`${mode}, ${write}: ${times} x + ${plus}, ${readUnits} r`);
for (const mode of ['home', 'stamped'] as const)
  console.log(`${mode}, at 20/70/10: ${unitsOfMix(costs, mode).toFixed(3)} write units a write`);
