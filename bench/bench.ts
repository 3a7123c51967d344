// `npm run bench`: our handler beside what people write themselves and beside the limit, in one run, in turn,
// against destinations with fixed round trips and against the embedded engine. Prints every goal with its
// figure, and writes bench/results.json. `--rounds 3 --backlog 1000000`

import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { ApproachName } from './approaches.ts';
import { coldStarts } from './cold-start.ts';
import { pinning } from './core-pinning.ts';
import { type Found, foundText, goalsOf, isMet, wantedText } from './goals.ts';
import type { Figures, Job } from './measure.ts';
import { catchUp, growth, measure } from './processes.ts';
import { cpuPerRecord, perSecond, type Result, RESULTS_FILE, short } from './results.ts';
import { type Scenario, SCENARIOS } from './scenarios.ts';
import { startStub, type Stub } from './stub.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    backlog: { type: 'string', default: '1000000' },
  },
});
const rounds = Array.from({ length: Number(values.rounds) }, (_, index) => index);
const startMs = performance.now();
const MEASURED_MS_MIN = 4_000;

function say(line: string): void {
  const passed = ((performance.now() - startMs) / 1000).toFixed(0);
  console.error(`${passed.padStart(5)} s  ${line}`);
}

const stubs = new Map<string, Stub>();

/** One for each round trip, and one that counts write units. */
async function stubOf(roundTripMs: number, countsUnits = false): Promise<Stub> {
  const name = `${roundTripMs} ${countsUnits}`;
  const stub = stubs.get(name) ?? (await startStub(roundTripMs, countsUnits));
  stubs.set(name, stub);
  return stub;
}

async function play({ name, roundTripMs, shape, approaches }: Scenario): Promise<Result[]> {
  const { endpoint } = await stubOf(roundTripMs);
  const results = approaches.map((approach) => ({
    scenario: name,
    approach,
    rounds: [] as Figures[],
  }));
  for (const round of rounds)
    for (const { approach, rounds: figures } of results) {
      const warmUps = warmUpsOf(approach, roundTripMs);
      const one = measure({ approach, endpoint, shape, warmUps, leastMs: MEASURED_MS_MIN });
      figures.push(one);
      say(
        `${name}, ${approach}, round ${round + 1}: ${short(perSecond(one))} records/s, ${short(cpuPerRecord(one))} us of processor, ${short(one.peakMiB)} MiB`,
      );
    }
  const counting = await stubOf(0, true);
  return results.map((result) => ({
    ...result,
    unitsPerRecord: unitsPerRecord({ ...result, endpoint: counting.endpoint, shape }),
  }));
}

/** From a run of its own; the same at every distance. */
function unitsPerRecord(counted: Pick<Job, 'approach' | 'endpoint' | 'shape'>): number {
  const { approach, endpoint, shape } = counted;
  const { records, writeUnits } = measure({ approach, endpoint, shape, warmUps: 0, leastMs: 0 });
  return writeUnits / records;
}

/** Nothing that waits for a distant place most of the time has to be warm. */
function warmUpsOf(approach: ApproachName, roundTripMs: number): number {
  if (approach === 'stock SDK, one after the other' || approach === 'ferry, never coalescing')
    return 0;
  if (approach === 'stock SDK, all at once' && roundTripMs > 0) return 0;
  return 2;
}

async function findAll(): Promise<Found> {
  const results: Result[] = [];
  for (const scenario of SCENARIOS) results.push(...(await play(scenario)));
  const near = await stubOf(0);
  say('cold starts');
  const starts = coldStarts(near.endpoint, rounds.length * 2);
  say('a million records through one process');
  const growths = rounds.map(() => growth(near));
  say(`a backlog of ${values.backlog} against the embedded engine`);
  return {
    results,
    coldStarts: starts,
    growth: growths,
    catchUp: await catchUp(Number(values.backlog)),
  };
}

try {
  const found = await findAll();
  const machine = `${cpus()[0]?.model ?? 'unknown processor'}; ${pinning}`;
  const file = { node: process.version, machine, backlog: Number(values.backlog), ...found };
  writeFileSync(RESULTS_FILE, `${JSON.stringify(file, null, 1)}\n`);
  for (const goal of goalsOf(found)) {
    console.log(
      `${isMet(goal) ? 'met   ' : 'MISSED'}  ${goal.what}: ${foundText(goal)}, wanted ${wantedText(goal)}`,
    );
  }
} finally {
  for (const { child } of stubs.values()) child.kill();
}
