// Two approaches that bring the same batch in turn, in one process: prints the ratios of the second to the first, one
// for each pair of turns, as one line of JSON. What strikes the machine strikes both.

import { APPROACHES, type ApproachName } from './approaches.ts';
import { type BatchShape, makeBatch, type LambdaRecord } from './batches.ts';

export interface Pairing {
  readonly approaches: readonly [ApproachName, ApproachName];
  readonly endpoint: string;
  readonly shape: BatchShape;
  readonly warmUps: number;
  readonly pairs: number;
}

export interface Ratios {
  readonly wall: readonly number[];
  readonly cpu: readonly number[];
}

const { approaches, endpoint, shape, warmUps, pairs } = JSON.parse(
  process.argv[2] ?? '{}',
) as Pairing;
const [first, second] = approaches.map((name) => APPROACHES[name](endpoint)) as [Bring, Bring];
const batch = makeBatch(shape);
const [wall, cpu]: [number[], number[]] = [[], []];
for (let pair = -warmUps; pair < pairs; pair += 1) {
  // Whichever comes second may find another machine.
  const isTurned = pair % 2 !== 0;
  const early = await turn(isTurned ? second : first);
  const late = await turn(isTurned ? first : second);
  const [one, other] = isTurned ? [late, early] : [early, late];
  if (pair < 0) continue;
  wall.push(other.wallMs / one.wallMs);
  cpu.push(other.cpuUs / one.cpuUs);
}
const ratios: Ratios = { wall, cpu };
console.log(JSON.stringify(ratios));
process.exit(0);

type Bring = (records: readonly LambdaRecord[]) => Promise<unknown>;

async function turn(bring: Bring): Promise<{ wallMs: number; cpuUs: number }> {
  const [cpuBefore, startMs] = [process.cpuUsage(), performance.now()];
  await bring(batch);
  const wallMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wallMs, cpuUs: user + system };
}
