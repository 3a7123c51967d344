// What "switching" costs while nothing is being switched: records/s and processor time, against the same function
// without it. Each round brings the same batches in two fresh processes, one after the other, and the next round in the
// other order: two approaches in one process would share compiled code. `npm run bench:switching -- 15`

import type { ApproachName } from './approaches.ts';
import { foundText, type Goal, isMet, wantedText } from './goals.ts';
import { measure } from './processes.ts';
import { startStub } from './stub.ts';

const ROUNDS_DEFAULT = 15;
const SHAPE = { records: 10_000, keys: 10_000, bytes: 200, deleteShare: 0, oldImages: true };

const { endpoint, child } = await startStub(0);
try {
  const rounds = Array.from({ length: Number(process.argv[2] ?? ROUNDS_DEFAULT) });
  const found = rounds.map((_, round) => {
    const approaches: ApproachName[] = ['ferry', 'ferry, switching'];
    const [one, other] = round % 2 === 0 ? approaches : approaches.toReversed();
    const figures = [one, other].map((name) => perRecord(name as ApproachName));
    const [without, withIt] = round % 2 === 0 ? figures : figures.toReversed();
    const ratio = {
      speed: (without?.wallUs ?? 0) / (withIt?.wallUs ?? 0),
      cpu: (withIt?.cpuUs ?? 0) / (without?.cpuUs ?? 0),
    };
    console.error(
      `records/s ${ratio.speed.toFixed(3)} x, processor time ${ratio.cpu.toFixed(3)} x`,
    );
    return ratio;
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

function perRecord(approach: ApproachName) {
  const job = { approach, endpoint, shape: SHAPE, warmUps: 6, leastMs: 3_000 };
  const { records, wallMs, cpuUs } = measure(job);
  return { wallUs: (wallMs * 1000) / records, cpuUs: cpuUs / records };
}
