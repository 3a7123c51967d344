// What "switching" costs while nothing is being switched: records/s and processor time, against the same function
// without it, one after the other in each round. `npm run bench:switching -- 9`

import type { ApproachName } from './approaches.ts';
import { foundText, type Goal, isMet, wantedText } from './goals.ts';
import type { Figures } from './measure.ts';
import { measure } from './processes.ts';
import { cpuPerRecord, perSecond } from './results.ts';
import { startStub } from './stub.ts';

const ROUNDS_DEFAULT = 9;
const MEASURED_MS_MIN = 3_000;
const SHAPE = { records: 10_000, keys: 10_000, bytes: 200, deleteShare: 0, oldImages: true };

const rounds = Array.from({ length: Number(process.argv[2] ?? ROUNDS_DEFAULT) });
const { endpoint, child } = await startStub(0);
try {
  const take = (approach: ApproachName): Figures =>
    measure({ approach, endpoint, shape: SHAPE, warmUps: 2, leastMs: MEASURED_MS_MIN });
  const found = rounds.map((_, round) => {
    // Whichever comes second may find another machine.
    const switchedFirst = round % 2 === 1 && take('ferry, switching');
    const plain = take('ferry');
    const switched = switchedFirst || take('ferry, switching');
    const [speed, cpu] = [
      perSecond(switched) / perSecond(plain),
      cpuPerRecord(switched) / cpuPerRecord(plain),
    ];
    console.error(`records/s ${speed.toFixed(3)} x, processor time ${cpu.toFixed(3)} x`);
    return { speed, cpu };
  });
  const goals: Goal[] = [
    {
      what: 'records/s, with "switching" against without',
      least: 0.97,
      figures: found.map(({ speed }) => speed),
    },
    {
      what: 'processor time per record, with "switching" against without',
      most: 1.03,
      figures: found.map(({ cpu }) => cpu),
    },
  ];
  for (const goal of goals)
    console.log(
      `${isMet(goal) ? 'met' : 'MISSED'}, ${wantedText(goal)}  ${goal.what}: ${foundText(goal)}`,
    );
  process.exitCode = goals.every(isMet) ? 0 : 1;
} finally {
  child.kill();
}
