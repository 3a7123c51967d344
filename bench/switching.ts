// What "switching" costs while nothing is being switched: records/s and processor time, against the same function
// without it. Each round is a process in which both bring the same batch in turn. `npm run bench:switching -- 9`

import { foundText, type Goal, isMet, wantedText } from './goals.ts';
import { sideBySide } from './processes.ts';
import { median } from './results.ts';
import { startStub } from './stub.ts';

const ROUNDS_DEFAULT = 7;
const SHAPE = { records: 10_000, keys: 10_000, bytes: 200, deleteShare: 0, oldImages: true };

const rounds = Array.from({ length: Number(process.argv[2] ?? ROUNDS_DEFAULT) });
const { endpoint, child } = await startStub(0);
try {
  const found = rounds.map(() => {
    const approaches = ['ferry', 'ferry, switching'] as const;
    const { wall, cpu } = sideBySide({ approaches, endpoint, shape: SHAPE, warmUps: 4, pairs: 20 });
    const round = { speed: 1 / median(wall), cpu: median(cpu) };
    console.error(
      `records/s ${round.speed.toFixed(3)} x, processor time ${round.cpu.toFixed(3)} x`,
    );
    return round;
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
